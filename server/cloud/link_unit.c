/* The shard's side of the link: everything here runs on the shard's thread. A letter that finds
 * no memory is lost; the session or call that it belonged to ends by its time limit. */
#include "server/cloud/link_unit.h"

#include <string.h>

#include "server/actor/requests.h"
#include "server/cloud/letters.h"

static void *letter(struct link_unit *unit, enum letter kind, size_t len)
{
    return mail_put(&unit->shard.outbox, kind, len);
}

static void send_judge(void *arg, const struct session_question *question)
{
    struct letter_judge *body = letter(arg, LETTER_JUDGE, sizeof *body);
    if (body) {
        *body = (struct letter_judge){.serial = question->serial,
                                      .is_nobody = question->is_nobody,
                                      .claim = *question->claim};
        memcpy(body->address, question->address, sizeof body->address);
    }
}

static void send_proven(void *arg, const struct session_proof *proof)
{
    struct letter_proven *body = letter(arg, LETTER_PROVEN, sizeof *body);
    if (body) {
        *body = (struct letter_proven){.serial = proof->serial,
                                       .hello = *proof->hello,
                                       .claim = *proof->claim,
                                       .server_key = proof->server_key};
        memcpy(body->nonce, proof->nonce, sizeof body->nonce);
        memcpy(body->id, proof->id, sizeof body->id);
        memcpy(body->fingerprint, proof->fingerprint, sizeof body->fingerprint);
        memcpy(body->address, proof->address, sizeof body->address);
    }
}

/* Incidents can be spared when there is no end of them. */
static void send_failed(void *arg, const struct session_failure *failure)
{
    struct link_unit *unit = arg;
    if (mail_is_behind(&unit->shard.outbox)) {
        return;
    }
    struct letter_failed *body = letter(unit, LETTER_FAILED, sizeof *body);
    if (!body) {
        return;
    }
    *body = (struct letter_failed){.serial = failure->serial,
                                   .end = (uint8_t)failure->end,
                                   .stage = (uint8_t)failure->stage,
                                   .has_id = failure->id != NULL,
                                   .was_live = failure->was_live,
                                   .has_fingerprint = failure->fingerprint != NULL};
    if (failure->id) {
        memcpy(body->id, failure->id, sizeof body->id);
    }
    if (failure->fingerprint) {
        memcpy(body->fingerprint, failure->fingerprint, sizeof body->fingerprint);
    }
    memcpy(body->address, failure->address, sizeof body->address);
}

static void on_live(void *arg, struct session *session, const struct cyan_hello *hello,
                    uint32_t owner)
{
    struct link_unit *unit = arg;
    actors_live(&unit->actors, session, hello, owner);
}

static void on_held(void *arg, struct session *session, const struct cyan_hello *hello)
{
    struct link_unit *unit = arg;
    actors_held(&unit->actors, session, hello);
}

static void on_message(void *arg, struct session *session, const struct cyan_coap *msg)
{
    struct link_unit *unit = arg;
    actors_message(&unit->actors, session, msg);
}

static void on_ended(void *arg, struct session *session)
{
    struct link_unit *unit = arg;
    actors_ended(&unit->actors, session);
}

struct session_ops unit_session_ops(struct link_unit *unit)
{
    return (struct session_ops){.arg = unit,
                                .judge = send_judge,
                                .proven = send_proven,
                                .live = on_live,
                                .held = on_held,
                                .message = on_message,
                                .ended = on_ended,
                                .failed = send_failed};
}

static bool send_event(void *arg, const uint8_t id[static CYAN_ID_LEN], uint32_t owner,
                       const struct cyan_event *event)
{
    struct link_unit *unit = arg;
    size_t name_len = strlen(event->name);
    if (mail_is_behind(&unit->shard.outbox)) {
        return false;
    }
    struct letter_event *body =
        letter(unit, LETTER_EVENT, sizeof *body + name_len + 1 + event->data_len);
    if (!body) {
        return false;
    }
    *body = (struct letter_event){.owner = owner,
                                  .ttl = event->ttl,
                                  .name_len = (uint16_t)name_len,
                                  .data_len = (uint16_t)event->data_len,
                                  .is_private = event->is_private,
                                  .about_device = true};
    memcpy(body->id, id, sizeof body->id);
    memcpy(body + 1, event->name, name_len + 1);
    if (event->data_len > 0) {
        memcpy((char *)(body + 1) + name_len + 1, event->data, event->data_len);
    }
    return true;
}

static bool send_held_event(void *arg, uint64_t serial, const uint8_t id[static CYAN_ID_LEN],
                            const struct cyan_event *event)
{
    struct link_unit *unit = arg;
    size_t name_len = strlen(event->name);
    if (mail_is_behind(&unit->shard.outbox)) {
        return false;
    }
    struct letter_held_event *body =
        letter(unit, LETTER_HELD_EVENT, sizeof *body + name_len + 1 + event->data_len);
    if (!body) {
        return false;
    }
    *body = (struct letter_held_event){
        .serial = serial, .name_len = (uint16_t)name_len, .data_len = (uint16_t)event->data_len};
    memcpy(body->id, id, sizeof body->id);
    memcpy(body + 1, event->name, name_len + 1);
    if (event->data_len > 0) {
        memcpy((char *)(body + 1) + name_len + 1, event->data, event->data_len);
    }
    return true;
}

static void send_heard(void *arg, const uint8_t id[static CYAN_ID_LEN])
{
    struct letter_heard *body = letter(arg, LETTER_HEARD, sizeof *body);
    if (body) {
        memcpy(body->id, id, sizeof body->id);
    }
}

static void send_reply(void *arg, uint64_t call, const struct actor_reply *reply)
{
    struct letter_reply *body = letter(arg, LETTER_REPLY, sizeof *body + reply->len);
    if (!body) {
        return;
    }
    *body = (struct letter_reply){.call = call,
                                  .status = reply->status,
                                  .result = reply->result,
                                  .type = reply->type,
                                  .len = (uint32_t)reply->len};
    if (reply->len > 0) {
        memcpy(body + 1, reply->bytes, reply->len);
    }
}

static void send_subscribed(void *arg)
{
    (void)letter(arg, LETTER_SUBSCRIBED, 0);
}

static void send_gone(void *arg, const uint8_t id[static CYAN_ID_LEN], uint64_t serial)
{
    struct letter_gone *body = letter(arg, LETTER_GONE, sizeof *body);
    if (body) {
        body->serial = serial;
        memcpy(body->id, id, sizeof body->id);
    }
}

struct actor_ops unit_actor_ops(struct link_unit *unit)
{
    return (struct actor_ops){.arg = unit,
                              .event = send_event,
                              .held_event = send_held_event,
                              .heard = send_heard,
                              .reply = send_reply,
                              .subscribed = send_subscribed,
                              .gone = send_gone};
}

static void on_judged(struct link_unit *unit, const struct letter_judged *body)
{
    session_judged(&unit->sessions, body->serial, (enum session_verdict)body->verdict,
                   body->modulus, body->fingerprint);
}

/* The hub counts the device as full or held since it wrote this, so it must hear when it is not;
 * of a session that had begun, its end tells. */
static void tell_unless_begun(struct link_unit *unit, uint64_t serial,
                              const uint8_t id[static CYAN_ID_LEN])
{
    const struct session *session = sessions_find(&unit->sessions, serial);
    if (!session || !session->live) {
        send_gone(unit, id, serial);
    }
}

static void on_admitted(struct link_unit *unit, const struct letter_admitted *body)
{
    session_admitted(&unit->sessions, body->serial, (enum session_verdict)body->verdict,
                     body->owner);
    if (body->verdict != SESSION_REFUSE) {
        tell_unless_begun(unit, body->serial, body->id);
    }
}

static void on_promote(struct link_unit *unit, const struct letter_promote *body)
{
    struct session *session = sessions_find(&unit->sessions, body->serial);
    if (session && session->state == SESSION_LIVE && session->held) {
        actors_promote(&unit->actors, session, body->owner);
    }
    if (session && session->state == SESSION_LIVE && !session->held) {
        struct letter_gone *told = letter(unit, LETTER_PROMOTED, sizeof *told);
        if (told) {
            told->serial = body->serial;
            memcpy(told->id, body->id, sizeof told->id);
        }
    }
    tell_unless_begun(unit, body->serial, body->id);
}

static void on_owner(struct link_unit *unit, const struct letter_owner *body)
{
    struct actor *actor = actors_find(&unit->actors, body->id);
    if (actor) {
        actors_owner(&unit->actors, actor, body->owner);
    }
}

static void on_close(struct link_unit *unit, const struct letter_close *body)
{
    struct session *session = sessions_find(&unit->sessions, body->serial);
    if (session) {
        session_close(session, (enum session_end)body->why);
    }
}

/* The full session of a device, or the one of a serial: held, or full by now. NULL: gone. */
static struct actor *find_called(struct link_unit *unit, const struct letter_call *body)
{
    if (body->serial == 0) {
        return actors_find(&unit->actors, body->id);
    }
    const struct session *session = sessions_find(&unit->sessions, body->serial);
    return session ? session->user : NULL;
}

static void on_call(struct link_unit *unit, const struct letter_call *body)
{
    const char *name = (const char *)(body + 1);
    const char *argument = name + body->name_len + 1;
    struct actor *actor = find_called(unit, body);
    if (actor && actor->session->state == SESSION_LIVE) {
        requests_start(&unit->actors, actor, body->call, (enum request_kind)body->kind, name,
                       argument, body->on);
    } else {
        struct actor_reply reply = {.status = CYAN_E_OFFLINE};
        send_reply(unit, body->call, &reply);
    }
}

static void on_event(struct link_unit *unit, const struct letter_event *body)
{
    const char *name = (const char *)(body + 1);
    struct cyan_event event = {.data = (const uint8_t *)name + body->name_len + 1,
                               .data_len = body->data_len,
                               .ttl = body->ttl,
                               .is_private = body->is_private};
    memcpy(event.name, name, (size_t)body->name_len + 1);
    actors_deliver(&unit->actors, body->about_device ? body->id : NULL, body->owner, &event);
}

void unit_receive(void *arg, uint32_t kind, const void *body, size_t len)
{
    struct link_unit *unit = arg;
    (void)len;
    switch (kind) {
    case LETTER_JUDGED:
        on_judged(unit, body);
        break;
    case LETTER_ADMITTED:
        on_admitted(unit, body);
        break;
    case LETTER_CLOSE:
        on_close(unit, body);
        break;
    case LETTER_PROMOTE:
        on_promote(unit, body);
        break;
    case LETTER_OWNER:
        on_owner(unit, body);
        break;
    case LETTER_CALL:
        on_call(unit, body);
        break;
    case LETTER_EVENT:
        on_event(unit, body);
        break;
    case LETTER_STOP:
        sessions_stop(&unit->sessions);
        shard_close(&unit->shard);
        break;
    default:
        break;
    }
}
