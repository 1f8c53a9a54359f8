#include <stdlib.h>
#include <string.h>

#include "server/cloud/device_names.h"
#include "server/cloud/registry_inner.h"
#include "server/net/log.h"

struct provisioning {
    struct job job;
    struct registry *registry;
    struct store_device row;
    struct store_key key;
    uint64_t random; /* of the name, should the device be new */
    bool replaced;
    record_fn *done;
    void *arg;
};

static void provision_answer(struct job *job, int status)
{
    struct provisioning *provisioning = (struct provisioning *)job;
    struct registry *registry = provisioning->registry;
    struct device_record record;
    if (status == 0) {
        registry_record(registry, &provisioning->row, &record);
    }
    if (status == 0 && provisioning->replaced && registry->key_changed) {
        registry->key_changed(registry->key_changed_arg, provisioning->row.id);
    }
    provisioning->done(provisioning->arg, status, status == 0 ? &record : NULL);
    free(provisioning);
}

static int add_device(struct provisioning *provisioning, const struct store *store)
{
    struct store_device row = {.owner = provisioning->key.by_account,
                               .created_ms = provisioning->key.created_ms};
    memcpy(row.id, provisioning->key.device, sizeof row.id);
    int status = CYAN_E_EXISTS;
    for (unsigned i = 0; i < DEVICE_NAMES_ATTEMPTS && status == CYAN_E_EXISTS; i++) {
        device_names_make(provisioning->random, i, row.name);
        status = store->device_add(store->ctx, &row);
    }
    if (status == 0) {
        provisioning->row = row;
    }
    return status;
}

static int replace_key(struct provisioning *provisioning, const struct store *store)
{
    const struct store_key *key = &provisioning->key;
    struct store_key old;
    int status = store->key_trusted(store->ctx, key->device, &old);
    if (status == 0) {
        if (memcmp(old.fingerprint, key->fingerprint, sizeof old.fingerprint) == 0) {
            return 0; /* the same once more changes nothing */
        }
        provisioning->replaced = true;
        old.state = STORE_KEY_RETIRED;
        status = store->key_put(store->ctx, &old);
    } else if (status == CYAN_E_NOT_FOUND) {
        status = 0;
    }
    return status != 0 ? status : store->key_put(store->ctx, key);
}

static int provision_in_store(struct job *job, const struct store *store)
{
    struct provisioning *provisioning = (struct provisioning *)job;
    provisioning->replaced = false;
    int status = store->device_get(store->ctx, provisioning->key.device, &provisioning->row);
    if (status == CYAN_E_NOT_FOUND) {
        status = add_device(provisioning, store);
    } else if (status == 0 && provisioning->row.owner != provisioning->key.by_account) {
        status = CYAN_E_REFUSED;
    }
    return status != 0 ? status : replace_key(provisioning, store);
}

void registry_provision(struct registry *registry, uint32_t account,
                        const uint8_t id[static CYAN_ID_LEN],
                        const uint8_t spki[static CYAN_DEVICE_SPKI_LEN], record_fn *done, void *arg)
{
    const struct cyan_crypto *crypto = registry->crypto;
    struct provisioning *provisioning = calloc(1, sizeof *provisioning);
    if (!provisioning) {
        done(arg, CYAN_E_NO_MEMORY, NULL);
        return;
    }
    provisioning->job = (struct job){.run = provision_in_store, .done = provision_answer};
    provisioning->registry = registry;
    provisioning->done = done;
    provisioning->arg = arg;
    struct store_key *key = &provisioning->key;
    key->state = STORE_KEY_TRUSTED;
    key->source = STORE_KEY_PROVISIONED;
    key->by_account = account;
    key->created_ms = clock_now_ms();
    memcpy(key->device, id, sizeof key->device);
    memcpy(key->spki, spki, sizeof key->spki);
    int status = crypto->sha256(crypto->ctx, spki, sizeof key->spki, key->fingerprint);
    if (status == 0) {
        status = crypto->random(crypto->ctx, (uint8_t *)&provisioning->random,
                                sizeof provisioning->random);
    }
    if (status != 0) {
        jobs_later(registry->jobs, &provisioning->job, status);
        return;
    }
    jobs_store(registry->jobs, &provisioning->job);
}

/* key may be NULL: the device has none that is trusted. */
static void key_from_rows(const struct store_device *row, const struct store_key *key,
                          struct device_key *out_key)
{
    *out_key = (struct device_key){.owner = row->owner, .has_key = key != NULL};
    if (key) {
        memcpy(out_key->spki, key->spki, sizeof out_key->spki);
        memcpy(out_key->fingerprint, key->fingerprint, sizeof out_key->fingerprint);
    }
}

struct reading {
    struct job job;
    uint8_t id[CYAN_ID_LEN];
    struct device_key key;
    key_fn *done;
    void *arg;
};

static void read_answer(struct job *job, int status)
{
    struct reading *reading = (struct reading *)job;
    reading->done(reading->arg, status, status == 0 ? &reading->key : NULL);
    free(reading);
}

static int read_from_store(struct job *job, const struct store *store)
{
    struct reading *reading = (struct reading *)job;
    struct store_device row;
    struct store_key key;
    int status = store->device_get(store->ctx, reading->id, &row);
    if (status != 0) {
        return status;
    }
    status = store->key_trusted(store->ctx, reading->id, &key);
    if (status == 0 || status == CYAN_E_NOT_FOUND) {
        key_from_rows(&row, status == 0 ? &key : NULL, &reading->key);
        status = 0;
    }
    return status;
}

void registry_key(struct registry *registry, const uint8_t id[static CYAN_ID_LEN], key_fn *done,
                  void *arg)
{
    struct reading *reading = calloc(1, sizeof *reading);
    if (!reading) {
        done(arg, CYAN_E_NO_MEMORY, NULL);
        return;
    }
    reading->job = (struct job){.run = read_from_store, .done = read_answer};
    reading->done = done;
    reading->arg = arg;
    memcpy(reading->id, id, sizeof reading->id);
    jobs_store(registry->jobs, &reading->job);
}

struct proving {
    struct job job;
    struct store_device row; /* what the Hello brings */
    struct device_key key;   /* has the fingerprint from the start */
    key_fn *done;
    void *arg;
};

static void prove_answer(struct job *job, int status)
{
    struct proving *proving = (struct proving *)job;
    proving->done(proving->arg, status, status == 0 ? &proving->key : NULL);
    free(proving);
}

static int prove_in_store(struct job *job, const struct store *store)
{
    struct proving *proving = (struct proving *)job;
    const struct store_device *row = &proving->row;
    struct store_device known;
    struct store_key key;
    int status = store->device_get(store->ctx, row->id, &known);
    if (status == 0) {
        status = store->key_trusted(store->ctx, row->id, &key);
    }
    if (status == CYAN_E_NOT_FOUND) {
        return CYAN_E_REFUSED;
    }
    if (status != 0) {
        return status;
    }
    if (memcmp(key.fingerprint, proving->key.fingerprint, sizeof key.fingerprint) != 0 ||
        (known.has_hello && known.platform_id != row->platform_id)) {
        return CYAN_E_REFUSED;
    }
    key_from_rows(&known, &key, &proving->key);
    status = store->device_hello(store->ctx, row);
    if (status == 0) {
        status = store->key_seen(store->ctx, row->id, key.fingerprint, row->last_handshake_ms,
                                 row->last_ip);
    }
    return status;
}

void registry_proven(struct registry *registry, const uint8_t id[static CYAN_ID_LEN],
                     const uint8_t fingerprint[static CYAN_SHA256_LEN],
                     const struct cyan_hello *hello, const char *address, key_fn *done, void *arg)
{
    struct proving *proving = calloc(1, sizeof *proving);
    if (!proving) {
        done(arg, CYAN_E_NO_MEMORY, NULL);
        return;
    }
    proving->job = (struct job){.run = prove_in_store, .done = prove_answer};
    proving->done = done;
    proving->arg = arg;
    memcpy(proving->key.fingerprint, fingerprint, sizeof proving->key.fingerprint);
    struct store_device *row = &proving->row;
    memcpy(row->id, id, sizeof row->id);
    memcpy(row->last_ip, address, strnlen(address, sizeof row->last_ip - 1));
    row->has_hello = true;
    row->platform_id = hello->platform_id;
    row->product_id = hello->product_id;
    row->product_version = hello->product_version;
    row->last_heard_ms = row->last_handshake_ms = clock_now_ms();
    jobs_store(registry->jobs, &proving->job);
}
