/* shard.h - one thread with one event loop that owns a share of the devices' connections.
 *
 * All shards listen on the same addresses (SO_REUSEPORT); the kernel deals connections out. What
 * belongs to a shard is touched by its thread only; other threads send mail. */
#ifndef CYAN_SERVER_NET_SHARD_H
#define CYAN_SERVER_NET_SHARD_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "server/net/conn.h"
#include "server/net/mail.h"
#include "server/net/wheel.h"

enum {
    SHARD_READ_MAX = 4 * 1024, /* libuv reads 32 times from one socket in a turn */
    SHARD_LISTENERS_MAX = 8,
    SHARD_SPARE_CHUNKS = 64,     /* kept for the next turn */
    SHARD_ACCEPTS_PER_TURN = 16, /* so that a storm does not make one turn long */
};

/* What a connection writes at once; see conn.h. */
struct conn_chunk {
    struct conn_chunk *next;
    uv_write_t request;
    uint16_t start, len; /* bytes not yet written: start to len */
    uint8_t bytes[CONN_WRITE_MAX];
};

struct shard {
    uv_loop_t loop;
    uint32_t index;
    struct wheel wheel;
    uv_prepare_t before_poll;
    uv_check_t after_poll;
    uv_tcp_t listeners[SHARD_LISTENERS_MAX];
    unsigned listener_count;
    unsigned accepts;                  /* in this turn */
    bool waiting[SHARD_LISTENERS_MAX]; /* a connection is to be accepted in the next turn */
    struct mail_lane outbox;           /* to the hub: this thread sends */
    struct mail_lane inbox;            /* from the hub: this thread receives */
    struct conn *dirty;
    struct conn_chunk *spare;
    unsigned spare_count;
    uint64_t turn_start_ns, slept_ns;
    uint64_t longest_turn_ns; /* of all turns since it was last set to 0 */
    /* A connection has come. CYAN_E_NO_MEMORY: it was not accepted, and is offered again. */
    int (*on_accept)(struct shard *shard, uv_stream_t *server);
    void *owner; /* of on_accept */
    uint8_t read_buffer[SHARD_READ_MAX];
};

/* Prepares a shard, on the heap, before its thread runs: outbox is received on the hub's loop. */
int shard_init(struct shard *shard, uint32_t index, uv_loop_t *hub, mail_fn *at_hub, void *hub_arg,
               mail_fn *at_shard, void *shard_arg);

/* Listens on a socket that is bound (listener.h); takes it over. CYAN_E_IO. */
int shard_listen(struct shard *shard, int socket);

/* Runs the loop until all of its handles are closed; the last mail is handed over. */
void shard_run(struct shard *shard);

/* On the shard's thread: stops listening. */
void shard_stop_listening(struct shard *shard);
/* On the shard's thread: closes its own handles; connections are closed by their owners. */
void shard_close(struct shard *shard);
/* After its thread ended and the hub closed its side of the lanes. */
void shard_done(struct shard *shard);

struct conn_chunk *shard_chunk_alloc(struct shard *shard); /* NULL without memory */
void shard_chunk_free(struct shard *shard, struct conn_chunk *chunk);

#endif
