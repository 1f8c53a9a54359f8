/* held.h - the sessions in quarantine, as the hub knows them, with their limits.
 *
 * One held session an (id, key); all of them at most max(64, 1 % of the full ones), half of them
 * for known ids (docs/SPEC-custody.md, "Held sessions"). On the hub's thread. */
#ifndef CYAN_SERVER_CLOUD_HELD_H
#define CYAN_SERVER_CLOUD_HELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/cloud/dossier.h"
#include "server/net/table.h"

enum { HELD_MIN = 64, HELD_RESET_MAX = 31 };

struct held {
    struct table_node by_serial;
    struct held *next, *prev; /* all of them, the oldest first */
    uint64_t serial;
    uint32_t shard;
    struct custody_case c; /* what it showed when it was proven */
    bool known;            /* the id had a device then */
    uint32_t owner;        /* of that device */
    int64_t since_ms;
    bool described;                 /* it was asked what it is */
    bool in_review;                 /* a job judges it */
    bool again;                     /* something changed meanwhile: judge it once more */
    int64_t review_ms;              /* when to judge it again by itself; 0: never */
    char reset[HELD_RESET_MAX + 1]; /* its last reset reason, as it said */
};

struct held_list {
    struct table table;
    struct held *first, *last;
    size_t count, known_count;
};

/* seed: a secret of this run. */
void held_init(struct held_list *list, uint64_t seed);
void held_done(struct held_list *list);

/* Adds one that was made with malloc; owned from then on. Whoever had to make room for it comes
 * back through out_evicted (at most two, NULL otherwise), still in the list: close their sessions
 * and remove them. CYAN_E_NO_MEMORY; CYAN_E_FULL: there is no room for this one. */
int held_add(struct held_list *list, struct held *held, size_t full_count,
             struct held *out_evicted[static 2]);

struct held *held_find(struct held_list *list, uint64_t serial);
/* The one of an id with this key, or with any when fingerprint is NULL; after NULL: the first. */
struct held *held_of(struct held_list *list, const uint8_t id[static CYAN_ID_LEN],
                     const uint8_t *fingerprint, const struct held *after);

/* Frees it. */
void held_remove(struct held_list *list, struct held *held);

#endif
