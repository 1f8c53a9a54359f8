#include <stdlib.h>

#include "base/secret.h"
#include "server/cloud/accounts_inner.h"
#include "server/cloud/tokens.h"
#include "server/net/log.h"

static bool is_over(int64_t expires_ms, int64_t now_ms)
{
    return expires_ms != 0 && now_ms >= expires_ms;
}

struct asking {
    struct job job;
    struct accounts *accounts;
    uint8_t hash[CYAN_SHA256_LEN];
    struct cached_token found;
    account_fn *done;
    void *arg;
};

static void ask_answer(struct job *job, int status)
{
    struct asking *asking = (struct asking *)job;
    asking->done(asking->arg, status, status == 0 ? &asking->found.account : NULL);
    free(asking);
}

/* From the store: what it says is kept for the next time. */
static void ask_found(struct job *job, int status)
{
    struct asking *asking = (struct asking *)job;
    if (status == 0) {
        struct cached_token *cached = lru_put(asking->accounts->tokens, asking->hash);
        if (cached) {
            *cached = asking->found;
        }
        status = is_over(asking->found.expires_ms, clock_now_ms()) ? CYAN_E_TIMEOUT : 0;
    }
    ask_answer(job, store_status(status));
}

static int ask_store(struct job *job, const struct store *store)
{
    struct asking *asking = (struct asking *)job;
    struct store_token token;
    struct store_account row;
    int status = store->token_get(store->ctx, asking->hash, &token);
    if (status == 0 && token.kind != STORE_TOKEN_ACCESS) {
        status = CYAN_E_NOT_FOUND;
    }
    if (status == 0) {
        status = store->account_get(store->ctx, token.account, &row);
    }
    if (status == 0) {
        account_from_row(&row, &asking->found.account);
        asking->found.expires_ms = token.expires_ms;
        cyan_wipe(&row, sizeof row);
    }
    return status;
}

void accounts_authenticate(struct accounts *accounts, const char *token, account_fn *done,
                           void *arg)
{
    struct asking *asking = calloc(1, sizeof *asking);
    if (!asking) {
        done(arg, CYAN_E_NO_MEMORY, NULL);
        return;
    }
    asking->accounts = accounts;
    asking->done = done;
    asking->arg = arg;
    asking->job = (struct job){.run = ask_store, .done = ask_answer};
    int status = token_hash(accounts->crypto, token, asking->hash);
    const struct cached_token *cached =
        status == 0 ? lru_find(accounts->tokens, asking->hash) : NULL;
    if (cached) {
        asking->found = *cached;
        status = is_over(cached->expires_ms, clock_now_ms()) ? CYAN_E_TIMEOUT : 0;
    }
    if (cached || status != 0) {
        jobs_later(accounts->jobs, &asking->job, status);
        return;
    }
    asking->job.done = ask_found;
    jobs_store(accounts->jobs, &asking->job);
}

struct trade {
    struct job job;
    struct accounts *accounts;
    uint8_t hash[CYAN_SHA256_LEN];
    struct token_pair tokens;
    grant_fn *done;
    void *arg;
};

static void trade_answer(struct job *job, int status)
{
    struct trade *trade = (struct trade *)job;
    if (status == 0) {
        lru_clear(trade->accounts->tokens); /* the old pair may stand there; trades are rare */
    }
    if (status == CYAN_E_NOT_FOUND) {
        status = CYAN_E_REFUSED;
    }
    status = store_status(status);
    trade->done(trade->arg, status, status == 0 ? &trade->tokens.grant : NULL);
    cyan_wipe(trade, sizeof *trade);
    free(trade);
}

/* The new pair lives as long as the old one did. */
static int trade_in_store(struct job *job, const struct store *store)
{
    enum { MS_PER_S = 1000 };
    struct trade *trade = (struct trade *)job;
    struct store_token old;
    int status = store->token_get(store->ctx, trade->hash, &old);
    if (status != 0) {
        return status;
    }
    if (old.kind != STORE_TOKEN_REFRESH ||
        is_over(old.expires_ms, trade->tokens.access.created_ms)) {
        return CYAN_E_REFUSED;
    }
    int64_t life_s = old.expires_ms == 0 ? 0 : (old.expires_ms - old.created_ms) / 2 / MS_PER_S;
    memcpy(trade->tokens.access.client, old.client, sizeof old.client);
    memcpy(trade->tokens.refresh.client, old.client, sizeof old.client);
    status = token_pair_live(&trade->tokens, life_s);
    if (status == 0) {
        status = store->pair_remove(store->ctx, old.pair);
    }
    if (status == 0) {
        status = token_pair_save(store, &trade->tokens, old.account);
    }
    return status;
}

void accounts_refresh(struct accounts *accounts, const char *refresh_token, grant_fn *done,
                      void *arg)
{
    struct trade *trade = calloc(1, sizeof *trade);
    if (!trade) {
        done(arg, CYAN_E_NO_MEMORY, NULL);
        return;
    }
    trade->accounts = accounts;
    trade->done = done;
    trade->arg = arg;
    trade->job = (struct job){.run = trade_in_store, .done = trade_answer};
    int status = token_hash(accounts->crypto, refresh_token, trade->hash);
    if (status == 0) {
        status = token_pair_make(accounts->crypto, "", 0, clock_now_ms(), &trade->tokens);
    }
    if (status != 0) {
        jobs_later(accounts->jobs, &trade->job, status);
        return;
    }
    jobs_store(accounts->jobs, &trade->job);
}

struct ending {
    struct job job;
    struct accounts *accounts;
    uint8_t hash[CYAN_SHA256_LEN];
    status_fn *done;
    void *arg;
};

static void end_answer(struct job *job, int status)
{
    struct ending *ending = (struct ending *)job;
    if (status == 0) {
        lru_clear(ending->accounts->tokens);
    }
    ending->done(ending->arg, store_status(status));
    free(ending);
}

static int end_in_store(struct job *job, const struct store *store)
{
    struct ending *ending = (struct ending *)job;
    struct store_token token;
    int status = store->token_get(store->ctx, ending->hash, &token);
    return status != 0 ? status : store->pair_remove(store->ctx, token.pair);
}

void accounts_revoke(struct accounts *accounts, const char *token, status_fn *done, void *arg)
{
    struct ending *ending = calloc(1, sizeof *ending);
    if (!ending) {
        done(arg, CYAN_E_NO_MEMORY);
        return;
    }
    ending->accounts = accounts;
    ending->done = done;
    ending->arg = arg;
    ending->job = (struct job){.run = end_in_store, .done = end_answer};
    int status = token_hash(accounts->crypto, token, ending->hash);
    if (status != 0) {
        jobs_later(accounts->jobs, &ending->job, status);
        return;
    }
    jobs_store(accounts->jobs, &ending->job);
}
