/* Custody on the hub: what is judged, proven, held, judged again and closed, and who hears of it.
 * The handshakes are letters of the test's own (haven.h). */
#include "server/cloud/custody.h"

#include <stdio.h>
#include <string.h>

#include "server/cloud/held.h"
#include "server/cloud/presence.h"
#include "server/net/log.h"
#include "tests/unit/haven.h"
#include "tests/unit/unit.h"

/* Device 1 of bob's, connected from home with key 1. Returns its session. */
static uint64_t bobs_device(void)
{
    haven_add_device(1, haven_bob.id, 1);
    assert_int_equal(haven_judge(1, 1, HAVEN_HOME), SESSION_FULL);
    assert_int_equal(haven_prove(1, 1, HAVEN_HOME), SESSION_FULL);
    return haven_serial;
}

/* The same, and it has gone. */
static void bobs_device_offline(void)
{
    haven_leave(1, bobs_device());
}

static uint64_t hold(uint8_t device, uint8_t key, const char *address)
{
    assert_int_equal(haven_prove(device, key, address), SESSION_HELD);
    assert_true(haven_holds(haven_serial));
    return haven_serial;
}

static void the_trusted_key_is_full_and_belongs_to_its_owner(void **state)
{
    (void)state;
    bobs_device();
    assert_int_equal(haven_owner, haven_bob.id);
    assert_memory_equal(haven_answered, haven_print(1), CYAN_SHA256_LEN);
    assert_int_equal(haven_heard(&haven_bob, "cyan/key/"), 0);
    assert_int_equal(haven_audit_count(), 0);
}

static void a_damaged_key_is_refused_and_the_incident_says_so(void **state)
{
    (void)state;
    bobs_device_offline();
    assert_int_equal(haven_incidents(1, CAUSE_KEY_MALFORMED), 0);
    assert_int_equal(haven_judge_damaged(1, 0, HAVEN_HOME), SESSION_REFUSE);
    assert_int_equal(haven_judge_damaged(1, CYAN_DEVICE_SPKI_LEN - 1, HAVEN_HOME), SESSION_REFUSE);
    assert_int_equal(
        haven_judge_damaged(1, CYAN_DEVICE_SPKI_MODULUS + CYAN_RSA1024_LEN - 1, HAVEN_HOME),
        SESSION_REFUSE); /* even */
    assert_true(haven_incidents(1, CAUSE_KEY_MALFORMED) > 0);
    assert_int_equal(haven_keys(&haven_bob, 1), 0);
    assert_int_equal(haven_keys_view.count, 1);
}

static void another_key_is_held_told_once_and_waits_for_its_owner(void **state)
{
    (void)state;
    bobs_device_offline();
    assert_int_equal(haven_judge(1, 2, HAVEN_AWAY), SESSION_HELD);
    assert_memory_equal(haven_answered, haven_print(2), CYAN_SHA256_LEN);
    assert_int_equal(haven_incidents(1, CAUSE_KEY_MISMATCH), 0); /* not before the proof */
    hold(1, 2, HAVEN_AWAY);
    assert_true(haven_is(1, 2, STORE_KEY_PENDING));
    assert_false(haven_is_full(1, 2));
    assert_int_equal(haven_resolve(&haven_bob, 1), 0);
    assert_true(haven_record.held);
    assert_false(haven_record.connected);
    assert_int_equal(haven_record.key_state, DEVICE_KEY_PENDING);
    assert_int_equal(haven_incidents(1, CAUSE_KEY_MISMATCH), 1);
    assert_int_equal(
        haven_heard(&haven_bob, "the LED breathes cyan, but the device is not trusted"), 1);
    assert_int_equal(haven_heard(&haven_ann, "cyan/key/"), 0);
    /* Again and again: once in ten minutes. */
    for (int i = 0; i < 5; i++) {
        haven_pass(60000);
        hold(1, 2, HAVEN_AWAY);
    }
    assert_int_equal(haven_heard(&haven_bob, "event: cyan/key/pending"), 0);
    haven_pass(600000);
    hold(1, 2, HAVEN_AWAY);
    assert_int_equal(haven_heard(&haven_bob, "event: cyan/key/pending"), 1);
}

static void approval_makes_the_held_session_full_in_place(void **state)
{
    (void)state;
    bobs_device_offline();
    uint64_t serial = hold(1, 2, HAVEN_AWAY);
    (void)haven_heard(&haven_bob, "event:");
    assert_int_equal(haven_order(&haven_bob, ACTION_APPROVE, 1, 2), 0);
    assert_false(haven_holds(serial));
    assert_false(haven_closed(serial));
    assert_true(haven_is_full(1, 2));
    assert_int_equal(presence_find(haven.presence, haven_id(1))->session, serial);
    assert_int_equal(haven_resolve(&haven_bob, 1), 0);
    assert_true(haven_record.connected);
    assert_false(haven_record.held);
    assert_string_equal(haven_record.last_ip, HAVEN_AWAY); /* now its Hello counts */
    assert_int_equal(haven_heard(&haven_bob, "event: cyan/key/approved"), 1);
    assert_true(haven_is(1, 1, STORE_KEY_RETIRED));
}

static void an_upload_of_the_waiting_key_is_an_approval(void **state)
{
    (void)state;
    bobs_device_offline();
    uint64_t serial = hold(1, 2, HAVEN_AWAY);
    assert_int_equal(haven_upload(&haven_bob, 1, 2), 0);
    assert_false(haven_holds(serial));
    assert_true(haven_is_full(1, 2));
    assert_int_equal(haven_heard(&haven_bob, "\\\"via\\\":\\\"upload\\\""), 1);
}

static void a_denied_key_is_closed_and_refused_for_a_day(void **state)
{
    (void)state;
    bobs_device_offline();
    uint64_t serial = hold(1, 2, HAVEN_AWAY);
    uint64_t other = hold(1, 3, HAVEN_HOME);
    assert_int_equal(haven_incidents(1, CAUSE_CONTESTED), 1);
    assert_int_equal(haven_order(&haven_bob, ACTION_DENY, 1, 2), 0);
    assert_true(haven_closed(serial));
    assert_false(haven_closed(other));
    haven_leave(1, serial);
    assert_int_equal(haven_heard(&haven_bob, "event: cyan/key/denied"), 1);
    haven_pass(HAVEN_DAY_MS - 1);
    size_t incidents = haven_incidents(1, CAUSE_KEY_MISMATCH);
    assert_int_equal(haven_judge(1, 2, HAVEN_AWAY), SESSION_REFUSE);
    assert_int_equal(haven_prove(1, 2, HAVEN_AWAY), SESSION_REFUSE);
    assert_int_equal(haven_incidents(1, CAUSE_KEY_MISMATCH), incidents);
    haven_pass(1);
    assert_int_equal(haven_judge(1, 2, HAVEN_AWAY), SESSION_HELD);
}

static void revoking_the_trusted_key_closes_its_session(void **state)
{
    (void)state;
    uint64_t serial = bobs_device();
    assert_int_equal(haven_order(&haven_bob, ACTION_REVOKE, 1, 1), 0);
    assert_true(haven_closed(serial));
    haven_leave(1, serial);
    assert_int_equal(haven_judge(1, 1, HAVEN_HOME), SESSION_REFUSE);
    assert_int_equal(haven_incidents(1, CAUSE_KEY_REVOKED), 1);
    assert_int_equal(haven_judge(1, 0, HAVEN_HOME), SESSION_REFUSE);
    assert_int_equal(haven_heard(&haven_bob, "event: cyan/key/revoked"), 1);
}

/* Between the handshake and the proof the owner has spoken. */
static void what_holds_at_the_proof_counts_and_not_what_was_judged(void **state)
{
    (void)state;
    bobs_device_offline();
    assert_int_equal(haven_judge(1, 1, HAVEN_HOME), SESSION_FULL);
    assert_int_equal(haven_order(&haven_bob, ACTION_REVOKE, 1, 1), 0);
    assert_int_equal(haven_prove(1, 1, HAVEN_HOME), SESSION_REFUSE);
    assert_int_equal(haven_judge(1, 2, HAVEN_HOME), SESSION_HELD);
    assert_int_equal(haven_upload(&haven_bob, 1, 2), 0);
    assert_int_equal(haven_prove(1, 2, HAVEN_HOME), SESSION_FULL);
}

static void strict_refuses_another_key_and_closes_who_is_held(void **state)
{
    (void)state;
    bobs_device_offline();
    uint64_t serial = hold(1, 2, HAVEN_AWAY);
    assert_int_equal(haven_set_policy(&haven_bob, 0, POLICY_STRICT, FAMILIAR_ALL), 0);
    assert_true(haven_closed(serial));
    haven_leave(1, serial);
    (void)haven_heard(&haven_bob, "event:");
    assert_int_equal(haven_judge(1, 3, HAVEN_AWAY), SESSION_REFUSE);
    assert_int_equal(haven_heard(&haven_bob, "event: cyan/key/mismatch"), 1);
    assert_int_equal(haven_judge(1, 4, HAVEN_AWAY), SESSION_REFUSE);
    assert_int_equal(haven_heard(&haven_bob, "event: cyan/key/mismatch"), 0);
    assert_int_equal(haven_judge(1, 1, HAVEN_HOME), SESSION_FULL);
}

static void a_policy_of_the_device_judges_its_held_sessions_alone(void **state)
{
    (void)state;
    bobs_device_offline();
    haven_add_device(2, haven_bob.id, 1);
    haven_add_device(3, haven_ann.id, 1);
    uint64_t first = hold(1, 2, HAVEN_AWAY);
    uint64_t second = hold(2, 2, HAVEN_AWAY);
    uint64_t third = hold(3, 2, HAVEN_AWAY);
    assert_int_equal(haven_set_policy(&haven_bob, 2, POLICY_STRICT, FAMILIAR_ALL), 0);
    assert_false(haven_closed(first));
    assert_true(haven_closed(second));
    assert_int_equal(haven_set_policy(&haven_bob, 0, POLICY_STRICT, FAMILIAR_ALL), 0);
    assert_true(haven_closed(first));
    assert_false(haven_closed(third));
}

static void a_window_takes_the_held_session_at_once(void **state)
{
    (void)state;
    bobs_device_offline();
    haven_pass(1000);
    uint64_t serial = hold(1, 2, HAVEN_AWAY);
    assert_int_equal(haven_open_window(&haven_bob, 1), 0);
    assert_false(haven_holds(serial));
    assert_true(haven_is_full(1, 2));
    assert_int_equal(haven_heard(&haven_bob, "\\\"via\\\":\\\"enroll\\\""), 1);
    /* Once: the next other key waits. */
    haven_leave(1, serial);
    hold(1, 3, HAVEN_AWAY);
}

static void one_session_is_held_of_a_key_and_the_newer_one_stays(void **state)
{
    (void)state;
    bobs_device_offline();
    uint64_t older = hold(1, 2, HAVEN_AWAY);
    uint64_t newer = hold(1, 2, HAVEN_HOME);
    assert_true(haven_closed(older));
    assert_false(haven_holds(older));
    assert_false(haven_closed(newer));
    haven_leave(1, older); /* its end takes nothing from the newer one */
    assert_true(haven_holds(newer));
    assert_int_equal(haven_resolve(&haven_bob, 1), 0);
    assert_true(haven_record.held);
    haven_leave(1, newer);
    assert_int_equal(haven_resolve(&haven_bob, 1), 0);
    assert_false(haven_record.held);
}

static void a_fifth_key_displaces_the_session_of_the_one_that_goes(void **state)
{
    (void)state;
    uint64_t serials[4];
    bobs_device_offline();
    for (uint8_t i = 0; i < 4; i++) {
        haven_pass(1000);
        serials[i] = hold(1, (uint8_t)(2 + i), HAVEN_AWAY);
    }
    haven_pass(1000);
    hold(1, 9, HAVEN_HOME);
    assert_true(haven_closed(serials[0]));
    for (uint8_t i = 1; i < 4; i++) {
        assert_false(haven_closed(serials[i]));
    }
    assert_int_equal(haven_keys(&haven_bob, 1), 0);
    assert_int_equal(haven_keys_view.count, 5); /* four pending ones, and the trusted one */
    assert_true(haven_keys_view.contested);
}

static void a_held_session_never_disturbs_a_full_one(void **state)
{
    (void)state;
    uint64_t full = bobs_device();
    for (uint8_t i = 0; i < 10; i++) {
        hold(1, (uint8_t)(2 + i), HAVEN_AWAY);
    }
    assert_false(haven_closed(full));
    assert_true(haven_is_full(1, 1));
    assert_int_equal(haven_resolve(&haven_bob, 1), 0);
    assert_true(haven_record.connected);
}

/* With absence switched off nothing but the full session itself stands in its way. */
static void a_heal_waits_for_the_end_of_the_full_session_and_no_longer(void **state)
{
    (void)state;
    uint64_t full = bobs_device();
    assert_int_equal(haven_set_policy(&haven_bob, 0, POLICY_HEAL, FAMILIAR_ADDRESS), 0);
    uint64_t held = hold(1, 2, HAVEN_HOME);
    haven_pass(3600000);
    custody_review(&haven, haven_id(1));
    haven_settle();
    assert_true(haven_holds(held));
    haven_leave(1, full);
    assert_false(haven_holds(held));
    assert_true(haven_is_full(1, 2));
    assert_int_equal(haven_key(1, 2).source, STORE_KEY_HEALED);
}

/* --- ids that nobody knows --- */

static void an_unknown_id_is_treated_as_the_server_says(void **state)
{
    (void)state;
    haven_unknown(UNKNOWN_REFUSE);
    assert_int_equal(haven_judge(5, 1, HAVEN_AWAY), SESSION_REFUSE);
    assert_int_equal(haven_prove(5, 1, HAVEN_AWAY), SESSION_REFUSE);
    haven_unknown(UNKNOWN_QUARANTINE);
    assert_int_equal(haven_judge(5, 0, HAVEN_AWAY), SESSION_REFUSE);
    assert_int_equal(haven_judge(5, 1, HAVEN_AWAY), SESSION_HELD);
    hold(5, 1, HAVEN_AWAY);
    assert_false(haven_knows(5));
    haven_unknown(UNKNOWN_ENROLL);
    assert_int_equal(haven_prove(6, 1, HAVEN_AWAY), SESSION_FULL);
    assert_int_equal(haven_owner, 0);
    assert_int_equal(haven_device(6).owner, 0);
    assert_true(haven_is(6, 1, STORE_KEY_TRUSTED));
}

static void the_operator_alone_sees_and_approves_a_stranger(void **state)
{
    (void)state;
    struct device_record record;
    uint64_t serial = hold(5, 1, HAVEN_AWAY);
    assert_int_equal(custody_stranger(&haven, haven_id(5), &record), 0);
    assert_true(record.is_stranger && record.held);
    assert_int_equal(record.key_state, DEVICE_KEY_PENDING);
    assert_string_equal(record.last_ip, HAVEN_AWAY);
    assert_int_equal(custody_stranger(&haven, haven_id(6), &record), CYAN_E_NOT_FOUND);
    assert_int_equal(haven_order(&haven_bob, ACTION_APPROVE, 5, 1), CYAN_E_NOT_FOUND);
    assert_int_equal(haven_order(&haven_ann, ACTION_APPROVE, 5, 2), CYAN_E_NOT_FOUND);
    assert_true(haven_holds(serial));
    assert_int_equal(haven_order(&haven_ann, ACTION_APPROVE, 5, 1), 0);
    assert_false(haven_holds(serial));
    assert_true(haven_is_full(5, 1));
    assert_int_equal(haven_device(5).owner, haven_ann.id);
    assert_int_equal(custody_stranger(&haven, haven_id(5), &record), CYAN_E_NOT_FOUND);
}

static void a_denied_stranger_is_refused_for_a_day_and_can_still_be_approved(void **state)
{
    (void)state;
    uint64_t serial = hold(5, 1, HAVEN_AWAY);
    assert_int_equal(haven_order(&haven_ann, ACTION_DENY, 5, 1), 0);
    assert_int_equal(haven_outcome.key.state, STORE_KEY_DENIED);
    assert_true(haven_closed(serial));
    haven_leave(5, serial);
    assert_int_equal(haven_judge(5, 1, HAVEN_AWAY), SESSION_REFUSE);
    haven_pass(HAVEN_DAY_MS / 2);
    assert_int_equal(haven_order(&haven_ann, ACTION_DENY, 5, 1), 0); /* not a day anew */
    haven_pass(HAVEN_DAY_MS / 2 - 1);
    assert_int_equal(haven_judge(5, 1, HAVEN_AWAY), SESSION_REFUSE);
    haven_pass(1);
    assert_int_equal(haven_judge(5, 1, HAVEN_AWAY), SESSION_HELD);
    serial = hold(5, 1, HAVEN_AWAY);
    assert_int_equal(haven_order(&haven_ann, ACTION_DENY, 5, 1), 0);
    haven_leave(5, serial);
    assert_int_equal(haven_order(&haven_ann, ACTION_APPROVE, 5, 1), 0);
    assert_int_equal(haven_prove(5, 1, HAVEN_AWAY), SESSION_FULL);
}

static void what_was_uploaded_makes_a_held_stranger_full(void **state)
{
    (void)state;
    uint64_t serial = hold(5, 1, HAVEN_AWAY);
    assert_int_equal(haven_upload(&haven_bob, 5, 2), 0); /* another key */
    assert_true(haven_holds(serial));
    assert_int_equal(haven_upload(&haven_bob, 5, 1), 0); /* that very key */
    assert_false(haven_holds(serial));
    assert_true(haven_is_full(5, 1));
    assert_int_equal(haven_device(5).owner, haven_bob.id);
    assert_int_equal(haven_heard(&haven_bob, "event: cyan/key/changed"), 1);
}

/* --- 52 bytes --- */

static void the_two_keys_of_a_device_take_turns_when_it_sends_none(void **state)
{
    (void)state;
    bobs_device_offline();
    assert_int_equal(haven_upload(&haven_bob, 1, 2), 0);
    for (int round = 0; round < 3; round++) {
        assert_int_equal(haven_judge(1, 0, HAVEN_HOME), SESSION_FULL);
        assert_memory_equal(haven_answered, haven_print(2), CYAN_SHA256_LEN);
        haven_drop(1);
        assert_int_equal(haven_judge(1, 0, HAVEN_HOME), SESSION_FULL);
        assert_memory_equal(haven_answered, haven_print(1), CYAN_SHA256_LEN);
        haven_drop(1);
    }
    haven_drop(1);
    assert_int_equal(haven_prove_short(1, 1, HAVEN_HOME), SESSION_FULL); /* the one that was used */
    assert_true(haven_is(1, 1, STORE_KEY_TRUSTED));
    assert_true(haven_is(1, 2, STORE_KEY_ANNOUNCED));
    assert_int_equal(haven_prove_short(1, 2, HAVEN_HOME), SESSION_FULL);
    assert_true(haven_is(1, 2, STORE_KEY_TRUSTED));
    assert_true(haven_is(1, 1, STORE_KEY_RETIRED));
    assert_memory_equal(haven_key(1, 2).spki, haven_spki(2), CYAN_DEVICE_SPKI_LEN);
}

/* The upload was replaced while the device was on its way: its modulus is not known any more. */
static void a_proof_of_a_key_that_is_gone_stores_nothing(void **state)
{
    (void)state;
    bobs_device_offline();
    assert_int_equal(haven_upload(&haven_bob, 1, 2), 0);
    assert_int_equal(haven_judge(1, 0, HAVEN_HOME), SESSION_FULL);
    assert_int_equal(haven_upload(&haven_bob, 1, 3), 0);
    assert_int_equal(haven_prove_short(1, 2, HAVEN_HOME), SESSION_REFUSE);
    assert_int_equal(haven_keys(&haven_bob, 1), 0);
    assert_int_equal(haven_keys_view.count, 2);
    assert_int_equal(haven_upload(&haven_bob, 7, 2), 0);
    assert_int_equal(haven_judge(7, 0, HAVEN_HOME), SESSION_FULL);
    assert_int_equal(haven_release(&haven_bob, 7), 0);
    for (int unknown = UNKNOWN_REFUSE; unknown <= UNKNOWN_ENROLL; unknown++) {
        haven_unknown((enum custody_unknown)unknown);
        assert_int_equal(haven_prove_short(7, 2, HAVEN_HOME), SESSION_REFUSE);
        assert_false(haven_knows(7));
    }
}

static void checks_of_keys_are_sixty_a_minute_and_account(void **state)
{
    (void)state;
    for (int minute = 0; minute < 3; minute++) {
        for (int i = 0; i < 60; i++) {
            assert_true(custody_may_check(&haven, haven_ann.id));
        }
        assert_false(custody_may_check(&haven, haven_ann.id));
        assert_true(custody_may_check(&haven, haven_bob.id));
        haven_pass(59999);
        assert_false(custody_may_check(&haven, haven_ann.id));
        haven_pass(1);
    }
}

static void the_list_tells_sessions_states_and_who_brought_a_key(void **state)
{
    (void)state;
    (void)bobs_device();
    hold(1, 2, HAVEN_AWAY);
    assert_int_equal(haven_keys(&haven_bob, 1), 0);
    assert_int_equal(haven_keys_view.count, 2);
    assert_false(haven_keys_view.contested);
    for (size_t i = 0; i < 2; i++) {
        const struct key_view *view = &haven_key_views[i];
        bool trusted = view->key.state == STORE_KEY_TRUSTED;
        assert_int_equal(view->session, trusted ? KEY_SESSION_FULL : KEY_SESSION_HELD);
        assert_string_equal(view->by, trusted ? "bob" : "");
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, haven_set_up, haven_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_trusted_key_is_full_and_belongs_to_its_owner),
        TEST(a_damaged_key_is_refused_and_the_incident_says_so),
        TEST(another_key_is_held_told_once_and_waits_for_its_owner),
        TEST(approval_makes_the_held_session_full_in_place),
        TEST(an_upload_of_the_waiting_key_is_an_approval),
        TEST(a_denied_key_is_closed_and_refused_for_a_day),
        TEST(revoking_the_trusted_key_closes_its_session),
        TEST(what_holds_at_the_proof_counts_and_not_what_was_judged),
        TEST(strict_refuses_another_key_and_closes_who_is_held),
        TEST(a_policy_of_the_device_judges_its_held_sessions_alone),
        TEST(a_window_takes_the_held_session_at_once),
        TEST(one_session_is_held_of_a_key_and_the_newer_one_stays),
        TEST(a_fifth_key_displaces_the_session_of_the_one_that_goes),
        TEST(a_held_session_never_disturbs_a_full_one),
        TEST(a_heal_waits_for_the_end_of_the_full_session_and_no_longer),
        TEST(an_unknown_id_is_treated_as_the_server_says),
        TEST(the_operator_alone_sees_and_approves_a_stranger),
        TEST(a_denied_stranger_is_refused_for_a_day_and_can_still_be_approved),
        TEST(what_was_uploaded_makes_a_held_stranger_full),
        TEST(the_two_keys_of_a_device_take_turns_when_it_sends_none),
        TEST(a_proof_of_a_key_that_is_gone_stores_nothing),
        TEST(checks_of_keys_are_sixty_a_minute_and_account),
        TEST(the_list_tells_sessions_states_and_who_brought_a_key),
    };
    log_setup(false, LOG_ERROR + 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
