/* mail.h - one-way lanes between two threads of cyand.
 *
 * A lane has one sending and one receiving thread. Messages are written into the sender's open
 * block; a turn of its loop ends with mail_flush, which hands the blocks over without a lock and
 * wakes the receiver once. Blocks go back to the sender empty, so that a lane at work allocates
 * nothing. Messages arrive in order and whole. */
#ifndef CYAN_SERVER_NET_MAIL_H
#define CYAN_SERVER_NET_MAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

enum { MAIL_BACKLOG_MAX = 32 * 1024 * 1024 };

/* Called on the receiving thread; body is 8-byte aligned and borrowed for the call. */
typedef void mail_fn(void *arg, uint32_t kind, const void *body, size_t len);

struct mail_block;

struct mail_lane {
    uv_async_t wake; /* on the receiver's loop */
    mail_fn *fn;
    void *arg;
    struct mail_block *open;           /* sender: being filled, newest first */
    struct mail_block *_Atomic handed; /* newest first */
    struct mail_block *_Atomic empty;  /* on the way back */
    struct mail_block *spare;          /* sender: empty ones */
    unsigned spare_count;
    size_t under_way; /* sender: bytes of the blocks that are not back yet */
};

/* On the receiver's thread, before the sender starts. 0 or a negative CYAN_E_*. */
int mail_lane_init(struct mail_lane *lane, uv_loop_t *receiver, mail_fn *fn, void *arg);

/* Sender: room for a message of len bytes, to be filled before mail_flush; NULL without memory. */
void *mail_put(struct mail_lane *lane, uint32_t kind, size_t len);
void mail_flush(struct mail_lane *lane);

/* Sender: whether the receiver is so far behind (MAIL_BACKLOG_MAX bytes) that what can be spared
 * should not be sent. mail_put works all the same. */
bool mail_is_behind(struct mail_lane *lane);

/* Receiver: closes the handle; delivers nothing any more. */
void mail_lane_close(struct mail_lane *lane);

/* Frees what lies in the lane; both threads have stopped and the handle is closed. */
void mail_lane_done(struct mail_lane *lane);

#endif
