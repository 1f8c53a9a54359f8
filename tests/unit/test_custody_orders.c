/* What orders of people leave in the store: keys, the audit, events. */
#include "server/cloud/custody_apply.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/unit.h"
#include "tests/unit/vault.h"

static struct vault_result prove(uint8_t key, const char *address)
{
    struct custody_case c = vault_case(1, key, address);
    return vault_prove(&c);
}

enum { SAME = STORE_KEY_STATES, CONFLICT, GONE };

/* By hand, from docs/SPEC-custody.md: state and action; what becomes of the key, the event, and its
 * via. Key 2 is in the state, key 1 is trusted unless the state is. */
static const struct {
    enum store_key_state state;
    enum custody_action action;
    int becomes;
    const char *event, *via;
} cells[] = {
    {STORE_KEY_TRUSTED, ACTION_APPROVE, SAME, NULL, NULL},
    {STORE_KEY_TRUSTED, ACTION_DENY, CONFLICT, NULL, NULL},
    {STORE_KEY_TRUSTED, ACTION_REVOKE, STORE_KEY_REVOKED, "cyan/key/revoked", "api"},
    {STORE_KEY_TRUSTED, ACTION_UNREVOKE, CONFLICT, NULL, NULL},
    {STORE_KEY_TRUSTED, ACTION_REVERT, CONFLICT, NULL, NULL},
    {STORE_KEY_TRUSTED, ACTION_UPLOAD, SAME, NULL, NULL},
    {STORE_KEY_ANNOUNCED, ACTION_APPROVE, STORE_KEY_TRUSTED, "cyan/key/approved", "api"},
    {STORE_KEY_ANNOUNCED, ACTION_DENY, GONE, "cyan/key/denied", "api"},
    {STORE_KEY_ANNOUNCED, ACTION_REVOKE, STORE_KEY_REVOKED, "cyan/key/revoked", "api"},
    {STORE_KEY_ANNOUNCED, ACTION_UNREVOKE, CONFLICT, NULL, NULL},
    {STORE_KEY_ANNOUNCED, ACTION_REVERT, CONFLICT, NULL, NULL},
    {STORE_KEY_ANNOUNCED, ACTION_UPLOAD, STORE_KEY_ANNOUNCED, NULL, NULL},
    {STORE_KEY_PENDING, ACTION_APPROVE, STORE_KEY_TRUSTED, "cyan/key/approved", "api"},
    {STORE_KEY_PENDING, ACTION_DENY, STORE_KEY_DENIED, "cyan/key/denied", "api"},
    {STORE_KEY_PENDING, ACTION_REVOKE, STORE_KEY_REVOKED, "cyan/key/revoked", "api"},
    {STORE_KEY_PENDING, ACTION_UNREVOKE, CONFLICT, NULL, NULL},
    {STORE_KEY_PENDING, ACTION_REVERT, CONFLICT, NULL, NULL},
    {STORE_KEY_PENDING, ACTION_UPLOAD, STORE_KEY_TRUSTED, "cyan/key/changed", "upload"},
    {STORE_KEY_DENIED, ACTION_APPROVE, STORE_KEY_TRUSTED, "cyan/key/approved", "api"},
    {STORE_KEY_DENIED, ACTION_DENY, SAME, NULL, NULL},
    {STORE_KEY_DENIED, ACTION_REVOKE, STORE_KEY_REVOKED, "cyan/key/revoked", "api"},
    {STORE_KEY_DENIED, ACTION_UNREVOKE, CONFLICT, NULL, NULL},
    {STORE_KEY_DENIED, ACTION_REVERT, CONFLICT, NULL, NULL},
    {STORE_KEY_DENIED, ACTION_UPLOAD, STORE_KEY_ANNOUNCED, NULL, NULL},
    {STORE_KEY_RETIRED, ACTION_APPROVE, STORE_KEY_TRUSTED, "cyan/key/approved", "api"},
    {STORE_KEY_RETIRED, ACTION_DENY, CONFLICT, NULL, NULL},
    {STORE_KEY_RETIRED, ACTION_REVOKE, STORE_KEY_REVOKED, "cyan/key/revoked", "api"},
    {STORE_KEY_RETIRED, ACTION_UNREVOKE, CONFLICT, NULL, NULL},
    {STORE_KEY_RETIRED, ACTION_REVERT, STORE_KEY_TRUSTED, "cyan/key/reverted", "api"},
    {STORE_KEY_RETIRED, ACTION_UPLOAD, STORE_KEY_ANNOUNCED, NULL, NULL},
    {STORE_KEY_REVOKED, ACTION_APPROVE, CONFLICT, NULL, NULL},
    {STORE_KEY_REVOKED, ACTION_DENY, CONFLICT, NULL, NULL},
    {STORE_KEY_REVOKED, ACTION_REVOKE, SAME, NULL, NULL},
    {STORE_KEY_REVOKED, ACTION_UNREVOKE, STORE_KEY_RETIRED, "cyan/key/changed", "api"},
    {STORE_KEY_REVOKED, ACTION_REVERT, CONFLICT, NULL, NULL},
    {STORE_KEY_REVOKED, ACTION_UPLOAD, CONFLICT, NULL, NULL},
};

static void run_cell(size_t i, bool other_trusted)
{
    enum store_key_state state = cells[i].state;
    vault_add_device(1, vault_ann);
    if (other_trusted) {
        vault_put_key(1, 1, STORE_KEY_TRUSTED, VAULT_HOME);
    }
    vault_put_key(1, 2, state, VAULT_HOME);
    vault_now_ms += 1000;
    const char *before = vault_dump();
    struct vault_result r = vault_do(cells[i].action, 1, 2);
    int becomes = cells[i].becomes;
    if (becomes == CONFLICT) {
        assert_int_equal(r.status, CYAN_E_EXISTS);
        assert_int_equal(r.outcome.was, state);
    } else {
        assert_int_equal(r.status, 0);
    }
    if (becomes == CONFLICT || becomes == SAME) {
        assert_string_equal(vault_dump(), before);
        assert_int_equal(r.outcome.event_count, 0);
        vault_expect_nothing_told();
        return;
    }
    /* Without a trusted key an upload is trusted at once. */
    bool at_once = becomes == STORE_KEY_ANNOUNCED && !other_trusted;
    if (becomes == GONE) {
        assert_true(r.outcome.is_gone);
        assert_false(vault_has_key(1, 2));
    } else {
        struct store_key key = vault_key(1, 2);
        assert_int_equal(key.state, at_once ? STORE_KEY_TRUSTED : becomes);
        assert_int_equal(r.outcome.key.state, key.state);
        assert_int_equal(key.changed_ms, vault_now_ms);
        assert_int_equal(key.by_account, vault_ann);
    }
    bool trusted = becomes == STORE_KEY_TRUSTED || at_once;
    if (other_trusted) {
        assert_true(vault_is(1, 1, trusted ? STORE_KEY_RETIRED : STORE_KEY_TRUSTED));
    }
    assert_true(vault_count(1, STORE_KEY_TRUSTED) <= 1);
    vault_expect_told(custody_action_name(cells[i].action),
                      at_once ? "cyan/key/changed" : cells[i].event,
                      at_once ? "upload" : cells[i].via);
}

static void every_order_on_every_state_does_what_its_cell_says(void **state)
{
    (void)state;
    assert_int_equal(COUNT_OF(cells), STORE_KEY_STATES * (ACTION_UPLOAD + 1));
    for (size_t i = 0; i < COUNT_OF(cells); i++) {
        for (int other = 0; other < 2; other++) {
            if (other && cells[i].state == STORE_KEY_TRUSTED) {
                continue;
            }
            vault_tear_down(NULL);
            vault_set_up(NULL);
            run_cell(i, other != 0);
        }
    }
}

static void orders_say_whose_key_it_was_and_is(void **state)
{
    (void)state;
    struct vault_told told;
    vault_plain_device();
    vault_put_key(1, 2, STORE_KEY_PENDING, VAULT_HOME);
    vault_put_key(1, 3, STORE_KEY_PENDING, VAULT_HOME);
    assert_int_equal(vault_do(ACTION_APPROVE, 1, 2).status, 0);
    told = vault_told();
    vault_expect_prints(&told, 1, 2);
    assert_non_null(strstr(told.events[0].data, "\"by\":\"ann\""));
    assert_string_equal(told.audit.by, "ann");
    assert_int_equal(told.audit.account, vault_ann);
    assert_int_equal(vault_do(ACTION_DENY, 1, 3).status, 0);
    told = vault_told();
    vault_expect_prints(&told, 3, 0);
    assert_int_equal(vault_do(ACTION_REVERT, 1, 1).status, 0);
    told = vault_told();
    vault_expect_prints(&told, 2, 1);
    assert_int_equal(vault_do(ACTION_REVOKE, 1, 1).status, 0);
    told = vault_told();
    vault_expect_prints(&told, 1, 0);
    assert_int_equal(vault_do(ACTION_UNREVOKE, 1, 1).status, 0);
    told = vault_told();
    assert_non_null(strstr(told.audit.detail, "it was found again"));
}

static void an_upload_of_a_new_key_is_announced_or_trusted_at_once(void **state)
{
    (void)state;
    vault_add_device(1, vault_ann);
    assert_int_equal(vault_do(ACTION_UPLOAD, 1, 1).status, 0);
    assert_true(vault_is(1, 1, STORE_KEY_TRUSTED));
    assert_int_equal(vault_key(1, 1).source, STORE_KEY_PROVISIONED);
    vault_expect_told("upload", "cyan/key/changed", "upload");
    assert_int_equal(vault_do(ACTION_UPLOAD, 1, 2).status, 0);
    assert_true(vault_is(1, 2, STORE_KEY_ANNOUNCED));
    assert_true(vault_is(1, 1, STORE_KEY_TRUSTED));
    vault_expect_told("upload", NULL, NULL);
    assert_int_equal(vault_do(ACTION_UPLOAD, 1, 3).status, 0);
    assert_true(vault_is(1, 3, STORE_KEY_ANNOUNCED));
    assert_false(vault_has_key(1, 2)); /* one a device */
    (void)vault_told();
    /* The trusted one once more: what was announced is dropped, and the audit says so. */
    assert_int_equal(vault_do(ACTION_UPLOAD, 1, 1).status, 0);
    assert_false(vault_has_key(1, 3));
    assert_true(vault_is(1, 1, STORE_KEY_TRUSTED));
    vault_expect_told("upload", NULL, NULL);
}

static void an_announcement_lives_seven_days_anew(void **state)
{
    (void)state;
    vault_plain_device();
    assert_int_equal(vault_do(ACTION_UPLOAD, 1, 2).status, 0);
    vault_now_ms += 6 * VAULT_DAY_MS;
    assert_int_equal(vault_do(ACTION_UPLOAD, 1, 2).status, 0);
    vault_now_ms += 6 * VAULT_DAY_MS;
    assert_int_equal(prove(2, VAULT_HOME).ruling.effect, EFFECT_TRUST);
}

static void of_two_approvals_the_later_one_holds(void **state)
{
    (void)state;
    vault_plain_device();
    vault_put_key(1, 2, STORE_KEY_PENDING, VAULT_HOME);
    vault_put_key(1, 3, STORE_KEY_PENDING, VAULT_AWAY);
    assert_int_equal(vault_do(ACTION_APPROVE, 1, 2).status, 0);
    assert_int_equal(vault_do(ACTION_APPROVE, 1, 3).status, 0);
    assert_true(vault_is(1, 2, STORE_KEY_RETIRED));
    assert_true(vault_is(1, 3, STORE_KEY_TRUSTED));
    assert_memory_equal(vault_key(1, 2).replaced_by, vault_print(3), CYAN_SHA256_LEN);
    struct vault_told told = vault_told();
    assert_int_equal(told.audit_count, 2);
    assert_int_equal(told.event_count, 2);
    /* The same one twice is one change. */
    assert_int_equal(vault_do(ACTION_APPROVE, 1, 3).status, 0);
    vault_expect_nothing_told();
}

static void a_key_that_was_just_denied_can_be_approved(void **state)
{
    (void)state;
    vault_plain_device();
    vault_put_key(1, 2, STORE_KEY_PENDING, VAULT_HOME);
    assert_int_equal(vault_do(ACTION_DENY, 1, 2).status, 0);
    assert_int_equal(vault_do(ACTION_APPROVE, 1, 2).status, 0);
    assert_true(vault_is(1, 2, STORE_KEY_TRUSTED));
    assert_true(vault_is(1, 1, STORE_KEY_RETIRED));
}

static void revoking_the_trusted_key_trusts_the_one_that_was_announced(void **state)
{
    (void)state;
    vault_plain_device();
    vault_put_key(1, 2, STORE_KEY_ANNOUNCED, "");
    struct vault_result r = vault_do(ACTION_REVOKE, 1, 1);
    assert_int_equal(r.status, 0);
    assert_int_equal(r.outcome.key.state, STORE_KEY_REVOKED);
    assert_int_equal(r.outcome.event_count, 2);
    assert_true(vault_is(1, 1, STORE_KEY_REVOKED));
    assert_true(vault_is(1, 2, STORE_KEY_TRUSTED));
    struct vault_told told = vault_told();
    assert_int_equal(told.audit_count, 2);
    assert_int_equal(told.event_count, 2);
    assert_string_equal(told.events[0].name, "cyan/key/revoked");
    assert_string_equal(told.events[1].name, "cyan/key/changed");
    assert_non_null(strstr(told.events[1].data, "\"via\":\"upload\""));
    /* An announcement that has expired is no successor. */
    vault_put_key(1, 3, STORE_KEY_ANNOUNCED, "");
    vault_now_ms += 7 * VAULT_DAY_MS;
    assert_int_equal(vault_do(ACTION_REVOKE, 1, 2).status, 0);
    assert_int_equal(vault_count(1, STORE_KEY_TRUSTED), 0);
}

static void orders_are_the_owners_and_of_nobodys_devices_the_operators(void **state)
{
    (void)state;
    vault_plain_device();
    vault_add_device(2, 0);
    vault_put_key(2, 1, STORE_KEY_TRUSTED, VAULT_HOME);
    for (int action = 0; action <= ACTION_UPLOAD; action++) {
        struct custody_order order = vault_order_of((enum custody_action)action, 1, 1);
        order.account = vault_bob;
        const char *before = vault_dump();
        assert_int_equal(vault_order(&order).status, CYAN_E_REFUSED);
        order.may_found = true; /* not even as the operator */
        assert_int_equal(vault_order(&order).status, CYAN_E_REFUSED);
        order = vault_order_of((enum custody_action)action, 2, 1);
        assert_int_equal(vault_order(&order).status, CYAN_E_REFUSED);
        order = vault_order_of((enum custody_action)action, 7, 1);
        assert_int_equal(vault_order(&order).status, CYAN_E_NOT_FOUND);
        if (action != ACTION_UPLOAD) {
            order = vault_order_of((enum custody_action)action, 1, 9);
            assert_int_equal(vault_order(&order).status, CYAN_E_NOT_FOUND);
        }
        assert_string_equal(vault_dump(), before);
    }
    struct custody_order order = vault_order_of(ACTION_REVOKE, 2, 1);
    order.may_found = true;
    assert_int_equal(vault_order(&order).status, 0);
    struct vault_told told = vault_told();
    assert_int_equal(told.audit_count, 1);
    assert_int_equal(told.event_count, 0); /* nobody hears it */
}

static void the_operator_founds_a_device_with_the_key_that_it_approves(void **state)
{
    (void)state;
    vault_bind(vault_bob, 1, 5, "bobs");
    struct custody_order order = vault_order_of(ACTION_APPROVE, 1, 2);
    order.may_found = order.has_spki = true;
    memset(order.spki, 2 ^ 0xFF, sizeof order.spki);
    struct vault_result r = vault_order(&order);
    assert_int_equal(r.status, 0);
    assert_int_equal(r.outcome.owner, vault_ann);
    assert_int_equal(vault_device(1).owner, vault_ann);
    assert_true(vault_device(1).name[0] != '\0');
    assert_true(vault_is(1, 2, STORE_KEY_TRUSTED));
    assert_null(strstr(vault_dump(), "bobs"));
    vault_expect_told("approve", "cyan/key/approved", "api");
    for (int action = 0; action <= ACTION_UPLOAD; action++) {
        order = vault_order_of((enum custody_action)action, (uint8_t)(3 + action), 2);
        order.may_found = true;
        order.has_spki = action != ACTION_UPLOAD;
        assert_int_equal(vault_order(&order).status, action == ACTION_APPROVE  ? 0
                                                     : action == ACTION_UPLOAD ? CYAN_E_NOT_FOUND
                                                                               : CYAN_E_EXISTS);
    }
}

static struct custody_order failing_order;

static int do_order(void)
{
    return vault_order(&failing_order).status;
}

static void no_failing_call_leaves_half_of_an_order(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cells); i++) {
        if (cells[i].becomes == SAME || cells[i].becomes == CONFLICT) {
            continue;
        }
        vault_tear_down(NULL);
        vault_set_up(NULL);
        vault_add_device(1, vault_ann);
        if (cells[i].state != STORE_KEY_TRUSTED) {
            vault_put_key(1, 1, STORE_KEY_TRUSTED, VAULT_HOME);
        }
        vault_put_key(1, 2, cells[i].state, VAULT_HOME);
        if (cells[i].state != STORE_KEY_ANNOUNCED) {
            vault_put_key(1, 3, STORE_KEY_ANNOUNCED, "");
        }
        vault_put_key(1, 4, STORE_KEY_DENIED, VAULT_HOME);
        vault_now_ms += 1000;
        failing_order = vault_order_of(cells[i].action, 1, 2);
        assert_true(vault_fail_everywhere(do_order) >= 8);
    }
    failing_order = vault_order_of(ACTION_APPROVE, 5, 2);
    failing_order.may_found = failing_order.has_spki = true;
    assert_true(vault_fail_everywhere(do_order) >= 8);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, vault_set_up, vault_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_order_on_every_state_does_what_its_cell_says),
        TEST(orders_say_whose_key_it_was_and_is),
        TEST(an_upload_of_a_new_key_is_announced_or_trusted_at_once),
        TEST(an_announcement_lives_seven_days_anew),
        TEST(of_two_approvals_the_later_one_holds),
        TEST(a_key_that_was_just_denied_can_be_approved),
        TEST(revoking_the_trusted_key_trusts_the_one_that_was_announced),
        TEST(orders_are_the_owners_and_of_nobodys_devices_the_operators),
        TEST(the_operator_founds_a_device_with_the_key_that_it_approves),
        TEST(no_failing_call_leaves_half_of_an_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
