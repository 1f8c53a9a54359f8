/* The keys of a device: the list, what an owner does with one, and the check of one. */
#include <string.h>

#include "base/err.h"
#include "base/hex.h"
#include "keys/fingerprint.h"
#include "keys/spki.h"
#include "server/api/reply.h"
#include "server/api/routes.h"
#include "server/cloud/custody.h"

static void put_print(struct json *json, const uint8_t *fingerprint)
{
    char full[CYAN_FINGERPRINT_TEXT];
    char brief[CYAN_FINGERPRINT_SHORT];
    cyan_hex_encode(fingerprint, CYAN_SHA256_LEN, full);
    cyan_fingerprint_shorten(full, brief);
    jsonw_put_text(json, "fingerprint", full);
    jsonw_put_text(json, "short", brief);
}

static const char *session_name(enum key_session session)
{
    static const char *const names[] = {
        [KEY_SESSION_NONE] = "none", [KEY_SESSION_FULL] = "full", [KEY_SESSION_HELD] = "held"};
    return names[session];
}

/* Without its braces, so that more can follow. */
static void put_key(struct json *json, const struct store_key *key, const char *state,
                    enum key_session session, const char *by)
{
    put_print(json, key->fingerprint);
    jsonw_put_text(json, "state", state);
    jsonw_put_text(json, "source", store_key_source_name(key->source));
    jsonw_put_text(json, "algorithm", "rsa");
    jsonw_put_time(json, "first_seen", key->first_seen_ms);
    jsonw_put_time(json, "last_seen", key->last_seen_ms);
    jsonw_put_text(json, "last_ip", key->last_ip[0] != '\0' ? key->last_ip : NULL);
    jsonw_put_bool(json, "online", session == KEY_SESSION_FULL);
    jsonw_put_text(json, "session", session_name(session));
    jsonw_put_text(json, "by", by[0] != '\0' ? by : NULL);
}

static void put_policy(struct json *json, const struct keys_view *view)
{
    jsonw_key(json, "policy");
    jsonw_object(json);
    jsonw_put_text(json, "value", policy_name(view->choice.value));
    jsonw_put_text(json, "from", view->choice.from);
    jsonw_put_time(json, "until", view->until_ms);
    jsonw_object_end(json);
}

static void on_keys(void *arg, int status, const struct keys_view *view)
{
    struct request *request = arg;
    struct json json;
    char id[CYAN_ID_TEXT];
    if (!reply_back(request, status)) {
        return;
    }
    cyan_hex_encode(request->device.id, CYAN_ID_LEN, id);
    jsonw_init_heap(&json, REPLY_JSON_MAX);
    jsonw_object(&json);
    jsonw_put_text(&json, "device", id);
    put_policy(&json, view);
    jsonw_put_bool(&json, "contested", view->contested);
    jsonw_key(&json, "keys");
    jsonw_array(&json);
    for (size_t i = 0; i < view->count; i++) {
        const struct key_view *key = &view->keys[i];
        jsonw_object(&json);
        put_key(&json, &key->key, store_key_state_name(key->key.state), key->session, key->by);
        jsonw_object_end(&json);
    }
    jsonw_array_end(&json);
    jsonw_object_end(&json);
    reply_json(request, 200, &json);
}

void route_keys_list(struct request *request)
{
    custody_keys(request->cloud, &request->device, request->account.id, on_keys,
                 request_wait(request));
}

/* The state is the one that did not allow it. */
static void reply_conflict(struct request *request, enum store_key_state state)
{
    struct json json;
    jsonw_init_heap(&json, REPLY_JSON_MAX);
    jsonw_object(&json);
    jsonw_put_bool(&json, "ok", false);
    jsonw_put_text(&json, "error", "The state of this key does not allow that.");
    jsonw_put_text(&json, "state", store_key_state_name(state));
    jsonw_put_text(&json, "code", "KEY_STATE");
    jsonw_object_end(&json);
    reply_json(request, 409, &json);
}

static void on_order(void *arg, int status, const struct custody_outcome *outcome)
{
    struct request *request = arg;
    struct json json;
    if (!request_back(request)) {
        return;
    }
    if (status == CYAN_E_EXISTS) {
        reply_conflict(request, outcome->was);
        return;
    }
    if (status == CYAN_E_NOT_FOUND) {
        reply_error(request, 404, "NOT_FOUND", "The device has no key with this fingerprint.");
        return;
    }
    if (status < 0) {
        reply_status(request, status);
        return;
    }
    const struct store_key *key = &outcome->key;
    uint32_t shard;
    uint64_t serial;
    enum key_session session =
        custody_session(request->cloud, request->device.id, key->fingerprint, &shard, &serial);
    jsonw_init_heap(&json, REPLY_JSON_MAX);
    jsonw_object(&json);
    put_key(&json, key, outcome->is_gone ? "none" : store_key_state_name(key->state), session,
            outcome->by);
    jsonw_put_text(&json, "takes_effect", session == KEY_SESSION_NONE ? "next-connect" : "now");
    jsonw_object_end(&json);
    reply_json(request, 200, &json);
}

/* The words that may stand in via; NULL for others. */
static const char *via_of(const char *word)
{
    static const char *const words[] = {"blink", "fingerprint", "claim", "remote"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(words[i], word) == 0) {
            return words[i];
        }
    }
    return NULL;
}

/* NULL, or why the order cannot be. */
static const char *read_order(const struct request *request, struct custody_order *order)
{
    const char *text = request->match.params[1];
    const char *via = fields_text(request->form, "via");
    const char *reason = fields_text(request->form, "reason");
    order->via = via ? via_of(via) : "api";
    if (cyan_hex_decode(text, strlen(text), order->fingerprint, CYAN_SHA256_LEN) < 0) {
        return "A key is named by its full fingerprint: 64 hexadecimal digits.";
    }
    if (!order->via) {
        return "via is blink, fingerprint, claim or remote.";
    }
    if (order->action == ACTION_UNREVOKE && (!reason || reason[0] == '\0')) {
        return "Give a reason: it stays in the audit.";
    }
    if (reason && strlen(reason) > CUSTODY_REASON_MAX / 2) {
        return "A reason has at most 128 characters.";
    }
    if (reason) {
        memcpy(order->reason, reason, strlen(reason) + 1);
    }
    return NULL;
}

static void start_order(struct request *request, enum custody_action action)
{
    struct custody_order order = {.account = request->account.id, .action = action};
    const char *why = read_order(request, &order);
    if (why) {
        reply_error(request, 400, "INVALID", why);
        return;
    }
    if (action == ACTION_UNREVOKE || action == ACTION_REVERT) {
        order.via = custody_action_name(action);
    }
    memcpy(order.by, request->account.name, sizeof order.by);
    memcpy(order.id, request->device.id, sizeof order.id);
    custody_order(request->cloud, &order, request->account.is_operator, on_order,
                  request_wait(request));
}

void route_key_approve(struct request *request)
{
    start_order(request, ACTION_APPROVE);
}

void route_key_deny(struct request *request)
{
    start_order(request, ACTION_DENY);
}

void route_key_revoke(struct request *request)
{
    start_order(request, ACTION_REVOKE);
}

void route_key_unrevoke(struct request *request)
{
    start_order(request, ACTION_UNREVOKE);
}

void route_key_revert(struct request *request)
{
    start_order(request, ACTION_REVERT);
}

/* --- check --- */

/* The fingerprint that is asked about. NULL, or why there is none. */
static const char *read_asked(const struct request *request,
                              uint8_t out_fingerprint[static CYAN_SHA256_LEN])
{
    const char *pem = fields_text(request->form, "public_key");
    const char *text = fields_text(request->form, "fingerprint");
    char made[CYAN_FINGERPRINT_TEXT];
    uint8_t spki[CYAN_DEVICE_SPKI_LEN];
    if ((pem != NULL) == (text != NULL)) {
        return "Give either public_key (PEM) or fingerprint (64 hexadecimal digits).";
    }
    if (pem) {
        if (cyan_spki_device_from_pem(pem, strlen(pem), spki) < 0 ||
            cyan_fingerprint_make(spki, sizeof spki, made) < 0) {
            return "public_key is not the PEM text of a device's key.";
        }
        text = made;
    }
    if (cyan_hex_decode(text, strlen(text), out_fingerprint, CYAN_SHA256_LEN) < 0) {
        return "A fingerprint has 64 hexadecimal digits.";
    }
    return NULL;
}

/* Denied is told as unknown: what an owner thinks of a key is his own. */
static void on_check(void *arg, int status, const struct keys_view *view)
{
    struct request *request = arg;
    struct json json;
    uint8_t fingerprint[CYAN_SHA256_LEN];
    const char *found = "unknown";
    int64_t since_ms = 0;
    if (!reply_back(request, status)) {
        return;
    }
    const char *why = read_asked(request, fingerprint);
    if (why) {
        reply_error(request, 400, "INVALID", why);
        return;
    }
    for (size_t i = 0; i < view->count; i++) {
        const struct store_key *key = &view->keys[i].key;
        if (memcmp(key->fingerprint, fingerprint, sizeof fingerprint) == 0 &&
            key->state != STORE_KEY_DENIED) {
            found = store_key_state_name(key->state);
            since_ms = key->changed_ms;
        }
    }
    jsonw_init_heap(&json, REPLY_JSON_MAX);
    jsonw_object(&json);
    jsonw_put_text(&json, "status", found);
    jsonw_put_time(&json, "since", since_ms);
    jsonw_object_end(&json);
    reply_json(request, 200, &json);
}

void route_key_check(struct request *request)
{
    uint8_t fingerprint[CYAN_SHA256_LEN];
    const char *why = read_asked(request, fingerprint);
    if (why) {
        reply_error(request, 400, "INVALID", why);
    } else if (!custody_may_check(request->cloud, request->account.id)) {
        reply_error(request, 429, "TOO_MANY", "Sixty checks a minute are enough; try again later.");
    } else {
        custody_keys(request->cloud, &request->device, request->account.id, on_check,
                     request_wait(request));
    }
}
