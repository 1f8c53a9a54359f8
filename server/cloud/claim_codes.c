/* Claim codes: made for an account, said by a device. */
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "server/cloud/audit.h"
#include "server/cloud/cloud.h"
#include "server/cloud/custody.h"
#include "server/cloud/held.h"
#include "server/cloud/incidents.h"
#include "server/cloud/jobs.h"
#include "server/cloud/link.h"
#include "server/cloud/outbox.h"
#include "server/cloud/ownership.h"
#include "server/net/log.h"

struct making {
    struct job job;
    struct cloud *cloud;
    uint32_t account;
    int64_t now_ms;
    char code[CLAIM_CODE_LEN + 1];
    uint8_t hash[CYAN_SHA256_LEN];
    claim_code_fn *done;
    void *arg;
};

static int make_in_store(struct job *job, const struct store *store)
{
    struct making *m = (struct making *)job;
    int status = store->claim_put(store->ctx, m->hash, m->account, m->now_ms);
    return status != 0 ? status
                       : store->claim_trim(store->ctx, m->now_ms - CLAIM_CODE_LIFE_MS, m->account,
                                           CLAIM_CODES_MAX);
}

static void made(struct job *job, int status)
{
    struct making *m = (struct making *)job;
    m->done(m->arg, status, status == 0 ? m->code : NULL);
    cyan_wipe(m, sizeof *m);
    free(m);
}

/* 63 characters of 64: 378 random bits. */
static int draw(const struct cyan_crypto *crypto, char out[static CLAIM_CODE_LEN + 1])
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint8_t bytes[CLAIM_CODE_LEN];
    int status = crypto->random(crypto->ctx, bytes, sizeof bytes);
    for (size_t i = 0; status == 0 && i < sizeof bytes; i++) {
        out[i] = letters[bytes[i] % 64];
    }
    out[CLAIM_CODE_LEN] = '\0';
    cyan_wipe(bytes, sizeof bytes);
    return status;
}

void ownership_make_code(struct cloud *cloud, const struct account *account, claim_code_fn *done,
                         void *arg)
{
    const struct cyan_crypto *crypto = cloud->crypto;
    struct making *m = calloc(1, sizeof *m);
    if (!m) {
        done(arg, CYAN_E_NO_MEMORY, NULL);
        return;
    }
    m->job = (struct job){.run = make_in_store, .done = made};
    m->cloud = cloud;
    m->account = account->id;
    m->now_ms = clock_now_ms();
    m->done = done;
    m->arg = arg;
    int status = draw(crypto, m->code);
    if (status == 0) {
        status = crypto->sha256(crypto->ctx, m->code, CLAIM_CODE_LEN, m->hash);
    }
    if (status < 0) {
        jobs_later(cloud->jobs, &m->job, status);
    } else {
        jobs_store(cloud->jobs, &m->job);
    }
}

/* --- a device says one --- */

struct coming {
    struct job job;
    struct cloud *cloud;
    bool is_held;
    uint8_t id[CYAN_ID_LEN];
    uint8_t spki[CYAN_DEVICE_SPKI_LEN]; /* of the held session */
    uint8_t fingerprint[CYAN_SHA256_LEN];
    uint8_t hash[CYAN_SHA256_LEN];
    int64_t now_ms;
    uint64_t random;
    uint32_t owner; /* from now on; 0: the code did not count */
    struct custody_outcome outcome;
};

static int find_account(const struct coming *c, const struct store *store,
                        struct store_account *out_account)
{
    uint32_t id = 0;
    int64_t created_ms = 0;
    int status = store->claim_get(store->ctx, c->hash, &id, &created_ms);
    if (status == 0 && c->now_ms - created_ms >= CLAIM_CODE_LIFE_MS) {
        status = CYAN_E_NOT_FOUND;
    }
    if (status == 0) {
        status = store->claim_remove(store->ctx, c->hash);
    }
    return status != 0 ? status : store->account_get(store->ctx, id, out_account);
}

/* The claim's row in the audit and, when a key became trusted by it, the event. */
static int tell(struct coming *c, const struct store *store, const struct store_account *account,
                bool with_event)
{
    uint8_t head[CYAN_SHA256_LEN];
    const struct audit_entry entry = {.account = account->id,
                                      .owner = account->id,
                                      .device = c->id,
                                      .action = "claim",
                                      .by = account->name,
                                      .detail = "{\"via\":\"claim\"}",
                                      .at_ms = c->now_ms};
    int status = audit_append(store, &entry, head);
    if (status != 0 || !with_event) {
        return status;
    }
    struct outbox_event event = {.name = "cyan/key/changed",
                                 .owner = account->id,
                                 .new_print = c->fingerprint,
                                 .via = "claim",
                                 .by = account->name,
                                 .at_ms = c->now_ms};
    memcpy(event.device, c->id, sizeof event.device);
    status = outbox_write(store, &event, head, &c->outcome.events[0]);
    c->outcome.event_count = status == 0 && c->outcome.events[0].seq != 0;
    return status;
}

/* From a full session: it counts when nobody owns the device. */
static int claim_full(struct coming *c, const struct store *store,
                      const struct custody_change *change, const struct store_account *account,
                      struct store_device *row)
{
    if (row->owner != 0) {
        return 0;
    }
    int status = custody_free_name(change, account->id, row->name, row->name);
    if (status == 0) {
        status = store->device_owner(store->ctx, c->id, account->id, row->name);
    }
    c->owner = account->id;
    return status;
}

static void key_of(const struct coming *c, const struct store_account *account,
                   struct store_key *out)
{
    *out = (struct store_key){.state = STORE_KEY_TRUSTED,
                              .source = STORE_KEY_APPROVED,
                              .by_account = account->id,
                              .created_ms = c->now_ms,
                              .changed_ms = c->now_ms};
    memcpy(out->device, c->id, sizeof out->device);
    memcpy(out->spki, c->spki, sizeof out->spki);
    memcpy(out->fingerprint, c->fingerprint, sizeof out->fingerprint);
}

/* From a held session of the owner's own device it is an approval. */
static int approve_by_code(struct coming *c, const struct custody_change *change,
                           const struct store_account *account)
{
    struct custody_order order = {.account = account->id, .action = ACTION_APPROVE, .via = "claim"};
    memcpy(order.by, account->name, strnlen(account->name, sizeof order.by - 1));
    memcpy(order.id, c->id, sizeof order.id);
    memcpy(order.fingerprint, c->fingerprint, sizeof order.fingerprint);
    int status = custody_apply_order(change, &order, &c->outcome);
    c->owner = account->id;
    return status;
}

/* From a held session of an id without a trusted key it makes the account the owner. */
static int claim_held(struct coming *c, const struct store *store,
                      const struct custody_change *change, const struct store_account *account,
                      const struct store_device *row)
{
    struct store_key key;
    if (!row) {
        key_of(c, account, &key);
        int status = custody_found(change, c->id, account->id, "", &key);
        c->owner = account->id;
        return status != 0 ? status : tell(c, store, account, true);
    }
    if (row->owner == account->id) {
        return approve_by_code(c, change, account);
    }
    int status = store->key_trusted(store->ctx, c->id, &key);
    if (status != CYAN_E_NOT_FOUND || row->owner != 0) {
        return status == CYAN_E_NOT_FOUND ? 0 : status;
    }
    /* A key that a person has spoken against stays refused, whoever says the code. */
    status = store->key_get(store->ctx, c->id, c->fingerprint, &key);
    if (status == 0 && (key.state == STORE_KEY_REVOKED ||
                        (key.state == STORE_KEY_DENIED && dossier_is_alive(&key, c->now_ms)))) {
        return 0;
    }
    struct store_device named = *row;
    key_of(c, account, &key);
    status = store->key_put(store->ctx, &key);
    if (status == 0) {
        status = claim_full(c, store, change, account, &named);
    }
    return status != 0 ? status : tell(c, store, account, true);
}

static int come_in_store(struct job *job, const struct store *store)
{
    struct coming *c = (struct coming *)job;
    struct store_account account;
    struct store_device row;
    const struct custody_change change = {.store = store, .now_ms = c->now_ms, .random = c->random};
    c->owner = 0;
    c->outcome = (struct custody_outcome){0};
    int status = find_account(c, store, &account);
    if (status != 0) {
        return status;
    }
    status = store->device_get(store->ctx, c->id, &row);
    bool known = status == 0;
    if (status != 0 && status != CYAN_E_NOT_FOUND) {
        return status;
    }
    if (c->is_held) {
        return claim_held(c, store, &change, &account, known ? &row : NULL);
    }
    status = known ? claim_full(c, store, &change, &account, &row) : 0;
    return status == 0 && c->owner != 0 ? tell(c, store, &account, false) : status;
}

static void came(struct job *job, int status)
{
    struct coming *c = (struct coming *)job;
    struct cloud *cloud = c->cloud;
    if (status == 0 && c->owner != 0) {
        incidents_owner(cloud->incidents, c->id, c->owner);
        link_set_owner(cloud->link, c->id, c->owner);
        for (size_t i = 0; i < c->outcome.event_count; i++) {
            outbox_send(cloud->outbox, &c->outcome.events[i]);
        }
        custody_review(cloud, c->id);
    } else if (status != 0 && status != CYAN_E_NOT_FOUND && status != CYAN_E_EXISTS) {
        log_write(LOG_WARN, "a claim code did not count", "cause", cyan_err_text(status), NULL);
    }
    free(c);
}

void ownership_code_came(struct cloud *cloud, const uint8_t id[static CYAN_ID_LEN],
                         uint64_t held_serial, const char *code, size_t len)
{
    const struct cyan_crypto *crypto = cloud->crypto;
    const struct held *h = held_serial != 0 ? custody_held_by_serial(cloud, held_serial) : NULL;
    if (len != CLAIM_CODE_LEN || (held_serial != 0 && !h)) {
        return;
    }
    struct coming *c = calloc(1, sizeof *c);
    if (!c) {
        return;
    }
    c->job = (struct job){.run = come_in_store, .done = came};
    c->cloud = cloud;
    c->is_held = h != NULL;
    c->now_ms = clock_now_ms();
    memcpy(c->id, id, sizeof c->id);
    if (h) {
        memcpy(c->spki, h->c.spki, sizeof c->spki);
        memcpy(c->fingerprint, h->c.fingerprint, sizeof c->fingerprint);
    }
    if (crypto->random(crypto->ctx, (uint8_t *)&c->random, sizeof c->random) < 0 ||
        crypto->sha256(crypto->ctx, code, len, c->hash) < 0) {
        free(c);
        return;
    }
    jobs_store(cloud->jobs, &c->job);
}
