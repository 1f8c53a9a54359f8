/* What people do with keys, and what they get to see of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/cloud/cloud.h"
#include "server/cloud/custody_inner.h"
#include "server/cloud/presence.h"
#include "server/cloud/strangers.h"
#include "server/net/log.h"

struct ordering {
    struct job job;
    struct cloud *cloud;
    struct custody_order order;
    struct custody_outcome outcome;
    int64_t now_ms;
    uint64_t random;
    custody_order_fn *done;
    void *arg;
};

/* The name of whoever brought a key. */
static int read_name(const struct store *store, uint32_t account,
                     char out_name[static ACCOUNT_NAME_MAX + 1])
{
    struct store_account row;
    out_name[0] = '\0';
    int status = account != 0 ? store->account_get(store->ctx, account, &row) : CYAN_E_NOT_FOUND;
    if (status == 0) {
        (void)snprintf(out_name, ACCOUNT_NAME_MAX + 1, "%s", row.name);
    }
    return status == CYAN_E_NOT_FOUND ? 0 : status;
}

static int order_in_store(struct job *job, const struct store *store)
{
    struct ordering *o = (struct ordering *)job;
    const struct custody_change change = {.store = store, .now_ms = o->now_ms, .random = o->random};
    int status = custody_apply_order(&change, &o->order, &o->outcome);
    return status != 0 ? status : read_name(store, o->outcome.key.by_account, o->outcome.by);
}

static void on_ordered(struct job *job, int status)
{
    struct ordering *o = (struct ordering *)job;
    struct custody *custody = o->cloud->custody;
    o->done(o->arg, status, status == 0 || status == CYAN_E_EXISTS ? &o->outcome : NULL);
    if (status == 0) {
        custody_send(custody, &o->outcome);
        custody_end_clone_check(custody, o->order.id);
        custody_review(o->cloud, o->order.id);
    }
    free(o);
}

/* Denies a key of an id that nobody knows: in memory, like the key itself. */
static int deny_stranger(struct ordering *o, struct store_key *key)
{
    o->outcome.was = key->state;
    if (key->state != STORE_KEY_DENIED) {
        key->state = STORE_KEY_DENIED;
        key->changed_ms = o->now_ms;
    }
    o->outcome.key = *key;
    return 0;
}

static void start_on_stranger(struct ordering *o, struct store_key *key)
{
    o->order.has_spki = true;
    memcpy(o->order.spki, key->spki, sizeof o->order.spki);
    if (o->order.action == ACTION_DENY) {
        jobs_later(o->cloud->jobs, &o->job, deny_stranger(o, key));
    } else {
        jobs_store(o->cloud->jobs, &o->job);
    }
}

void custody_order(struct cloud *cloud, const struct custody_order *order, bool is_operator,
                   custody_order_fn *done, void *arg)
{
    const struct cyan_crypto *crypto = cloud->crypto;
    struct ordering *o = calloc(1, sizeof *o);
    if (!o) {
        done(arg, CYAN_E_NO_MEMORY, NULL);
        return;
    }
    o->job = (struct job){.run = order_in_store, .done = on_ordered};
    o->cloud = cloud;
    o->order = *order;
    o->order.may_found = is_operator;
    o->now_ms = clock_now_ms();
    o->done = done;
    o->arg = arg;
    struct store_key *stranger =
        is_operator && order->action != ACTION_UPLOAD
            ? strangers_key(cloud->custody->strangers, order->id, order->fingerprint, o->now_ms)
            : NULL;
    if (crypto->random(crypto->ctx, (uint8_t *)&o->random, sizeof o->random) < 0) {
        jobs_later(cloud->jobs, &o->job, CYAN_E_RANDOM);
    } else if (stranger) {
        start_on_stranger(o, stranger);
    } else {
        jobs_store(cloud->jobs, &o->job);
    }
}

enum key_session custody_session(struct cloud *cloud, const uint8_t id[static CYAN_ID_LEN],
                                 const uint8_t fingerprint[static CYAN_SHA256_LEN],
                                 uint32_t *out_shard, uint64_t *out_serial)
{
    const struct online *online = presence_find(cloud->presence, id);
    const struct held *held = custody_held(cloud, id, fingerprint);
    *out_shard = held ? held->shard : 0;
    *out_serial = held ? held->serial : 0;
    if (online && memcmp(online->fingerprint, fingerprint, CYAN_SHA256_LEN) == 0) {
        *out_serial = 0;
        return KEY_SESSION_FULL;
    }
    return held ? KEY_SESSION_HELD : KEY_SESSION_NONE;
}

/* --- the keys of a device --- */

struct viewing {
    struct job job;
    struct cloud *cloud;
    uint8_t id[CYAN_ID_LEN];
    uint32_t account;
    uint32_t owner; /* of the record: the account's, nobody's, or the account itself of an upload */
    int64_t now_ms;
    struct dossier dossier;
    struct key_view keys[KEYS_VIEW_MAX];
    size_t count;
    custody_keys_fn *done;
    void *arg;
};

static int take_key(void *arg, const struct store_key *key)
{
    struct viewing *v = arg;
    if (v->count < KEYS_VIEW_MAX && dossier_is_alive(key, v->now_ms)) {
        v->keys[v->count++].key = *key;
    }
    return 0;
}

/* To whoever uploaded it, a key that has not proven itself yet is the device's. */
static int take_binding(void *arg, const struct store_binding *binding)
{
    struct viewing *v = arg;
    bool alive = v->now_ms - binding->created_ms < DOSSIER_BINDING_MS;
    if (alive && binding->account == v->account && v->count < KEYS_VIEW_MAX) {
        struct store_key *key = &v->keys[v->count++].key;
        *key = (struct store_key){.state = STORE_KEY_TRUSTED,
                                  .source = STORE_KEY_PROVISIONED,
                                  .by_account = binding->account,
                                  .created_ms = binding->created_ms,
                                  .changed_ms = binding->created_ms};
        memcpy(key->device, binding->device, sizeof key->device);
        memcpy(key->fingerprint, binding->fingerprint, sizeof key->fingerprint);
        memcpy(key->spki, binding->spki, sizeof key->spki);
    }
    return 0;
}

static int view_in_store(struct job *job, const struct store *store)
{
    struct viewing *v = (struct viewing *)job;
    v->count = 0;
    int status = dossier_read_all(store, v->id, v->now_ms, &v->dossier);
    if (status == 0 && v->dossier.known && v->dossier.device.owner != v->owner) {
        status = CYAN_E_NOT_FOUND; /* it changed hands since the record was made */
    }
    if (status != 0) {
        return status;
    }
    status = v->dossier.known ? store->key_each(store->ctx, v->id, take_key, v)
                              : store->binding_each(store->ctx, v->id, take_binding, v);
    for (size_t i = 0; i < v->count && status == 0; i++) {
        status = read_name(store, v->keys[i].key.by_account, v->keys[i].by);
    }
    return status;
}

static void add_stranger(struct viewing *v)
{
    const struct stranger *stranger =
        strangers_find(v->cloud->custody->strangers, v->id, v->now_ms);
    for (size_t i = 0; stranger && i < stranger->count; i++) {
        (void)take_key(v, &stranger->keys[i]);
    }
}

static void on_viewed(struct job *job, int status)
{
    struct viewing *v = (struct viewing *)job;
    struct keys_view view = {.keys = v->keys};
    size_t pending = 0;
    uint32_t shard;
    uint64_t serial;
    if (status == 0 && !v->dossier.known && v->count == 0) {
        add_stranger(v);
    }
    if (status == 0 && !v->dossier.known) {
        policy_choose(&v->dossier.of_device, &v->dossier.of_account, v->id, v->now_ms,
                      &v->dossier.choice);
    }
    for (size_t i = 0; i < v->count; i++) {
        struct key_view *key = &v->keys[i];
        pending += key->key.state == STORE_KEY_PENDING;
        key->session = custody_session(v->cloud, v->id, key->key.fingerprint, &shard, &serial);
    }
    view.choice = v->dossier.choice;
    view.until_ms = view.choice.value == POLICY_ENROLL ? view.choice.of->until_ms : 0;
    view.contested = pending > 1;
    view.count = v->count;
    v->done(v->arg, status, status == 0 ? &view : NULL);
    free(v);
}

void custody_keys(struct cloud *cloud, const struct device_record *device, uint32_t account,
                  custody_keys_fn *done, void *arg)
{
    struct viewing *v = calloc(1, sizeof *v);
    if (!v) {
        done(arg, CYAN_E_NO_MEMORY, NULL);
        return;
    }
    v->job = (struct job){.run = view_in_store, .done = on_viewed};
    v->cloud = cloud;
    v->account = account;
    v->owner = device->owner;
    v->now_ms = clock_now_ms();
    v->done = done;
    v->arg = arg;
    memcpy(v->id, device->id, sizeof v->id);
    jobs_store(cloud->jobs, &v->job);
}

/* --- ids that nobody knows, for the operator --- */

static void record_of(struct cloud *cloud, const uint8_t *id, const struct stranger *stranger,
                      struct device_record *out)
{
    size_t pending = 0;
    *out = (struct device_record){.is_stranger = true};
    memcpy(out->id, id, sizeof out->id);
    for (size_t i = 0; i < stranger->count; i++) {
        const struct store_key *key = &stranger->keys[i];
        pending += key->state == STORE_KEY_PENDING;
        if (key->last_seen_ms > out->last_heard_ms) {
            out->last_heard_ms = out->last_handshake_ms = key->last_seen_ms;
            (void)snprintf(out->last_ip, sizeof out->last_ip, "%s", key->last_ip);
        }
    }
    out->key_state = pending > 1    ? DEVICE_KEY_CONTESTED
                     : pending == 1 ? DEVICE_KEY_PENDING
                                    : DEVICE_KEY_NONE;
    out->held = presence_is_held(cloud->presence, id);
}

int custody_stranger(struct cloud *cloud, const uint8_t id[static CYAN_ID_LEN],
                     struct device_record *out_record)
{
    const struct stranger *stranger = strangers_find(cloud->custody->strangers, id, clock_now_ms());
    if (!stranger) {
        return CYAN_E_NOT_FOUND;
    }
    record_of(cloud, id, stranger, out_record);
    return 0;
}

struct stranger_walk {
    struct cloud *cloud;
    void (*fn)(void *arg, const struct device_record *record);
    void *arg;
};

static void walk_stranger(void *arg, const void *key, void *value)
{
    struct stranger_walk *walk = arg;
    struct device_record record;
    record_of(walk->cloud, key, value, &record);
    if (record.held) {
        walk->fn(walk->arg, &record);
    }
}

void custody_strangers(struct cloud *cloud, void (*fn)(void *arg, const struct device_record *r),
                       void *arg)
{
    struct stranger_walk walk = {.cloud = cloud, .fn = fn, .arg = arg};
    lru_each(cloud->custody->strangers, walk_stranger, &walk);
}

bool custody_may_check(struct cloud *cloud, uint32_t account)
{
    enum { MINUTE_MS = 60000, MOST = 60 };
    int64_t now = clock_now_ms();
    struct key_checks *checks = lru_put(cloud->custody->checks, &account);
    if (!checks) {
        return false;
    }
    if (now - checks->since_ms >= MINUTE_MS) {
        *checks = (struct key_checks){.since_ms = now};
    }
    return ++checks->count <= MOST;
}
