/* store.h - what must survive: accounts, tokens, devices, their keys.
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
};

/* Of the states and sources of a key those that are in use; the store knows them by name. */
enum store_key_state { STORE_KEY_TRUSTED, STORE_KEY_RETIRED };
enum store_key_source { STORE_KEY_PROVISIONED };

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
};

/* Called for each row; what is not 0 ends the walk and is returned. */
typedef int store_device_fn(void *arg, const struct store_device *device);

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
    int (*device_each)(void *ctx, uint32_t owner, store_device_fn *fn, void *arg); /* by name */
    /* Writes all that a Hello brings: has_hello and what follows it, but not created_ms. */
    int (*device_hello)(void *ctx, const struct store_device *device);
    /* Never sets the time back; an unknown id is no error. */
    int (*device_heard)(void *ctx, const uint8_t id[CYAN_ID_LEN], int64_t heard_ms);

    /* Which of the server's keys a device used last is stored with the device. How many used
     * this one; and: those of which none is known used this one. */
    int (*device_count_with_server_key)(void *ctx, const uint8_t fingerprint[CYAN_SHA256_LEN],
                                        uint64_t *out_count);
    int (*device_assume_server_key)(void *ctx, const uint8_t fingerprint[CYAN_SHA256_LEN]);

    /* At most one key of a device is trusted. CYAN_E_NOT_FOUND. */
    int (*key_trusted)(void *ctx, const uint8_t id[CYAN_ID_LEN], struct store_key *out_key);
    int (*key_retire)(void *ctx, const uint8_t id[CYAN_ID_LEN]); /* the trusted one, if any */
    /* Adds the key, or gives the one that is known a new state, source and by_account.
     * CYAN_E_EXISTS: another one is trusted. */
    int (*key_put)(void *ctx, const struct store_key *key);
    /* Sets when and from where it was last seen, and first_seen_ms when that was never. */
    int (*key_seen)(void *ctx, const uint8_t id[CYAN_ID_LEN],
                    const uint8_t fingerprint[CYAN_SHA256_LEN], int64_t seen_ms,
                    const char *address);
};

/* Opens the store at path, or makes it. CYAN_E_CORRUPT: not a store, or damaged; CYAN_E_BUSY;
 * CYAN_E_UNSUPPORTED: made by a later version; CYAN_E_IO with errno. */
typedef int store_open_fn(const char *path, struct store *out_store);

/* Copies the store at path, as it stands after some commit, to an empty or a new file; others may
 * use the store meanwhile. The copy is a store once it is opened, which checks it too. Errors as
 * above. */
typedef int store_copy_fn(const char *path, const char *to);

#endif
