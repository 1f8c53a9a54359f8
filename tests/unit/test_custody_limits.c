/* How many keys strangers can make a device have, and which of them go. */
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

static void a_fifth_pending_key_displaces_one_without_a_session_first(void **state)
{
    (void)state;
    vault_plain_device();
    for (uint8_t key = 10; key < 14; key++) {
        vault_now_ms += 1000;
        assert_int_equal(prove(key, VAULT_AWAY).ruling.effect, EFFECT_PEND);
    }
    for (uint8_t idle = 10; idle < 14; idle++) {
        struct custody_case c = vault_case(1, (uint8_t)(idle + 10), "203.0.113.1");
        for (uint8_t key = 10; key < 14; key++) {
            if (key != idle) {
                memcpy(c.live[c.live_count++], vault_print(key), CYAN_SHA256_LEN);
            }
        }
        const char *before = vault_dump();
        assert_int_equal(vault_judge(&c).status, 0);
        assert_string_equal(vault_dump(), before);
        struct vault_result r = vault_prove(&c);
        assert_true(r.outcome.has_displaced);
        assert_memory_equal(r.outcome.displaced, vault_print(idle), CYAN_SHA256_LEN);
        assert_int_equal(vault_count(1, STORE_KEY_PENDING), DOSSIER_PENDING_MAX);
        /* As it was, for the next round. */
        vault_put_key(1, idle, STORE_KEY_PENDING, VAULT_AWAY);
        assert_int_equal(
            vault_store.key_remove(vault_store.ctx, vault_id(1), vault_print((uint8_t)(idle + 10))),
            0);
    }
}

static void else_the_oldest_of_the_address_that_holds_most_goes(void **state)
{
    (void)state;
    static const char *const from[] = {"203.0.113.1", "198.51.100.1", "203.0.113.1",
                                       "198.51.100.2"};
    vault_plain_device();
    for (uint8_t i = 0; i < 4; i++) {
        vault_now_ms += 1000;
        assert_int_equal(prove((uint8_t)(10 + i), from[3 - i]).ruling.effect, EFFECT_PEND);
    }
    /* All live: 203.0.113.1 holds two, keys 11 and 13; 11 is the older one. */
    struct custody_case c = vault_case(1, 20, "198.51.100.3");
    for (uint8_t key = 10; key < 14; key++) {
        memcpy(c.live[c.live_count++], vault_print(key), CYAN_SHA256_LEN);
    }
    struct vault_result r = vault_prove(&c);
    assert_true(r.outcome.has_displaced);
    assert_memory_equal(r.outcome.displaced, vault_print(11), CYAN_SHA256_LEN);
}

/* However many keys a stranger shows: the one place for home is not his. */
static void one_place_is_kept_for_the_address_where_the_device_was_seen_last(void **state)
{
    (void)state;
    vault_plain_device();
    vault_now_ms += 1000;
    assert_int_equal(prove(9, VAULT_HOME).ruling.effect, EFFECT_PEND);
    for (uint8_t key = 10; key < 100; key++) {
        char address[32];
        (void)snprintf(address, sizeof address, "203.0.113.%d", key % 3 ? key : 7);
        vault_now_ms += 1000;
        assert_int_equal(prove(key, address).status, 0);
        assert_true(vault_has_key(1, 9));
        assert_int_equal(vault_count(1, STORE_KEY_PENDING), key < 12 ? key - 8U : 4U);
    }
    /* Home itself may take a place from strangers, and from itself. */
    for (uint8_t key = 100; key < 110; key++) {
        vault_now_ms += 1000;
        assert_int_equal(prove(key, VAULT_HOME).status, 0);
        assert_int_equal(vault_count(1, STORE_KEY_PENDING), 4);
        assert_true(vault_has_key(1, key));
    }
}

static void a_seventeenth_denied_key_makes_the_first_one_forgotten(void **state)
{
    (void)state;
    vault_plain_device();
    for (uint8_t key = 10; key < 10 + 20; key++) {
        vault_now_ms += 1000;
        assert_int_equal(prove(key, VAULT_AWAY).ruling.effect, EFFECT_PEND);
        assert_int_equal(vault_do(ACTION_DENY, 1, key).status, 0);
        for (uint8_t k = 10; k <= key; k++) {
            assert_int_equal(vault_is(1, k, STORE_KEY_DENIED), k + DOSSIER_DENIED_MAX > key);
        }
    }
}

static void keys_that_have_expired_do_not_pile_up(void **state)
{
    (void)state;
    vault_plain_device();
    for (uint8_t day = 0; day < 10; day++) {
        for (uint8_t i = 0; i < 4; i++) {
            assert_int_equal(prove((uint8_t)(10 + 4 * day + i), VAULT_AWAY).ruling.effect,
                             EFFECT_PEND);
        }
        assert_int_equal(vault_do(ACTION_DENY, 1, (uint8_t)(10 + 4 * day)).status, 0);
        assert_true(vault_count(1, STORE_KEY_PENDING) <= 4);
        assert_int_equal(vault_count(1, STORE_KEY_DENIED), 1);
        vault_now_ms += VAULT_DAY_MS;
    }
    assert_int_equal(vault_do(ACTION_UPLOAD, 1, 200).status, 0);
    vault_now_ms += 7 * VAULT_DAY_MS;
    assert_int_equal(vault_do(ACTION_UPLOAD, 1, 201).status, 0);
    assert_int_equal(vault_count(1, STORE_KEY_ANNOUNCED), 1);
    assert_false(vault_has_key(1, 200));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, vault_set_up, vault_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_fifth_pending_key_displaces_one_without_a_session_first),
        TEST(else_the_oldest_of_the_address_that_holds_most_goes),
        TEST(one_place_is_kept_for_the_address_where_the_device_was_seen_last),
        TEST(a_seventeenth_denied_key_makes_the_first_one_forgotten),
        TEST(keys_that_have_expired_do_not_pile_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
