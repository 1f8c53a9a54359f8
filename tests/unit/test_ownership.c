/* Whose a device is: uploads, claims, releases and claim codes. */
#include "server/cloud/ownership.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "server/cloud/held.h"
#include "server/cloud/presence.h"
#include "server/net/log.h"
#include "tests/unit/haven.h"
#include "tests/unit/unit.h"

static struct account account_of(unsigned number)
{
    struct store_account row = {.password = "x"};
    struct account account = {.id = 0};
    (void)snprintf(row.name, sizeof row.name, "account %u", number);
    memcpy(account.name, row.name, sizeof account.name);
    assert_int_equal(haven_store.account_add(haven_store.ctx, &row, &account.id), 0);
    return account;
}

/* --- uploads --- */

static void four_accounts_may_wait_for_an_id_and_none_sees_another(void **state)
{
    (void)state;
    struct account accounts[6];
    for (unsigned i = 0; i < COUNT_OF(accounts); i++) {
        accounts[i] = account_of(i);
        int status = haven_upload(&accounts[i], 5, (uint8_t)(1 + i));
        assert_int_equal(status, i < 4 ? 0 : CYAN_E_REFUSED);
        assert_int_equal(haven_resolve(&accounts[i], 5), i < 4 ? 0 : CYAN_E_NOT_FOUND);
        if (i < 4) {
            assert_int_equal(haven_record.owner, accounts[i].id);
            assert_true(haven_record.is_provisional);
            assert_true(haven_record.name[0] != '\0');
        }
        assert_int_equal(haven_resolve(&haven_bob, 5), CYAN_E_NOT_FOUND);
    }
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(haven_keys(&accounts[i], 5), 0);
        assert_int_equal(haven_keys_view.count, 1);
        assert_memory_equal(haven_key_views[0].key.fingerprint, haven_print((uint8_t)(1 + i)),
                            CYAN_SHA256_LEN);
    }
    assert_false(haven_knows(5));
    assert_int_equal(haven_claim(&accounts[0], 5), CYAN_E_NOT_FOUND);
    /* One's own once more is always possible, and replaces the key. */
    assert_int_equal(haven_upload(&accounts[0], 5, 9), 0);
    assert_int_equal(haven_prove(5, 1, HAVEN_HOME), SESSION_HELD);
    assert_int_equal(haven_prove(5, 9, HAVEN_HOME), SESSION_FULL);
    assert_int_equal(haven_device(5).owner, accounts[0].id);
    for (unsigned i = 1; i < 4; i++) {
        assert_int_equal(haven_resolve(&accounts[i], 5), CYAN_E_REFUSED);
        assert_int_equal(haven_upload(&accounts[i], 5, (uint8_t)(1 + i)), CYAN_E_REFUSED);
    }
}

static void an_upload_waits_seven_days_and_then_makes_room(void **state)
{
    (void)state;
    struct account accounts[5];
    for (unsigned i = 0; i < COUNT_OF(accounts); i++) {
        accounts[i] = account_of(i);
    }
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(haven_upload(&accounts[i], 5, (uint8_t)(1 + i)), 0);
    }
    haven_pass(7 * HAVEN_DAY_MS - 1);
    assert_int_equal(haven_upload(&accounts[4], 5, 5), CYAN_E_REFUSED);
    assert_int_equal(haven_judge(5, 1, HAVEN_HOME), SESSION_FULL);
    haven_pass(1);
    assert_int_equal(haven_judge(5, 1, HAVEN_HOME), SESSION_HELD);
    assert_int_equal(haven_resolve(&accounts[0], 5), CYAN_E_NOT_FOUND);
    assert_int_equal(haven_upload(&accounts[4], 5, 5), 0);
    assert_int_equal(haven_prove(5, 5, HAVEN_HOME), SESSION_FULL);
    assert_int_equal(haven_device(5).owner, accounts[4].id);
}

static void an_account_with_ten_thousand_uploads_waits_for_its_devices(void **state)
{
    (void)state;
    struct store_binding binding = {.account = haven_bob.id, .created_ms = haven_now()};
    for (unsigned i = 0; i < UPLOADS_MAX; i++) {
        memcpy(binding.device, &i, sizeof i);
        (void)snprintf(binding.name, sizeof binding.name, "upload %u", i);
        assert_int_equal(haven_store.binding_put(haven_store.ctx, &binding), 0);
    }
    assert_int_equal(haven_upload(&haven_bob, 5, 1), CYAN_E_NO_SPACE);
    assert_int_equal(haven_upload(&haven_ann, 5, 1), 0);
    assert_int_equal(haven_store.binding_remove(haven_store.ctx, binding.device, haven_bob.id), 0);
    assert_int_equal(haven_upload(&haven_bob, 5, 1), 0);
    assert_int_equal(haven_upload(&haven_bob, 6, 1), CYAN_E_NO_SPACE);
    assert_int_equal(haven_upload(&haven_bob, 5, 2), 0); /* in place of the one before */
}

static void the_device_of_somebody_else_or_of_nobody_takes_no_upload(void **state)
{
    (void)state;
    haven_add_device(1, haven_bob.id, 1);
    haven_add_device(2, 0, 1);
    struct account third = account_of(3);
    assert_int_equal(haven_upload(&haven_ann, 1, 2), CYAN_E_REFUSED);
    assert_int_equal(haven_upload(&third, 1, 2), CYAN_E_REFUSED);
    assert_int_equal(haven_upload(&third, 2, 2), CYAN_E_REFUSED);
    assert_true(haven_is(1, 1, STORE_KEY_TRUSTED));
    assert_int_equal(haven_audit_count(), 0);
}

static void an_owners_upload_is_announced_until_it_is_proven(void **state)
{
    (void)state;
    haven_add_device(1, haven_bob.id, 1);
    assert_int_equal(haven_prove(1, 1, HAVEN_HOME), SESSION_FULL);
    uint64_t old = haven_serial;
    assert_int_equal(haven_upload(&haven_bob, 1, 2), 0);
    assert_int_equal(haven_record.key_state, DEVICE_KEY_TRUSTED);
    assert_false(haven_closed(old));
    assert_int_equal(haven_heard(&haven_bob, "cyan/key/"), 0);
    assert_int_equal(haven_prove(1, 2, HAVEN_HOME), SESSION_FULL);
    assert_true(haven_is(1, 1, STORE_KEY_RETIRED));
    assert_int_equal(haven_heard(&haven_bob, "event: cyan/key/changed"), 1);
    assert_int_equal(haven_order(&haven_bob, ACTION_REVOKE, 1, 1), 0);
    assert_int_equal(haven_upload(&haven_bob, 1, 1), CYAN_E_EXISTS);
}

/* --- by id --- */

static void nobodys_device_belongs_to_the_first_who_claims_it(void **state)
{
    (void)state;
    haven_unknown(UNKNOWN_ENROLL);
    assert_int_equal(haven_prove(1, 1, HAVEN_HOME), SESSION_FULL);
    uint64_t serial = haven_serial;
    assert_int_equal(haven_claim(&haven_bob, 9), CYAN_E_NOT_FOUND);
    size_t rows = haven_audit_count();
    assert_int_equal(haven_claim(&haven_bob, 1), 0);
    assert_int_equal(haven_record.owner, haven_bob.id);
    assert_true(haven_record.connected);
    assert_true(haven_record.name[0] != '\0');
    assert_false(haven_closed(serial));
    assert_int_equal(presence_find(haven.presence, haven_id(1))->owner, haven_bob.id);
    assert_int_equal(haven_audit_count(), rows + 1);
    assert_int_equal(haven_claim(&haven_bob, 1), 0); /* his own once more */
    assert_int_equal(haven_audit_count(), rows + 1);
    assert_int_equal(haven_claim(&haven_ann, 1), CYAN_E_REFUSED);
    assert_int_equal(haven_device(1).owner, haven_bob.id);
}

static void giving_up_leaves_the_full_session_and_ends_held_ones(void **state)
{
    (void)state;
    haven_add_device(1, haven_bob.id, 1);
    assert_int_equal(haven_prove(1, 1, HAVEN_HOME), SESSION_FULL);
    uint64_t full = haven_serial;
    assert_int_equal(haven_prove(1, 2, HAVEN_AWAY), SESSION_HELD);
    uint64_t held = haven_serial;
    assert_int_equal(haven_release(&haven_ann, 1), CYAN_E_REFUSED);
    assert_int_equal(haven_release(&haven_bob, 9), CYAN_E_NOT_FOUND);
    assert_int_equal(haven_device(1).owner, haven_bob.id);
    assert_int_equal(haven_release(&haven_bob, 1), 0);
    assert_int_equal(haven_device(1).owner, 0);
    assert_false(haven_closed(full));
    assert_true(haven_closed(held));
    assert_int_equal(presence_find(haven.presence, haven_id(1))->owner, 0);
    assert_int_equal(haven_release(&haven_bob, 1), CYAN_E_REFUSED);
    assert_int_equal(haven_claim(&haven_ann, 1), 0);
}

/* What the former owner wished for binds nobody after him. */
static void the_next_owner_inherits_no_policy_and_no_announcement(void **state)
{
    (void)state;
    haven_add_device(1, haven_bob.id, 1);
    assert_int_equal(haven_set_policy(&haven_bob, 1, POLICY_HEAL, 0), 0);
    assert_int_equal(haven_upload(&haven_bob, 1, 2), 0);
    assert_int_equal(haven_release(&haven_bob, 1), 0);
    assert_int_equal(haven_claim(&haven_ann, 1), 0);
    assert_int_equal(haven_change_policy(&haven_ann, 1, NULL), 0);
    assert_int_equal(haven_policy_view.choice.value, POLICY_QUARANTINE);
    assert_int_equal(haven_prove(1, 2, HAVEN_HOME), SESSION_HELD);
    assert_true(haven_is(1, 1, STORE_KEY_TRUSTED));
}

static void taking_back_an_upload_ends_nobodys_session(void **state)
{
    (void)state;
    struct account third = account_of(3);
    assert_int_equal(haven_upload(&haven_bob, 5, 1), 0);
    assert_int_equal(haven_upload(&third, 5, 2), 0);
    assert_int_equal(haven_prove(5, 3, HAVEN_HOME), SESSION_HELD);
    uint64_t serial = haven_serial;
    assert_int_equal(haven_release(&haven_bob, 5), 0);
    assert_false(haven_closed(serial));
    assert_int_equal(haven_resolve(&haven_bob, 5), CYAN_E_NOT_FOUND);
    assert_int_equal(haven_release(&haven_bob, 5), CYAN_E_NOT_FOUND);
    assert_int_equal(haven_resolve(&third, 5), 0);
    assert_int_equal(haven_judge(5, 1, HAVEN_HOME), SESSION_HELD);
    assert_int_equal(haven_judge(5, 2, HAVEN_HOME), SESSION_FULL);
}

/* --- claim codes --- */

static void a_code_has_63_characters_of_64_and_never_comes_twice(void **state)
{
    (void)state;
    char codes[20][CLAIM_CODE_LEN + 1];
    for (size_t i = 0; i < COUNT_OF(codes); i++) {
        assert_int_equal(haven_make_code(&haven_bob), 0);
        memcpy(codes[i], haven_code, sizeof codes[i]);
        for (size_t k = 0; k < CLAIM_CODE_LEN; k++) {
            assert_true(isalnum((unsigned char)codes[i][k]) || codes[i][k] == '+' ||
                        codes[i][k] == '/');
        }
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(codes[i], codes[j]);
        }
    }
}

static void a_code_from_a_full_session_claims_nobodys_device(void **state)
{
    (void)state;
    haven_add_device(1, 0, 1);
    assert_int_equal(haven_prove(1, 1, HAVEN_HOME), SESSION_FULL);
    assert_int_equal(haven_make_code(&haven_bob), 0);
    haven_say_code(1, 0, haven_code);
    assert_int_equal(haven_device(1).owner, haven_bob.id);
    assert_true(haven_device(1).name[0] != '\0');
    assert_int_equal(haven_audit_count(), 1);
    assert_int_equal(presence_find(haven.presence, haven_id(1))->owner, haven_bob.id);
}

static void a_code_counts_once_and_for_a_day(void **state)
{
    (void)state;
    for (uint8_t device = 1; device <= 4; device++) {
        haven_add_device(device, 0, 1);
    }
    assert_int_equal(haven_make_code(&haven_bob), 0);
    haven_say_code(1, 0, haven_code);
    haven_say_code(2, 0, haven_code);
    assert_int_equal(haven_device(1).owner, haven_bob.id);
    assert_int_equal(haven_device(2).owner, 0);
    assert_int_equal(haven_make_code(&haven_bob), 0);
    haven_pass(HAVEN_DAY_MS - 1);
    haven_say_code(3, 0, haven_code);
    assert_int_equal(haven_device(3).owner, haven_bob.id);
    assert_int_equal(haven_make_code(&haven_bob), 0);
    haven_pass(HAVEN_DAY_MS);
    haven_say_code(4, 0, haven_code);
    assert_int_equal(haven_device(4).owner, 0);
}

static void what_is_no_code_claims_nothing(void **state)
{
    (void)state;
    char code[CLAIM_CODE_LEN + 2];
    haven_add_device(1, 0, 1);
    assert_int_equal(haven_make_code(&haven_bob), 0);
    for (size_t len = 0; len <= CLAIM_CODE_LEN; len++) {
        memcpy(code, haven_code, len);
        code[len] = '\0';
        if (len < CLAIM_CODE_LEN) {
            haven_say_code(1, 0, code);
            memset(code + len, 'A', CLAIM_CODE_LEN - len);
            code[CLAIM_CODE_LEN] = '\0';
            haven_say_code(1, 0, strcmp(code, haven_code) == 0 ? "" : code);
        } else {
            code[len] = 'x';
            code[len + 1] = '\0';
            haven_say_code(1, 0, code);
        }
        assert_int_equal(haven_device(1).owner, 0);
    }
    haven_say_code(9, 0, haven_code); /* an id that nobody knows */
    assert_false(haven_knows(9));
}

static void a_code_never_takes_a_device_from_its_owner(void **state)
{
    (void)state;
    haven_add_device(1, haven_ann.id, 1);
    assert_int_equal(haven_prove(1, 2, HAVEN_HOME), SESSION_HELD);
    uint64_t serial = haven_serial;
    assert_int_equal(haven_make_code(&haven_bob), 0);
    haven_say_code(1, 0, haven_code);
    assert_int_equal(haven_device(1).owner, haven_ann.id);
    assert_int_equal(haven_make_code(&haven_bob), 0);
    haven_say_code(1, serial, haven_code);
    assert_int_equal(haven_device(1).owner, haven_ann.id);
    assert_true(haven_holds(serial));
    assert_int_equal(haven_order(&haven_ann, ACTION_REVOKE, 1, 1), 0); /* not even without a key */
    assert_int_equal(haven_make_code(&haven_bob), 0);
    haven_say_code(1, serial, haven_code);
    assert_int_equal(haven_device(1).owner, haven_ann.id);
    assert_true(haven_holds(serial));
}

static void the_owners_own_code_from_a_held_session_is_an_approval(void **state)
{
    (void)state;
    haven_add_device(1, haven_bob.id, 1);
    assert_int_equal(haven_prove(1, 2, HAVEN_HOME), SESSION_HELD);
    uint64_t serial = haven_serial;
    assert_int_equal(haven_make_code(&haven_bob), 0);
    haven_say_code(1, serial, haven_code);
    assert_false(haven_holds(serial));
    assert_true(haven_is_full(1, 2));
    assert_true(haven_is(1, 1, STORE_KEY_RETIRED));
    assert_int_equal(haven_heard(&haven_bob, "event: cyan/key/approved"), 1);
}

static void a_code_from_a_held_stranger_makes_the_account_its_owner(void **state)
{
    (void)state;
    struct account third = account_of(3);
    assert_int_equal(haven_upload(&third, 5, 7), 0);
    assert_int_equal(haven_prove(5, 1, HAVEN_HOME), SESSION_HELD);
    uint64_t serial = haven_serial;
    assert_int_equal(haven_make_code(&haven_bob), 0);
    haven_say_code(5, serial, haven_code);
    assert_false(haven_holds(serial));
    assert_true(haven_is_full(5, 1));
    assert_int_equal(haven_device(5).owner, haven_bob.id);
    assert_int_equal(haven_heard(&haven_bob, "event: cyan/key/changed"), 1);
    assert_int_equal(haven_resolve(&third, 5), CYAN_E_REFUSED);
}

/* Nobody's device without a trusted key: a code makes both, but never over a person's no. */
static void a_code_trusts_a_held_key_unless_somebody_spoke_against_it(void **state)
{
    (void)state;
    haven_add_device(1, 0, 1);
    assert_int_equal(haven_prove(1, 3, HAVEN_HOME), SESSION_HELD);
    uint64_t serial = haven_serial;
    assert_int_equal(haven_make_code(&haven_bob), 0);
    haven_say_code(1, serial, haven_code);
    assert_int_equal(haven_device(1).owner, 0); /* it has a trusted key */
    assert_true(haven_holds(serial));
    assert_int_equal(haven_order(&haven_ann, ACTION_REVOKE, 1, 1), 0);
    assert_int_equal(haven_make_code(&haven_bob), 0);
    haven_say_code(1, serial, haven_code);
    assert_int_equal(haven_device(1).owner, haven_bob.id);
    assert_true(haven_is(1, 3, STORE_KEY_TRUSTED));
    assert_true(haven_is_full(1, 3));
    assert_int_equal(haven_key(1, 3).by_account, haven_bob.id);
}

static void an_account_has_a_hundred_codes_and_the_oldest_go(void **state)
{
    (void)state;
    char first[CLAIM_CODE_LEN + 1] = "", second[CLAIM_CODE_LEN + 1] = "";
    haven_add_device(1, 0, 1);
    haven_add_device(2, 0, 1);
    for (int i = 0; i <= CLAIM_CODES_MAX; i++) {
        haven_pass(1);
        assert_int_equal(haven_make_code(&haven_bob), 0);
        if (i < 2) {
            memcpy(i == 0 ? first : second, haven_code, sizeof first);
        }
    }
    haven_say_code(1, 0, first);
    assert_int_equal(haven_device(1).owner, 0);
    haven_say_code(2, 0, second);
    assert_int_equal(haven_device(2).owner, haven_bob.id);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, haven_set_up, haven_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(four_accounts_may_wait_for_an_id_and_none_sees_another),
        TEST(an_upload_waits_seven_days_and_then_makes_room),
        TEST(an_account_with_ten_thousand_uploads_waits_for_its_devices),
        TEST(the_device_of_somebody_else_or_of_nobody_takes_no_upload),
        TEST(an_owners_upload_is_announced_until_it_is_proven),
        TEST(nobodys_device_belongs_to_the_first_who_claims_it),
        TEST(giving_up_leaves_the_full_session_and_ends_held_ones),
        TEST(the_next_owner_inherits_no_policy_and_no_announcement),
        TEST(taking_back_an_upload_ends_nobodys_session),
        TEST(a_code_has_63_characters_of_64_and_never_comes_twice),
        TEST(a_code_from_a_full_session_claims_nobodys_device),
        TEST(a_code_counts_once_and_for_a_day),
        TEST(what_is_no_code_claims_nothing),
        TEST(a_code_never_takes_a_device_from_its_owner),
        TEST(the_owners_own_code_from_a_held_session_is_an_approval),
        TEST(a_code_from_a_held_stranger_makes_the_account_its_owner),
        TEST(a_code_trusts_a_held_key_unless_somebody_spoke_against_it),
        TEST(an_account_has_a_hundred_codes_and_the_oldest_go),
    };
    log_setup(false, LOG_ERROR + 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
