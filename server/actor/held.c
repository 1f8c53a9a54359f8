#include "server/actor/held.h"

#include <stdlib.h>
#include <string.h>

#include "server/actor/names.h"

struct kept_event {
    struct kept_event *next;
    struct cyan_event event; /* its data stands behind it */
    uint8_t data[];
};

struct actor_held {
    struct kept_event *first, **end; /* in the order in which they came */
    uint8_t event_count;
    uint8_t read_count; /* passed on at once */
    bool overflowed;
};

int held_start(struct actor *actor)
{
    struct actor_held *held = calloc(1, sizeof *held);
    if (!held) {
        return CYAN_E_NO_MEMORY;
    }
    held->end = &held->first;
    actor->held = held;
    return 0;
}

void held_overflow(struct actor *actor)
{
    actor->held->overflowed = true;
}

static bool keep(struct actor *actor, const struct cyan_event *event)
{
    struct actor_held *held = actor->held;
    struct kept_event *kept = NULL;
    if (held->event_count < ACTOR_HELD_EVENTS_MAX) {
        kept = malloc(sizeof *kept + event->data_len);
    }
    if (!kept) {
        held_overflow(actor);
        return false;
    }
    kept->next = NULL;
    kept->event = *event;
    if (event->data_len > 0) {
        memcpy(kept->data, event->data, event->data_len);
        kept->event.data = kept->data;
    }
    *held->end = kept;
    held->end = &kept->next;
    held->event_count++;
    return true;
}

/* A stranger may be held: what he can make the hub read is bounded. */
static bool read_at_once(struct actors *actors, struct actor *actor, const struct cyan_event *event)
{
    struct actor_held *held = actor->held;
    if (held->read_count >= ACTOR_HELD_READ_MAX ||
        !actors->ops.held_event(actors->ops.arg, actor->session->serial, actor->id, event)) {
        return false;
    }
    held->read_count++;
    return true;
}

bool held_event(struct actors *actors, struct actor *actor, const struct cyan_event *event)
{
    if (names_of_custody(event->name) || strcmp(event->name, "spark/device/claim/code") == 0) {
        return read_at_once(actors, actor, event);
    }
    if (strcmp(event->name, "spark/device/last_reset") == 0) {
        (void)read_at_once(actors, actor, event); /* the incident can do without */
    }
    return names_system(event->name) && keep(actor, event);
}

int held_release(struct actors *actors, struct actor *actor, uint32_t owner)
{
    struct actor_held *held = actor->held;
    if (held->overflowed) {
        return CYAN_E_FULL;
    }
    for (const struct kept_event *kept = held->first; kept; kept = kept->next) {
        if (!actors->ops.event(actors->ops.arg, actor->id, owner, &kept->event)) {
            return CYAN_E_FULL;
        }
    }
    held_end(actor);
    return 0;
}

void held_end(struct actor *actor)
{
    struct actor_held *held = actor->held;
    if (!held) {
        return;
    }
    while (held->first) {
        struct kept_event *kept = held->first;
        held->first = kept->next;
        free(kept);
    }
    free(held);
    actor->held = NULL;
}
