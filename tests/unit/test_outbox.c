#include "server/cloud/outbox.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "server/bus/bus.h"
#include "server/cloud/events.h"
#include "tests/unit/hub.h"
#include "tests/unit/scratch.h"
#include "tests/unit/timers.h"
#include "tests/unit/unit.h"

enum { TEXT_MAX = 65536, SECOND = 1000, MINUTE = 60 * SECOND };

static uint32_t ann, bob;
static struct bus bus;
static struct events *events;
static struct outbox *outbox;
static struct stream *stream;
static unsigned to_devices;
static char heard[TEXT_MAX];

static void on_to_devices(void *arg, const struct bus_event *event)
{
    (void)arg;
    (void)event;
    to_devices++;
}

static void ignore_wake(void *arg)
{
    (void)arg;
}

static void listen_as(uint32_t account)
{
    const struct stream_filter filter = {.account = account, .scope = STREAM_MINE};
    stream_close(stream);
    stream = stream_open(events, &filter, ignore_wake, NULL);
    assert_non_null(stream);
}

/* How often a text stands in what the stream brought since the last call. */
static unsigned hear(const char *text)
{
    unsigned count = 0;
    ssize_t len = stream_read(stream, heard, sizeof heard - 1);
    assert_true(len >= 0);
    heard[len] = '\0';
    for (const char *at = heard; (at = strstr(at, text)); at++) {
        count++;
    }
    return count;
}

static void open_outbox(void)
{
    assert_int_equal(bus_local_create(&bus), 0);
    events = events_create(&bus, TEXT_MAX * 8, on_to_devices, NULL);
    assert_non_null(events);
    outbox = outbox_create(hub_jobs, events, 7);
    assert_non_null(outbox);
    jobs_drain(hub_jobs);
}

static void close_outbox(void)
{
    stream_close(stream);
    stream = NULL;
    outbox_destroy(outbox);
    events_destroy(events);
    bus.destroy(bus.ctx);
}

static int set_up(void **state)
{
    (void)state;
    timers_reset();
    hub_now_ms = 1767323045678;
    to_devices = 0;
    scratch_init();
    hub_open();
    ann = hub_add_account("ann");
    bob = hub_add_account("bob");
    open_outbox();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    close_outbox();
    hub_close();
    scratch_done();
    return 0;
}

static struct outbox_event event_of(uint32_t owner, uint8_t device, const char *name)
{
    struct outbox_event event = {.name = name, .owner = owner, .at_ms = hub_now_ms};
    memset(event.device, device, sizeof event.device);
    return event;
}

static const uint8_t some_head[CYAN_SHA256_LEN] = {0xAB};

/* As a change does it: in a transaction of the store, from outside the loop. */
static struct store_outbox commit(const struct outbox_event *event)
{
    struct store_outbox row;
    assert_int_equal(hub_store.begin(hub_store.ctx), 0);
    assert_int_equal(outbox_write(&hub_store, event, some_head, &row), 0);
    assert_int_equal(hub_store.commit(hub_store.ctx), 0);
    return row;
}

static int count_row(void *arg, const struct store_outbox *row)
{
    size_t *count = arg;
    (void)row;
    (*count)++;
    return 0;
}

static size_t rows_stored(void)
{
    size_t count = 0;
    assert_int_equal(hub_store.outbox_each(hub_store.ctx, count_row, &count), 0);
    return count;
}

static void an_event_has_all_its_keys_and_goes_to_its_owner_alone(void **state)
{
    (void)state;
    uint8_t old_print[CYAN_SHA256_LEN], new_print[CYAN_SHA256_LEN];
    memset(old_print, 1, sizeof old_print);
    memset(new_print, 2, sizeof new_print);
    struct outbox_event event = event_of(ann, 0xA1, "cyan/key/approved");
    event.old_print = old_print;
    event.new_print = new_print;
    event.cause = "c";
    event.via = "blink";
    event.by = "an\"n";
    struct store_outbox row = commit(&event);
    json_t *data = json_loads(row.data, 0, NULL);
    assert_non_null(data);
    assert_int_equal(json_object_size(data), 10);
    assert_int_equal(json_integer_value(json_object_get(data, "v")), 1);
    assert_int_equal(json_integer_value(json_object_get(data, "seq")), 1);
    static const char *const texts[][2] = {
        {"device", "a1a1a1a1a1a1a1a1a1a1a1a1"},
        {"old", "0101010101010101010101010101010101010101010101010101010101010101"},
        {"new", "0202020202020202020202020202020202020202020202020202020202020202"},
        {"cause", "c"},
        {"via", "blink"},
        {"by", "an\"n"},
        {"at", "2026-01-02T03:04:05.678Z"},
        {"head", "ab00000000000000000000000000000000000000000000000000000000000000"}};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        assert_string_equal(json_string_value(json_object_get(data, texts[i][0])), texts[i][1]);
    }
    json_decref(data);
    listen_as(ann);
    outbox_send(outbox, &row);
    assert_int_equal(hear("event: cyan/key/approved\n"), 1);
    assert_non_null(strstr(heard, "\"coreid\":\"a1a1a1a1a1a1a1a1a1a1a1a1\""));
    listen_as(bob);
    outbox_send(outbox, &row);
    assert_int_equal(hear("event:"), 0);
    assert_int_equal(to_devices, 0);
}

static void what_an_event_does_not_have_is_null(void **state)
{
    (void)state;
    struct outbox_event event = event_of(ann, 1, "cyan/key/denied");
    struct store_outbox row = commit(&event);
    static const char *const keys[] = {"old", "new", "cause", "via", "by"};
    json_t *data = json_loads(row.data, 0, NULL);
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        assert_true(json_is_null(json_object_get(data, keys[i])));
    }
    json_decref(data);
}

static void the_worst_name_of_an_account_fits(void **state)
{
    (void)state;
    char name[STORE_NAME_MAX + 1] = "";
    uint8_t print[CYAN_SHA256_LEN] = {0};
    memset(name, '\x80', STORE_NAME_MAX); /* becomes three bytes each */
    struct outbox_event event = event_of(ann, 1, "cyan/key/pending");
    event.by = name;
    event.old_print = event.new_print = print;
    event.via = "fingerprint";
    event.cause = "held: the LED breathes cyan, but the device is not trusted";
    assert_true(strlen(commit(&event).data) > 3 * STORE_NAME_MAX);
}

static void seq_grows_by_one_and_a_change_that_fails_takes_none(void **state)
{
    (void)state;
    struct outbox_event event = event_of(ann, 1, "cyan/key/denied");
    struct store_outbox row;
    assert_int_equal(commit(&event).seq, 1);
    assert_int_equal(hub_store.begin(hub_store.ctx), 0);
    assert_int_equal(outbox_write(&hub_store, &event, some_head, &row), 0);
    assert_int_equal(row.seq, 2);
    hub_store.rollback(hub_store.ctx);
    assert_int_equal(commit(&event).seq, 2);
    assert_int_equal(rows_stored(), 2);
}

static void an_event_of_nobodys_device_is_not_written(void **state)
{
    (void)state;
    struct outbox_event event = event_of(0, 1, "cyan/key/pending");
    struct store_outbox row = commit(&event);
    assert_int_equal(row.seq, 0);
    assert_int_equal(rows_stored(), 0);
    outbox_send(outbox, &row);
    outbox_tell(outbox, &event);
    jobs_drain(hub_jobs);
    assert_int_equal(commit(&(struct outbox_event){.name = "n", .owner = ann}).seq, 1);
}

static void a_sent_event_is_marked_within_a_second(void **state)
{
    (void)state;
    for (uint8_t i = 0; i < 200; i++) {
        struct outbox_event event = event_of(ann, i, "cyan/key/denied");
        struct store_outbox row = commit(&event);
        outbox_send(outbox, &row);
    }
    timers_advance(SECOND - 1);
    assert_int_equal(rows_stored(), 200);
    timers_advance(1);
    assert_int_equal(rows_stored(), 0);
    assert_int_equal(timers_waiting(), 0);
}

static void what_was_sent_is_marked_when_the_outbox_ends(void **state)
{
    (void)state;
    struct outbox_event event = event_of(ann, 1, "cyan/key/denied");
    struct store_outbox row = commit(&event);
    outbox_send(outbox, &row);
    close_outbox();
    assert_int_equal(rows_stored(), 0);
    open_outbox();
}

/* The files as a crash leaves them. */
struct crash {
    uint8_t *file[2];
    size_t len[2];
};

static const char *const crash_files[] = {"cyan.db", "cyan.db-wal"};

static void crash_now(struct crash *crash)
{
    for (size_t i = 0; i < 2; i++) {
        crash->file[i] = scratch_read(crash_files[i], &crash->len[i]);
    }
    close_outbox();
    hub_close();
    for (size_t i = 0; i < 2; i++) {
        scratch_write(crash_files[i], crash->file[i], crash->len[i]);
        free(crash->file[i]);
    }
    hub_open();
    timers_reset();
    open_outbox();
}

static void an_event_that_was_committed_and_not_marked_is_sent_again_after_a_crash(void **state)
{
    (void)state;
    struct crash crash;
    struct outbox_event event = event_of(ann, 1, "cyan/key/approved");
    struct outbox_event other = event_of(bob, 2, "cyan/key/denied");
    struct store_outbox row = commit(&event);
    (void)commit(&other); /* not even sent */
    outbox_send(outbox, &row);
    crash_now(&crash);
    listen_as(ann);
    assert_int_equal(hear("event:"), 0);
    outbox_stream_opened(outbox, ann);
    assert_int_equal(hear("event: cyan/key/approved\n"), 1);
    assert_non_null(strstr(heard, "\\\"seq\\\":1,"));
    assert_non_null(strstr(heard, "\"published_at\":\"2026-01-02T03:04:05.678Z\""));
    outbox_stream_opened(outbox, ann);
    assert_int_equal(hear("event:"), 0);
    timers_advance(2 * SECOND);
    assert_int_equal(rows_stored(), 1); /* bob's waits for him */
    crash_now(&crash);
    listen_as(ann);
    outbox_stream_opened(outbox, ann);
    assert_int_equal(hear("event:"), 0); /* marked: never again */
}

static void leftovers_go_out_after_a_minute_whoever_listens(void **state)
{
    (void)state;
    struct crash crash;
    struct outbox_event event = event_of(ann, 1, "cyan/key/approved");
    (void)commit(&event);
    (void)commit(&event);
    crash_now(&crash);
    listen_as(ann);
    timers_advance(MINUTE - 1);
    assert_int_equal(hear("event:"), 0);
    timers_advance(1);
    assert_int_equal(hear("event:"), 2);
    assert_true(strstr(heard, "\\\"seq\\\":1,") < strstr(heard, "\\\"seq\\\":2,"));
    timers_advance(SECOND);
    assert_int_equal(rows_stored(), 0);
}

static void at_most_ten_thousand_leftovers_are_read_and_the_rest_stays(void **state)
{
    (void)state;
    struct crash crash;
    struct store_outbox row = {.owner = ann, .name = "cyan/key/denied", .data = "{}"};
    assert_int_equal(hub_store.begin(hub_store.ctx), 0);
    for (row.seq = 1; row.seq <= 10003; row.seq++) {
        assert_int_equal(hub_store.outbox_put(hub_store.ctx, &row), 0);
    }
    assert_int_equal(hub_store.commit(hub_store.ctx), 0);
    crash_now(&crash);
    outbox_stream_opened(outbox, ann);
    timers_advance(SECOND);
    assert_int_equal(rows_stored(), 3);
}

static void an_event_of_a_name_is_told_once_in_ten_minutes_for_an_id(void **state)
{
    (void)state;
    uint8_t one[CYAN_ID_LEN] = {1};
    uint8_t two[CYAN_ID_LEN] = {2};
    assert_true(outbox_may_tell(outbox, one, "cyan/key/pending"));
    assert_false(outbox_may_tell(outbox, one, "cyan/key/pending"));
    assert_true(outbox_may_tell(outbox, one, "cyan/key/mismatch"));
    assert_true(outbox_may_tell(outbox, two, "cyan/key/pending"));
    hub_now_ms += 10 * MINUTE - 1;
    assert_false(outbox_may_tell(outbox, one, "cyan/key/pending"));
    hub_now_ms += 1;
    assert_true(outbox_may_tell(outbox, one, "cyan/key/pending"));
    hub_now_ms -= 60 * MINUTE; /* somebody set the clock */
    assert_true(outbox_may_tell(outbox, one, "cyan/key/pending"));
}

static void telling_writes_sends_marks_and_is_limited(void **state)
{
    (void)state;
    char cause[] = "timeout";
    char name[] = "cyan/handshake/failed";
    struct outbox_event event = event_of(ann, 3, name);
    event.cause = cause;
    listen_as(ann);
    for (size_t i = 0; i < 50; i++) {
        outbox_tell(outbox, &event);
    }
    memset(cause, 'x', sizeof cause - 1); /* what was given is borrowed for the call */
    memset(name, 'x', sizeof name - 1);
    assert_int_equal(hear("event:"), 0);
    jobs_drain(hub_jobs);
    assert_int_equal(hear("event: cyan/handshake/failed\n"), 1);
    assert_non_null(strstr(heard, "\\\"cause\\\":\\\"timeout\\\""));
    assert_int_equal(rows_stored(), 1);
    timers_advance(SECOND);
    assert_int_equal(rows_stored(), 0);
}

static int (*real_remove)(void *ctx, int64_t seq);
static unsigned failures_left;

static int failing_remove(void *ctx, int64_t seq)
{
    if (failures_left > 0) {
        failures_left--;
        return CYAN_E_FULL;
    }
    return real_remove(ctx, seq);
}

static void marks_that_cannot_be_stored_are_tried_again(void **state)
{
    (void)state;
    real_remove = hub_store.outbox_remove;
    hub_store.outbox_remove = failing_remove;
    failures_left = 4; /* a job alone is run once */
    struct outbox_event event = event_of(ann, 1, "cyan/key/denied");
    struct store_outbox row = commit(&event);
    outbox_send(outbox, &row);
    timers_advance(4 * SECOND);
    assert_int_equal(rows_stored(), 1);
    timers_advance(SECOND);
    assert_int_equal(rows_stored(), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(an_event_has_all_its_keys_and_goes_to_its_owner_alone),
        CASE(what_an_event_does_not_have_is_null),
        CASE(the_worst_name_of_an_account_fits),
        CASE(seq_grows_by_one_and_a_change_that_fails_takes_none),
        CASE(an_event_of_nobodys_device_is_not_written),
        CASE(a_sent_event_is_marked_within_a_second),
        CASE(what_was_sent_is_marked_when_the_outbox_ends),
        CASE(an_event_that_was_committed_and_not_marked_is_sent_again_after_a_crash),
        CASE(leftovers_go_out_after_a_minute_whoever_listens),
        CASE(at_most_ten_thousand_leftovers_are_read_and_the_rest_stays),
        CASE(an_event_of_a_name_is_told_once_in_ten_minutes_for_an_id),
        CASE(telling_writes_sends_marks_and_is_limited),
        CASE(marks_that_cannot_be_stored_are_tried_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
