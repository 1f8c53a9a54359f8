/* Event streams over HTTP: bytes, silence, and clients that leave or do not read. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "server/api/daemon.h"
#include "server/api/http.h"
#include "tests/unit/fake_cloud.h"
#include "tests/unit/http_client.h"
#include "tests/unit/unit.h"

enum { MANY = 300, TEXT_MAX = 1 << 20 };

static int open_stream(const char *path, const char *version)
{
    char text[512];
    int len = snprintf(text, sizeof text,
                       "GET %s HTTP/%s\r\nHost: x\r\nAuthorization: Bearer " FAKE_ANN "\r\n\r\n",
                       path, version);
    int fd = client_open();
    client_send(fd, text, (size_t)len);
    return fd;
}

/* Opens a stream and takes what comes at once off it. */
static int open_greeted(const char *path)
{
    int fd = open_stream(path, "1.1");
    assert_non_null(client_wait(fd, ":ok\n\n"));
    return fd;
}

/* Turns the loop until the server has this many streams. */
static void wait_for_streams(size_t count)
{
    for (size_t turns = 0; fake.http->streams.count != count; turns++) {
        assert_true(turns < 20000);
        uv_run(&fake.loop, UV_RUN_ONCE);
    }
}

/* The text inside the chunks of an answer's body, of which the last may be cut. */
static const char *join_chunks(const char *body)
{
    static char text[TEXT_MAX];
    size_t len = 0;
    char *end;
    while (*body) {
        size_t n = strtoul(body, &end, 16);
        if (end == body || strncmp(end, "\r\n", 2) != 0 || n == 0) {
            break;
        }
        size_t there = strnlen(end + 2, n);
        memcpy(text + len, end + 2, there);
        len += there;
        body = end + 2 + there;
        if (there < n || strncmp(body, "\r\n", 2) != 0) {
            break;
        }
        body += 2;
    }
    text[len] = '\0';
    return text;
}

static const char temp_event[] = "event: temp\n"
                                 "data: {\"data\":\"21\",\"ttl\":60,"
                                 "\"published_at\":\"2026-01-02T03:04:05.678Z\","
                                 "\"coreid\":\"2f0000000000000000000001\"}\n\n";

static void a_stream_answers_at_once_although_nothing_happens(void **state)
{
    (void)state;
    int fd = open_stream("/v1/devices/events", "1.1");
    const char *text = client_wait(fd, ":ok\n\n");
    assert_int_equal(strncmp(text, "HTTP/1.1 200 OK\r\n", 17), 0);
    assert_non_null(strstr(text, "Content-Type: text/event-stream\r\n"));
    assert_non_null(strstr(text, "Cache-Control: no-cache\r\n"));
    assert_non_null(strstr(text, "X-Accel-Buffering: no\r\n"));
    assert_non_null(strstr(text, "Access-Control-Allow-Origin: *\r\n"));
    assert_string_equal(join_chunks(strstr(text, "\r\n\r\n") + 4), ":ok\n\n");
    client_close(fd);
}

static void an_event_arrives_as_it_was_formatted(void **state)
{
    (void)state;
    static const char *const paths[] = {"/v1/events",
                                        "/v1/events/te",
                                        "/v1/devices/events",
                                        "/v1/devices/events/temp",
                                        "/v1/devices/lamp/events",
                                        "/v1/devices/2f0000000000000000000001/events/t"};
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        int fd = open_greeted(paths[i]);
        fake_publish("temp", "21");
        assert_string_equal(join_chunks(client_wait(fd, "}\n\n")), temp_event);
        client_close(fd);
    }
}

static void a_prefix_is_decoded_once(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        const char *name;
        const char *other;
    } cases[] = {{"/v1/devices/events/a%2Fb%20c", "a/b cd", "a%2Fb%20c"},
                 {"/v1/devices/events/a/b", "a/bc", "a"},
                 {"/v1/devices/events/a%252F", "a%2Fx", "a/x"},
                 {"/v1/devices/events/A", "Ab", "ab"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int fd = open_greeted(cases[i].path);
        fake_publish(cases[i].other, "no");
        fake_publish(cases[i].name, "yes");
        const char *text = join_chunks(client_wait(fd, "yes"));
        assert_null(strstr(text, "\"no\""));
        client_close(fd);
    }
}

static void a_prefix_longer_than_any_name_is_400(void **state)
{
    (void)state;
    char path[128] = "/v1/devices/events/";
    memset(path + strlen(path), 'a', 65);
    assert_answer(get(path, FAKE_ANN), 400, "code", "INVALID");
}

static void head_of_a_stream_has_no_end_to_wait_for(void **state)
{
    (void)state;
    int fd = client_open();
    static const char text[] = "HEAD /v1/devices/events HTTP/1.1\r\nHost: x\r\n"
                               "Authorization: Bearer " FAKE_ANN "\r\n\r\n";
    client_send(fd, text, sizeof text - 1);
    assert_non_null(strstr(client_wait(fd, "\r\n\r\n"), "Content-Type: text/event-stream\r\n"));
    assert_int_equal(fake.http->streams.count, 0);
    client_close(fd);
}

static void many_streams_all_get_every_event_in_order(void **state)
{
    (void)state;
    int fds[MANY];
    for (size_t i = 0; i < MANY; i++) {
        fds[i] = open_greeted("/v1/devices/events");
    }
    for (size_t round = 0; round < 5; round++) {
        for (size_t k = 0; k < 4; k++) {
            char data[8];
            (void)snprintf(data, sizeof data, "%zu%zu", round, k);
            fake_publish("n", data);
        }
        for (size_t i = 0; i < MANY; i++) {
            char last[32];
            (void)snprintf(last, sizeof last, "\"%zu3\",", round);
            const char *text = join_chunks(client_wait(fds[i], last));
            for (size_t k = 0; k < 4; k++) {
                char mark[32];
                (void)snprintf(mark, sizeof mark, "{\"data\":\"%zu%zu\",", round, k);
                text = strstr(text, mark);
                assert_non_null(text);
            }
        }
    }
    for (size_t i = 0; i < MANY; i++) {
        client_close(fds[i]);
    }
}

static void an_event_longer_than_the_connection_can_hold_arrives_whole(void **state)
{
    (void)state;
    char data[1501];
    memset(data, 1, sizeof data - 1); /* six bytes each */
    data[sizeof data - 1] = '\0';
    int fd = open_greeted("/v1/devices/events");
    for (size_t i = 0; i < 3; i++) {
        fake_publish("long", data);
        const char *text = join_chunks(client_wait(fd, "}\n\n"));
        assert_int_equal(strncmp(text, "event: long\n", 12), 0);
        assert_int_equal(strlen(text), strlen(temp_event) - 2 + 6 * (sizeof data - 1));
    }
    client_close(fd);
}

static void a_client_of_http_1_0_gets_plain_text(void **state)
{
    (void)state;
    int fd = open_stream("/v1/devices/events", "1.0");
    const char *text = client_wait(fd, ":ok\n\n");
    assert_null(strstr(text, "chunked"));
    fake_publish("temp", "21");
    assert_string_equal(client_wait(fd, "}\n\n"), temp_event);
    client_close(fd);
}

static void a_silent_stream_gets_an_empty_line_again_and_again(void **state)
{
    (void)state;
    fake.http->streams.beat_ms = 64;
    int fd = open_greeted("/v1/devices/events");
    for (size_t i = 0; i < 5; i++) {
        const char *lines = join_chunks(client_wait(fd, "\n\r\n"));
        assert_int_equal(strspn(lines, "\n"), strlen(lines));
        assert_int_not_equal(strlen(lines), 0);
    }
    fake_publish("temp", "21");
    const char *text = join_chunks(client_wait(fd, "}\n\n"));
    assert_non_null(strstr(text, temp_event));
    client_close(fd);
}

static void every_stream_gets_its_empty_line_in_time(void **state)
{
    (void)state;
    int fds[MANY];
    fake.http->streams.beat_ms = 320;
    for (size_t i = 0; i < MANY; i++) {
        fds[i] = open_greeted("/v1/devices/events");
    }
    for (size_t round = 0; round < 3; round++) {
        uint64_t before = uv_now(&fake.loop);
        for (size_t i = 0; i < MANY; i++) {
            const char *lines = join_chunks(client_wait(fds[i], "\n\r\n"));
            assert_int_equal(strspn(lines, "\n"), strlen(lines));
            assert_int_not_equal(strlen(lines), 0);
        }
        /* One beat and what it is spread over; five times that, for a machine that is busy. */
        assert_true(uv_now(&fake.loop) - before < 5 * (320 + 320 / 4));
    }
    for (size_t i = 0; i < MANY; i++) {
        client_close(fds[i]);
    }
}

static void clients_that_left_are_noticed_although_nothing_happens(void **state)
{
    (void)state;
    int fds[50];
    fake.http->streams.beat_ms = 64;
    for (size_t i = 0; i < COUNT_OF(fds); i++) {
        fds[i] = open_greeted("/v1/devices/events");
    }
    assert_int_equal(fake.http->streams.count, COUNT_OF(fds));
    for (size_t i = 0; i < COUNT_OF(fds); i += 2) {
        client_close(fds[i]);
    }
    wait_for_streams(COUNT_OF(fds) / 2);
    for (size_t i = 1; i < COUNT_OF(fds); i += 2) {
        client_close(fds[i]);
    }
    wait_for_streams(0);
}

static void a_stream_ends_within_a_beat_of_its_token_s_end(void **state)
{
    (void)state;
    fake.http->streams.beat_ms = 64;
    int fd = open_greeted("/v1/events");
    assert_non_null(client_wait(fd, "\n\r\n"));
    assert_int_equal(fake.http->streams.count, 1);
    fake.revoked = true;
    wait_for_streams(0);
    client_close(fd);
}

static void a_stream_that_ends_while_its_token_is_looked_at_leaves_nothing(void **state)
{
    (void)state;
    fake.http->streams.beat_ms = 64;
    int fd = open_greeted("/v1/events");
    fake.hold = true;
    for (size_t turns = 0; fake.waiting == 0; turns++) {
        assert_true(turns < 20000);
        uv_run(&fake.loop, UV_RUN_ONCE);
    }
    client_close(fd);
    wait_for_streams(0);
    fake_release();
}

static void a_client_that_does_not_read_is_hung_up_on_and_the_others_go_on(void **state)
{
    (void)state;
    static char data[865];
    memset(data, 'x', sizeof data - 1);
    fake.http->streams.beat_ms = 64;
    fake.http->streams.stuck_ms = 300;
    int stuck = open_greeted("/v1/devices/events");
    int good = open_greeted("/v1/devices/events");
    size_t sent = 0;
    for (; fake.http->streams.count == 2; sent++) {
        assert_true(sent < 20000);
        fake_publish("flood", data);
        assert_non_null(client_wait(good, "}\n\n"));
    }
    fake_publish("temp", "21");
    assert_non_null(strstr(join_chunks(client_wait(good, "}\n\n")), temp_event));
    client_close(stuck);
    client_close(good);
}

static void a_stream_whose_event_was_overwritten_ends(void **state)
{
    (void)state;
    static char data[865];
    memset(data, 'x', sizeof data - 1);
    int fd = open_greeted("/v1/devices/events");
    /* More than the ring holds, before the stream can read any of it. */
    for (size_t i = 0; i < 200; i++) {
        fake_publish("flood", data);
    }
    assert_null(client_wait(fd, "flood"));
    client_close(fd);
}

static void a_stop_ends_every_stream_as_http_ends_a_body(void **state)
{
    (void)state;
    int fds[20];
    for (size_t i = 0; i < COUNT_OF(fds); i++) {
        fds[i] = open_greeted("/v1/devices/events");
    }
    http_stop(fake.http);
    fake.http = NULL;
    for (size_t i = 0; i < COUNT_OF(fds); i++) {
        assert_non_null(client_wait(fds[i], "0\r\n\r\n"));
        client_close(fds[i]);
    }
}

static void streams_open_and_close_while_events_flow(void **state)
{
    (void)state;
    int fds[16] = {0};
    uint32_t random = 7;
    fake.http->streams.beat_ms = 64;
    for (size_t i = 0; i < 2000; i++) {
        random = random * 1103515245 + 12345;
        int *fd = &fds[(random >> 16) % COUNT_OF(fds)];
        if (*fd) {
            client_close(*fd);
            *fd = 0;
        } else {
            *fd = open_stream("/v1/events", "1.1");
        }
        fake_publish("n", "x");
        uv_run(&fake.loop, UV_RUN_NOWAIT);
    }
    for (size_t i = 0; i < COUNT_OF(fds); i++) {
        if (fds[i]) {
            client_close(fds[i]);
        }
    }
    assert_answer(get("/healthz", NULL), 200, "", "");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fake_start, fake_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_stream_answers_at_once_although_nothing_happens),
        CASE(an_event_arrives_as_it_was_formatted),
        CASE(a_prefix_is_decoded_once),
        CASE(a_prefix_longer_than_any_name_is_400),
        CASE(head_of_a_stream_has_no_end_to_wait_for),
        CASE(many_streams_all_get_every_event_in_order),
        CASE(an_event_longer_than_the_connection_can_hold_arrives_whole),
        CASE(a_client_of_http_1_0_gets_plain_text),
        CASE(a_silent_stream_gets_an_empty_line_again_and_again),
        CASE(every_stream_gets_its_empty_line_in_time),
        CASE(clients_that_left_are_noticed_although_nothing_happens),
        CASE(a_stream_ends_within_a_beat_of_its_token_s_end),
        CASE(a_stream_that_ends_while_its_token_is_looked_at_leaves_nothing),
        CASE(a_client_that_does_not_read_is_hung_up_on_and_the_others_go_on),
        CASE(a_stream_whose_event_was_overwritten_ends),
        CASE(a_stop_ends_every_stream_as_http_ends_a_body),
        CASE(streams_open_and_close_while_events_flow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
