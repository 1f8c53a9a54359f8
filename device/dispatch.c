#include "device/dispatch.h"

#include <string.h>

#include "device/session.h"
#include "wire/event.h"
#include "wire/message.h"
#include "wire/request.h"

enum {
    FIRST_RESPONSE = 0x40,
    FIRST_ERROR = 0x80,
    NOT_FOUND = 0x84,
    ANSWER_OVERHEAD = 6, /* header, one byte of token, payload marker */
};

static void note(const struct cyan_client *c, const char *text)
{
    if (c->config.port->log) {
        c->config.port->log(c->config.port->ctx, text);
    }
}

/* The codes of implementation A's table: empty, GET, POST, PUT, and the answer to its time
 * request. */
static bool in_table(uint8_t code)
{
    return code <= CYAN_COAP_PUT || code == CYAN_COAP_CONTENT;
}

static int reject(const struct cyan_client *c, const char *why)
{
    note(c, why);
    return c->config.profile->hangs_up_on_unknown ? CYAN_E_MALFORMED : 0;
}

static int acknowledge(struct cyan_client *c, uint16_t id, uint8_t code)
{
    struct cyan_writer w;
    struct cyan_coap_writer cw;
    cyan_channel_begin(&c->channel, &w);
    cyan_coap_begin(&cw, &w, CYAN_COAP_ACK, code, id, NULL, 0);
    return cyan_session_send_answer(c, &w);
}

int cyan_dispatch_hello(struct cyan_client *c, const uint8_t *data, size_t len)
{
    struct cyan_coap msg;
    if (cyan_coap_parse(data, len, &msg) < 0 ||
        (c->config.profile->hangs_up_on_unknown && !in_table(msg.code))) {
        return reject(c, "not a message of the cloud's while its Hello is due");
    }
    if (cyan_message_kind(&msg) != CYAN_MSG_HELLO) {
        return 0;
    }
    if (msg.type == CYAN_COAP_CON && c->config.profile->acks_hello) {
        int err = acknowledge(c, msg.id, CYAN_COAP_EMPTY);
        if (err < 0) {
            return err;
        }
    }
    c->heard_ms = cyan_session_now(c);
    return 1;
}

static int on_ping(struct cyan_client *c, const struct cyan_coap *msg)
{
    struct cyan_writer w;
    if (!c->config.profile->answers_own_id) {
        return acknowledge(c, msg->id, CYAN_COAP_EMPTY);
    }
    cyan_channel_begin(&c->channel, &w);
    cyan_ack_write(&w, cyan_session_next_id(c));
    return cyan_session_send_own(c, &w);
}

/* An acknowledgement, a reset, or a refusal without a token. */
static int on_ack(struct cyan_client *c, const struct cyan_coap *msg)
{
    for (size_t i = 0; i < CYAN_CLIENT_UNCONFIRMED; i++) {
        if (c->unconfirmed[i].used && c->unconfirmed[i].id == msg->id) {
            bool refused = msg->type == CYAN_COAP_RST || msg->code >= FIRST_ERROR;
            cyan_session_settle(c, i, refused ? CYAN_E_REFUSED : 0);
        }
    }
    return 0;
}

static int on_response(struct cyan_client *c, const struct cyan_coap *msg)
{
    const struct cyan_application *app = c->config.application;
    uint32_t seconds;
    if (msg->code != CYAN_COAP_CONTENT || !c->time_asked || msg->token_len != 1 ||
        msg->token[0] != c->time_token || cyan_time_answer_read(msg, &seconds) < 0) {
        note(c, "an answer that nobody asked for");
        return 0;
    }
    c->time_asked = false;
    if (app->on_time) {
        app->on_time(app->ctx, seconds);
    }
    return 0;
}

static int on_event(struct cyan_client *c, const struct cyan_coap *msg)
{
    const struct cyan_application *app = c->config.application;
    struct cyan_event event;
    if (msg->token_len > 0 && c->config.profile->misreads_event_token) {
        note(c, "an event with a token: its name is looked for in the wrong place");
        return 0;
    }
    if (cyan_event_read(msg, &event) < 0) {
        note(c, "an event that cannot be read");
        return 0;
    }
    if (app->on_event && cyan_application_wants(app, c->config.profile, event.name)) {
        app->on_event(app->ctx, &event);
    }
    return 0;
}

static int on_describe(struct cyan_client *c, const struct cyan_coap *msg, uint8_t parts)
{
    enum { PAYLOAD_MARKER = 0xFF };
    struct cyan_writer w;
    struct cyan_coap_writer cw;
    cyan_channel_begin(&c->channel, &w);
    cyan_coap_begin(&cw, &w, CYAN_COAP_ACK, CYAN_COAP_CONTENT, msg->id, msg->token, msg->token_len);
    /* The text goes straight behind its marker: it needs no buffer of its own. */
    cyan_write_u8(&w, PAYLOAD_MARKER);
    cyan_application_describe(&w, c->config.application, c->config.identity->platform_id, parts);
    return cyan_session_send_answer(c, &w);
}

static int on_variable(struct cyan_client *c, const struct cyan_coap *msg, const char *name)
{
    const struct cyan_variable *variable = cyan_application_variable(c->config.application, name);
    struct cyan_writer w;
    struct cyan_coap_writer cw;
    cyan_channel_begin(&c->channel, &w);
    if (variable) {
        size_t text_max = (size_t)c->config.profile->message_max - ANSWER_OVERHEAD;
        struct cyan_value value = cyan_variable_value(variable, text_max);
        cyan_value_answer_write(&w, msg, &value);
    } else {
        cyan_coap_begin(&cw, &w, CYAN_COAP_ACK, NOT_FOUND, msg->id, msg->token, msg->token_len);
    }
    return cyan_session_send_answer(c, &w);
}

/* Acknowledged first, since it may run for long; the result is a message of its own. A function
 * that is not there gets the acknowledgement and no result, as from stock firmware. */
static int on_function(struct cyan_client *c, const struct cyan_coap *msg,
                       const struct cyan_request *request)
{
    const struct cyan_application *app = c->config.application;
    const struct cyan_function *function = cyan_application_function(app, request->name);
    if (strlen(request->argument) > c->config.profile->argument_max) {
        return acknowledge(c, msg->id, CYAN_COAP_BAD_REQUEST);
    }
    int err = acknowledge(c, msg->id, CYAN_COAP_EMPTY);
    if (err < 0 || !function) {
        return err;
    }
    int32_t result = function->call(app->ctx, request->argument);
    struct cyan_writer w;
    cyan_channel_begin(&c->channel, &w);
    cyan_function_result_write(&w, cyan_session_next_id(c), msg->token[0], result);
    return cyan_session_send_own(c, &w);
}

static int on_signal(struct cyan_client *c, const struct cyan_coap *msg, bool on)
{
    struct cyan_coap answered = *msg;
    struct cyan_writer w;
    bool own_id = c->config.profile->answers_own_id;
    cyan_led_status_signal(&c->led, on);
    if (own_id) {
        answered.id = cyan_session_next_id(c);
    }
    cyan_channel_begin(&c->channel, &w);
    cyan_signal_answer_write(&w, &answered);
    return own_id ? cyan_session_send_own(c, &w) : cyan_session_send_answer(c, &w);
}

/* What asks for something has one byte of token: devices read at fixed places. */
static int on_request(struct cyan_client *c, const struct cyan_coap *msg, enum cyan_message kind)
{
    struct cyan_request request;
    if (msg->token_len != 1) {
        note(c, "a request without exactly one byte of token");
        return 0;
    }
    int err = cyan_request_read(msg, &request);
    if (err == CYAN_E_TOO_LONG && kind == CYAN_MSG_FUNCTION) {
        return acknowledge(c, msg->id, CYAN_COAP_BAD_REQUEST);
    }
    if (err < 0) {
        note(c, "a request that cannot be read");
        return 0;
    }
    switch (kind) {
    case CYAN_MSG_DESCRIBE:
        return on_describe(c, msg, request.parts);
    case CYAN_MSG_VARIABLE:
        return on_variable(c, msg, request.name);
    case CYAN_MSG_FUNCTION:
        return on_function(c, msg, &request);
    default:
        return on_signal(c, msg, request.on);
    }
}

static int dispatch_kind(struct cyan_client *c, const struct cyan_coap *msg)
{
    enum cyan_message kind = cyan_message_kind(msg);
    switch (kind) {
    case CYAN_MSG_PING:
        return on_ping(c, msg);
    case CYAN_MSG_ACK:
        return on_ack(c, msg);
    case CYAN_MSG_RESPONSE:
        return on_response(c, msg);
    case CYAN_MSG_EVENT:
        return on_event(c, msg);
    case CYAN_MSG_DESCRIBE:
    case CYAN_MSG_VARIABLE:
    case CYAN_MSG_FUNCTION:
    case CYAN_MSG_SIGNAL:
        return on_request(c, msg, kind);
    case CYAN_MSG_HELLO:
    case CYAN_MSG_KEY_CHANGE:
        return msg->type == CYAN_COAP_CON && c->config.profile->acks_hello
                   ? acknowledge(c, msg->id, CYAN_COAP_EMPTY)
                   : 0;
    case CYAN_MSG_UPDATE_BEGIN:
        return acknowledge(c, msg->id, CYAN_COAP_BAD_REQUEST);
    case CYAN_MSG_UPDATE_DONE:
    case CYAN_MSG_CHUNK:
        note(c, "a part of an update that is not under way");
        return 0;
    default:
        return reject(c, "a request of no known kind");
    }
}

int cyan_dispatch(struct cyan_client *c, const uint8_t *data, size_t len)
{
    struct cyan_coap msg;
    c->heard_ms = cyan_session_now(c);
    c->ping_unanswered = false;
    if (cyan_coap_parse(data, len, &msg) < 0) {
        note(c, "not a message");
        return CYAN_E_MALFORMED;
    }
    if (!in_table(msg.code) && msg.code < FIRST_RESPONSE) {
        return reject(c, "a request with no known code");
    }
    if (!in_table(msg.code) && c->config.profile->hangs_up_on_unknown) {
        return reject(c, "a code that this implementation does not know");
    }
    return dispatch_kind(c, &msg);
}
