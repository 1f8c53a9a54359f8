#include "server/cloud/accounts.h"

#include <stdlib.h>

#include "base/secret.h"
#include "server/cloud/accounts_inner.h"
#include "server/cloud/password.h"
#include "server/cloud/tokens.h"
#include "server/net/log.h"

/* A hash takes 32 MiB and a core for a while: jobs.c runs some at once, the others wait here. */
enum { HASHES_MAX = 64 };

/* Copies a text with its NUL if it fits. */
static bool copy_text(char *to, size_t cap, const char *text)
{
    size_t len = strnlen(text, cap);
    if (len == cap) {
        return false;
    }
    memcpy(to, text, len + 1);
    return true;
}

static bool is_allowed(const char *text)
{
    for (const char *c = text; *c; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f) {
            return false;
        }
    }
    return text[0] != '\0';
}

bool account_name_ok(const char *name)
{
    return strnlen(name, ACCOUNT_NAME_MAX + 1) <= ACCOUNT_NAME_MAX && is_allowed(name);
}

bool account_password_ok(const char *password)
{
    return strnlen(password, ACCOUNT_PASSWORD_MAX + 1) <= ACCOUNT_PASSWORD_MAX &&
           is_allowed(password);
}

struct adding {
    struct job job;
    struct accounts *accounts;
    struct store_account row;
    char password[ACCOUNT_PASSWORD_MAX + 1];
    uint8_t salt[PASSWORD_SALT_LEN];
    account_fn *done;
    void *arg;
};

static void add_answer(struct job *job, int status)
{
    struct adding *adding = (struct adding *)job;
    struct account account;
    account_from_row(&adding->row, &account);
    status = store_status(status);
    adding->done(adding->arg, status, status == 0 ? &account : NULL);
    cyan_wipe(adding, sizeof *adding);
    free(adding);
}

static int add_save(struct job *job, const struct store *store)
{
    struct adding *adding = (struct adding *)job;
    uint64_t count = 0;
    int status = store->account_count(store->ctx, &count);
    if (status != 0) {
        return status;
    }
    adding->row.is_operator = count == 0;
    return store->account_add(store->ctx, &adding->row, &adding->row.id);
}

static int add_hash(struct job *job, const struct store *store)
{
    struct adding *adding = (struct adding *)job;
    (void)store;
    return password_hash(adding->password, adding->salt, adding->row.password);
}

static void add_hashed(struct job *job, int status)
{
    struct adding *adding = (struct adding *)job;
    adding->accounts->hashes--;
    if (status != 0) {
        add_answer(job, status);
        return;
    }
    job->run = add_save;
    job->done = add_answer;
    jobs_store(adding->accounts->jobs, job);
}

void accounts_add(struct accounts *accounts, const char *name, const char *password,
                  account_fn *done, void *arg)
{
    struct adding *adding = calloc(1, sizeof *adding);
    if (!adding) {
        done(arg, CYAN_E_NO_MEMORY, NULL);
        return;
    }
    adding->accounts = accounts;
    adding->done = done;
    adding->arg = arg;
    adding->row.created_ms = clock_now_ms();
    adding->job = (struct job){.run = add_hash, .done = add_answer};
    int status = 0;
    if (!account_name_ok(name) || !account_password_ok(password)) {
        status = CYAN_E_INVALID;
    } else if (accounts->hashes >= HASHES_MAX) {
        status = CYAN_E_FULL;
    } else {
        (void)copy_text(adding->row.name, sizeof adding->row.name, name);
        (void)copy_text(adding->password, sizeof adding->password, password);
        status = accounts->crypto->random(accounts->crypto->ctx, adding->salt, sizeof adding->salt);
    }
    if (status != 0) {
        jobs_later(accounts->jobs, &adding->job, status);
        return;
    }
    adding->job.done = add_hashed;
    accounts->hashes++;
    jobs_compute(accounts->jobs, &adding->job);
}

struct login {
    struct job job;
    struct accounts *accounts;
    struct lockout_pair pair;
    char name[ACCOUNT_NAME_MAX + 1];
    char password[ACCOUNT_PASSWORD_MAX + 1];
    char client[STORE_CLIENT_MAX + 1];
    int64_t expires_in;
    struct store_account row;
    bool known;
    struct token_pair tokens;
    grant_fn *done;
    void *arg;
};

static void login_answer(struct job *job, int status)
{
    struct login *login = (struct login *)job;
    login->done(login->arg, status, status == 0 ? &login->tokens.grant : NULL);
    cyan_wipe(login, sizeof *login);
    free(login);
}

static int login_save(struct job *job, const struct store *store)
{
    struct login *login = (struct login *)job;
    return token_pair_save(store, &login->tokens, login->row.id);
}

static void login_saved(struct job *job, int status)
{
    login_answer(job, store_status(status));
}

static int login_check(struct job *job, const struct store *store)
{
    struct login *login = (struct login *)job;
    (void)store;
    return password_check(login->password, login->known ? login->row.password : NULL);
}

/* The attempt is over: with status 0 the right password was given. */
static void end_attempt(struct login *login, int status)
{
    struct accounts *accounts = login->accounts;
    enum lockout_end end = status == 0                ? LOCKOUT_GOOD
                           : status == CYAN_E_REFUSED ? LOCKOUT_WRONG
                                                      : LOCKOUT_BROKEN_OFF;
    accounts->hashes--;
    lockout_end(accounts->lockout, &login->pair, end, clock_now_ms());
}

static void login_checked(struct job *job, int status)
{
    struct login *login = (struct login *)job;
    end_attempt(login, status);
    if (status == 0) {
        status = token_pair_make(login->accounts->crypto, login->client, login->expires_in,
                                 clock_now_ms(), &login->tokens);
    }
    if (status != 0) {
        login_answer(job, status);
        return;
    }
    job->run = login_save;
    job->done = login_saved;
    jobs_store(login->accounts->jobs, job);
}

static int login_find(struct job *job, const struct store *store)
{
    struct login *login = (struct login *)job;
    int status = store->account_find(store->ctx, login->name, &login->row);
    login->known = status == 0;
    return status == CYAN_E_NOT_FOUND ? 0 : status;
}

static void login_found(struct job *job, int status)
{
    struct login *login = (struct login *)job;
    if (status != 0) {
        end_attempt(login, CYAN_E_IO);
        login_answer(job, store_status(status));
        return;
    }
    job->run = login_check;
    job->done = login_checked;
    jobs_compute(login->accounts->jobs, job);
}

void accounts_login(struct accounts *accounts, const char *name, const char *password,
                    const char *address, const char *client, int64_t expires_in, grant_fn *done,
                    void *arg)
{
    struct login *login = calloc(1, sizeof *login);
    if (!login) {
        done(arg, CYAN_E_NO_MEMORY, NULL);
        return;
    }
    login->accounts = accounts;
    login->expires_in = expires_in;
    login->done = done;
    login->arg = arg;
    login->job = (struct job){.run = login_find, .done = login_answer};
    memcpy(login->client, client, strnlen(client, STORE_CLIENT_MAX));
    int status = 0;
    if (token_life_check(expires_in) != 0) {
        status = CYAN_E_INVALID;
    } else if (!copy_text(login->name, sizeof login->name, name) ||
               !copy_text(login->password, sizeof login->password, password)) {
        status = CYAN_E_REFUSED; /* no account has such a one */
    } else if (accounts->hashes >= HASHES_MAX) {
        status = CYAN_E_FULL;
    } else {
        status = lockout_name_pair(accounts->crypto, name, address, &login->pair);
    }
    if (status == 0) {
        status = lockout_begin(accounts->lockout, &login->pair, clock_now_ms());
    }
    if (status != 0) {
        jobs_later(accounts->jobs, &login->job, status);
        return;
    }
    login->job.done = login_found;
    accounts->hashes++;
    jobs_store(accounts->jobs, &login->job);
}

struct accounts *accounts_create(struct jobs *jobs, const struct cyan_crypto *crypto)
{
    struct accounts *accounts = calloc(1, sizeof *accounts);
    if (!accounts) {
        return NULL;
    }
    uint64_t seed = 0;
    accounts->jobs = jobs;
    accounts->crypto = crypto;
    if (crypto->random(crypto->ctx, (uint8_t *)&seed, sizeof seed) == 0) {
        accounts->lockout = lockout_create(seed);
        accounts->tokens =
            lru_create(TOKEN_CACHE_MAX, CYAN_SHA256_LEN, sizeof(struct cached_token), seed);
    }
    if (!accounts->lockout || !accounts->tokens) {
        accounts_destroy(accounts);
        return NULL;
    }
    return accounts;
}

void accounts_destroy(struct accounts *accounts)
{
    if (!accounts) {
        return;
    }
    jobs_drain(accounts->jobs);
    lru_destroy(accounts->tokens);
    lockout_destroy(accounts->lockout);
    free(accounts);
}
