#include "server/cloud/lockout.h"

#include <stdlib.h>
#include <string.h>

#include "server/cloud/lru.h"

struct lockout {
    struct lru *pairs;
};

struct state {
    uint32_t failures; /* in a row */
    uint32_t running;
    int64_t locked_until_ms; /* 0: not locked */
};

struct lockout *lockout_create(uint64_t seed)
{
    struct lockout *lockout = calloc(1, sizeof *lockout);
    if (!lockout) {
        return NULL;
    }
    lockout->pairs =
        lru_create(LOCKOUT_PAIRS_MAX, sizeof(struct lockout_pair), sizeof(struct state), seed);
    if (!lockout->pairs) {
        free(lockout);
        return NULL;
    }
    return lockout;
}

void lockout_destroy(struct lockout *lockout)
{
    if (lockout) {
        lru_destroy(lockout->pairs);
        free(lockout);
    }
}

int lockout_name_pair(const struct cyan_crypto *crypto, const char *name, const char *address,
                      struct lockout_pair *out_pair)
{
    enum { NAME_MAX_LEN = 256, ADDRESS_MAX_LEN = 64 };
    char text[NAME_MAX_LEN + 1 + ADDRESS_MAX_LEN];
    size_t name_len = strnlen(name, NAME_MAX_LEN);
    size_t address_len = strnlen(address, ADDRESS_MAX_LEN);
    for (size_t i = 0; i < name_len; i++) {
        text[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] - 'A' + 'a') : name[i];
    }
    text[name_len] = '\0';
    memcpy(text + name_len + 1, address, address_len);
    return crypto->sha256(crypto->ctx, text, name_len + 1 + address_len, out_pair->hash);
}

int lockout_begin(struct lockout *lockout, const struct lockout_pair *pair, int64_t now_ms)
{
    struct state *state = lru_put(lockout->pairs, pair);
    if (!state) {
        return CYAN_E_NO_MEMORY;
    }
    if (state->locked_until_ms != 0 && now_ms >= state->locked_until_ms) {
        state->failures = 0;
        state->locked_until_ms = 0;
    }
    if (state->failures + state->running >= LOCKOUT_FAILURES) {
        return CYAN_E_FULL;
    }
    state->running++;
    return 0;
}

void lockout_end(struct lockout *lockout, const struct lockout_pair *pair, enum lockout_end end,
                 int64_t now_ms)
{
    struct state *state = lru_find(lockout->pairs, pair);
    if (!state) {
        return; /* forgotten meanwhile */
    }
    state->running -= state->running > 0;
    if (end == LOCKOUT_GOOD) {
        state->failures = 0;
    } else if (end == LOCKOUT_WRONG && ++state->failures >= LOCKOUT_FAILURES) {
        state->locked_until_ms = now_ms + LOCKOUT_MS;
    }
    if (state->failures == 0 && state->running == 0) {
        lru_remove(lockout->pairs, pair); /* nothing to remember */
    }
}
