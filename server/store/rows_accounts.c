#include <string.h>

#include "server/store/query.h"
#include "server/store/rows.h"

static const char *const kinds[] = {
    [STORE_TOKEN_ACCESS] = "access", [STORE_TOKEN_REFRESH] = "refresh"};

int rows_account_count(void *ctx, uint64_t *out_count)
{
    struct query q;
    query_begin(&q, ctx, ST_ACCOUNT_COUNT);
    int status = query_row(&q);
    if (status == 0) {
        *out_count = (uint64_t)query_get_int(&q, 0);
    }
    query_end(&q);
    return status;
}

int rows_account_add(void *ctx, const struct store_account *account, uint32_t *out_id)
{
    struct db *db = ctx;
    struct query q;
    query_begin(&q, db, ST_ACCOUNT_ADD);
    query_text(&q, account->name);
    query_text(&q, account->password);
    query_int(&q, account->is_operator);
    query_int(&q, account->created_ms);
    int status = query_run(&q);
    query_end(&q);
    if (status == 0) {
        *out_id = (uint32_t)sqlite3_last_insert_rowid(db->handle);
    }
    return status;
}

/* The first row of a query that selects accounts. */
static int take_account(struct query *q, struct store_account *out_account)
{
    struct store_account account = {0};
    int status = query_row(q);
    if (status == 0) {
        account.id = (uint32_t)query_get_int(q, 0);
        query_get_text(q, 1, account.name, sizeof account.name);
        query_get_text(q, 2, account.password, sizeof account.password);
        account.is_operator = query_get_int(q, 3) != 0;
        account.created_ms = query_get_int(q, 4);
        status = q->status;
    }
    if (status == 0) {
        *out_account = account;
    }
    return status;
}

int rows_account_get(void *ctx, uint32_t id, struct store_account *out_account)
{
    struct query q;
    query_begin(&q, ctx, ST_ACCOUNT_GET);
    query_int(&q, id);
    int status = take_account(&q, out_account);
    query_end(&q);
    return status;
}

int rows_account_find(void *ctx, const char *name, struct store_account *out_account)
{
    struct query q;
    query_begin(&q, ctx, ST_ACCOUNT_FIND);
    query_text(&q, name);
    int status = take_account(&q, out_account);
    query_end(&q);
    return status;
}

int rows_token_add(void *ctx, const struct store_token *token)
{
    struct query q;
    query_begin(&q, ctx, ST_TOKEN_ADD);
    query_blob(&q, token->hash, sizeof token->hash);
    query_text(&q, kinds[token->kind]);
    query_int(&q, token->account);
    query_int(&q, token->pair);
    query_text(&q, token->client);
    query_int(&q, token->created_ms);
    query_int_or_null(&q, token->expires_ms);
    int status = query_run(&q);
    query_end(&q);
    return status;
}

static int take_token(struct query *q, struct store_token *out_token)
{
    struct store_token token = {0};
    char kind[sizeof "refresh"];
    int status = query_row(q);
    if (status == 0) {
        query_get_blob(q, 0, token.hash, sizeof token.hash);
        query_get_text(q, 1, kind, sizeof kind);
        token.kind =
            strcmp(kind, kinds[STORE_TOKEN_ACCESS]) == 0 ? STORE_TOKEN_ACCESS : STORE_TOKEN_REFRESH;
        token.account = (uint32_t)query_get_int(q, 2);
        token.pair = query_get_int(q, 3);
        query_get_text(q, 4, token.client, sizeof token.client);
        token.created_ms = query_get_int(q, 5);
        token.expires_ms = query_get_int(q, 6);
        status = q->status;
    }
    if (status == 0) {
        *out_token = token;
    }
    return status;
}

int rows_token_get(void *ctx, const uint8_t hash[CYAN_SHA256_LEN], struct store_token *out_token)
{
    struct query q;
    query_begin(&q, ctx, ST_TOKEN_GET);
    query_blob(&q, hash, CYAN_SHA256_LEN);
    int status = take_token(&q, out_token);
    query_end(&q);
    return status;
}

int rows_pair_remove(void *ctx, int64_t pair)
{
    struct db *db = ctx;
    struct query q;
    query_begin(&q, db, ST_PAIR_REMOVE);
    query_int(&q, pair);
    int status = query_run(&q);
    query_end(&q);
    if (status == 0 && sqlite3_changes(db->handle) == 0) {
        status = CYAN_E_NOT_FOUND;
    }
    return status;
}

int rows_tokens_trim(void *ctx, uint32_t account, uint32_t keep, int64_t expired_before_ms)
{
    struct query q;
    query_begin(&q, ctx, ST_TOKENS_TRIM_EXPIRED);
    query_int(&q, expired_before_ms);
    int status = query_run(&q);
    query_end(&q);
    if (status != 0) {
        return status;
    }
    query_begin(&q, ctx, ST_TOKENS_TRIM_OLDEST);
    query_int(&q, account);
    query_int(&q, keep);
    status = query_run(&q);
    query_end(&q);
    return status;
}
