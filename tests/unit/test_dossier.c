/* The facts of a case: which keys still count, who is familiar, whom a window serves, who may
 * return. */
#include "server/cloud/dossier.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/unit.h"
#include "tests/unit/vault.h"

static struct vault_result judge(uint8_t key)
{
    struct custody_case c = vault_case(1, key, VAULT_HOME);
    struct vault_result r = vault_judge(&c);
    assert_int_equal(r.status, 0);
    return r;
}

/* --- what has expired --- */

static const struct {
    enum store_key_state state;
    int64_t life_ms; /* 0: for ever */
    enum custody_presented presented;
} lives[] = {
    {STORE_KEY_TRUSTED, 0, PRESENTED_TRUSTED},
    {STORE_KEY_ANNOUNCED, 7 * VAULT_DAY_MS, PRESENTED_ANNOUNCED},
    {STORE_KEY_PENDING, VAULT_DAY_MS, PRESENTED_PENDING},
    {STORE_KEY_DENIED, VAULT_DAY_MS, PRESENTED_DENIED},
    {STORE_KEY_RETIRED, 0, PRESENTED_RETIRED},
    {STORE_KEY_REVOKED, 0, PRESENTED_REVOKED},
};

static void a_key_counts_to_the_last_millisecond_of_its_life_and_not_beyond(void **state)
{
    (void)state;
    assert_int_equal(COUNT_OF(lives), STORE_KEY_STATES);
    vault_add_device(1, vault_ann);
    for (size_t i = 0; i < COUNT_OF(lives); i++) {
        vault_put_key(1, (uint8_t)i, lives[i].state, VAULT_HOME);
    }
    int64_t start = vault_now_ms;
    for (size_t i = 0; i < COUNT_OF(lives); i++) {
        int64_t life = lives[i].life_ms ? lives[i].life_ms : 400 * VAULT_DAY_MS;
        vault_now_ms = start + life - 1;
        assert_int_equal(judge((uint8_t)i).facts.presented, lives[i].presented);
        vault_now_ms = start + life;
        assert_int_equal(judge((uint8_t)i).facts.presented,
                         lives[i].life_ms ? PRESENTED_NEW : lives[i].presented);
    }
}

static void a_pending_key_lives_a_day_after_it_was_last_seen(void **state)
{
    (void)state;
    vault_add_device(1, vault_ann);
    vault_put_key(1, 1, STORE_KEY_PENDING, VAULT_HOME);
    for (int i = 0; i < 5; i++) {
        vault_now_ms += VAULT_DAY_MS - 1;
        assert_int_equal(judge(1).facts.presented, PRESENTED_PENDING);
        assert_int_equal(vault_store.key_seen(vault_store.ctx, vault_id(1), vault_print(1),
                                              vault_now_ms, VAULT_HOME),
                         0);
    }
    vault_now_ms += VAULT_DAY_MS;
    assert_int_equal(judge(1).facts.presented, PRESENTED_NEW);
}

/* A denied key that keeps knocking is denied a day, not for ever. */
static void a_denial_is_counted_from_the_denial(void **state)
{
    (void)state;
    vault_add_device(1, vault_ann);
    vault_put_key(1, 1, STORE_KEY_DENIED, VAULT_HOME);
    vault_now_ms += VAULT_DAY_MS - 1;
    assert_int_equal(vault_store.key_seen(vault_store.ctx, vault_id(1), vault_print(1),
                                          vault_now_ms, VAULT_HOME),
                     0);
    assert_int_equal(judge(1).facts.presented, PRESENTED_DENIED);
    vault_now_ms += 1;
    assert_int_equal(judge(1).facts.presented, PRESENTED_NEW);
}

static void an_upload_for_an_unknown_id_counts_seven_days(void **state)
{
    (void)state;
    struct custody_case c = vault_case(1, 1, VAULT_HOME);
    vault_bind(vault_ann, 1, 1, "lamp");
    c.now_ms = vault_now_ms + 7 * VAULT_DAY_MS - 1;
    assert_int_equal(vault_judge(&c).facts.presented, PRESENTED_UPLOADED);
    c.now_ms++;
    assert_int_equal(vault_judge(&c).facts.presented, PRESENTED_NEW);
    assert_false(vault_judge(&c).facts.has_key);
}

static void a_key_that_was_denied_in_memory_is_denied(void **state)
{
    (void)state;
    struct custody_case c = vault_case(1, 1, VAULT_HOME);
    c.was_denied = true;
    assert_int_equal(vault_judge(&c).facts.presented, PRESENTED_DENIED);
    vault_bind(vault_ann, 1, 1, "lamp"); /* an upload says more than the operator's no */
    assert_int_equal(vault_judge(&c).facts.presented, PRESENTED_UPLOADED);
}

/* --- 52 bytes --- */

static uint8_t target_of(uint32_t turn)
{
    struct dossier d;
    struct custody_case c = vault_case(1, 0, VAULT_HOME);
    c.has_key = false;
    c.turn = turn;
    assert_int_equal(dossier_read(&vault_store, &c, &d), 0);
    struct dossier_target target = dossier_target(&d, &c);
    assert_int_equal(target.spki != NULL, target.fingerprint != NULL);
    if (!target.spki) {
        return 0;
    }
    assert_int_equal(target.spki[0], target.fingerprint[0] ^ 0xFF);
    return target.fingerprint[0];
}

static void fifty_two_bytes_try_the_announced_key_and_the_trusted_one_in_turn(void **state)
{
    (void)state;
    assert_int_equal(target_of(0), 0);
    vault_add_device(1, vault_ann);
    assert_int_equal(target_of(0), 0);
    vault_put_key(1, 1, STORE_KEY_TRUSTED, VAULT_HOME);
    for (uint32_t turn = 0; turn < 4; turn++) {
        assert_int_equal(target_of(turn), 1);
    }
    vault_put_key(1, 2, STORE_KEY_ANNOUNCED, "");
    for (uint32_t turn = 0; turn < 6; turn++) {
        assert_int_equal(target_of(turn), turn % 2 ? 1 : 2);
    }
    vault_now_ms += 7 * VAULT_DAY_MS;
    assert_int_equal(target_of(0), 1);
}

static void no_state_but_trusted_and_announced_is_a_key_for_fifty_two_bytes(void **state)
{
    (void)state;
    struct custody_case c = vault_case(1, 0, VAULT_HOME);
    c.has_key = false;
    vault_add_device(1, vault_ann);
    for (size_t i = 0; i < COUNT_OF(lives); i++) {
        bool serves = lives[i].state == STORE_KEY_TRUSTED || lives[i].state == STORE_KEY_ANNOUNCED;
        vault_put_key(1, 10, lives[i].state, VAULT_HOME);
        assert_int_equal(target_of(0), serves ? 10 : 0);
        assert_int_equal(vault_judge(&c).facts.has_key, serves);
        assert_int_equal(vault_judge(&c).facts.presented, PRESENTED_NONE);
    }
}

/* Whoever uploads a key that does not fit keeps nobody away. */
static void all_uploads_for_an_unknown_id_take_their_turns(void **state)
{
    (void)state;
    const uint8_t most = DOSSIER_BINDINGS_MAX;
    for (uint8_t count = 1; count <= most; count++) {
        struct store_account account = {.password = "x"};
        uint32_t id = 0;
        unsigned tried = 0;
        (void)snprintf(account.name, sizeof account.name, "account %u", count);
        assert_int_equal(vault_store.account_add(vault_store.ctx, &account, &id), 0);
        vault_bind(id, 1, count, "lamp");
        for (uint32_t turn = 0; turn < count; turn++) {
            tried |= 1U << target_of(7 * count + turn);
        }
        assert_int_equal(tried, (2U << count) - 2);
    }
    vault_now_ms += 7 * VAULT_DAY_MS;
    assert_int_equal(target_of(0), 0);
}

/* --- familiar --- */

static void heal_policy(unsigned familiar, const char *network)
{
    struct policy policy;
    policy_init(&policy);
    policy.base = POLICY_HEAL;
    policy.familiar = familiar;
    if (network) {
        (void)snprintf(policy.networks[policy.network_count++], POLICY_NETWORK_TEXT, "%s", network);
    }
    assert_int_equal(policy_put_device(&vault_store, vault_id(1), &policy), 0);
}

/* A case in which all holds but what is switched off here. */
static struct custody_case familiar_but(unsigned off)
{
    struct custody_case c = vault_case(1, 2, off & FAMILIAR_ADDRESS ? VAULT_AWAY : VAULT_HOME);
    c.has_module = true;
    memset(c.module, off & FAMILIAR_MODULE ? 0x33 : 0x44, sizeof c.module);
    c.hello.product_version = off & FAMILIAR_FIRMWARE ? VAULT_VERSION + 1 : VAULT_VERSION;
    c.now_ms = vault_now_ms + 600000 - (off & FAMILIAR_ABSENT ? 1 : 0);
    return c;
}

static void familiar_device(void)
{
    uint8_t module[CYAN_SHA256_LEN];
    vault_plain_device();
    memset(module, 0x44, sizeof module);
    assert_int_equal(vault_store.device_module(vault_store.ctx, vault_id(1), module), 0);
}

/* All sixteen kinds of what holds with all sixteen of what is asked for. */
static void familiar_is_who_has_everything_that_is_asked_for(void **state)
{
    (void)state;
    familiar_device();
    for (unsigned wanted = 0; wanted <= FAMILIAR_ALL; wanted++) {
        heal_policy(wanted, NULL);
        for (unsigned off = 0; off <= FAMILIAR_ALL; off++) {
            struct custody_case c = familiar_but(off);
            struct vault_result r = vault_judge(&c);
            assert_int_equal(r.familiar, FAMILIAR_ALL & ~off);
            assert_int_equal(r.facts.familiar, (wanted & off) == 0);
            assert_int_equal(r.ruling.effect, (wanted & off) == 0 ? EFFECT_HEAL : EFFECT_PEND);
        }
    }
}

static void any_difference_of_the_firmware_is_none(void **state)
{
    (void)state;
    familiar_device();
    heal_policy(FAMILIAR_ALL, NULL);
    for (int i = 0; i < 4; i++) {
        struct custody_case c = familiar_but(0);
        c.hello.platform_id = (uint16_t)(VAULT_PLATFORM + (i == 1));
        c.hello.product_id = (uint16_t)(VAULT_PRODUCT + (i == 2));
        c.hello.product_version = (uint16_t)(VAULT_VERSION + (i == 3));
        assert_int_equal((vault_judge(&c).familiar & FAMILIAR_FIRMWARE) != 0, i == 0);
    }
}

static void what_a_session_was_not_asked_is_not_familiar(void **state)
{
    (void)state;
    vault_plain_device(); /* no module is recorded */
    heal_policy(FAMILIAR_ALL, NULL);
    for (int described = 0; described < 2; described++) {
        for (int has = 0; has < 2; has++) {
            struct custody_case c = familiar_but(0);
            c.is_described = described;
            c.has_module = has;
            memset(c.module, has ? 0x44 : 0, sizeof c.module);
            assert_int_equal((vault_judge(&c).familiar & FAMILIAR_MODULE) != 0, described && !has);
        }
    }
}

static void an_allowed_network_is_as_good_as_the_last_address(void **state)
{
    (void)state;
    familiar_device();
    struct custody_case c = familiar_but(FAMILIAR_ADDRESS);
    heal_policy(FAMILIAR_ALL, "203.0.113.0/24");
    assert_false(vault_judge(&c).facts.familiar);
    heal_policy(FAMILIAR_ALL, "198.51.100.0/24");
    assert_true(vault_judge(&c).facts.familiar);
}

static void absent_is_counted_from_the_last_byte_that_anybody_knows_of(void **state)
{
    (void)state;
    familiar_device();
    heal_policy(FAMILIAR_ALL, NULL);
    struct custody_case c = familiar_but(0);
    assert_true(vault_judge(&c).facts.familiar);
    c.heard_ms = c.now_ms - 599999; /* the hub heard it later than the store knows */
    assert_false(vault_judge(&c).facts.familiar);
    c.heard_ms = c.now_ms - 600000;
    assert_true(vault_judge(&c).facts.familiar);
    c.is_online = true;
    assert_false(vault_judge(&c).facts.familiar);
}

/* Each of what no switch turns off. */
static void nothing_heals_that_must_never_heal(void **state)
{
    (void)state;
    for (int i = 0; i < 8; i++) {
        vault_tear_down(NULL);
        vault_set_up(NULL);
        familiar_device();
        heal_policy(0, NULL);
        struct custody_case c = familiar_but(0);
        bool heals = i == 0 || i == 7;
        switch (i) {
        case 1: /* contested */
            vault_put_key(1, 3, STORE_KEY_PENDING, VAULT_AWAY);
            break;
        case 2: /* healed within a day */
            assert_int_equal(vault_store.device_heal(vault_store.ctx, vault_id(1),
                                                     c.now_ms - VAULT_DAY_MS + 1, false),
                             0);
            break;
        case 3: /* a heal was undone */
            assert_int_equal(vault_store.device_heal(vault_store.ctx, vault_id(1), 0, true), 0);
            break;
        case 4: /* its last trusted key was revoked */
            vault_put_key(1, 1, STORE_KEY_REVOKED, VAULT_HOME);
            break;
        case 5:
            c.is_clone = true;
            break;
        case 6: /* a full session stands */
            c.is_online = true;
            break;
        case 7: /* a day after the last heal; its own key waits already */
            assert_int_equal(vault_store.device_heal(vault_store.ctx, vault_id(1),
                                                     c.now_ms - VAULT_DAY_MS, false),
                             0);
            vault_put_key(1, 2, STORE_KEY_PENDING, VAULT_HOME);
            break;
        default:
            break;
        }
        if (vault_judge(&c).facts.familiar != heals) {
            fail_msg("case %d", i);
        }
    }
}

static void a_held_case_knows_when_absence_alone_will_heal_it(void **state)
{
    (void)state;
    familiar_device();
    for (unsigned wanted = 0; wanted <= FAMILIAR_ALL; wanted++) {
        heal_policy(wanted, NULL);
        for (unsigned off = 0; off <= FAMILIAR_ALL; off++) {
            struct custody_case c = familiar_but(off);
            struct dossier d;
            assert_int_equal(dossier_read(&vault_store, &c, &d), 0);
            bool waits = (wanted & FAMILIAR_ABSENT) && (off & FAMILIAR_ABSENT) &&
                         (wanted & off & ~(unsigned)FAMILIAR_ABSENT) == 0;
            assert_int_equal(dossier_absent_from(&d, &c), waits ? vault_now_ms + 600000 : 0);
            c.is_clone = true;
            assert_int_equal(dossier_absent_from(&d, &c), 0);
        }
    }
}

/* --- windows --- */

static void a_window_serves_no_id_that_was_heard_since_it_opened_or_is_contested(void **state)
{
    (void)state;
    vault_plain_device();
    vault_now_ms += 1;
    vault_open_window(1, 1);
    int64_t opened = vault_now_ms;
    struct custody_case c = vault_case(1, 2, VAULT_AWAY);
    assert_int_equal(vault_judge(&c).facts.policy, POLICY_ENROLL);
    c.heard_ms = opened - 1;
    assert_int_equal(vault_judge(&c).facts.policy, POLICY_ENROLL);
    c.heard_ms = opened;
    assert_int_equal(vault_judge(&c).facts.policy, POLICY_QUARANTINE);
    c.heard_ms = 0;
    c.is_online = true;
    assert_int_equal(vault_judge(&c).facts.policy, POLICY_QUARANTINE);
    c.is_online = false;
    c.now_ms = opened + 600000 - 1;
    assert_int_equal(vault_judge(&c).facts.policy, POLICY_ENROLL);
    c.now_ms++;
    assert_int_equal(vault_judge(&c).facts.policy, POLICY_QUARANTINE);
    c.now_ms = opened;
    vault_put_key(1, 2, STORE_KEY_PENDING, VAULT_AWAY); /* its own */
    assert_int_equal(vault_judge(&c).facts.policy, POLICY_ENROLL);
    vault_put_key(1, 3, STORE_KEY_PENDING, VAULT_AWAY);
    assert_int_equal(vault_judge(&c).facts.policy, POLICY_QUARANTINE);
    c = vault_case(2, 2, VAULT_AWAY); /* not named, and unknown at that */
    assert_int_not_equal(vault_judge(&c).facts.policy, POLICY_ENROLL);
}

/* --- return --- */

/* replaced: how the key lost its place; made: how the one that is trusted now became so. */
static void expect_return(enum store_key_source replaced, enum store_key_source made, bool same,
                          bool late)
{
    bool by_rule = replaced == STORE_KEY_HEALED || replaced == STORE_KEY_ENROLLED;
    struct store_key trusted = vault_key(1, 1);
    struct store_key retired = vault_key(1, 2);
    trusted.source = made;
    retired.replaced_via = replaced;
    retired.has_replaced_by = true;
    memcpy(retired.replaced_by, same ? trusted.fingerprint : vault_print(9),
           sizeof retired.replaced_by);
    vault_put_row(&trusted);
    vault_put_row(&retired);
    struct custody_case c = vault_case(1, 2, VAULT_HOME);
    c.now_ms = retired.changed_ms + 30 * VAULT_DAY_MS + late;
    assert_int_equal(vault_judge(&c).facts.may_return,
                     by_rule && made == replaced && same && !late);
}

static void a_key_may_return_for_thirty_days_while_what_a_rule_did_stands(void **state)
{
    (void)state;
    vault_plain_device();
    vault_put_key(1, 2, STORE_KEY_RETIRED, VAULT_HOME);
    for (int replaced = STORE_KEY_NO_SOURCE; replaced < STORE_KEY_SOURCES; replaced++) {
        for (int made = STORE_KEY_PROVISIONED; made < STORE_KEY_SOURCES; made++) {
            for (int i = 0; i < 4; i++) {
                expect_return((enum store_key_source)replaced, (enum store_key_source)made, i & 1,
                              i & 2);
            }
        }
    }
}

/* --- reading --- */

static void every_error_of_the_store_is_told(void **state)
{
    (void)state;
    vault_plain_device();
    struct custody_case c = vault_case(1, 2, VAULT_HOME);
    for (int call = 0;; call++) {
        vault_fail_at(call);
        int status = vault_judge(&c).status;
        bool failed = vault_has_failed();
        vault_fail_at(VAULT_NEVER);
        assert_int_equal(status, failed ? CYAN_E_IO : 0);
        if (!failed) {
            assert_true(call >= 4);
            return;
        }
    }
}

static void the_usual_connect_reads_two_rows_and_no_policy(void **state)
{
    (void)state;
    vault_plain_device();
    struct custody_case c = vault_case(1, 1, VAULT_HOME);
    vault_fail_at(2);
    assert_int_equal(vault_judge(&c).ruling.effect, EFFECT_SEEN);
    assert_false(vault_has_failed());
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, vault_set_up, vault_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_key_counts_to_the_last_millisecond_of_its_life_and_not_beyond),
        TEST(a_pending_key_lives_a_day_after_it_was_last_seen),
        TEST(a_denial_is_counted_from_the_denial),
        TEST(an_upload_for_an_unknown_id_counts_seven_days),
        TEST(a_key_that_was_denied_in_memory_is_denied),
        TEST(fifty_two_bytes_try_the_announced_key_and_the_trusted_one_in_turn),
        TEST(no_state_but_trusted_and_announced_is_a_key_for_fifty_two_bytes),
        TEST(all_uploads_for_an_unknown_id_take_their_turns),
        TEST(familiar_is_who_has_everything_that_is_asked_for),
        TEST(any_difference_of_the_firmware_is_none),
        TEST(what_a_session_was_not_asked_is_not_familiar),
        TEST(an_allowed_network_is_as_good_as_the_last_address),
        TEST(absent_is_counted_from_the_last_byte_that_anybody_knows_of),
        TEST(nothing_heals_that_must_never_heal),
        TEST(a_held_case_knows_when_absence_alone_will_heal_it),
        TEST(a_window_serves_no_id_that_was_heard_since_it_opened_or_is_contested),
        TEST(a_key_may_return_for_thirty_days_while_what_a_rule_did_stands),
        TEST(every_error_of_the_store_is_told),
        TEST(the_usual_connect_reads_two_rows_and_no_policy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
