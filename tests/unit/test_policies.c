/* Setting policies: what holds afterwards, what stands in the audit, and who is judged again. */
#include "server/cloud/policies.h"

#include <stdio.h>
#include <string.h>

#include "server/cloud/custody_inner.h"
#include "server/net/log.h"
#include "tests/unit/haven.h"
#include "tests/unit/unit.h"

static void expect_choice(enum policy_value value, enum policy_value base, const char *from)
{
    assert_int_equal(haven_policy_view.choice.value, value);
    assert_int_equal(haven_policy_view.choice.base, base);
    assert_string_equal(haven_policy_view.choice.from, from);
}

static void read_policy(uint8_t device)
{
    assert_int_equal(haven_change_policy(&haven_bob, device, NULL), 0);
}

static void remove_policy(uint8_t device)
{
    const struct policy_change removal = {.removes = true};
    assert_int_equal(haven_change_policy(&haven_bob, device, &removal), 0);
}

static void the_nearest_policy_holds_and_taking_it_away_shows_the_next(void **state)
{
    (void)state;
    haven_add_device(1, haven_bob.id, 1);
    read_policy(1);
    expect_choice(POLICY_QUARANTINE, POLICY_QUARANTINE, "default");
    assert_int_equal(haven_set_policy(&haven_bob, 0, POLICY_STRICT, FAMILIAR_ALL), 0);
    expect_choice(POLICY_STRICT, POLICY_STRICT, "account");
    read_policy(1);
    expect_choice(POLICY_STRICT, POLICY_STRICT, "account");
    assert_int_equal(haven_set_policy(&haven_bob, 1, POLICY_HEAL, FAMILIAR_ABSENT), 0);
    expect_choice(POLICY_HEAL, POLICY_HEAL, "device");
    read_policy(0);
    expect_choice(POLICY_STRICT, POLICY_STRICT, "account");
    remove_policy(1);
    expect_choice(POLICY_STRICT, POLICY_STRICT, "account");
    remove_policy(0);
    expect_choice(POLICY_QUARANTINE, POLICY_QUARANTINE, "default");
    remove_policy(0); /* nothing to take away is no error */
}

static void a_window_leaves_the_base_in_place_and_is_taken_away_first(void **state)
{
    (void)state;
    haven_add_device(1, haven_bob.id, 1);
    assert_int_equal(haven_set_policy(&haven_bob, 0, POLICY_STRICT, FAMILIAR_ALL), 0);
    assert_int_equal(haven_open_window(&haven_bob, 1), 0);
    expect_choice(POLICY_ENROLL, POLICY_STRICT, "account");
    read_policy(1);
    expect_choice(POLICY_ENROLL, POLICY_STRICT, "account");
    haven_pass(599999);
    read_policy(1);
    expect_choice(POLICY_ENROLL, POLICY_STRICT, "account");
    haven_pass(1);
    read_policy(1);
    expect_choice(POLICY_STRICT, POLICY_STRICT, "account");
    assert_int_equal(haven_open_window(&haven_bob, 1), 0);
    remove_policy(0);
    expect_choice(POLICY_STRICT, POLICY_STRICT, "account");
    remove_policy(0);
    expect_choice(POLICY_QUARANTINE, POLICY_QUARANTINE, "default");
    /* A base that is set beside an open window does not close it. */
    assert_int_equal(haven_open_window(&haven_bob, 1), 0);
    assert_int_equal(haven_set_policy(&haven_bob, 0, POLICY_STRICT, FAMILIAR_ALL), 0);
    expect_choice(POLICY_ENROLL, POLICY_STRICT, "account");
}

static void what_is_set_comes_back_whole(void **state)
{
    (void)state;
    static const char networks[2][POLICY_NETWORK_TEXT] = {"10.0.0.0/8", "2001:db8::/32"};
    const struct policy_change change = {.value = POLICY_HEAL,
                                         .familiar = FAMILIAR_ABSENT | FAMILIAR_ADDRESS,
                                         .networks = networks,
                                         .network_count = 2};
    assert_int_equal(haven_change_policy(&haven_bob, 0, &change), 0);
    for (int i = 0; i < 2; i++) {
        const struct policy *policy = &haven_policy_view.own;
        assert_int_equal(policy->base, POLICY_HEAL);
        assert_int_equal(policy->familiar, FAMILIAR_ABSENT | FAMILIAR_ADDRESS);
        assert_int_equal(policy->network_count, 2);
        assert_string_equal(policy->networks[1], networks[1]);
        read_policy(0);
    }
}

static void every_change_is_one_row_of_the_audit_and_reading_is_none(void **state)
{
    (void)state;
    haven_add_device(1, haven_bob.id, 1);
    read_policy(0);
    read_policy(1);
    assert_int_equal(haven_audit_count(), 0);
    assert_int_equal(haven_set_policy(&haven_bob, 0, POLICY_STRICT, FAMILIAR_ALL), 0);
    assert_int_equal(haven_audit_count(), 1);
    assert_int_equal(haven_open_window(&haven_bob, 1), 0);
    assert_int_equal(haven_audit_count(), 2);
    remove_policy(0);
    assert_int_equal(haven_audit_count(), 3);
}

static void policies_are_the_accounts_own(void **state)
{
    (void)state;
    assert_int_equal(haven_set_policy(&haven_ann, 0, POLICY_STRICT, FAMILIAR_ALL), 0);
    read_policy(0);
    expect_choice(POLICY_QUARANTINE, POLICY_QUARANTINE, "default");
}

static void devices_are_asked_what_they_run_once_anybody_wants_to_heal(void **state)
{
    (void)state;
    assert_false(haven.custody->wants_modules);
    assert_int_equal(haven_set_policy(&haven_bob, 0, POLICY_STRICT, FAMILIAR_ALL), 0);
    assert_false(haven.custody->wants_modules);
    assert_int_equal(haven_set_policy(&haven_bob, 0, POLICY_HEAL, FAMILIAR_ALL), 0);
    assert_true(haven.custody->wants_modules);
    /* Known again at the next start. */
    haven.custody->wants_modules = false;
    policies_start(&haven);
    haven_settle();
    assert_true(haven.custody->wants_modules);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, haven_set_up, haven_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_nearest_policy_holds_and_taking_it_away_shows_the_next),
        TEST(a_window_leaves_the_base_in_place_and_is_taken_away_first),
        TEST(what_is_set_comes_back_whole),
        TEST(every_change_is_one_row_of_the_audit_and_reading_is_none),
        TEST(policies_are_the_accounts_own),
        TEST(devices_are_asked_what_they_run_once_anybody_wants_to_heal),
    };
    log_setup(false, LOG_ERROR + 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
