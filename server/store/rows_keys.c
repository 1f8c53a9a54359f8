#include <stddef.h>

#include "server/store/key_names.h"
#include "server/store/query.h"
#include "server/store/rows.h"

static int take_key(struct query *q, struct store_key *out_key)
{
    struct store_key key = {0};
    int status = query_row(q);
    if (status != 0) {
        return status;
    }
    query_get_blob(q, 0, key.device, sizeof key.device);
    query_get_blob(q, 1, key.fingerprint, sizeof key.fingerprint);
    query_get_blob(q, 2, key.spki, sizeof key.spki);
    key.state = (enum store_key_state)query_get_word(q, 3, store_key_states, STORE_KEY_STATES);
    key.source = (enum store_key_source)query_get_word(q, 4, store_key_sources, STORE_KEY_SOURCES);
    key.by_account = (uint32_t)query_get_int(q, 5);
    key.first_seen_ms = query_get_int(q, 6);
    key.last_seen_ms = query_get_int(q, 7);
    query_get_text(q, 8, key.last_ip, sizeof key.last_ip);
    key.created_ms = query_get_int(q, 9);
    key.changed_ms = query_get_int(q, 10);
    key.replaced_via =
        (enum store_key_source)query_get_word(q, 11, store_key_sources, STORE_KEY_SOURCES);
    key.has_replaced_by = query_get_blob_or_null(q, 12, key.replaced_by, sizeof key.replaced_by);
    if (q->status == 0) {
        *out_key = key;
    }
    return q->status;
}

int rows_key_trusted(void *ctx, const uint8_t id[CYAN_ID_LEN], struct store_key *out_key)
{
    struct query q;
    query_begin(&q, ctx, ST_KEY_TRUSTED);
    query_blob(&q, id, CYAN_ID_LEN);
    int status = take_key(&q, out_key);
    query_end(&q);
    return status;
}

int rows_key_get(void *ctx, const uint8_t id[CYAN_ID_LEN],
                 const uint8_t fingerprint[CYAN_SHA256_LEN], struct store_key *out_key)
{
    struct query q;
    query_begin(&q, ctx, ST_KEY_GET);
    query_blob(&q, id, CYAN_ID_LEN);
    query_blob(&q, fingerprint, CYAN_SHA256_LEN);
    int status = take_key(&q, out_key);
    query_end(&q);
    return status;
}

int rows_key_each(void *ctx, const uint8_t id[CYAN_ID_LEN], store_key_fn *fn, void *arg)
{
    struct query q;
    struct store_key key;
    int status;
    query_begin(&q, ctx, ST_KEY_EACH);
    query_blob(&q, id, CYAN_ID_LEN);
    while ((status = take_key(&q, &key)) == 0) {
        status = fn(arg, &key);
        if (status != 0) {
            break;
        }
    }
    query_end(&q);
    return status == CYAN_E_NOT_FOUND ? 0 : status;
}

static void put_word(struct query *q, const char *word)
{
    query_text_or_null(q, word ? word : "");
}

int rows_key_put(void *ctx, const struct store_key *key)
{
    struct query q;
    query_begin(&q, ctx, ST_KEY_PUT);
    query_blob(&q, key->device, sizeof key->device);
    query_blob(&q, key->fingerprint, sizeof key->fingerprint);
    query_blob(&q, key->spki, sizeof key->spki);
    query_text(&q, store_key_states[key->state]);
    put_word(&q, store_key_sources[key->source]);
    query_int_or_null(&q, key->by_account);
    query_int(&q, key->first_seen_ms);
    query_int(&q, key->last_seen_ms);
    query_text_or_null(&q, key->last_ip);
    query_int(&q, key->created_ms);
    query_int(&q, key->changed_ms);
    put_word(&q, store_key_sources[key->replaced_via]);
    query_blob_or_null(&q, key->has_replaced_by, key->replaced_by, sizeof key->replaced_by);
    return query_run_once(&q);
}

int rows_key_remove(void *ctx, const uint8_t id[CYAN_ID_LEN],
                    const uint8_t fingerprint[CYAN_SHA256_LEN])
{
    struct query q;
    query_begin(&q, ctx, ST_KEY_REMOVE);
    query_blob(&q, id, CYAN_ID_LEN);
    query_blob(&q, fingerprint, CYAN_SHA256_LEN);
    return query_run_once(&q);
}

int rows_key_seen(void *ctx, const uint8_t id[CYAN_ID_LEN],
                  const uint8_t fingerprint[CYAN_SHA256_LEN], int64_t seen_ms, const char *address)
{
    struct query q;
    query_begin(&q, ctx, ST_KEY_SEEN);
    query_blob(&q, id, CYAN_ID_LEN);
    query_blob(&q, fingerprint, CYAN_SHA256_LEN);
    query_int(&q, seen_ms);
    query_text_or_null(&q, address);
    return query_run_on_one(&q);
}
