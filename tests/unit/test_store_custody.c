/* What version 2 of the store keeps, and how a file of version 1 becomes one. */
#include <stdio.h>
#include <string.h>

#include <sqlite3.h>

#include "server/store/sqlite.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

static struct store s;
static uint32_t ann, bob;

static void open_store(void)
{
    assert_int_equal(store_sqlite_open(scratch_path("cyan.db"), &s), 0);
}

static void close_store(void)
{
    s.close(s.ctx);
    s.ctx = NULL;
}

static uint32_t add_account(const char *name)
{
    struct store_account account = {.password = "x"};
    uint32_t id = 0;
    memcpy(account.name, name, strlen(name) + 1);
    assert_int_equal(s.account_add(s.ctx, &account, &id), 0);
    return id;
}

static int set_up(void **state)
{
    (void)state;
    scratch_init();
    open_store();
    ann = add_account("ann");
    bob = add_account("bob");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    if (s.ctx) {
        close_store();
    }
    scratch_done();
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
    assert_int_equal(s.device_add(s.ctx, &device), 0);
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
    assert_int_equal(s.device_hello(s.ctx, &device), 0);
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
        assert_int_equal(s.device_at(s.ctx, "192.0.2.7", max, note_device, &found), 0);
        assert_string_equal(found.text, wanted);
    }
    struct found found = {.text = "", .stop_at = 2};
    assert_int_equal(s.device_at(s.ctx, "192.0.2.7", 9, note_device, &found), 77);
    assert_string_equal(found.text, "24");
    found = (struct found){.text = ""};
    assert_int_equal(s.device_at(s.ctx, "192.0.2.9", 9, note_device, &found), 0);
    assert_int_equal(s.device_at(s.ctx, "", 9, note_device, &found), 0);
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
    assert_int_equal(s.device_by_server_key(s.ctx, old_key, note_device, &found), 0);
    assert_string_equal(found.text, "21"); /* by name */
    hello(2, "", 2, new_key);
    found = (struct found){.text = ""};
    assert_int_equal(s.device_by_server_key(s.ctx, old_key, note_device, &found), 0);
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
    assert_int_equal(s.device_get(s.ctx, id_of(1), &device), 0);
    assert_false(device.has_server_key || device.has_module || device.heal_off);
    assert_string_equal(device.last_reset, "");
    hello(1, "192.0.2.7", 5, key);
    assert_int_equal(s.device_heal(s.ctx, id_of(1), 42, true), 0);
    assert_int_equal(s.device_module(s.ctx, id_of(1), hash), 0);
    assert_int_equal(s.device_reset(s.ctx, id_of(1), "power_down"), 0);
    assert_int_equal(s.device_get(s.ctx, id_of(1), &device), 0);
    assert_int_equal(device.flags, 0x1234);
    assert_int_equal(device.system_version, 3301);
    assert_true(device.has_server_key && device.has_module && device.heal_off);
    assert_memory_equal(device.server_key, key, sizeof key);
    assert_memory_equal(device.module, hash, sizeof hash);
    assert_string_equal(device.last_reset, "power_down");
    assert_int_equal(device.last_heal_ms, 42);
    assert_int_equal(s.device_heal(s.ctx, id_of(2), 42, true), CYAN_E_NOT_FOUND);
    assert_int_equal(s.device_module(s.ctx, id_of(2), hash), CYAN_E_NOT_FOUND);
    assert_int_equal(s.device_reset(s.ctx, id_of(2), "x"), CYAN_E_NOT_FOUND);
}

static void a_device_changes_its_owner_with_a_name_that_is_free_there(void **state)
{
    (void)state;
    struct store_device device;
    add_device(1, ann, "lamp");
    add_device(2, bob, "Lamp");
    assert_int_equal(s.device_owner(s.ctx, id_of(1), bob, "lamp"), CYAN_E_EXISTS);
    assert_int_equal(s.device_owner(s.ctx, id_of(1), bob, "lamp2"), 0);
    assert_int_equal(s.device_get(s.ctx, id_of(1), &device), 0);
    assert_int_equal(device.owner, bob);
    assert_string_equal(device.name, "lamp2");
    assert_int_equal(s.device_owner(s.ctx, id_of(1), 0, ""), 0);
    assert_int_equal(s.device_owner(s.ctx, id_of(2), 0, ""), 0); /* nobody's need no names */
    assert_int_equal(s.device_get(s.ctx, id_of(1), &device), 0);
    assert_int_equal(device.owner, 0);
    assert_int_equal(s.device_owner(s.ctx, id_of(3), ann, "x"), CYAN_E_NOT_FOUND);
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
            assert_int_equal(s.key_put(s.ctx, &key), 0);
            assert_int_equal(s.key_get(s.ctx, id_of(1), key.fingerprint, &found), 0);
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
        assert_int_equal(s.key_put(s.ctx, &key), 0);
    }
    struct store_key other = key_of(2, 9, STORE_KEY_PENDING);
    assert_int_equal(s.key_put(s.ctx, &other), 0);
    struct found found = {.text = ""};
    assert_int_equal(s.key_each(s.ctx, id_of(1), note_key, &found), 0);
    assert_string_equal(found.text, "3142");
    other = key_of(1, 1, STORE_KEY_PENDING);
    assert_int_equal(s.key_remove(s.ctx, id_of(1), other.fingerprint), 0);
    found = (struct found){.text = ""};
    assert_int_equal(s.key_each(s.ctx, id_of(1), note_key, &found), 0);
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
    assert_int_equal(s.binding_put(s.ctx, &binding), wanted);
}

static const char *bindings_of(uint8_t device)
{
    static struct found found;
    found = (struct found){.text = ""};
    assert_int_equal(s.binding_each(s.ctx, id_of(device), note_binding, &found), 0);
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
    assert_int_equal(s.binding_of_account(s.ctx, ann, note_binding, &found), 0);
    assert_string_equal(found.text, "ac");
    assert_int_equal(s.binding_find(s.ctx, ann, "A", &binding), 0);
    assert_memory_equal(binding.device, id_of(1), CYAN_ID_LEN);
    assert_int_equal(binding.account, ann);
    assert_int_equal(binding.fingerprint[0], 5);
    assert_int_equal(binding.spki[CYAN_DEVICE_SPKI_LEN - 1], 5);
    assert_int_equal(binding.created_ms, 5);
    assert_int_equal(s.binding_find(s.ctx, bob, "a", &binding), CYAN_E_NOT_FOUND);
    assert_int_equal(s.binding_remove(s.ctx, id_of(1), ann), 0);
    assert_int_equal(s.binding_remove(s.ctx, id_of(1), ann), 0);
    assert_string_equal(bindings_of(1), "b");
    assert_int_equal(s.binding_remove_all(s.ctx, id_of(1)), 0);
    assert_string_equal(bindings_of(1), "");
    put_binding(4, ann, "d", 10, 0);
    assert_int_equal(s.binding_trim(s.ctx, 10), 0);
    assert_string_equal(bindings_of(2), "");
    assert_string_equal(bindings_of(4), "d");
}

static void a_policy_is_kept_whole_by_its_subject(void **state)
{
    (void)state;
    char value[STORE_POLICY_MAX + 1] = "";
    char found[STORE_POLICY_MAX + 1];
    memset(value, 'p', STORE_POLICY_MAX);
    assert_int_equal(s.policy_get(s.ctx, "account:7", found, sizeof found), CYAN_E_NOT_FOUND);
    assert_int_equal(s.policy_put(s.ctx, "account:7", "{}"), 0);
    assert_int_equal(s.policy_put(s.ctx, "device:aa", "{\"a\":1}"), 0);
    assert_int_equal(s.policy_put(s.ctx, "account:7", value), 0);
    assert_int_equal(s.policy_get(s.ctx, "account:7", found, sizeof found), 0);
    assert_string_equal(found, value);
    assert_int_equal(s.policy_get(s.ctx, "account:7", found, STORE_POLICY_MAX), CYAN_E_NO_SPACE);
    assert_int_equal(s.policy_remove(s.ctx, "account:7"), 0);
    assert_int_equal(s.policy_remove(s.ctx, "account:7"), 0);
    assert_int_equal(s.policy_get(s.ctx, "account:7", found, sizeof found), CYAN_E_NOT_FOUND);
    assert_int_equal(s.policy_get(s.ctx, "device:aa", found, sizeof found), 0);
    assert_string_equal(found, "{\"a\":1}");
}

static bool has_claim(uint8_t number)
{
    uint8_t hash[CYAN_SHA256_LEN] = {number};
    uint32_t account = 0;
    int64_t created = 0;
    int status = s.claim_get(s.ctx, hash, &account, &created);
    assert_true(status == 0 || status == CYAN_E_NOT_FOUND);
    assert_true(status != 0 || (account != 0 && created == 100 + number));
    return status == 0;
}

static void put_claim(uint8_t number, uint32_t account)
{
    uint8_t hash[CYAN_SHA256_LEN] = {number};
    assert_int_equal(s.claim_put(s.ctx, hash, account, 100 + number), 0);
}

static void claims_are_trimmed_by_age_and_by_number(void **state)
{
    (void)state;
    uint8_t hash[CYAN_SHA256_LEN] = {9};
    for (uint8_t i = 1; i <= 9; i++) {
        put_claim(i, i == 4 ? bob : ann);
    }
    assert_int_equal(s.claim_trim(s.ctx, 103, ann, 3), 0);
    for (uint8_t i = 1; i <= 9; i++) {
        assert_int_equal(has_claim(i), i == 4 || i >= 7);
    }
    assert_int_equal(s.claim_remove(s.ctx, hash), 0);
    assert_false(has_claim(9));
    assert_true(has_claim(8));
}

static int take_incident(void *arg, const struct store_incident *incident)
{
    struct store_incident *out = arg;
    *out = *incident;
    return 0;
}

static int note_incident(void *arg, const struct store_incident *incident)
{
    return note(arg, (char)('0' + incident->id));
}

static struct store_incident full_incident(void)
{
    struct store_incident i = {.id = 5,
                               .seq = 9,
                               .cause = "device-key-mismatch",
                               .stage = "judgement",
                               .has_device = true,
                               .has_presented = true,
                               .has_trusted = true,
                               .proven = true,
                               .owner = ann,
                               .address = "192.0.2.7",
                               .count = 1LL << 40,
                               .first_ms = 11,
                               .last_ms = 12,
                               .firmware = "system 3301",
                               .reset = "power_down",
                               .note = "absent"};
    memset(i.device, 1, sizeof i.device);
    memset(i.presented, 2, sizeof i.presented);
    memset(i.trusted, 3, sizeof i.trusted);
    return i;
}

static void an_incident_comes_back_field_by_field_and_takes_what_can_change(void **state)
{
    (void)state;
    const struct store_incident bare = {
        .id = 6, .seq = 10, .cause = "silent", .stage = "nonce", .count = 1};
    struct store_incident in = full_incident();
    struct store_incident out;
    assert_int_equal(s.incident_put(s.ctx, &in), 0);
    assert_int_equal(s.incident_each(s.ctx, take_incident, &out), 0);
    assert_memory_equal(&out, &in, sizeof in);
    in.seq = 11;
    in.count++;
    in.last_ms = 13;
    in.owner = bob;
    memcpy(in.stage, "hello", 6);
    memset(in.trusted, 4, sizeof in.trusted);
    memset(in.reset, 0, sizeof in.reset);
    assert_int_equal(s.incident_put(s.ctx, &in), 0);
    assert_int_equal(s.incident_put(s.ctx, &bare), 0);
    struct found found = {.text = ""};
    assert_int_equal(s.incident_each(s.ctx, note_incident, &found), 0);
    assert_string_equal(found.text, "65"); /* by seq */
    assert_int_equal(s.incident_each(s.ctx, take_incident, &out), 0);
    assert_int_equal(out.count, in.count);
    assert_int_equal(out.owner, bob);
    assert_string_equal(out.stage, "hello");
    assert_string_equal(out.reset, "");
    assert_memory_equal(out.trusted, in.trusted, sizeof in.trusted);
    assert_int_equal(s.incident_remove(s.ctx, 5), 0);
    assert_int_equal(s.incident_remove(s.ctx, 5), 0);
    assert_int_equal(s.incident_each(s.ctx, take_incident, &out), 0);
    assert_false(out.has_device || out.has_presented || out.has_trusted || out.proven);
    assert_string_equal(out.cause, "silent");
}

static int take_outbox(void *arg, const struct store_outbox *event)
{
    struct store_outbox *out = arg;
    *out = *event;
    return 0;
}

static int note_outbox(void *arg, const struct store_outbox *event)
{
    return note(arg, (char)('0' + event->seq));
}

static void events_wait_in_their_order_until_they_are_removed(void **state)
{
    (void)state;
    struct store_outbox event = {.owner = ann, .name = "cyan/key/approved", .created_ms = 3};
    struct store_outbox out;
    memset(event.device, 7, sizeof event.device);
    memset(event.data, 'd', STORE_DETAIL_MAX);
    static const int64_t seqs[] = {3, 1, 2};
    for (size_t i = 0; i < COUNT_OF(seqs); i++) {
        event.seq = seqs[i];
        assert_int_equal(s.outbox_put(s.ctx, &event), 0);
    }
    assert_int_equal(s.outbox_put(s.ctx, &event), CYAN_E_EXISTS);
    struct found found = {.text = ""};
    assert_int_equal(s.outbox_each(s.ctx, note_outbox, &found), 0);
    assert_string_equal(found.text, "123");
    event.seq = 3;
    assert_int_equal(s.outbox_each(s.ctx, take_outbox, &out), 0);
    assert_memory_equal(&out, &event, sizeof event);
    assert_int_equal(s.outbox_remove(s.ctx, 2), 0);
    assert_int_equal(s.outbox_remove(s.ctx, 2), 0);
    found = (struct found){.text = ""};
    assert_int_equal(s.outbox_each(s.ctx, note_outbox, &found), 0);
    assert_string_equal(found.text, "13");
}

static int take_audit(void *arg, const struct store_audit *row)
{
    struct store_audit *out = arg;
    *out = *row;
    return 0;
}

static int note_audit(void *arg, const struct store_audit *row)
{
    return note(arg, (char)('0' + row->seq));
}

static struct store_audit audit_of(int64_t seq)
{
    struct store_audit row = {.seq = seq, .at_ms = 5, .action = "policy", .detail = "{}"};
    memset(row.row, (int)seq, sizeof row.row);
    memset(row.head, (int)seq + 100, sizeof row.head);
    return row;
}

static void audit_rows_come_back_field_by_field_after_a_seq(void **state)
{
    (void)state;
    struct store_audit out;
    uint8_t head[CYAN_SHA256_LEN];
    int64_t seq = 0;
    assert_int_equal(s.audit_last(s.ctx, &seq, head), CYAN_E_NOT_FOUND);
    for (int64_t i = 1; i <= 5; i++) {
        struct store_audit row = audit_of(i);
        assert_int_equal(s.audit_add(s.ctx, &row), 0);
    }
    struct store_audit full = audit_of(6);
    full.account = ann;
    full.owner = bob;
    full.has_device = true;
    memset(full.device, 8, sizeof full.device);
    memset(full.by, 'b', STORE_NAME_MAX);
    memset(full.detail, 'd', STORE_DETAIL_MAX);
    assert_int_equal(s.audit_add(s.ctx, &full), 0);
    assert_int_equal(s.audit_add(s.ctx, &full), CYAN_E_EXISTS);
    assert_int_equal(s.audit_each(s.ctx, 5, 9, take_audit, &out), 0);
    assert_memory_equal(&out, &full, sizeof full);
    assert_int_equal(s.audit_last(s.ctx, &seq, head), 0);
    assert_int_equal(seq, 6);
    assert_memory_equal(head, full.head, sizeof head);
    struct found found = {.text = ""};
    assert_int_equal(s.audit_each(s.ctx, 2, 3, note_audit, &found), 0);
    assert_string_equal(found.text, "345");
}

static void run_sql(const char *sql, int wanted)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(scratch_path("cyan.db"), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), wanted);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void no_statement_changes_or_removes_a_row_of_the_audit(void **state)
{
    (void)state;
    struct store_audit row = audit_of(1);
    struct store_audit out;
    assert_int_equal(s.audit_add(s.ctx, &row), 0);
    close_store();
    run_sql("UPDATE audit SET action = 'x'", SQLITE_CONSTRAINT);
    run_sql("UPDATE audit SET head = zeroblob(32) WHERE seq = 1", SQLITE_CONSTRAINT);
    run_sql("DELETE FROM audit", SQLITE_CONSTRAINT);
    open_store();
    assert_int_equal(s.audit_each(s.ctx, 0, 9, take_audit, &out), 0);
    assert_string_equal(out.action, "policy");
}

static void a_counter_counts_by_name_and_forgets_what_did_not_commit(void **state)
{
    (void)state;
    int64_t value = 0;
    for (int64_t i = 1; i <= 3; i++) {
        assert_int_equal(s.counter_next(s.ctx, "events", &value), 0);
        assert_int_equal(value, i);
    }
    assert_int_equal(s.counter_next(s.ctx, "other", &value), 0);
    assert_int_equal(value, 1);
    assert_int_equal(s.begin(s.ctx), 0);
    assert_int_equal(s.counter_next(s.ctx, "events", &value), 0);
    assert_int_equal(value, 4);
    s.rollback(s.ctx);
    close_store();
    open_store();
    assert_int_equal(s.counter_next(s.ctx, "events", &value), 0);
    assert_int_equal(value, 4);
}

/* A file as version 1 made it: two accounts, a token, two devices, three keys. */
static const char version_1[] =
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE accounts (id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " name TEXT NOT NULL UNIQUE COLLATE NOCASE, password TEXT NOT NULL,"
    " is_operator INTEGER NOT NULL, created INTEGER NOT NULL) STRICT;"
    "CREATE TABLE tokens (hash BLOB PRIMARY KEY CHECK (length(hash) = 32),"
    " kind TEXT NOT NULL CHECK (kind IN ('access', 'refresh')),"
    " account INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,"
    " pair INTEGER NOT NULL, client TEXT NOT NULL, created INTEGER NOT NULL, expires INTEGER)"
    " STRICT, WITHOUT ROWID;"
    "CREATE INDEX tokens_by_pair ON tokens (pair);"
    "CREATE INDEX tokens_by_account ON tokens (account, kind, created);"
    "CREATE INDEX tokens_by_expiry ON tokens (expires) WHERE expires IS NOT NULL;"
    "CREATE TABLE devices (id BLOB PRIMARY KEY CHECK (length(id) = 12),"
    " owner INTEGER REFERENCES accounts (id) ON DELETE SET NULL, name TEXT,"
    " has_hello INTEGER NOT NULL, platform INTEGER NOT NULL, product INTEGER NOT NULL,"
    " version INTEGER NOT NULL, last_ip TEXT, last_heard INTEGER NOT NULL,"
    " last_handshake INTEGER NOT NULL, created INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE UNIQUE INDEX devices_by_name ON devices (owner, name COLLATE NOCASE);"
    "CREATE TABLE keys (device BLOB NOT NULL REFERENCES devices (id) ON DELETE CASCADE,"
    " fingerprint BLOB NOT NULL CHECK (length(fingerprint) = 32), spki BLOB NOT NULL,"
    " algorithm TEXT NOT NULL DEFAULT 'rsa' CHECK (algorithm IN ('rsa', 'ecc')),"
    " state TEXT NOT NULL CHECK (state IN"
    "  ('trusted', 'announced', 'pending', 'denied', 'retired', 'revoked')),"
    " source TEXT NOT NULL CHECK (source IN"
    "  ('provisioned', 'announced', 'enrolled', 'healed', 'approved', 'recovered', 'reverted')),"
    " by_account INTEGER REFERENCES accounts (id) ON DELETE SET NULL,"
    " first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL, last_ip TEXT,"
    " created INTEGER NOT NULL, PRIMARY KEY (device, fingerprint)) STRICT, WITHOUT ROWID;"
    "CREATE UNIQUE INDEX keys_one_trusted ON keys (device) WHERE state = 'trusted';"
    "INSERT INTO meta VALUES ('color', 'cyan');"
    "INSERT INTO accounts VALUES (1, 'ann', 'x', 1, 5), (2, 'bob', 'y', 0, 6);"
    "INSERT INTO tokens VALUES (zeroblob(32), 'access', 1, 4, 'c', 5, NULL);"
    "INSERT INTO devices VALUES (x'010101010101010101010101', 1, 'lamp', 1, 6, 7, 8, '192.0.2.7',"
    " 9, 10, 11), (x'020202020202020202020202', NULL, NULL, 0, 0, 0, 0, NULL, 0, 0, 12);"
    "INSERT INTO keys VALUES"
    " (x'010101010101010101010101', zeroblob(32), zeroblob(162), 'rsa', 'trusted', 'provisioned',"
    "  1, 13, 14, '192.0.2.7', 15),"
    " (x'010101010101010101010101', x'" /* 32 bytes of 01 */
    "0101010101010101010101010101010101010101010101010101010101010101', zeroblob(162), 'rsa',"
    "  'retired', 'provisioned', NULL, 0, 0, NULL, 16),"
    " (x'020202020202020202020202', zeroblob(32), zeroblob(162), 'rsa', 'trusted', 'provisioned',"
    "  2, 0, 0, NULL, 17);"
    "PRAGMA application_id = 1132028270; PRAGMA user_version = 1;";

static void write_version_1(void)
{
    close_store();
    assert_int_equal(remove(scratch_path("cyan.db")), 0);
    run_sql(version_1, SQLITE_OK);
}

static void a_file_of_version_1_keeps_everything_and_can_all_that_is_new(void **state)
{
    (void)state;
    static const uint8_t zeroes[CYAN_SHA256_LEN];
    struct store_device device;
    struct store_account account;
    struct store_token token;
    struct store_key key;
    char color[8];
    write_version_1();
    for (unsigned round = 0; round < 2; round++) { /* what was migrated opens like any other */
        open_store();
        assert_int_equal(s.account_find(s.ctx, "ANN", &account), 0);
        assert_true(account.is_operator);
        assert_int_equal(s.token_get(s.ctx, zeroes, &token), 0);
        assert_int_equal(token.pair, 4);
        assert_int_equal(s.meta_get(s.ctx, "color", color, sizeof color), 0);
        assert_int_equal(s.device_find(s.ctx, 1, "lamp", &device), 0);
        assert_true(device.has_hello && !device.has_server_key && !device.has_module);
        assert_int_equal(device.product_version, 8);
        assert_string_equal(device.last_ip, "192.0.2.7");
        assert_int_equal(device.last_handshake_ms, 10);
        assert_int_equal(device.flags, 0);
        assert_int_equal(s.key_trusted(s.ctx, id_of(1), &key), 0);
        assert_int_equal(key.source, STORE_KEY_PROVISIONED);
        assert_int_equal(key.by_account, 1);
        assert_int_equal(key.first_seen_ms, 13);
        assert_int_equal(key.created_ms, 15);
        assert_int_equal(key.changed_ms, 15);
        assert_false(key.has_replaced_by);
        struct found found = {.text = ""};
        assert_int_equal(s.key_each(s.ctx, id_of(1), note_key, &found), 0);
        assert_string_equal(found.text, "10");
        close_store();
    }
    open_store();
    struct store_key pending = key_of(1, 9, STORE_KEY_PENDING); /* without a source: new */
    struct store_key second = key_of(1, 8, STORE_KEY_TRUSTED);
    struct store_incident incident = full_incident();
    struct store_audit row = audit_of(1);
    int64_t value;
    assert_int_equal(s.key_put(s.ctx, &pending), 0);
    assert_int_equal(s.key_put(s.ctx, &second), CYAN_E_EXISTS); /* still one trusted key */
    assert_int_equal(s.incident_put(s.ctx, &incident), 0);
    assert_int_equal(s.audit_add(s.ctx, &row), 0);
    assert_int_equal(s.policy_put(s.ctx, "account:1", "{}"), 0);
    assert_int_equal(s.counter_next(s.ctx, "events", &value), 0);
    put_binding(3, 1, "b", 1, 0);
    put_claim(1, 1);
    struct store_key stray = key_of(7, 1, STORE_KEY_PENDING); /* keys still need their device */
    assert_int_equal(s.key_put(s.ctx, &stray), CYAN_E_NOT_FOUND);
}

static void a_migration_that_fails_leaves_version_1_as_it_was(void **state)
{
    (void)state;
    write_version_1();
    run_sql("CREATE TABLE outbox (strange TEXT)", SQLITE_OK); /* in the way of the last steps */
    assert_true(store_sqlite_open(scratch_path("cyan.db"), &s) < 0);
    s.ctx = NULL;
    run_sql("SELECT flags FROM devices", SQLITE_ERROR); /* no new column, no new table */
    run_sql("SELECT * FROM policies", SQLITE_ERROR);
    run_sql("DROP TABLE outbox", SQLITE_OK);
    open_store();
    struct store_key key;
    assert_int_equal(s.key_trusted(s.ctx, id_of(2), &key), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

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
        CASE(an_incident_comes_back_field_by_field_and_takes_what_can_change),
        CASE(events_wait_in_their_order_until_they_are_removed),
        CASE(audit_rows_come_back_field_by_field_after_a_seq),
        CASE(no_statement_changes_or_removes_a_row_of_the_audit),
        CASE(a_counter_counts_by_name_and_forgets_what_did_not_commit),
        CASE(a_file_of_version_1_keeps_everything_and_can_all_that_is_new),
        CASE(a_migration_that_fails_leaves_version_1_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
