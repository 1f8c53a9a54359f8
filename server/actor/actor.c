#include "server/actor/actor.h"

#include <stdlib.h>
#include <string.h>

#include "server/actor/held.h"
#include "server/actor/names.h"
#include "server/actor/requests.h"
#include "server/actor/subscriptions.h"
#include "server/net/log.h"
#include "wire/message.h"

static struct actor *actor_of_node(struct table_node *node)
{
    return (struct actor *)((char *)node - offsetof(struct actor, by_id));
}

int actors_init(struct actors *actors, struct shard *shard, const struct cyan_crypto *crypto,
                const struct actor_ops *ops)
{
    uint64_t seed = 0;
    memset(actors, 0, sizeof *actors);
    actors->shard = shard;
    actors->ops = *ops;
    int err = crypto->random(crypto->ctx, (uint8_t *)&seed, sizeof seed);
    table_init(&actors->table, CYAN_ID_LEN,
               (ptrdiff_t)offsetof(struct actor, id) - (ptrdiff_t)offsetof(struct actor, by_id),
               seed);
    return err;
}

void actors_done(struct actors *actors)
{
    table_done(&actors->table);
}

struct actor *actors_find(struct actors *actors, const uint8_t id[static CYAN_ID_LEN])
{
    struct table_node *node = table_find(&actors->table, id);
    return node ? actor_of_node(node) : NULL;
}

/* NULL: no memory; the session is closed. */
static struct actor *create(struct session *session, const struct cyan_hello *hello)
{
    struct actor *actor = calloc(1, sizeof *actor);
    if (!actor) {
        session_close(session, SESSION_END_INTERNAL);
        return NULL;
    }
    actor->session = session;
    memcpy(actor->id, session->id, sizeof actor->id);
    actor->is_b = hello->extended || (hello->flags & CYAN_HELLO_DIAGNOSTICS) != 0;
    actor->told_ms = session->heard_ms;
    session->user = actor;
    return actor;
}

/* From now on it is the one of its id; an older one ends. */
static void enter(struct actors *actors, struct actor *actor, uint32_t owner)
{
    struct actor *older = actors_find(actors, actor->id);
    if (older) {
        table_remove(&actors->table, &older->by_id);
        session_close(older->session, SESSION_END_DISPLACED);
    }
    actor->owner = owner;
    if (table_insert(&actors->table, &actor->by_id) < 0) {
        session_close(actor->session, SESSION_END_INTERNAL);
    }
}

void actors_live(void *arg, struct session *session, const struct cyan_hello *hello, uint32_t owner)
{
    struct actor *actor = create(session, hello);
    if (actor) {
        enter(arg, actor, owner);
    }
}

void actors_held(void *arg, struct session *session, const struct cyan_hello *hello)
{
    struct actor *actor = create(session, hello);
    (void)arg;
    if (actor && held_start(actor) < 0) {
        session_close(session, SESSION_END_INTERNAL);
    }
}

void actors_promote(struct actors *actors, struct session *session, uint32_t owner)
{
    struct actor *actor = session->user;
    if (held_release(actors, actor, owner) < 0) {
        session_close(session, SESSION_END_PROMOTED);
        return;
    }
    session_promoted(session);
    enter(actors, actor, owner);
    subscriptions_go_live(actors, actor);
}

void actors_owner(struct actors *actors, struct actor *actor, uint32_t owner)
{
    actor->owner = owner;
    subscriptions_go_live(actors, actor);
}

void actors_ended(void *arg, struct session *session)
{
    struct actors *actors = arg;
    struct actor *actor = session->user;
    actors->ops.gone(actors->ops.arg, session->id, session->serial);
    if (!actor) {
        return;
    }
    requests_end(actors, actor);
    held_end(actor);
    subscriptions_clear(actors, actor);
    table_remove(&actors->table, &actor->by_id);
    free(actor);
}

static void acknowledge(struct actor *actor, const struct cyan_coap *msg)
{
    if (msg->type == CYAN_COAP_CON) {
        cyan_ack_write(session_begin(actor->session), msg->id);
        (void)session_send(actor->session);
    }
}

static void drop(struct actors *actors, struct actor *actor)
{
    actors->dropped_events++;
    actor->dropped_events++;
}

/* Names under cyan/ are the cloud's own but for two. */
static bool take_event(struct actors *actors, struct actor *actor, const struct cyan_event *event)
{
    if (names_cloud(event->name) && !names_of_custody(event->name)) {
        return false;
    }
    return actors->ops.event(actors->ops.arg, actor->id, actor->owner, event);
}

/* What is not taken is dropped without an answer, since an error code would make implementation A
 * hang up; without an acknowledgement the application learns of it. */
static void on_event(struct actors *actors, struct actor *actor, const struct cyan_coap *msg)
{
    struct cyan_event event;
    bool taken =
        cyan_event_read(msg, &event) == 0 &&
        (actor->held ? held_event(actors, actor, &event) : take_event(actors, actor, &event));
    if (taken) {
        acknowledge(actor, msg);
    } else {
        drop(actors, actor);
    }
}

static void on_subscribe(struct actors *actors, struct actor *actor, const struct cyan_coap *msg)
{
    struct cyan_subscribe subscribe;
    if (cyan_subscribe_read(msg, &subscribe) < 0) {
        return;
    }
    if (subscriptions_add(actors, actor, &subscribe) == 0) {
        acknowledge(actor, msg);
    } else if (actor->held) {
        held_overflow(actor);
    }
}

static void on_time(struct actor *actor, const struct cyan_coap *msg)
{
    enum { MS_PER_S = 1000 };
    cyan_time_answer_write(session_begin(actor->session), msg,
                           (uint32_t)(clock_now_ms() / MS_PER_S));
    (void)session_send(actor->session);
}

static void tell_heard(struct actors *actors, struct actor *actor)
{
    uint64_t now = actor->session->heard_ms;
    if (!actor->held && now - actor->told_ms >= ACTOR_HEARD_MS) {
        actor->told_ms = now;
        actors->ops.heard(actors->ops.arg, actor->id);
    }
}

void actors_message(void *arg, struct session *session, const struct cyan_coap *msg)
{
    struct actors *actors = arg;
    struct actor *actor = session->user;
    tell_heard(actors, actor);
    switch (cyan_message_kind(msg)) {
    case CYAN_MSG_EVENT:
        on_event(actors, actor, msg);
        break;
    case CYAN_MSG_SUBSCRIBE:
        on_subscribe(actors, actor, msg);
        break;
    case CYAN_MSG_TIME:
        on_time(actor, msg);
        break;
    case CYAN_MSG_RESPONSE:
        requests_response(actors, actor, msg);
        break;
    case CYAN_MSG_ACK:
        requests_ack(actors, actor, msg);
        break;
    case CYAN_MSG_GOODBYE:
        session_close(session, SESSION_END_PEER);
        break;
    case CYAN_MSG_PING:
        acknowledge(actor, msg);
        break;
    default:
        /* Something that a later firmware says: heard, and that is all. */
        if (!actor->held) {
            acknowledge(actor, msg);
        }
        break;
    }
}
