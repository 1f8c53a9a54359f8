#include "server/cloud/ownership.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/cloud/audit.h"
#include "server/cloud/cloud.h"
#include "server/cloud/custody.h"
#include "server/cloud/incidents.h"
#include "server/cloud/jobs.h"
#include "server/cloud/link.h"
#include "server/cloud/outbox.h"
#include "server/cloud/presence.h"
#include "server/net/log.h"

/* One of the three that an account does. */
struct owning {
    struct job job;
    struct cloud *cloud;
    struct account account;
    uint8_t id[CYAN_ID_LEN];
    struct upload upload;
    uint8_t fingerprint[CYAN_SHA256_LEN];
    int64_t now_ms;
    uint64_t random;
    bool is_binding, owner_changed;
    struct store_device row;
    struct store_binding binding;
    enum device_key_state key_state;
    struct custody_outcome outcome;
    record_fn *done;
    status_fn *done_status; /* of a release */
    void *arg;
};

static struct custody_change change_of(const struct owning *o, const struct store *store)
{
    return (struct custody_change){.store = store, .now_ms = o->now_ms, .random = o->random};
}

/* The new owner is told to whoever keeps it in memory. */
static void spread_owner(struct cloud *cloud, const uint8_t *id, uint32_t owner)
{
    incidents_owner(cloud->incidents, id, owner);
    link_set_owner(cloud->link, id, owner);
}

static void answer(struct job *job, int status)
{
    struct owning *o = (struct owning *)job;
    struct device_record record;
    if (status == 0 && o->owner_changed) {
        spread_owner(o->cloud, o->id, o->row.owner);
    }
    if (status == 0 && o->is_binding) {
        registry_binding_record(&o->binding, &record);
    } else if (status == 0) {
        registry_record(o->cloud->registry, &o->row, o->key_state, &record);
    }
    o->done(o->arg, status, status == 0 ? &record : NULL);
    if (status == 0) {
        for (size_t i = 0; i < o->outcome.event_count; i++) {
            outbox_send(o->cloud->outbox, &o->outcome.events[i]);
        }
        custody_review(o->cloud, o->id);
    }
    free(o);
}

static struct owning *owning_create(struct cloud *cloud, const struct account *account,
                                    const uint8_t *id, void *arg)
{
    struct owning *o = calloc(1, sizeof *o);
    if (o) {
        o->cloud = cloud;
        o->account = *account;
        memcpy(o->id, id, sizeof o->id);
        o->now_ms = clock_now_ms();
        o->arg = arg;
    }
    return o;
}

static void start(struct owning *o)
{
    const struct cyan_crypto *crypto = o->cloud->crypto;
    int status = crypto->random(crypto->ctx, (uint8_t *)&o->random, sizeof o->random);
    if (status < 0) {
        jobs_later(o->cloud->jobs, &o->job, status);
    } else {
        jobs_store(o->cloud->jobs, &o->job);
    }
}

static int note_owner(const struct owning *o, const struct store *store, const char *action)
{
    uint8_t head[CYAN_SHA256_LEN];
    const struct audit_entry entry = {.account = o->account.id,
                                      .owner = o->account.id,
                                      .device = o->id,
                                      .action = action,
                                      .by = o->account.name,
                                      .detail = "{}",
                                      .at_ms = o->now_ms};
    return audit_append(store, &entry, head);
}

/* --- uploads --- */

struct others {
    uint32_t account;
    int64_t now_ms;
    size_t count;
    bool has_own;
    struct store_binding own;
};

static int count_binding(void *arg, const struct store_binding *binding)
{
    struct others *others = arg;
    if (binding->account == others->account) {
        others->own = *binding;
        others->has_own = true;
    } else if (others->now_ms - binding->created_ms < DOSSIER_BINDING_MS) {
        others->count++;
    }
    return 0;
}

static int bind_to_account(struct owning *o, const struct store *store)
{
    struct others others = {.account = o->account.id, .now_ms = o->now_ms};
    struct custody_change change = change_of(o, store);
    struct store_binding *binding = &o->binding;
    int status = store->binding_trim(store->ctx, o->now_ms - DOSSIER_BINDING_MS);
    if (status == 0) {
        status = store->binding_each(store->ctx, o->id, count_binding, &others);
    }
    if (status == 0 && others.count >= DOSSIER_BINDINGS_MAX) {
        status = CYAN_E_REFUSED;
    }
    if (status == 0 && !others.has_own) {
        uint64_t waiting = 0;
        status = store->binding_count(store->ctx, o->account.id, &waiting);
        if (status == 0 && waiting >= UPLOADS_MAX) {
            status = CYAN_E_NO_SPACE;
        }
    }
    *binding = (struct store_binding){.account = o->account.id, .created_ms = o->now_ms};
    if (status == 0 && others.has_own) {
        memcpy(binding->name, others.own.name, sizeof binding->name);
    } else if (status == 0) {
        status = custody_free_name(&change, o->account.id, "", binding->name);
    }
    memcpy(binding->device, o->id, sizeof binding->device);
    memcpy(binding->spki, o->upload.spki, sizeof binding->spki);
    binding->has_recovery = o->upload.has_recovery;
    memcpy(binding->recovery, o->upload.recovery, sizeof binding->recovery);
    memcpy(binding->fingerprint, o->fingerprint, sizeof binding->fingerprint);
    o->is_binding = true;
    return status != 0 ? status : store->binding_put(store->ctx, binding);
}

/* Whoever holds its other half can make a key trusted: that it changed is a row of the audit. */
static int put_recovery(const struct owning *o, const struct store *store)
{
    if (o->row.has_recovery &&
        memcmp(o->row.recovery, o->upload.recovery, sizeof o->row.recovery) == 0) {
        return 0;
    }
    int status = store->device_recovery(store->ctx, o->id, o->upload.recovery);
    return status != 0 ? status : note_owner(o, store, "recovery-key");
}

static int upload_in_store(struct job *job, const struct store *store)
{
    struct owning *o = (struct owning *)job;
    struct custody_change change = change_of(o, store);
    struct custody_order order = {
        .account = o->account.id, .action = ACTION_UPLOAD, .via = "upload", .has_spki = true};
    o->is_binding = false;
    int status = store->device_get(store->ctx, o->id, &o->row);
    if (status == CYAN_E_NOT_FOUND) {
        return bind_to_account(o, store);
    }
    if (status != 0) {
        return status;
    }
    memcpy(order.by, o->account.name, sizeof order.by);
    memcpy(order.id, o->id, sizeof order.id);
    memcpy(order.fingerprint, o->fingerprint, sizeof order.fingerprint);
    memcpy(order.spki, o->upload.spki, sizeof order.spki);
    status = custody_apply_order(&change, &order, &o->outcome);
    if (status == 0 && o->upload.has_recovery) {
        status = put_recovery(o, store);
    }
    return status != 0 ? status : registry_key_state(store, o->id, o->now_ms, &o->key_state);
}

void ownership_upload(struct cloud *cloud, const struct account *account,
                      const struct upload *upload, record_fn *done, void *arg)
{
    const struct cyan_crypto *crypto = cloud->crypto;
    struct owning *o = owning_create(cloud, account, upload->id, arg);
    if (!o) {
        done(arg, CYAN_E_NO_MEMORY, NULL);
        return;
    }
    o->job = (struct job){.run = upload_in_store, .done = answer};
    o->done = done;
    o->upload = *upload;
    int status = crypto->sha256(crypto->ctx, upload->spki, sizeof upload->spki, o->fingerprint);
    if (status < 0) {
        jobs_later(cloud->jobs, &o->job, status);
    } else {
        start(o);
    }
}

/* --- by id --- */

static int give(struct owning *o, const struct store *store, const char *action)
{
    struct custody_change change = change_of(o, store);
    int status = custody_free_name(&change, o->account.id, o->row.name, o->row.name);
    if (status == 0) {
        status = store->device_owner(store->ctx, o->id, o->account.id, o->row.name);
    }
    o->row.owner = o->account.id;
    o->owner_changed = true;
    return status != 0 ? status : note_owner(o, store, action);
}

static int claim_in_store(struct job *job, const struct store *store)
{
    struct owning *o = (struct owning *)job;
    o->owner_changed = false;
    int status = store->device_get(store->ctx, o->id, &o->row);
    if (status == 0 && o->row.owner == 0) {
        status = give(o, store, "claim");
    } else if (status == 0 && o->row.owner != o->account.id) {
        status = CYAN_E_REFUSED;
    }
    return status != 0 ? status : registry_key_state(store, o->id, o->now_ms, &o->key_state);
}

void ownership_claim(struct cloud *cloud, const struct account *account,
                     const uint8_t id[static CYAN_ID_LEN], record_fn *done, void *arg)
{
    struct owning *o = owning_create(cloud, account, id, arg);
    if (!o) {
        done(arg, CYAN_E_NO_MEMORY, NULL);
        return;
    }
    o->job = (struct job){.run = claim_in_store, .done = answer};
    o->done = done;
    start(o);
}

struct announced {
    struct store_key key;
    bool found;
};

static int find_announced(void *arg, const struct store_key *key)
{
    struct announced *announced = arg;
    if (key->state == STORE_KEY_ANNOUNCED) {
        announced->key = *key;
        announced->found = true;
    }
    return 0;
}

/* Whoever gives a device up keeps no way back into it: neither a policy, nor a key that waits, nor
 * a recovery key that was uploaded. A device brings its own again with its next cyan/hello. */
static int drop_ways_back(const struct owning *o, const struct store *store)
{
    struct announced announced = {.found = false};
    struct policy none;
    policy_init(&none);
    int status = policy_put_device(store, o->id, &none);
    if (status == 0) {
        status = store->device_recovery(store->ctx, o->id, NULL);
    }
    if (status == 0) {
        status = store->key_each(store->ctx, o->id, find_announced, &announced);
    }
    return status == 0 && announced.found
               ? store->key_remove(store->ctx, o->id, announced.key.fingerprint)
               : status;
}

static int release_in_store(struct job *job, const struct store *store)
{
    struct owning *o = (struct owning *)job;
    o->is_binding = false;
    int status = store->device_get(store->ctx, o->id, &o->row);
    if (status == CYAN_E_NOT_FOUND) {
        struct others others = {.account = o->account.id};
        status = store->binding_each(store->ctx, o->id, count_binding, &others);
        if (status == 0 && !others.has_own) {
            status = CYAN_E_NOT_FOUND;
        }
        o->is_binding = true;
        return status != 0 ? status : store->binding_remove(store->ctx, o->id, o->account.id);
    }
    if (status == 0 && o->row.owner != o->account.id) {
        status = CYAN_E_REFUSED;
    }
    if (status == 0) {
        status = store->device_owner(store->ctx, o->id, 0, "");
    }
    if (status == 0) {
        status = drop_ways_back(o, store);
    }
    return status != 0 ? status : note_owner(o, store, "unclaim");
}

static void release_answer(struct job *job, int status)
{
    struct owning *o = (struct owning *)job;
    if (status == 0 && !o->is_binding) { /* an upload that binds nobody ends nobody's session */
        spread_owner(o->cloud, o->id, 0);
        custody_expel(o->cloud, o->id);
    }
    o->done_status(o->arg, status);
    free(o);
}

void ownership_release(struct cloud *cloud, const struct account *account,
                       const uint8_t id[static CYAN_ID_LEN], status_fn *done, void *arg)
{
    struct owning *o = owning_create(cloud, account, id, arg);
    if (!o) {
        done(arg, CYAN_E_NO_MEMORY);
        return;
    }
    o->job = (struct job){.run = release_in_store, .done = release_answer};
    o->done_status = done;
    start(o);
}
