#include "server/cloud/events.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "tests/unit/fake_cloud.h"
#include "tests/unit/ring.h"
#include "tests/unit/unit.h"

static void an_event_stands_on_the_wire_as_specified(void **state)
{
    (void)state;
    struct stream *stream = ring_open(1, STREAM_MINE, "");
    fake_publish("temp", "21.5");
    assert_string_equal(ring_drain(stream, 4096), "event: temp\n"
                                                  "data: {\"data\":\"21.5\",\"ttl\":60,"
                                                  "\"published_at\":\"2026-01-02T03:04:05.678Z\","
                                                  "\"coreid\":\"2f0000000000000000000001\"}\n\n");
    stream_close(stream);
}

static void without_data_it_says_null_and_with_empty_data_the_empty_text(void **state)
{
    (void)state;
    struct stream *stream = ring_open(1, STREAM_MINE, "");
    fake_publish("a", NULL);
    assert_non_null(strstr(ring_drain(stream, 4096), "{\"data\":null,\"ttl\""));
    fake_publish("a", "");
    assert_non_null(strstr(ring_drain(stream, 4096), "{\"data\":\"\",\"ttl\""));
    stream_close(stream);
}

static void who_speaks_is_told_by_coreid(void **state)
{
    (void)state;
    struct stream *stream = ring_open(1, STREAM_MINE, "");
    struct bus_event event = ring_event("a");
    ring_publish(&event);
    assert_non_null(strstr(ring_drain(stream, 4096), "\"coreid\":\"api\"}"));
    event.origin = BUS_FROM_CLOUD;
    ring_publish(&event);
    assert_non_null(strstr(ring_drain(stream, 4096), "\"coreid\":\"particle-internal\"}"));
    event.about_device = true;
    memset(event.device, 0xAB, sizeof event.device);
    ring_publish(&event);
    assert_non_null(strstr(ring_drain(stream, 4096), "\"coreid\":\"abababababababababababab\"}"));
    stream_close(stream);
}

static void the_time_of_publishing_stays_as_it_was_given(void **state)
{
    (void)state;
    struct stream *stream = ring_open(1, STREAM_MINE, "");
    struct bus_event event = ring_event("a");
    event.published_ms = 1;
    event.ttl = 16777215;
    ring_publish(&event);
    const char *text = ring_drain(stream, 4096);
    assert_non_null(strstr(text, "\"published_at\":\"1970-01-01T00:00:00.001Z\""));
    assert_non_null(strstr(text, "\"ttl\":16777215,"));
    stream_close(stream);
}

static void no_byte_of_data_or_name_breaks_the_form(void **state)
{
    (void)state;
    struct stream *stream = ring_open(1, STREAM_MINE, "");
    for (unsigned c = 0; c < 256; c++) {
        const uint8_t data[3] = {'x', (uint8_t)c, 'y'};
        const char name[4] = {'n', c < 0x20 || c == 0x7F ? 'n' : (char)c, 'n', '\0'};
        struct bus_event event = ring_event(name);
        event.data = data;
        event.data_len = sizeof data;
        ring_publish(&event);
        const char *text = ring_drain(stream, 4096);
        size_t lines = 0;
        for (const char *p = text; *p; p++) {
            lines += *p == '\n';
            assert_true(*p != '\r');
        }
        assert_int_equal(lines, 3);
        assert_int_equal(strncmp(text, "event: n", 8), 0);
        assert_non_null(strstr(text, "\ndata: {\"data\":\"x"));
        assert_string_equal(text + strlen(text) - 3, "}\n\n");
    }
    stream_close(stream);
}

static void a_name_that_is_none_is_refused(void **state)
{
    (void)state;
    char name[66];
    memset(name, 'n', sizeof name);
    for (size_t len = 0; len <= 65; len++) {
        struct bus_event event = {.name = name, .name_len = len, .owner = 1};
        int err = events_publish(fake.cloud.events, &event);
        assert_int_equal(err, len >= 1 && len <= 64 ? 0 : CYAN_E_INVALID);
    }
    struct bus_event event = ring_event("a\nb");
    assert_int_equal(events_publish(fake.cloud.events, &event), CYAN_E_INVALID);
}

static void a_stream_sees_what_its_scope_allows_and_nothing_else(void **state)
{
    (void)state;
    /* Accounts 1 and 257 share a bucket of the index. */
    static const struct {
        uint32_t owner;
        bool is_private;
        bool has_device; /* 2f…01 */
        bool seen[3];    /* by account 1: mine and public, mine, device 2f…01 */
    } cases[] = {
        {1, false, true, {true, true, true}},     {1, true, true, {true, true, true}},
        {1, false, false, {true, true, false}},   {1, true, false, {true, true, false}},
        {2, false, true, {true, false, false}},   {2, true, true, {false, false, false}},
        {257, false, true, {true, false, false}}, {257, true, true, {false, false, false}},
        {0, false, true, {false, false, false}},  {0, true, true, {false, false, false}},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        for (int scope = 0; scope < 3; scope++) {
            struct stream *stream = ring_open(1, (enum stream_scope)scope, "");
            struct bus_event event = ring_event("a");
            event.owner = cases[i].owner;
            event.is_private = cases[i].is_private;
            event.about_device = cases[i].has_device;
            event.device[0] = 0x2f;
            event.device[11] = 1;
            ring_wakes = 0;
            ring_publish(&event);
            assert_int_equal(ring_wakes, cases[i].seen[scope]);
            assert_int_equal(*ring_drain(stream, 4096) != '\0', cases[i].seen[scope]);
            stream_close(stream);
        }
    }
}

static void a_stream_of_a_device_sees_no_other_device(void **state)
{
    (void)state;
    struct stream *stream = ring_open(1, STREAM_DEVICE, "");
    struct bus_event event = ring_event("a");
    event.about_device = true;
    for (size_t i = 0; i < CYAN_ID_LEN; i++) {
        memset(event.device, 0, sizeof event.device);
        event.device[0] = 0x2f;
        event.device[11] = 1;
        event.device[i] ^= 0x80;
        ring_publish(&event);
        assert_string_equal(ring_drain(stream, 4096), "");
    }
    stream_close(stream);
}

static void a_prefix_lets_through_what_begins_with_it(void **state)
{
    (void)state;
    static const char name[] = "Temp/inside/1";
    for (size_t len = 0; len <= sizeof name - 1; len++) {
        char prefix[16] = "";
        memcpy(prefix, name, len);
        struct stream *right = ring_open(1, STREAM_MINE, prefix);
        struct stream *wrong = NULL;
        if (len > 0) {
            prefix[len - 1] ^= 0x20;
            wrong = ring_open(1, STREAM_MINE, prefix);
        }
        fake_publish(name, "x");
        assert_string_not_equal(ring_drain(right, 4096), "");
        if (wrong) {
            assert_string_equal(ring_drain(wrong, 4096), "");
        }
        stream_close(right);
        stream_close(wrong);
    }
    struct stream *longer = ring_open(1, STREAM_MINE, "Temp/inside/12");
    fake_publish(name, "x");
    assert_string_equal(ring_drain(longer, 4096), "");
    stream_close(longer);
}

static void a_stream_begins_with_the_next_event(void **state)
{
    (void)state;
    struct stream *first = ring_open(1, STREAM_MINE, "");
    fake_publish("early", "x");
    struct stream *second = ring_open(1, STREAM_MINE, "");
    fake_publish("late", "x");
    assert_int_equal(strncmp(ring_drain(second, 4096), "event: late\n", 12), 0);
    assert_int_equal(strncmp(ring_drain(first, 4096), "event: early\n", 13), 0);
    stream_close(first);
    stream_close(second);
}

static void a_stream_is_woken_once_until_it_has_read_all(void **state)
{
    (void)state;
    char buf[100];
    struct stream *stream = ring_open(1, STREAM_MINE, "");
    fake_publish("a", "x");
    fake_publish("a", "x");
    assert_int_equal(ring_wakes, 1);
    assert_true(stream_read(stream, buf, sizeof buf) > 0);
    fake_publish("a", "x");
    assert_int_equal(ring_wakes, 1);
    ring_drain(stream, 4096);
    fake_publish("a", "x");
    assert_int_equal(ring_wakes, 2);
    stream_close(stream);
}

static void devices_get_what_devices_and_the_api_publish_but_nothing_of_the_cloud(void **state)
{
    (void)state;
    struct bus_event event = ring_event("a");
    ring_publish(&event);
    assert_int_equal(fake.to_devices, 1);
    event.origin = BUS_FROM_DEVICE;
    ring_publish(&event);
    assert_int_equal(fake.to_devices, 2);
    event.origin = BUS_FROM_CLOUD;
    ring_publish(&event);
    assert_int_equal(fake.to_devices, 2);
}

static void what_a_device_tells_the_cloud_alone_reaches_nobody(void **state)
{
    (void)state;
    struct stream *stream = ring_open(1, STREAM_MINE_AND_PUBLIC, "");
    fake_publish("spark/device/claim/code", "secret");
    fake_publish("spark/hardware/max_binary", "1");
    assert_string_equal(ring_drain(stream, 4096), "");
    assert_int_equal(fake.to_devices, 0);
    fake_publish("spark/device/last_reset", "user");
    assert_string_not_equal(ring_drain(stream, 4096), "");
    stream_close(stream);
}

static void streams_close_in_any_order_and_the_others_go_on(void **state)
{
    (void)state;
    for (size_t first = 0; first < 3; first++) {
        for (size_t second = 0; second < 3; second++) {
            struct stream *streams[3];
            for (size_t i = 0; i < 3; i++) {
                streams[i] = ring_open(1 + 256 * (uint32_t)i, STREAM_MINE_AND_PUBLIC, "");
            }
            stream_close(streams[first]);
            streams[first] = NULL;
            stream_close(streams[second]);
            streams[second] = NULL;
            fake_publish("a", "x");
            for (size_t i = 0; i < 3; i++) {
                if (streams[i]) {
                    assert_string_not_equal(ring_drain(streams[i], 4096), "");
                }
                stream_close(streams[i]);
            }
        }
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, ring_start, ring_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(an_event_stands_on_the_wire_as_specified),
        CASE(without_data_it_says_null_and_with_empty_data_the_empty_text),
        CASE(who_speaks_is_told_by_coreid),
        CASE(the_time_of_publishing_stays_as_it_was_given),
        CASE(no_byte_of_data_or_name_breaks_the_form),
        CASE(a_name_that_is_none_is_refused),
        CASE(a_stream_sees_what_its_scope_allows_and_nothing_else),
        CASE(a_stream_of_a_device_sees_no_other_device),
        CASE(a_prefix_lets_through_what_begins_with_it),
        CASE(a_stream_begins_with_the_next_event),
        CASE(a_stream_is_woken_once_until_it_has_read_all),
        CASE(devices_get_what_devices_and_the_api_publish_but_nothing_of_the_cloud),
        CASE(what_a_device_tells_the_cloud_alone_reaches_nobody),
        CASE(streams_close_in_any_order_and_the_others_go_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
