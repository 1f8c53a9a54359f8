#include "server/actor/requests.h"

#include <stdlib.h>
#include <string.h>

#include "server/actor/description.h"
#include "wire/message.h"

struct actor_request {
    struct actor_request *next, **at; /* in its actor's list */
    struct wheel_timer timer;
    struct actors *actors;
    struct actor *actor;
    uint64_t call; /* 0: our own, for a description that others wait for */
    enum request_kind kind;
    enum cyan_value_type type; /* of a variable that was sent */
    uint16_t message_id;
    uint8_t token;
    bool sent; /* else it waits for the description */
    bool on;
    char name[CYAN_NAME_MAX + 1];
    char argument[];
};

enum { OLD_ARGUMENT_MAX = 63 }; /* of implementation A */

static struct wheel *wheel_of(struct actors *actors)
{
    return &actors->shard->wheel;
}

static void unlink_request(struct actor *actor, struct actor_request *request)
{
    struct actor_request **at = &actor->requests;
    while (*at != request) {
        at = &(*at)->next;
    }
    *at = request->next;
    actor->request_count = (uint8_t)(actor->request_count - (request->call != 0));
}

/* Answers and forgets a request; it must be in its actor's list. */
static void finish(struct actor_request *request, const struct actor_reply *reply)
{
    struct actors *actors = request->actors;
    wheel_stop(wheel_of(actors), &request->timer);
    unlink_request(request->actor, request);
    if (request->call != 0) {
        actors->ops.reply(actors->ops.arg, request->call, reply);
    }
    free(request);
}

static void finish_with(struct actor_request *request, int status)
{
    struct actor_reply reply = {.status = status};
    finish(request, &reply);
}

/* Without a description those that wait for it cannot go on. */
static void fail_waiting(struct actor *actor, int status)
{
    struct actor_request *next;
    for (struct actor_request *request = actor->requests; request; request = next) {
        next = request->next;
        if (!request->sent) {
            finish_with(request, status);
        }
    }
}

static void on_request_time(struct wheel_timer *timer)
{
    struct actor_request *request =
        (struct actor_request *)((char *)timer - offsetof(struct actor_request, timer));
    struct actor *actor = request->actor;
    bool others_wait = request->kind == REQUEST_DESCRIBE && request->call == 0;
    finish_with(request, CYAN_E_TIMEOUT);
    if (others_wait) {
        fail_waiting(actor, CYAN_E_TIMEOUT);
    }
}

static struct actor_request *find_token(struct actor *actor, uint8_t token)
{
    struct actor_request *request = actor->requests;
    while (request && !(request->sent && request->token == token)) {
        request = request->next;
    }
    return request;
}

static uint8_t new_token(struct actor *actor)
{
    do {
        actor->next_token++;
    } while (find_token(actor, actor->next_token));
    return actor->next_token;
}

static void write_request(const struct actor_request *request, struct cyan_writer *w)
{
    uint16_t id = request->message_id;
    switch (request->kind) {
    case REQUEST_DESCRIBE:
        cyan_describe_write(w, id, request->token, request->actor->is_b ? CYAN_DESCRIBE_ALL : 0);
        break;
    case REQUEST_VARIABLE:
        cyan_variable_write(w, id, request->token, request->name);
        break;
    case REQUEST_FUNCTION:
        cyan_function_write(w, id, request->token, request->name, request->argument);
        break;
    case REQUEST_SIGNAL:
        cyan_signal_write(w, id, request->token, request->on);
        break;
    case REQUEST_PING:
        cyan_ping_write(w, id);
        break;
    case REQUEST_RESET:
        break; /* an event, which waits for no answer: send_reset */
    }
}

static void send_request(struct actor_request *request)
{
    struct actor *actor = request->actor;
    request->token = new_token(actor);
    request->message_id = session_new_id(actor->session);
    request->sent = true;
    write_request(request, session_begin(actor->session));
    int err = session_send(actor->session);
    if (err < 0) {
        finish_with(request, err == CYAN_E_TOO_LONG ? CYAN_E_TOO_LONG : CYAN_E_OFFLINE);
    }
}

static struct actor_request *add_request(struct actors *actors, struct actor *actor, uint64_t call,
                                         enum request_kind kind, const char *argument)
{
    size_t len = strlen(argument) + 1;
    struct actor_request *request = calloc(1, sizeof *request + len);
    if (!request) {
        return NULL;
    }
    request->actors = actors;
    request->actor = actor;
    request->call = call;
    request->kind = kind;
    memcpy(request->argument, argument, len);
    request->next = actor->requests;
    request->at = &actor->requests;
    if (request->next) {
        request->next->at = &request->next;
    }
    actor->requests = request;
    actor->request_count = (uint8_t)(actor->request_count + (call != 0));
    wheel_start(wheel_of(actors), &request->timer, ACTOR_REQUEST_MS, on_request_time);
    return request;
}

/* Goes on with a request now that the description is there. */
static void resolve(struct actor_request *request)
{
    struct actor *actor = request->actor;
    const struct actor_description *description = actor->description;
    description_used(actor);
    if (request->kind == REQUEST_DESCRIBE) {
        struct actor_reply reply = {.bytes = description_text(description),
                                    .len = description_len(description)};
        finish(request, &reply);
        return;
    }
    if (request->kind == REQUEST_VARIABLE) {
        request->type = description_variable(description, request->name);
        if (request->type == 0) {
            finish_with(request, CYAN_E_NOT_FOUND);
            return;
        }
    } else if (!description_function(description, request->name)) {
        finish_with(request, CYAN_E_NOT_FOUND);
        return;
    } else if (!actor->is_b && strlen(request->argument) > OLD_ARGUMENT_MAX) {
        finish_with(request, CYAN_E_TOO_LONG);
        return;
    }
    send_request(request);
}

/* Asks for the description unless somebody did already. */
static void want_description(struct actors *actors, struct actor *actor)
{
    for (const struct actor_request *r = actor->requests; r; r = r->next) {
        if (r->kind == REQUEST_DESCRIBE && r->sent) {
            return;
        }
    }
    struct actor_request *own = add_request(actors, actor, 0, REQUEST_DESCRIBE, "");
    if (own) {
        send_request(own);
    } else {
        fail_waiting(actor, CYAN_E_NO_MEMORY);
    }
}

/* Gives 0 when it is on its way. */
static int send_reset(struct actor *actor, const char *argument)
{
    static const char *const known[] = {"reboot", "safe mode", "dfu"};
    struct cyan_event event = {.name = "spark/device/reset",
                               .data = (const uint8_t *)argument,
                               .data_len = strlen(argument),
                               .ttl = CYAN_EVENT_TTL_DEFAULT,
                               .is_private = true};
    bool is_known = false;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        is_known |= strcmp(argument, known[i]) == 0;
    }
    if (!is_known) {
        return CYAN_E_INVALID;
    }
    cyan_event_write(session_begin(actor->session), CYAN_COAP_NON, session_new_id(actor->session),
                     &event);
    return session_send(actor->session) < 0 ? CYAN_E_OFFLINE : 0;
}

void requests_start(struct actors *actors, struct actor *actor, uint64_t call,
                    enum request_kind kind, const char *name, const char *argument, bool on)
{
    struct actor_reply reply = {.status = CYAN_E_FULL};
    if (actor->held && (kind == REQUEST_VARIABLE || kind == REQUEST_FUNCTION)) {
        reply.status = CYAN_E_OFFLINE;
        actors->ops.reply(actors->ops.arg, call, &reply);
        return;
    }
    if (kind == REQUEST_RESET) {
        reply.status = send_reset(actor, argument);
        actors->ops.reply(actors->ops.arg, call, &reply);
        return;
    }
    if (actor->request_count >= ACTOR_REQUESTS_MAX) {
        actors->ops.reply(actors->ops.arg, call, &reply);
        return;
    }
    struct actor_request *request = add_request(actors, actor, call, kind, argument);
    if (!request) {
        reply.status = CYAN_E_NO_MEMORY;
        actors->ops.reply(actors->ops.arg, call, &reply);
        return;
    }
    size_t len = strnlen(name, sizeof request->name - 1);
    memcpy(request->name, name, len);
    request->on = on;
    if (kind == REQUEST_SIGNAL || kind == REQUEST_PING) {
        send_request(request);
    } else if (actor->description) {
        resolve(request);
    } else {
        want_description(actors, actor);
    }
}

static void description_came(struct actors *actors, struct actor *actor,
                             const struct cyan_coap *msg)
{
    int err = msg->code == CYAN_COAP_CONTENT
                  ? description_keep(actors, actor, msg->payload, msg->payload_len)
                  : CYAN_E_REFUSED;
    if (err < 0) {
        fail_waiting(actor, err);
        return;
    }
    struct actor_request *next;
    for (struct actor_request *request = actor->requests; request; request = next) {
        next = request->next;
        if (!request->sent) {
            resolve(request);
        }
    }
}

static void answer_came(struct actor_request *request, const struct cyan_coap *msg)
{
    enum { FIRST_ERROR = 0x80 };
    struct actor_reply reply = {.type = request->type};
    if (msg->code >= FIRST_ERROR) {
        reply.status = request->kind == REQUEST_FUNCTION ? CYAN_E_TOO_LONG : CYAN_E_REFUSED;
    } else if (request->kind == REQUEST_FUNCTION) {
        reply.status = cyan_function_result_read(msg, &reply.result);
    } else {
        reply.bytes = msg->payload;
        reply.len = msg->payload_len;
    }
    finish(request, &reply);
}

void requests_response(struct actors *actors, struct actor *actor, const struct cyan_coap *msg)
{
    if (msg->type == CYAN_COAP_CON) {
        cyan_ack_write(session_begin(actor->session), msg->id);
        (void)session_send(actor->session);
    }
    struct actor_request *request = msg->token_len == 1 ? find_token(actor, msg->token[0]) : NULL;
    if (!request) {
        return;
    }
    if (request->kind == REQUEST_DESCRIBE) {
        description_came(actors, actor, msg);
        finish_with(request, 0);
    } else {
        answer_came(request, msg);
    }
}

/* An acknowledgement with an error code refuses the request with its id. An empty one only says
 * that a function was heard; but firmware answers a ping under an id of its own, so one that
 * belongs to no request answers the oldest ping. */
void requests_ack(struct actors *actors, struct actor *actor, const struct cyan_coap *msg)
{
    struct actor_request *ping = NULL;
    (void)actors;
    for (struct actor_request *r = actor->requests; r; r = r->next) {
        if (r->sent && r->message_id == msg->id && r->kind != REQUEST_PING) {
            if (msg->code != CYAN_COAP_EMPTY) {
                answer_came(r, msg);
            }
            return;
        }
        if (r->kind == REQUEST_PING) {
            ping = r;
        }
    }
    if (ping) {
        finish_with(ping, 0);
    }
}

void requests_end(struct actors *actors, struct actor *actor)
{
    (void)actors;
    struct actor_request *next;
    for (struct actor_request *request = actor->requests; request; request = next) {
        next = request->next;
        finish_with(request, CYAN_E_OFFLINE);
    }
    description_drop(actor);
}
