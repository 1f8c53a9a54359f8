/* hub.h - a store, a loop and their jobs for tests of server/cloud, with time in the test's hands
 * and passwords at no cost: hub.c stands in for net/clock.c and cloud/password.c, which have tests
 * of their own. Files lie in the scratch folder. */
#ifndef CYAN_TESTS_HUB_H
#define CYAN_TESTS_HUB_H

#include <stdint.h>
#include <uv.h>

#include "server/cloud/jobs.h"
#include "server/store/store.h"

extern int64_t hub_now_ms; /* what the clock says */
extern uv_loop_t hub_loop;
extern struct store hub_store;
extern struct jobs *hub_jobs;

/* Opens the store in the scratch folder, again if it was closed. */
void hub_open(void);
void hub_close(void);

/* An account that has no password. */
uint32_t hub_add_account(const char *name);

#endif
