/* actor.h - one actor a device: what it is, what it can do, what it is asked.
 *
 * An actor lives as long as the full or held session of its device, on the session's shard. It
 * answers what devices send, keeps their subscriptions, and asks them what users want to know.
 * News travels up through actor_ops.
 *
 * A held actor (docs/SPEC-custody.md, "Held sessions") is known by its session alone: it is not
 * found by its id, and nothing that it says reaches its owner, until it is promoted. */
#ifndef CYAN_SERVER_ACTOR_ACTOR_H
#define CYAN_SERVER_ACTOR_ACTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "server/net/table.h"
#include "server/session/session.h"
#include "wire/event.h"
#include "wire/request.h"

enum {
    ACTOR_REQUESTS_MAX = 16,      /* that wait for one device */
    ACTOR_SUBSCRIPTIONS_MAX = 16, /* of one device; firmware has 4 to 6 */
    ACTOR_REQUEST_MS = 20000,
    ACTOR_DESCRIPTION_MAX = 4096, /* bytes of JSON */
    ACTOR_DESCRIPTION_KEEP_MS = 60000,
    ACTOR_HEARD_MS = 10000,    /* news of a living device is passed on this often at most */
    ACTOR_HELD_EVENTS_MAX = 8, /* system events of a held device that are kept aside */
    ACTOR_HELD_READ_MAX = 32,  /* events of a held session that are passed on at once */
};

enum request_kind {
    REQUEST_DESCRIBE,
    REQUEST_VARIABLE,
    REQUEST_FUNCTION,
    REQUEST_SIGNAL,
    REQUEST_PING,
    REQUEST_RESET, /* argument: "reboot", "safe mode" or "dfu"; nothing is answered to it */
};

/* An answer for whoever asked; status is 0 or CYAN_E_*, as listed in cloud/calls.h. bytes are the
 * description's text or the variable's payload; borrowed. */
struct actor_reply {
    int status;
    enum cyan_value_type type; /* of VARIABLE */
    int32_t result;            /* of FUNCTION */
    const uint8_t *bytes;
    size_t len;
};

struct actor_ops {
    void *arg;
    /* false: the hub is too far behind to take it; then the device gets no acknowledgement. */
    bool (*event)(void *arg, const uint8_t id[static CYAN_ID_LEN], uint32_t owner,
                  const struct cyan_event *event);
    /* What a held session says of itself and the hub reads at once; false as above. */
    bool (*held_event)(void *arg, uint64_t serial, const uint8_t id[static CYAN_ID_LEN],
                       const struct cyan_event *event);
    void (*heard)(void *arg, const uint8_t id[static CYAN_ID_LEN]);
    void (*reply)(void *arg, uint64_t call, const struct actor_reply *reply);
    /* From now on events matter to this shard. */
    void (*subscribed)(void *arg);
    void (*gone)(void *arg, const uint8_t id[static CYAN_ID_LEN], uint64_t serial);
};

struct actor_subscription;
struct actor_request;
struct actor_description;
struct actor_held;

struct actor {
    struct table_node by_id; /* while it is full */
    struct session *session;
    uint8_t id[CYAN_ID_LEN];
    uint32_t owner;   /* account; 0: nobody */
    uint64_t told_ms; /* when heard was last called */
    struct actor_request *requests;
    struct actor_description *description; /* kept for a while after it was used */
    struct actor_subscription *subscriptions;
    struct actor_held *held;            /* NULL: it is full */
    struct actor *peer_next, **peer_at; /* in its list of subscribers */
    uint32_t dropped_events;            /* of this session */
    uint8_t subscription_count;
    uint8_t request_count; /* without our own */
    uint8_t next_token;
    bool is_b;   /* implementation B; else A is assumed */
    bool to_all; /* subscribed to events of devices that are not its owner's */
};

enum { ACTOR_BUCKETS = 256 };

/* All actors of a shard. */
struct actors {
    struct shard *shard;
    struct actor_ops ops;
    struct table table; /* by id */
    /* Subscribers by owner, and those that listen to everybody's public events. */
    struct actor *mine[ACTOR_BUCKETS];
    struct actor *all;
    bool told_subscribed;
    uint64_t dropped_events; /* malformed, with a name of the cloud's own, too many, or held */
};

int actors_init(struct actors *actors, struct shard *shard, const struct cyan_crypto *crypto,
                const struct actor_ops *ops);
void actors_done(struct actors *actors);

/* The four of session_ops. */
void actors_live(void *arg, struct session *session, const struct cyan_hello *hello,
                 uint32_t owner);
void actors_held(void *arg, struct session *session, const struct cyan_hello *hello);
void actors_message(void *arg, struct session *session, const struct cyan_coap *msg);
void actors_ended(void *arg, struct session *session);

/* A held session becomes full in place: what was kept aside goes live, an older full session of
 * the device is displaced. When something could not be kept, or cannot go on now, the session is
 * closed instead (SESSION_END_PROMOTED): the device comes back full and says all of it again. */
void actors_promote(struct actors *actors, struct session *session, uint32_t owner);

/* It belongs to another account from now on, or to nobody (0). */
void actors_owner(struct actors *actors, struct actor *actor, uint32_t owner);

/* The full one; NULL: not on this shard. */
struct actor *actors_find(struct actors *actors, const uint8_t id[static CYAN_ID_LEN]);

/* Sends an event of owner (0: nobody) about device to every device here that subscribed to it. */
void actors_deliver(struct actors *actors, const uint8_t *device, uint32_t owner,
                    const struct cyan_event *event);

#endif
