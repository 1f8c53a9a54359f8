#include "server/cloud/custody_apply.h"

#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "server/cloud/apply_inner.h"
#include "server/cloud/audit.h"
#include "server/cloud/device_names.h"
#include "server/cloud/outbox.h"
#include "server/json.h"

static void put_print(struct json *json, const char *key, const uint8_t *print)
{
    char text[2 * CYAN_SHA256_LEN + 1];
    if (print) {
        cyan_hex_encode(print, CYAN_SHA256_LEN, text);
        jsonw_put_text(json, key, text);
    }
}

int apply_tell(const struct custody_change *change, const struct telling *t,
               struct custody_outcome *out)
{
    char detail[STORE_DETAIL_MAX + 1];
    uint8_t head[CYAN_SHA256_LEN];
    struct json json;
    jsonw_init(&json, detail, sizeof detail - 1);
    jsonw_object(&json);
    put_print(&json, "old", t->old_print);
    put_print(&json, "new", t->new_print);
    if (t->via) {
        jsonw_put_text(&json, "via", t->via);
    }
    if (t->reason && t->reason[0] != '\0') {
        jsonw_put_text(&json, "reason", t->reason);
    }
    jsonw_object_end(&json);
    if (jsonw_failed(&json)) {
        return CYAN_E_TOO_LONG;
    }
    detail[json.len] = '\0';
    const struct audit_entry entry = {.account = t->account,
                                      .owner = t->owner,
                                      .device = t->device,
                                      .action = t->action,
                                      .by = t->by ? t->by : "",
                                      .detail = detail,
                                      .at_ms = change->now_ms};
    int status = audit_append(change->store, &entry, head);
    if (status != 0 || !t->event) {
        return status;
    }
    struct outbox_event event = {.name = t->event,
                                 .owner = t->owner,
                                 .old_print = t->old_print,
                                 .new_print = t->new_print,
                                 .cause = t->cause,
                                 .via = t->via,
                                 .by = t->by && t->by[0] != '\0' ? t->by : NULL,
                                 .at_ms = change->now_ms};
    memcpy(event.device, t->device, CYAN_ID_LEN);
    status = outbox_write(change->store, &event, head, &out->events[out->event_count]);
    if (status == 0 && out->events[out->event_count].seq != 0) {
        out->event_count++;
    }
    return status;
}

int custody_free_name(const struct custody_change *change, uint32_t owner, const char *wanted,
                      char out_name[static DEVICE_NAME_MAX + 1])
{
    const struct store *store = change->store;
    struct store_device device;
    struct store_binding binding;
    for (unsigned i = 0; i <= DEVICE_NAMES_ATTEMPTS; i++) {
        char name[DEVICE_NAME_MAX + 1];
        if (i == 0) {
            (void)snprintf(name, sizeof name, "%s", wanted);
        } else {
            device_names_make(change->random, i - 1, name);
        }
        if (name[0] == '\0') {
            continue;
        }
        int status = store->device_find(store->ctx, owner, name, &device);
        if (status == CYAN_E_NOT_FOUND) {
            status = store->binding_find(store->ctx, owner, name, &binding);
        }
        if (status == CYAN_E_NOT_FOUND) {
            (void)snprintf(out_name, DEVICE_NAME_MAX + 1, "%s", name);
            return 0;
        }
        if (status != 0) {
            return status;
        }
    }
    return CYAN_E_EXISTS;
}

int custody_found(const struct custody_change *change, const uint8_t id[static CYAN_ID_LEN],
                  uint32_t owner, const char *name, struct store_key *key)
{
    const struct store *store = change->store;
    struct store_device device = {.owner = owner, .created_ms = change->now_ms};
    struct policy none;
    memcpy(device.id, id, sizeof device.id);
    policy_init(&none);
    int status = store->binding_remove_all(store->ctx, id);
    if (status == 0) {
        status = policy_put_device(store, id, &none); /* whatever is left of earlier days */
    }
    if (status == 0 && owner != 0) {
        status = custody_free_name(change, owner, name, device.name);
    }
    if (status == 0) {
        status = store->device_add(store->ctx, &device);
    }
    if (status == 0) {
        key->state = STORE_KEY_TRUSTED;
        key->created_ms = key->changed_ms = change->now_ms;
        memcpy(key->device, id, sizeof key->device);
        status = store->key_put(store->ctx, key);
    }
    return status;
}

/* The trusted key steps back; old may be NULL. */
static int retire(const struct custody_change *change, struct store_key *old,
                  const struct store_key *successor)
{
    if (!old) {
        return 0;
    }
    old->state = STORE_KEY_RETIRED;
    old->changed_ms = change->now_ms;
    old->replaced_via = successor->source;
    old->has_replaced_by = true;
    memcpy(old->replaced_by, successor->fingerprint, sizeof old->replaced_by);
    return change->store->key_put(change->store->ctx, old);
}

int apply_trust(const struct custody_change *change, struct store_key *key,
                enum store_key_source source, struct store_key *old)
{
    key->state = STORE_KEY_TRUSTED;
    key->source = source;
    key->changed_ms = change->now_ms;
    key->replaced_via = STORE_KEY_NO_SOURCE;
    key->has_replaced_by = false;
    int status = retire(change, old, key);
    return status != 0 ? status : change->store->key_put(change->store->ctx, key);
}

/* Keys that have expired, some of them. */
struct expired {
    int64_t now_ms;
    uint8_t prints[DOSSIER_PENDING_MAX + DOSSIER_DENIED_MAX][CYAN_SHA256_LEN];
    size_t count;
};

static int find_expired(void *arg, const struct store_key *key)
{
    struct expired *expired = arg;
    if (!dossier_is_alive(key, expired->now_ms) &&
        expired->count < sizeof expired->prints / sizeof expired->prints[0]) {
        memcpy(expired->prints[expired->count++], key->fingerprint, CYAN_SHA256_LEN);
    }
    return 0;
}

int apply_sweep(const struct custody_change *change, const uint8_t *id)
{
    const struct store *store = change->store;
    struct expired expired = {.now_ms = change->now_ms};
    int status = store->key_each(store->ctx, id, find_expired, &expired);
    for (size_t i = 0; i < expired.count && status == 0; i++) {
        status = store->key_remove(store->ctx, id, expired.prints[i]);
    }
    return status;
}
