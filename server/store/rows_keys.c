#include <stddef.h>
#include <string.h>

#include "server/store/query.h"
#include "server/store/rows.h"

static const char *const states[] = {
    [STORE_KEY_TRUSTED] = "trusted",
    [STORE_KEY_RETIRED] = "retired",
};
static const char *const sources[] = {
    [STORE_KEY_PROVISIONED] = "provisioned",
};

enum { WORD_MAX = 16 };

/* Which of the words it is; -1: none. */
static int find_word(const char *const *words, size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(words[i], text) == 0) {
            return (int)i;
        }
    }
    return -1;
}

int rows_key_trusted(void *ctx, const uint8_t id[CYAN_ID_LEN], struct store_key *out_key)
{
    struct query q;
    struct store_key key = {0};
    char state[WORD_MAX];
    char source[WORD_MAX];
    query_begin(&q, ctx, ST_KEY_TRUSTED);
    query_blob(&q, id, CYAN_ID_LEN);
    int status = query_row(&q);
    if (status == 0) {
        query_get_blob(&q, 0, key.device, sizeof key.device);
        query_get_blob(&q, 1, key.fingerprint, sizeof key.fingerprint);
        query_get_blob(&q, 2, key.spki, sizeof key.spki);
        query_get_text(&q, 3, state, sizeof state);
        query_get_text(&q, 4, source, sizeof source);
        key.by_account = (uint32_t)query_get_int(&q, 5);
        key.first_seen_ms = query_get_int(&q, 6);
        key.last_seen_ms = query_get_int(&q, 7);
        query_get_text(&q, 8, key.last_ip, sizeof key.last_ip);
        key.created_ms = query_get_int(&q, 9);
        status = q.status;
    }
    query_end(&q);
    if (status != 0) {
        return status;
    }
    int state_at = find_word(states, sizeof states / sizeof states[0], state);
    int source_at = find_word(sources, sizeof sources / sizeof sources[0], source);
    if (state_at < 0 || source_at < 0) {
        return CYAN_E_CORRUPT;
    }
    key.state = (enum store_key_state)state_at;
    key.source = (enum store_key_source)source_at;
    *out_key = key;
    return 0;
}

int rows_key_retire(void *ctx, const uint8_t id[CYAN_ID_LEN])
{
    struct query q;
    query_begin(&q, ctx, ST_KEY_RETIRE);
    query_blob(&q, id, CYAN_ID_LEN);
    int status = query_run(&q);
    query_end(&q);
    return status;
}

int rows_key_put(void *ctx, const struct store_key *key)
{
    struct query q;
    query_begin(&q, ctx, ST_KEY_PUT);
    query_blob(&q, key->device, sizeof key->device);
    query_blob(&q, key->fingerprint, sizeof key->fingerprint);
    query_blob(&q, key->spki, sizeof key->spki);
    query_text(&q, states[key->state]);
    query_text(&q, sources[key->source]);
    query_int_or_null(&q, key->by_account);
    query_int(&q, key->first_seen_ms);
    query_int(&q, key->last_seen_ms);
    query_text_or_null(&q, key->last_ip);
    query_int(&q, key->created_ms);
    int status = query_run(&q);
    query_end(&q);
    return status;
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
    int status = query_run(&q);
    query_end(&q);
    if (status == 0 && sqlite3_changes(q.db->handle) == 0) {
        status = CYAN_E_NOT_FOUND;
    }
    return status;
}
