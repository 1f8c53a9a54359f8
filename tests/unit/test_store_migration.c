/* How a file of version 1 becomes one of version 2. */
#include <stdio.h>
#include <string.h>

#include <sqlite3.h>

#include "server/store/sqlite.h"
#include "tests/unit/pantry.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

static const uint8_t *id_of(uint8_t number)
{
    static uint8_t ids[4][CYAN_ID_LEN];
    static unsigned turn;
    uint8_t *id = ids[turn++ % 4];
    memset(id, number, CYAN_ID_LEN);
    return id;
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

static void run_sql(const char *sql, int wanted)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(scratch_path("cyan.db"), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), wanted);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
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
    pantry_close();
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
        pantry_open();
        assert_int_equal(pantry.account_find(pantry.ctx, "ANN", &account), 0);
        assert_true(account.is_operator);
        assert_int_equal(pantry.token_get(pantry.ctx, zeroes, &token), 0);
        assert_int_equal(token.pair, 4);
        assert_int_equal(pantry.meta_get(pantry.ctx, "color", color, sizeof color), 0);
        assert_int_equal(pantry.device_find(pantry.ctx, 1, "lamp", &device), 0);
        assert_true(device.has_hello && !device.has_server_key && !device.has_module);
        assert_int_equal(device.product_version, 8);
        assert_string_equal(device.last_ip, "192.0.2.7");
        assert_int_equal(device.last_handshake_ms, 10);
        assert_int_equal(device.flags, 0);
        assert_int_equal(pantry.key_trusted(pantry.ctx, id_of(1), &key), 0);
        assert_int_equal(key.source, STORE_KEY_PROVISIONED);
        assert_int_equal(key.by_account, 1);
        assert_int_equal(key.first_seen_ms, 13);
        assert_int_equal(key.created_ms, 15);
        assert_int_equal(key.changed_ms, 15);
        assert_false(key.has_replaced_by);
        struct found found = {.text = ""};
        assert_int_equal(pantry.key_each(pantry.ctx, id_of(1), note_key, &found), 0);
        assert_string_equal(found.text, "10");
        pantry_close();
    }
    pantry_open();
    struct store_key pending = key_of(1, 9, STORE_KEY_PENDING); /* without a source: new */
    struct store_key second = key_of(1, 8, STORE_KEY_TRUSTED);
    const struct store_incident incident = {
        .id = 1, .seq = 1, .cause = "clone", .stage = "session", .count = 1};
    const struct store_audit row = {.seq = 1, .at_ms = 1, .action = "policy", .detail = "{}"};
    struct store_binding binding = {.account = 1, .name = "b", .created_ms = 1};
    const uint8_t hash[CYAN_SHA256_LEN] = {1};
    int64_t value;
    assert_int_equal(pantry.key_put(pantry.ctx, &pending), 0);
    assert_int_equal(pantry.key_put(pantry.ctx, &second),
                     CYAN_E_EXISTS); /* still one trusted key */
    assert_int_equal(pantry.incident_put(pantry.ctx, &incident), 0);
    assert_int_equal(pantry.audit_add(pantry.ctx, &row), 0);
    assert_int_equal(pantry.policy_put(pantry.ctx, "account:1", "{}"), 0);
    assert_int_equal(pantry.counter_next(pantry.ctx, "events", &value), 0);
    assert_int_equal(pantry.binding_put(pantry.ctx, &binding), 0);
    assert_int_equal(pantry.claim_put(pantry.ctx, hash, 1, 1), 0);
    struct store_key stray = key_of(7, 1, STORE_KEY_PENDING); /* keys still need their device */
    assert_int_equal(pantry.key_put(pantry.ctx, &stray), CYAN_E_NOT_FOUND);
}

static void a_migration_that_fails_leaves_version_1_as_it_was(void **state)
{
    (void)state;
    write_version_1();
    run_sql("CREATE TABLE outbox (strange TEXT)", SQLITE_OK); /* in the way of the last steps */
    assert_true(store_sqlite_open(scratch_path("cyan.db"), &pantry) < 0);
    pantry.ctx = NULL;
    run_sql("SELECT flags FROM devices", SQLITE_ERROR); /* no new column, no new table */
    run_sql("SELECT * FROM policies", SQLITE_ERROR);
    run_sql("DROP TABLE outbox", SQLITE_OK);
    pantry_open();
    struct store_key key;
    assert_int_equal(pantry.key_trusted(pantry.ctx, id_of(2), &key), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, pantry_set_up, pantry_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_file_of_version_1_keeps_everything_and_can_all_that_is_new),
        CASE(a_migration_that_fails_leaves_version_1_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
