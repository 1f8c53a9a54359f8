/* strangers.h - device ids that nobody knows, with the keys that were proven for them; in memory
 * only, STRANGERS_MAX ids, so that a stranger cannot fill the disk. On the hub's thread. */
#ifndef CYAN_SERVER_CLOUD_STRANGERS_H
#define CYAN_SERVER_CLOUD_STRANGERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/store/store.h"

struct lru;

enum { STRANGERS_MAX = 1000, STRANGER_KEYS_MAX = 8 };

struct stranger {
    struct store_key keys[STRANGER_KEYS_MAX]; /* pending or denied */
    size_t count;
};

/* NULL without memory. */
struct lru *strangers_create(uint64_t seed);
void strangers_destroy(struct lru *strangers);

/* A key was proven: it is pending, if it is not denied. Of four pending ones the one seen longest
 * ago makes room. */
void strangers_note(struct lru *strangers, const struct store_key *key);

/* NULL: not there. What has expired is forgotten first. Valid until the next call. */
struct stranger *strangers_find(struct lru *strangers, const uint8_t id[static CYAN_ID_LEN],
                                int64_t now_ms);
struct store_key *strangers_key(struct lru *strangers, const uint8_t id[static CYAN_ID_LEN],
                                const uint8_t fingerprint[static CYAN_SHA256_LEN], int64_t now_ms);

#endif
