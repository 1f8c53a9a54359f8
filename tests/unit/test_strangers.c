#include "server/cloud/strangers.h"

#include <string.h>

#include "base/bytes.h"
#include "server/cloud/lru.h"
#include "tests/unit/unit.h"

#define DAY ((int64_t)86400000)
#define START ((int64_t)1700000000000)

static struct lru *strangers;

static int set_up(void **state)
{
    (void)state;
    strangers = strangers_create(7);
    return strangers ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    strangers_destroy(strangers);
    return 0;
}

static const uint8_t *id_of(uint32_t number)
{
    static uint8_t id[CYAN_ID_LEN];
    memset(id, 0xAB, sizeof id);
    cyan_put_be32(id, number);
    return id;
}

static const uint8_t *print_of(uint8_t number)
{
    static uint8_t print[CYAN_SHA256_LEN];
    memset(print, number, sizeof print);
    return print;
}

static void note(uint32_t id, uint8_t key, int64_t ms, const char *address)
{
    struct store_key row = {.state = STORE_KEY_PENDING,
                            .first_seen_ms = ms,
                            .last_seen_ms = ms,
                            .created_ms = ms,
                            .changed_ms = ms};
    memcpy(row.device, id_of(id), sizeof row.device);
    memcpy(row.fingerprint, print_of(key), sizeof row.fingerprint);
    memcpy(row.last_ip, address, strlen(address) + 1);
    strangers_note(strangers, &row);
}

static struct store_key *key_of(uint32_t id, uint8_t key, int64_t now)
{
    return strangers_key(strangers, id_of(id), print_of(key), now);
}

static void deny(uint32_t id, uint8_t key, int64_t now)
{
    struct store_key *row = key_of(id, key, now);
    assert_non_null(row);
    row->state = STORE_KEY_DENIED;
    row->changed_ms = now;
}

static void a_key_is_remembered_a_day_after_it_was_last_seen(void **state)
{
    (void)state;
    note(1, 1, START, "a");
    assert_null(key_of(1, 2, START));
    assert_null(key_of(2, 1, START));
    note(1, 1, START + DAY - 1, "b");
    struct store_key *key = key_of(1, 1, START + 2 * DAY - 2);
    assert_non_null(key);
    assert_int_equal(key->first_seen_ms, START);
    assert_int_equal(key->last_seen_ms, START + DAY - 1);
    assert_string_equal(key->last_ip, "b");
    assert_null(key_of(1, 1, START + 2 * DAY - 1));
    assert_null(strangers_find(strangers, id_of(1), START + 2 * DAY - 1));
    assert_int_equal(lru_count(strangers), 0);
}

static void of_five_pending_keys_the_one_seen_longest_ago_goes(void **state)
{
    (void)state;
    for (uint8_t key = 1; key <= 4; key++) {
        note(1, key, START + key, "a");
    }
    note(1, 1, START + 10, "a"); /* seen again: now 2 is the oldest */
    note(1, 5, START + 11, "a");
    assert_null(key_of(1, 2, START + 11));
    for (uint8_t key = 1; key <= 5; key++) {
        assert_int_equal(key_of(1, key, START + 11) != NULL, key != 2);
    }
}

static void a_denied_key_stays_denied_a_day_whoever_comes(void **state)
{
    (void)state;
    note(1, 1, START, "a");
    deny(1, 1, START);
    note(1, 1, START + DAY - 1, "a");
    for (uint8_t key = 10; key < 100; key++) {
        note(1, key, START + key, "a");
        assert_true(strangers_find(strangers, id_of(1), START + key)->count <= STRANGER_KEYS_MAX);
    }
    assert_int_equal(key_of(1, 1, START + DAY - 1)->state, STORE_KEY_DENIED);
    assert_null(key_of(1, 1, START + DAY));
}

/* Denied keys take the places that pending ones leave, and make room for a new one. */
static void there_are_never_more_keys_than_places(void **state)
{
    (void)state;
    for (uint8_t key = 1; key <= 40; key++) {
        note(1, key, START + key, "a");
        assert_non_null(key_of(1, key, START + key));
        deny(1, key, START + key);
        assert_true(strangers_find(strangers, id_of(1), START + key)->count <= STRANGER_KEYS_MAX);
    }
    for (uint8_t key = 1; key <= 40; key++) {
        assert_int_equal(key_of(1, key, START + 40) != NULL, key > 40 - STRANGER_KEYS_MAX);
    }
    note(1, 50, START + 50, "a");
    assert_non_null(key_of(1, 50, START + 50));
    assert_null(key_of(1, 33, START + 50));
}

static void a_thousand_ids_are_remembered_and_the_one_not_seen_longest_goes(void **state)
{
    (void)state;
    for (uint32_t id = 0; id < STRANGERS_MAX; id++) {
        note(id, 1, START, "a");
    }
    note(0, 1, START + 1, "a");
    for (uint32_t id = 0; id < 10; id++) {
        note(STRANGERS_MAX + id, 1, START + 2, "a");
        assert_int_equal(lru_count(strangers), STRANGERS_MAX);
    }
    assert_non_null(key_of(0, 1, START + 2));
    for (uint32_t id = 1; id <= 10; id++) {
        assert_null(key_of(id, 1, START + 2));
    }
    assert_non_null(key_of(11, 1, START + 2));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_key_is_remembered_a_day_after_it_was_last_seen),
        TEST(of_five_pending_keys_the_one_seen_longest_ago_goes),
        TEST(a_denied_key_stays_denied_a_day_whoever_comes),
        TEST(there_are_never_more_keys_than_places),
        TEST(a_thousand_ids_are_remembered_and_the_one_not_seen_longest_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
