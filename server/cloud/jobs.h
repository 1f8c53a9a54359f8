/* jobs.h - work that may block, off the hub's loop: the store, and password hashing.
 *
 * Jobs of the store run one after another on a worker thread, many of them in one transaction
 * (group commit): each job stands in a savepoint of its own, so that a failed one undoes only
 * itself, and no done runs before the commit is on disk. Other work runs beside them. When a
 * common transaction fails as a whole (a full disk, say) its jobs are run again, each in one of
 * its own: so run may be called twice, and must not build on what it left in the job before. */
#ifndef CYAN_SERVER_CLOUD_JOBS_H
#define CYAN_SERVER_CLOUD_JOBS_H

#include <uv.h>

struct store;
struct jobs;

/* Embed it first in a struct of your own, allocated on the heap; done frees it. */
struct job {
    struct job *next; /* of jobs.c */
    /* On the worker: 0 or CYAN_E_*. store is NULL for jobs_compute. */
    int (*run)(struct job *job, const struct store *store);
    /* On the hub's thread: what run returned, or why the commit failed. */
    void (*done)(struct job *job, int status);
    int status; /* of jobs.c */
};

/* Borrows loop and store. NULL without memory. */
struct jobs *jobs_create(uv_loop_t *loop, const struct store *store);

/* Runs what is queued to its end (uv_run is called), then frees. */
void jobs_destroy(struct jobs *jobs);

/* Runs the loop until nothing is queued any more, what is queued meanwhile included. */
void jobs_drain(struct jobs *jobs);

/* The done of all three comes later, never from inside the call; those of jobs_store come in the
 * order of the calls. */
void jobs_store(struct jobs *jobs, struct job *job);
void jobs_compute(struct jobs *jobs, struct job *job);
/* Runs nothing: done is called with this status. */
void jobs_later(struct jobs *jobs, struct job *job, int status);

uv_loop_t *jobs_loop(const struct jobs *jobs);

#endif
