#include "server/cloud/lockout.h"

#include <stdio.h>

#include "crypto/openssl.h"
#include "tests/unit/unit.h"

static struct cyan_crypto *crypto;
static struct lockout *lockout;

static int set_up(void **state)
{
    (void)state;
    crypto = cyan_openssl_create();
    lockout = lockout_create(1);
    return crypto && lockout ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    lockout_destroy(lockout);
    cyan_openssl_destroy(crypto);
    return 0;
}

static struct lockout_pair pair_of(const char *name, const char *address)
{
    struct lockout_pair pair;
    assert_int_equal(lockout_name_pair(crypto, name, address, &pair), 0);
    return pair;
}

static void fail_times(const struct lockout_pair *pair, unsigned times, int64_t now)
{
    for (unsigned i = 0; i < times; i++) {
        assert_int_equal(lockout_begin(lockout, pair, now), 0);
        lockout_end(lockout, pair, LOCKOUT_WRONG, now);
    }
}

static void ten_failures_in_a_row_lock_for_thirty_minutes_to_the_millisecond(void **state)
{
    (void)state;
    struct lockout_pair pair = pair_of("ann", "127.0.0.1");
    fail_times(&pair, 10, 1000);
    assert_int_equal(lockout_begin(lockout, &pair, 1000), CYAN_E_FULL);
    assert_int_equal(lockout_begin(lockout, &pair, 1000 + 30 * 60 * 1000 - 1), CYAN_E_FULL);
    /* After that the count begins anew. */
    fail_times(&pair, 10, 1000 + 30 * 60 * 1000);
    assert_int_equal(lockout_begin(lockout, &pair, 1000 + 30 * 60 * 1000), CYAN_E_FULL);
}

static void a_success_before_the_tenth_failure_starts_the_count_anew(void **state)
{
    (void)state;
    struct lockout_pair pair = pair_of("ann", "127.0.0.1");
    for (unsigned failures = 0; failures < 10; failures++) {
        fail_times(&pair, failures, 1000);
        assert_int_equal(lockout_begin(lockout, &pair, 1000), 0);
        lockout_end(lockout, &pair, LOCKOUT_GOOD, 1000);
    }
    fail_times(&pair, 9, 1000);
    assert_int_equal(lockout_begin(lockout, &pair, 1000), 0);
}

static void an_attempt_that_was_broken_off_is_no_failure(void **state)
{
    (void)state;
    struct lockout_pair pair = pair_of("ann", "127.0.0.1");
    fail_times(&pair, 9, 1000);
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(lockout_begin(lockout, &pair, 1000), 0);
        lockout_end(lockout, &pair, LOCKOUT_BROKEN_OFF, 1000);
    }
}

static void attempts_at_the_same_time_are_no_way_around(void **state)
{
    (void)state;
    struct lockout_pair pair = pair_of("ann", "127.0.0.1");
    for (unsigned failures = 0; failures < 10; failures++) {
        unsigned running = 0;
        fail_times(&pair, failures, 1000);
        while (running < 100 && lockout_begin(lockout, &pair, 1000) == 0) {
            running++;
        }
        assert_int_equal(running, 10 - failures);
        for (unsigned i = 0; i < running; i++) {
            lockout_end(lockout, &pair, i == 0 ? LOCKOUT_GOOD : LOCKOUT_BROKEN_OFF, 1000);
        }
    }
}

static void another_address_or_account_is_not_locked_but_another_case_is(void **state)
{
    (void)state;
    struct lockout_pair pair = pair_of("Ann@Example", "127.0.0.1");
    struct lockout_pair other_case = pair_of("aNN@eXAMPLE", "127.0.0.1");
    struct lockout_pair other_address = pair_of("Ann@Example", "127.0.0.2");
    struct lockout_pair other_account = pair_of("Ann@Example1", "27.0.0.1");
    struct lockout_pair no_address = pair_of("Ann@Example", "");
    fail_times(&pair, 10, 1000);
    assert_int_equal(lockout_begin(lockout, &other_case, 1000), CYAN_E_FULL);
    assert_int_equal(lockout_begin(lockout, &other_address, 1000), 0);
    assert_int_equal(lockout_begin(lockout, &other_account, 1000), 0);
    assert_int_equal(lockout_begin(lockout, &no_address, 1000), 0);
}

static void the_table_is_bounded_and_forgets_the_oldest_pair(void **state)
{
    (void)state;
    struct lockout_pair first = pair_of("first", "127.0.0.1");
    fail_times(&first, 10, 1000);
    for (unsigned i = 0; i < LOCKOUT_PAIRS_MAX - 1; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%u", i);
        struct lockout_pair pair = pair_of(name, "127.0.0.1");
        fail_times(&pair, 1, 1000);
    }
    assert_int_equal(lockout_begin(lockout, &first, 1000), CYAN_E_FULL);
    for (unsigned i = 0; i < LOCKOUT_PAIRS_MAX; i++) {
        char name[16];
        snprintf(name, sizeof name, "m%u", i);
        struct lockout_pair pair = pair_of(name, "127.0.0.1");
        fail_times(&pair, 1, 1000);
    }
    assert_int_equal(lockout_begin(lockout, &first, 1000), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(ten_failures_in_a_row_lock_for_thirty_minutes_to_the_millisecond),
        TEST(a_success_before_the_tenth_failure_starts_the_count_anew),
        TEST(an_attempt_that_was_broken_off_is_no_failure),
        TEST(attempts_at_the_same_time_are_no_way_around),
        TEST(another_address_or_account_is_not_locked_but_another_case_is),
        TEST(the_table_is_bounded_and_forgets_the_oldest_pair),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
