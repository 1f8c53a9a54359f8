#include "server/cloud/policy.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/hex.h"
#include "server/json.h"

static const char *const names[] = {
    [POLICY_NONE] = "none", [POLICY_STRICT] = "strict", [POLICY_QUARANTINE] = "quarantine",
    [POLICY_HEAL] = "heal", [POLICY_ENROLL] = "enroll",
};

const char *policy_name(enum policy_value value)
{
    return names[value];
}

enum policy_value policy_value_of(const char *name)
{
    for (size_t i = POLICY_STRICT; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i], name) == 0) {
            return (enum policy_value)i;
        }
    }
    return POLICY_NONE;
}

void policy_init(struct policy *policy)
{
    *policy = (struct policy){.base = POLICY_NONE, .familiar = FAMILIAR_ALL};
}

static int parse_networks(const json_t *list, struct policy *policy)
{
    size_t i;
    json_t *item;
    json_array_foreach(list, i, item)
    {
        const char *text = json_string_value(item);
        if (i == POLICY_NETWORKS_MAX || !text || !policy_network_ok(text)) {
            return CYAN_E_CORRUPT;
        }
        memcpy(policy->networks[policy->network_count++], text, strlen(text) + 1);
    }
    return 0;
}

static int parse_ids(const json_t *list, struct policy *policy)
{
    size_t i;
    json_t *item;
    json_array_foreach(list, i, item)
    {
        const char *text = json_string_value(item);
        if (i == POLICY_IDS_MAX || !text ||
            cyan_hex_decode(text, strlen(text), policy->ids[i], CYAN_ID_LEN) < 0) {
            return CYAN_E_CORRUPT;
        }
        policy->id_count++;
    }
    return 0;
}

int policy_parse(const char *text, struct policy *out_policy)
{
    struct policy policy;
    json_t *root = json_loads(text, 0, NULL);
    const char *base = json_string_value(json_object_get(root, "base"));
    const json_t *familiar = json_object_get(root, "familiar");
    int status = base && json_is_integer(familiar) ? 0 : CYAN_E_CORRUPT;
    policy_init(&policy);
    if (status == 0) {
        policy.base = policy_value_of(base);
        bool is_none = policy.base == POLICY_NONE && strcmp(base, names[POLICY_NONE]) == 0;
        bool is_base = policy.base != POLICY_NONE && policy.base != POLICY_ENROLL;
        status = is_none || is_base ? 0 : CYAN_E_CORRUPT;
    }
    if (status == 0) {
        policy.familiar = (unsigned)json_integer_value(familiar) & FAMILIAR_ALL;
        policy.opened_ms = json_integer_value(json_object_get(root, "opened"));
        policy.until_ms = json_integer_value(json_object_get(root, "until"));
        status = parse_networks(json_object_get(root, "networks"), &policy);
    }
    if (status == 0) {
        status = parse_ids(json_object_get(root, "ids"), &policy);
    }
    json_decref(root);
    if (status == 0) {
        *out_policy = policy;
    }
    return status;
}

int policy_format(const struct policy *policy, char *out_text, size_t cap)
{
    struct json json;
    jsonw_init(&json, out_text, cap - 1);
    jsonw_object(&json);
    jsonw_put_text(&json, "base", names[policy->base]);
    jsonw_put_int(&json, "familiar", policy->familiar);
    jsonw_put_int(&json, "opened", policy->opened_ms);
    jsonw_put_int(&json, "until", policy->until_ms);
    jsonw_key(&json, "networks");
    jsonw_array(&json);
    for (size_t i = 0; i < policy->network_count; i++) {
        jsonw_text(&json, policy->networks[i]);
    }
    jsonw_array_end(&json);
    jsonw_key(&json, "ids");
    jsonw_array(&json);
    for (size_t i = 0; i < policy->id_count; i++) {
        char id[CYAN_ID_TEXT];
        cyan_hex_encode(policy->ids[i], CYAN_ID_LEN, id);
        jsonw_text(&json, id);
    }
    jsonw_array_end(&json);
    jsonw_object_end(&json);
    if (jsonw_failed(&json)) {
        return CYAN_E_NO_SPACE;
    }
    out_text[json.len] = '\0';
    return 0;
}

enum { SUBJECT_MAX = 40 };

static void account_subject(uint32_t account, char out[static SUBJECT_MAX])
{
    (void)snprintf(out, SUBJECT_MAX, "account:%u", (unsigned)account);
}

static void device_subject(const uint8_t *id, char out[static SUBJECT_MAX])
{
    char text[CYAN_ID_TEXT];
    cyan_hex_encode(id, CYAN_ID_LEN, text);
    (void)snprintf(out, SUBJECT_MAX, "device:%s", text);
}

static int get(const struct store *store, const char *subject, struct policy *out_policy)
{
    char text[STORE_POLICY_MAX + 1];
    int status = store->policy_get(store->ctx, subject, text, sizeof text);
    if (status == CYAN_E_NOT_FOUND) {
        policy_init(out_policy);
        return 0;
    }
    return status == 0 ? policy_parse(text, out_policy) : status;
}

static int put(const struct store *store, const char *subject, const struct policy *policy)
{
    char text[STORE_POLICY_MAX + 1];
    if (policy->base == POLICY_NONE && policy->until_ms == 0) {
        return store->policy_remove(store->ctx, subject);
    }
    int status = policy_format(policy, text, sizeof text);
    return status == 0 ? store->policy_put(store->ctx, subject, text) : status;
}

int policy_of_account(const struct store *store, uint32_t account, struct policy *out_policy)
{
    char subject[SUBJECT_MAX];
    account_subject(account, subject);
    return get(store, subject, out_policy);
}

int policy_of_device(const struct store *store, const uint8_t id[static CYAN_ID_LEN],
                     struct policy *out_policy)
{
    char subject[SUBJECT_MAX];
    device_subject(id, subject);
    return get(store, subject, out_policy);
}

int policy_put_account(const struct store *store, uint32_t account, const struct policy *policy)
{
    char subject[SUBJECT_MAX];
    account_subject(account, subject);
    return put(store, subject, policy);
}

int policy_put_device(const struct store *store, const uint8_t id[static CYAN_ID_LEN],
                      const struct policy *policy)
{
    char subject[SUBJECT_MAX];
    device_subject(id, subject);
    return put(store, subject, policy);
}

bool policy_is_open(const struct policy *policy, int64_t now_ms)
{
    return policy->until_ms > now_ms;
}

static size_t place_of(const struct policy *policy, const uint8_t *id)
{
    size_t i = 0;
    while (i < policy->id_count && memcmp(policy->ids[i], id, CYAN_ID_LEN) != 0) {
        i++;
    }
    return i;
}

bool policy_names(const struct policy *policy, const uint8_t id[static CYAN_ID_LEN])
{
    return place_of(policy, id) < policy->id_count;
}

void policy_serve(struct policy *policy, const uint8_t id[static CYAN_ID_LEN])
{
    /* However often it is named. */
    for (size_t i; (i = place_of(policy, id)) < policy->id_count;) {
        policy->id_count--;
        memmove(policy->ids[i], policy->ids[i + 1], (policy->id_count - i) * CYAN_ID_LEN);
    }
    if (policy->id_count == 0) {
        policy->opened_ms = 0;
        policy->until_ms = 0;
    }
}

/* An address as bytes; its length, 0 when it is none. */
static size_t address_bytes(const char *text, uint8_t out[static 16])
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    if (uv_ip4_addr(text, 0, &v4) == 0) {
        memcpy(out, &v4.sin_addr, 4);
        return 4;
    }
    if (uv_ip6_addr(text, 0, &v6) == 0) {
        memcpy(out, &v6.sin6_addr, 16);
        return 16;
    }
    return 0;
}

/* The bytes of a network and how many of their bits count. */
static size_t network_bytes(const char *text, uint8_t out[static 16], unsigned *out_bits)
{
    char address[POLICY_NETWORK_TEXT];
    const char *slash = strchr(text, '/');
    size_t len = slash ? (size_t)(slash - text) : strlen(text);
    if (len >= sizeof address) {
        return 0;
    }
    memcpy(address, text, len);
    address[len] = '\0';
    size_t bytes = address_bytes(address, out);
    unsigned bits = (unsigned)bytes * 8;
    if (bytes > 0 && slash) {
        size_t digits = strspn(slash + 1, "0123456789");
        if (digits == 0 || digits > 3 || slash[1 + digits] != '\0') {
            return 0;
        }
        unsigned long asked = strtoul(slash + 1, NULL, 10);
        if (asked > bits) {
            return 0;
        }
        bits = (unsigned)asked;
    }
    *out_bits = bits;
    return bytes;
}

bool policy_network_ok(const char *text)
{
    uint8_t bytes[16];
    unsigned bits;
    return strlen(text) < POLICY_NETWORK_TEXT && network_bytes(text, bytes, &bits) > 0;
}

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned whole = bits / 8;
    unsigned rest = bits % 8;
    if (memcmp(a, b, whole) != 0) {
        return false;
    }
    return rest == 0 || ((a[whole] ^ b[whole]) & (0xFF00U >> rest) & 0xFFU) == 0;
}

bool policy_covers(const struct policy *policy, const char *address)
{
    uint8_t have[16];
    uint8_t want[16];
    unsigned bits = 0;
    size_t len = address_bytes(address, have);
    for (size_t i = 0; len > 0 && i < policy->network_count; i++) {
        if (network_bytes(policy->networks[i], want, &bits) == len && same_bits(have, want, bits)) {
            return true;
        }
    }
    return false;
}

void policy_choose(const struct policy *device, const struct policy *account,
                   const uint8_t id[static CYAN_ID_LEN], int64_t now_ms,
                   struct policy_choice *out_choice)
{
    const struct policy *base = device->base != POLICY_NONE    ? device
                                : account->base != POLICY_NONE ? account
                                                               : NULL;
    /* A window of the account stands above the account's policy, not above the device's own. */
    const struct policy *window =
        policy_is_open(device, now_ms) && policy_names(device, id)                       ? device
        : base != device && policy_is_open(account, now_ms) && policy_names(account, id) ? account
                                                                                         : NULL;
    const struct policy *of = window ? window : base;
    *out_choice = (struct policy_choice){
        .base = base ? base->base : POLICY_QUARANTINE,
        .from = of == device    ? "device"
                : of == account ? "account"
                                : "default",
        .of = of,
        .familiar_of = base,
    };
    out_choice->value = window ? POLICY_ENROLL : out_choice->base;
}
