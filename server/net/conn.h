/* conn.h - one TCP connection of a device: bytes in, whole frames out.
 *
 * Reading borrows the shard's one buffer. Writing collects the frames of a loop turn in a chunk
 * from the shard's pool; a write holds whole frames and at most CONN_WRITE_MAX bytes, and what a
 * short write leaves goes out before anything else: implementation A loses a byte when a segment
 * ends inside a length (docs/SPEC-wire.md, "Frame"). An idle connection owns no buffer. */
#ifndef CYAN_SERVER_NET_CONN_H
#define CYAN_SERVER_NET_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "server/net/wheel.h"

struct conn;
struct shard;

enum {
    CONN_WRITE_MAX = 1024,
    CONN_BACKLOG_MAX = 32 * 1024, /* bytes that wait for a slow reader, then it is closed */
    CONN_ADDRESS_TEXT = 46,
};

struct conn_ops {
    /* How many bytes may be read now, at most; 0 is not allowed: use conn_pause. */
    size_t (*want)(struct conn *conn);
    /* len bytes arrived; data is borrowed for the call and may be changed in place. */
    void (*on_bytes)(struct conn *conn, uint8_t *data, size_t len);
    /* The other end has closed (0), or reading or writing failed (CYAN_E_RESET, CYAN_E_IO); also
     * from within conn_room and conn_flush. The owner calls conn_close. */
    void (*on_end)(struct conn *conn, int err);
    /* After conn_close, when nothing refers to conn any more: free its owner here. */
    void (*on_closed)(struct conn *conn);
};

struct conn_chunk;

struct conn {
    uv_tcp_t tcp;
    struct shard *shard;
    const struct conn_ops *ops;
    struct conn_chunk *first, *last; /* to be written, in order */
    struct conn *dirty_next;         /* in the shard's list of connections with bytes to write */
    uint32_t backlog;                /* bytes in all chunks */
    bool dirty, writing, closing;
};

/* Accepts from server into conn, which lies inside an owner on the heap, and starts to read. On
 * failure on_closed is called later all the same. CYAN_E_IO. */
int conn_accept(struct conn *conn, struct shard *shard, uv_stream_t *server,
                const struct conn_ops *ops);

/* Room for len bytes (at most CONN_WRITE_MAX) that go out together before this loop turn ends;
 * conn_written says how many were used. NULL: the connection is closing; it is closed here when
 * its backlog is full or memory is short. */
uint8_t *conn_room(struct conn *conn, size_t len);
void conn_written(struct conn *conn, size_t len);

/* Writes at once what is collected. */
void conn_flush(struct conn *conn);

void conn_pause(struct conn *conn);
void conn_resume(struct conn *conn);

/* Sends what is collected if the socket takes it, then closes. May be called twice. */
void conn_close(struct conn *conn);

/* The address of the other end without its port; IPv4 inside IPv6 as IPv4. */
void conn_address(const struct conn *conn, char out_text[static CONN_ADDRESS_TEXT]);

#endif
