#include "server/store/statements.h"

#define ACCOUNT_COLUMNS "id, name, password, is_operator, created"
#define TOKEN_COLUMNS "hash, kind, account, pair, client, created, expires"
#define DEVICE_COLUMNS                                                                             \
    "id, owner, name, has_hello, platform, product, version, last_ip, last_heard, "                \
    "last_handshake, created"
#define KEY_COLUMNS                                                                                \
    "device, fingerprint, spki, state, source, by_account, first_seen, last_seen, last_ip, "       \
    "created"

const char *const statement_text[ST_COUNT] = {
    [ST_BEGIN] = "BEGIN IMMEDIATE",
    [ST_COMMIT] = "COMMIT",
    [ST_ROLLBACK] = "ROLLBACK",
    [ST_SAVEPOINT] = "SAVEPOINT job",
    [ST_RELEASE] = "RELEASE job",
    [ST_ROLLBACK_TO] = "ROLLBACK TO job",

    [ST_META_GET] = "SELECT value FROM meta WHERE name = ?1",
    [ST_META_SET] = "INSERT INTO meta (name, value) VALUES (?1, ?2)"
                    " ON CONFLICT (name) DO UPDATE SET value = ?2",

    [ST_ACCOUNT_COUNT] = "SELECT count(*) FROM accounts",
    [ST_ACCOUNT_ADD] = "INSERT INTO accounts (name, password, is_operator, created)"
                       " VALUES (?1, ?2, ?3, ?4)",
    [ST_ACCOUNT_GET] = "SELECT " ACCOUNT_COLUMNS " FROM accounts WHERE id = ?1",
    [ST_ACCOUNT_FIND] = "SELECT " ACCOUNT_COLUMNS " FROM accounts WHERE name = ?1",

    [ST_TOKEN_ADD] = "INSERT INTO tokens (" TOKEN_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [ST_TOKEN_GET] = "SELECT " TOKEN_COLUMNS " FROM tokens WHERE hash = ?1",
    [ST_PAIR_REMOVE] = "DELETE FROM tokens WHERE pair = ?1",
    [ST_TOKENS_TRIM_EXPIRED] = "DELETE FROM tokens WHERE expires < ?1",
    /* Refresh tokens outlive access tokens, so that they stand for their pairs. */
    [ST_TOKENS_TRIM_OLDEST] = "DELETE FROM tokens WHERE pair IN"
                              " (SELECT pair FROM tokens WHERE account = ?1 AND kind = 'refresh'"
                              " ORDER BY created DESC, pair LIMIT -1 OFFSET ?2)",

    [ST_DEVICE_COUNT] = "SELECT count(*) FROM devices",
    [ST_DEVICE_ADD] = "INSERT INTO devices (" DEVICE_COLUMNS ")"
                      " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    [ST_DEVICE_GET] = "SELECT " DEVICE_COLUMNS " FROM devices WHERE id = ?1",
    [ST_DEVICE_FIND] = "SELECT " DEVICE_COLUMNS " FROM devices"
                       " WHERE owner = ?1 AND name = ?2 COLLATE NOCASE",
    [ST_DEVICE_EACH] = "SELECT " DEVICE_COLUMNS " FROM devices WHERE owner = ?1"
                       " ORDER BY name COLLATE NOCASE, id",
    [ST_DEVICE_HELLO] = "UPDATE devices SET has_hello = ?2, platform = ?3, product = ?4,"
                        " version = ?5, last_ip = ?6, last_heard = max(last_heard, ?7),"
                        " last_handshake = ?8 WHERE id = ?1",
    [ST_DEVICE_HEARD] = "UPDATE devices SET last_heard = ?2 WHERE id = ?1 AND last_heard < ?2",

    [ST_DEVICE_COUNT_WITH_SERVER_KEY] = "SELECT count(*) FROM devices WHERE server_key = ?1",
    [ST_DEVICE_ASSUME_SERVER_KEY] = "UPDATE devices SET server_key = ?1"
                                    " WHERE server_key IS NULL",

    [ST_KEY_TRUSTED] = "SELECT " KEY_COLUMNS " FROM keys WHERE device = ?1 AND state = 'trusted'",
    [ST_KEY_RETIRE] = "UPDATE keys SET state = 'retired' WHERE device = ?1 AND state = 'trusted'",
    [ST_KEY_PUT] = "INSERT INTO keys (" KEY_COLUMNS ")"
                   " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
                   " ON CONFLICT (device, fingerprint) DO UPDATE"
                   " SET state = ?4, source = ?5, by_account = ?6",
    [ST_KEY_SEEN] = "UPDATE keys SET last_seen = ?3, last_ip = ?4,"
                    " first_seen = iif(first_seen = 0, ?3, first_seen)"
                    " WHERE device = ?1 AND fingerprint = ?2",
};
