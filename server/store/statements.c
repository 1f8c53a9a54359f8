#include "server/store/statements.h"

#define ACCOUNT_COLUMNS "id, name, password, is_operator, created"
#define TOKEN_COLUMNS "hash, kind, account, pair, client, created, expires"
#define DEVICE_COLUMNS                                                                             \
    "id, owner, name, has_hello, platform, product, version, last_ip, last_heard, "                \
    "last_handshake, created, flags, system_version, server_key, module, last_reset, last_heal, "  \
    "heal_off, recovery"
#define KEY_COLUMNS                                                                                \
    "device, fingerprint, spki, state, source, by_account, first_seen, last_seen, last_ip, "       \
    "created, changed, replaced_via, replaced_by"
#define BINDING_COLUMNS "device, account, name, spki, fingerprint, created, recovery"
#define INCIDENT_COLUMNS                                                                           \
    "id, seq, cause, stage, device, owner, address, presented, trusted, proven, count, first, "    \
    "last, firmware, reset, note"

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
                      " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 0, 0, NULL,"
                      " NULL, NULL, 0, 0, NULL)",
    [ST_DEVICE_GET] = "SELECT " DEVICE_COLUMNS " FROM devices WHERE id = ?1",
    [ST_DEVICE_FIND] = "SELECT " DEVICE_COLUMNS " FROM devices"
                       " WHERE owner = ?1 AND name = ?2 COLLATE NOCASE",
    [ST_DEVICE_EACH] = "SELECT " DEVICE_COLUMNS " FROM devices WHERE owner IS ?1"
                       " ORDER BY name COLLATE NOCASE, id",
    [ST_DEVICE_HELLO] = "UPDATE devices SET has_hello = ?2, platform = ?3, product = ?4,"
                        " version = ?5, last_ip = ?6, last_heard = max(last_heard, ?7),"
                        " last_handshake = ?8, flags = ?9, system_version = ?10, server_key = ?11"
                        " WHERE id = ?1",
    [ST_DEVICE_HEARD] = "UPDATE devices SET last_heard = ?2 WHERE id = ?1 AND last_heard < ?2",

    [ST_DEVICE_OWNER] = "UPDATE devices SET owner = ?2, name = ?3 WHERE id = ?1",
    [ST_DEVICE_HEAL] = "UPDATE devices SET last_heal = ?2, heal_off = ?3 WHERE id = ?1",
    [ST_DEVICE_MODULE] = "UPDATE devices SET module = ?2 WHERE id = ?1",
    [ST_DEVICE_RECOVERY] = "UPDATE devices SET recovery = ?2 WHERE id = ?1",
    [ST_DEVICE_RESET] = "UPDATE devices SET last_reset = ?2 WHERE id = ?1",
    [ST_DEVICE_AT_ADDRESS] = "SELECT " DEVICE_COLUMNS " FROM devices WHERE last_ip = ?1"
                             " ORDER BY last_heard DESC LIMIT ?2",
    [ST_DEVICE_BY_SERVER_KEY] = "SELECT " DEVICE_COLUMNS " FROM devices WHERE server_key = ?1"
                                " ORDER BY name COLLATE NOCASE, id",
    [ST_DEVICE_COUNT_WITH_SERVER_KEY] = "SELECT count(*) FROM devices WHERE server_key = ?1",
    [ST_DEVICE_ASSUME_SERVER_KEY] = "UPDATE devices SET server_key = ?1"
                                    " WHERE server_key IS NULL",

    [ST_KEY_TRUSTED] = "SELECT " KEY_COLUMNS " FROM keys WHERE device = ?1 AND state = 'trusted'",
    [ST_KEY_GET] = "SELECT " KEY_COLUMNS " FROM keys WHERE device = ?1 AND fingerprint = ?2",
    [ST_KEY_EACH] = "SELECT " KEY_COLUMNS " FROM keys WHERE device = ?1"
                    " ORDER BY changed DESC, fingerprint",
    [ST_KEY_PUT] = "INSERT INTO keys (" KEY_COLUMNS ")"
                   " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)"
                   " ON CONFLICT (device, fingerprint) DO UPDATE"
                   " SET state = ?4, source = ?5, by_account = ?6, first_seen = ?7, last_seen = ?8,"
                   " last_ip = ?9, changed = ?11, replaced_via = ?12, replaced_by = ?13",
    [ST_KEY_REMOVE] = "DELETE FROM keys WHERE device = ?1 AND fingerprint = ?2",
    [ST_KEY_SEEN] = "UPDATE keys SET last_seen = ?3, last_ip = ?4,"
                    " first_seen = iif(first_seen = 0, ?3, first_seen)"
                    " WHERE device = ?1 AND fingerprint = ?2",

    [ST_BINDING_PUT] = "INSERT INTO bindings (" BINDING_COLUMNS ")"
                       " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
                       " ON CONFLICT (device, account) DO UPDATE"
                       " SET spki = ?4, fingerprint = ?5, created = ?6, recovery = ?7",
    [ST_BINDING_EACH] = "SELECT " BINDING_COLUMNS " FROM bindings WHERE device = ?1"
                        " ORDER BY created, account",
    [ST_BINDING_OF_ACCOUNT] = "SELECT " BINDING_COLUMNS " FROM bindings WHERE account = ?1"
                              " ORDER BY name COLLATE NOCASE, device",
    [ST_BINDING_FIND] = "SELECT " BINDING_COLUMNS " FROM bindings"
                        " WHERE account = ?1 AND name = ?2 COLLATE NOCASE",
    [ST_BINDING_COUNT] = "SELECT count(*) FROM bindings WHERE account = ?1",
    [ST_BINDING_REMOVE] = "DELETE FROM bindings WHERE device = ?1 AND account = ?2",
    [ST_BINDING_REMOVE_ALL] = "DELETE FROM bindings WHERE device = ?1",
    [ST_BINDING_TRIM] = "DELETE FROM bindings WHERE created < ?1",

    [ST_POLICY_GET] = "SELECT value FROM policies WHERE subject = ?1",
    [ST_POLICY_PUT] = "INSERT INTO policies (subject, value) VALUES (?1, ?2)"
                      " ON CONFLICT (subject) DO UPDATE SET value = ?2",
    [ST_POLICY_REMOVE] = "DELETE FROM policies WHERE subject = ?1",

    [ST_CLAIM_PUT] = "INSERT INTO claims (hash, account, created) VALUES (?1, ?2, ?3)",
    [ST_CLAIM_GET] = "SELECT account, created FROM claims WHERE hash = ?1",
    [ST_CLAIM_TRIM] = "DELETE FROM claims WHERE created < ?1 OR hash IN"
                      " (SELECT hash FROM claims WHERE account = ?2"
                      " ORDER BY created DESC, hash LIMIT -1 OFFSET ?3)",
    [ST_CLAIM_REMOVE] = "DELETE FROM claims WHERE hash = ?1",

    [ST_INCIDENT_PUT] = "INSERT INTO incidents (" INCIDENT_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5,"
                        " ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)"
                        " ON CONFLICT (id) DO UPDATE SET seq = ?2, stage = ?4, owner = ?6,"
                        " trusted = ?9, proven = ?10, count = ?11, last = ?13, firmware = ?14,"
                        " reset = ?15, note = ?16",
    [ST_INCIDENT_EACH] = "SELECT " INCIDENT_COLUMNS " FROM incidents ORDER BY seq",
    [ST_INCIDENT_REMOVE] = "DELETE FROM incidents WHERE id = ?1",

    [ST_OUTBOX_PUT] = "INSERT INTO outbox (seq, device, owner, name, data, created)"
                      " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    [ST_OUTBOX_EACH] = "SELECT seq, device, owner, name, data, created FROM outbox ORDER BY seq",
    [ST_OUTBOX_REMOVE] = "DELETE FROM outbox WHERE seq = ?1",

    [ST_AUDIT_ADD] = "INSERT INTO audit (seq, at, account, owner, device, action, by_name, detail,"
                     " row, head) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    [ST_AUDIT_LAST] = "SELECT seq, head FROM audit ORDER BY seq DESC LIMIT 1",
    [ST_AUDIT_EACH] = "SELECT seq, at, account, owner, device, action, by_name, detail, row, head"
                      " FROM audit WHERE seq > ?1 ORDER BY seq LIMIT ?2",

    [ST_COUNTER_NEXT] = "INSERT INTO meta (name, value) VALUES (?1, '1')"
                        " ON CONFLICT (name) DO UPDATE SET value = CAST(value AS INTEGER) + 1"
                        " RETURNING CAST(value AS INTEGER)",
};
