/* What an account has said of devices that prove nothing yet, its policies and its claim codes. */
#include <string.h>

#include "server/store/query.h"
#include "server/store/rows.h"

int rows_binding_put(void *ctx, const struct store_binding *binding)
{
    struct query q;
    query_begin(&q, ctx, ST_BINDING_PUT);
    query_blob(&q, binding->device, sizeof binding->device);
    query_int(&q, binding->account);
    query_text(&q, binding->name);
    query_blob(&q, binding->spki, sizeof binding->spki);
    query_blob(&q, binding->fingerprint, sizeof binding->fingerprint);
    query_int(&q, binding->created_ms);
    query_blob_or_null(&q, binding->has_recovery, binding->recovery, sizeof binding->recovery);
    return query_run_once(&q);
}

static int take_binding(struct query *q, struct store_binding *out_binding)
{
    struct store_binding binding = {0};
    int status = query_row(q);
    if (status != 0) {
        return status;
    }
    query_get_blob(q, 0, binding.device, sizeof binding.device);
    binding.account = (uint32_t)query_get_int(q, 1);
    query_get_text(q, 2, binding.name, sizeof binding.name);
    query_get_blob(q, 3, binding.spki, sizeof binding.spki);
    query_get_blob(q, 4, binding.fingerprint, sizeof binding.fingerprint);
    binding.created_ms = query_get_int(q, 5);
    binding.has_recovery = query_get_blob_or_null(q, 6, binding.recovery, sizeof binding.recovery);
    if (q->status == 0) {
        *out_binding = binding;
    }
    return q->status;
}

static int each_binding(struct query *q, store_binding_fn *fn, void *arg)
{
    struct store_binding binding;
    int status;
    while ((status = take_binding(q, &binding)) == 0) {
        status = fn(arg, &binding);
        if (status != 0) {
            break;
        }
    }
    query_end(q);
    return status == CYAN_E_NOT_FOUND ? 0 : status;
}

int rows_binding_each(void *ctx, const uint8_t id[CYAN_ID_LEN], store_binding_fn *fn, void *arg)
{
    struct query q;
    query_begin(&q, ctx, ST_BINDING_EACH);
    query_blob(&q, id, CYAN_ID_LEN);
    return each_binding(&q, fn, arg);
}

int rows_binding_of_account(void *ctx, uint32_t account, store_binding_fn *fn, void *arg)
{
    struct query q;
    query_begin(&q, ctx, ST_BINDING_OF_ACCOUNT);
    query_int(&q, account);
    return each_binding(&q, fn, arg);
}

int rows_binding_find(void *ctx, uint32_t account, const char *name,
                      struct store_binding *out_binding)
{
    struct query q;
    query_begin(&q, ctx, ST_BINDING_FIND);
    query_int(&q, account);
    query_text(&q, name);
    int status = take_binding(&q, out_binding);
    query_end(&q);
    return status;
}

int rows_binding_count(void *ctx, uint32_t account, uint64_t *out_count)
{
    struct query q;
    query_begin(&q, ctx, ST_BINDING_COUNT);
    query_int(&q, account);
    int status = query_row(&q);
    if (status == 0) {
        *out_count = (uint64_t)query_get_int(&q, 0);
    }
    query_end(&q);
    return status;
}

int rows_binding_remove(void *ctx, const uint8_t id[CYAN_ID_LEN], uint32_t account)
{
    struct query q;
    query_begin(&q, ctx, ST_BINDING_REMOVE);
    query_blob(&q, id, CYAN_ID_LEN);
    query_int(&q, account);
    return query_run_once(&q);
}

int rows_binding_remove_all(void *ctx, const uint8_t id[CYAN_ID_LEN])
{
    struct query q;
    query_begin(&q, ctx, ST_BINDING_REMOVE_ALL);
    query_blob(&q, id, CYAN_ID_LEN);
    return query_run_once(&q);
}

int rows_binding_trim(void *ctx, int64_t created_before_ms)
{
    struct query q;
    query_begin(&q, ctx, ST_BINDING_TRIM);
    query_int(&q, created_before_ms);
    return query_run_once(&q);
}

int rows_policy_get(void *ctx, const char *subject, char *out_value, size_t cap)
{
    struct query q;
    char value[STORE_POLICY_MAX + 1];
    query_begin(&q, ctx, ST_POLICY_GET);
    query_text(&q, subject);
    int status = query_row(&q);
    if (status == 0) {
        query_get_text(&q, 0, value, sizeof value);
        status = q.status;
    }
    query_end(&q);
    if (status != 0) {
        return status;
    }
    if (strlen(value) >= cap) {
        return CYAN_E_NO_SPACE;
    }
    memcpy(out_value, value, strlen(value) + 1);
    return 0;
}

int rows_policy_put(void *ctx, const char *subject, const char *value)
{
    struct query q;
    query_begin(&q, ctx, ST_POLICY_PUT);
    query_text(&q, subject);
    query_text(&q, value);
    return query_run_once(&q);
}

int rows_policy_remove(void *ctx, const char *subject)
{
    struct query q;
    query_begin(&q, ctx, ST_POLICY_REMOVE);
    query_text(&q, subject);
    return query_run_once(&q);
}

int rows_claim_put(void *ctx, const uint8_t hash[CYAN_SHA256_LEN], uint32_t account,
                   int64_t created_ms)
{
    struct query q;
    query_begin(&q, ctx, ST_CLAIM_PUT);
    query_blob(&q, hash, CYAN_SHA256_LEN);
    query_int(&q, account);
    query_int(&q, created_ms);
    return query_run_once(&q);
}

int rows_claim_get(void *ctx, const uint8_t hash[CYAN_SHA256_LEN], uint32_t *out_account,
                   int64_t *out_created_ms)
{
    struct query q;
    query_begin(&q, ctx, ST_CLAIM_GET);
    query_blob(&q, hash, CYAN_SHA256_LEN);
    int status = query_row(&q);
    if (status == 0) {
        *out_account = (uint32_t)query_get_int(&q, 0);
        *out_created_ms = query_get_int(&q, 1);
    }
    query_end(&q);
    return status;
}

int rows_claim_trim(void *ctx, int64_t created_before_ms, uint32_t account, uint32_t keep)
{
    struct query q;
    query_begin(&q, ctx, ST_CLAIM_TRIM);
    query_int(&q, created_before_ms);
    query_int(&q, account);
    query_int(&q, keep);
    return query_run_once(&q);
}

int rows_claim_remove(void *ctx, const uint8_t hash[CYAN_SHA256_LEN])
{
    struct query q;
    query_begin(&q, ctx, ST_CLAIM_REMOVE);
    query_blob(&q, hash, CYAN_SHA256_LEN);
    return query_run_once(&q);
}
