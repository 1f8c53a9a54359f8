/* store.h - what must survive: accounts, tokens, devices, their keys and what happened to them.
 *
 * A struct of functions that main.c fills in with one engine (sqlite.h). The functions block and
 * belong to one thread at a time: before the loops start to whoever opened the store, then to
 * the worker of server/cloud/jobs.c. They decide nothing: server/cloud does.
 *
 * Every function returns 0 or CYAN_E_*; results change on success only. Beside what is named
 * below any of them may return CYAN_E_FULL (the disk is full), CYAN_E_IO, CYAN_E_CORRUPT,
 * CYAN_E_BUSY (another process holds the file) or CYAN_E_NO_MEMORY. Times are milliseconds since
 * 1970, 0 for never; texts end with NUL, "" for none; account 0 is nobody. */
#ifndef CYAN_SERVER_STORE_STORE_H
#define CYAN_SERVER_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/crypto.h"
#include "wire/keyblob.h"
#include "wire/limits.h"

enum {
    STORE_NAME_MAX = 128, /* of an account */
    STORE_DEVICE_NAME_MAX = 64,
    STORE_PASSWORD_MAX = 160, /* of a password's hash with its parameters */
    STORE_CLIENT_MAX = 64,
    STORE_ADDRESS_MAX = 45,
    STORE_META_MAX = 128,
    STORE_WORD_MAX = 31,     /* of a cause, a stage, an action, a reset reason */
    STORE_POLICY_MAX = 8192, /* of a policy as JSON */
    STORE_RECOVERY_LEN = 65, /* a point of P-256 */
    STORE_DETAIL_MAX = 1023, /* of an audit row, of an event's data */
};

struct store_account {
    uint32_t id; /* given by the store */
    char name[STORE_NAME_MAX + 1];
    char password[STORE_PASSWORD_MAX + 1];
    bool is_operator;
    int64_t created_ms;
};

enum store_token_kind { STORE_TOKEN_ACCESS, STORE_TOKEN_REFRESH };

struct store_token {
    uint8_t hash[CYAN_SHA256_LEN];
    enum store_token_kind kind;
    uint32_t account;
    int64_t pair; /* the same for the two tokens of a grant */
    char client[STORE_CLIENT_MAX + 1];
    int64_t created_ms;
    int64_t expires_ms;
};

struct store_device {
    uint8_t id[CYAN_ID_LEN];
    uint32_t owner;
    char name[STORE_DEVICE_NAME_MAX + 1];
    bool has_hello; /* the three below are known */
    uint16_t platform_id;
    uint16_t product_id;
    uint16_t product_version;
    char last_ip[STORE_ADDRESS_MAX + 1];
    int64_t last_heard_ms;
    int64_t last_handshake_ms;
    int64_t created_ms;
    uint16_t flags;          /* of the Hello */
    uint16_t system_version; /* of an extended Hello; 0: unknown */
    bool has_server_key, has_module;
    uint8_t server_key[CYAN_SHA256_LEN]; /* fingerprint of the server's key that it used last */
    uint8_t module[CYAN_SHA256_LEN];     /* of the user module, as it described itself */
    char last_reset[STORE_WORD_MAX + 1]; /* its last reset reason; "" unknown */
    int64_t last_heal_ms;
    bool heal_off; /* a heal was undone */
    bool has_recovery;
    uint8_t recovery[STORE_RECOVERY_LEN]; /* the public half of its recovery key */
};

/* The store knows them by name: docs/SPEC-custody.md, "States and sources". */
enum store_key_state {
    STORE_KEY_TRUSTED,
    STORE_KEY_ANNOUNCED,
    STORE_KEY_PENDING,
    STORE_KEY_DENIED,
    STORE_KEY_RETIRED,
    STORE_KEY_REVOKED,
    STORE_KEY_STATES
};
enum store_key_source {
    STORE_KEY_NO_SOURCE,
    STORE_KEY_PROVISIONED,
    STORE_KEY_BY_ANNOUNCEMENT,
    STORE_KEY_ENROLLED,
    STORE_KEY_HEALED,
    STORE_KEY_APPROVED,
    STORE_KEY_RECOVERED,
    STORE_KEY_REVERTED,
    STORE_KEY_SOURCES
};

struct store_key {
    uint8_t device[CYAN_ID_LEN];
    uint8_t fingerprint[CYAN_SHA256_LEN];
    uint8_t spki[CYAN_DEVICE_SPKI_LEN];
    enum store_key_state state;
    enum store_key_source source;
    uint32_t by_account; /* who brought it */
    int64_t first_seen_ms;
    int64_t last_seen_ms;
    char last_ip[STORE_ADDRESS_MAX + 1];
    int64_t created_ms;
    int64_t changed_ms; /* when it got its state */
    /* Of a retired key: how the one that replaced it became trusted, and which. */
    enum store_key_source replaced_via;
    bool has_replaced_by;
    uint8_t replaced_by[CYAN_SHA256_LEN];
};

/* "trusted" and the like; NULL for STORE_KEY_NO_SOURCE. Static. */
const char *store_key_state_name(enum store_key_state state);
const char *store_key_source_name(enum store_key_source source);

/* An account's upload for an id that has proven nothing yet: provisional. */
struct store_binding {
    uint8_t device[CYAN_ID_LEN];
    uint32_t account;
    char name[STORE_DEVICE_NAME_MAX + 1];
    uint8_t spki[CYAN_DEVICE_SPKI_LEN];
    uint8_t fingerprint[CYAN_SHA256_LEN];
    int64_t created_ms;
    bool has_recovery;
    uint8_t recovery[STORE_RECOVERY_LEN];
};

struct store_incident {
    int64_t id;
    int64_t seq;
    char cause[STORE_WORD_MAX + 1];
    char stage[STORE_WORD_MAX + 1];
    bool has_device, has_presented, has_trusted, proven;
    uint8_t device[CYAN_ID_LEN];
    uint32_t owner;
    char address[STORE_ADDRESS_MAX + 1];
    uint8_t presented[CYAN_SHA256_LEN];
    uint8_t trusted[CYAN_SHA256_LEN];
    int64_t count;
    int64_t first_ms, last_ms;
    char firmware[STORE_DEVICE_NAME_MAX + 1];
    char reset[STORE_WORD_MAX + 1];
    char note[STORE_DEVICE_NAME_MAX + 1];
};

/* An event that is to be sent after the commit. */
struct store_outbox {
    int64_t seq;
    uint8_t device[CYAN_ID_LEN];
    uint32_t owner;
    char name[STORE_WORD_MAX + 1];
    char data[STORE_DETAIL_MAX + 1];
    int64_t created_ms;
};

struct store_audit {
    int64_t seq;
    int64_t at_ms;
    uint32_t account; /* who did it; 0: a rule */
    uint32_t owner;   /* whose device it is about */
    bool has_device;
    uint8_t device[CYAN_ID_LEN];
    char action[STORE_WORD_MAX + 1];
    char by[STORE_NAME_MAX + 1];
    char detail[STORE_DETAIL_MAX + 1];
    uint8_t row[CYAN_SHA256_LEN];
    uint8_t head[CYAN_SHA256_LEN];
};

/* Called for each row; what is not 0 ends the walk and is returned. */
typedef int store_device_fn(void *arg, const struct store_device *device);
typedef int store_key_fn(void *arg, const struct store_key *key);
typedef int store_binding_fn(void *arg, const struct store_binding *binding);
typedef int store_incident_fn(void *arg, const struct store_incident *incident);
typedef int store_outbox_fn(void *arg, const struct store_outbox *event);
typedef int store_audit_fn(void *arg, const struct store_audit *row);

struct store {
    void *ctx;
    void (*close)(void *ctx);

    /* One transaction at a time, and in it one savepoint at a time. An error may have ended the
     * transaction, with all that was done in it: then release, rollback_to and commit return an
     * error too. rollback may be called always. */
    int (*begin)(void *ctx);
    int (*commit)(void *ctx);
    void (*rollback)(void *ctx);
    int (*savepoint)(void *ctx);
    int (*release)(void *ctx);
    int (*rollback_to)(void *ctx); /* undoes what came after the savepoint, and releases it */

    /* Facts about this store. CYAN_E_NOT_FOUND, CYAN_E_NO_SPACE. */
    int (*meta_get)(void *ctx, const char *name, char *out_value, size_t cap);
    int (*meta_set)(void *ctx, const char *name, const char *value);

    /* Names are told apart without case. CYAN_E_EXISTS; CYAN_E_NOT_FOUND. */
    int (*account_count)(void *ctx, uint64_t *out_count);
    int (*account_add)(void *ctx, const struct store_account *account, uint32_t *out_id);
    int (*account_get)(void *ctx, uint32_t id, struct store_account *out_account);
    int (*account_find)(void *ctx, const char *name, struct store_account *out_account);

    /* CYAN_E_NOT_FOUND. */
    int (*token_add)(void *ctx, const struct store_token *token);
    int (*token_get)(void *ctx, const uint8_t hash[CYAN_SHA256_LEN], struct store_token *out_token);
    int (*pair_remove)(void *ctx, int64_t pair);
    /* Drops all tokens that expired before a time, and of this account all but its newest keep
     * pairs. */
    int (*tokens_trim)(void *ctx, uint32_t account, uint32_t keep, int64_t expired_before_ms);

    /* A name is unique among its owner's devices, without case. CYAN_E_EXISTS; CYAN_E_NOT_FOUND. */
    int (*device_count)(void *ctx, uint64_t *out_count);
    int (*device_add)(void *ctx, const struct store_device *device);
    int (*device_get)(void *ctx, const uint8_t id[CYAN_ID_LEN], struct store_device *out_device);
    int (*device_find)(void *ctx, uint32_t owner, const char *name,
                       struct store_device *out_device);
    int (*device_each)(void *ctx, uint32_t owner, store_device_fn *fn,
                       void *arg); /* by name; 0: of nobody */
    /* Writes all that a Hello brings: has_hello and what follows it, but not created_ms. */
    int (*device_hello)(void *ctx, const struct store_device *device);
    /* Never sets the time back; an unknown id is no error. */
    int (*device_heard)(void *ctx, const uint8_t id[CYAN_ID_LEN], int64_t heard_ms);

    /* CYAN_E_NOT_FOUND; of owner also CYAN_E_EXISTS: the name is taken. */
    int (*device_owner)(void *ctx, const uint8_t id[CYAN_ID_LEN], uint32_t owner, const char *name);
    int (*device_heal)(void *ctx, const uint8_t id[CYAN_ID_LEN], int64_t last_ms, bool off);
    int (*device_module)(void *ctx, const uint8_t id[CYAN_ID_LEN],
                         const uint8_t hash[CYAN_SHA256_LEN]);
    /* NULL: none. */
    int (*device_recovery)(void *ctx, const uint8_t id[CYAN_ID_LEN],
                           const uint8_t key[STORE_RECOVERY_LEN]);
    int (*device_reset)(void *ctx, const uint8_t id[CYAN_ID_LEN], const char *reason);
    /* Those whose last Hello came from there, the one heard last first, max at most. */
    int (*device_at)(void *ctx, const char *address, uint32_t max, store_device_fn *fn, void *arg);
    /* Those whose last handshake used this key of the server, by name. */
    int (*device_by_server_key)(void *ctx, const uint8_t fingerprint[CYAN_SHA256_LEN],
                                store_device_fn *fn, void *arg);
    /* Which of the server's keys a device used last is stored with the device. How many used
     * this one; and: those of which none is known used this one. */
    int (*device_count_with_server_key)(void *ctx, const uint8_t fingerprint[CYAN_SHA256_LEN],
                                        uint64_t *out_count);
    int (*device_assume_server_key)(void *ctx, const uint8_t fingerprint[CYAN_SHA256_LEN]);

    /* At most one key of a device is trusted. CYAN_E_NOT_FOUND. */
    int (*key_trusted)(void *ctx, const uint8_t id[CYAN_ID_LEN], struct store_key *out_key);
    int (*key_get)(void *ctx, const uint8_t id[CYAN_ID_LEN],
                   const uint8_t fingerprint[CYAN_SHA256_LEN], struct store_key *out_key);
    /* The one changed last comes first; fn must not write keys. */
    int (*key_each)(void *ctx, const uint8_t id[CYAN_ID_LEN], store_key_fn *fn, void *arg);
    /* Adds the key, or replaces all of the one that is known but spki and created_ms.
     * CYAN_E_EXISTS: another one is trusted; CYAN_E_NOT_FOUND: no such device. */
    int (*key_put)(void *ctx, const struct store_key *key);
    int (*key_remove)(void *ctx, const uint8_t id[CYAN_ID_LEN],
                      const uint8_t fingerprint[CYAN_SHA256_LEN]);
    /* Sets when and from where it was last seen, and first_seen_ms when that was never. */
    int (*key_seen)(void *ctx, const uint8_t id[CYAN_ID_LEN],
                    const uint8_t fingerprint[CYAN_SHA256_LEN], int64_t seen_ms,
                    const char *address);

    /* One an id and account: put replaces its key. CYAN_E_EXISTS: the name is taken by another
     * binding of the account. Nothing to remove is no error. */
    int (*binding_put)(void *ctx, const struct store_binding *binding);
    int (*binding_each)(void *ctx, const uint8_t id[CYAN_ID_LEN], store_binding_fn *fn, void *arg);
    int (*binding_of_account)(void *ctx, uint32_t account, store_binding_fn *fn, void *arg);
    int (*binding_find)(void *ctx, uint32_t account, const char *name,
                        struct store_binding *out_binding); /* CYAN_E_NOT_FOUND */
    int (*binding_count)(void *ctx, uint32_t account, uint64_t *out_count);
    int (*binding_remove)(void *ctx, const uint8_t id[CYAN_ID_LEN], uint32_t account);
    int (*binding_remove_all)(void *ctx, const uint8_t id[CYAN_ID_LEN]);
    int (*binding_trim)(void *ctx, int64_t created_before_ms);

    /* JSON text by "account:7" or "device:HEX". CYAN_E_NOT_FOUND; CYAN_E_NO_SPACE. */
    int (*policy_get)(void *ctx, const char *subject, char *out_value, size_t cap);
    int (*policy_put)(void *ctx, const char *subject, const char *value);
    int (*policy_remove)(void *ctx, const char *subject);

    /* Claim codes, by the SHA-256 of their text. CYAN_E_NOT_FOUND; trim drops those made before a
     * time, and of this account all but its newest keep. */
    int (*claim_put)(void *ctx, const uint8_t hash[CYAN_SHA256_LEN], uint32_t account,
                     int64_t created_ms);
    int (*claim_get)(void *ctx, const uint8_t hash[CYAN_SHA256_LEN], uint32_t *out_account,
                     int64_t *out_created_ms);
    int (*claim_trim)(void *ctx, int64_t created_before_ms, uint32_t account, uint32_t keep);
    int (*claim_remove)(void *ctx, const uint8_t hash[CYAN_SHA256_LEN]);

    /* put adds, or replaces what can change. By rising seq. */
    int (*incident_put)(void *ctx, const struct store_incident *incident);
    int (*incident_each)(void *ctx, store_incident_fn *fn, void *arg);
    int (*incident_remove)(void *ctx, int64_t id);

    int (*outbox_put)(void *ctx, const struct store_outbox *event);
    int (*outbox_each)(void *ctx, store_outbox_fn *fn, void *arg);
    int (*outbox_remove)(void *ctx, int64_t seq);

    /* Rows are never changed or removed. last: CYAN_E_NOT_FOUND when there is none. */
    int (*audit_add)(void *ctx, const struct store_audit *row);
    int (*audit_last)(void *ctx, int64_t *out_seq, uint8_t out_head[CYAN_SHA256_LEN]);
    int (*audit_each)(void *ctx, int64_t after_seq, uint32_t max, store_audit_fn *fn, void *arg);

    /* 1, 2, 3 ... by name; a number whose transaction did not commit comes again. */
    int (*counter_next)(void *ctx, const char *name, int64_t *out_value);
};

/* Opens the store at path, or makes it. CYAN_E_CORRUPT: not a store, or damaged; CYAN_E_BUSY;
 * CYAN_E_UNSUPPORTED: made by a later version; CYAN_E_IO with errno. */
typedef int store_open_fn(const char *path, struct store *out_store);

/* Copies the store at path, as it stands after some commit, to an empty or a new file; others may
 * use the store meanwhile. The copy is a store once it is opened, which checks it too. Errors as
 * above. */
typedef int store_copy_fn(const char *path, const char *to);

#endif
