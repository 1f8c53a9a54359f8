#include "server/net/wheel.h"

#include <string.h>

#include "base/err.h"

static uint64_t tick_of(uint64_t ms)
{
    return ms / WHEEL_TICK_MS;
}

static void unlink_timer(struct wheel *wheel, struct wheel_timer *timer)
{
    *timer->at = timer->next;
    if (timer->next) {
        timer->next->at = timer->at;
    }
    timer->next = NULL;
    timer->at = NULL;
    wheel->armed--;
}

static void link_timer(struct wheel *wheel, struct wheel_timer *timer)
{
    struct wheel_timer **slot = &wheel->slots[timer->deadline % WHEEL_SLOTS];
    timer->next = *slot;
    timer->at = slot;
    if (*slot) {
        (*slot)->at = &timer->next;
    }
    *slot = timer;
    wheel->armed++;
}

/* A timer may arm or stop any timer while it runs, its neighbours included, so the scan of a
 * slot begins again after each one that fires. */
static void run_slot(struct wheel *wheel)
{
    struct wheel_timer *timer = wheel->slots[wheel->tick % WHEEL_SLOTS];
    while (timer) {
        if (timer->deadline > wheel->tick) {
            timer = timer->next;
            continue;
        }
        unlink_timer(wheel, timer);
        timer->fn(timer);
        timer = wheel->slots[wheel->tick % WHEEL_SLOTS];
    }
}

uint64_t wheel_now(const struct wheel *wheel)
{
    return wheel->now(wheel->clock.loop);
}

void wheel_run(struct wheel *wheel)
{
    uint64_t now = tick_of(wheel_now(wheel));
    while (wheel->tick < now && wheel->armed > 0) {
        wheel->tick++;
        run_slot(wheel);
    }
    wheel->tick = now;
}

static void on_clock(uv_timer_t *clock);

/* The clock goes off where a tick begins, however late it went off before. */
static void wind(struct wheel *wheel)
{
    uint64_t into_tick = wheel_now(wheel) % WHEEL_TICK_MS;
    (void)uv_timer_start(&wheel->clock, on_clock, WHEEL_TICK_MS - into_tick, 0);
}

static void on_clock(uv_timer_t *clock)
{
    struct wheel *wheel = clock->data;
    wheel_run(wheel);
    if (wheel->armed > 0) {
        wind(wheel);
    }
}

int wheel_init(struct wheel *wheel, uv_loop_t *loop)
{
    memset(wheel, 0, sizeof *wheel);
    if (uv_timer_init(loop, &wheel->clock) < 0) {
        return CYAN_E_IO;
    }
    wheel->clock.data = wheel;
    wheel->now = uv_now;
    wheel->tick = tick_of(uv_now(loop));
    return 0;
}

void wheel_close(struct wheel *wheel)
{
    uv_close((uv_handle_t *)&wheel->clock, NULL);
}

void wheel_start(struct wheel *wheel, struct wheel_timer *timer, uint64_t delay_ms,
                 void (*fn)(struct wheel_timer *timer))
{
    if (timer->at) {
        unlink_timer(wheel, timer);
    }
    uint64_t now = wheel_now(wheel);
    if (wheel->armed == 0) {
        wheel->tick = tick_of(now);
        wind(wheel);
    }
    timer->fn = fn;
    timer->deadline = tick_of(now + delay_ms) + 1;
    if (timer->deadline <= wheel->tick) {
        timer->deadline = wheel->tick + 1;
    }
    link_timer(wheel, timer);
}

void wheel_stop(struct wheel *wheel, struct wheel_timer *timer)
{
    if (timer->at) {
        unlink_timer(wheel, timer);
    }
}
