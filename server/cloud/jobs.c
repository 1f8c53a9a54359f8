#include "server/cloud/jobs.h"

#include <stdbool.h>
#include <stdlib.h>

#include "server/store/store.h"

/* libuv has four workers unless it is told otherwise: one stays free for the store. */
enum { COMPUTE_AT_ONCE = 3 };

struct queue {
    struct job *first;
    struct job **end;
};

struct compute {
    uv_work_t work;
    struct jobs *jobs;
    struct job *job; /* NULL: idle */
};

struct jobs {
    uv_loop_t *loop;
    const struct store *store;
    struct queue waiting; /* for the store */
    uv_work_t work;
    struct job *batch; /* at work; NULL: none */
    struct queue compute_waiting;
    struct compute computes[COMPUTE_AT_ONCE];
    uv_idle_t idle; /* runs while something stands in later */
    bool closed;
    struct queue later;
};

static void queue_init(struct queue *queue)
{
    queue->first = NULL;
    queue->end = &queue->first;
}

static void queue_put(struct queue *queue, struct job *job)
{
    job->next = NULL;
    *queue->end = job;
    queue->end = &job->next;
}

static struct job *queue_take_all(struct queue *queue)
{
    struct job *first = queue->first;
    queue_init(queue);
    return first;
}

static struct job *queue_take(struct queue *queue)
{
    struct job *job = queue->first;
    if (job) {
        queue->first = job->next;
        if (!queue->first) {
            queue->end = &queue->first;
        }
    }
    return job;
}

static void run_alone(struct job *job, const struct store *store)
{
    job->status = store->begin(store->ctx);
    if (job->status != 0) {
        return;
    }
    int status = job->run(job, store);
    if (status >= 0) {
        int committed = store->commit(store->ctx);
        status = committed != 0 ? committed : status;
    }
    if (status < 0) {
        store->rollback(store->ctx);
    }
    job->status = status;
}

/* An error here is one of the transaction; that of a job is in the job. */
static int run_in_savepoint(struct job *job, const struct store *store)
{
    int status = store->savepoint(store->ctx);
    if (status != 0) {
        return status;
    }
    job->status = job->run(job, store);
    return job->status < 0 ? store->rollback_to(store->ctx) : store->release(store->ctx);
}

static int run_together(struct job *first, const struct store *store)
{
    int status = store->begin(store->ctx);
    for (struct job *job = first; job && status == 0; job = job->next) {
        status = run_in_savepoint(job, store);
    }
    if (status == 0) {
        status = store->commit(store->ctx);
    }
    if (status != 0) {
        store->rollback(store->ctx);
    }
    return status;
}

static void run_batch(uv_work_t *work)
{
    struct jobs *jobs = work->data;
    struct job *first = jobs->batch;
    if (first->next && run_together(first, jobs->store) == 0) {
        return;
    }
    for (struct job *job = first; job; job = job->next) {
        run_alone(job, jobs->store);
    }
}

static void finish(struct job *job)
{
    while (job) {
        struct job *next = job->next; /* done frees the job */
        job->done(job, job->status);
        job = next;
    }
}

static void start_batch(struct jobs *jobs);

/* The next batch goes to the worker first, so that it works while done is called here. */
static void after_batch(uv_work_t *work, int status)
{
    struct jobs *jobs = work->data;
    struct job *first = jobs->batch;
    (void)status; /* nobody cancels it */
    jobs->batch = NULL;
    start_batch(jobs);
    finish(first);
}

static void start_batch(struct jobs *jobs)
{
    if (jobs->batch || !jobs->waiting.first) {
        return;
    }
    jobs->batch = queue_take_all(&jobs->waiting);
    uv_queue_work(jobs->loop, &jobs->work, run_batch, after_batch);
}

void jobs_store(struct jobs *jobs, struct job *job)
{
    queue_put(&jobs->waiting, job);
    start_batch(jobs);
}

static void run_compute(uv_work_t *work)
{
    struct compute *compute = work->data;
    compute->job->status = compute->job->run(compute->job, NULL);
}

static void start_compute(struct jobs *jobs);

static void after_compute(uv_work_t *work, int status)
{
    struct compute *compute = work->data;
    struct job *job = compute->job;
    (void)status;
    compute->job = NULL;
    start_compute(compute->jobs);
    job->done(job, job->status);
}

static void start_compute(struct jobs *jobs)
{
    for (int i = 0; i < COMPUTE_AT_ONCE && jobs->compute_waiting.first; i++) {
        struct compute *compute = &jobs->computes[i];
        if (!compute->job) {
            compute->job = queue_take(&jobs->compute_waiting);
            uv_queue_work(jobs->loop, &compute->work, run_compute, after_compute);
        }
    }
}

void jobs_compute(struct jobs *jobs, struct job *job)
{
    queue_put(&jobs->compute_waiting, job);
    start_compute(jobs);
}

static void run_later(uv_idle_t *idle)
{
    struct jobs *jobs = idle->data;
    uv_idle_stop(idle);
    finish(queue_take_all(&jobs->later));
}

void jobs_later(struct jobs *jobs, struct job *job, int status)
{
    job->status = status;
    queue_put(&jobs->later, job);
    uv_idle_start(&jobs->idle, run_later);
}

uv_loop_t *jobs_loop(const struct jobs *jobs)
{
    return jobs->loop;
}

struct jobs *jobs_create(uv_loop_t *loop, const struct store *store)
{
    struct jobs *jobs = calloc(1, sizeof *jobs);
    if (!jobs) {
        return NULL;
    }
    jobs->loop = loop;
    jobs->store = store;
    jobs->work.data = jobs;
    queue_init(&jobs->waiting);
    queue_init(&jobs->compute_waiting);
    queue_init(&jobs->later);
    for (int i = 0; i < COMPUTE_AT_ONCE; i++) {
        jobs->computes[i].jobs = jobs;
        jobs->computes[i].work.data = &jobs->computes[i];
    }
    uv_idle_init(loop, &jobs->idle);
    jobs->idle.data = jobs;
    return jobs;
}

static bool is_busy(const struct jobs *jobs)
{
    bool busy =
        jobs->batch || jobs->waiting.first || jobs->compute_waiting.first || jobs->later.first;
    for (int i = 0; i < COMPUTE_AT_ONCE; i++) {
        busy = busy || jobs->computes[i].job;
    }
    return busy;
}

void jobs_drain(struct jobs *jobs)
{
    while (is_busy(jobs)) {
        uv_run(jobs->loop, UV_RUN_ONCE);
    }
}

static void on_closed(uv_handle_t *handle)
{
    struct jobs *jobs = handle->data;
    jobs->closed = true;
}

void jobs_destroy(struct jobs *jobs)
{
    if (!jobs) {
        return;
    }
    jobs_drain(jobs);
    uv_close((uv_handle_t *)&jobs->idle, on_closed);
    while (!jobs->closed) {
        uv_run(jobs->loop, UV_RUN_ONCE);
    }
    free(jobs);
}
