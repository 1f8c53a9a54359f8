#include "tests/unit/vault.h"

#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "server/cloud/policy.h"
#include "server/store/sqlite.h"
#include "tests/unit/unit.h"
#include "tests/unit/vault_inner.h"

struct store vault_store, vault_real;
int64_t vault_now_ms;
uint32_t vault_ann, vault_bob;

static int64_t audit_seen, events_seen;

static uint32_t add_account(const char *name)
{
    struct store_account account = {.password = "x"};
    uint32_t id = 0;
    memcpy(account.name, name, strlen(name) + 1);
    assert_int_equal(vault_real.account_add(vault_real.ctx, &account, &id), 0);
    return id;
}

int vault_set_up(void **state)
{
    (void)state;
    vault_now_ms = 1700000000000;
    audit_seen = events_seen = 0;
    assert_int_equal(store_sqlite_open(":memory:", &vault_real), 0);
    vault_store = vault_failing();
    vault_fail_at(VAULT_NEVER);
    vault_ann = add_account("ann");
    vault_bob = add_account("bob");
    return 0;
}

int vault_tear_down(void **state)
{
    (void)state;
    vault_real.close(vault_real.ctx);
    return 0;
}

const uint8_t *vault_id(uint8_t device)
{
    static uint8_t ids[4][CYAN_ID_LEN];
    static unsigned turn;
    uint8_t *id = ids[turn++ % 4];
    memset(id, device, CYAN_ID_LEN);
    return id;
}

const uint8_t *vault_print(uint8_t key)
{
    static uint8_t prints[4][CYAN_SHA256_LEN];
    static unsigned turn;
    uint8_t *print = prints[turn++ % 4];
    memset(print, key, CYAN_SHA256_LEN);
    return print;
}

void vault_add_device(uint8_t device, uint32_t owner)
{
    struct store_device row = {.owner = owner, .created_ms = vault_now_ms};
    memcpy(row.id, vault_id(device), sizeof row.id);
    if (owner != 0) {
        (void)snprintf(row.name, sizeof row.name, "device_%u", device);
    }
    assert_int_equal(vault_real.device_add(vault_real.ctx, &row), 0);
}

void vault_say_hello(uint8_t device, const char *address)
{
    struct store_device row = vault_device(device);
    row.has_hello = true;
    row.platform_id = VAULT_PLATFORM;
    row.product_id = VAULT_PRODUCT;
    row.product_version = VAULT_VERSION;
    row.last_heard_ms = row.last_handshake_ms = vault_now_ms;
    (void)snprintf(row.last_ip, sizeof row.last_ip, "%s", address);
    assert_int_equal(vault_real.device_hello(vault_real.ctx, &row), 0);
}

void vault_put_row(const struct store_key *row)
{
    assert_int_equal(vault_real.key_put(vault_real.ctx, row), 0);
}

void vault_put_key(uint8_t device, uint8_t key, enum store_key_state state, const char *address)
{
    bool has_source = state != STORE_KEY_PENDING && state != STORE_KEY_DENIED;
    struct store_key row = {.state = state,
                            .source = has_source ? STORE_KEY_PROVISIONED : STORE_KEY_NO_SOURCE,
                            .created_ms = vault_now_ms,
                            .changed_ms = vault_now_ms,
                            .first_seen_ms = vault_now_ms,
                            .last_seen_ms = vault_now_ms};
    memcpy(row.device, vault_id(device), sizeof row.device);
    memcpy(row.fingerprint, vault_print(key), sizeof row.fingerprint);
    memset(row.spki, key ^ 0xFF, sizeof row.spki);
    (void)snprintf(row.last_ip, sizeof row.last_ip, "%s", address);
    vault_put_row(&row);
}

void vault_bind(uint32_t account, uint8_t device, uint8_t key, const char *name)
{
    struct store_binding binding = {.account = account, .created_ms = vault_now_ms};
    memcpy(binding.device, vault_id(device), sizeof binding.device);
    memcpy(binding.fingerprint, vault_print(key), sizeof binding.fingerprint);
    memset(binding.spki, key ^ 0xFF, sizeof binding.spki);
    (void)snprintf(binding.name, sizeof binding.name, "%s", name);
    assert_int_equal(vault_real.binding_put(vault_real.ctx, &binding), 0);
}

bool vault_has_key(uint8_t device, uint8_t key)
{
    struct store_key row;
    return vault_real.key_get(vault_real.ctx, vault_id(device), vault_print(key), &row) == 0;
}

struct store_key vault_key(uint8_t device, uint8_t key)
{
    struct store_key row;
    assert_int_equal(vault_real.key_get(vault_real.ctx, vault_id(device), vault_print(key), &row),
                     0);
    return row;
}

bool vault_is(uint8_t device, uint8_t key, enum store_key_state state)
{
    return vault_has_key(device, key) && vault_key(device, key).state == state;
}

struct counting {
    enum store_key_state state;
    size_t count;
};

static int count_key(void *arg, const struct store_key *key)
{
    struct counting *counting = arg;
    counting->count += key->state == counting->state;
    return 0;
}

size_t vault_count(uint8_t device, enum store_key_state state)
{
    struct counting counting = {.state = state};
    assert_int_equal(vault_real.key_each(vault_real.ctx, vault_id(device), count_key, &counting),
                     0);
    return counting.count;
}

struct store_device vault_device(uint8_t device)
{
    struct store_device row;
    assert_int_equal(vault_real.device_get(vault_real.ctx, vault_id(device), &row), 0);
    return row;
}

struct custody_case vault_case(uint8_t device, uint8_t key, const char *address)
{
    struct custody_case c = {.has_key = true,
                             .now_ms = vault_now_ms,
                             .hello = {.platform_id = VAULT_PLATFORM,
                                       .product_id = VAULT_PRODUCT,
                                       .product_version = VAULT_VERSION},
                             .unknown = UNKNOWN_QUARANTINE,
                             .is_described = true};
    memcpy(c.id, vault_id(device), sizeof c.id);
    memcpy(c.fingerprint, vault_print(key), sizeof c.fingerprint);
    memset(c.spki, key ^ 0xFF, sizeof c.spki);
    (void)snprintf(c.address, sizeof c.address, "%s", address);
    return c;
}

/* In place: a dossier points into itself. */
static void judge(const struct custody_case *c, struct vault_result *r)
{
    *r = (struct vault_result){.status = 0};
    r->status = dossier_read(&vault_store, c, &r->dossier);
    if (r->status == 0) {
        dossier_facts(&r->dossier, c, &r->facts, &r->familiar);
        custody_rule(&r->facts, &r->ruling);
    }
}

struct vault_result vault_judge(const struct custody_case *c)
{
    struct vault_result r;
    judge(c, &r);
    return r;
}

static struct custody_change change_now(void)
{
    return (struct custody_change){.store = &vault_store, .now_ms = vault_now_ms, .random = 77};
}

static void end(int status)
{
    if (status == 0) {
        assert_int_equal(vault_real.commit(vault_real.ctx), 0);
    } else {
        vault_real.rollback(vault_real.ctx);
    }
}

struct vault_result vault_prove(const struct custody_case *c)
{
    const struct custody_change change = change_now();
    struct vault_result r;
    assert_int_equal(vault_real.begin(vault_real.ctx), 0);
    judge(c, &r);
    if (r.status == 0 && r.ruling.verdict != SESSION_REFUSE) {
        r.status = custody_apply_proof(&change, c, &r.dossier, r.ruling.effect, &r.outcome);
    }
    end(r.status);
    return r;
}

struct custody_order vault_order_of(enum custody_action action, uint8_t device, uint8_t key)
{
    struct custody_order order = {
        .account = vault_ann, .by = "ann", .action = action, .via = "api"};
    memcpy(order.id, vault_id(device), sizeof order.id);
    memcpy(order.fingerprint, vault_print(key), sizeof order.fingerprint);
    if (action == ACTION_UPLOAD) {
        order.via = "upload";
        order.has_spki = true;
        memset(order.spki, key ^ 0xFF, sizeof order.spki);
    } else if (action == ACTION_UNREVOKE) {
        memcpy(order.reason, "it was found again", sizeof "it was found again");
    }
    return order;
}

struct vault_result vault_order(const struct custody_order *order)
{
    const struct custody_change change = change_now();
    struct vault_result r = {.status = 0};
    assert_int_equal(vault_real.begin(vault_real.ctx), 0);
    r.status = custody_apply_order(&change, order, &r.outcome);
    end(r.status);
    return r;
}

struct vault_result vault_do(enum custody_action action, uint8_t device, uint8_t key)
{
    struct custody_order order = vault_order_of(action, device, key);
    return vault_order(&order);
}

static int take_audit(void *arg, const struct store_audit *row)
{
    struct vault_told *told = arg;
    told->audit = *row;
    told->audit_count++;
    audit_seen = row->seq;
    return 0;
}

static int take_event(void *arg, const struct store_outbox *row)
{
    struct vault_told *told = arg;
    if (row->seq > events_seen) {
        assert_true(told->event_count < VAULT_EVENTS_MAX);
        told->events[told->event_count++] = *row;
        events_seen = row->seq;
    }
    return 0;
}

struct vault_told vault_told(void)
{
    struct vault_told told = {.audit_count = 0};
    assert_int_equal(vault_real.audit_each(vault_real.ctx, audit_seen, 1000, take_audit, &told), 0);
    assert_int_equal(vault_real.outbox_each(vault_real.ctx, take_event, &told), 0);
    return told;
}

void vault_expect_told(const char *action, const char *event, const char *via)
{
    struct vault_told told = vault_told();
    assert_int_equal(told.audit_count, 1);
    assert_string_equal(told.audit.action, action);
    assert_int_equal(told.event_count, event ? 1 : 0);
    if (event) {
        char want[64];
        assert_string_equal(told.events[0].name, event);
        (void)snprintf(want, sizeof want, "\"via\":%s%s%s", via ? "\"" : "", via ? via : "null",
                       via ? "\"" : "");
        if (!strstr(told.events[0].data, want)) {
            fail_msg("no %s in %s", want, told.events[0].data);
        }
    }
}

void vault_expect_nothing_told(void)
{
    struct vault_told told = vault_told();
    assert_int_equal(told.audit_count, 0);
    assert_int_equal(told.event_count, 0);
}

/* --- all of it, as text --- */

struct text {
    char *at;
    size_t left;
};

static void put(struct text *text, const char *name, const void *data, size_t len)
{
    int n = snprintf(text->at, text->left, "%s ", name);
    assert_true(n > 0 && (size_t)n + 2 * len + 2 < text->left);
    text->at += n;
    cyan_hex_encode(data, len, text->at);
    text->at += 2 * len;
    *text->at++ = '\n';
    *text->at = '\0';
    text->left -= (size_t)n + 2 * len + 1;
}

static int put_key(void *arg, const struct store_key *key)
{
    char line[512];
    int n = snprintf(line, sizeof line, "%02x %d %d %u %lld %lld %s %lld %lld %d %02x",
                     key->fingerprint[0], key->state, key->source, (unsigned)key->by_account,
                     (long long)key->first_seen_ms, (long long)key->last_seen_ms, key->last_ip,
                     (long long)key->created_ms, (long long)key->changed_ms, key->replaced_via,
                     key->has_replaced_by ? key->replaced_by[0] : 0);
    put(arg, "key", line, (size_t)n);
    return 0;
}

static int put_binding(void *arg, const struct store_binding *binding)
{
    put(arg, binding->name, binding->fingerprint, sizeof binding->fingerprint);
    return 0;
}

static int put_event(void *arg, const struct store_outbox *row)
{
    put(arg, row->name, row->data, strlen(row->data));
    return 0;
}

static int put_audit(void *arg, const struct store_audit *row)
{
    put(arg, row->action, row->head, sizeof row->head);
    return 0;
}

static void put_policy(struct text *text, const char *subject)
{
    char value[STORE_POLICY_MAX + 1];
    if (vault_real.policy_get(vault_real.ctx, subject, value, sizeof value) == 0) {
        put(text, subject, value, strlen(value));
    }
}

static void put_device(struct text *text, uint8_t device)
{
    struct store_device row;
    char id[CYAN_ID_TEXT], subject[64];
    if (vault_real.device_get(vault_real.ctx, vault_id(device), &row) == 0) {
        char line[512];
        int n = snprintf(line, sizeof line, "%u %s %d %u %s %lld %lld %lld %d %u",
                         (unsigned)row.owner, row.name, row.has_hello, row.platform_id, row.last_ip,
                         (long long)row.last_heard_ms, (long long)row.last_handshake_ms,
                         (long long)row.last_heal_ms, row.heal_off, row.server_key[0]);
        put(text, "device", line, (size_t)n);
    }
    assert_int_equal(vault_real.key_each(vault_real.ctx, vault_id(device), put_key, text), 0);
    assert_int_equal(vault_real.binding_each(vault_real.ctx, vault_id(device), put_binding, text),
                     0);
    cyan_hex_encode(vault_id(device), CYAN_ID_LEN, id);
    (void)snprintf(subject, sizeof subject, "device:%s", id);
    put_policy(text, subject);
}

const char *vault_dump(void)
{
    const uint8_t last = 8;
    static char texts[2][VAULT_TEXT_MAX];
    static unsigned turn;
    char *start = texts[turn++ % 2];
    struct text text = {start, VAULT_TEXT_MAX};
    *start = '\0';
    for (uint8_t i = 1; i <= last; i++) {
        put_device(&text, i);
    }
    put_policy(&text, "account:1");
    put_policy(&text, "account:2");
    assert_int_equal(vault_real.outbox_each(vault_real.ctx, put_event, &text), 0);
    assert_int_equal(vault_real.audit_each(vault_real.ctx, 0, 10000, put_audit, &text), 0);
    return start;
}

void vault_plain_device(void)
{
    vault_add_device(1, vault_ann);
    vault_put_key(1, 1, STORE_KEY_TRUSTED, VAULT_HOME);
    vault_say_hello(1, VAULT_HOME);
}

void vault_set_policy(enum policy_value base)
{
    struct policy policy;
    policy_init(&policy);
    policy.base = base;
    assert_int_equal(policy_put_device(&vault_store, vault_id(1), &policy), 0);
}

void vault_open_window(uint8_t first, uint8_t last)
{
    struct policy policy;
    policy_init(&policy);
    policy.opened_ms = vault_now_ms;
    policy.until_ms = vault_now_ms + 600000;
    for (uint8_t i = first; i <= last; i++) {
        memcpy(policy.ids[policy.id_count++], vault_id(i), CYAN_ID_LEN);
    }
    assert_int_equal(policy_put_account(&vault_store, vault_ann, &policy), 0);
}

void vault_expect_prints(const struct vault_told *told, uint8_t old, uint8_t new)
{
    char want[256], hex[2][3];
    char prints[2][2 * CYAN_SHA256_LEN + 3];
    const uint8_t numbers[2] = {old, new};
    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(hex[i], sizeof hex[i], "%02x", numbers[i]);
        (void)snprintf(prints[i], sizeof prints[i], numbers[i] ? "\"" : "null");
        for (size_t k = 0; numbers[i] && k < CYAN_SHA256_LEN; k++) {
            memcpy(prints[i] + 1 + 2 * k, hex[i], 2);
            memcpy(prints[i] + 3 + 2 * k, "\"", 2);
        }
    }
    (void)snprintf(want, sizeof want, "\"old\":%s,\"new\":%s,", prints[0], prints[1]);
    if (!strstr(told->events[0].data, want)) {
        fail_msg("no %s in %s", want, told->events[0].data);
    }
}

int vault_fail_everywhere(int (*act)(void))
{
    for (int call = 0; call < 1000; call++) {
        const char *before = vault_dump();
        vault_fail_at(call);
        int status = act();
        bool failed = vault_has_failed();
        vault_fail_at(VAULT_NEVER);
        if (!failed) {
            assert_int_equal(status, 0);
            assert_string_not_equal(vault_dump(), before);
            return call;
        }
        assert_int_equal(status, CYAN_E_IO);
        assert_string_equal(vault_dump(), before);
    }
    fail_msg("it never ends");
    return 0;
}
