#include "server/store/store.h"

#include <stdio.h>
#include <string.h>

#include "server/store/sqlite.h"
#include "tests/unit/pantry.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

static uint32_t add_account(const char *name)
{
    struct store_account account = {.password = "hash", .is_operator = true, .created_ms = 7};
    uint32_t id = 0;
    memcpy(account.name, name, strlen(name) + 1);
    assert_int_equal(pantry.account_add(pantry.ctx, &account, &id), 0);
    return id;
}

static struct store_device device_of(uint8_t number, uint32_t owner, const char *name)
{
    struct store_device device = {.owner = owner, .created_ms = 1000 + number};
    memset(device.id, number, sizeof device.id);
    memcpy(device.name, name, strlen(name) + 1);
    return device;
}

static void add_device(uint8_t number, uint32_t owner, const char *name)
{
    struct store_device device = device_of(number, owner, name);
    assert_int_equal(pantry.device_add(pantry.ctx, &device), 0);
}

static struct store_key key_of(uint8_t device, uint8_t number)
{
    struct store_key key = {.state = STORE_KEY_TRUSTED, .source = STORE_KEY_PROVISIONED};
    memset(key.device, device, sizeof key.device);
    memset(key.fingerprint, number, sizeof key.fingerprint);
    memset(key.spki, number ^ 0xFF, sizeof key.spki);
    key.created_ms = 50 + number;
    return key;
}

static struct store_token token_of(uint8_t number, uint32_t account, int64_t pair)
{
    struct store_token token = {.kind = STORE_TOKEN_REFRESH, .account = account, .pair = pair};
    memset(token.hash, number, sizeof token.hash);
    token.created_ms = number;
    return token;
}

static bool has_token(uint8_t number)
{
    struct store_token want = token_of(number, 0, 0);
    struct store_token token;
    int status = pantry.token_get(pantry.ctx, want.hash, &token);
    assert_true(status == 0 || status == CYAN_E_NOT_FOUND);
    return status == 0;
}

static void an_account_is_found_by_number_and_by_name_in_any_case(void **state)
{
    (void)state;
    uint32_t ann = add_account("Ann@example");
    uint32_t bob = add_account("bob");
    struct store_account found;
    uint64_t count = 0;
    assert_int_equal(pantry.account_count(pantry.ctx, &count), 0);
    assert_int_equal(count, 2);
    assert_int_not_equal(ann, 0);
    assert_int_not_equal(ann, bob);
    assert_int_equal(pantry.account_find(pantry.ctx, "aNN@EXAMPLE", &found), 0);
    assert_int_equal(found.id, ann);
    assert_string_equal(found.name, "Ann@example");
    assert_string_equal(found.password, "hash");
    assert_true(found.is_operator);
    assert_int_equal(found.created_ms, 7);
    assert_int_equal(pantry.account_get(pantry.ctx, bob, &found), 0);
    assert_string_equal(found.name, "bob");
    found.id = 77;
    assert_int_equal(pantry.account_find(pantry.ctx, "carol", &found), CYAN_E_NOT_FOUND);
    assert_int_equal(pantry.account_get(pantry.ctx, bob + 1, &found), CYAN_E_NOT_FOUND);
    assert_int_equal(found.id, 77);
}

static void a_second_account_of_a_name_is_refused_in_any_case(void **state)
{
    (void)state;
    struct store_account again = {.name = "ANN", .password = "x"};
    uint32_t id = 99;
    add_account("ann");
    assert_int_equal(pantry.account_add(pantry.ctx, &again, &id), CYAN_E_EXISTS);
    assert_int_equal(id, 99);
}

static void a_removed_pair_takes_both_of_its_tokens_and_no_other(void **state)
{
    (void)state;
    uint32_t ann = add_account("ann");
    struct store_token token = token_of(1, ann, -5);
    memcpy(token.client, "cli", 4);
    token.kind = STORE_TOKEN_ACCESS;
    token.expires_ms = 123456789012;
    assert_int_equal(pantry.token_add(pantry.ctx, &token), 0);
    assert_int_equal(pantry.token_add(pantry.ctx, &token), CYAN_E_EXISTS);
    struct store_token found;
    assert_int_equal(pantry.token_get(pantry.ctx, token.hash, &found), 0);
    assert_memory_equal(found.hash, token.hash, sizeof token.hash);
    assert_int_equal(found.kind, STORE_TOKEN_ACCESS);
    assert_int_equal(found.account, ann);
    assert_int_equal(found.pair, -5);
    assert_string_equal(found.client, "cli");
    assert_int_equal(found.created_ms, 1);
    assert_int_equal(found.expires_ms, 123456789012);
    token = token_of(2, ann, -5);
    assert_int_equal(pantry.token_add(pantry.ctx, &token), 0);
    token = token_of(3, ann, 6);
    assert_int_equal(pantry.token_add(pantry.ctx, &token), 0);
    assert_int_equal(pantry.pair_remove(pantry.ctx, -5), 0);
    assert_false(has_token(1));
    assert_false(has_token(2));
    assert_true(has_token(3));
    assert_int_equal(pantry.pair_remove(pantry.ctx, -5), CYAN_E_NOT_FOUND);
    token = token_of(4, ann + 1, 7);
    assert_int_equal(pantry.token_add(pantry.ctx, &token), CYAN_E_NOT_FOUND);
}

static void trimming_keeps_the_newest_pairs_of_an_account_and_drops_the_expired(void **state)
{
    (void)state;
    enum { PAIRS = 10 };
    uint32_t ann = add_account("ann");
    uint32_t bob = add_account("bob");
    for (uint32_t keep = 0; keep <= PAIRS + 1; keep++) {
        for (unsigned i = 1; i <= PAIRS; i++) {
            struct store_token token = token_of((uint8_t)i, ann, i);
            (void)pantry.token_add(pantry.ctx, &token);
        }
        struct store_token other = token_of(100, bob, 100);
        (void)pantry.token_add(pantry.ctx, &other);
        assert_int_equal(pantry.tokens_trim(pantry.ctx, ann, keep, 0), 0);
        for (unsigned i = 1; i <= PAIRS; i++) {
            assert_int_equal(has_token((uint8_t)i), i + keep > PAIRS);
        }
        assert_true(has_token(100));
    }
    for (uint8_t i = 101; i <= 103; i++) {
        struct store_token token = token_of(i, bob, i);
        token.expires_ms = i == 103 ? 0 : 1000 + i;
        assert_int_equal(pantry.token_add(pantry.ctx, &token), 0);
    }
    assert_int_equal(pantry.tokens_trim(pantry.ctx, ann, PAIRS, 1102), 0);
    assert_false(has_token(101));
    assert_true(has_token(102));
    assert_true(has_token(103));
}

static void a_device_comes_back_field_by_field(void **state)
{
    (void)state;
    uint32_t ann = add_account("ann");
    struct store_device device = device_of(9, ann, "lamp");
    struct store_device found;
    assert_int_equal(pantry.device_hello(pantry.ctx, &device), CYAN_E_NOT_FOUND);
    assert_int_equal(pantry.device_get(pantry.ctx, device.id, &found), CYAN_E_NOT_FOUND);
    assert_int_equal(pantry.device_add(pantry.ctx, &device), 0);
    assert_int_equal(pantry.device_get(pantry.ctx, device.id, &found), 0);
    assert_int_equal(found.owner, ann);
    assert_string_equal(found.name, "lamp");
    assert_string_equal(found.last_ip, "");
    assert_false(found.has_hello);
    assert_int_equal(found.created_ms, 1009);
    device.has_hello = true;
    device.platform_id = 6;
    device.product_id = 0xFFFF;
    device.product_version = 3;
    memcpy(device.last_ip, "127.0.0.9", 10);
    device.last_heard_ms = 2000;
    device.last_handshake_ms = 1999;
    assert_int_equal(pantry.device_hello(pantry.ctx, &device), 0);
    assert_int_equal(pantry.device_get(pantry.ctx, device.id, &found), 0);
    assert_true(found.has_hello);
    assert_int_equal(found.platform_id, 6);
    assert_int_equal(found.product_id, 0xFFFF);
    assert_int_equal(found.product_version, 3);
    assert_string_equal(found.last_ip, "127.0.0.9");
    assert_int_equal(found.last_heard_ms, 2000);
    assert_int_equal(found.last_handshake_ms, 1999);
    assert_int_equal(found.created_ms, 1009);
}

static void the_time_a_device_was_heard_never_goes_back(void **state)
{
    (void)state;
    static const int64_t heard[][2] = {{50, 50}, {49, 50}, {51, 51}, {0, 51}};
    struct store_device device = device_of(1, 0, "");
    struct store_device found;
    assert_int_equal(pantry.device_heard(pantry.ctx, device.id, 5), 0);
    assert_int_equal(pantry.device_add(pantry.ctx, &device), 0);
    for (size_t i = 0; i < COUNT_OF(heard); i++) {
        assert_int_equal(pantry.device_heard(pantry.ctx, device.id, heard[i][0]), 0);
        assert_int_equal(pantry.device_get(pantry.ctx, device.id, &found), 0);
        assert_int_equal(found.last_heard_ms, heard[i][1]);
    }
    device.last_heard_ms = 10;
    assert_int_equal(pantry.device_hello(pantry.ctx, &device), 0);
    assert_int_equal(pantry.device_get(pantry.ctx, device.id, &found), 0);
    assert_int_equal(found.last_heard_ms, 51);
}

static void a_name_is_unique_among_the_devices_of_one_owner_only(void **state)
{
    (void)state;
    uint32_t ann = add_account("ann");
    uint32_t bob = add_account("bob");
    struct store_device found;
    add_device(1, ann, "Lamp");
    add_device(2, bob, "lamp");
    add_device(3, 0, "lamp");
    add_device(4, 0, "lamp");
    add_device(5, ann, "");
    add_device(6, ann, "");
    struct store_device again = device_of(7, ann, "LAMP");
    assert_int_equal(pantry.device_add(pantry.ctx, &again), CYAN_E_EXISTS);
    again = device_of(1, bob, "other");
    assert_int_equal(pantry.device_add(pantry.ctx, &again), CYAN_E_EXISTS);
    assert_int_equal(pantry.device_find(pantry.ctx, ann, "lAMP", &found), 0);
    assert_int_equal(found.id[0], 1);
    assert_int_equal(pantry.device_find(pantry.ctx, bob, "lAMP", &found), 0);
    assert_int_equal(found.id[0], 2);
    assert_int_equal(pantry.device_find(pantry.ctx, bob, "fan", &found), CYAN_E_NOT_FOUND);
    assert_int_equal(pantry.device_find(pantry.ctx, 0, "lamp", &found), CYAN_E_NOT_FOUND);
}

struct names {
    char text[64];
    int stop_at;
};

static int collect_name(void *arg, const struct store_device *device)
{
    struct names *names = arg;
    size_t len = strlen(names->text);
    snprintf(names->text + len, sizeof names->text - len, "%s ", device->name);
    return --names->stop_at == 0 ? CYAN_E_CLOSED : 0;
}

static void devices_are_walked_by_name_and_a_walk_can_be_ended(void **state)
{
    (void)state;
    uint32_t ann = add_account("ann");
    struct names names = {.stop_at = 0};
    uint64_t count = 0;
    add_device(1, ann, "d");
    add_device(2, ann, "B");
    add_device(3, 0, "z");
    add_device(4, ann, "a");
    add_device(5, ann, "C");
    assert_int_equal(pantry.device_each(pantry.ctx, ann, collect_name, &names), 0);
    assert_string_equal(names.text, "a B C d ");
    names = (struct names){.stop_at = 2};
    assert_int_equal(pantry.device_each(pantry.ctx, ann, collect_name, &names), CYAN_E_CLOSED);
    assert_string_equal(names.text, "a B ");
    assert_int_equal(pantry.device_count(pantry.ctx, &count), 0);
    assert_int_equal(count, 5);
}

static void retire(struct store_key *key)
{
    key->state = STORE_KEY_RETIRED;
    assert_int_equal(pantry.key_put(pantry.ctx, key), 0);
    key->state = STORE_KEY_TRUSTED;
}

static void a_second_trusted_key_is_refused_until_the_first_is_retired(void **state)
{
    (void)state;
    uint32_t ann = add_account("ann");
    struct store_key one = key_of(1, 10);
    struct store_key two = key_of(1, 20);
    struct store_key found;
    one.by_account = ann;
    assert_int_equal(pantry.key_put(pantry.ctx, &one), CYAN_E_NOT_FOUND);
    add_device(1, ann, "lamp");
    assert_int_equal(pantry.key_trusted(pantry.ctx, one.device, &found), CYAN_E_NOT_FOUND);
    assert_int_equal(pantry.key_put(pantry.ctx, &one), 0);
    assert_int_equal(pantry.key_put(pantry.ctx, &two), CYAN_E_EXISTS);
    assert_int_equal(pantry.key_trusted(pantry.ctx, one.device, &found), 0);
    assert_memory_equal(&found, &one, sizeof one);
    retire(&one);
    assert_int_equal(pantry.key_trusted(pantry.ctx, one.device, &found), CYAN_E_NOT_FOUND);
    assert_int_equal(pantry.key_put(pantry.ctx, &two), 0);
    assert_int_equal(pantry.key_trusted(pantry.ctx, one.device, &found), 0);
    assert_memory_equal(found.spki, two.spki, sizeof two.spki);
    retire(&two);
    assert_int_equal(pantry.key_put(pantry.ctx, &one), 0);
    assert_int_equal(pantry.key_trusted(pantry.ctx, one.device, &found), 0);
    assert_memory_equal(found.fingerprint, one.fingerprint, sizeof one.fingerprint);
}

static void a_key_remembers_when_it_was_first_and_last_seen(void **state)
{
    (void)state;
    struct store_key key = key_of(1, 10);
    struct store_key found;
    add_device(1, 0, "");
    assert_int_equal(pantry.key_put(pantry.ctx, &key), 0);
    assert_int_equal(pantry.key_seen(pantry.ctx, key.device, key.fingerprint, 500, "127.0.0.1"), 0);
    assert_int_equal(pantry.key_seen(pantry.ctx, key.device, key.fingerprint, 600, "127.0.0.2"), 0);
    assert_int_equal(pantry.key_trusted(pantry.ctx, key.device, &found), 0);
    assert_int_equal(found.first_seen_ms, 500);
    assert_int_equal(found.last_seen_ms, 600);
    assert_string_equal(found.last_ip, "127.0.0.2");
    key.fingerprint[0] ^= 1;
    assert_int_equal(pantry.key_seen(pantry.ctx, key.device, key.fingerprint, 700, ""),
                     CYAN_E_NOT_FOUND);
}

static void a_fact_is_kept_and_can_be_changed(void **state)
{
    (void)state;
    char value[8] = "before";
    assert_int_equal(pantry.meta_get(pantry.ctx, "color", value, sizeof value), CYAN_E_NOT_FOUND);
    assert_string_equal(value, "before");
    assert_int_equal(pantry.meta_set(pantry.ctx, "color", "cyan"), 0);
    assert_int_equal(pantry.meta_set(pantry.ctx, "color", "magenta"), 0);
    assert_int_equal(pantry.meta_get(pantry.ctx, "color", value, 7), CYAN_E_NO_SPACE);
    assert_string_equal(value, "before");
    assert_int_equal(pantry.meta_get(pantry.ctx, "color", value, 8), 0);
    assert_string_equal(value, "magenta");
}

static bool has_fact(const char *name)
{
    char value[8];
    return pantry.meta_get(pantry.ctx, name, value, sizeof value) == 0;
}

static void only_what_stood_in_a_savepoint_is_undone_with_it(void **state)
{
    (void)state;
    assert_int_equal(pantry.begin(pantry.ctx), 0);
    for (int i = 0; i < 8; i++) {
        char name[] = {(char)('a' + i), '\0'};
        assert_int_equal(pantry.savepoint(pantry.ctx), 0);
        assert_int_equal(pantry.meta_set(pantry.ctx, name, "x"), 0);
        assert_int_equal(i % 2 ? pantry.rollback_to(pantry.ctx) : pantry.release(pantry.ctx), 0);
    }
    assert_int_equal(pantry.commit(pantry.ctx), 0);
    for (int i = 0; i < 8; i++) {
        char name[] = {(char)('a' + i), '\0'};
        assert_int_equal(has_fact(name), i % 2 == 0);
    }
    assert_int_equal(pantry.begin(pantry.ctx), 0);
    assert_int_equal(pantry.meta_set(pantry.ctx, "gone", "x"), 0);
    pantry.rollback(pantry.ctx);
    pantry.rollback(pantry.ctx);
    assert_false(has_fact("gone"));
    assert_int_not_equal(pantry.commit(pantry.ctx), 0);
    assert_int_not_equal(pantry.savepoint(pantry.ctx), 0);
    assert_int_not_equal(pantry.release(pantry.ctx), 0);
    assert_int_not_equal(pantry.rollback_to(pantry.ctx), 0);
}

static void all_of_it_is_there_when_the_store_is_opened_again(void **state)
{
    (void)state;
    uint32_t ann = add_account("ann");
    struct store_key key = key_of(1, 10);
    struct store_token token = token_of(1, ann, 1);
    struct store_account account;
    struct store_key found;
    add_device(1, ann, "lamp");
    assert_int_equal(pantry.key_put(pantry.ctx, &key), 0);
    assert_int_equal(pantry.token_add(pantry.ctx, &token), 0);
    assert_int_equal(pantry.meta_set(pantry.ctx, "color", "cyan"), 0);
    pantry_close();
    pantry_open();
    assert_int_equal(pantry.account_find(pantry.ctx, "ann", &account), 0);
    assert_int_equal(account.id, ann);
    assert_int_equal(pantry.key_trusted(pantry.ctx, key.device, &found), 0);
    assert_memory_equal(&found, &key, sizeof key);
    assert_true(has_token(1));
    assert_true(has_fact("color"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, pantry_set_up, pantry_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_account_is_found_by_number_and_by_name_in_any_case),
        TEST(a_second_account_of_a_name_is_refused_in_any_case),
        TEST(a_removed_pair_takes_both_of_its_tokens_and_no_other),
        TEST(trimming_keeps_the_newest_pairs_of_an_account_and_drops_the_expired),
        TEST(a_device_comes_back_field_by_field),
        TEST(the_time_a_device_was_heard_never_goes_back),
        TEST(a_name_is_unique_among_the_devices_of_one_owner_only),
        TEST(devices_are_walked_by_name_and_a_walk_can_be_ended),
        TEST(a_second_trusted_key_is_refused_until_the_first_is_retired),
        TEST(a_key_remembers_when_it_was_first_and_last_seen),
        TEST(a_fact_is_kept_and_can_be_changed),
        TEST(only_what_stood_in_a_savepoint_is_undone_with_it),
        TEST(all_of_it_is_there_when_the_store_is_opened_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
