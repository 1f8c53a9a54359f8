/* What the store keeps for custody: devices, keys, bindings, policies, claims. */
#include <stdio.h>
#include <string.h>

#include "server/store/sqlite.h"
#include "tests/unit/pantry.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

static uint32_t ann, bob;

static uint32_t add_account(const char *name)
{
    struct store_account account = {.password = "x"};
    uint32_t id = 0;
    memcpy(account.name, name, strlen(name) + 1);
    assert_int_equal(pantry.account_add(pantry.ctx, &account, &id), 0);
    return id;
}

static int set_up(void **state)
{
    pantry_set_up(state);
    ann = add_account("ann");
    bob = add_account("bob");
    return 0;
}

static const uint8_t *id_of(uint8_t number)
{
    static uint8_t ids[4][CYAN_ID_LEN];
    static unsigned turn;
    uint8_t *id = ids[turn++ % 4];
    memset(id, number, CYAN_ID_LEN);
    return id;
}

static void add_device(uint8_t number, uint32_t owner, const char *name)
{
    struct store_device device = {.owner = owner};
    memcpy(device.id, id_of(number), sizeof device.id);
    memcpy(device.name, name, strlen(name) + 1);
    assert_int_equal(pantry.device_add(pantry.ctx, &device), 0);
}

/* The first bytes of what a walk found, in its order. */
struct found {
    char text[64];
    size_t stop_at; /* 0: never */
};

static int note(struct found *found, char what)
{
    size_t len = strlen(found->text);
    found->text[len] = what;
    found->text[len + 1] = '\0';
    return found->stop_at == len + 1 ? 77 : 0;
}

static int note_device(void *arg, const struct store_device *device)
{
    return note(arg, (char)('0' + device->id[0]));
}

static void hello(uint8_t number, const char *address, int64_t heard_ms, const uint8_t *server_key)
{
    struct store_device device = {.has_hello = true,
                                  .flags = 0x1234,
                                  .system_version = 3301,
                                  .last_heard_ms = heard_ms,
                                  .last_handshake_ms = heard_ms};
    memcpy(device.id, id_of(number), sizeof device.id);
    memcpy(device.last_ip, address, strlen(address) + 1);
    if (server_key) {
        device.has_server_key = true;
        memcpy(device.server_key, server_key, sizeof device.server_key);
    }
    assert_int_equal(pantry.device_hello(pantry.ctx, &device), 0);
}

static void devices_are_found_by_address_the_one_heard_last_first(void **state)
{
    (void)state;
    for (uint8_t i = 1; i <= 5; i++) {
        char name[8];
        (void)snprintf(name, sizeof name, "d%u", i);
        add_device(i, i % 2 ? ann : bob, name);
        hello(i, i == 3 ? "192.0.2.8" : "192.0.2.7", 100 * (i * 7 % 5 + 1), NULL);
    }
    for (uint32_t max = 1; max <= 5; max++) {
        struct found found = {.text = ""};
        char wanted[] = "2415";
        wanted[max < 4 ? max : 4] = '\0';
        assert_int_equal(pantry.device_at(pantry.ctx, "192.0.2.7", max, note_device, &found), 0);
        assert_string_equal(found.text, wanted);
    }
    struct found found = {.text = "", .stop_at = 2};
    assert_int_equal(pantry.device_at(pantry.ctx, "192.0.2.7", 9, note_device, &found), 77);
    assert_string_equal(found.text, "24");
    found = (struct found){.text = ""};
    assert_int_equal(pantry.device_at(pantry.ctx, "192.0.2.9", 9, note_device, &found), 0);
    assert_int_equal(pantry.device_at(pantry.ctx, "", 9, note_device, &found), 0);
    assert_string_equal(found.text, "");
}

static void devices_are_found_by_the_servers_key_that_they_used(void **state)
{
    (void)state;
    uint8_t old_key[CYAN_SHA256_LEN] = {1};
    uint8_t new_key[CYAN_SHA256_LEN] = {2};
    add_device(1, ann, "c");
    add_device(2, ann, "b");
    add_device(3, ann, "a");
    add_device(4, ann, "d");
    hello(1, "", 1, old_key);
    hello(2, "", 1, old_key);
    hello(3, "", 1, new_key);
    hello(4, "", 1, NULL);
    struct found found = {.text = ""};
    assert_int_equal(pantry.device_by_server_key(pantry.ctx, old_key, note_device, &found), 0);
    assert_string_equal(found.text, "21"); /* by name */
    hello(2, "", 2, new_key);
    found = (struct found){.text = ""};
    assert_int_equal(pantry.device_by_server_key(pantry.ctx, old_key, note_device, &found), 0);
    assert_string_equal(found.text, "1");
}

static void what_custody_learns_of_a_device_comes_back(void **state)
{
    (void)state;
    uint8_t hash[CYAN_SHA256_LEN];
    uint8_t key[CYAN_SHA256_LEN] = {9};
    struct store_device device;
    memset(hash, 0x5A, sizeof hash);
    add_device(1, ann, "lamp");
    assert_int_equal(pantry.device_get(pantry.ctx, id_of(1), &device), 0);
    assert_false(device.has_server_key || device.has_module || device.heal_off);
    assert_string_equal(device.last_reset, "");
    hello(1, "192.0.2.7", 5, key);
    assert_int_equal(pantry.device_heal(pantry.ctx, id_of(1), 42, true), 0);
    assert_int_equal(pantry.device_module(pantry.ctx, id_of(1), hash), 0);
    assert_int_equal(pantry.device_reset(pantry.ctx, id_of(1), "power_down"), 0);
    assert_int_equal(pantry.device_get(pantry.ctx, id_of(1), &device), 0);
    assert_int_equal(device.flags, 0x1234);
    assert_int_equal(device.system_version, 3301);
    assert_true(device.has_server_key && device.has_module && device.heal_off);
    assert_memory_equal(device.server_key, key, sizeof key);
    assert_memory_equal(device.module, hash, sizeof hash);
    assert_string_equal(device.last_reset, "power_down");
    assert_int_equal(device.last_heal_ms, 42);
    assert_int_equal(pantry.device_heal(pantry.ctx, id_of(2), 42, true), CYAN_E_NOT_FOUND);
    assert_int_equal(pantry.device_module(pantry.ctx, id_of(2), hash), CYAN_E_NOT_FOUND);
    assert_int_equal(pantry.device_reset(pantry.ctx, id_of(2), "x"), CYAN_E_NOT_FOUND);
}

static void a_device_changes_its_owner_with_a_name_that_is_free_there(void **state)
{
    (void)state;
    struct store_device device;
    add_device(1, ann, "lamp");
    add_device(2, bob, "Lamp");
    assert_int_equal(pantry.device_owner(pantry.ctx, id_of(1), bob, "lamp"), CYAN_E_EXISTS);
    assert_int_equal(pantry.device_owner(pantry.ctx, id_of(1), bob, "lamp2"), 0);
    assert_int_equal(pantry.device_get(pantry.ctx, id_of(1), &device), 0);
    assert_int_equal(device.owner, bob);
    assert_string_equal(device.name, "lamp2");
    assert_int_equal(pantry.device_owner(pantry.ctx, id_of(1), 0, ""), 0);
    assert_int_equal(pantry.device_owner(pantry.ctx, id_of(2), 0, ""),
                     0); /* nobody's need no names */
    assert_int_equal(pantry.device_get(pantry.ctx, id_of(1), &device), 0);
    assert_int_equal(device.owner, 0);
    assert_int_equal(pantry.device_owner(pantry.ctx, id_of(3), ann, "x"), CYAN_E_NOT_FOUND);
}

static int note_key(void *arg, const struct store_key *key)
{
    return note(arg, (char)('0' + key->fingerprint[0]));
}

static struct store_key key_of(uint8_t device, uint8_t print, enum store_key_state state)
{
    struct store_key key = {.state = state};
    memcpy(key.device, id_of(device), sizeof key.device);
    memset(key.fingerprint, print, sizeof key.fingerprint);
    memset(key.spki, print, sizeof key.spki);
    return key;
}

static void every_state_and_source_of_a_key_comes_back(void **state)
{
    (void)state;
    add_device(1, ann, "lamp");
    for (enum store_key_state st = 0; st < STORE_KEY_STATES; st++) {
        for (enum store_key_source source = 0; source < STORE_KEY_SOURCES; source++) {
            struct store_key key = key_of(1, 1, st);
            struct store_key found;
            key.source = source;
            key.by_account = source % 2 ? ann : 0;
            key.changed_ms = 10 * st + source;
            key.replaced_via = st == STORE_KEY_RETIRED ? source : STORE_KEY_NO_SOURCE;
            key.has_replaced_by = st == STORE_KEY_RETIRED;
            key.replaced_by[3] = key.has_replaced_by ? 7 : 0;
            assert_int_equal(pantry.key_put(pantry.ctx, &key), 0);
            assert_int_equal(pantry.key_get(pantry.ctx, id_of(1), key.fingerprint, &found), 0);
            assert_int_equal(found.state, st);
            assert_int_equal(found.source, source);
            assert_int_equal(found.by_account, key.by_account);
            assert_int_equal(found.changed_ms, key.changed_ms);
            assert_int_equal(found.replaced_via, key.replaced_via);
            assert_int_equal(found.has_replaced_by, key.has_replaced_by);
            assert_memory_equal(found.replaced_by, key.replaced_by, sizeof key.replaced_by);
        }
    }
}

static void keys_are_walked_by_their_last_change_and_can_be_removed(void **state)
{
    (void)state;
    add_device(1, ann, "lamp");
    add_device(2, ann, "other");
    for (uint8_t i = 1; i <= 4; i++) {
        struct store_key key = key_of(1, i, STORE_KEY_PENDING);
        key.changed_ms = i * 3 % 5;
        assert_int_equal(pantry.key_put(pantry.ctx, &key), 0);
    }
    struct store_key other = key_of(2, 9, STORE_KEY_PENDING);
    assert_int_equal(pantry.key_put(pantry.ctx, &other), 0);
    struct found found = {.text = ""};
    assert_int_equal(pantry.key_each(pantry.ctx, id_of(1), note_key, &found), 0);
    assert_string_equal(found.text, "3142");
    other = key_of(1, 1, STORE_KEY_PENDING);
    assert_int_equal(pantry.key_remove(pantry.ctx, id_of(1), other.fingerprint), 0);
    found = (struct found){.text = ""};
    assert_int_equal(pantry.key_each(pantry.ctx, id_of(1), note_key, &found), 0);
    assert_string_equal(found.text, "342");
}

static int note_binding(void *arg, const struct store_binding *binding)
{
    return note(arg, binding->name[0]);
}

static void put_binding(uint8_t device, uint32_t account, const char *name, int64_t created_ms,
                        int wanted)
{
    struct store_binding binding = {.account = account, .created_ms = created_ms};
    memcpy(binding.device, id_of(device), sizeof binding.device);
    memcpy(binding.name, name, strlen(name) + 1);
    memset(binding.spki, (int)created_ms, sizeof binding.spki);
    memset(binding.fingerprint, (int)created_ms, sizeof binding.fingerprint);
    assert_int_equal(pantry.binding_put(pantry.ctx, &binding), wanted);
}

static const char *bindings_of(uint8_t device)
{
    static struct found found;
    found = (struct found){.text = ""};
    assert_int_equal(pantry.binding_each(pantry.ctx, id_of(device), note_binding, &found), 0);
    return found.text;
}

static void bindings_are_one_an_id_and_account(void **state)
{
    (void)state;
    struct store_binding binding;
    struct found found = {.text = ""};
    put_binding(1, bob, "b", 2, 0);
    put_binding(1, ann, "a", 1, 0);
    put_binding(2, ann, "c", 3, 0);
    put_binding(3, ann, "A", 4, CYAN_E_EXISTS); /* the name is taken */
    put_binding(1, ann, "x", 5, 0);             /* its key is replaced, its name stays */
    assert_string_equal(bindings_of(1), "ba");
    assert_int_equal(pantry.binding_of_account(pantry.ctx, ann, note_binding, &found), 0);
    assert_string_equal(found.text, "ac");
    assert_int_equal(pantry.binding_find(pantry.ctx, ann, "A", &binding), 0);
    assert_memory_equal(binding.device, id_of(1), CYAN_ID_LEN);
    assert_int_equal(binding.account, ann);
    assert_int_equal(binding.fingerprint[0], 5);
    assert_int_equal(binding.spki[CYAN_DEVICE_SPKI_LEN - 1], 5);
    assert_int_equal(binding.created_ms, 5);
    assert_int_equal(pantry.binding_find(pantry.ctx, bob, "a", &binding), CYAN_E_NOT_FOUND);
    assert_int_equal(pantry.binding_remove(pantry.ctx, id_of(1), ann), 0);
    assert_int_equal(pantry.binding_remove(pantry.ctx, id_of(1), ann), 0);
    assert_string_equal(bindings_of(1), "b");
    assert_int_equal(pantry.binding_remove_all(pantry.ctx, id_of(1)), 0);
    assert_string_equal(bindings_of(1), "");
    put_binding(4, ann, "d", 10, 0);
    assert_int_equal(pantry.binding_trim(pantry.ctx, 10), 0);
    assert_string_equal(bindings_of(2), "");
    assert_string_equal(bindings_of(4), "d");
}

static void a_policy_is_kept_whole_by_its_subject(void **state)
{
    (void)state;
    char value[STORE_POLICY_MAX + 1] = "";
    char found[STORE_POLICY_MAX + 1];
    memset(value, 'p', STORE_POLICY_MAX);
    assert_int_equal(pantry.policy_get(pantry.ctx, "account:7", found, sizeof found),
                     CYAN_E_NOT_FOUND);
    assert_int_equal(pantry.policy_put(pantry.ctx, "account:7", "{}"), 0);
    assert_int_equal(pantry.policy_put(pantry.ctx, "device:aa", "{\"a\":1}"), 0);
    assert_int_equal(pantry.policy_put(pantry.ctx, "account:7", value), 0);
    assert_int_equal(pantry.policy_get(pantry.ctx, "account:7", found, sizeof found), 0);
    assert_string_equal(found, value);
    assert_int_equal(pantry.policy_get(pantry.ctx, "account:7", found, STORE_POLICY_MAX),
                     CYAN_E_NO_SPACE);
    assert_int_equal(pantry.policy_remove(pantry.ctx, "account:7"), 0);
    assert_int_equal(pantry.policy_remove(pantry.ctx, "account:7"), 0);
    assert_int_equal(pantry.policy_get(pantry.ctx, "account:7", found, sizeof found),
                     CYAN_E_NOT_FOUND);
    assert_int_equal(pantry.policy_get(pantry.ctx, "device:aa", found, sizeof found), 0);
    assert_string_equal(found, "{\"a\":1}");
}

static bool has_claim(uint8_t number)
{
    uint8_t hash[CYAN_SHA256_LEN] = {number};
    uint32_t account = 0;
    int64_t created = 0;
    int status = pantry.claim_get(pantry.ctx, hash, &account, &created);
    assert_true(status == 0 || status == CYAN_E_NOT_FOUND);
    assert_true(status != 0 || (account != 0 && created == 100 + number));
    return status == 0;
}

static void put_claim(uint8_t number, uint32_t account)
{
    uint8_t hash[CYAN_SHA256_LEN] = {number};
    assert_int_equal(pantry.claim_put(pantry.ctx, hash, account, 100 + number), 0);
}

static void claims_are_trimmed_by_age_and_by_number(void **state)
{
    (void)state;
    uint8_t hash[CYAN_SHA256_LEN] = {9};
    for (uint8_t i = 1; i <= 9; i++) {
        put_claim(i, i == 4 ? bob : ann);
    }
    assert_int_equal(pantry.claim_trim(pantry.ctx, 103, ann, 3), 0);
    for (uint8_t i = 1; i <= 9; i++) {
        assert_int_equal(has_claim(i), i == 4 || i >= 7);
    }
    assert_int_equal(pantry.claim_remove(pantry.ctx, hash), 0);
    assert_false(has_claim(9));
    assert_true(has_claim(8));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, pantry_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(devices_are_found_by_address_the_one_heard_last_first),
        CASE(devices_are_found_by_the_servers_key_that_they_used),
        CASE(what_custody_learns_of_a_device_comes_back),
        CASE(a_device_changes_its_owner_with_a_name_that_is_free_there),
        CASE(every_state_and_source_of_a_key_comes_back),
        CASE(keys_are_walked_by_their_last_change_and_can_be_removed),
        CASE(bindings_are_one_an_id_and_account),
        CASE(a_policy_is_kept_whole_by_its_subject),
        CASE(claims_are_trimmed_by_age_and_by_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
