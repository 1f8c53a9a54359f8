#include "server/store/schema.h"

#include <stdbool.h>
#include <string.h>

#define VERSION 1
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
    " server_key BLOB,"
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

    "PRAGMA application_id = " TEXT_OF(APPLICATION_ID) ";"
                                                       "PRAGMA user_version = " TEXT_OF(
                                                           VERSION) ";";

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

static int create(struct db *db)
{
    int code = sqlite3_exec(db->handle, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_exec(db->handle, schema, NULL, NULL, NULL);
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
        return create(db);
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
    return status;
}
