#include "server/cloud/registry.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/hex.h"
#include "server/cloud/dossier.h"
#include "server/cloud/jobs.h"
#include "server/cloud/lru.h"
#include "server/cloud/presence.h"
#include "server/net/log.h"

enum {
    HEARD_MAX = 4096, /* devices whose last time waits to be stored */
    HEARD_STORE_MS = 10000,
};

struct registry {
    struct jobs *jobs;
    struct presence *presence;
    struct lru *heard; /* id: int64_t, not yet given to the store */
    uv_timer_t timer;  /* runs while there is something in heard */
    bool closed;
};

static int64_t later_of(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

_Static_assert(sizeof((struct device_record *)0)->name == sizeof((struct store_device *)0)->name &&
                   sizeof((struct device_record *)0)->last_ip ==
                       sizeof((struct store_device *)0)->last_ip,
               "texts fit");

void registry_record(struct registry *registry, const struct store_device *row,
                     enum device_key_state key_state, struct device_record *out_record)
{
    const int64_t *heard = lru_find(registry->heard, row->id);
    const struct online *online = presence_find(registry->presence, row->id);
    *out_record = (struct device_record){
        .owner = row->owner,
        .last_heard_ms = row->last_heard_ms,
        .last_handshake_ms = row->last_handshake_ms,
        .platform_id = row->platform_id,
        .product_id = row->product_id,
        .product_version = row->product_version,
        .has_hello = row->has_hello,
        .connected = online != NULL,
        .key_state = key_state,
        .held = presence_is_held(registry->presence, row->id),
    };
    memcpy(out_record->id, row->id, sizeof out_record->id);
    memcpy(out_record->name, row->name, sizeof out_record->name);
    memcpy(out_record->last_ip, row->last_ip, sizeof out_record->last_ip);
    if (heard) {
        out_record->last_heard_ms = later_of(out_record->last_heard_ms, *heard);
    }
    if (online) {
        out_record->last_heard_ms = later_of(out_record->last_heard_ms, online->last_heard_ms);
    }
}

/* Whoever is held under this id has another key: that is the operator's to know. */
void registry_binding_record(const struct store_binding *binding, struct device_record *out_record)
{
    *out_record = (struct device_record){
        .owner = binding->account, .key_state = DEVICE_KEY_TRUSTED, .is_provisional = true};
    memcpy(out_record->id, binding->device, sizeof out_record->id);
    memcpy(out_record->name, binding->name, sizeof out_record->name);
}

struct key_walk {
    int64_t now_ms;
    size_t trusted, pending, revoked;
};

static int count_key(void *arg, const struct store_key *key)
{
    struct key_walk *walk = arg;
    if (dossier_is_alive(key, walk->now_ms)) {
        walk->trusted += key->state == STORE_KEY_TRUSTED;
        walk->pending += key->state == STORE_KEY_PENDING;
        walk->revoked += key->state == STORE_KEY_REVOKED;
    }
    return 0;
}

int registry_key_state(const struct store *store, const uint8_t id[static CYAN_ID_LEN],
                       int64_t now_ms, enum device_key_state *out_state)
{
    struct key_walk walk = {.now_ms = now_ms};
    int status = store->key_each(store->ctx, id, count_key, &walk);
    if (status == 0) {
        *out_state = walk.pending > 1    ? DEVICE_KEY_CONTESTED
                     : walk.pending == 1 ? DEVICE_KEY_PENDING
                     : walk.trusted > 0  ? DEVICE_KEY_TRUSTED
                     : walk.revoked > 0  ? DEVICE_KEY_REVOKED
                                         : DEVICE_KEY_NONE;
    }
    return status;
}

struct resolving {
    struct job job;
    struct registry *registry;
    uint32_t account;
    bool is_operator;
    bool by_id;
    char text[STORE_DEVICE_NAME_MAX + 1];
    struct store_device row; /* its id is set when by_id */
    enum device_key_state key_state;
    bool is_binding;
    struct store_binding binding;
    int64_t now_ms;
    record_fn *done;
    void *arg;
};

static void resolve_answer(struct job *job, int status)
{
    struct resolving *r = (struct resolving *)job;
    struct device_record record;
    if (status == 0 && r->is_binding) {
        registry_binding_record(&r->binding, &record);
    } else if (status == 0) {
        registry_record(r->registry, &r->row, r->key_state, &record);
    }
    r->done(r->arg, status, status == 0 ? &record : NULL);
    free(r);
}

static int take_own_binding(void *arg, const struct store_binding *binding)
{
    struct resolving *r = arg;
    if (binding->account == r->account && r->now_ms - binding->created_ms < DOSSIER_BINDING_MS) {
        r->binding = *binding;
        r->is_binding = true;
    }
    return 0;
}

static int resolve_id(struct resolving *r, const struct store *store)
{
    struct store_device row;
    int status = store->device_get(store->ctx, r->row.id, &row);
    if (status == CYAN_E_NOT_FOUND) {
        status = store->binding_each(store->ctx, r->row.id, take_own_binding, r);
        return status == 0 && !r->is_binding ? CYAN_E_NOT_FOUND : status;
    }
    bool own = row.owner == r->account || (row.owner == 0 && r->is_operator);
    if (status == 0 && !own) {
        status = CYAN_E_REFUSED;
    }
    if (status == 0) {
        r->row = row;
    }
    return status;
}

static int resolve_name(struct resolving *r, const struct store *store)
{
    int status = store->device_find(store->ctx, r->account, r->text, &r->row);
    if (status == CYAN_E_NOT_FOUND) {
        status = store->binding_find(store->ctx, r->account, r->text, &r->binding);
        r->is_binding = status == 0;
        if (status == 0 && r->now_ms - r->binding.created_ms >= DOSSIER_BINDING_MS) {
            status = CYAN_E_NOT_FOUND;
        }
    }
    return status;
}

static int resolve_in_store(struct job *job, const struct store *store)
{
    struct resolving *r = (struct resolving *)job;
    r->is_binding = false;
    int status = r->by_id ? resolve_id(r, store) : resolve_name(r, store);
    return status == 0 && !r->is_binding
               ? registry_key_state(store, r->row.id, r->now_ms, &r->key_state)
               : status;
}

void registry_resolve(struct registry *registry, uint32_t account, bool is_operator,
                      const char *text, record_fn *done, void *arg)
{
    struct resolving *resolving = calloc(1, sizeof *resolving);
    if (!resolving) {
        done(arg, CYAN_E_NO_MEMORY, NULL);
        return;
    }
    resolving->job = (struct job){.run = resolve_in_store, .done = resolve_answer};
    resolving->registry = registry;
    resolving->account = account;
    resolving->is_operator = is_operator;
    resolving->now_ms = clock_now_ms();
    resolving->done = done;
    resolving->arg = arg;
    size_t len = strnlen(text, sizeof resolving->text);
    resolving->by_id = cyan_hex_decode(text, len, resolving->row.id, CYAN_ID_LEN) == 0;
    if (len == 0 || len == sizeof resolving->text) {
        jobs_later(registry->jobs, &resolving->job, CYAN_E_NOT_FOUND);
        return;
    }
    memcpy(resolving->text, text, len);
    jobs_store(registry->jobs, &resolving->job);
}

/* A row of the list: a device, or an upload. */
struct listed {
    bool is_binding;
    enum device_key_state key_state;
    struct store_device row;
    struct store_binding binding;
};

struct listing {
    struct job job;
    struct registry *registry;
    uint32_t account;
    bool with_nobodys;
    int64_t now_ms;
    struct listed *rows;
    size_t count, cap;
    record_list_fn *done;
    void *arg;
};

static void list_answer(struct job *job, int status)
{
    struct listing *listing = (struct listing *)job;
    struct device_record *records = NULL;
    if (status == 0 && listing->count > 0) {
        records = calloc(listing->count, sizeof *records);
        status = records ? 0 : CYAN_E_NO_MEMORY;
    }
    for (size_t i = 0; records && i < listing->count; i++) {
        const struct listed *row = &listing->rows[i];
        if (row->is_binding) {
            registry_binding_record(&row->binding, &records[i]);
        } else {
            registry_record(listing->registry, &row->row, row->key_state, &records[i]);
        }
    }
    listing->done(listing->arg, status, records, status == 0 ? listing->count : 0);
    free(records);
    free(listing->rows);
    free(listing);
}

static struct listed *list_room(struct listing *listing)
{
    enum { FIRST = 16 };
    if (listing->count == listing->cap) {
        size_t cap = listing->cap ? listing->cap * 2 : FIRST;
        struct listed *rows = realloc(listing->rows, cap * sizeof *rows);
        if (!rows) {
            return NULL;
        }
        listing->rows = rows;
        listing->cap = cap;
    }
    struct listed *row = &listing->rows[listing->count++];
    *row = (struct listed){.is_binding = false};
    return row;
}

static int list_device(void *arg, const struct store_device *device)
{
    struct listed *row = list_room(arg);
    if (!row) {
        return CYAN_E_NO_MEMORY;
    }
    row->row = *device;
    return 0;
}

static int list_binding(void *arg, const struct store_binding *binding)
{
    struct listing *listing = arg;
    if (listing->now_ms - binding->created_ms >= DOSSIER_BINDING_MS) {
        return 0;
    }
    struct listed *row = list_room(listing);
    if (!row) {
        return CYAN_E_NO_MEMORY;
    }
    row->binding = *binding;
    row->is_binding = true;
    return 0;
}

static int list_from_store(struct job *job, const struct store *store)
{
    struct listing *listing = (struct listing *)job;
    listing->count = 0;
    int status = store->device_each(store->ctx, listing->account, list_device, listing);
    if (status == 0 && listing->with_nobodys) {
        status = store->device_each(store->ctx, 0, list_device, listing);
    }
    for (size_t i = 0; i < listing->count && status == 0; i++) {
        struct listed *row = &listing->rows[i];
        status = registry_key_state(store, row->row.id, listing->now_ms, &row->key_state);
    }
    return status != 0
               ? status
               : store->binding_of_account(store->ctx, listing->account, list_binding, listing);
}

void registry_list(struct registry *registry, uint32_t account, bool with_nobodys,
                   record_list_fn *done, void *arg)
{
    struct listing *listing = calloc(1, sizeof *listing);
    if (!listing) {
        done(arg, CYAN_E_NO_MEMORY, NULL, 0);
        return;
    }
    listing->job = (struct job){.run = list_from_store, .done = list_answer};
    listing->registry = registry;
    listing->account = account;
    listing->with_nobodys = with_nobodys;
    listing->now_ms = clock_now_ms();
    listing->done = done;
    listing->arg = arg;
    jobs_store(registry->jobs, &listing->job);
}

struct heard {
    uint8_t id[CYAN_ID_LEN];
    int64_t ms;
};

struct hearing {
    struct job job;
    size_t count;
    struct heard heard[];
};

static int heard_in_store(struct job *job, const struct store *store)
{
    struct hearing *hearing = (struct hearing *)job;
    int status = 0;
    for (size_t i = 0; i < hearing->count && status == 0; i++) {
        status = store->device_heard(store->ctx, hearing->heard[i].id, hearing->heard[i].ms);
    }
    return status;
}

static void heard_stored(struct job *job, int status)
{
    if (status != 0) {
        log_write(LOG_WARN, "when devices were last heard could not be stored", "cause",
                  cyan_err_text(status), NULL);
    }
    free(job);
}

static void collect(void *arg, const void *key, void *value)
{
    struct hearing *hearing = arg;
    struct heard *heard = &hearing->heard[hearing->count++];
    memcpy(heard->id, key, sizeof heard->id);
    memcpy(&heard->ms, value, sizeof heard->ms);
}

static void store_heard(struct registry *registry)
{
    size_t count = lru_count(registry->heard);
    if (count == 0) {
        return;
    }
    struct hearing *hearing = calloc(1, sizeof *hearing + count * sizeof hearing->heard[0]);
    if (!hearing) {
        return; /* they stay for the next time */
    }
    hearing->job = (struct job){.run = heard_in_store, .done = heard_stored};
    lru_each(registry->heard, collect, hearing);
    lru_clear(registry->heard);
    jobs_store(registry->jobs, &hearing->job);
}

static void on_timer(uv_timer_t *timer)
{
    store_heard(timer->data);
}

void registry_heard(struct registry *registry, const uint8_t id[static CYAN_ID_LEN],
                    int64_t heard_ms)
{
    int64_t *heard = lru_put(registry->heard, id);
    if (!heard) {
        return; /* the next byte of this device comes soon */
    }
    *heard = later_of(*heard, heard_ms);
    if (lru_count(registry->heard) >= HEARD_MAX) {
        store_heard(registry);
    } else if (!uv_is_active((uv_handle_t *)&registry->timer)) {
        uv_timer_start(&registry->timer, on_timer, HEARD_STORE_MS, 0);
    }
}

int64_t registry_heard_ms(struct registry *registry, const uint8_t id[static CYAN_ID_LEN])
{
    const int64_t *heard = lru_find(registry->heard, id);
    return heard ? *heard : 0;
}

struct resetting {
    struct job job;
    uint8_t id[CYAN_ID_LEN];
    char reason[STORE_WORD_MAX + 1];
};

static int reset_in_store(struct job *job, const struct store *store)
{
    struct resetting *r = (struct resetting *)job;
    int status = store->device_reset(store->ctx, r->id, r->reason);
    return status == CYAN_E_NOT_FOUND ? 0 : status;
}

static void reset_stored(struct job *job, int status)
{
    if (status != 0) {
        log_write(LOG_WARN, "a reset reason could not be stored", "cause", cyan_err_text(status),
                  NULL);
    }
    free(job);
}

void registry_reset(struct registry *registry, const uint8_t id[static CYAN_ID_LEN],
                    const char *reason)
{
    struct resetting *r = calloc(1, sizeof *r);
    if (!r) {
        return;
    }
    r->job = (struct job){.run = reset_in_store, .done = reset_stored};
    memcpy(r->id, id, sizeof r->id);
    memcpy(r->reason, reason, strnlen(reason, sizeof r->reason - 1));
    jobs_store(registry->jobs, &r->job);
}

struct registry *registry_create(struct jobs *jobs, struct presence *presence,
                                 const struct cyan_crypto *crypto)
{
    uint64_t seed = 0;
    struct registry *registry = calloc(1, sizeof *registry);
    if (!registry) {
        return NULL;
    }
    if (crypto->random(crypto->ctx, (uint8_t *)&seed, sizeof seed) == 0) {
        registry->heard = lru_create(HEARD_MAX, CYAN_ID_LEN, sizeof(int64_t), seed);
    }
    if (!registry->heard) {
        free(registry);
        return NULL;
    }
    registry->jobs = jobs;
    registry->presence = presence;
    uv_timer_init(jobs_loop(jobs), &registry->timer);
    uv_unref((uv_handle_t *)&registry->timer);
    registry->timer.data = registry;
    return registry;
}

static void on_closed(uv_handle_t *handle)
{
    struct registry *registry = handle->data;
    registry->closed = true;
}

void registry_destroy(struct registry *registry)
{
    if (!registry) {
        return;
    }
    store_heard(registry);
    jobs_drain(registry->jobs);
    uv_close((uv_handle_t *)&registry->timer, on_closed);
    while (!registry->closed) {
        uv_run(jobs_loop(registry->jobs), UV_RUN_ONCE);
    }
    lru_destroy(registry->heard);
    free(registry);
}
