/* lockout.h - failed logins in a row, counted for each pair of account name and address.
 *
 * Whoever guesses locks his own pair, not the account's owner out. The table is bounded; the pair
 * that was not heard of for longest is forgotten. Time comes from the caller, in milliseconds. */
#ifndef CYAN_SERVER_CLOUD_LOCKOUT_H
#define CYAN_SERVER_CLOUD_LOCKOUT_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "crypto/crypto.h"

enum {
    LOCKOUT_FAILURES = 10,
    LOCKOUT_MS = 30 * 60 * 1000,
    LOCKOUT_PAIRS_MAX = 4096,
};

struct lockout;

struct lockout_pair {
    uint8_t hash[CYAN_SHA256_LEN];
};

struct lockout *lockout_create(uint64_t seed);
void lockout_destroy(struct lockout *lockout);

/* Names are told apart without case, as accounts are. CYAN_E_CRYPTO. */
int lockout_name_pair(const struct cyan_crypto *crypto, const char *name, const char *address,
                      struct lockout_pair *out_pair) CYAN_MUST_CHECK;

/* An attempt begins; it counts as failed until it ends, so that many at once are no way around.
 * CYAN_E_FULL: locked, or too many at once. CYAN_E_NO_MEMORY. */
int lockout_begin(struct lockout *lockout, const struct lockout_pair *pair,
                  int64_t now_ms) CYAN_MUST_CHECK;

enum lockout_end { LOCKOUT_GOOD, LOCKOUT_WRONG, LOCKOUT_BROKEN_OFF };

/* Every attempt that began ends once. */
void lockout_end(struct lockout *lockout, const struct lockout_pair *pair, enum lockout_end end,
                 int64_t now_ms);

#endif
