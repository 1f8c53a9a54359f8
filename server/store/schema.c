#include "server/store/schema.h"

#include <stdbool.h>
#include <string.h>

#define VERSION 2
#define APPLICATION_ID 0x4379616e /* "Cyan": by this file(1) and we know our databases */
#define TEXT_OF(x) TEXT_OF_VALUE(x)
#define TEXT_OF_VALUE(x) #x

/* Times are milliseconds since 1970, 0 for never. The states and sources of keys are those of
 * docs/DESIGN.md, "Custody". Tables that are found by a key of ours have no rowid: one tree. */
static const char schema[] =
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;"

    "CREATE TABLE accounts ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " name TEXT NOT NULL UNIQUE COLLATE NOCASE,"
    " password TEXT NOT NULL,"
    " is_operator INTEGER NOT NULL,"
    " created INTEGER NOT NULL) STRICT;"

    "CREATE TABLE tokens ("
    " hash BLOB PRIMARY KEY CHECK (length(hash) = 32),"
    " kind TEXT NOT NULL CHECK (kind IN ('access', 'refresh')),"
    " account INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,"
    " pair INTEGER NOT NULL,"
    " client TEXT NOT NULL,"
    " created INTEGER NOT NULL,"
    " expires INTEGER) STRICT, WITHOUT ROWID;"
    "CREATE INDEX tokens_by_pair ON tokens (pair);"
    "CREATE INDEX tokens_by_account ON tokens (account, kind, created);"
    "CREATE INDEX tokens_by_expiry ON tokens (expires) WHERE expires IS NOT NULL;"

    "CREATE TABLE devices ("
    " id BLOB PRIMARY KEY CHECK (length(id) = 12),"
    " owner INTEGER REFERENCES accounts (id) ON DELETE SET NULL,"
    " name TEXT,"
    " has_hello INTEGER NOT NULL,"
    " platform INTEGER NOT NULL,"
    " product INTEGER NOT NULL,"
    " version INTEGER NOT NULL,"
    " last_ip TEXT,"
    " last_heard INTEGER NOT NULL,"
    " last_handshake INTEGER NOT NULL,"
    " created INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE UNIQUE INDEX devices_by_name ON devices (owner, name COLLATE NOCASE);"

    "CREATE TABLE keys ("
    " device BLOB NOT NULL REFERENCES devices (id) ON DELETE CASCADE,"
    " fingerprint BLOB NOT NULL CHECK (length(fingerprint) = 32),"
    " spki BLOB NOT NULL,"
    " algorithm TEXT NOT NULL DEFAULT 'rsa' CHECK (algorithm IN ('rsa', 'ecc')),"
    " state TEXT NOT NULL CHECK (state IN"
    "  ('trusted', 'announced', 'pending', 'denied', 'retired', 'revoked')),"
    " source TEXT NOT NULL CHECK (source IN"
    "  ('provisioned', 'announced', 'enrolled', 'healed', 'approved', 'recovered', 'reverted')),"
    " by_account INTEGER REFERENCES accounts (id) ON DELETE SET NULL,"
    " first_seen INTEGER NOT NULL,"
    " last_seen INTEGER NOT NULL,"
    " last_ip TEXT,"
    " created INTEGER NOT NULL,"
    " PRIMARY KEY (device, fingerprint)) STRICT, WITHOUT ROWID;"
    "CREATE UNIQUE INDEX keys_one_trusted ON keys (device) WHERE state = 'trusted';"

    "PRAGMA application_id = " TEXT_OF(APPLICATION_ID) ";";

/* From version 1 to 2: custody. A key that waits for its owner has no source; keys tell when their
 * state changed and what replaced them. A policy is JSON text of server/cloud/policy.h. */
static const char custody[] =
    "ALTER TABLE devices ADD COLUMN flags INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE devices ADD COLUMN system_version INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE devices ADD COLUMN server_key BLOB;"
    "ALTER TABLE devices ADD COLUMN module BLOB;"
    "ALTER TABLE devices ADD COLUMN recovery BLOB;"
    "ALTER TABLE devices ADD COLUMN last_reset TEXT;"
    "ALTER TABLE devices ADD COLUMN last_heal INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE devices ADD COLUMN heal_off INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX devices_by_address ON devices (last_ip) WHERE last_ip IS NOT NULL;"
    "CREATE INDEX devices_by_server_key ON devices (server_key) WHERE server_key IS NOT NULL;"

    "DROP INDEX keys_one_trusted;"
    "ALTER TABLE keys RENAME TO keys_1;"
    "CREATE TABLE keys ("
    " device BLOB NOT NULL REFERENCES devices (id) ON DELETE CASCADE,"
    " fingerprint BLOB NOT NULL CHECK (length(fingerprint) = 32),"
    " spki BLOB NOT NULL,"
    " algorithm TEXT NOT NULL DEFAULT 'rsa' CHECK (algorithm IN ('rsa', 'ecc')),"
    " state TEXT NOT NULL CHECK (state IN"
    "  ('trusted', 'announced', 'pending', 'denied', 'retired', 'revoked')),"
    " source TEXT CHECK (source IN"
    "  ('provisioned', 'announced', 'enrolled', 'healed', 'approved', 'recovered', 'reverted')),"
    " by_account INTEGER REFERENCES accounts (id) ON DELETE SET NULL,"
    " first_seen INTEGER NOT NULL,"
    " last_seen INTEGER NOT NULL,"
    " last_ip TEXT,"
    " created INTEGER NOT NULL,"
    " changed INTEGER NOT NULL,"
    " replaced_via TEXT,"
    " replaced_by BLOB,"
    " PRIMARY KEY (device, fingerprint)) STRICT, WITHOUT ROWID;"
    "INSERT INTO keys SELECT device, fingerprint, spki, algorithm, state, source, by_account,"
    " first_seen, last_seen, last_ip, created, created, NULL, NULL FROM keys_1;"
    "DROP TABLE keys_1;"
    "CREATE UNIQUE INDEX keys_one_trusted ON keys (device) WHERE state = 'trusted';"

    "CREATE TABLE bindings ("
    " device BLOB NOT NULL CHECK (length(device) = 12),"
    " account INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,"
    " name TEXT NOT NULL,"
    " spki BLOB NOT NULL,"
    " fingerprint BLOB NOT NULL CHECK (length(fingerprint) = 32),"
    " created INTEGER NOT NULL,"
    " recovery BLOB,"
    " PRIMARY KEY (device, account)) STRICT, WITHOUT ROWID;"
    "CREATE UNIQUE INDEX bindings_by_name ON bindings (account, name COLLATE NOCASE);"
    "CREATE INDEX bindings_by_age ON bindings (created);"

    "CREATE TABLE policies (subject TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;"

    "CREATE TABLE claims ("
    " hash BLOB PRIMARY KEY CHECK (length(hash) = 32),"
    " account INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,"
    " created INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE INDEX claims_by_account ON claims (account, created);"
    "CREATE INDEX claims_by_age ON claims (created);"

    "CREATE TABLE incidents ("
    " id INTEGER PRIMARY KEY,"
    " seq INTEGER NOT NULL UNIQUE,"
    " cause TEXT NOT NULL,"
    " stage TEXT NOT NULL,"
    " device BLOB,"
    " owner INTEGER,"
    " address TEXT,"
    " presented BLOB,"
    " trusted BLOB,"
    " proven INTEGER NOT NULL,"
    " count INTEGER NOT NULL,"
    " first INTEGER NOT NULL,"
    " last INTEGER NOT NULL,"
    " firmware TEXT,"
    " reset TEXT,"
    " note TEXT) STRICT;"

    "CREATE TABLE outbox ("
    " seq INTEGER PRIMARY KEY,"
    " device BLOB NOT NULL,"
    " owner INTEGER,"
    " name TEXT NOT NULL,"
    " data TEXT NOT NULL,"
    " created INTEGER NOT NULL) STRICT;"

    "CREATE TABLE audit ("
    " seq INTEGER PRIMARY KEY,"
    " at INTEGER NOT NULL,"
    " account INTEGER,"
    " owner INTEGER,"
    " device BLOB,"
    " action TEXT NOT NULL,"
    " by_name TEXT,"
    " detail TEXT NOT NULL,"
    " row BLOB NOT NULL CHECK (length(row) = 32),"
    " head BLOB NOT NULL CHECK (length(head) = 32)) STRICT;"
    "CREATE TRIGGER audit_only_grows BEFORE UPDATE ON audit"
    " BEGIN SELECT raise(ABORT, 'the audit only grows'); END;"
    "CREATE TRIGGER audit_keeps_all BEFORE DELETE ON audit"
    " BEGIN SELECT raise(ABORT, 'the audit only grows'); END;"

    "PRAGMA user_version = " TEXT_OF(VERSION) ";";

/* The first column of the first row, as a number and as text. */
static int ask(struct db *db, const char *sql, int64_t *out_number, bool *out_ok)
{
    sqlite3_stmt *stmt = NULL;
    int code = sqlite3_prepare_v2(db->handle, sql, -1, &stmt, NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_step(stmt);
    }
    if (code == SQLITE_ROW) {
        const unsigned char *text = sqlite3_column_text(stmt, 0);
        *out_number = sqlite3_column_int64(stmt, 0);
        *out_ok = text && strcmp((const char *)text, "ok") == 0;
    }
    sqlite3_finalize(stmt);
    return code == SQLITE_ROW ? 0 : db_error(db, code);
}

/* Makes the tables when version is 0, and brings older ones to the present form; whole or not at
 * all. */
static int bring_up(struct db *db, int64_t version)
{
    int code = sqlite3_exec(db->handle, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (code == SQLITE_OK && version < 1) {
        code = sqlite3_exec(db->handle, schema, NULL, NULL, NULL);
    }
    if (code == SQLITE_OK) {
        code = sqlite3_exec(db->handle, custody, NULL, NULL, NULL);
    }
    if (code == SQLITE_OK) {
        code = sqlite3_exec(db->handle, "COMMIT", NULL, NULL, NULL);
    }
    if (code == SQLITE_OK) {
        return 0;
    }
    int status = db_error(db, code);
    sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
    return status;
}

int schema_open(struct db *db)
{
    int64_t version = 0;
    int64_t application = 0;
    int64_t tables = 0;
    int64_t ignored = 0;
    bool ok = false;
    int status = ask(db, "PRAGMA user_version", &version, &ok);
    if (status == 0) {
        status = ask(db, "PRAGMA application_id", &application, &ok);
    }
    if (status == 0) {
        status = ask(db, "SELECT count(*) FROM sqlite_schema", &tables, &ok);
    }
    if (status != 0) {
        return status;
    }
    if (version == 0 && application == 0 && tables == 0) {
        return bring_up(db, 0);
    }
    if (application != APPLICATION_ID || version < 1) {
        return CYAN_E_CORRUPT;
    }
    if (version > VERSION) {
        return CYAN_E_UNSUPPORTED;
    }
    status = ask(db, "PRAGMA quick_check(1)", &ignored, &ok);
    if (status == 0 && !ok) {
        status = CYAN_E_CORRUPT;
    }
    return status == 0 && version < VERSION ? bring_up(db, version) : status;
}
