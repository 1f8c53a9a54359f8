/* wheel.h - many coarse timers on one uv_timer, and the time of a loop.
 *
 * Ticks of 100 ms; a timer costs 32 bytes inside its owner and nothing while it waits. It fires
 * once, never early, and up to one tick late (or as late as the loop is). */
#ifndef CYAN_SERVER_NET_WHEEL_H
#define CYAN_SERVER_NET_WHEEL_H

#include <stdint.h>
#include <uv.h>

enum {
    WHEEL_TICK_MS = 100,
    WHEEL_SLOTS = 1024, /* longer delays work too, but are looked at once every lap */
};

struct wheel_timer {
    struct wheel_timer *next;
    struct wheel_timer **at; /* the pointer that points here; NULL when not armed */
    uint64_t deadline;       /* in ticks */
    void (*fn)(struct wheel_timer *timer);
};

struct wheel {
    uv_timer_t clock;
    uint64_t (*now)(const uv_loop_t *loop); /* uv_now; a test puts its own time here */
    uint64_t tick;                          /* the last one that was run */
    size_t armed;
    struct wheel_timer *slots[WHEEL_SLOTS];
};

/* 0 or a negative CYAN_E_*. */
int wheel_init(struct wheel *wheel, uv_loop_t *loop);
/* Closes its handle; timers that are armed will not fire. */
void wheel_close(struct wheel *wheel);

/* Milliseconds, steady; they stand still during a turn of the loop. */
uint64_t wheel_now(const struct wheel *wheel);

/* Fires what is due. Its clock calls this. */
void wheel_run(struct wheel *wheel);

/* Arms the timer, anew when it is armed already. */
void wheel_start(struct wheel *wheel, struct wheel_timer *timer, uint64_t delay_ms,
                 void (*fn)(struct wheel_timer *timer));
/* Nothing happens when it is not armed. */
void wheel_stop(struct wheel *wheel, struct wheel_timer *timer);

#endif
