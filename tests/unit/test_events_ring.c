/* The ring of events: whole, in order, bounded. */
#include "server/cloud/events.h"

#include <malloc.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "tests/unit/fake_cloud.h"
#include "tests/unit/ring.h"
#include "tests/unit/unit.h"

/* Publishes events of many lengths, each with its number. */
static size_t publish_numbered(size_t from, size_t count)
{
    static char data[700];
    for (size_t i = from; i < from + count; i++) {
        size_t len = i * 37 % 650;
        memset(data, 'x', len);
        (void)snprintf(data + len, 12, "#%zu", i);
        fake_publish("n", data);
    }
    return from + count;
}

static void assert_numbered(const char *text, size_t from, size_t count)
{
    for (size_t i = from; i < from + count; i++) {
        char mark[24];
        (void)snprintf(mark, sizeof mark, "#%zu\",", i);
        text = strstr(text, mark);
        assert_non_null(text);
        text = strstr(text, "}\n\n");
        assert_non_null(text);
        text += 3;
    }
    assert_string_equal(text, "");
}

static void data_that_could_fill_half_the_ring_is_refused(void **state)
{
    (void)state;
    static uint8_t data[RING];
    struct stream *stream = ring_open(1, STREAM_MINE, "");
    struct bus_event event = ring_event("a");
    event.data = data;
    event.data_len = 5000;
    ring_publish(&event);
    assert_int_equal(strlen(ring_drain(stream, 4096)), strlen("event: a\ndata: {\"data\":\"") +
                                                           30000 +
                                                           strlen("\",\"ttl\":60,\"published_at\":"
                                                                  "\"2026-01-02T03:04:05.678Z\","
                                                                  "\"coreid\":\"api\"}\n\n"));
    for (size_t len = 5500; len <= RING; len += 97) {
        event.data_len = len;
        assert_int_equal(events_publish(fake.cloud.events, &event), CYAN_E_TOO_LONG);
    }
    event.data_len = SIZE_MAX;
    assert_int_equal(events_publish(fake.cloud.events, &event), CYAN_E_TOO_LONG);
    stream_close(stream);
}

static void nothing_is_lost_or_disordered_while_the_ring_goes_round_many_times(void **state)
{
    (void)state;
    struct stream *stream = ring_open(1, STREAM_MINE, "");
    size_t next = 0;
    for (size_t turn = 0; turn < 400; turn++) {
        size_t count = turn % 23;
        size_t from = next;
        next = publish_numbered(next, count);
        assert_numbered(ring_drain(stream, 1 + turn * 13 % 3000), from, count);
    }
    stream_close(stream);
}

static void events_read_in_pieces_of_any_size_are_the_same(void **state)
{
    (void)state;
    static char whole[RING];
    for (size_t cap = 1; cap < 700; cap += cap < 20 ? 1 : 17) {
        struct stream *one = ring_open(1, STREAM_MINE, "");
        struct stream *other = ring_open(1, STREAM_MINE, "");
        publish_numbered(cap, 5);
        (void)snprintf(whole, sizeof whole, "%s", ring_drain(one, 32768));
        assert_string_equal(ring_drain(other, cap), whole);
        stream_close(one);
        stream_close(other);
    }
}

static void events_that_fit_are_never_cut(void **state)
{
    (void)state;
    char buf[900];
    struct stream *stream = ring_open(1, STREAM_MINE, "");
    publish_numbered(0, 60);
    ssize_t n;
    while ((n = stream_read(stream, buf, sizeof buf)) > 0) {
        assert_int_equal(strncmp(buf, "event: ", 7), 0);
        assert_memory_equal(buf + n - 3, "}\n\n", 3);
    }
    stream_close(stream);
}

static void an_idle_stream_never_falls_off_the_ring(void **state)
{
    (void)state;
    struct stream *busy = ring_open(1, STREAM_MINE, "");
    struct stream *idle = ring_open(1, STREAM_MINE, "rare");
    for (size_t i = 0; i < 1000; i++) {
        publish_numbered(0, 3);
        ring_drain(busy, 4096);
    }
    fake_publish("rare", "x");
    assert_int_equal(strncmp(ring_drain(idle, 4096), "event: rare\n", 12), 0);
    stream_close(busy);
    stream_close(idle);
}

static void a_stream_that_does_not_read_has_ended_once_its_event_is_overwritten(void **state)
{
    (void)state;
    char buf[64];
    struct stream *slow = ring_open(1, STREAM_MINE, "");
    struct stream *halfway = ring_open(1, STREAM_MINE, "");
    fake_publish("a", "x");
    assert_true(stream_read(halfway, buf, sizeof buf) > 0);
    publish_numbered(0, 300);
    assert_int_equal(stream_read(slow, buf, sizeof buf), CYAN_E_CLOSED);
    assert_int_equal(stream_read(slow, buf, sizeof buf), CYAN_E_CLOSED);
    assert_int_equal(stream_read(halfway, buf, sizeof buf), CYAN_E_CLOSED);
    stream_close(slow);
    stream_close(halfway);
}

static void a_stream_that_lags_gets_its_next_event_or_the_end_but_never_other_bytes(void **state)
{
    (void)state;
    char buf[256];
    size_t ended = 0;
    for (size_t lag = 0; lag < 250; lag++) {
        struct stream *stream = ring_open(1, STREAM_MINE, "");
        fake_publish("first", "x");
        publish_numbered(lag, lag);
        ssize_t n = stream_read(stream, buf, sizeof buf);
        if (n < 0) {
            assert_int_equal(n, CYAN_E_CLOSED);
            ended++;
        } else {
            static const char wanted[] = "event: first\ndata: {\"data\":\"x\",";
            assert_int_equal(strncmp(buf, wanted, sizeof wanted - 1), 0);
        }
        stream_close(stream);
    }
    assert_true(ended > 100 && ended < 200);
}

static void a_ring_of_any_size_keeps_events_whole_at_its_end(void **state)
{
    (void)state;
    fake_events_stop();
    for (size_t len = 16384; len < 16384 + 600; len += 8) {
        fake_events_start(len);
        struct stream *stream = ring_open(1, STREAM_MINE, "");
        for (size_t i = 0; i < 60; i++) {
            publish_numbered(i, 1);
            assert_numbered(ring_drain(stream, 4096), i, 1);
        }
        stream_close(stream);
        fake_events_stop();
    }
    fake_events_start(RING);
}

static void an_event_costs_no_allocation(void **state)
{
    (void)state;
    struct stream *streams[10];
    for (size_t i = 0; i < COUNT_OF(streams); i++) {
        streams[i] = ring_open(1, STREAM_MINE, "");
    }
    struct mallinfo2 before = mallinfo2();
    for (size_t i = 0; i < 1000; i++) {
        fake_publish("a", "some data");
        for (size_t k = 0; k < COUNT_OF(streams); k++) {
            assert_string_not_equal(ring_drain(streams[k], 4096), "");
        }
    }
    struct mallinfo2 after = mallinfo2();
    assert_int_equal(after.uordblks, before.uordblks);
    for (size_t i = 0; i < COUNT_OF(streams); i++) {
        stream_close(streams[i]);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, ring_start, ring_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(data_that_could_fill_half_the_ring_is_refused),
        CASE(nothing_is_lost_or_disordered_while_the_ring_goes_round_many_times),
        CASE(events_read_in_pieces_of_any_size_are_the_same),
        CASE(events_that_fit_are_never_cut),
        CASE(an_idle_stream_never_falls_off_the_ring),
        CASE(a_stream_that_does_not_read_has_ended_once_its_event_is_overwritten),
        CASE(a_stream_that_lags_gets_its_next_event_or_the_end_but_never_other_bytes),
        CASE(a_ring_of_any_size_keeps_events_whole_at_its_end),
        CASE(an_event_costs_no_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
