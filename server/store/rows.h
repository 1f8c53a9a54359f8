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
int rows_device_at(void *ctx, const char *address, uint32_t max, store_device_fn *fn, void *arg);
int rows_device_by_server_key(void *ctx, const uint8_t fingerprint[CYAN_SHA256_LEN],
                              store_device_fn *fn, void *arg);
int rows_device_hello(void *ctx, const struct store_device *device);
int rows_device_owner(void *ctx, const uint8_t id[CYAN_ID_LEN], uint32_t owner, const char *name);
int rows_device_heal(void *ctx, const uint8_t id[CYAN_ID_LEN], int64_t last_ms, bool off);
int rows_device_module(void *ctx, const uint8_t id[CYAN_ID_LEN],
                       const uint8_t hash[CYAN_SHA256_LEN]);
int rows_device_recovery(void *ctx, const uint8_t id[CYAN_ID_LEN],
                         const uint8_t key[STORE_RECOVERY_LEN]);
int rows_device_reset(void *ctx, const uint8_t id[CYAN_ID_LEN], const char *reason);
int rows_device_heard(void *ctx, const uint8_t id[CYAN_ID_LEN], int64_t heard_ms);
int rows_device_count_with_server_key(void *ctx, const uint8_t fingerprint[CYAN_SHA256_LEN],
                                      uint64_t *out_count);
int rows_device_assume_server_key(void *ctx, const uint8_t fingerprint[CYAN_SHA256_LEN]);

int rows_key_trusted(void *ctx, const uint8_t id[CYAN_ID_LEN], struct store_key *out_key);
int rows_key_get(void *ctx, const uint8_t id[CYAN_ID_LEN],
                 const uint8_t fingerprint[CYAN_SHA256_LEN], struct store_key *out_key);
int rows_key_each(void *ctx, const uint8_t id[CYAN_ID_LEN], store_key_fn *fn, void *arg);
int rows_key_put(void *ctx, const struct store_key *key);
int rows_key_remove(void *ctx, const uint8_t id[CYAN_ID_LEN],
                    const uint8_t fingerprint[CYAN_SHA256_LEN]);
int rows_key_seen(void *ctx, const uint8_t id[CYAN_ID_LEN],
                  const uint8_t fingerprint[CYAN_SHA256_LEN], int64_t seen_ms, const char *address);

int rows_binding_put(void *ctx, const struct store_binding *binding);
int rows_binding_each(void *ctx, const uint8_t id[CYAN_ID_LEN], store_binding_fn *fn, void *arg);
int rows_binding_of_account(void *ctx, uint32_t account, store_binding_fn *fn, void *arg);
int rows_binding_find(void *ctx, uint32_t account, const char *name,
                      struct store_binding *out_binding);
int rows_binding_count(void *ctx, uint32_t account, uint64_t *out_count);
int rows_binding_remove(void *ctx, const uint8_t id[CYAN_ID_LEN], uint32_t account);
int rows_binding_remove_all(void *ctx, const uint8_t id[CYAN_ID_LEN]);
int rows_binding_trim(void *ctx, int64_t created_before_ms);
int rows_policy_get(void *ctx, const char *subject, char *out_value, size_t cap);
int rows_policy_put(void *ctx, const char *subject, const char *value);
int rows_policy_remove(void *ctx, const char *subject);
int rows_claim_put(void *ctx, const uint8_t hash[CYAN_SHA256_LEN], uint32_t account,
                   int64_t created_ms);
int rows_claim_get(void *ctx, const uint8_t hash[CYAN_SHA256_LEN], uint32_t *out_account,
                   int64_t *out_created_ms);
int rows_claim_trim(void *ctx, int64_t created_before_ms, uint32_t account, uint32_t keep);
int rows_claim_remove(void *ctx, const uint8_t hash[CYAN_SHA256_LEN]);

int rows_incident_put(void *ctx, const struct store_incident *incident);
int rows_incident_each(void *ctx, store_incident_fn *fn, void *arg);
int rows_incident_remove(void *ctx, int64_t id);
int rows_outbox_put(void *ctx, const struct store_outbox *event);
int rows_outbox_each(void *ctx, store_outbox_fn *fn, void *arg);
int rows_outbox_remove(void *ctx, int64_t seq);
int rows_audit_add(void *ctx, const struct store_audit *row);
int rows_audit_last(void *ctx, int64_t *out_seq, uint8_t out_head[CYAN_SHA256_LEN]);
int rows_audit_each(void *ctx, int64_t after_seq, uint32_t max, store_audit_fn *fn, void *arg);
int rows_counter_next(void *ctx, const char *name, int64_t *out_value);

#endif
