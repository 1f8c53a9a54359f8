#include "server/api/router.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/api/routes.h"
#include "tests/unit/unit.h"

static char path_buf[512];

static unsigned find(const char *method, const char *path, struct route_match *out)
{
    (void)snprintf(path_buf, sizeof path_buf, "%s", path);
    return router_find(method, path_buf, out);
}

static const struct {
    const char *method;
    const char *path;
    route_fn *handle;
    enum route_needs needs;
    const char *first;
    const char *second;
} addresses[] = {
    {"GET", "/healthz", route_health, NEEDS_NOTHING, "", ""},
    {"POST", "/oauth/token", route_token, NEEDS_NOTHING, "", ""},
    {"GET", "/v1/system/server-key.pem", route_server_key_pem, NEEDS_NOTHING, "", ""},
    {"GET", "/v1/system/server-key.der", route_server_key_der, NEEDS_NOTHING, "", ""},
    {"POST", "/v1/users", route_user_create, NEEDS_NOTHING, "", ""},
    {"GET", "/v1/user", route_user_get, NEEDS_ACCOUNT, "", ""},
    {"DELETE", "/v1/access_tokens/current", route_token_delete, NEEDS_ACCOUNT, "", ""},
    {"GET", "/v1/devices", route_device_list, NEEDS_ACCOUNT, "", ""},
    {"GET", "/v1/devices/", route_device_list, NEEDS_ACCOUNT, "", ""},
    {"HEAD", "/v1/devices", route_device_list, NEEDS_ACCOUNT, "", ""},
    {"GET", "/v1/devices/2f01", route_device_get, NEEDS_DEVICE, "2f01", ""},
    {"GET", "/v1/devices/my%20lamp", route_device_get, NEEDS_DEVICE, "my lamp", ""},
    {"GET", "/v1/devices/a%2Fb", route_device_get, NEEDS_DEVICE, "a/b", ""},
    {"GET", "/v1/devices/a%252Fb", route_device_get, NEEDS_DEVICE, "a%2Fb", ""},
    {"GET", "/v1/devices/a+b", route_device_get, NEEDS_DEVICE, "a+b", ""},
    {"PUT", "/v1/devices/2f01", route_device_put, NEEDS_DEVICE, "2f01", ""},
    {"PUT", "/v1/devices/2f01/ping", route_device_ping, NEEDS_DEVICE, "2f01", ""},
    {"GET", "/v1/devices/2f01/temp", route_variable, NEEDS_DEVICE, "2f01", "temp"},
    {"GET", "/v1/devices/2f01/ping", route_variable, NEEDS_DEVICE, "2f01", "ping"},
    {"POST", "/v1/devices/2f01/led", route_function, NEEDS_DEVICE, "2f01", "led"},
    {"POST", "/v1/devices/2f01/events", route_function, NEEDS_DEVICE, "2f01", "events"},
    {"POST", "/v1/devices/events", route_publish, NEEDS_ACCOUNT, "", ""},
    {"POST", "/v1/provisioning/2f01", route_provision, NEEDS_ACCOUNT, "2f01", ""},
    {"POST", "/v1/devices", route_claim, NEEDS_ACCOUNT, "", ""},
    {"DELETE", "/v1/devices/2f01", route_release, NEEDS_DEVICE, "2f01", ""},
    {"POST", "/v1/device_claims", route_claim_code, NEEDS_ACCOUNT, "", ""},
    {"GET", "/v1/devices/2f01/keys", route_keys_list, NEEDS_DEVICE, "2f01", ""},
    {"POST", "/v1/devices/2f01/keys/check", route_key_check, NEEDS_DEVICE, "2f01", ""},
    {"POST", "/v1/devices/2f01/keys/ab/approve", route_key_approve, NEEDS_DEVICE, "2f01", "ab"},
    {"POST", "/v1/devices/2f01/keys/ab/deny", route_key_deny, NEEDS_DEVICE, "2f01", "ab"},
    {"POST", "/v1/devices/2f01/keys/ab/revoke", route_key_revoke, NEEDS_DEVICE, "2f01", "ab"},
    {"POST", "/v1/devices/2f01/keys/ab/unrevoke", route_key_unrevoke, NEEDS_DEVICE, "2f01", "ab"},
    {"POST", "/v1/devices/2f01/keys/ab/revert", route_key_revert, NEEDS_DEVICE, "2f01", "ab"},
    {"POST", "/v1/devices/2f01/keys", route_function, NEEDS_DEVICE, "2f01", "keys"},
    {"GET", "/v1/user/key-policy", route_policy_get, NEEDS_ACCOUNT, "", ""},
    {"PUT", "/v1/user/key-policy", route_policy_put, NEEDS_ACCOUNT, "", ""},
    {"DELETE", "/v1/user/key-policy", route_policy_delete, NEEDS_ACCOUNT, "", ""},
    {"GET", "/v1/devices/2f01/key-policy", route_policy_get, NEEDS_DEVICE, "2f01", ""},
    {"PUT", "/v1/devices/2f01/key-policy", route_policy_put, NEEDS_DEVICE, "2f01", ""},
    {"DELETE", "/v1/devices/2f01/key-policy", route_policy_delete, NEEDS_DEVICE, "2f01", ""},
    {"GET", "/v1/products/12/key-policy", route_policy_product, NEEDS_ACCOUNT, "12", ""},
    {"PUT", "/v1/products/12/key-policy", route_policy_product, NEEDS_ACCOUNT, "12", ""},
    {"DELETE", "/v1/products/12/key-policy", route_policy_product, NEEDS_ACCOUNT, "12", ""},
    {"GET", "/v1/incidents", route_incidents, NEEDS_ACCOUNT, "", ""},
    {"GET", "/v1/devices/2f01/diagnosis", route_diagnosis, NEEDS_DEVICE, "2f01", ""},
    {"GET", "/v1/audit", route_audit, NEEDS_ACCOUNT, "", ""},
    {"GET", "/v1/system/server-keys", route_server_keys, NEEDS_ACCOUNT, "", ""},
    {"GET", "/v1/events", route_stream_all, NEEDS_ACCOUNT, "", ""},
    {"GET", "/v1/events/", route_stream_all, NEEDS_ACCOUNT, "", ""},
    {"GET", "/v1/events/a", route_stream_all, NEEDS_ACCOUNT, "a", ""},
    {"GET", "/v1/events/a%2Fb%20c", route_stream_all, NEEDS_ACCOUNT, "a/b c", ""},
    {"GET", "/v1/events/a/b/", route_stream_all, NEEDS_ACCOUNT, "a/b/", ""},
    {"GET", "/v1/events/a%252F", route_stream_all, NEEDS_ACCOUNT, "a%2F", ""},
    {"GET", "/v1/devices/events", route_stream_mine, NEEDS_ACCOUNT, "", ""},
    {"GET", "/v1/devices/events/a/b", route_stream_mine, NEEDS_ACCOUNT, "a/b", ""},
    {"GET", "/v1/devices/2f01/events", route_stream_device, NEEDS_DEVICE, "2f01", ""},
    {"GET", "/v1/devices/2f01/events/", route_stream_device, NEEDS_DEVICE, "2f01", ""},
    {"GET", "/v1/devices/a%2Fb/events/x%2Fy/z", route_stream_device, NEEDS_DEVICE, "a/b", "x/y/z"},
};

static void every_documented_address_leads_to_its_handler(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(addresses); i++) {
        struct route_match match;
        unsigned status = find(addresses[i].method, addresses[i].path, &match);
        if (status != 0 || match.route->handle != addresses[i].handle) {
            fail_msg("%s %s: %u", addresses[i].method, addresses[i].path, status);
        }
        assert_int_equal(match.route->needs, addresses[i].needs);
        assert_string_equal(match.params[0], addresses[i].first);
        assert_string_equal(match.params[1], addresses[i].second);
    }
}

static void an_unknown_address_is_404(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "",
        "/",
        "//",
        "v1/devices",
        "*",
        "/v1",
        "/v2/user",
        "/v1/userx",
        "/v1/use",
        "/v1/user/x",
        "/healthz/x",
        "/V1/user",
        "/v1//user",
        "/v1/user//",
        "/v1/devices/a/b/c",
        "/v1/devices//",
        "/v1/provisioning",
        "/v1/provisioning/",
        "/v1/eventsx",
        "http://x/v1/user",
    };
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        struct route_match match;
        unsigned status = find("GET", paths[i], &match);
        if (status != 404) {
            fail_msg("%s: %u", paths[i], status);
        }
    }
}

static void another_method_is_405_and_tells_which_there_are(void **state)
{
    (void)state;
    static const struct {
        const char *method;
        const char *path;
        const char *allow;
    } cases[] = {
        {"PATCH", "/v1/devices/x", "DELETE, GET, PUT"},
        {"PATCH", "/v1/devices", "GET, POST"},
        {"GET", "/v1/devices/x/keys/f/approve", "POST"},
        {"PUT", "/v1/devices/x/keys/check", "POST"},
        {"POST", "/v1/user/key-policy", "GET, PUT, DELETE"},
        {"POST", "/v1/products/1/key-policy", "GET, PUT, DELETE"},
        {"GET", "/v1/device_claims", "POST"},
        {"POST", "/v1/incidents", "GET"},
        {"POST", "/v1/audit", "GET"},
        {"PATCH", "/v1/devices/x/y", "GET, POST"},
        {"DELETE", "/v1/devices/x/ping", "PUT, GET, POST"},
        {"PUT", "/v1/user", "GET"},
        {"GET", "/oauth/token", "POST"},
        {"HEAD", "/oauth/token", "POST"},
        {"GET", "/v1/provisioning/x", "POST"},
        {"get", "/v1/user", "GET"},
        {"", "/v1/user", "GET"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct route_match match;
        assert_int_equal(find(cases[i].method, cases[i].path, &match), 405);
        assert_string_equal(match.allow, cases[i].allow);
    }
}

static void an_escape_that_is_none_is_400(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "/v1/devices/%", "/v1/devices/%4",   "/v1/devices/%zz",   "/v1/devices/a%00b",
        "/v1/events/%",  "/v1/events/a/%4x", "/v1/devices/a/%00", "/v1/devices/x/events/%"};
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        struct route_match match;
        assert_int_equal(find("GET", paths[i], &match), 400);
    }
}

static void an_address_of_any_bytes_is_read_to_its_end_only(void **state)
{
    (void)state;
    uint32_t random = 1;
    static const char letters[] = "/%:*v1devicsn.-2fAz ";
    size_t found = 0;
    for (size_t i = 0; i < 200000; i++) {
        struct route_match match;
        char text[48] = "/v1/devices/";
        random = random * 1103515245 + 12345;
        size_t len = (random >> 16) % 24;
        char *path = malloc(12 + len + 1);
        assert_non_null(path);
        for (size_t k = 0; k < len; k++) {
            random = random * 1103515245 + 12345;
            text[12 + k] = letters[(random >> 16) % (sizeof letters - 1)];
        }
        memcpy(path, text, 12 + len + 1);
        unsigned status = router_find("GET", path, &match);
        assert_true(status == 0 || status == 404 || status == 405 || status == 400);
        found += status == 0;
        free(path);
    }
    assert_true(found > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_documented_address_leads_to_its_handler),
        cmocka_unit_test(an_unknown_address_is_404),
        cmocka_unit_test(another_method_is_405_and_tells_which_there_are),
        cmocka_unit_test(an_escape_that_is_none_is_400),
        cmocka_unit_test(an_address_of_any_bytes_is_read_to_its_end_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
