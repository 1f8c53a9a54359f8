#include "server/actor/subscriptions.h"

#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "server/actor/names.h"

struct actor_subscription {
    struct actor_subscription *next;
    enum cyan_subscribe_scope scope;
    uint8_t device_len; /* digits of the id that were given; firmware cuts them to 12 */
    uint8_t filter_len;
    char device[CYAN_ID_TEXT];
    char filter[];
};

static void leave_list(struct actor *actor)
{
    if (actor->peer_at) {
        *actor->peer_at = actor->peer_next;
        if (actor->peer_next) {
            actor->peer_next->peer_at = actor->peer_at;
        }
        actor->peer_at = NULL;
        actor->peer_next = NULL;
    }
}

/* An actor stands in one list: that of its owner, or, with a subscription that reaches further, in
 * the one that every event visits. */
static void join_list(struct actors *actors, struct actor *actor)
{
    struct actor **list =
        actor->to_all ? &actors->all : &actors->mine[actor->owner % ACTOR_BUCKETS];
    leave_list(actor);
    actor->peer_next = *list;
    actor->peer_at = list;
    if (*list) {
        (*list)->peer_at = &actor->peer_next;
    }
    *list = actor;
}

void subscriptions_go_live(struct actors *actors, struct actor *actor)
{
    if (actor->subscription_count == 0) {
        return;
    }
    join_list(actors, actor);
    if (!actors->told_subscribed) {
        actors->told_subscribed = true;
        actors->ops.subscribed(actors->ops.arg);
    }
}

int subscriptions_add(struct actors *actors, struct actor *actor,
                      const struct cyan_subscribe *subscribe)
{
    if (names_system(subscribe->filter)) {
        return 0;
    }
    if (actor->subscription_count == ACTOR_SUBSCRIPTIONS_MAX) {
        return CYAN_E_FULL;
    }
    size_t len = strlen(subscribe->filter);
    struct actor_subscription *s = malloc(sizeof *s + len + 1);
    if (!s) {
        return CYAN_E_NO_MEMORY;
    }
    s->scope = subscribe->scope;
    s->device_len = (uint8_t)strlen(subscribe->device);
    s->filter_len = (uint8_t)len;
    memcpy(s->device, subscribe->device, sizeof s->device);
    memcpy(s->filter, subscribe->filter, len + 1);
    s->next = actor->subscriptions;
    actor->subscriptions = s;
    actor->subscription_count++;
    actor->to_all |= subscribe->scope != CYAN_SUBSCRIBE_MINE;
    if (!actor->held) {
        subscriptions_go_live(actors, actor);
    }
    return 0;
}

void subscriptions_clear(struct actors *actors, struct actor *actor)
{
    (void)actors;
    leave_list(actor);
    while (actor->subscriptions) {
        struct actor_subscription *s = actor->subscriptions;
        actor->subscriptions = s->next;
        free(s);
    }
    actor->subscription_count = 0;
}

/* An event as it is compared with many subscriptions. */
struct delivery {
    const struct cyan_event *event;
    size_t name_len;
    uint32_t owner;
    char device[CYAN_ID_TEXT]; /* "" when no device sent it */
};

static bool matches(const struct actor *actor, const struct actor_subscription *s,
                    const struct delivery *d)
{
    bool mine = d->owner != 0 && d->owner == actor->owner;
    if (s->filter_len > d->name_len || memcmp(s->filter, d->event->name, s->filter_len) != 0) {
        return false;
    }
    switch (s->scope) {
    case CYAN_SUBSCRIBE_MINE:
        return mine;
    case CYAN_SUBSCRIBE_DEVICE:
        return (mine || !d->event->is_private) && d->device[0] != '\0' &&
               memcmp(s->device, d->device, s->device_len) == 0;
    default:
        return mine || !d->event->is_private;
    }
}

static void deliver_to(struct actor *actor, const struct delivery *d)
{
    for (const struct actor_subscription *s = actor->subscriptions; s; s = s->next) {
        if (matches(actor, s, d)) {
            struct cyan_writer *w = session_begin(actor->session);
            cyan_event_write(w, CYAN_COAP_NON, session_new_id(actor->session), d->event);
            /* An event that is too long for a device, or a session that just ends: not sent. */
            (void)session_send(actor->session);
            return;
        }
    }
}

static void deliver_to_list(struct actor *first, const struct delivery *d)
{
    while (first) {
        struct actor *next = first->peer_next;
        deliver_to(first, d);
        first = next;
    }
}

void actors_deliver(struct actors *actors, const uint8_t *device, uint32_t owner,
                    const struct cyan_event *event)
{
    if (names_system(event->name) || names_cloud(event->name)) {
        return;
    }
    struct delivery d = {.event = event, .name_len = strlen(event->name), .owner = owner};
    if (device) {
        cyan_hex_encode(device, CYAN_ID_LEN, d.device);
    }
    deliver_to_list(actors->mine[owner % ACTOR_BUCKETS], &d);
    deliver_to_list(actors->all, &d);
}
