/* timers.h - libuv's timers in the test's hands, for tests over hub.h: a timer that is started
 * waits here until timers_advance says that its time has come. */
#ifndef CYAN_TESTS_TIMERS_H
#define CYAN_TESTS_TIMERS_H

#include <stddef.h>
#include <stdint.h>

/* Forgets all timers, those of an earlier test say. */
void timers_reset(void);

/* Time passes: hub_now_ms goes on, and each timer rings when it is due; after each the jobs are
 * drained. */
void timers_advance(int64_t ms);

/* How many wait. */
size_t timers_waiting(void);

#endif
