/* What proofs leave in the store: keys, the audit, events. */
#include "server/cloud/custody_apply.h"

#include <stdio.h>
#include <string.h>

#include "server/cloud/policy.h"
#include "tests/unit/unit.h"
#include "tests/unit/vault.h"

static struct vault_result prove(uint8_t key, const char *address)
{
    struct custody_case c = vault_case(1, key, address);
    return vault_prove(&c);
}

static void the_trusted_key_is_seen_and_its_hello_recorded_and_nothing_told(void **state)
{
    (void)state;
    vault_plain_device();
    vault_now_ms += 5000;
    struct custody_case c = vault_case(1, 1, VAULT_AWAY);
    c.hello.product_version = 10;
    memset(c.server_key, 0x77, sizeof c.server_key);
    struct vault_result r = vault_prove(&c);
    assert_int_equal(r.status, 0);
    assert_int_equal(r.ruling.effect, EFFECT_SEEN);
    assert_int_equal(r.outcome.owner, vault_ann);
    assert_int_equal(vault_key(1, 1).last_seen_ms, vault_now_ms);
    assert_string_equal(vault_key(1, 1).last_ip, VAULT_AWAY);
    struct store_device device = vault_device(1);
    assert_int_equal(device.product_version, 10);
    assert_int_equal(device.last_handshake_ms, vault_now_ms);
    assert_string_equal(device.last_ip, VAULT_AWAY);
    assert_true(device.has_server_key);
    assert_int_equal(device.server_key[0], 0x77);
    vault_expect_nothing_told();
}

static void an_announced_key_becomes_trusted_and_the_old_one_retires(void **state)
{
    (void)state;
    vault_plain_device();
    vault_put_key(1, 2, STORE_KEY_ANNOUNCED, "");
    vault_now_ms += 1000;
    assert_int_equal(prove(2, VAULT_HOME).ruling.effect, EFFECT_TRUST);
    struct store_key old = vault_key(1, 1);
    assert_int_equal(old.state, STORE_KEY_RETIRED);
    assert_int_equal(old.changed_ms, vault_now_ms);
    assert_int_equal(old.replaced_via, STORE_KEY_BY_ANNOUNCEMENT);
    assert_true(old.has_replaced_by);
    assert_memory_equal(old.replaced_by, vault_print(2), CYAN_SHA256_LEN);
    assert_int_equal(vault_key(1, 2).state, STORE_KEY_TRUSTED);
    assert_int_equal(vault_key(1, 2).source, STORE_KEY_BY_ANNOUNCEMENT);
    struct vault_told told = vault_told();
    assert_int_equal(told.audit_count, 1);
    assert_int_equal(told.event_count, 1);
    assert_string_equal(told.events[0].name, "cyan/key/changed");
    assert_int_equal(told.events[0].owner, vault_ann);
    assert_non_null(strstr(told.events[0].data, "\"via\":\"proof\""));
    vault_expect_prints(&told, 1, 2);
}

static void another_key_waits_and_the_record_of_the_device_stays_as_it_is(void **state)
{
    (void)state;
    vault_plain_device();
    struct store_device before = vault_device(1);
    vault_now_ms += 1000;
    struct vault_result r = prove(3, VAULT_AWAY);
    assert_int_equal(r.ruling.effect, EFFECT_PEND);
    struct store_key key = vault_key(1, 3);
    assert_int_equal(key.state, STORE_KEY_PENDING);
    assert_int_equal(key.source, STORE_KEY_NO_SOURCE);
    assert_int_equal(key.first_seen_ms, vault_now_ms);
    assert_string_equal(key.last_ip, VAULT_AWAY);
    struct store_device after = vault_device(1);
    assert_memory_equal(&before, &after, sizeof before);
    vault_now_ms += 1000;
    assert_int_equal(prove(3, VAULT_HOME).status, 0);
    assert_int_equal(vault_key(1, 3).first_seen_ms, vault_now_ms - 1000);
    assert_int_equal(vault_key(1, 3).last_seen_ms, vault_now_ms);
    assert_int_equal(vault_key(1, 3).changed_ms, vault_now_ms - 1000);
    assert_true(vault_is(1, 1, STORE_KEY_TRUSTED));
    vault_expect_nothing_told();
}

static void a_familiar_key_is_healed_once(void **state)
{
    (void)state;
    vault_plain_device();
    vault_set_policy(POLICY_HEAL);
    vault_now_ms += 600000;
    assert_int_equal(prove(2, VAULT_HOME).ruling.effect, EFFECT_HEAL);
    assert_true(vault_is(1, 2, STORE_KEY_TRUSTED));
    assert_int_equal(vault_key(1, 2).source, STORE_KEY_HEALED);
    assert_int_equal(vault_key(1, 1).replaced_via, STORE_KEY_HEALED);
    assert_int_equal(vault_device(1).last_heal_ms, vault_now_ms);
    vault_expect_told("heal", "cyan/key/changed", "heal");
    vault_now_ms += 600000;
    assert_int_equal(prove(3, VAULT_HOME).ruling.effect, EFFECT_PEND);
}

static void a_window_serves_each_id_once_and_the_others_still(void **state)
{
    (void)state;
    struct policy policy;
    vault_plain_device();
    vault_add_device(2, vault_ann);
    vault_put_key(2, 1, STORE_KEY_TRUSTED, VAULT_HOME);
    vault_now_ms += 1000;
    vault_open_window(1, 2);
    vault_now_ms += 1000;
    assert_int_equal(prove(2, VAULT_AWAY).ruling.effect, EFFECT_ENROLL);
    assert_true(vault_is(1, 2, STORE_KEY_TRUSTED));
    assert_int_equal(vault_key(1, 2).source, STORE_KEY_ENROLLED);
    vault_expect_told("enroll", "cyan/key/changed", "enroll");
    assert_int_equal(policy_of_account(&vault_store, vault_ann, &policy), 0);
    assert_false(policy_names(&policy, vault_id(1)));
    assert_true(policy_names(&policy, vault_id(2)));
    assert_int_equal(prove(3, VAULT_AWAY).ruling.effect, EFFECT_PEND);
    struct custody_case c = vault_case(2, 4, VAULT_AWAY);
    assert_int_equal(vault_prove(&c).ruling.effect, EFFECT_ENROLL);
    assert_int_equal(policy_of_account(&vault_store, vault_ann, &policy), 0);
    assert_false(policy_is_open(&policy, vault_now_ms));
}

static void a_key_that_returns_undoes_the_heal_and_ends_healing(void **state)
{
    (void)state;
    vault_plain_device();
    vault_set_policy(POLICY_HEAL);
    vault_now_ms += 600000;
    assert_int_equal(prove(2, VAULT_HOME).ruling.effect, EFFECT_HEAL);
    (void)vault_told();
    vault_now_ms += 29 * VAULT_DAY_MS;
    assert_int_equal(prove(1, VAULT_HOME).ruling.effect, EFFECT_RETURN);
    assert_true(vault_is(1, 1, STORE_KEY_TRUSTED));
    assert_int_equal(vault_key(1, 1).source, STORE_KEY_REVERTED);
    struct store_key other = vault_key(1, 2);
    assert_int_equal(other.state, STORE_KEY_PENDING);
    assert_int_equal(other.source, STORE_KEY_NO_SOURCE);
    assert_true(vault_device(1).heal_off);
    struct vault_told told = vault_told();
    assert_int_equal(told.audit_count, 1);
    assert_int_equal(told.event_count, 1);
    assert_string_equal(told.events[0].name, "cyan/key/reverted");
    assert_non_null(strstr(told.events[0].data, "\"via\":\"return\""));
    vault_expect_prints(&told, 2, 1);
    vault_now_ms += 2 * VAULT_DAY_MS;
    assert_int_equal(prove(2, VAULT_HOME).ruling.effect, EFFECT_PEND);
}

static void a_return_keeps_the_limit_of_pending_keys(void **state)
{
    (void)state;
    vault_plain_device();
    vault_now_ms += 1000;
    vault_open_window(1, 1);
    assert_int_equal(prove(2, VAULT_HOME).ruling.effect, EFFECT_ENROLL);
    const uint8_t end = 10 + DOSSIER_PENDING_MAX;
    for (uint8_t key = 10; key < end; key++) {
        assert_int_equal(prove(key, VAULT_AWAY).ruling.effect, EFFECT_PEND);
    }
    struct vault_result r = prove(1, VAULT_HOME);
    assert_int_equal(r.ruling.effect, EFFECT_RETURN);
    assert_int_equal(vault_count(1, STORE_KEY_PENDING), DOSSIER_PENDING_MAX);
    assert_true(r.outcome.has_displaced);
    assert_true(vault_is(1, 2, STORE_KEY_PENDING));
}

/* The person has decided since: what a rule did long ago is not undone any more. */
static void nothing_returns_over_a_persons_word(void **state)
{
    (void)state;
    static const enum custody_action actions[] = {ACTION_APPROVE, ACTION_UPLOAD};
    for (size_t i = 0; i < COUNT_OF(actions); i++) {
        vault_tear_down(NULL);
        vault_set_up(NULL);
        vault_plain_device();
        vault_now_ms += 1000;
        vault_open_window(1, 1);
        assert_int_equal(prove(2, VAULT_HOME).ruling.effect, EFFECT_ENROLL);
        assert_int_equal(prove(3, VAULT_HOME).ruling.effect, EFFECT_PEND);
        assert_int_equal(vault_do(actions[i], 1, 3).status, 0);
        assert_true(vault_is(1, 3, STORE_KEY_TRUSTED));
        assert_int_equal(prove(1, VAULT_HOME).ruling.effect, EFFECT_CLONE);
        assert_int_equal(prove(2, VAULT_HOME).ruling.effect, EFFECT_CLONE);
        assert_true(vault_is(1, 3, STORE_KEY_TRUSTED));
    }
}

static void a_key_that_was_revoked_never_returns_by_itself(void **state)
{
    (void)state;
    vault_plain_device();
    vault_now_ms += 1000;
    vault_open_window(1, 1);
    assert_int_equal(prove(2, VAULT_HOME).ruling.effect, EFFECT_ENROLL);
    assert_int_equal(vault_do(ACTION_REVOKE, 1, 1).status, 0);
    assert_int_equal(vault_do(ACTION_UNREVOKE, 1, 1).status, 0);
    assert_true(vault_is(1, 1, STORE_KEY_RETIRED));
    struct vault_result r = prove(1, VAULT_HOME);
    assert_int_equal(r.ruling.verdict, SESSION_HELD);
    assert_true(vault_is(1, 2, STORE_KEY_TRUSTED));
}

static void a_clone_leaves_all_keys_as_they_are(void **state)
{
    (void)state;
    vault_plain_device();
    vault_put_key(1, 2, STORE_KEY_RETIRED, VAULT_HOME);
    vault_now_ms += 1000;
    assert_int_equal(prove(2, VAULT_AWAY).ruling.effect, EFFECT_CLONE);
    assert_true(vault_is(1, 1, STORE_KEY_TRUSTED));
    assert_true(vault_is(1, 2, STORE_KEY_RETIRED));
    assert_int_equal(vault_key(1, 2).last_seen_ms, vault_now_ms);
    assert_int_equal(vault_device(1).last_handshake_ms, vault_now_ms - 1000);
    vault_expect_nothing_told();
}

static void the_first_proof_makes_its_uploader_the_owner_and_drops_the_rest(void **state)
{
    (void)state;
    vault_bind(vault_ann, 1, 1, "annas");
    vault_bind(vault_bob, 1, 2, "bobs");
    vault_bind(vault_ann, 2, 1, "other");
    struct vault_result r = prove(2, VAULT_HOME);
    assert_int_equal(r.ruling.effect, EFFECT_ADOPT);
    assert_int_equal(r.outcome.owner, vault_bob);
    struct store_device device = vault_device(1);
    assert_int_equal(device.owner, vault_bob);
    assert_string_equal(device.name, "bobs");
    assert_int_equal(device.platform_id, VAULT_PLATFORM);
    assert_true(vault_is(1, 2, STORE_KEY_TRUSTED));
    assert_int_equal(vault_key(1, 2).source, STORE_KEY_PROVISIONED);
    assert_int_equal(vault_key(1, 2).by_account, vault_bob);
    assert_false(vault_has_key(1, 1));
    assert_null(strstr(vault_dump(), "annas"));
    assert_non_null(strstr(vault_dump(), "other"));
    struct vault_told told = vault_told();
    assert_int_equal(told.audit_count, 1);
    assert_int_equal(told.audit.owner, vault_bob);
    assert_int_equal(told.event_count, 1);
    assert_int_equal(told.events[0].owner, vault_bob);
    assert_string_equal(told.events[0].name, "cyan/key/changed");
    vault_expect_prints(&told, 0, 2);
}

static void an_unknown_id_is_enrolled_for_nobody_or_kept_in_memory_only(void **state)
{
    (void)state;
    struct custody_case c = vault_case(1, 1, VAULT_HOME);
    struct vault_result r = vault_prove(&c);
    assert_int_equal(r.ruling.effect, EFFECT_PEND);
    assert_int_equal(r.outcome.key.state, STORE_KEY_PENDING);
    assert_memory_equal(r.outcome.key.fingerprint, vault_print(1), CYAN_SHA256_LEN);
    assert_string_equal(vault_dump(), "");
    c.unknown = UNKNOWN_ENROLL;
    r = vault_prove(&c);
    assert_int_equal(r.ruling.effect, EFFECT_ENROLL);
    assert_int_equal(vault_device(1).owner, 0);
    assert_true(vault_is(1, 1, STORE_KEY_TRUSTED));
    struct vault_told told = vault_told();
    assert_int_equal(told.audit_count, 1);
    assert_int_equal(told.event_count, 0);
}

static void a_proof_that_is_refused_has_no_effect_at_all(void **state)
{
    (void)state;
    static const enum store_key_state refused[] = {STORE_KEY_DENIED, STORE_KEY_REVOKED};
    vault_plain_device();
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        vault_put_key(1, (uint8_t)(2 + i), refused[i], VAULT_HOME);
        struct custody_case c = vault_case(1, (uint8_t)(2 + i), VAULT_HOME);
        const char *before = vault_dump();
        assert_int_equal(vault_prove(&c).ruling.effect, EFFECT_NONE);
        assert_string_equal(vault_dump(), before);
    }
}

static struct custody_case failing_case;

static int do_proof(void)
{
    return vault_prove(&failing_case).status;
}

static void no_failing_call_leaves_half_of_a_proof(void **state)
{
    (void)state;
    for (int effect = EFFECT_SEEN; effect <= EFFECT_CLONE; effect++) {
        uint8_t key = 2;
        vault_tear_down(NULL);
        vault_set_up(NULL);
        if (effect != EFFECT_ADOPT) {
            vault_plain_device();
        }
        vault_now_ms += 600000;
        switch (effect) {
        case EFFECT_SEEN:
            key = 1;
            break;
        case EFFECT_TRUST:
            vault_put_key(1, 2, STORE_KEY_ANNOUNCED, "");
            break;
        case EFFECT_ADOPT:
            vault_bind(vault_bob, 1, 2, "bobs");
            break;
        case EFFECT_ENROLL:
            vault_open_window(1, 2);
            break;
        case EFFECT_HEAL:
            vault_set_policy(POLICY_HEAL);
            break;
        case EFFECT_RETURN:
            vault_open_window(1, 1);
            assert_int_equal(prove(2, VAULT_HOME).ruling.effect, EFFECT_ENROLL);
            vault_now_ms += 1000;
            key = 1;
            break;
        case EFFECT_PEND:
            for (uint8_t i = 10; i < 14; i++) { /* one has to go */
                assert_int_equal(prove(i, VAULT_AWAY).status, 0);
            }
            break;
        default:
            vault_put_key(1, 2, STORE_KEY_RETIRED, VAULT_HOME);
            vault_now_ms += 1000;
            break;
        }
        failing_case = vault_case(1, key, VAULT_HOME);
        assert_int_equal(vault_judge(&failing_case).ruling.effect, effect);
        assert_true(vault_fail_everywhere(do_proof) >= 3);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, vault_set_up, vault_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_trusted_key_is_seen_and_its_hello_recorded_and_nothing_told),
        TEST(an_announced_key_becomes_trusted_and_the_old_one_retires),
        TEST(another_key_waits_and_the_record_of_the_device_stays_as_it_is),
        TEST(a_familiar_key_is_healed_once),
        TEST(a_window_serves_each_id_once_and_the_others_still),
        TEST(a_key_that_returns_undoes_the_heal_and_ends_healing),
        TEST(a_return_keeps_the_limit_of_pending_keys),
        TEST(nothing_returns_over_a_persons_word),
        TEST(a_key_that_was_revoked_never_returns_by_itself),
        TEST(a_clone_leaves_all_keys_as_they_are),
        TEST(the_first_proof_makes_its_uploader_the_owner_and_drops_the_rest),
        TEST(an_unknown_id_is_enrolled_for_nobody_or_kept_in_memory_only),
        TEST(a_proof_that_is_refused_has_no_effect_at_all),
        TEST(no_failing_call_leaves_half_of_a_proof),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
