#include "device/machine.h"

#include "base/secret.h"
#include "device/backoff.h"
#include "device/dispatch.h"
#include "device/session.h"
#include "wire/handshake.h"
#include "wire/keyblob.h"

uint32_t cyan_machine_state_ms(const struct cyan_client *c)
{
    return cyan_session_now(c) - c->state_since_ms;
}

static enum cyan_led_state led_of(enum cyan_client_state state)
{
    switch (state) {
    case CYAN_CLIENT_WAITING:
    case CYAN_CLIENT_CONNECTING:
        return CYAN_LED_CLOUD_CONNECTING;
    case CYAN_CLIENT_NONCE:
    case CYAN_CLIENT_ANSWER:
    case CYAN_CLIENT_HELLO:
        return CYAN_LED_CLOUD_HANDSHAKE;
    case CYAN_CLIENT_CONNECTED:
        return CYAN_LED_CLOUD_CONNECTED;
    default:
        return CYAN_LED_WIFI_CONNECTED;
    }
}

void cyan_machine_enter(struct cyan_client *c, enum cyan_client_state state,
                        const struct cyan_client_end *end)
{
    const struct cyan_application *app = c->config.application;
    c->state = state;
    c->state_since_ms = cyan_session_now(c);
    cyan_led_status_set(&c->led, led_of(state));
    if (app->on_state) {
        app->on_state(app->ctx, state, end);
    }
}

static void hang_up(struct cyan_client *c)
{
    c->config.port->close(c->config.port->ctx);
    cyan_channel_reset(&c->channel);
    cyan_led_status_signal(&c->led, false);
}

static struct cyan_client_end end_of(const struct cyan_client *c, enum cyan_step step, int err)
{
    return (struct cyan_client_end){
        .code = c->config.profile->code(step, err), .step = step, .err = err};
}

/* The next try comes after a pause that counts from now. */
static void wait_for_retry(struct cyan_client *c, const struct cyan_client_end *end)
{
    hang_up(c);
    if (c->failures < UINT8_MAX) {
        c->failures++;
    }
    c->retry_ms = cyan_backoff_ms(c->failures);
    cyan_machine_enter(c, CYAN_CLIENT_WAITING, end);
}

static void fail_connect(struct cyan_client *c, int err)
{
    struct cyan_client_end end = end_of(c, CYAN_STEP_CONNECT, err);
    cyan_led_status_error(&c->led, CYAN_LED_NO_CLOUD, cyan_session_now(c));
    wait_for_retry(c, &end);
}

static void fail_handshake(struct cyan_client *c, enum cyan_step step, int err)
{
    const struct cyan_application *app = c->config.application;
    struct cyan_client_end end = end_of(c, step, err);
    cyan_led_status_error(&c->led, cyan_led_of_handshake_code(end.code), cyan_session_now(c));
    if (app->on_handshake) {
        app->on_handshake(app->ctx, &end);
    }
    wait_for_retry(c, &end);
}

/* A session that once stood is sought again at once. */
static void lose_session(struct cyan_client *c, enum cyan_step step, int err)
{
    struct cyan_client_end end = end_of(c, step, err);
    hang_up(c);
    cyan_session_end(c);
    c->retry_ms = 0;
    cyan_machine_enter(c, CYAN_CLIENT_WAITING, &end);
}

static void succeed(struct cyan_client *c)
{
    const struct cyan_application *app = c->config.application;
    const struct cyan_client_end end = {.code = 0, .step = CYAN_STEP_HELLO};
    c->failures = 0;
    if (app->on_handshake) {
        app->on_handshake(app->ctx, &end);
    }
    cyan_machine_enter(c, CYAN_CLIENT_CONNECTED, NULL);
}

void cyan_machine_stopped(struct cyan_client *c)
{
    hang_up(c);
    cyan_session_end(c);
    cyan_machine_enter(c, CYAN_CLIENT_STOPPED, NULL);
}

static bool advance_waiting(struct cyan_client *c)
{
    if (cyan_machine_state_ms(c) < c->retry_ms) {
        return false;
    }
    cyan_machine_enter(c, CYAN_CLIENT_CONNECTING, NULL);
    return true;
}

static bool advance_connecting(struct cyan_client *c)
{
    const struct cyan_port *port = c->config.port;
    const struct cyan_address *address = c->config.identity->address;
    int err = address ? port->connect(port->ctx, address) : CYAN_E_NOT_FOUND;
    if (err == CYAN_E_AGAIN && cyan_machine_state_ms(c) < CYAN_CONNECT_MS) {
        return false;
    }
    if (err < 0) {
        fail_connect(c, err == CYAN_E_AGAIN ? CYAN_E_TIMEOUT : err);
    } else {
        cyan_machine_enter(c, CYAN_CLIENT_NONCE, NULL);
    }
    return true;
}

static int send_request(struct cyan_client *c)
{
    const struct cyan_identity *identity = c->config.identity;
    uint8_t spki[CYAN_DEVICE_SPKI_LEN];
    uint8_t request[CYAN_REQUEST_LEN];
    cyan_keyblob_spki(identity->device_key, spki);
    int err = cyan_handshake_request(
        c->config.crypto, identity->server_key + CYAN_SERVER_SPKI_MODULUS, c->channel.in,
        identity->id, identity->short_handshake ? NULL : spki, request);
    cyan_channel_drop(&c->channel);
    if (err == 0) {
        c->send_since_ms = cyan_session_now(c);
        err = cyan_channel_put(&c->channel, request, sizeof request);
    }
    return err;
}

static bool advance_nonce(struct cyan_client *c)
{
    int err = cyan_channel_take(&c->channel, CYAN_NONCE_LEN);
    if (err == CYAN_E_AGAIN && cyan_machine_state_ms(c) < CYAN_HANDSHAKE_MS) {
        return false;
    }
    if (err < 0) {
        fail_handshake(c, CYAN_STEP_NONCE, err == CYAN_E_AGAIN ? CYAN_E_TIMEOUT : err);
        return true;
    }
    err = send_request(c);
    if (err < 0) {
        fail_handshake(c, CYAN_STEP_REQUEST, err);
    } else {
        cyan_machine_enter(c, CYAN_CLIENT_ANSWER, NULL);
    }
    return true;
}

/* From the answer's bytes to the session's keys. */
static int open_answer(struct cyan_client *c)
{
    const struct cyan_identity *identity = c->config.identity;
    uint8_t credentials[CYAN_CREDENTIALS_LEN];
    struct cyan_rsa_crt crt;
    cyan_keyblob_crt(identity->device_key, &crt);
    int err = cyan_handshake_accept(c->config.crypto, &crt,
                                    identity->server_key + CYAN_SERVER_SPKI_MODULUS, c->channel.in,
                                    credentials);
    cyan_channel_drop(&c->channel);
    if (err == 0) {
        cyan_channel_set_keys(&c->channel, credentials);
        cyan_session_begin(c, credentials + CYAN_SALT_OFFSET);
        cyan_wipe(credentials, sizeof credentials);
    }
    return err;
}

static bool advance_answer(struct cyan_client *c)
{
    int err = cyan_channel_take(&c->channel, CYAN_ANSWER_LEN);
    if (err == CYAN_E_AGAIN && cyan_machine_state_ms(c) < CYAN_HANDSHAKE_MS) {
        return false;
    }
    if (err == 0) {
        err = open_answer(c);
    } else if (err == CYAN_E_AGAIN) {
        err = CYAN_E_TIMEOUT;
    }
    if (err < 0) {
        fail_handshake(c, CYAN_STEP_ANSWER, err);
        return true;
    }
    err = cyan_session_hello(c);
    if (err < 0) {
        fail_handshake(c, CYAN_STEP_SEND, err);
    } else {
        cyan_machine_enter(c, CYAN_CLIENT_HELLO, NULL);
    }
    return true;
}

static bool advance_hello(struct cyan_client *c)
{
    const uint8_t *message;
    size_t len;
    int err = cyan_channel_receive(&c->channel, &message, &len);
    if (err == 0) {
        err = cyan_dispatch_hello(c, message, len);
    } else if (err == CYAN_E_PADDING && !c->config.profile->hangs_up_on_unknown) {
        err = 0; /* rubbish is passed over, and the wait goes on */
    }
    if (err > 0) {
        succeed(c);
        return true;
    }
    if ((err == 0 || err == CYAN_E_AGAIN) &&
        cyan_machine_state_ms(c) < c->config.profile->hello_wait_ms) {
        return err == 0;
    }
    fail_handshake(c, CYAN_STEP_HELLO, err == 0 || err == CYAN_E_AGAIN ? CYAN_E_TIMEOUT : err);
    return true;
}

static bool advance_connected(struct cyan_client *c)
{
    const uint8_t *message;
    size_t len;
    cyan_session_greet(c);
    int err = CYAN_E_AGAIN;
    if (cyan_channel_has_room(&c->channel)) {
        err = cyan_channel_receive(&c->channel, &message, &len);
    }
    if (err == 0) {
        err = cyan_dispatch(c, message, len);
    }
    bool idle = err == CYAN_E_AGAIN;
    if (idle) {
        err = cyan_session_keep_alive(c);
    }
    if (err < 0) {
        lose_session(c, CYAN_STEP_SESSION, err);
        return true;
    }
    return !idle;
}

/* The last bytes go out, then the cloud's end of the connection is awaited. */
static bool advance_stopping(struct cyan_client *c)
{
    const struct cyan_port *port = c->config.port;
    if (c->channel.out_len == 0 && !c->finished) {
        port->finish(port->ctx);
        c->finished = true;
    }
    int got = port->recv(port->ctx, c->channel.in, sizeof c->channel.in);
    if (got > 0) {
        return true;
    }
    if ((got < 0 && got != CYAN_E_AGAIN) || cyan_machine_state_ms(c) >= CYAN_STOP_MS) {
        cyan_machine_stopped(c);
    }
    return false;
}

/* One step; false when there is nothing more to do now. */
bool cyan_machine_advance(struct cyan_client *c)
{
    switch (c->state) {
    case CYAN_CLIENT_STOPPED:
        return false;
    case CYAN_CLIENT_WAITING:
        return advance_waiting(c);
    case CYAN_CLIENT_CONNECTING:
        return advance_connecting(c);
    case CYAN_CLIENT_NONCE:
        return advance_nonce(c);
    case CYAN_CLIENT_ANSWER:
        return advance_answer(c);
    case CYAN_CLIENT_HELLO:
        return advance_hello(c);
    case CYAN_CLIENT_CONNECTED:
        return advance_connected(c);
    case CYAN_CLIENT_STOPPING:
        return advance_stopping(c);
    }
    return false;
}

/* An error while the request goes out is passed over: the receiving that follows meets it too,
 * and real devices tell it from there. */
void cyan_machine_fail_sending(struct cyan_client *c, int err)
{
    switch (c->state) {
    case CYAN_CLIENT_HELLO:
        fail_handshake(c, CYAN_STEP_SEND, err);
        break;
    case CYAN_CLIENT_CONNECTED:
        lose_session(c, CYAN_STEP_SEND, err);
        break;
    case CYAN_CLIENT_STOPPING:
        cyan_machine_stopped(c);
        break;
    default:
        c->channel.out_len = 0;
        break;
    }
}
