/* streams.c - how many events cyand delivers to a thousand event streams in a second of CPU.
 *
 * The event ring and the HTTP face are the real ones, on this thread; another process reads. The
 * limit is measured in turns with them: the same bytes, sent to as many plain sockets by a loop
 * that does nothing else. The next event goes out when all streams have the last one, so that
 * neither side gains by sending several at once. The machine's own work for a connection counts on
 * both sides alike: the time is that of the thread, system calls included. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench/reader.h"
#include "crypto/openssl.h"
#include "server/api/http.h"
#include "server/bus/bus.h"
#include "server/cloud/accounts.h"
#include "server/cloud/cloud.h"
#include "server/cloud/events.h"
#include "server/cloud/jobs.h"
#include "server/cloud/outbox.h"
#include "server/net/listener.h"
#include "server/store/sqlite.h"

enum { STREAMS = 1000, ROUNDS = 3, EVENTS = 200, RING = 4 << 20 };

static const char event_name[] = "temperature";
static const char event_data[] = "{\"inside\":21.50,\"outside\":-3.25,\"hum\":0.4}";

struct bench {
    struct reader reader;
    uv_loop_t loop;
    struct cloud cloud;
    struct bus bus;
    struct store store;
    struct http *http;
    uv_poll_t words; /* of the reader */
    size_t events_left;
    double began_s;
    char token[TOKEN_LEN + 1];
    char message[512]; /* an event as it stands on the wire */
    size_t message_len;
};

static double cpu_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void publish(struct bench *bench)
{
    struct bus_event event = {.name = event_name,
                              .name_len = sizeof event_name - 1,
                              .data = (const uint8_t *)event_data,
                              .data_len = sizeof event_data - 1,
                              .owner = 1,
                              .ttl = 60,
                              .origin = BUS_FROM_DEVICE,
                              .about_device = true};
    if (events_publish(bench->cloud.events, &event) < 0) {
        bench_die("events_publish");
    }
}

/* A turn of the reader: all are connected, or all have the event. */
static void on_word(uv_poll_t *poll, int status, int events)
{
    struct bench *bench = poll->data;
    (void)status;
    (void)events;
    reader_wait(&bench->reader);
    if (bench->began_s == 0) {
        bench->began_s = cpu_s();
    }
    if (bench->events_left == 0) {
        uv_stop(&bench->loop);
    } else {
        bench->events_left--;
        publish(bench);
    }
}

static double streams_per_cpu_s(struct bench *bench)
{
    struct reader_order order = {.connections = STREAMS,
                                 .greeting = ":ok\n\n\r\n",
                                 .message_len = bench->message_len,
                                 .messages = EVENTS};
    if (http_start(&bench->cloud, "127.0.0.1", 0, &bench->http) < 0) {
        bench_die("http_start");
    }
    order.port = http_port(bench->http);
    (void)snprintf(order.request, sizeof order.request,
                   "GET /v1/devices/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n",
                   bench->token);
    bench->events_left = EVENTS;
    bench->began_s = 0;
    reader_order(&bench->reader, &order);
    uv_poll_start(&bench->words, UV_READABLE, on_word);
    uv_run(&bench->loop, UV_RUN_DEFAULT);
    double spent_s = cpu_s() - bench->began_s;
    uv_poll_stop(&bench->words);
    http_stop(bench->http);
    uv_run(&bench->loop, UV_RUN_NOWAIT);
    return (double)STREAMS * EVENTS / spent_s;
}

static double sends_per_cpu_s(struct bench *bench)
{
    static int fds[STREAMS];
    struct reader_order order = {
        .connections = STREAMS, .message_len = bench->message_len, .messages = EVENTS};
    int listener = -1;
    int one = 1;
    if (listener_open("127.0.0.1", 0, &listener, &order.port) < 0) {
        bench_die("listen");
    }
    reader_order(&bench->reader, &order);
    reader_wait(&bench->reader);
    for (size_t i = 0; i < STREAMS; i++) {
        while ((fds[i] = accept(listener, NULL, NULL)) < 0) {
        }
        (void)setsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    }
    double began_s = cpu_s();
    for (size_t event = 0; event < EVENTS; event++) {
        for (size_t i = 0; i < STREAMS; i++) {
            if (send(fds[i], bench->message, bench->message_len, MSG_NOSIGNAL) !=
                (ssize_t)bench->message_len) {
                bench_die("send");
            }
        }
        reader_wait(&bench->reader);
    }
    double spent_s = cpu_s() - began_s;
    for (size_t i = 0; i < STREAMS; i++) {
        close(fds[i]);
    }
    close(listener);
    return (double)STREAMS * EVENTS / spent_s;
}

static void ignore_event(void *arg, const struct bus_event *event)
{
    (void)arg;
    (void)event;
}

static void ignore_wake(void *arg)
{
    (void)arg;
}

static void on_login(void *arg, int status, const struct grant *grant)
{
    struct bench *bench = arg;
    if (status < 0) {
        bench_die("accounts_login");
    }
    memcpy(bench->token, grant->access_token, sizeof bench->token);
    uv_stop(&bench->loop);
}

static void on_account(void *arg, int status, const struct account *account)
{
    struct bench *bench = arg;
    if (status < 0 || account->id != 1) {
        bench_die("accounts_add");
    }
    accounts_login(bench->cloud.accounts, "bench", "bench", "", "", 0, on_login, bench);
}

/* Reads an event back from the ring, to send the same bytes as one chunk. */
static void copy_message(struct bench *bench)
{
    char text[256];
    struct stream_filter filter = {.account = 1, .scope = STREAM_MINE};
    struct stream *stream = stream_open(bench->cloud.events, &filter, ignore_wake, NULL);
    publish(bench);
    ssize_t len = stream ? stream_read(stream, text, sizeof text - 1) : 0;
    stream_close(stream);
    if (len <= 0) {
        bench_die("no event");
    }
    text[len] = '\0';
    bench->message_len =
        (size_t)snprintf(bench->message, sizeof bench->message, "%zx\r\n%s\r\n", (size_t)len, text);
}

static void start(struct bench *bench)
{
    if (uv_loop_init(&bench->loop) < 0 || bus_local_create(&bench->bus) < 0 ||
        store_sqlite_open(":memory:", &bench->store) < 0) {
        bench_die("the cloud cannot be made");
    }
    bench->cloud.loop = &bench->loop;
    bench->cloud.events = events_create(&bench->bus, RING, ignore_event, NULL);
    bench->cloud.jobs = jobs_create(&bench->loop, &bench->store);
    bench->cloud.crypto = cyan_openssl_create();
    if (!bench->cloud.crypto) {
        bench_die("out of memory");
    }
    bench->cloud.accounts = accounts_create(bench->cloud.jobs, bench->cloud.crypto);
    bench->cloud.outbox = outbox_create(bench->cloud.jobs, bench->cloud.events, 1);
    if (!bench->cloud.events || !bench->cloud.jobs || !bench->cloud.accounts ||
        !bench->cloud.outbox) {
        bench_die("out of memory");
    }
    accounts_add(bench->cloud.accounts, "bench", "bench", on_account, bench);
    uv_run(&bench->loop, UV_RUN_DEFAULT);
    uv_poll_init(&bench->loop, &bench->words, bench->reader.words);
    bench->words.data = bench;
    copy_message(bench);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double values[static ROUNDS])
{
    qsort(values, ROUNDS, sizeof *values, compare);
    return values[ROUNDS / 2];
}

int main(void)
{
    static struct bench bench;
    double streams[ROUNDS];
    double sends[ROUNDS];
    bench.reader = reader_start();
    start(&bench);
    for (size_t i = 0; i < ROUNDS; i++) {
        streams[i] = streams_per_cpu_s(&bench);
        sends[i] = sends_per_cpu_s(&bench);
    }
    reader_stop(&bench.reader);
    double value = median(streams);
    double limit = median(sends);
    printf("{\"name\":\"stream_deliveries_per_cpu_s\",\"value\":%.0f,\"unit\":\"1/s\","
           "\"limit\":%.0f,\"ratio\":%.3f}\n",
           value, limit, value / limit);
    return 0;
}
