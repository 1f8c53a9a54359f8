/* Policies over HTTP: what a body may say, what becomes of it, what is shown. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/hex.h"
#include "tests/unit/fake_cloud.h"
#include "tests/unit/http_client.h"
#include "tests/unit/unit.h"

#define USER "/v1/user/key-policy"
#define DEVICE "/v1/devices/lamp/key-policy"
#define NOW_S 1767323045 /* fake.now_ms begins 678 ms later: 2026-01-02T03:04:05.678Z */

static struct policy base;

static int start(void **state)
{
    int result = fake_start(state);
    policy_init(&base);
    fake.policy_view.choice = (struct policy_choice){
        .value = POLICY_QUARANTINE, .base = POLICY_QUARANTINE, .from = "default"};
    return result;
}

static struct answer put(const char *path, const char *json)
{
    return ask("PUT", path, FAKE_ANN, "application/json", json);
}

static void without_any_policy_the_default_is_shown(void **state)
{
    (void)state;
    struct answer answer = get(USER, FAKE_ANN);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.body,
                        "{\"policy\":\"quarantine\",\"until\":null,\"ids\":null,\"networks\":null,"
                        "\"familiar\":{\"absent\":true,\"firmware\":true,\"module\":true,"
                        "\"address\":true},\"from\":\"default\",\"base\":\"quarantine\"}");
    answer_done(&answer);
    assert_false(fake.has_change);
    assert_false(fake.has_device);
    assert_int_equal(fake.asker, 1);
    assert_answer(get(DEVICE, FAKE_ANN), 200, "from", "default");
    assert_true(fake.has_device);
}

static void a_window_shows_its_ids_and_its_end_beside_the_base(void **state)
{
    (void)state;
    base.base = POLICY_HEAL;
    base.familiar = FAMILIAR_ABSENT;
    base.until_ms = 1767323045678;
    base.id_count = 1;
    assert_int_equal(cyan_hex_decode(FAKE_LAMP, 24, base.ids[0], CYAN_ID_LEN), 0);
    memcpy(base.networks[base.network_count++], "10.0.0.0/8", sizeof "10.0.0.0/8");
    fake.policy_view.choice = (struct policy_choice){.value = POLICY_ENROLL,
                                                     .base = POLICY_HEAL,
                                                     .from = "account",
                                                     .of = &base,
                                                     .familiar_of = &base};
    struct answer answer = get(USER, FAKE_ANN);
    assert_string_equal(answer.body,
                        "{\"policy\":\"enroll\",\"until\":\"2026-01-02T03:04:05.678Z\","
                        "\"ids\":[\"" FAKE_LAMP "\"],\"networks\":[\"10.0.0.0/8\"],"
                        "\"familiar\":{\"absent\":true,\"firmware\":false,\"module\":false,"
                        "\"address\":false},\"from\":\"account\",\"base\":\"heal\"}");
    answer_done(&answer);
}

static void a_base_is_set_with_its_networks_and_switches(void **state)
{
    (void)state;
    static const char *const names[] = {"strict", "quarantine", "heal"};
    static const char *const switches[] = {"absent", "firmware", "module", "address"};
    char body[256];
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        (void)snprintf(body, sizeof body, "{\"policy\":\"%s\"}", names[i]);
        assert_answer(put(i % 2 ? USER : DEVICE, body), 200, "", "");
        assert_true(fake.has_change);
        assert_int_equal(fake.has_device, i % 2 == 0);
        assert_string_equal(policy_name(fake.change.value), names[i]);
        assert_int_equal(fake.change.familiar, FAMILIAR_ALL);
        assert_int_equal(fake.change.network_count, 0);
    }
    for (unsigned off = 0; off <= FAMILIAR_ALL; off++) {
        int len = snprintf(body, sizeof body, "{\"policy\":\"heal\",\"familiar\":{");
        for (unsigned i = 0; i < 4; i++) {
            len += snprintf(body + len, sizeof body - (size_t)len, "%s\"%s\":%s", i ? "," : "",
                            switches[i], off & 1U << i ? "false" : "true");
        }
        (void)snprintf(body + len, sizeof body - (size_t)len, "}}");
        assert_answer(put(USER, body), 200, "", "");
        assert_int_equal(fake.change.familiar, FAMILIAR_ALL & ~off);
    }
    assert_answer(put(USER, "{\"policy\":\"heal\",\"networks\":[\"10.0.0.0/8\",\"::1\"]}"), 200, "",
                  "");
    assert_int_equal(fake.change.network_count, 2);
    assert_string_equal(fake.change_networks[1], "::1");
}

/* What a GET gives can be sent back. */
static void null_is_as_good_as_left_out(void **state)
{
    (void)state;
    assert_answer(put(USER, "{\"policy\":\"heal\",\"until\":null,\"for\":null,\"ids\":null,"
                            "\"networks\":null,\"familiar\":null,\"from\":\"account\","
                            "\"base\":\"heal\"}"),
                  200, "", "");
    assert_int_equal(fake.change.value, POLICY_HEAL);
    assert_int_equal(fake.change.familiar, FAMILIAR_ALL);
}

static void a_window_lasts_ten_minutes_or_what_is_asked_for_up_to_a_day(void **state)
{
    (void)state;
    static const struct {
        const char *more;
        int64_t ms; /* from now; 0: refused */
    } cases[] = {
        {"", 600000},
        {",\"for\":1", 1000},
        {",\"for\":86400", 86400000},
        {",\"for\":0", 0},
        {",\"for\":-5", 0},
        {",\"for\":86401", 0},
        {",\"for\":1e3", 0},
        {",\"for\":\"60\"", 0},
        {",\"until\":\"2026-01-02T03:04:06Z\"", 322},
        {",\"until\":\"2026-01-02T03:04:05.679Z\"", 1},
        {",\"until\":\"2026-01-02T03:04:05.678Z\"", 0},
        {",\"until\":\"2026-01-03T03:04:05.678Z\"", 86400000},
        {",\"until\":\"2026-01-03T03:04:05.679Z\"", 0},
        {",\"until\":\"2025-01-02T03:04:06Z\"", 0},
        {",\"until\":\"soon\"", 0},
        {",\"until\":1767323645", 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char body[256];
        unsigned asked = fake.policy_asked;
        (void)snprintf(body, sizeof body, "{\"policy\":\"enroll\",\"ids\":[\"%s\"]%s}", FAKE_LAMP,
                       cases[i].more);
        struct answer answer = put(i % 2 ? USER : DEVICE, body);
        if (answer.status != (cases[i].ms ? 200 : 400)) {
            fail_msg("%s: %d", body, answer.status);
        }
        answer_done(&answer);
        assert_int_equal(fake.policy_asked, asked + (cases[i].ms ? 1 : 0));
        if (cases[i].ms) {
            assert_int_equal(fake.change.value, POLICY_ENROLL);
            assert_int_equal(fake.change.until_ms, fake.now_ms + cases[i].ms);
            assert_int_equal(fake.change.id_count, 1);
        }
    }
}

static void what_makes_no_sense_is_400_and_changes_nothing(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "",
        "{",
        "[]",
        "null",
        "\"heal\"",
        "{}",
        "{\"policy\":null}",
        "{\"policy\":\"none\"}",
        "{\"policy\":\"Heal\"}",
        "{\"policy\":3}",
        "{\"policy\":\"enroll\"}",
        "{\"policy\":\"enroll\",\"ids\":[]}",
        "{\"policy\":\"enroll\",\"ids\":\"2f0000000000000000000001\"}",
        "{\"policy\":\"enroll\",\"ids\":{\"a\":1}}",
        "{\"policy\":\"enroll\",\"ids\":[1]}",
        "{\"policy\":\"enroll\",\"ids\":[\"lamp\"]}",
        "{\"policy\":\"enroll\",\"ids\":[\"2f00000000000000000000\"]}",
        "{\"policy\":\"heal\",\"networks\":\"10.0.0.0/8\"}",
        "{\"policy\":\"heal\",\"networks\":[\"10.0.0.0/33\"]}",
        "{\"policy\":\"heal\",\"networks\":[10]}",
        "{\"policy\":\"heal\",\"familiar\":[]}",
        "{\"policy\":\"heal\",\"familiar\":\"all\"}",
        "{\"policy\":\"heal\",\"familiar\":{\"absent\":0}}",
        "{\"policy\":\"heal\",\"familiar\":{\"absent\":null}}",
        "{\"policy\":\"heal\",\"familiar\":{\"nonsense\":true}}",
    };
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        struct answer answer = put(USER, bodies[i]);
        if (answer.status != 400) {
            fail_msg("%s: %d", bodies[i], answer.status);
        }
        assert_answer(answer, 400, "code", "INVALID");
    }
    assert_int_equal(fake.policy_asked, 0);
}

static void lists_have_their_limits(void **state)
{
    (void)state;
    static char body[64 * 1024];
    static const struct {
        const char *policy, *key, *item;
        size_t most;
    } lists[] = {{"enroll", "ids", "\"2f0000000000000000000001\"", POLICY_IDS_MAX},
                 {"heal", "networks", "\"10.0.0.0/8\"", POLICY_NETWORKS_MAX}};
    for (size_t l = 0; l < COUNT_OF(lists); l++) {
        for (size_t extra = 0; extra < 2; extra++) {
            int len = snprintf(body, sizeof body, "{\"policy\":\"%s\",\"%s\":[", lists[l].policy,
                               lists[l].key);
            for (size_t i = 0; i < lists[l].most + extra; i++) {
                len += snprintf(body + len, sizeof body - (size_t)len, "%s%s", i ? "," : "",
                                lists[l].item);
            }
            (void)snprintf(body + len, sizeof body - (size_t)len, "]}");
            assert_answer(put(USER, body), extra ? 400 : 200, "", "");
        }
    }
    assert_int_equal(fake.policy_asked, 2);
}

static void the_window_of_a_device_names_that_device_alone(void **state)
{
    (void)state;
    assert_answer(put(DEVICE, "{\"policy\":\"enroll\",\"ids\":[\"" FAKE_OFFLINE "\"]}"), 400,
                  "code", "INVALID");
    assert_answer(
        put(DEVICE, "{\"policy\":\"enroll\",\"ids\":[\"" FAKE_LAMP "\",\"" FAKE_OFFLINE "\"]}"),
        400, "code", "INVALID");
    assert_answer(put(USER, "{\"policy\":\"enroll\",\"ids\":[\"" FAKE_OFFLINE "\"]}"), 200, "", "");
    assert_int_equal(fake.policy_asked, 1);
}

static void a_removal_says_nothing_else(void **state)
{
    (void)state;
    assert_answer(ask("DELETE", USER, FAKE_ANN, NULL, NULL), 200, "policy", "quarantine");
    assert_true(fake.has_change && fake.change.removes);
    assert_false(fake.has_device);
    assert_answer(ask("DELETE", DEVICE, FAKE_ANN, NULL, NULL), 200, "policy", "quarantine");
    assert_true(fake.has_device);
}

static void failures_and_strangers_are_told_apart(void **state)
{
    (void)state;
    static const struct {
        int status;
        int http;
        const char *code;
    } failures[] = {{CYAN_E_NOT_FOUND, 409, "NOT_PROVEN"},
                    {CYAN_E_REFUSED, 403, "FORBIDDEN"},
                    {CYAN_E_IO, 503, "STORE_FAILED"},
                    {CYAN_E_NO_MEMORY, 503, "BUSY"}};
    for (size_t i = 0; i < COUNT_OF(failures); i++) {
        fake.late_status = failures[i].status;
        assert_answer(put(DEVICE, "{\"policy\":\"strict\"}"), failures[i].http, "code",
                      failures[i].code);
    }
    unsigned asked = fake.policy_asked;
    assert_answer(get("/v1/devices/" FAKE_BOBS "/key-policy", FAKE_ANN), 403, "code", "FORBIDDEN");
    assert_answer(get(USER, NULL), 401, "error", "invalid_token");
    assert_answer(put(USER, "{\"policy\":\"strict\",\"policy"), 400, "", "");
    assert_int_equal(fake.policy_asked, asked);
}

static void products_have_no_policies_yet(void **state)
{
    (void)state;
    static const char *const methods[] = {"GET", "PUT", "DELETE"};
    for (size_t i = 0; i < COUNT_OF(methods); i++) {
        assert_answer(ask(methods[i], "/v1/products/1/key-policy", FAKE_ANN, "application/json",
                          "{\"policy\":\"strict\"}"),
                      501, "code", "NOT_SUPPORTED");
    }
    assert_int_equal(fake.policy_asked, 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, start, fake_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(without_any_policy_the_default_is_shown),
        CASE(a_window_shows_its_ids_and_its_end_beside_the_base),
        CASE(a_base_is_set_with_its_networks_and_switches),
        CASE(null_is_as_good_as_left_out),
        CASE(a_window_lasts_ten_minutes_or_what_is_asked_for_up_to_a_day),
        CASE(what_makes_no_sense_is_400_and_changes_nothing),
        CASE(lists_have_their_limits),
        CASE(the_window_of_a_device_names_that_device_alone),
        CASE(a_removal_says_nothing_else),
        CASE(failures_and_strangers_are_told_apart),
        CASE(products_have_no_policies_yet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
