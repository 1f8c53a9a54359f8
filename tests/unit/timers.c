#include "tests/unit/timers.h"

#include <uv.h>

#include "tests/unit/hub.h"
#include "tests/unit/unit.h"

enum { TIMERS_MAX = 16 };

static struct waiting {
    uv_timer_t *timer; /* NULL: a free place */
    uv_timer_cb ring;
    int64_t due_ms;
    int64_t repeat_ms;
} waiting[TIMERS_MAX];

/* The linker leads all calls of these two here. */
int __wrap_uv_timer_start(uv_timer_t *timer, uv_timer_cb ring, uint64_t timeout, uint64_t repeat);
int __wrap_uv_timer_stop(uv_timer_t *timer);

int __wrap_uv_timer_stop(uv_timer_t *timer)
{
    for (size_t i = 0; i < TIMERS_MAX; i++) {
        if (waiting[i].timer == timer) {
            waiting[i].timer = NULL;
        }
    }
    return 0;
}

int __wrap_uv_timer_start(uv_timer_t *timer, uv_timer_cb ring, uint64_t timeout, uint64_t repeat)
{
    struct waiting *place = NULL;
    (void)__wrap_uv_timer_stop(timer);
    for (size_t i = 0; i < TIMERS_MAX; i++) {
        place = waiting[i].timer ? place : &waiting[i];
    }
    assert_non_null(place);
    *place = (struct waiting){.timer = timer,
                              .ring = ring,
                              .due_ms = hub_now_ms + (int64_t)timeout,
                              .repeat_ms = (int64_t)repeat};
    return 0;
}

void timers_reset(void)
{
    for (size_t i = 0; i < TIMERS_MAX; i++) {
        waiting[i].timer = NULL;
    }
}

static struct waiting *first_due(int64_t until_ms)
{
    struct waiting *first = NULL;
    for (size_t i = 0; i < TIMERS_MAX; i++) {
        struct waiting *w = &waiting[i];
        if (w->timer && w->due_ms <= until_ms && (!first || w->due_ms < first->due_ms)) {
            first = w;
        }
    }
    return first;
}

void timers_advance(int64_t ms)
{
    int64_t end_ms = hub_now_ms + ms;
    struct waiting *w;
    while ((w = first_due(end_ms))) {
        struct waiting rings = *w;
        hub_now_ms = rings.due_ms;
        w->due_ms += rings.repeat_ms;
        w->timer = rings.repeat_ms > 0 ? rings.timer : NULL;
        rings.ring(rings.timer);
        jobs_drain(hub_jobs);
    }
    hub_now_ms = end_ms;
}

size_t timers_waiting(void)
{
    size_t count = 0;
    for (size_t i = 0; i < TIMERS_MAX; i++) {
        count += waiting[i].timer != NULL;
    }
    return count;
}
