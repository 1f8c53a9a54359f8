/* accounts.h - who may use the cloud: accounts, passwords, access tokens.
 *
 * All of it runs on the hub's thread; answers come through a callback, later, on the same thread
 * (never from inside the call, but for CYAN_E_NO_MEMORY). Passwords are kept as scrypt, tokens as
 * SHA-256. What a callback gets is borrowed for the call; without success that is NULL. Beside
 * what is named below, any status may be an error of the store (server/store/store.h).
 * CYAN_E_FULL: too many passwords wait to be hashed, the disk is full, or see accounts_login. */
#ifndef CYAN_SERVER_CLOUD_ACCOUNTS_H
#define CYAN_SERVER_CLOUD_ACCOUNTS_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/crypto.h"

struct jobs;
struct accounts;

enum {
    ACCOUNT_NAME_MAX = 128,
    ACCOUNT_PASSWORD_MAX = 256,
    TOKEN_LEN = 40, /* lower-case hexadecimal digits */
    TOKEN_LIFE_DEFAULT_S = 7776000,
};

struct account {
    uint32_t id; /* never 0 */
    char name[ACCOUNT_NAME_MAX + 1];
    bool is_operator; /* the first account */
};

struct grant {
    char access_token[TOKEN_LEN + 1];
    char refresh_token[TOKEN_LEN + 1];
    int64_t expires_in; /* seconds; 0: never */
};

typedef void account_fn(void *arg, int status, const struct account *account);
typedef void grant_fn(void *arg, int status, const struct grant *grant);
typedef void status_fn(void *arg, int status);

/* Borrows both; crypto is the hub's own. NULL without memory. */
struct accounts *accounts_create(struct jobs *jobs, const struct cyan_crypto *crypto);

/* Drains the jobs first. */
void accounts_destroy(struct accounts *accounts);

/* Whether an account may have this name, this password. */
bool account_name_ok(const char *name);
bool account_password_ok(const char *password);

/* The first account ever is the operator. CYAN_E_EXISTS; CYAN_E_INVALID: empty name or password,
 * too long, control characters. */
void accounts_add(struct accounts *accounts, const char *name, const char *password,
                  account_fn *done, void *arg);

/* Ten failures in a row of one account from one address (text, may be "") lock that pair for 30
 * minutes: CYAN_E_FULL then, whatever the password. CYAN_E_REFUSED: unknown name or wrong
 * password, told apart neither by the answer nor by its time. CYAN_E_INVALID: expires_in below 0
 * or above 100 years; seconds, 0 for ever. client: for the record. */
void accounts_login(struct accounts *accounts, const char *name, const char *password,
                    const char *address, const char *client, int64_t expires_in, grant_fn *done,
                    void *arg);

/* Trades a refresh token for a new grant; the old pair dies. CYAN_E_REFUSED. */
void accounts_refresh(struct accounts *accounts, const char *refresh_token, grant_fn *done,
                      void *arg);

/* Whose token this is. CYAN_E_NOT_FOUND: no such token; CYAN_E_TIMEOUT: expired. Answers from a
 * bounded cache when it can, still through the callback. */
void accounts_authenticate(struct accounts *accounts, const char *token, account_fn *done,
                           void *arg);

/* Ends the grant that this token, of either kind, belongs to. CYAN_E_NOT_FOUND. */
void accounts_revoke(struct accounts *accounts, const char *token, status_fn *done, void *arg);

#endif
