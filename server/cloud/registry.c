#include "server/cloud/registry.h"

#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "server/cloud/presence.h"
#include "server/cloud/registry_inner.h"
#include "server/net/log.h"

enum {
    HEARD_MAX = 4096, /* devices whose last time waits to be stored */
    HEARD_STORE_MS = 10000,
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
                     struct device_record *out_record)
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

struct resolving {
    struct job job;
    struct registry *registry;
    uint32_t account;
    bool by_id;
    char text[STORE_DEVICE_NAME_MAX + 1];
    struct store_device row; /* its id is set when by_id */
    record_fn *done;
    void *arg;
};

static void resolve_answer(struct job *job, int status)
{
    struct resolving *resolving = (struct resolving *)job;
    struct device_record record;
    if (status == 0) {
        registry_record(resolving->registry, &resolving->row, &record);
    }
    resolving->done(resolving->arg, status, status == 0 ? &record : NULL);
    free(resolving);
}

static int resolve_in_store(struct job *job, const struct store *store)
{
    struct resolving *resolving = (struct resolving *)job;
    if (!resolving->by_id) {
        return store->device_find(store->ctx, resolving->account, resolving->text, &resolving->row);
    }
    struct store_device row;
    int status = store->device_get(store->ctx, resolving->row.id, &row);
    if (status == 0 && (row.owner == 0 || row.owner != resolving->account)) {
        status = CYAN_E_REFUSED;
    }
    if (status == 0) {
        resolving->row = row;
    }
    return status;
}

void registry_resolve(struct registry *registry, uint32_t account, const char *text,
                      record_fn *done, void *arg)
{
    struct resolving *resolving = calloc(1, sizeof *resolving);
    if (!resolving) {
        done(arg, CYAN_E_NO_MEMORY, NULL);
        return;
    }
    resolving->job = (struct job){.run = resolve_in_store, .done = resolve_answer};
    resolving->registry = registry;
    resolving->account = account;
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

struct listing {
    struct job job;
    struct registry *registry;
    uint32_t account;
    struct store_device *rows;
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
        registry_record(listing->registry, &listing->rows[i], &records[i]);
    }
    listing->done(listing->arg, status, records, status == 0 ? listing->count : 0);
    free(records);
    free(listing->rows);
    free(listing);
}

static int list_add(void *arg, const struct store_device *row)
{
    enum { FIRST = 16 };
    struct listing *listing = arg;
    if (listing->count == listing->cap) {
        size_t cap = listing->cap ? listing->cap * 2 : FIRST;
        struct store_device *rows = realloc(listing->rows, cap * sizeof *rows);
        if (!rows) {
            return CYAN_E_NO_MEMORY;
        }
        listing->rows = rows;
        listing->cap = cap;
    }
    listing->rows[listing->count++] = *row;
    return 0;
}

static int list_from_store(struct job *job, const struct store *store)
{
    struct listing *listing = (struct listing *)job;
    listing->count = 0;
    return store->device_each(store->ctx, listing->account, list_add, listing);
}

void registry_list(struct registry *registry, uint32_t account, record_list_fn *done, void *arg)
{
    struct listing *listing = calloc(1, sizeof *listing);
    if (!listing) {
        done(arg, CYAN_E_NO_MEMORY, NULL, 0);
        return;
    }
    listing->job = (struct job){.run = list_from_store, .done = list_answer};
    listing->registry = registry;
    listing->account = account;
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

void registry_on_key_changed(struct registry *registry, key_changed_fn *fn, void *arg)
{
    registry->key_changed = fn;
    registry->key_changed_arg = arg;
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
    registry->crypto = crypto;
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
