#include "server/api/waker.h"

#include <microhttpd.h>

static void on_tick(uv_timer_t *timer)
{
    struct waker *waker = timer->data;
    waker_flush(waker);
    waker->drive(waker->arg);
}

void waker_init(struct waker *waker, uv_loop_t *loop, void (*drive)(void *arg), void *arg)
{
    *waker = (struct waker){.drive = drive, .arg = arg};
    uv_timer_init(loop, &waker->timer);
    waker->timer.data = waker;
}

static void unlink_due(struct sleeper *sleeper)
{
    if (sleeper->prev) {
        sleeper->prev->next = sleeper->next;
    } else {
        sleeper->waker->due = sleeper->next;
    }
    if (sleeper->next) {
        sleeper->next->prev = sleeper->prev;
    }
    sleeper->is_due = false;
}

void waker_flush(struct waker *waker)
{
    waker->flushed_ms = uv_now(waker->timer.loop);
    while (waker->due) {
        struct sleeper *sleeper = waker->due;
        unlink_due(sleeper);
        sleeper->is_asleep = false;
        waker->streams_asleep -= sleeper->is_stream;
        MHD_resume_connection(sleeper->connection);
    }
}

void sleeper_sleep(struct sleeper *sleeper)
{
    sleeper->is_asleep = true;
    sleeper->waker->streams_asleep += sleeper->is_stream;
    MHD_suspend_connection(sleeper->connection);
}

static void start_timer(const struct sleeper *sleeper)
{
    struct waker *waker = sleeper->waker;
    bool is_patient = sleeper->is_stream || waker->streams_asleep >= WAKER_MANY;
    uint64_t since_ms = uv_now(waker->timer.loop) - waker->flushed_ms;
    if (!is_patient || since_ms >= WAKER_TICK_MS) {
        uv_timer_start(&waker->timer, on_tick, 0, 0);
    } else if (!uv_is_active((const uv_handle_t *)&waker->timer)) {
        uv_timer_start(&waker->timer, on_tick, WAKER_TICK_MS - since_ms, 0);
    }
}

void sleeper_wake(struct sleeper *sleeper)
{
    struct waker *waker = sleeper->waker;
    if (!sleeper->is_asleep || sleeper->is_due) {
        return;
    }
    sleeper->is_due = true;
    sleeper->prev = NULL;
    sleeper->next = waker->due;
    if (sleeper->next) {
        sleeper->next->prev = sleeper;
    }
    waker->due = sleeper;
    start_timer(sleeper);
}

void sleeper_done(struct sleeper *sleeper)
{
    if (sleeper->is_due) {
        unlink_due(sleeper);
    }
    if (sleeper->is_asleep) {
        sleeper->is_asleep = false;
        sleeper->waker->streams_asleep -= sleeper->is_stream;
    }
}
