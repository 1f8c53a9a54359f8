/* accounts_inner.h - what accounts.c (names and passwords) and accounts_tokens.c share. */
#ifndef CYAN_SERVER_CLOUD_ACCOUNTS_INNER_H
#define CYAN_SERVER_CLOUD_ACCOUNTS_INNER_H

#include <string.h>

#include "server/cloud/accounts.h"
#include "server/cloud/jobs.h"
#include "server/cloud/lockout.h"
#include "server/cloud/lru.h"
#include "server/store/store.h"

enum { TOKEN_CACHE_MAX = 4096 };

struct accounts {
    struct jobs *jobs;
    const struct cyan_crypto *crypto;
    struct lockout *lockout;
    struct lru *tokens; /* hash of an access token: struct cached_token */
    unsigned hashes;    /* passwords that are hashed, or wait for it */
};

struct cached_token {
    struct account account;
    int64_t expires_ms; /* 0: never */
};

static inline void account_from_row(const struct store_account *row, struct account *out_account)
{
    *out_account = (struct account){.id = row->id, .is_operator = row->is_operator};
    memcpy(out_account->name, row->name, sizeof out_account->name);
}

_Static_assert(sizeof((struct account *)0)->name == sizeof((struct store_account *)0)->name,
               "names fit");

/* A full disk is a broken store to whoever logs in; CYAN_E_FULL means a limit there. */
static inline int store_status(int status)
{
    return status == CYAN_E_FULL ? CYAN_E_IO : status;
}

#endif
