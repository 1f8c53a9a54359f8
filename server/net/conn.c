#include "server/net/conn.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/err.h"
#include "server/net/shard.h"

static uint8_t *chunk_bytes(struct conn_chunk *chunk)
{
    return chunk->bytes + chunk->start;
}

static size_t chunk_left(const struct conn_chunk *chunk)
{
    return chunk->len - chunk->start;
}

static void drop_first(struct conn *conn)
{
    struct conn_chunk *chunk = conn->first;
    conn->first = chunk->next;
    if (!conn->first) {
        conn->last = NULL;
    }
    shard_chunk_free(conn->shard, chunk);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct conn *conn = handle->data;
    size_t want = conn->ops->want(conn);
    (void)suggested;
    *buf = uv_buf_init((char *)conn->shard->read_buffer,
                       (unsigned)(want < SHARD_READ_MAX ? want : SHARD_READ_MAX));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct conn *conn = stream->data;
    if (conn->closing || n == 0) {
        return;
    }
    if (n > 0) {
        conn->ops->on_bytes(conn, (uint8_t *)buf->base, (size_t)n);
    } else {
        int err = n == UV_EOF ? 0 : n == UV_ECONNRESET ? CYAN_E_RESET : CYAN_E_IO;
        conn->ops->on_end(conn, err);
    }
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct conn *conn = handle->data;
    while (conn->first) {
        drop_first(conn);
    }
    conn->ops->on_closed(conn);
}

int conn_accept(struct conn *conn, struct shard *shard, uv_stream_t *server,
                const struct conn_ops *ops)
{
    *conn = (struct conn){.shard = shard, .ops = ops};
    int err = uv_tcp_init(&shard->loop, &conn->tcp);
    conn->tcp.data = conn;
    if (err == 0) {
        err = uv_accept(server, (uv_stream_t *)&conn->tcp);
    }
    if (err == 0) {
        (void)uv_tcp_nodelay(&conn->tcp, 1);
        err = uv_read_start((uv_stream_t *)&conn->tcp, on_alloc, on_read);
    }
    if (err < 0) {
        conn_close(conn);
        return CYAN_E_IO;
    }
    return 0;
}

static struct conn_chunk *add_chunk(struct conn *conn)
{
    struct conn_chunk *chunk = shard_chunk_alloc(conn->shard);
    if (chunk) {
        if (conn->last) {
            conn->last->next = chunk;
        } else {
            conn->first = chunk;
        }
        conn->last = chunk;
    }
    return chunk;
}

/* A chunk that uv_write holds is finished. */
static bool has_room(const struct conn *conn, size_t len)
{
    const struct conn_chunk *chunk = conn->last;
    bool held = conn->writing && chunk == conn->first;
    return chunk && !held && chunk->len + len <= CONN_WRITE_MAX;
}

uint8_t *conn_room(struct conn *conn, size_t len)
{
    if (len > CONN_WRITE_MAX) {
        return NULL;
    }
    if (!has_room(conn, len)) {
        conn_flush(conn);
    }
    if (!conn->closing &&
        (conn->backlog + len > CONN_BACKLOG_MAX || (!has_room(conn, len) && !add_chunk(conn)))) {
        conn_close(conn);
    }
    return conn->closing ? NULL : conn->last->bytes + conn->last->len;
}

void conn_written(struct conn *conn, size_t len)
{
    conn->last->len = (uint16_t)(conn->last->len + len);
    conn->backlog += (uint32_t)len;
    if (!conn->dirty) {
        conn->dirty = true;
        conn->dirty_next = conn->shard->dirty;
        conn->shard->dirty = conn;
    }
}

static void on_write(uv_write_t *request, int status)
{
    struct conn *conn = request->data;
    conn->writing = false;
    if (conn->closing) {
        return;
    }
    if (status < 0) {
        conn->ops->on_end(conn, CYAN_E_RESET);
        return;
    }
    conn->backlog -= (uint32_t)chunk_left(conn->first);
    drop_first(conn);
    conn_flush(conn);
}

static void write_rest_later(struct conn *conn)
{
    struct conn_chunk *chunk = conn->first;
    uv_buf_t buf = uv_buf_init((char *)chunk_bytes(chunk), (unsigned)chunk_left(chunk));
    chunk->request.data = conn;
    conn->writing = true;
    if (uv_write(&chunk->request, (uv_stream_t *)&conn->tcp, &buf, 1, on_write) < 0) {
        conn->writing = false;
        conn->ops->on_end(conn, CYAN_E_IO);
    }
}

void conn_flush(struct conn *conn)
{
    while (conn->first && !conn->writing && !conn->closing) {
        struct conn_chunk *chunk = conn->first;
        size_t left = chunk_left(chunk);
        uv_buf_t buf = uv_buf_init((char *)chunk_bytes(chunk), (unsigned)left);
        int n = left > 0 ? uv_try_write((uv_stream_t *)&conn->tcp, &buf, 1) : 0;
        if (n < 0 && n != UV_EAGAIN) {
            conn->ops->on_end(conn, CYAN_E_RESET);
            return;
        }
        size_t done = n > 0 ? (size_t)n : 0;
        conn->backlog -= (uint32_t)done;
        if (done == left) {
            drop_first(conn);
        } else {
            chunk->start = (uint16_t)(chunk->start + done);
            write_rest_later(conn);
        }
    }
}

void conn_pause(struct conn *conn)
{
    (void)uv_read_stop((uv_stream_t *)&conn->tcp);
}

void conn_resume(struct conn *conn)
{
    if (!conn->closing) {
        (void)uv_read_start((uv_stream_t *)&conn->tcp, on_alloc, on_read);
    }
}

void conn_close(struct conn *conn)
{
    if (conn->closing) {
        return;
    }
    if (conn->first && !conn->writing) {
        struct conn_chunk *chunk = conn->first;
        uv_buf_t buf = uv_buf_init((char *)chunk_bytes(chunk), (unsigned)chunk_left(chunk));
        (void)uv_try_write((uv_stream_t *)&conn->tcp, &buf, 1);
    }
    conn->closing = true;
    if (conn->dirty) {
        struct conn **at = &conn->shard->dirty;
        while (*at != conn) {
            at = &(*at)->dirty_next;
        }
        *at = conn->dirty_next;
        conn->dirty = false;
    }
    uv_close((uv_handle_t *)&conn->tcp, on_handle_closed);
}

void conn_address(const struct conn *conn, char out_text[static CONN_ADDRESS_TEXT])
{
    struct sockaddr_storage name;
    int len = sizeof name;
    out_text[0] = '\0';
    if (uv_tcp_getpeername(&conn->tcp, (struct sockaddr *)&name, &len) < 0) {
        return;
    }
    if (name.ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const void *)&name;
        (void)inet_ntop(AF_INET, &v4->sin_addr, out_text, CONN_ADDRESS_TEXT);
    } else {
        enum { MAPPED_PREFIX = 12 };
        const struct sockaddr_in6 *v6 = (const void *)&name;
        bool mapped = IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr);
        (void)inet_ntop(mapped ? AF_INET : AF_INET6,
                        v6->sin6_addr.s6_addr + (mapped ? MAPPED_PREFIX : 0), out_text,
                        CONN_ADDRESS_TEXT);
    }
}
