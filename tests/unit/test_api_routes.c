/* Each address of the HTTP interface: what it asks of the cloud and how it answers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/hex.h"
#include "tests/unit/fake_cloud.h"
#include "tests/unit/http_client.h"
#include "tests/unit/unit.h"

#define LOGIN "grant_type=password&username=ann&password=pw"
#define CLIENT "&client_id=particle&client_secret=particle"

static const struct {
    int status;
    int http;
    const char *code;
} store_failures[] = {
    {CYAN_E_IO, 503, "STORE_FAILED"},
    {CYAN_E_FULL, 503, "STORE_FAILED"},
    {CYAN_E_CORRUPT, 503, "STORE_FAILED"},
    {CYAN_E_NO_MEMORY, 503, "BUSY"},
};

static void a_login_answers_with_the_whole_grant(void **state)
{
    (void)state;
    struct answer answer = post("/oauth/token", NULL, LOGIN CLIENT);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer_text(&answer, "token_type"), "bearer");
    assert_string_equal(answer_text(&answer, "access_token"), FAKE_ANN);
    assert_string_equal(answer_text(&answer, "refresh_token"), FAKE_BOB);
    assert_int_equal(json_integer_value(json_object_get(answer.json, "expires_in")), 7776000);
    assert_non_null(strstr(answer.head, "Cache-Control: no-store\r\n"));
    answer_done(&answer);
    assert_string_equal(fake.name, "ann");
    assert_string_equal(fake.password, "pw");
    assert_string_equal(fake.address, "127.0.0.1");
    assert_string_equal(fake.client, "particle");
}

static void every_known_client_may_log_in_and_no_other(void **state)
{
    (void)state;
    static const struct {
        const char *id;
        const char *secret;
        bool known;
    } cases[] = {
        {"particle", "particle", true},
        {"particle-cli", "particle-cli", true},
        {"CLI2", "client_secret_here", true},
        {"particle-api", "particle-api", true},
        {"spark", "spark", true},
        {"spark-server", "spark-server", true},
        {"particle", "spark", false},
        {"particle", "", false},
        {"", "", false},
        {"Particle", "particle", false},
        {"particl", "particle", false},
        {"cli2", "client_secret_here", false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char form[256];
        (void)snprintf(form, sizeof form, LOGIN "&client_id=%s&client_secret=%s", cases[i].id,
                       cases[i].secret);
        assert_answer(post("/oauth/token", NULL, form), cases[i].known ? 200 : 400,
                      cases[i].known ? "token_type" : "error",
                      cases[i].known ? "bearer" : "invalid_client");
    }
    assert_answer(post("/oauth/token", NULL, LOGIN), 400, "error", "invalid_client");
}

static struct answer login_basic(const char *credentials)
{
    char text[512];
    static const char form[] = LOGIN;
    int len = snprintf(text, sizeof text,
                       "POST /oauth/token HTTP/1.1\r\nHost: x\r\nAuthorization: Basic %s\r\n"
                       "Content-Length: %zu\r\n\r\n%s",
                       credentials, sizeof form - 1, form);
    int fd = client_open();
    client_send(fd, text, (size_t)len);
    struct answer answer = client_answer(fd);
    client_close(fd);
    return answer;
}

static void a_client_may_show_itself_by_basic_authentication(void **state)
{
    (void)state;
    assert_answer(login_basic("cGFydGljbGU6cGFydGljbGU="), 200, "token_type", "bearer");
    assert_answer(login_basic("cGFydGljbGU6d3Jvbmc="), 400, "error", "invalid_client");
    assert_answer(login_basic("cGFydGljbGU="), 400, "error", "invalid_client");
    assert_answer(login_basic("%%%"), 400, "error", "invalid_client");
}

static void a_login_takes_json_and_multipart_as_well(void **state)
{
    (void)state;
    struct answer answer =
        ask("POST", "/oauth/token", NULL, "application/json",
            "{\"grant_type\":\"password\",\"username\":\"a\\u00e4\",\"password\":\"p\","
            "\"client_id\":\"particle\",\"client_secret\":\"particle\",\"expires_in\":60}");
    assert_answer(answer, 200, "token_type", "bearer");
    assert_string_equal(fake.name, "a\xC3\xA4");
    assert_int_equal(fake.expires_in, 60);
}

static void the_life_of_a_token_is_what_was_asked_for(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t life; /* -1: refused */
    } cases[] = {{"0", 0},          {"1", 1},   {"315360000", 315360000},
                 {"315360001", -1}, {"-1", -1}, {"x", -1},
                 {"", -1},          {"1.5", -1}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char form[256];
        (void)snprintf(form, sizeof form, LOGIN CLIENT "&expires_in=%s", cases[i].text);
        fake.expires_in = -1;
        assert_answer(post("/oauth/token", NULL, form), cases[i].life < 0 ? 400 : 200,
                      cases[i].life < 0 ? "error" : "", cases[i].life < 0 ? "invalid_request" : "");
        assert_int_equal(fake.expires_in, cases[i].life);
    }
}

static void refused_logins_say_why_in_words_of_oauth(void **state)
{
    (void)state;
    fake.status = CYAN_E_REFUSED;
    assert_answer(post("/oauth/token", NULL, LOGIN CLIENT), 400, "error", "invalid_grant");
    fake.status = CYAN_E_FULL;
    assert_answer(post("/oauth/token", NULL, LOGIN CLIENT), 429, "error", "too_many_requests");
    fake.status = CYAN_E_IO;
    assert_answer(post("/oauth/token", NULL, LOGIN CLIENT), 503, "code", "STORE_FAILED");
    assert_answer(post("/oauth/token", NULL, "grant_type=password&username=ann" CLIENT), 400,
                  "error", "invalid_request");
    assert_answer(post("/oauth/token", NULL, "grant_type=password&password=x" CLIENT), 400, "error",
                  "invalid_request");
    assert_answer(post("/oauth/token", NULL, "username=ann&password=x" CLIENT), 400, "error",
                  "invalid_request");
    assert_answer(post("/oauth/token", NULL, "grant_type=&username=ann&password=x" CLIENT), 400,
                  "error", "invalid_request");
    assert_answer(post("/oauth/token", NULL, "grant_type=password&username=&password=x" CLIENT),
                  400, "error", "invalid_request");
    assert_answer(post("/oauth/token", NULL, "grant_type=client_credentials" CLIENT), 400, "error",
                  "unauthorized_client");
    assert_answer(post("/oauth/token", NULL, "grant_type=magic" CLIENT), 400, "error",
                  "unsupported_grant_type");
}

static void a_password_in_the_query_is_not_read(void **state)
{
    (void)state;
    assert_answer(post("/oauth/token?" LOGIN, NULL, CLIENT), 400, "error", "invalid_request");
}

static void a_refresh_token_is_traded(void **state)
{
    (void)state;
    static const char form[] = "grant_type=refresh_token&refresh_token=" FAKE_BOB CLIENT;
    assert_answer(post("/oauth/token", NULL, form), 200, "access_token", FAKE_ANN);
    assert_string_equal(fake.token, FAKE_BOB);
    fake.status = CYAN_E_REFUSED;
    assert_answer(post("/oauth/token", NULL, form), 400, "error", "invalid_grant");
    assert_answer(post("/oauth/token", NULL, "grant_type=refresh_token" CLIENT), 400, "error",
                  "invalid_request");
}

static void sign_up_is_refused_unless_it_is_on(void **state)
{
    (void)state;
    assert_answer(post("/v1/users", NULL, "username=n&password=p"), 403, "code", "SIGNUP_OFF");
    assert_string_equal(fake.name, "");
    fake.cloud.signup = true;
    assert_answer(post("/v1/users", NULL, "username=n&password=p"), 200, "", "");
    assert_string_equal(fake.name, "n");
    assert_string_equal(fake.password, "p");
    assert_answer(post("/v1/users", NULL, "username=n"), 400, "code", "INVALID");
    assert_answer(post("/v1/users", NULL, "password=n"), 400, "code", "INVALID");
    fake.status = CYAN_E_EXISTS;
    assert_answer(post("/v1/users", NULL, "username=n&password=p"), 400, "code", "EXISTS");
    fake.status = CYAN_E_INVALID;
    assert_answer(post("/v1/users", NULL, "username=n&password=p"), 400, "code", "INVALID");
}

static void sign_up_number_101_within_five_minutes_is_refused(void **state)
{
    (void)state;
    fake.cloud.signup = true;
    for (size_t i = 0; i < 101; i++) {
        assert_answer(post("/v1/users", NULL, "username=n&password=p"), i < 100 ? 200 : 429, "",
                      "");
    }
}

static void an_account_shows_its_name_and_how_many_devices_it_has(void **state)
{
    (void)state;
    struct answer answer = get("/v1/user", FAKE_ANN);
    assert_string_equal(answer_text(&answer, "username"), "ann");
    assert_int_equal(json_integer_value(json_object_get(answer.json, "wifi_device_count")), 2);
    assert_true(json_is_array(json_object_get(answer.json, "memberships")));
    assert_true(json_is_false(json_object_get(json_object_get(answer.json, "mfa"), "enabled")));
    assert_true(json_is_object(json_object_get(answer.json, "account_info")));
    answer_done(&answer);
}

static void logging_out_ends_the_token_that_was_shown(void **state)
{
    (void)state;
    struct answer answer = ask("DELETE", "/v1/access_tokens/current", FAKE_BOB, NULL, NULL);
    assert_string_equal(answer.body, "{\"ok\":true}");
    assert_answer(answer, 200, "", "");
    assert_string_equal(fake.token, FAKE_BOB);
    fake.status = CYAN_E_NOT_FOUND;
    assert_answer(ask("DELETE", "/v1/access_tokens/current", FAKE_BOB, NULL, NULL), 200, "", "");
    fake.status = CYAN_E_IO;
    assert_answer(ask("DELETE", "/v1/access_tokens/current", FAKE_BOB, NULL, NULL), 503, "code",
                  "STORE_FAILED");
}

static const char *const device_keys[] = {"id",
                                          "name",
                                          "owner",
                                          "last_app",
                                          "last_ip_address",
                                          "last_heard",
                                          "last_handshake_at",
                                          "product_id",
                                          "connected",
                                          "online",
                                          "session",
                                          "key_state",
                                          "platform_id",
                                          "cellular",
                                          "notes",
                                          "groups",
                                          "functions",
                                          "variables",
                                          "status",
                                          "firmware_version",
                                          "firmware_product_id",
                                          "firmware_updates_enabled",
                                          "firmware_updates_forced",
                                          "system_firmware_version",
                                          "current_build_target",
                                          "default_build_target",
                                          "pinned_build_target",
                                          "targeted_firmware_release_version",
                                          "development",
                                          "quarantined",
                                          "denied",
                                          "serial_number",
                                          "mobile_secret",
                                          "iccid",
                                          "imei",
                                          "last_iccid"};

static void devices_are_a_bare_list_and_each_has_every_key(void **state)
{
    (void)state;
    struct answer answer = get("/v1/devices", FAKE_ANN);
    assert_int_equal(answer.status, 200);
    json_t *list = json_loads(answer.body, 0, NULL);
    assert_int_equal(json_array_size(list), 2);
    for (size_t i = 0; i < 2; i++) {
        json_t *device = json_array_get(list, i);
        assert_int_equal(json_object_size(device), COUNT_OF(device_keys));
        for (size_t k = 0; k < COUNT_OF(device_keys); k++) {
            assert_non_null(json_object_get(device, device_keys[k]));
        }
    }
    json_t *lamp = json_array_get(list, 0);
    assert_string_equal(json_string_value(json_object_get(lamp, "id")), FAKE_LAMP);
    assert_string_equal(json_string_value(json_object_get(lamp, "last_heard")),
                        "2026-01-02T03:04:05.678Z");
    assert_int_equal(json_integer_value(json_object_get(lamp, "product_id")), 6);
    assert_true(json_is_null(json_object_get(lamp, "firmware_version")));
    json_t *other = json_array_get(list, 1);
    assert_true(json_is_null(json_object_get(other, "name")));
    assert_true(json_is_null(json_object_get(other, "platform_id")));
    assert_true(json_is_null(json_object_get(other, "last_heard")));
    assert_true(json_is_false(json_object_get(other, "online")));
    json_decref(list);
    answer_done(&answer);
    answer = get("/v1/devices", FAKE_BOB);
    assert_string_equal(answer.body, "[]");
    answer_done(&answer);
}

static void an_online_device_shows_what_it_can_do(void **state)
{
    (void)state;
    static const char description[] = "{\"f\":[\"led\",\"a\\\"b\"],\"v\":{\"b\":1,\"i\":2,\"s\":4,"
                                      "\"d\":9,\"odd\":7},\"p\":6,\"m\":[]}";
    fake.reply = (struct call_reply){.description = (const uint8_t *)description,
                                     .description_len = sizeof description - 1};
    struct answer answer = get("/v1/devices/lamp", FAKE_ANN);
    assert_int_equal(fake.call.kind, CALL_DESCRIBE);
    char *functions = json_dumps(json_object_get(answer.json, "functions"), JSON_COMPACT);
    char *variables = json_dumps(json_object_get(answer.json, "variables"), JSON_COMPACT);
    assert_string_equal(functions, "[\"led\",\"a\\\"b\"]");
    assert_string_equal(variables, "{\"b\":\"bool\",\"i\":\"int32\",\"s\":\"string\","
                                   "\"d\":\"double\",\"odd\":null}");
    assert_true(json_is_true(json_object_get(answer.json, "online")));
    assert_true(json_is_true(json_object_get(answer.json, "connected")));
    free(functions);
    free(variables);
    answer_done(&answer);
}

static void a_description_that_makes_no_sense_is_shown_as_none(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "", "{", "[]", "1", "{\"f\":{},\"v\":[]}", "\xFF", "{\"f\":[\"led\"],\"v\":{\"a\":2"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        fake.reply = (struct call_reply){.description = (const uint8_t *)texts[i],
                                         .description_len = strlen(texts[i])};
        struct answer answer = get("/v1/devices/lamp", FAKE_ANN);
        assert_int_equal(answer.status, 200);
        assert_true(json_is_null(json_object_get(answer.json, "functions")));
        assert_true(json_is_null(json_object_get(answer.json, "variables")));
        answer_done(&answer);
    }
}

static void a_device_that_does_not_describe_itself_is_shown_all_the_same(void **state)
{
    (void)state;
    fake.reply = (struct call_reply){.status = CYAN_E_TIMEOUT};
    struct answer answer = get("/v1/devices/" FAKE_LAMP, FAKE_ANN);
    assert_true(json_is_true(json_object_get(answer.json, "online")));
    assert_answer(answer, 200, "name", "lamp");
    fake.reply = (struct call_reply){.status = CYAN_E_OFFLINE};
    answer = get("/v1/devices/" FAKE_LAMP, FAKE_ANN);
    assert_true(json_is_false(json_object_get(answer.json, "online")));
    assert_true(json_is_null(json_object_get(answer.json, "functions")));
    assert_answer(answer, 200, "session", "none");
    fake.call.kind = CALL_PING;
    assert_answer(get("/v1/devices/" FAKE_OFFLINE, FAKE_ANN), 200, "id", FAKE_OFFLINE);
    assert_int_equal(fake.call.kind, CALL_PING);
}

static void everything_of_a_device_is_for_its_owner_alone(void **state)
{
    (void)state;
    static const struct {
        const char *method;
        const char *tail;
    } cases[] = {{"GET", ""},     {"PUT", "?signal=1"}, {"PUT", "/ping"},    {"GET", "/var"},
                 {"POST", "/fn"}, {"GET", "/events"},   {"GET", "/events/a"}};
    static const struct {
        const char *device;
        int status;
        const char *code;
    } devices[] = {{FAKE_BOBS, 403, "FORBIDDEN"},
                   {"2f00000000000000000000ff", 404, "NOT_FOUND"},
                   {"nobody", 404, "NOT_FOUND"}};
    fake.call.kind = CALL_PING;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        for (size_t d = 0; d < COUNT_OF(devices); d++) {
            char path[128];
            (void)snprintf(path, sizeof path, "/v1/devices/%s%s", devices[d].device, cases[i].tail);
            assert_answer(ask(cases[i].method, path, FAKE_ANN, NULL, NULL), devices[d].status,
                          "code", devices[d].code);
        }
    }
    assert_string_equal(fake.call.name, "");
    struct answer answer = get("/v1/devices/" FAKE_BOBS, FAKE_ANN);
    assert_non_null(answer_text(&answer, "info"));
    assert_answer(answer, 403, "error", "Permission Denied");
    assert_answer(get("/v1/devices/lamp", FAKE_BOB), 404, "code", "NOT_FOUND");
}

static void a_device_is_found_by_an_id_of_either_case(void **state)
{
    (void)state;
    assert_answer(get("/v1/devices/2F0000000000000000000002", FAKE_ANN), 200, "id", FAKE_OFFLINE);
}

static void a_failing_store_is_503_and_says_so(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(store_failures); i++) {
        fake.status = store_failures[i].status;
        assert_answer(get("/v1/devices", FAKE_ANN), store_failures[i].http, "code",
                      store_failures[i].code);
        fake.status = store_failures[i].status;
        assert_answer(get("/v1/devices/lamp", FAKE_ANN), store_failures[i].http, "code",
                      store_failures[i].code);
        fake.status = store_failures[i].status;
        assert_answer(get("/v1/user", FAKE_ANN), store_failures[i].http, "code",
                      store_failures[i].code);
    }
}

static void the_server_key_is_open_to_everybody(void **state)
{
    (void)state;
    struct answer answer = get("/v1/system/server-key.der", NULL);
    assert_int_equal(answer.status, 200);
    assert_int_equal(answer.body_len, sizeof fake.cloud.server_spki);
    assert_memory_equal(answer.body, fake.cloud.server_spki, answer.body_len);
    answer_done(&answer);
    answer = get("/v1/system/server-key.pem", NULL);
    assert_int_equal(answer.status, 200);
    assert_int_equal(strncmp(answer.body, "-----BEGIN PUBLIC KEY-----\n", 27), 0);
    answer_done(&answer);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fake_start, fake_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_login_answers_with_the_whole_grant),
        CASE(every_known_client_may_log_in_and_no_other),
        CASE(a_client_may_show_itself_by_basic_authentication),
        CASE(a_login_takes_json_and_multipart_as_well),
        CASE(the_life_of_a_token_is_what_was_asked_for),
        CASE(refused_logins_say_why_in_words_of_oauth),
        CASE(a_password_in_the_query_is_not_read),
        CASE(a_refresh_token_is_traded),
        CASE(sign_up_is_refused_unless_it_is_on),
        CASE(sign_up_number_101_within_five_minutes_is_refused),
        CASE(an_account_shows_its_name_and_how_many_devices_it_has),
        CASE(logging_out_ends_the_token_that_was_shown),
        CASE(devices_are_a_bare_list_and_each_has_every_key),
        CASE(an_online_device_shows_what_it_can_do),
        CASE(a_description_that_makes_no_sense_is_shown_as_none),
        CASE(a_device_that_does_not_describe_itself_is_shown_all_the_same),
        CASE(everything_of_a_device_is_for_its_owner_alone),
        CASE(a_device_is_found_by_an_id_of_either_case),
        CASE(a_failing_store_is_503_and_says_so),
        CASE(the_server_key_is_open_to_everybody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
