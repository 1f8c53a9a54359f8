#include "server/api/router.h"

#include <stdbool.h>
#include <string.h>

#include "server/api/body.h"
#include "server/api/routes.h"

/* The first that fits counts: words go before placeholders. */
static const struct route routes[] = {
    {"GET", "/healthz", NEEDS_NOTHING, route_health},
    {"POST", "/oauth/token", NEEDS_NOTHING, route_token},
    {"GET", "/v1/system/server-key.pem", NEEDS_NOTHING, route_server_key_pem},
    {"GET", "/v1/system/server-key.der", NEEDS_NOTHING, route_server_key_der},
    {"POST", "/v1/users", NEEDS_NOTHING, route_user_create},
    {"GET", "/v1/user", NEEDS_ACCOUNT, route_user_get},
    {"DELETE", "/v1/access_tokens/current", NEEDS_ACCOUNT, route_token_delete},
    {"GET", "/v1/events/*", NEEDS_ACCOUNT, route_stream_all},
    {"POST", "/v1/devices/events", NEEDS_ACCOUNT, route_publish},
    {"GET", "/v1/devices/events/*", NEEDS_ACCOUNT, route_stream_mine},
    {"GET", "/v1/system/server-keys", NEEDS_ACCOUNT, route_server_keys},
    {"GET", "/v1/user/key-policy", NEEDS_ACCOUNT, route_policy_get},
    {"PUT", "/v1/user/key-policy", NEEDS_ACCOUNT, route_policy_put},
    {"DELETE", "/v1/user/key-policy", NEEDS_ACCOUNT, route_policy_delete},
    {"GET", "/v1/products/:product/key-policy", NEEDS_ACCOUNT, route_policy_product},
    {"PUT", "/v1/products/:product/key-policy", NEEDS_ACCOUNT, route_policy_product},
    {"DELETE", "/v1/products/:product/key-policy", NEEDS_ACCOUNT, route_policy_product},
    {"POST", "/v1/device_claims", NEEDS_ACCOUNT, route_claim_code},
    {"GET", "/v1/devices", NEEDS_ACCOUNT, route_device_list},
    {"POST", "/v1/devices", NEEDS_ACCOUNT, route_claim},
    {"DELETE", "/v1/devices/:device", NEEDS_DEVICE, route_release},
    {"GET", "/v1/devices/:device/keys", NEEDS_DEVICE, route_keys_list},
    {"POST", "/v1/devices/:device/keys/check", NEEDS_DEVICE, route_key_check},
    {"POST", "/v1/devices/:device/keys/:print/approve", NEEDS_DEVICE, route_key_approve},
    {"POST", "/v1/devices/:device/keys/:print/deny", NEEDS_DEVICE, route_key_deny},
    {"POST", "/v1/devices/:device/keys/:print/revoke", NEEDS_DEVICE, route_key_revoke},
    {"POST", "/v1/devices/:device/keys/:print/unrevoke", NEEDS_DEVICE, route_key_unrevoke},
    {"POST", "/v1/devices/:device/keys/:print/revert", NEEDS_DEVICE, route_key_revert},
    {"GET", "/v1/devices/:device/key-policy", NEEDS_DEVICE, route_policy_get},
    {"PUT", "/v1/devices/:device/key-policy", NEEDS_DEVICE, route_policy_put},
    {"DELETE", "/v1/devices/:device/key-policy", NEEDS_DEVICE, route_policy_delete},
    {"GET", "/v1/devices/:device", NEEDS_DEVICE, route_device_get},
    {"PUT", "/v1/devices/:device", NEEDS_DEVICE, route_device_put},
    {"PUT", "/v1/devices/:device/ping", NEEDS_DEVICE, route_device_ping},
    {"GET", "/v1/devices/:device/events/*", NEEDS_DEVICE, route_stream_device},
    {"GET", "/v1/devices/:device/diagnosis", NEEDS_DEVICE, route_diagnosis},
    {"GET", "/v1/devices/:device/:variable", NEEDS_DEVICE, route_variable},
    {"POST", "/v1/devices/:device/:function", NEEDS_DEVICE, route_function},
    {"GET", "/v1/incidents", NEEDS_ACCOUNT, route_incidents},
    {"GET", "/v1/audit", NEEDS_ACCOUNT, route_audit},
    {"POST", "/v1/provisioning/:device", NEEDS_ACCOUNT, route_provision},
};

struct segment {
    const char *text;
    size_t len;
};

/* Cuts one segment off the front of *rest, which stands behind a slash; NULL at the end. */
static struct segment next_segment(const char **rest)
{
    struct segment s = {.text = *rest};
    s.len = strcspn(s.text, "/");
    *rest = s.text[s.len] == '/' ? s.text + s.len + 1 : NULL;
    return s;
}

/* Where the parameters of a fitting path begin and how long they are. */
struct places {
    struct segment params[ROUTE_PARAMS];
    size_t count;
};

static bool fits(const char *pattern, const char *path, struct places *out)
{
    const char *want = pattern + 1;
    const char *have = path + 1;
    *out = (struct places){0};
    while (want) {
        struct segment w = next_segment(&want);
        if (w.text[0] == '*') {
            if (have) {
                out->params[out->count++] = (struct segment){have, strlen(have)};
            }
            return true;
        }
        if (!have) {
            return false;
        }
        struct segment h = next_segment(&have);
        if (w.text[0] == ':') {
            if (h.len == 0) {
                return false;
            }
            out->params[out->count++] = h;
        } else if (w.len != h.len || memcmp(w.text, h.text, w.len) != 0) {
            return false;
        }
    }
    /* One slash at the end means nothing. */
    return !have || *have == '\0';
}

static void allow(char out[static ROUTE_ALLOW_MAX], const char *method)
{
    size_t len = strlen(out);
    size_t more = strlen(method);
    if (!strstr(out, method) && len + more + 3 <= ROUTE_ALLOW_MAX) {
        if (len > 0) {
            memcpy(out + len, ", ", 2);
            len += 2;
        }
        memcpy(out + len, method, more + 1);
    }
}

static unsigned decode_params(char *path, const struct places *places, struct route_match *match)
{
    for (size_t i = 0; i < ROUTE_PARAMS; i++) {
        match->params[i] = "";
        if (i < places->count) {
            char *param = path + (places->params[i].text - path);
            param[places->params[i].len] = '\0';
            if (percent_decode(param) < 0) {
                return 400;
            }
            match->params[i] = param;
        }
    }
    return 0;
}

unsigned router_find(const char *method, char *path, struct route_match *out_match)
{
    const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;
    struct places places;
    *out_match = (struct route_match){0};
    if (path[0] != '/') {
        return 404;
    }
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        if (!fits(routes[i].pattern, path, &places)) {
            continue;
        }
        if (strcmp(routes[i].method, wanted) == 0) {
            out_match->route = &routes[i];
            return decode_params(path, &places, out_match);
        }
        allow(out_match->allow, routes[i].method);
    }
    return out_match->allow[0] != '\0' ? 405 : 404;
}
