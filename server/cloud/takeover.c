#include "server/cloud/takeover.h"

#include <string.h>

#include "server/cloud/device_names.h"
#include "server/net/log.h"

/* The store numbers accounts from 1, and the first one is made with the folder. */
enum { FIRST_ACCOUNT = 1 };

/* What all rows of a takeover have. */
struct hand {
    const struct store *store;
    const struct cyan_crypto *crypto;
    uint32_t owner;
    int64_t now_ms;
};

static int add_device(const struct hand *hand, const struct takeover_key *key)
{
    struct store_device row = {.owner = hand->owner, .created_ms = hand->now_ms};
    uint64_t random = 0;
    memcpy(row.id, key->id, sizeof row.id);
    int status = hand->crypto->random(hand->crypto->ctx, (uint8_t *)&random, sizeof random);
    if (status != 0) {
        return status;
    }
    status = CYAN_E_EXISTS;
    for (unsigned i = 0; i < DEVICE_NAMES_ATTEMPTS && status == CYAN_E_EXISTS; i++) {
        device_names_make(random, i, row.name);
        status = hand->store->device_add(hand->store->ctx, &row);
    }
    return status;
}

static int add_key(const struct hand *hand, const struct takeover_key *key,
                   const uint8_t fingerprint[static CYAN_SHA256_LEN])
{
    struct store_key row = {.state = STORE_KEY_TRUSTED,
                            .source = STORE_KEY_PROVISIONED,
                            .by_account = hand->owner,
                            .created_ms = hand->now_ms};
    memcpy(row.device, key->id, sizeof row.device);
    memcpy(row.fingerprint, fingerprint, sizeof row.fingerprint);
    memcpy(row.spki, key->spki, sizeof row.spki);
    return hand->store->key_put(hand->store->ctx, &row);
}

static int take_one(const struct hand *hand, struct takeover_key *key)
{
    const struct store *store = hand->store;
    uint8_t fingerprint[CYAN_SHA256_LEN];
    struct store_device device;
    struct store_key trusted;
    int status = hand->crypto->sha256(hand->crypto->ctx, key->spki, sizeof key->spki, fingerprint);
    if (status == 0) {
        status = store->device_get(store->ctx, key->id, &device);
    }
    if (status == CYAN_E_NOT_FOUND) {
        key->outcome = TAKEOVER_ADDED;
        status = add_device(hand, key);
        return status == 0 ? add_key(hand, key, fingerprint) : status;
    }
    if (status == 0) {
        status = store->key_trusted(store->ctx, key->id, &trusted);
        bool same =
            status == 0 && memcmp(trusted.fingerprint, fingerprint, sizeof fingerprint) == 0;
        key->outcome = same ? TAKEOVER_KNOWN : TAKEOVER_OTHER_KEY;
        status = status == CYAN_E_NOT_FOUND ? 0 : status;
    }
    return status;
}

static int take_all(struct hand *hand, struct takeover_key *keys, size_t count)
{
    struct store_account first;
    int status = hand->store->account_get(hand->store->ctx, FIRST_ACCOUNT, &first);
    if (status == 0 && !first.is_operator) {
        status = CYAN_E_NOT_FOUND;
    }
    hand->owner = FIRST_ACCOUNT;
    for (size_t i = 0; i < count && status == 0; i++) {
        status = take_one(hand, &keys[i]);
    }
    return status;
}

int takeover(const struct store *store, const struct cyan_crypto *crypto, struct takeover_key *keys,
             size_t count)
{
    struct hand hand = {.store = store, .crypto = crypto, .now_ms = clock_now_ms()};
    int status = store->begin(store->ctx);
    if (status != 0) {
        return status;
    }
    status = take_all(&hand, keys, count);
    if (status == 0) {
        status = store->commit(store->ctx);
    }
    if (status != 0) {
        store->rollback(store->ctx);
    }
    return status;
}
