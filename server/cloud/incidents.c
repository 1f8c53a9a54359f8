#include "server/cloud/incidents.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "server/cloud/incidents_inner.h"
#include "server/net/log.h"
#include "wire/hello.h"

void incident_firmware(const struct store_device *device,
                       char out[static INCIDENT_FIRMWARE_MAX + 1])
{
    const size_t cap = INCIDENT_FIRMWARE_MAX + 1;
    if (!device->has_hello) {
        (void)snprintf(out, cap, "unknown");
        return;
    }
    int len;
    if (device->system_version != 0) {
        len = snprintf(out, cap, "system %u", device->system_version);
    } else {
        bool is_b = (device->flags & CYAN_HELLO_DIAGNOSTICS) != 0;
        len = snprintf(out, cap, "%s", is_b ? "B (0.8.0 or later)" : "A (0.7.0 or earlier)");
    }
    if (device->product_version != CYAN_PRODUCT_NONE) {
        (void)snprintf(out + len, cap - (size_t)len, ", application %u", device->product_version);
    }
}

/* Of what a stranger may repeat without end, 10 s write a bounded number of lines. */
static void log_incident(struct incidents *incidents, struct incident *incident)
{
    const struct store_incident *row = &incident->row;
    char id[CYAN_ID_TEXT];
    char count[24];
    incident->logged_count = row->count;
    if (incidents->lines == INCIDENTS_LINES_MAX) {
        incidents->more_lines++;
        return;
    }
    incidents->lines++;
    (void)snprintf(count, sizeof count, "%" PRId64, row->count);
    if (row->has_device) {
        cyan_hex_encode(row->device, CYAN_ID_LEN, id);
        log_write(LOG_WARN, "handshake failed", "cause", row->cause, "claimed_device", id,
                  "address", row->address, "count", count, NULL);
    } else {
        log_write(LOG_WARN, "handshake failed", "cause", row->cause, "address", row->address,
                  "count", count, NULL);
    }
}

static void log_growth(struct incidents *incidents)
{
    for (struct incident *i = incidents->book.oldest; i; i = i->newer) {
        if (i->row.count > i->logged_count) {
            log_incident(incidents, i);
        }
    }
    if (incidents->more_lines > 0) {
        char count[24];
        (void)snprintf(count, sizeof count, "%" PRId64, incidents->more_lines);
        log_write(LOG_WARN, "more handshakes failed than are logged", "incidents", count, NULL);
    }
    incidents->lines = 0;
    incidents->more_lines = 0;
}

static void put_text(char *out, size_t cap, const char *text)
{
    size_t len = strnlen(text, cap - 1);
    memcpy(out, text, len);
    out[len] = '\0';
}

static struct incident_key key_of(const struct incident_note *note)
{
    struct incident_key key = {.cause = (uint8_t)note->cause};
    if (note->device) {
        key.has |= KEY_HAS_DEVICE;
        memcpy(key.device, note->device, sizeof key.device);
    }
    if (note->presented) {
        key.has |= KEY_HAS_PRESENTED;
        memcpy(key.presented, note->presented, sizeof key.presented);
    }
    put_text(key.address, sizeof key.address, note->address ? note->address : "");
    return key;
}

/* What stays the same in all repeats. */
static void begin(struct store_incident *row, const struct incident_key *key, int64_t first_ms)
{
    put_text(row->cause, sizeof row->cause, cause_of((enum incident_cause)key->cause)->name);
    row->has_device = (key->has & KEY_HAS_DEVICE) != 0;
    row->has_presented = (key->has & KEY_HAS_PRESENTED) != 0;
    memcpy(row->device, key->device, sizeof row->device);
    memcpy(row->presented, key->presented, sizeof row->presented);
    memcpy(row->address, key->address, sizeof row->address);
    row->first_ms = first_ms;
}

static void update(struct store_incident *row, const struct incident_note *note,
                   const struct tally *tally)
{
    enum incident_stage stage = (enum incident_stage)tally->stage;
    stage = stage == STAGE_USUAL ? cause_of(note->cause)->stage : stage;
    put_text(row->stage, sizeof row->stage, stage_name(stage));
    row->count += tally->count;
    row->last_ms = tally->last_ms > row->last_ms ? tally->last_ms : row->last_ms;
    row->proven = row->proven || note->proven;
    if (note->trusted) {
        row->has_trusted = true;
        memcpy(row->trusted, note->trusted, sizeof row->trusted);
    }
    if (note->firmware) {
        put_text(row->firmware, sizeof row->firmware, note->firmware);
    }
    if (note->reset) {
        put_text(row->reset, sizeof row->reset, note->reset);
    }
    if (note->note) {
        put_text(row->note, sizeof row->note, note->note);
    }
}

void incidents_add(struct incidents *incidents, const struct incident_note *note,
                   const struct tally *tally)
{
    struct book *book = &incidents->book;
    const struct incident_key key = key_of(note);
    struct incident *incident = book_find(book, &key, tally->last_ms);
    if (incident) {
        book_set_owner(book, incident, note->owner);
    } else {
        incident = book_add(book, &key, note->owner);
        if (!incident) {
            return; /* what happens once more is noted once more */
        }
        begin(&incident->row, &key, tally->first_ms);
    }
    update(&incident->row, note, tally);
    book_touch(book, incident);
    if (incident->is_new) {
        incident->is_new = false;
        log_incident(incidents, incident);
    }
}

void incidents_note(struct incidents *incidents, const struct incident_note *note)
{
    int64_t now = clock_now_ms();
    const struct tally once = {
        .count = 1, .first_ms = now, .last_ms = now, .stage = (uint8_t)note->stage};
    if (note->device) {
        incidents_add(incidents, note, &once);
    } else {
        window_count(incidents, note->cause, note->address ? note->address : "", note->claimed,
                     &once);
    }
}

/* Calls fn for all of a device; fn may touch them. */
static void each_of_device(struct incidents *incidents, const uint8_t *id,
                           void (*fn)(struct incidents *incidents, struct incident *incident,
                                      const void *arg),
                           const void *arg)
{
    struct incident *last = incidents->book.newest;
    struct incident *next = incidents->book.oldest;
    bool is_last = last == NULL;
    while (!is_last) {
        struct incident *incident = next;
        next = incident->newer;
        is_last = incident == last;
        if (incident->row.has_device && memcmp(incident->row.device, id, CYAN_ID_LEN) == 0) {
            fn(incidents, incident, arg);
        }
    }
}

struct annotation {
    const uint8_t *presented; /* NULL: any */
    const char *reset;
};

static void annotate(struct incidents *incidents, struct incident *incident, const void *arg)
{
    const struct annotation *annotation = arg;
    struct store_incident *row = &incident->row;
    bool fits = !annotation->presented ||
                (row->has_presented &&
                 memcmp(row->presented, annotation->presented, sizeof row->presented) == 0);
    if (fits && row->reset[0] == '\0' && clock_now_ms() - row->last_ms <= INCIDENT_RESET_MS) {
        put_text(row->reset, sizeof row->reset, annotation->reset);
        book_touch(&incidents->book, incident);
    }
}

void incidents_annotate(struct incidents *incidents, const uint8_t id[static CYAN_ID_LEN],
                        const uint8_t *presented, const char *reset)
{
    const struct annotation annotation = {.presented = presented, .reset = reset};
    each_of_device(incidents, id, annotate, &annotation);
}

static void change_owner(struct incidents *incidents, struct incident *incident, const void *arg)
{
    const uint32_t *owner = arg;
    if (incident->row.owner != *owner) {
        book_set_owner(&incidents->book, incident, *owner);
        book_touch(&incidents->book, incident);
    }
}

void incidents_owner(struct incidents *incidents, const uint8_t id[static CYAN_ID_LEN],
                     uint32_t owner)
{
    each_of_device(incidents, id, change_owner, &owner);
}

struct flushing {
    struct job job;
    struct incidents *incidents;
    int64_t *removed;
    size_t removed_count;
    size_t count;
    struct store_incident rows[];
};

static int flush_in_store(struct job *job, const struct store *store)
{
    struct flushing *flushing = (struct flushing *)job;
    int status = 0;
    for (size_t i = 0; i < flushing->removed_count && status == 0; i++) {
        status = store->incident_remove(store->ctx, flushing->removed[i]);
    }
    for (size_t i = 0; i < flushing->count && status == 0; i++) {
        status = store->incident_put(store->ctx, &flushing->rows[i]);
    }
    return status;
}

/* Whatever was not stored is tried again with the next flush: everything, to be simple. */
static void on_flushed(struct job *job, int status)
{
    struct flushing *flushing = (struct flushing *)job;
    if (status != 0) {
        log_write(LOG_WARN, "incidents could not be stored", "cause", cyan_err_text(status), NULL);
        for (struct incident *i = flushing->incidents->book.oldest; i; i = i->newer) {
            i->is_dirty = true;
        }
    }
    free(flushing->removed);
    free(flushing);
}

static void flush(struct incidents *incidents)
{
    struct book *book = &incidents->book;
    size_t count = 0;
    for (const struct incident *i = book->oldest; i; i = i->newer) {
        count += i->is_dirty;
    }
    if (count == 0 && book->removed_count == 0) {
        return;
    }
    struct flushing *flushing = malloc(sizeof *flushing + count * sizeof flushing->rows[0]);
    if (!flushing) {
        return; /* they stay for the next time */
    }
    *flushing = (struct flushing){.job = {.run = flush_in_store, .done = on_flushed},
                                  .incidents = incidents,
                                  .removed = book->removed,
                                  .removed_count = book->removed_count};
    book->removed = NULL;
    book->removed_count = book->removed_cap = 0;
    for (struct incident *i = book->oldest; i; i = i->newer) {
        if (i->is_dirty) {
            flushing->rows[flushing->count++] = i->row;
            i->is_dirty = false;
            i->is_stored = true;
        }
    }
    jobs_store(incidents->jobs, &flushing->job);
}

static void on_timer(uv_timer_t *timer)
{
    struct incidents *incidents = timer->data;
    windows_turn(incidents);
    log_growth(incidents);
    flush(incidents);
}

struct loading {
    struct job job;
    struct book *book;
};

static int load_row(void *arg, const struct store_incident *row)
{
    return book_load(arg, row);
}

/* The hub waits meanwhile, so the book may be filled from the worker. */
static int load_from_store(struct job *job, const struct store *store)
{
    struct loading *loading = (struct loading *)job;
    return store->incident_each(store->ctx, load_row, loading->book);
}

static void on_loaded(struct job *job, int status)
{
    struct loading *loading = (struct loading *)job;
    if (status != 0) {
        log_write(LOG_ERROR, "incidents could not be read", "cause", cyan_err_text(status), NULL);
        /* Their numbers are unknown; the clock's are none of theirs. */
        loading->book->last_id = loading->book->last_seq = clock_now_ms();
    }
    free(loading);
}

static int load(struct incidents *incidents)
{
    struct loading *loading = calloc(1, sizeof *loading);
    if (!loading) {
        return CYAN_E_NO_MEMORY;
    }
    *loading = (struct loading){.job = {.run = load_from_store, .done = on_loaded},
                                .book = &incidents->book};
    jobs_store(incidents->jobs, &loading->job);
    jobs_drain(incidents->jobs);
    return 0;
}

static void release(struct incidents *incidents)
{
    book_done(&incidents->book);
    window_done(&incidents->windows[0]);
    window_done(&incidents->windows[1]);
    lru_destroy(incidents->claims);
    free(incidents);
}

struct incidents *incidents_create(struct jobs *jobs, struct presence *presence,
                                   struct outbox *outbox, uint64_t seed)
{
    struct incidents *incidents = calloc(1, sizeof *incidents);
    if (!incidents) {
        return NULL;
    }
    incidents->jobs = jobs;
    incidents->presence = presence;
    incidents->outbox = outbox;
    incidents->seed = seed;
    book_init(&incidents->book, seed);
    incidents->claims =
        lru_create(INCIDENTS_LOOKUPS_MAX, sizeof(struct claim_key), sizeof(struct tally), seed);
    if (!incidents->claims || window_init(&incidents->windows[0], seed) != 0 ||
        window_init(&incidents->windows[1], seed) != 0 || load(incidents) != 0) {
        release(incidents);
        return NULL;
    }
    uv_timer_init(jobs_loop(jobs), &incidents->timer);
    uv_unref((uv_handle_t *)&incidents->timer);
    incidents->timer.data = incidents;
    uv_timer_start(&incidents->timer, on_timer, INCIDENTS_WINDOW_MS, INCIDENTS_WINDOW_MS);
    incidents->is_timer_open = true;
    return incidents;
}

static void on_closed(uv_handle_t *handle)
{
    struct incidents *incidents = handle->data;
    incidents->is_timer_open = false;
}

void incidents_destroy(struct incidents *incidents)
{
    if (!incidents) {
        return;
    }
    jobs_drain(incidents->jobs); /* claims that are looked up */
    windows_turn(incidents);
    windows_turn(incidents);
    log_growth(incidents);
    flush(incidents);
    jobs_drain(incidents->jobs);
    uv_close((uv_handle_t *)&incidents->timer, on_closed);
    while (incidents->is_timer_open) {
        uv_run(jobs_loop(incidents->jobs), UV_RUN_ONCE);
    }
    release(incidents);
}
