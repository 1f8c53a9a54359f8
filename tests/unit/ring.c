#include "tests/unit/ring.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/fake_cloud.h"
#include "tests/unit/unit.h"

size_t ring_wakes;

static void on_wake(void *arg)
{
    (void)arg;
    ring_wakes++;
}

int ring_start(void **state)
{
    (void)state;
    ring_wakes = 0;
    fake_events_start(RING);
    return 0;
}

int ring_stop(void **state)
{
    (void)state;
    fake_events_stop();
    return 0;
}

struct stream *ring_open(uint32_t account, enum stream_scope scope, const char *prefix)
{
    struct stream_filter filter = {.account = account, .scope = scope};
    (void)snprintf(filter.prefix, sizeof filter.prefix, "%s", prefix);
    filter.device[0] = 0x2f;
    filter.device[11] = 1;
    struct stream *stream = stream_open(fake.cloud.events, &filter, on_wake, NULL);
    assert_non_null(stream);
    return stream;
}

struct bus_event ring_event(const char *name)
{
    struct bus_event event = {
        .name = name, .name_len = strlen(name), .owner = 1, .ttl = 60, .origin = BUS_FROM_API};
    return event;
}

void ring_publish(const struct bus_event *event)
{
    assert_int_equal(events_publish(fake.cloud.events, event), 0);
}

const char *ring_drain(struct stream *stream, size_t cap)
{
    static char text[2 * RING];
    size_t len = 0;
    ssize_t n;
    while ((n = stream_read(stream, text + len, cap)) > 0) {
        assert_true((size_t)n <= cap);
        len += (size_t)n;
        assert_true(len + cap < sizeof text);
    }
    assert_int_equal(n, 0);
    text[len] = '\0';
    return text;
}
