/* daemon.h - what the parts of the HTTP face share: one listening address and its connections. */
#ifndef CYAN_SERVER_API_DAEMON_H
#define CYAN_SERVER_API_DAEMON_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "server/api/sse.h"
#include "server/api/waker.h"

struct MHD_Daemon;
struct cloud;
struct request;

/* Sign-ups within a span of time, whoever makes them. */
struct signup_window {
    uint64_t began_ms; /* of the loop's clock */
    unsigned count;
};

struct http {
    struct cloud *cloud;
    struct MHD_Daemon *daemon;
    uv_poll_t poll; /* of the daemon's epoll descriptor */
    uv_timer_t timeout;
    struct waker waker;
    struct sse_list streams;
    struct request *requests;
    struct signup_window signups;
    uint16_t port;
    int open_handles;
    bool is_stopping;
};

#endif
