/* steps.h - the n-th step that changes something on disk fails, or ends the process.
 *
 * A step is a call of write, fsync, fchmod, mkostemp, mkdtemp, mkdir, rename, link or unlink from
 * our own code, which the linker leads here (steps_dep), or a call of a store that is watched. */
#ifndef CYAN_TESTS_STEPS_H
#define CYAN_TESTS_STEPS_H

#include <stdbool.h>

#include "server/store/store.h"

enum steps_fault {
    STEPS_KILL, /* the process ends before the step */
    STEPS_FAIL, /* it fails with EIO, once */
};

/* From now on; n from 0. exit_code is what a killed process ends with. */
void steps_begin(unsigned n, enum steps_fault fault, int exit_code);
/* Whether the step was reached. */
bool steps_end(void);

/* Calls of this store count too, until the process ends: one store a process. */
void steps_watch_store(struct store *store);
/* The SQLite store, opened and watched. */
store_open_fn steps_store_open;

#endif
