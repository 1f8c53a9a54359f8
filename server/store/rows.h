/* rows.h - the functions of struct store over tables of SQLite; inside server/store only.
 *
 * ctx is a struct db. What each one does is said in store.h. */
#ifndef CYAN_SERVER_STORE_ROWS_H
#define CYAN_SERVER_STORE_ROWS_H

#include "server/store/store.h"

int rows_account_count(void *ctx, uint64_t *out_count);
int rows_account_add(void *ctx, const struct store_account *account, uint32_t *out_id);
int rows_account_get(void *ctx, uint32_t id, struct store_account *out_account);
int rows_account_find(void *ctx, const char *name, struct store_account *out_account);

int rows_token_add(void *ctx, const struct store_token *token);
int rows_token_get(void *ctx, const uint8_t hash[CYAN_SHA256_LEN], struct store_token *out_token);
int rows_pair_remove(void *ctx, int64_t pair);
int rows_tokens_trim(void *ctx, uint32_t account, uint32_t keep, int64_t expired_before_ms);

int rows_device_count(void *ctx, uint64_t *out_count);
int rows_device_add(void *ctx, const struct store_device *device);
int rows_device_get(void *ctx, const uint8_t id[CYAN_ID_LEN], struct store_device *out_device);
int rows_device_find(void *ctx, uint32_t owner, const char *name, struct store_device *out_device);
int rows_device_each(void *ctx, uint32_t owner, store_device_fn *fn, void *arg);
int rows_device_hello(void *ctx, const struct store_device *device);
int rows_device_heard(void *ctx, const uint8_t id[CYAN_ID_LEN], int64_t heard_ms);
int rows_device_count_with_server_key(void *ctx, const uint8_t fingerprint[CYAN_SHA256_LEN],
                                      uint64_t *out_count);
int rows_device_assume_server_key(void *ctx, const uint8_t fingerprint[CYAN_SHA256_LEN]);

int rows_key_trusted(void *ctx, const uint8_t id[CYAN_ID_LEN], struct store_key *out_key);
int rows_key_retire(void *ctx, const uint8_t id[CYAN_ID_LEN]);
int rows_key_put(void *ctx, const struct store_key *key);
int rows_key_seen(void *ctx, const uint8_t id[CYAN_ID_LEN],
                  const uint8_t fingerprint[CYAN_SHA256_LEN], int64_t seen_ms, const char *address);

#endif
