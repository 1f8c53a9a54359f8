/* The store of a vault, whose calls fail when a test says so. */
#include "tests/unit/vault_inner.h"

#include "base/err.h"

static int left = VAULT_NEVER;
static bool failed;

void vault_fail_at(int call)
{
    left = call;
    failed = false;
}

bool vault_has_failed(void)
{
    return failed;
}

static bool fails(void)
{
    if (left > 0) {
        left--;
        return false;
    }
    if (left == 0) {
        left = VAULT_NEVER;
        failed = true;
        return true;
    }
    return false;
}

#define CALL(function, ...)                                                                        \
    return fails() ? CYAN_E_IO : vault_real.function(vault_real.ctx, __VA_ARGS__)
#define ID const uint8_t id[CYAN_ID_LEN]

static int account_get(void *ctx, uint32_t id, struct store_account *out)
{
    (void)ctx;
    CALL(account_get, id, out);
}

static int device_add(void *ctx, const struct store_device *device)
{
    (void)ctx;
    CALL(device_add, device);
}

static int device_get(void *ctx, ID, struct store_device *out)
{
    (void)ctx;
    CALL(device_get, id, out);
}

static int device_find(void *ctx, uint32_t owner, const char *name, struct store_device *out)
{
    (void)ctx;
    CALL(device_find, owner, name, out);
}

static int device_hello(void *ctx, const struct store_device *device)
{
    (void)ctx;
    CALL(device_hello, device);
}

static int device_heal(void *ctx, ID, int64_t last_ms, bool off)
{
    (void)ctx;
    CALL(device_heal, id, last_ms, off);
}

static int device_recovery(void *ctx, ID, const uint8_t key[STORE_RECOVERY_LEN])
{
    (void)ctx;
    CALL(device_recovery, id, key);
}

static int key_trusted(void *ctx, ID, struct store_key *out)
{
    (void)ctx;
    CALL(key_trusted, id, out);
}

static int key_get(void *ctx, ID, const uint8_t print[CYAN_SHA256_LEN], struct store_key *out)
{
    (void)ctx;
    CALL(key_get, id, print, out);
}

static int key_each(void *ctx, ID, store_key_fn *fn, void *arg)
{
    (void)ctx;
    CALL(key_each, id, fn, arg);
}

static int key_put(void *ctx, const struct store_key *key)
{
    (void)ctx;
    CALL(key_put, key);
}

static int key_remove(void *ctx, ID, const uint8_t print[CYAN_SHA256_LEN])
{
    (void)ctx;
    CALL(key_remove, id, print);
}

static int key_seen(void *ctx, ID, const uint8_t print[CYAN_SHA256_LEN], int64_t ms,
                    const char *address)
{
    (void)ctx;
    CALL(key_seen, id, print, ms, address);
}

static int binding_each(void *ctx, ID, store_binding_fn *fn, void *arg)
{
    (void)ctx;
    CALL(binding_each, id, fn, arg);
}

static int binding_find(void *ctx, uint32_t account, const char *name, struct store_binding *out)
{
    (void)ctx;
    CALL(binding_find, account, name, out);
}

static int binding_remove_all(void *ctx, ID)
{
    (void)ctx;
    CALL(binding_remove_all, id);
}

static int policy_get(void *ctx, const char *subject, char *out, size_t cap)
{
    (void)ctx;
    CALL(policy_get, subject, out, cap);
}

static int policy_put(void *ctx, const char *subject, const char *value)
{
    (void)ctx;
    CALL(policy_put, subject, value);
}

static int policy_remove(void *ctx, const char *subject)
{
    (void)ctx;
    CALL(policy_remove, subject);
}

static int outbox_put(void *ctx, const struct store_outbox *event)
{
    (void)ctx;
    CALL(outbox_put, event);
}

static int audit_add(void *ctx, const struct store_audit *row)
{
    (void)ctx;
    CALL(audit_add, row);
}

static int audit_last(void *ctx, int64_t *out_seq, uint8_t out_head[CYAN_SHA256_LEN])
{
    (void)ctx;
    CALL(audit_last, out_seq, out_head);
}

static int counter_next(void *ctx, const char *name, int64_t *out_value)
{
    (void)ctx;
    CALL(counter_next, name, out_value);
}

struct store vault_failing(void)
{
    struct store store = vault_real;
    store.account_get = account_get;
    store.device_add = device_add;
    store.device_get = device_get;
    store.device_find = device_find;
    store.device_hello = device_hello;
    store.device_heal = device_heal;
    store.device_recovery = device_recovery;
    store.key_trusted = key_trusted;
    store.key_get = key_get;
    store.key_each = key_each;
    store.key_put = key_put;
    store.key_remove = key_remove;
    store.key_seen = key_seen;
    store.binding_each = binding_each;
    store.binding_find = binding_find;
    store.binding_remove_all = binding_remove_all;
    store.policy_get = policy_get;
    store.policy_put = policy_put;
    store.policy_remove = policy_remove;
    store.outbox_put = outbox_put;
    store.audit_add = audit_add;
    store.audit_last = audit_last;
    store.counter_next = counter_next;
    return store;
}
