/* Policies: of the account, of a device. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/hex.h"
#include "server/api/reply.h"
#include "server/api/routes.h"
#include "server/api/when.h"
#include "server/cloud/policies.h"
#include "server/net/log.h"

static void put_familiar(struct json *json, unsigned familiar)
{
    jsonw_key(json, "familiar");
    jsonw_object(json);
    jsonw_put_bool(json, "absent", (familiar & FAMILIAR_ABSENT) != 0);
    jsonw_put_bool(json, "firmware", (familiar & FAMILIAR_FIRMWARE) != 0);
    jsonw_put_bool(json, "module", (familiar & FAMILIAR_MODULE) != 0);
    jsonw_put_bool(json, "address", (familiar & FAMILIAR_ADDRESS) != 0);
    jsonw_object_end(json);
}

static void put_window(struct json *json, const struct policy *policy, bool is_open)
{
    jsonw_put_time(json, "until", is_open ? policy->until_ms : 0);
    jsonw_key(json, "ids");
    if (!is_open) {
        jsonw_null(json);
        return;
    }
    jsonw_array(json);
    for (size_t i = 0; i < policy->id_count; i++) {
        char id[CYAN_ID_TEXT];
        cyan_hex_encode(policy->ids[i], CYAN_ID_LEN, id);
        jsonw_text(json, id);
    }
    jsonw_array_end(json);
}

static void put_networks(struct json *json, const struct policy *policy)
{
    jsonw_key(json, "networks");
    if (!policy || policy->network_count == 0) {
        jsonw_null(json);
        return;
    }
    jsonw_array(json);
    for (size_t i = 0; i < policy->network_count; i++) {
        jsonw_text(json, policy->networks[i]);
    }
    jsonw_array_end(json);
}

static void on_policy(void *arg, int status, const struct policy_view *view)
{
    struct request *request = arg;
    struct json json;
    if (!request_back(request)) {
        return;
    }
    if (status == CYAN_E_NOT_FOUND) {
        reply_error(
            request, 409, "NOT_PROVEN",
            "The device has proven no key yet; it has a policy of its own only after that.");
        return;
    }
    if (status < 0) {
        reply_status(request, status);
        return;
    }
    const struct policy_choice *choice = &view->choice;
    bool is_open = choice->value == POLICY_ENROLL;
    jsonw_init_heap(&json, REPLY_JSON_MAX);
    jsonw_object(&json);
    jsonw_put_text(&json, "policy", policy_name(choice->value));
    put_window(&json, choice->of, is_open);
    put_networks(&json, choice->familiar_of);
    put_familiar(&json, choice->familiar_of ? choice->familiar_of->familiar : FAMILIAR_ALL);
    jsonw_put_text(&json, "from", choice->from);
    jsonw_put_text(&json, "base", policy_name(choice->base));
    jsonw_object_end(&json);
    reply_json(request, 200, &json);
}

/* What a body asks for. */
struct wanted {
    struct policy_change change;
    uint8_t ids[POLICY_IDS_MAX][CYAN_ID_LEN];
    char networks[POLICY_NETWORKS_MAX][POLICY_NETWORK_TEXT];
};

/* Whether a member is there and means something: null is as good as left out. */
static bool is_given(const json_t *member)
{
    return member && !json_is_null(member);
}

static const char *read_ids(const json_t *list, struct wanted *w)
{
    size_t i;
    json_t *item;
    if (is_given(list) && !json_is_array(list)) {
        return "ids is a list of device ids, each of 24 hexadecimal digits.";
    }
    json_array_foreach(list, i, item)
    {
        const char *text = json_string_value(item);
        if (i == POLICY_IDS_MAX) {
            return "A window names at most 256 ids.";
        }
        if (!text || cyan_hex_decode(text, strlen(text), w->ids[i], CYAN_ID_LEN) < 0) {
            return "ids is a list of device ids, each of 24 hexadecimal digits.";
        }
        w->change.id_count++;
    }
    return NULL;
}

static const char *read_networks(const json_t *list, struct wanted *w)
{
    size_t i;
    json_t *item;
    if (is_given(list) && !json_is_array(list)) {
        return "networks is a list of networks such as 10.0.0.0/8.";
    }
    json_array_foreach(list, i, item)
    {
        const char *text = json_string_value(item);
        if (i == POLICY_NETWORKS_MAX) {
            return "A policy has at most 16 networks.";
        }
        if (!text || !policy_network_ok(text)) {
            return "networks is a list of networks such as 10.0.0.0/8.";
        }
        memcpy(w->networks[i], text, strlen(text) + 1);
        w->change.network_count++;
    }
    return NULL;
}

static const char *read_familiar(const json_t *object, struct wanted *w)
{
    static const struct {
        const char *name;
        unsigned bit;
    } switches[] = {{"absent", FAMILIAR_ABSENT},
                    {"firmware", FAMILIAR_FIRMWARE},
                    {"module", FAMILIAR_MODULE},
                    {"address", FAMILIAR_ADDRESS}};
    const char *key;
    json_t *value;
    if (is_given(object) && !json_is_object(object)) {
        return "familiar has absent, firmware, module and address, each true or false.";
    }
    json_object_foreach((json_t *)object, key, value)
    {
        size_t i = 0;
        while (i < sizeof switches / sizeof switches[0] && strcmp(switches[i].name, key) != 0) {
            i++;
        }
        if (i == sizeof switches / sizeof switches[0] || !json_is_boolean(value)) {
            return "familiar has absent, firmware, module and address, each true or false.";
        }
        if (!json_is_true(value)) {
            w->change.familiar &= ~switches[i].bit;
        }
    }
    return NULL;
}

/* When a window ends. */
static const char *read_until(const json_t *root, struct wanted *w)
{
    const json_t *seconds = json_object_get(root, "for");
    const json_t *end = json_object_get(root, "until");
    int64_t now = clock_now_ms();
    int64_t ms = (int64_t)POLICY_WINDOW_S * 1000;
    if (is_given(seconds) && (!json_is_integer(seconds) || json_integer_value(seconds) < 1 ||
                              json_integer_value(seconds) > POLICY_WINDOW_MAX_S)) {
        return "for is a number of seconds, at most a day.";
    }
    if (is_given(seconds)) {
        ms = json_integer_value(seconds) * 1000;
    }
    w->change.until_ms = now + ms;
    if (is_given(end) &&
        (!json_is_string(end) || when_read(json_string_value(end), &w->change.until_ms) < 0)) {
        return "until is a time such as 2026-01-02T03:04:05Z.";
    }
    if (w->change.until_ms <= now ||
        w->change.until_ms > now + (int64_t)POLICY_WINDOW_MAX_S * 1000) {
        return "A window ends in the future, and within a day.";
    }
    return NULL;
}

static const char *read_window(const struct request *request, const json_t *root, struct wanted *w)
{
    if (w->change.id_count == 0) {
        return "enroll names its devices: give ids.";
    }
    bool of_device = request->match.route->needs == NEEDS_DEVICE;
    if (of_device &&
        (w->change.id_count != 1 || memcmp(w->ids[0], request->device.id, CYAN_ID_LEN) != 0)) {
        return "The window of a device names that device alone.";
    }
    return read_until(root, w);
}

static const char *read_change(const struct request *request, const json_t *root, struct wanted *w)
{
    const char *name = json_string_value(json_object_get(root, "policy"));
    w->change = (struct policy_change){.value = name ? policy_value_of(name) : POLICY_NONE,
                                       .ids = (const uint8_t(*)[CYAN_ID_LEN])w->ids,
                                       .networks = (const char(*)[POLICY_NETWORK_TEXT])w->networks,
                                       .familiar = FAMILIAR_ALL};
    if (w->change.value == POLICY_NONE) {
        return "policy is strict, quarantine, heal or enroll.";
    }
    const char *why = read_ids(json_object_get(root, "ids"), w);
    if (!why) {
        why = read_networks(json_object_get(root, "networks"), w);
    }
    if (!why) {
        why = read_familiar(json_object_get(root, "familiar"), w);
    }
    if (!why && w->change.value == POLICY_ENROLL) {
        why = read_window(request, root, w);
    }
    return why;
}

static void start(struct request *request, const struct policy_change *change)
{
    const struct policy_level level = {
        .account = request->account,
        .device = request->match.route->needs == NEEDS_DEVICE ? request->device.id : NULL};
    policies_change(request->cloud, &level, change, on_policy, request_wait(request));
}

void route_policy_get(struct request *request)
{
    start(request, NULL);
}

void route_policy_put(struct request *request)
{
    struct wanted *w = calloc(1, sizeof *w);
    json_t *root = json_loadb(request->body ? request->body : "", request->body_len, 0, NULL);
    const char *why = NULL;
    if (!w) {
        json_decref(root);
        reply_status(request, CYAN_E_NO_MEMORY);
        return;
    }
    why = json_is_object(root) ? read_change(request, root, w) : "Send a JSON object with policy.";
    json_decref(root);
    if (why) {
        reply_error(request, 400, "INVALID", why);
    } else {
        start(request, &w->change);
    }
    free(w);
}

void route_policy_delete(struct request *request)
{
    start(request, &(struct policy_change){.removes = true});
}

void route_policy_product(struct request *request)
{
    reply_error(request, 501, "NOT_SUPPORTED", "There are no products yet.");
}
