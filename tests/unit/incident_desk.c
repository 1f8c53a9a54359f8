#include "tests/unit/incident_desk.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/bus/bus.h"
#include "server/cloud/events.h"
#include "server/cloud/outbox.h"
#include "tests/unit/hub.h"
#include "tests/unit/scratch.h"
#include "tests/unit/timers.h"
#include "tests/unit/unit.h"

enum { RING = 4 * 1024 * 1024, ACCOUNTS = 3 };

struct incidents *desk_incidents;
struct presence *desk_presence;
uint32_t desk_op, desk_ann, desk_bob;
struct incident_view desk_views[DESK_VIEWS_MAX];
size_t desk_count;
int64_t desk_next;

static struct bus bus;
static struct events *events;
static struct outbox *outbox;
static struct stream *streams[ACCOUNTS];
static int saved_stderr = -1;
static long log_at;

static void ignore_event(void *arg, const struct bus_event *event)
{
    (void)arg;
    (void)event;
}

static void ignore_wake(void *arg)
{
    (void)arg;
}

static void open_desk(void)
{
    hub_open();
    timers_reset();
    desk_presence = presence_create();
    assert_int_equal(bus_local_create(&bus), 0);
    events = events_create(&bus, RING, ignore_event, NULL);
    outbox = outbox_create(hub_jobs, events, 1);
    desk_incidents = incidents_create(hub_jobs, desk_presence, outbox, 2);
    assert_true(desk_presence && events && outbox && desk_incidents);
}

static void open_streams(void)
{
    const uint32_t accounts[ACCOUNTS] = {desk_op, desk_ann, desk_bob};
    for (size_t i = 0; i < ACCOUNTS; i++) {
        const struct stream_filter filter = {.account = accounts[i], .scope = STREAM_MINE};
        streams[i] = stream_open(events, &filter, ignore_wake, NULL);
        assert_non_null(streams[i]);
    }
}

static void close_desk(void)
{
    for (size_t i = 0; i < ACCOUNTS; i++) {
        stream_close(streams[i]);
    }
    incidents_destroy(desk_incidents);
    outbox_destroy(outbox);
    events_destroy(events);
    bus.destroy(bus.ctx);
    presence_destroy(desk_presence);
    hub_close();
}

int desk_set_up(void **state)
{
    (void)state;
    hub_now_ms = 1773576000000; /* 2026-03-15T12:00:00Z */
    scratch_init();
    open_desk();
    desk_op = hub_add_account("op");
    desk_ann = hub_add_account("ann");
    desk_bob = hub_add_account("bob");
    open_streams();
    return 0;
}

int desk_tear_down(void **state)
{
    (void)state;
    close_desk();
    if (saved_stderr >= 0) {
        (void)fflush(stderr);
        assert_true(dup2(saved_stderr, STDERR_FILENO) >= 0);
        close(saved_stderr);
        saved_stderr = -1;
    }
    scratch_done();
    return 0;
}

void desk_restart(void)
{
    close_desk();
    open_desk();
    open_streams();
}

const uint8_t *desk_id(uint8_t number)
{
    static uint8_t ids[4][CYAN_ID_LEN];
    static unsigned turn;
    uint8_t *id = ids[turn++ % 4];
    memset(id, number, CYAN_ID_LEN);
    return id;
}

void desk_add_device(uint8_t number, uint32_t owner, const char *address)
{
    struct store_device device = {.owner = owner};
    memcpy(device.id, desk_id(number), sizeof device.id);
    (void)snprintf(device.name, sizeof device.name, "device_%u", number);
    assert_int_equal(hub_store.device_add(hub_store.ctx, &device), 0);
    device.has_hello = true;
    device.product_version = 0xFFFF;
    memcpy(device.last_ip, address, strlen(address) + 1);
    assert_int_equal(hub_store.device_hello(hub_store.ctx, &device), 0);
}

void desk_go_online(uint8_t number, uint32_t owner)
{
    struct online entry = {.owner = owner, .session = number};
    memcpy(entry.id, desk_id(number), sizeof entry.id);
    assert_int_equal(presence_put(desk_presence, &entry), 0);
}

void desk_note(enum incident_cause cause, uint8_t device, uint32_t owner, const char *address)
{
    const struct incident_note note = {
        .cause = cause, .device = desk_id(device), .owner = owner, .address = address};
    incidents_note(desk_incidents, &note);
}

void desk_note_nobody(enum incident_cause cause, const char *address)
{
    const struct incident_note note = {.cause = cause, .address = address};
    incidents_note(desk_incidents, &note);
}

void desk_fail(enum session_end end, enum session_state stage, const uint8_t *id,
               const char *address)
{
    struct letter_failed failure = {
        .end = (uint8_t)end, .stage = (uint8_t)stage, .has_id = id != NULL};
    if (id) {
        memcpy(failure.id, id, sizeof failure.id);
    }
    memcpy(failure.address, address, strlen(address) + 1);
    incidents_note_failure(desk_incidents, &failure);
}

static void on_list(void *arg, int status, const struct incident_view *views, size_t count,
                    int64_t next)
{
    bool *done = arg;
    assert_int_equal(status, 0);
    assert_true(count <= DESK_VIEWS_MAX);
    memcpy(desk_views, views, count * sizeof *views);
    desk_count = count;
    desk_next = next;
    *done = true;
}

void desk_list(uint32_t account, const struct incident_filter *filter)
{
    bool done = false;
    incidents_list(desk_incidents, account, account == desk_op, filter, on_list, &done);
    assert_false(done);
    jobs_drain(hub_jobs);
    assert_true(done);
}

void desk_list_all(uint32_t account)
{
    const struct incident_filter all = {.cause = INCIDENT_CAUSES, .limit = DESK_VIEWS_MAX};
    desk_list(account, &all);
}

const struct store_incident *desk_only_one(void)
{
    desk_list_all(desk_op);
    assert_int_equal(desk_count, 1);
    return &desk_views[0].row;
}

void desk_catch_log(void)
{
    int file = open(scratch_path("log"), O_CREAT | O_WRONLY | O_APPEND | O_TRUNC, 0600);
    assert_true(file >= 0);
    saved_stderr = dup(STDERR_FILENO);
    assert_true(saved_stderr >= 0 && dup2(file, STDERR_FILENO) >= 0);
    close(file);
    log_at = 0;
}

size_t desk_logged(const char *text)
{
    char line[1024];
    size_t count = 0;
    FILE *file = fopen(scratch_path("log"), "r");
    assert_non_null(file);
    assert_int_equal(fseek(file, log_at, SEEK_SET), 0);
    while (fgets(line, sizeof line, file)) {
        count += strstr(line, text) != NULL;
    }
    log_at = ftell(file);
    (void)fclose(file);
    return count;
}

size_t desk_heard(uint32_t account, const char *text)
{
    static char buf[RING];
    size_t count = 0;
    jobs_drain(hub_jobs);
    ssize_t len = stream_read(streams[account - desk_op], buf, sizeof buf - 1);
    assert_true(len >= 0);
    buf[len] = '\0';
    for (const char *at = buf; (at = strstr(at, text)); at++) {
        count++;
    }
    return count;
}
