/* presence.h - which devices have a full session now, and on which shard; and which are held.
 *
 * One fixed record a device, found by id; on the hub's thread only. */
#ifndef CYAN_SERVER_CLOUD_PRESENCE_H
#define CYAN_SERVER_CLOUD_PRESENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/crypto.h"
#include "wire/limits.h"

struct presence;

struct online {
    uint8_t id[CYAN_ID_LEN];
    uint32_t owner;                       /* account; 0: nobody */
    uint32_t shard;                       /* where its session lives */
    uint64_t session;                     /* serial of the session, never used twice */
    uint8_t fingerprint[CYAN_SHA256_LEN]; /* of the key that it was proven with */
    int64_t last_heard_ms;                /* the last byte that we know of */
    bool is_untold;                       /* spark/status has not said online yet */
};

struct presence *presence_create(void);
void presence_destroy(struct presence *presence);

/* NULL: not online. Valid until the next add or remove. */
struct online *presence_find(struct presence *presence, const uint8_t id[static CYAN_ID_LEN]);

/* Adds or replaces the entry of its id. CYAN_E_NO_MEMORY. */
int presence_put(struct presence *presence, const struct online *entry);

void presence_remove(struct presence *presence, const uint8_t id[static CYAN_ID_LEN]);
size_t presence_count(const struct presence *presence);

/* One more, or one fewer, held session of an id; they are few (held.h). CYAN_E_NO_MEMORY. */
int presence_hold(struct presence *presence, const uint8_t id[static CYAN_ID_LEN]);
void presence_release(struct presence *presence, const uint8_t id[static CYAN_ID_LEN]);
bool presence_is_held(struct presence *presence, const uint8_t id[static CYAN_ID_LEN]);

#endif
