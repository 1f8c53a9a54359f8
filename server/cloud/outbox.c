#include "server/cloud/outbox.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/hex.h"
#include "server/cloud/audit.h"
#include "server/cloud/events.h"
#include "server/cloud/jobs.h"
#include "server/cloud/lru.h"
#include "server/json.h"
#include "server/net/log.h"

enum {
    QUIET_MS = 10 * 60 * 1000, /* between two tellings of one name about one id */
    TOLD_MAX = 16384,          /* of these are remembered */
    MARK_MS = 1000,
    MARKS_MAX = 65536, /* sent and not marked; what does not fit is sent again after a restart */
    LEFT_MAX = 10000,
    LEFT_MS = 60000,
    PRINT_TEXT = 2 * CYAN_SHA256_LEN + 1,
};

/* Whose last telling is remembered: zeroes fill the name. */
struct subject {
    uint8_t id[CYAN_ID_LEN];
    char name[STORE_WORD_MAX + 1];
};

struct outbox {
    struct jobs *jobs;
    struct events *events;
    struct lru *told; /* struct subject: int64_t, when */
    uv_timer_t mark_timer;
    bool is_marking; /* mark_timer runs */
    int64_t *marks;  /* seqs that were sent and are still stored */
    size_t mark_count, mark_cap;
    uv_timer_t left_timer;
    struct store_outbox *left; /* unsent since the last run, oldest first */
    size_t left_count;
    unsigned open; /* handles */
};

static void put_print(struct json *json, const char *key, const uint8_t *print)
{
    char text[PRINT_TEXT];
    if (print) {
        cyan_hex_encode(print, CYAN_SHA256_LEN, text);
    }
    jsonw_put_text(json, key, print ? text : NULL);
}

/* CYAN_E_TOO_LONG. */
static int write_data(const struct outbox_event *event, int64_t seq,
                      const uint8_t head[static CYAN_SHA256_LEN],
                      char out[static STORE_DETAIL_MAX + 1])
{
    struct json json;
    char id[CYAN_ID_TEXT];
    cyan_hex_encode(event->device, CYAN_ID_LEN, id);
    jsonw_init(&json, out, STORE_DETAIL_MAX);
    jsonw_object(&json);
    jsonw_put_int(&json, "v", 1);
    jsonw_put_int(&json, "seq", seq);
    jsonw_put_text(&json, "device", id);
    put_print(&json, "old", event->old_print);
    put_print(&json, "new", event->new_print);
    jsonw_put_text(&json, "cause", event->cause);
    jsonw_put_text(&json, "via", event->via);
    jsonw_put_text(&json, "by", event->by);
    jsonw_put_time(&json, "at", event->at_ms);
    put_print(&json, "head", head);
    jsonw_object_end(&json);
    out[json.len] = '\0';
    return jsonw_failed(&json) ? CYAN_E_TOO_LONG : 0;
}

int outbox_write(const struct store *store, const struct outbox_event *event,
                 const uint8_t head[static CYAN_SHA256_LEN], struct store_outbox *out_row)
{
    struct store_outbox row = {.owner = event->owner, .created_ms = event->at_ms};
    size_t name_len = strlen(event->name);
    if (event->owner == 0) {
        *out_row = row;
        return 0;
    }
    if (name_len > STORE_WORD_MAX) {
        return CYAN_E_TOO_LONG;
    }
    memcpy(row.name, event->name, name_len);
    memcpy(row.device, event->device, sizeof row.device);
    int status = store->counter_next(store->ctx, "events", &row.seq);
    if (status == 0) {
        status = write_data(event, row.seq, head, row.data);
    }
    if (status == 0) {
        status = store->outbox_put(store->ctx, &row);
    }
    if (status == 0) {
        *out_row = row;
    }
    return status;
}

/* Takes the rows of sent events out of the store. */
struct marking {
    struct job job;
    struct outbox *outbox;
    size_t count;
    int64_t seqs[];
};

static int mark_in_store(struct job *job, const struct store *store)
{
    struct marking *marking = (struct marking *)job;
    int status = 0;
    for (size_t i = 0; i < marking->count && status == 0; i++) {
        status = store->outbox_remove(store->ctx, marking->seqs[i]);
    }
    return status;
}

static void mark(struct outbox *outbox, int64_t seq);

static void on_marked(struct job *job, int status)
{
    struct marking *marking = (struct marking *)job;
    if (status != 0) {
        log_write(LOG_WARN, "sent events could not be marked", "cause", cyan_err_text(status),
                  NULL);
        for (size_t i = 0; i < marking->count; i++) {
            mark(marking->outbox, marking->seqs[i]);
        }
    }
    free(marking);
}

static void store_marks(struct outbox *outbox)
{
    size_t count = outbox->mark_count;
    if (count == 0) {
        return;
    }
    struct marking *marking = malloc(sizeof *marking + count * sizeof marking->seqs[0]);
    if (!marking) {
        return; /* they stay for the next time */
    }
    *marking = (struct marking){
        .job = {.run = mark_in_store, .done = on_marked}, .outbox = outbox, .count = count};
    memcpy(marking->seqs, outbox->marks, count * sizeof marking->seqs[0]);
    outbox->mark_count = 0;
    jobs_store(outbox->jobs, &marking->job);
}

static void on_mark_timer(uv_timer_t *timer)
{
    struct outbox *outbox = timer->data;
    outbox->is_marking = false;
    store_marks(outbox);
}

static bool make_room(struct outbox *outbox)
{
    enum { FIRST = 64 };
    if (outbox->mark_count < outbox->mark_cap) {
        return true;
    }
    size_t cap = outbox->mark_cap ? outbox->mark_cap * 2 : FIRST;
    int64_t *marks = cap <= MARKS_MAX ? realloc(outbox->marks, cap * sizeof *marks) : NULL;
    if (!marks) {
        return false;
    }
    outbox->marks = marks;
    outbox->mark_cap = cap;
    return true;
}

static void mark(struct outbox *outbox, int64_t seq)
{
    if (make_room(outbox)) {
        outbox->marks[outbox->mark_count++] = seq;
    }
    if (!outbox->is_marking) {
        outbox->is_marking = true;
        uv_timer_start(&outbox->mark_timer, on_mark_timer, MARK_MS, 0);
    }
}

void outbox_send(struct outbox *outbox, const struct store_outbox *row)
{
    if (row->seq == 0) {
        return;
    }
    struct bus_event event = {.name = row->name,
                              .name_len = strlen(row->name),
                              .data = (const uint8_t *)row->data,
                              .data_len = strlen(row->data),
                              .owner = row->owner,
                              .ttl = CYAN_EVENT_TTL_DEFAULT,
                              .published_ms = row->created_ms,
                              .origin = BUS_FROM_CLOUD,
                              .about_device = true,
                              .is_private = true};
    memcpy(event.device, row->device, sizeof event.device);
    if (events_publish(outbox->events, &event) != 0) {
        log_write(LOG_WARN, "an event could not be sent", "name", row->name, NULL);
    }
    mark(outbox, row->seq);
}

static struct subject subject_of(const uint8_t *id, const char *name)
{
    struct subject subject = {.name = ""};
    memcpy(subject.id, id, sizeof subject.id);
    memcpy(subject.name, name, strnlen(name, STORE_WORD_MAX));
    return subject;
}

bool outbox_may_tell(struct outbox *outbox, const uint8_t id[static CYAN_ID_LEN], const char *name)
{
    const struct subject subject = subject_of(id, name);
    int64_t *when = lru_put(outbox->told, &subject);
    int64_t now = clock_now_ms();
    /* A clock that was set back must not keep everything quiet. */
    if (!when || (*when != 0 && now >= *when && now - *when < QUIET_MS)) {
        return false;
    }
    *when = now;
    return true;
}

/* An event of its own on its way into the store. */
struct telling {
    struct job job;
    struct outbox *outbox;
    struct outbox_event event; /* points into what follows */
    char name[STORE_WORD_MAX + 1];
    char cause[STORE_DEVICE_NAME_MAX + 1];
    char via[STORE_WORD_MAX + 1];
    char by[STORE_NAME_MAX + 1];
    uint8_t old_print[CYAN_SHA256_LEN], new_print[CYAN_SHA256_LEN];
    struct store_outbox row;
};

static int tell_in_store(struct job *job, const struct store *store)
{
    struct telling *telling = (struct telling *)job;
    uint8_t head[CYAN_SHA256_LEN];
    int64_t seq;
    int status = audit_head(store, &seq, head);
    return status != 0 ? status : outbox_write(store, &telling->event, head, &telling->row);
}

static void on_told(struct job *job, int status)
{
    struct telling *telling = (struct telling *)job;
    if (status == 0) {
        outbox_send(telling->outbox, &telling->row);
    } else {
        /* Nobody has heard it: the next one need not wait. */
        const struct subject subject = subject_of(telling->event.device, telling->name);
        lru_remove(telling->outbox->told, &subject);
        log_write(LOG_WARN, "an event could not be stored", "name", telling->name, "cause",
                  cyan_err_text(status), NULL);
    }
    free(telling);
}

/* A copy that ends with NUL, cut to what fits; NULL stays. */
static const char *copy_text(char *out, size_t cap, const char *text)
{
    if (!text) {
        return NULL;
    }
    memcpy(out, text, strnlen(text, cap - 1));
    return out;
}

static const uint8_t *copy_print(uint8_t out[static CYAN_SHA256_LEN], const uint8_t *print)
{
    return print ? memcpy(out, print, CYAN_SHA256_LEN) : NULL;
}

void outbox_tell(struct outbox *outbox, const struct outbox_event *event)
{
    if (event->owner == 0 || !outbox_may_tell(outbox, event->device, event->name)) {
        return;
    }
    struct telling *t = calloc(1, sizeof *t);
    if (!t) {
        return;
    }
    t->job = (struct job){.run = tell_in_store, .done = on_told};
    t->outbox = outbox;
    t->event = *event;
    t->event.name = copy_text(t->name, sizeof t->name, event->name);
    t->event.cause = copy_text(t->cause, sizeof t->cause, event->cause);
    t->event.via = copy_text(t->via, sizeof t->via, event->via);
    t->event.by = copy_text(t->by, sizeof t->by, event->by);
    t->event.old_print = copy_print(t->old_print, event->old_print);
    t->event.new_print = copy_print(t->new_print, event->new_print);
    jobs_store(outbox->jobs, &t->job);
}

/* Sends what is left for an account, 0 for all of them. */
static void send_left(struct outbox *outbox, uint32_t account)
{
    size_t kept = 0;
    for (size_t i = 0; i < outbox->left_count; i++) {
        const struct store_outbox *row = &outbox->left[i];
        if (account == 0 || row->owner == account) {
            outbox_send(outbox, row);
        } else {
            outbox->left[kept++] = *row;
        }
    }
    outbox->left_count = kept;
    if (kept == 0) {
        free(outbox->left);
        outbox->left = NULL;
        uv_timer_stop(&outbox->left_timer);
    }
}

void outbox_stream_opened(struct outbox *outbox, uint32_t account)
{
    if (outbox->left_count > 0 && account != 0) {
        send_left(outbox, account);
    }
}

static void on_left_timer(uv_timer_t *timer)
{
    send_left(timer->data, 0);
}

struct reading {
    struct job job;
    struct outbox *outbox;
    struct store_outbox *rows;
    size_t count, cap;
};

static int take_left(void *arg, const struct store_outbox *row)
{
    enum { FIRST = 16, ENOUGH = 1 };
    struct reading *reading = arg;
    if (reading->count == LEFT_MAX) {
        return ENOUGH;
    }
    if (reading->count == reading->cap) {
        size_t cap = reading->cap ? reading->cap * 2 : FIRST;
        struct store_outbox *rows = realloc(reading->rows, cap * sizeof *rows);
        if (!rows) {
            return CYAN_E_NO_MEMORY;
        }
        reading->rows = rows;
        reading->cap = cap;
    }
    reading->rows[reading->count++] = *row;
    return 0;
}

static int read_left(struct job *job, const struct store *store)
{
    struct reading *reading = (struct reading *)job;
    reading->count = 0;
    int status = store->outbox_each(store->ctx, take_left, reading);
    return status < 0 ? status : 0;
}

static void on_left(struct job *job, int status)
{
    struct reading *reading = (struct reading *)job;
    struct outbox *outbox = reading->outbox;
    if (status == 0 && reading->count > 0) {
        outbox->left = reading->rows;
        outbox->left_count = reading->count;
        uv_timer_start(&outbox->left_timer, on_left_timer, LEFT_MS, 0);
    } else {
        free(reading->rows);
    }
    if (status != 0) {
        log_write(LOG_WARN, "unsent events could not be read", "cause", cyan_err_text(status),
                  NULL);
    }
    free(reading);
}

static void init_timer(struct outbox *outbox, uv_timer_t *timer)
{
    uv_timer_init(jobs_loop(outbox->jobs), timer);
    uv_unref((uv_handle_t *)timer);
    timer->data = outbox;
    outbox->open++;
}

struct outbox *outbox_create(struct jobs *jobs, struct events *events, uint64_t seed)
{
    struct outbox *outbox = calloc(1, sizeof *outbox);
    struct reading *reading = calloc(1, sizeof *reading);
    struct lru *told = lru_create(TOLD_MAX, sizeof(struct subject), sizeof(int64_t), seed);
    if (!outbox || !reading || !told) {
        lru_destroy(told);
        free(reading);
        free(outbox);
        return NULL;
    }
    outbox->jobs = jobs;
    outbox->events = events;
    outbox->told = told;
    init_timer(outbox, &outbox->mark_timer);
    init_timer(outbox, &outbox->left_timer);
    *reading = (struct reading){.job = {.run = read_left, .done = on_left}, .outbox = outbox};
    jobs_store(jobs, &reading->job);
    return outbox;
}

static void on_closed(uv_handle_t *handle)
{
    struct outbox *outbox = handle->data;
    outbox->open--;
}

void outbox_destroy(struct outbox *outbox)
{
    if (!outbox) {
        return;
    }
    jobs_drain(outbox->jobs);
    store_marks(outbox);
    jobs_drain(outbox->jobs);
    uv_close((uv_handle_t *)&outbox->mark_timer, on_closed);
    uv_close((uv_handle_t *)&outbox->left_timer, on_closed);
    while (outbox->open > 0) {
        uv_run(jobs_loop(outbox->jobs), UV_RUN_ONCE);
    }
    lru_destroy(outbox->told);
    free(outbox->left);
    free(outbox->marks);
    free(outbox);
}
