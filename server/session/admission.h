/* admission.h - whose request is deciphered next while many wait, and who is turned away.
 *
 * While the RSA queue is short the oldest request is next, wherever it comes from. While it is
 * long, requests from addresses where a full session was go first, and addresses take turns, so
 * that none of them starves the others. An address is never turned away for how much it asks,
 * only for how much of it was junk. IPv6 addresses count by their first 64 bits, since whoever
 * has one has all of those. Memory is bounded: an address that says nothing of itself is known
 * only while a request of its waits. Inside session/. */
#ifndef CYAN_SERVER_SESSION_ADMISSION_H
#define CYAN_SERVER_SESSION_ADMISSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/net/table.h"

enum {
    ADMISSION_LONG_MS = 50,         /* the queue is long when its oldest item waits for longer */
    ADMISSION_ADDRESSES_MAX = 4096, /* good ones, and as many others, without a request */
    ADMISSION_JUNK_MAX = 32,        /* requests of one address that could not be deciphered... */
    ADMISSION_JUNK_MS = 10000,      /* ...in this time */
    ADMISSION_KEY_LEN = 16,
};

struct address;

/* A request that waits; inside its owner. */
struct admission_item {
    struct admission_item *next, *prev; /* of the same address, the oldest first */
    struct address *address;            /* NULL: it does not wait */
};

/* The one that was touched last stands at the end. */
struct address_list {
    struct address *first, *last;
    size_t count;
};

struct admission {
    struct table table;
    struct address_list turns[2]; /* with requests that wait: others, and good ones */
    struct address_list idle[2];
    size_t idle_max; /* ADMISSION_ADDRESSES_MAX, or what a test puts here */
};

/* seed: a secret of this run, against addresses that collide. */
void admission_init(struct admission *admission, uint64_t seed);
/* When no request waits any more. */
void admission_done(struct admission *admission);

/* The key of an address as text (conn_address); any other text is an address of its own. */
void admission_key(const char *text, uint8_t out_key[static ADMISSION_KEY_LEN]);

/* A request waits, or no longer; without memory it waits in no turn (address stays NULL). */
void admission_wait(struct admission *admission, struct admission_item *item,
                    const uint8_t key[static ADMISSION_KEY_LEN]);
void admission_leave(struct admission *admission, struct admission_item *item);

/* The request whose turn it is; its address goes to the end. It waits until admission_leave. NULL:
 * none waits in turns. */
struct admission_item *admission_next(struct admission *admission);

/* A full session began or ended there. */
void admission_good(struct admission *admission, const uint8_t key[static ADMISSION_KEY_LEN]);
/* A request from there could not be deciphered. */
void admission_junk(struct admission *admission, const uint8_t key[static ADMISSION_KEY_LEN],
                    uint64_t now_ms);

/* Whether so much junk came from there, and no good session, that it has to stay outside. */
bool admission_is_flood(const struct admission *admission,
                        const uint8_t key[static ADMISSION_KEY_LEN], uint64_t now_ms);

#endif
