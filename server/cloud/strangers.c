#include "server/cloud/strangers.h"

#include <string.h>

#include "server/cloud/dossier.h"
#include "server/cloud/lru.h"

struct lru *strangers_create(uint64_t seed)
{
    return lru_create(STRANGERS_MAX, CYAN_ID_LEN, sizeof(struct stranger), seed);
}

void strangers_destroy(struct lru *strangers)
{
    lru_destroy(strangers);
}

static void forget_key(struct stranger *stranger, size_t i)
{
    stranger->count--;
    stranger->keys[i] = stranger->keys[stranger->count];
}

static void forget_old(struct stranger *stranger, int64_t now_ms)
{
    for (size_t i = stranger->count; i-- > 0;) {
        if (!dossier_is_alive(&stranger->keys[i], now_ms)) {
            forget_key(stranger, i);
        }
    }
}

/* The place of the key in this state that was seen longest ago; counts those in it. */
static size_t oldest(const struct stranger *stranger, enum store_key_state state, size_t *out_count)
{
    size_t at = stranger->count;
    *out_count = 0;
    for (size_t i = 0; i < stranger->count; i++) {
        if (stranger->keys[i].state != state) {
            continue;
        }
        (*out_count)++;
        if (at == stranger->count ||
            stranger->keys[i].last_seen_ms < stranger->keys[at].last_seen_ms) {
            at = i;
        }
    }
    return at;
}

void strangers_note(struct lru *strangers, const struct store_key *key)
{
    struct store_key *known =
        strangers_key(strangers, key->device, key->fingerprint, key->last_seen_ms);
    if (known) {
        known->last_seen_ms = key->last_seen_ms;
        memcpy(known->last_ip, key->last_ip, sizeof known->last_ip);
        return;
    }
    struct stranger *stranger = lru_put(strangers, key->device);
    size_t pending;
    if (!stranger) {
        return;
    }
    size_t at = oldest(stranger, STORE_KEY_PENDING, &pending);
    if (pending >= DOSSIER_PENDING_MAX) {
        forget_key(stranger, at);
    } else if (stranger->count == STRANGER_KEYS_MAX) {
        forget_key(stranger, oldest(stranger, STORE_KEY_DENIED, &pending));
    }
    stranger->keys[stranger->count++] = *key;
}

struct stranger *strangers_find(struct lru *strangers, const uint8_t id[static CYAN_ID_LEN],
                                int64_t now_ms)
{
    struct stranger *stranger = lru_find(strangers, id);
    if (!stranger) {
        return NULL;
    }
    forget_old(stranger, now_ms);
    if (stranger->count == 0) {
        lru_remove(strangers, id);
        return NULL;
    }
    return stranger;
}

struct store_key *strangers_key(struct lru *strangers, const uint8_t id[static CYAN_ID_LEN],
                                const uint8_t fingerprint[static CYAN_SHA256_LEN], int64_t now_ms)
{
    struct stranger *stranger = strangers_find(strangers, id, now_ms);
    for (size_t i = 0; stranger && i < stranger->count; i++) {
        if (memcmp(stranger->keys[i].fingerprint, fingerprint, CYAN_SHA256_LEN) == 0) {
            return &stranger->keys[i];
        }
    }
    return NULL;
}
