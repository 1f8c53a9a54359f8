/* sse.h - event streams over HTTP: server-sent events.
 *
 * A stream is a cursor in the ring of cloud/events.h and sleeps while it has nothing to send. A
 * sleeping connection does not notice that its client has left, and clients take 15 s of silence
 * for a dead one, so each stream gets an empty line at most 9 s after the one before. A client
 * that reads nothing for 30 s is hung up on. With each empty line the token of the stream is looked
 * at again: a stream ends when its token was revoked or has expired. */
#ifndef CYAN_SERVER_API_SSE_H
#define CYAN_SERVER_API_SSE_H

#include <stddef.h>
#include <uv.h>

#include "server/cloud/events.h"

struct request;
struct sse;

enum {
    SSE_BEAT_MS = 8000, /* and spread over a second */
    SSE_STUCK_MS = 30000,
    SSE_TICKS = 32,          /* in the time of a beat */
    SSE_SEND_BUFFER = 65536, /* what the kernel holds for a client that does not read */
};

struct sse_list {
    uv_timer_t timer;   /* runs while there are streams */
    struct sse *oldest; /* a ring in the order of their last visit */
    size_t count;
    unsigned beat_ms;
    unsigned stuck_ms;
};

/* With the times above. */
void sse_list_init(struct sse_list *list, uv_loop_t *loop);

/* Ends all streams as soon as their clients take it. */
void sse_list_end(struct sse_list *list);

/* Answers the request with a stream that begins now. */
void sse_start(struct request *request, const struct stream_filter *filter);

#endif
