#include "server/net/shard.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"

enum { ACCEPT_BACKLOG = 4096 };

static void flush_dirty(struct shard *shard)
{
    while (shard->dirty) {
        struct conn *conn = shard->dirty;
        shard->dirty = conn->dirty_next;
        conn->dirty = false;
        conn_flush(conn);
    }
}

/* A turn is all that the loop did since it last came by here, less the time that it slept. */
static void note_turn(struct shard *shard)
{
    uint64_t now = uv_hrtime();
    uint64_t slept = uv_metrics_idle_time(&shard->loop);
    uint64_t turn = now - shard->turn_start_ns - (slept - shard->slept_ns);
    shard->turn_start_ns = now;
    shard->slept_ns = slept;
    if (turn > shard->longest_turn_ns) {
        shard->longest_turn_ns = turn;
    }
}

/* libuv waits with further connections of a listener until this one is accepted. */
static void take_waiting(struct shard *shard)
{
    shard->accepts = 0;
    for (unsigned i = 0; i < shard->listener_count; i++) {
        if (shard->waiting[i]) {
            shard->waiting[i] = shard->on_accept(shard, (uv_stream_t *)&shard->listeners[i]) < 0;
            shard->accepts++;
        }
    }
}

static void on_before_poll(uv_prepare_t *prepare)
{
    struct shard *shard = prepare->data;
    take_waiting(shard);
    mail_flush(&shard->outbox); /* first: who hears an acknowledgement may count on the letter */
    flush_dirty(shard);
    note_turn(shard);
}

static void on_after_poll(uv_check_t *check)
{
    struct shard *shard = check->data;
    mail_flush(&shard->outbox);
    flush_dirty(shard);
}

int shard_init(struct shard *shard, uint32_t index, uv_loop_t *hub, mail_fn *at_hub, void *hub_arg,
               mail_fn *at_shard, void *shard_arg)
{
    memset(shard, 0, sizeof *shard);
    shard->index = index;
    if (uv_loop_init(&shard->loop) < 0) {
        return CYAN_E_IO;
    }
    (void)uv_loop_configure(&shard->loop, UV_METRICS_IDLE_TIME);
    int err = wheel_init(&shard->wheel, &shard->loop);
    if (err == 0) {
        err = mail_lane_init(&shard->inbox, &shard->loop, at_shard, shard_arg);
    }
    if (err == 0) {
        err = mail_lane_init(&shard->outbox, hub, at_hub, hub_arg);
    }
    if (err < 0 || uv_prepare_init(&shard->loop, &shard->before_poll) < 0 ||
        uv_check_init(&shard->loop, &shard->after_poll) < 0) {
        return CYAN_E_IO;
    }
    shard->before_poll.data = shard;
    shard->after_poll.data = shard;
    (void)uv_prepare_start(&shard->before_poll, on_before_poll);
    (void)uv_check_start(&shard->after_poll, on_after_poll);
    return 0;
}

static void on_connection(uv_stream_t *server, int status)
{
    struct shard *shard = server->data;
    if (status < 0) {
        return;
    }
    if (shard->accepts >= SHARD_ACCEPTS_PER_TURN || shard->on_accept(shard, server) < 0) {
        shard->waiting[(uv_tcp_t *)server - shard->listeners] = true;
    } else {
        shard->accepts++;
    }
}

int shard_listen(struct shard *shard, int socket)
{
    if (shard->listener_count == SHARD_LISTENERS_MAX) {
        (void)close(socket);
        return CYAN_E_FULL;
    }
    uv_tcp_t *listener = &shard->listeners[shard->listener_count];
    if (uv_tcp_init(&shard->loop, listener) < 0) {
        (void)close(socket);
        return CYAN_E_IO;
    }
    listener->data = shard;
    shard->listener_count++;
    if (uv_tcp_open(listener, socket) < 0) {
        (void)close(socket);
        return CYAN_E_IO;
    }
    return uv_listen((uv_stream_t *)listener, ACCEPT_BACKLOG, on_connection) < 0 ? CYAN_E_IO : 0;
}

void shard_run(struct shard *shard)
{
    shard->turn_start_ns = uv_hrtime();
    (void)uv_run(&shard->loop, UV_RUN_DEFAULT);
    mail_flush(&shard->outbox);
}

void shard_stop_listening(struct shard *shard)
{
    for (unsigned i = 0; i < shard->listener_count; i++) {
        uv_handle_t *handle = (uv_handle_t *)&shard->listeners[i];
        shard->waiting[i] = false;
        if (!uv_is_closing(handle)) {
            uv_close(handle, NULL);
        }
    }
}

void shard_close(struct shard *shard)
{
    shard_stop_listening(shard);
    flush_dirty(shard);
    mail_flush(&shard->outbox);
    mail_lane_close(&shard->inbox);
    wheel_close(&shard->wheel);
    uv_close((uv_handle_t *)&shard->before_poll, NULL);
    uv_close((uv_handle_t *)&shard->after_poll, NULL);
}

void shard_done(struct shard *shard)
{
    (void)uv_loop_close(&shard->loop);
    mail_lane_done(&shard->inbox);
    mail_lane_done(&shard->outbox);
    while (shard->spare) {
        struct conn_chunk *chunk = shard->spare;
        shard->spare = chunk->next;
        free(chunk);
    }
}

struct conn_chunk *shard_chunk_alloc(struct shard *shard)
{
    struct conn_chunk *chunk = shard->spare;
    if (chunk) {
        shard->spare = chunk->next;
        shard->spare_count--;
    } else {
        chunk = malloc(sizeof *chunk);
        if (!chunk) {
            return NULL;
        }
    }
    chunk->next = NULL;
    chunk->start = 0;
    chunk->len = 0;
    return chunk;
}

void shard_chunk_free(struct shard *shard, struct conn_chunk *chunk)
{
    if (shard->spare_count < SHARD_SPARE_CHUNKS) {
        chunk->next = shard->spare;
        shard->spare = chunk;
        shard->spare_count++;
    } else {
        free(chunk);
    }
}
