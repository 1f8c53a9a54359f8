#include "server/cloud/jobs.h"

#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/err.h"
#include "server/store/sqlite.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

static uv_loop_t loop;
static struct store s;
static struct jobs *jobs;

/* Counts what jobs.c does to the store, and fails on demand. */
static struct store counted;
static unsigned begins, commits;
static unsigned fail_from, fail_to; /* the first commit that fails, and the next that does not */
static int fail_with;

static int count_begin(void *ctx)
{
    begins++;
    return s.begin(ctx);
}

static int count_commit(void *ctx)
{
    commits++;
    return commits >= fail_from && commits < fail_to ? fail_with : s.commit(ctx);
}

static int set_up(void **state)
{
    (void)state;
    scratch_init();
    assert_int_equal(store_sqlite_open(scratch_path("cyan.db"), &s), 0);
    assert_int_equal(uv_loop_init(&loop), 0);
    counted = s;
    counted.begin = count_begin;
    counted.commit = count_commit;
    begins = commits = 0;
    fail_from = fail_to = 0;
    jobs = jobs_create(&loop, &counted);
    assert_non_null(jobs);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    jobs_destroy(jobs);
    assert_int_equal(uv_loop_close(&loop), 0);
    s.close(s.ctx);
    scratch_done();
    return 0;
}

enum { NOT_DONE = 1000 };

/* A job that writes a fact named by its number, then ends as it is told. */
struct fact {
    struct job job;
    unsigned number;
    int result;
    size_t blob; /* bytes that it writes */
    atomic_uint runs;
    int status;
};

static unsigned done_order[512];
static unsigned done_count;

static void fact_name(unsigned number, char name[8])
{
    name[0] = 'f';
    name[1] = (char)('0' + number / 100);
    name[2] = (char)('0' + number / 10 % 10);
    name[3] = (char)('0' + number % 10);
    name[4] = '\0';
}

static int write_fact(struct job *job, const struct store *store)
{
    struct fact *fact = (struct fact *)job;
    char name[8];
    char value[STORE_META_MAX + 1];
    fact_name(fact->number, name);
    memset(value, 'x', sizeof value);
    value[fact->blob] = '\0';
    fact->runs++;
    int status = store->meta_set(store->ctx, name, value);
    return status != 0 ? status : fact->result;
}

static void fact_done(struct job *job, int status)
{
    struct fact *fact = (struct fact *)job;
    assert_int_equal(fact->status, NOT_DONE);
    fact->status = status;
    done_order[done_count++] = fact->number;
}

static void put(struct fact *fact, unsigned number, int result)
{
    *fact = (struct fact){.job = {.run = write_fact, .done = fact_done},
                          .number = number,
                          .result = result,
                          .status = NOT_DONE};
    jobs_store(jobs, &fact->job);
    assert_int_equal(fact->status, NOT_DONE);
}

static bool is_stored(unsigned number)
{
    char name[8];
    char value[STORE_META_MAX + 1];
    fact_name(number, name);
    return s.meta_get(s.ctx, name, value, sizeof value) == 0;
}

static void a_failing_job_undoes_only_itself_wherever_it_stands(void **state)
{
    (void)state;
    enum { COUNT = 12 };
    static struct fact facts[COUNT + 1];
    for (unsigned failing = 0; failing < COUNT; failing++) {
        done_count = 0;
        put(&facts[COUNT], 500, 0); /* runs alone: the others gather behind it */
        for (unsigned i = 0; i < COUNT; i++) {
            put(&facts[i], failing * COUNT + i, i == failing ? CYAN_E_REFUSED : 0);
        }
        jobs_drain(jobs);
        assert_int_equal(done_count, COUNT + 1);
        for (unsigned i = 0; i < COUNT; i++) {
            assert_int_equal(done_order[i + 1], failing * COUNT + i);
            assert_int_equal(facts[i].status, i == failing ? CYAN_E_REFUSED : 0);
            assert_int_equal(facts[i].runs, 1);
            assert_int_equal(is_stored(failing * COUNT + i), i != failing);
        }
    }
    assert_int_equal(commits, 2 * COUNT);
}

static void jobs_that_wait_together_are_committed_together(void **state)
{
    (void)state;
    enum { COUNT = 400 };
    static struct fact facts[COUNT];
    done_count = 0;
    for (unsigned i = 0; i < COUNT; i++) {
        put(&facts[i], i, 0);
    }
    jobs_drain(jobs);
    assert_int_equal(done_count, COUNT);
    for (unsigned i = 0; i < COUNT; i++) {
        assert_int_equal(done_order[i], i);
        assert_int_equal(facts[i].status, 0);
        assert_true(is_stored(i));
    }
    assert_int_equal(commits, 2);
}

static void when_a_common_commit_fails_each_job_is_run_again_on_its_own(void **state)
{
    (void)state;
    enum { COUNT = 6 };
    static struct fact facts[COUNT + 1];
    done_count = 0;
    fail_from = 2;
    fail_to = 3;
    fail_with = CYAN_E_IO;
    put(&facts[COUNT], 500, 0);
    for (unsigned i = 0; i < COUNT; i++) {
        put(&facts[i], i, i == 2 ? CYAN_E_REFUSED : 0);
    }
    jobs_drain(jobs);
    for (unsigned i = 0; i < COUNT; i++) {
        assert_int_equal(facts[i].runs, 2);
        assert_int_equal(facts[i].status, i == 2 ? CYAN_E_REFUSED : 0);
        assert_int_equal(is_stored(i), i != 2);
        assert_int_equal(done_order[i + 1], i);
    }
    assert_int_equal(begins, 2 + COUNT);
}

static void a_commit_that_keeps_failing_fails_every_job_that_would_have_written(void **state)
{
    (void)state;
    enum { COUNT = 6 };
    static const int errors[] = {CYAN_E_IO, CYAN_E_FULL, CYAN_E_BUSY};
    static struct fact facts[COUNT];
    for (size_t e = 0; e < COUNT_OF(errors); e++) {
        done_count = 0;
        fail_from = 0;
        fail_to = UINT_MAX;
        fail_with = errors[e];
        for (unsigned i = 0; i < COUNT; i++) {
            put(&facts[i], i, i == 3 ? CYAN_E_REFUSED : 0);
        }
        jobs_drain(jobs);
        fail_to = 0;
        assert_int_equal(done_count, COUNT);
        for (unsigned i = 0; i < COUNT; i++) {
            assert_int_equal(done_order[i], i);
            assert_int_equal(facts[i].status, i == 3 ? CYAN_E_REFUSED : errors[e]);
            assert_false(is_stored(i));
        }
    }
    static struct fact after;
    put(&after, 7, 0);
    jobs_drain(jobs);
    assert_int_equal(after.status, 0);
    assert_true(is_stored(7));
}

static void set_file_limit(rlim_t limit)
{
    struct rlimit now;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &now), 0);
    now.rlim_cur = limit;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &now), 0);
}

static int only_read(struct job *job, const struct store *store)
{
    struct fact *fact = (struct fact *)job;
    uint64_t count = 0;
    fact->runs++;
    return store->device_count(store->ctx, &count);
}

static void on_a_full_disk_writers_fail_readers_go_on_and_later_all_is_well(void **state)
{
    (void)state;
    enum { COUNT = 20, ROOM = 64 * 1024 };
    static struct fact facts[COUNT];
    unsigned failed = 0;
    signal(SIGXFSZ, SIG_IGN);
    put(&facts[0], 0, 0);
    jobs_drain(jobs);
    set_file_limit(ROOM);
    for (unsigned round = 0; round < 40 && failed == 0; round++) {
        done_count = 0;
        for (unsigned i = 0; i < COUNT; i++) {
            facts[i] =
                (struct fact){.job = {.run = i % 2 ? write_fact : only_read, .done = fact_done},
                              .number = (round * COUNT + i) % 500,
                              .blob = STORE_META_MAX,
                              .status = NOT_DONE};
            jobs_store(jobs, &facts[i].job);
        }
        jobs_drain(jobs);
        assert_int_equal(done_count, COUNT);
        for (unsigned i = 0; i < COUNT; i++) {
            assert_true(facts[i].status == 0 || (i % 2 && facts[i].status == CYAN_E_FULL));
            failed += facts[i].status != 0;
            if (i % 2 && facts[i].status == 0) {
                assert_true(is_stored(facts[i].number));
            }
        }
    }
    set_file_limit(RLIM_INFINITY);
    assert_true(failed > 0);
    put(&facts[0], 501, 0);
    jobs_drain(jobs);
    assert_int_equal(facts[0].status, 0);
    assert_true(is_stored(501));
}

static int begin_fails(void *ctx)
{
    (void)ctx;
    return CYAN_E_BUSY;
}

static void a_transaction_that_cannot_begin_fails_its_jobs_without_running_them(void **state)
{
    (void)state;
    static struct fact facts[3];
    done_count = 0;
    counted.begin = begin_fails;
    for (unsigned i = 0; i < COUNT_OF(facts); i++) {
        put(&facts[i], i, 0);
    }
    jobs_drain(jobs);
    for (unsigned i = 0; i < COUNT_OF(facts); i++) {
        assert_int_equal(facts[i].status, CYAN_E_BUSY);
        assert_int_equal(facts[i].runs, 0);
    }
}

static atomic_int computing, most_computing;

struct sum {
    struct job job;
    uint64_t value;
    bool done;
};

static int add_up(struct job *job, const struct store *store)
{
    struct sum *sum = (struct sum *)job;
    if (store) {
        return -1;
    }
    int now = atomic_fetch_add(&computing, 1) + 1;
    int most = atomic_load(&most_computing);
    while (now > most && !atomic_compare_exchange_weak(&most_computing, &most, now)) {
    }
    for (uint64_t i = 0; i < 2000000; i++) {
        sum->value += i ^ sum->value >> 3;
    }
    atomic_fetch_sub(&computing, 1);
    return (int)(sum->value & 0xFF);
}

static void sum_done(struct job *job, int status)
{
    struct sum *sum = (struct sum *)job;
    assert_int_equal(status, sum->value & 0xFF);
    assert_false(sum->done);
    sum->done = true;
}

static void computing_leaves_a_worker_for_the_store(void **state)
{
    (void)state;
    static struct sum sums[24];
    static struct fact fact;
    done_count = 0;
    most_computing = 0;
    for (size_t i = 0; i < COUNT_OF(sums); i++) {
        sums[i] = (struct sum){.job = {.run = add_up, .done = sum_done}, .value = i};
        jobs_compute(jobs, &sums[i].job);
    }
    put(&fact, 1, 0);
    jobs_drain(jobs);
    for (size_t i = 0; i < COUNT_OF(sums); i++) {
        assert_true(sums[i].done);
    }
    assert_int_equal(fact.status, 0);
    assert_in_range(most_computing, 1, 3);
}

static struct fact chain_facts[100];

/* Every done queues the next one. */
static void chain_done(struct job *job, int status)
{
    struct fact *fact = (struct fact *)job;
    fact_done(job, status);
    if (fact->number + 1 < COUNT_OF(chain_facts)) {
        struct fact *next = fact + 1;
        *next = (struct fact){.job = {.run = write_fact, .done = chain_done},
                              .number = fact->number + 1,
                              .status = NOT_DONE};
        if (next->number % 3 == 0) {
            jobs_later(jobs, &next->job, CYAN_E_AGAIN);
        } else {
            jobs_store(jobs, &next->job);
        }
        assert_int_equal(next->status, NOT_DONE);
    }
}

static void destroying_runs_what_is_queued_and_what_that_queues(void **state)
{
    (void)state;
    done_count = 0;
    chain_facts[0] =
        (struct fact){.job = {.run = write_fact, .done = chain_done}, .status = NOT_DONE};
    jobs_store(jobs, &chain_facts[0].job);
    jobs_destroy(jobs);
    jobs = NULL;
    assert_int_equal(done_count, COUNT_OF(chain_facts));
    for (unsigned i = 0; i < COUNT_OF(chain_facts); i++) {
        bool ran = i == 0 || i % 3 != 0;
        assert_int_equal(chain_facts[i].status, ran ? 0 : CYAN_E_AGAIN);
        assert_int_equal(is_stored(i), ran);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_failing_job_undoes_only_itself_wherever_it_stands),
        TEST(jobs_that_wait_together_are_committed_together),
        TEST(when_a_common_commit_fails_each_job_is_run_again_on_its_own),
        TEST(a_commit_that_keeps_failing_fails_every_job_that_would_have_written),
        TEST(on_a_full_disk_writers_fail_readers_go_on_and_later_all_is_well),
        TEST(a_transaction_that_cannot_begin_fails_its_jobs_without_running_them),
        TEST(computing_leaves_a_worker_for_the_store),
        TEST(destroying_runs_what_is_queued_and_what_that_queues),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
