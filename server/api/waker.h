/* waker.h - puts connections of libmicrohttpd to sleep and wakes them, many at once.
 *
 * A wake-up makes libmicrohttpd walk all its sleeping connections, however many are woken (22-29
 * ns each, measured). So streams are woken at once, together, but then not again for 2 ms: what
 * comes meanwhile is collected. Answers do not wait, unless very many streams sleep. */
#ifndef CYAN_SERVER_API_WAKER_H
#define CYAN_SERVER_API_WAKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct MHD_Connection;
struct waker;

/* A part of whatever sleeps. */
struct sleeper {
    struct waker *waker;
    struct MHD_Connection *connection;
    struct sleeper *next; /* of those that are due */
    struct sleeper *prev;
    bool is_asleep;
    bool is_due;
    bool is_stream;
};

enum { WAKER_TICK_MS = 2, WAKER_MANY = 512 };

struct waker {
    uv_timer_t timer;
    struct sleeper *due;
    size_t streams_asleep;
    uint64_t flushed_ms;      /* when it last woke any */
    void (*drive)(void *arg); /* runs libmicrohttpd once */
    void *arg;
};

void waker_init(struct waker *waker, uv_loop_t *loop, void (*drive)(void *arg), void *arg);

/* Wakes all that are due. */
void waker_flush(struct waker *waker);

/* Only from inside a callback of libmicrohttpd for this connection. */
void sleeper_sleep(struct sleeper *sleeper);

/* Wakes it, from the loop, soon; nothing happens when it is awake. */
void sleeper_wake(struct sleeper *sleeper);

/* Before the connection or the sleeper goes. */
void sleeper_done(struct sleeper *sleeper);

#endif
