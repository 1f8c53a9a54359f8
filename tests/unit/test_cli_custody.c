/* The commands about a device's keys, with a scripted cloud. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/cli_stage.h"
#include "tests/unit/unit.h"

#define KEY_A "9f4e10d253051a9740f83b8f7814026305ca9aa59f4e10d253051a9740f83b8f"
#define KEY_B "9f4e10d2ffff1a9740f83b8f7814026305ca9aa59f4e10d253051a9740f83b8f"
#define KEYS "/v1/devices/k/keys/"

static const char two_keys[] =
    "{\"device\":\"01\",\"policy\":{\"value\":\"enroll\",\"from\":\"account\","
    "\"until\":\"2099-01-01T00:00:00.000Z\"},\"contested\":true,\"keys\":["
    "{\"fingerprint\":\"" KEY_A
    "\",\"short\":\"x\",\"state\":\"announced\",\"source\":\"provisioned\","
    "\"last_seen\":null,\"last_ip\":\"192.168.100.200\",\"session\":\"none\"},"
    "{\"fingerprint\":\"" KEY_B "\",\"state\":\"pending\",\"source\":null,"
    "\"last_seen\":\"2020-01-01T00:00:00.000Z\",\"last_ip\":\"10.0.0.1\",\"session\":\"held\"}]}";

static const char held[] = "{\"id\":\"01\",\"connected\":false,\"signaling\":true}";

static void longest_line_is(const char *text, size_t limit)
{
    while (*text) {
        size_t len = strcspn(text, "\n");
        assert_in_range(len, 0, limit);
        text += len + (text[len] == '\n');
    }
}

static void keys_are_listed_with_the_alarm_first_and_within_80_columns(void **state)
{
    (void)state;
    reply(200, two_keys);
    reply(200, two_keys);
    reply(200, "{\"device\":\"01\",\"policy\":{\"value\":\"quarantine\",\"from\":\"default\","
               "\"until\":null},\"contested\":false,\"keys\":[]}");
    start();
    RUN_CLI(&ran, "keys", "list", "k");
    assert_int_equal(ran.exit, 0);
    assert_memory_equal(ran.out, "CONTESTED", 9);
    assert_non_null(strstr(ran.out, "policy: enroll (from the account), until 2099-01-01"));
    assert_non_null(
        strstr(ran.out, "KEY                  STATE      SOURCE       SESSION  LAST SEEN  LAST IP\n"
                        "9f4e-10d2-5305-1a97  announced  provisioned  none     never      "
                        "192.168.100.200\n"
                        "9f4e-10d2-ffff-1a97  pending    -            held     "));
    assert_non_null(strstr(ran.out, "  " KEY_A "  announced\n  " KEY_B "  pending\n"));
    /* The ruling line of the policy and the warnings are sentences; the table is not. */
    longest_line_is(strstr(ran.out, "KEY  "), 80);
    RUN_CLI(&ran, "keys", "list", "k", "--json");
    json_t *wanted = json_loads(two_keys, 0, NULL);
    assert_true(json_equal(json_object_get(ran.json, "data"), wanted));
    json_decref(wanted);
    RUN_CLI(&ran, "keys", "list", "k");
    assert_string_equal(ran.out, "policy: quarantine (the default)\n"
                                 "no keys yet: cyan keys send ID FILE\n");
    scripted_stop(cloud);
    assert_asked(0, "GET /v1/devices/k/keys");
}

static void what_a_list_holds_is_harmless_at_a_terminal(void **state)
{
    (void)state;
    reply(200, "{\"policy\":5,\"keys\":[5,{\"fingerprint\":\"\\u001b[2J\",\"state\":\"\\u0007\","
               "\"source\":{},\"last_seen\":\"\\u001b]0;x\"}]}");
    start();
    RUN_CLI(&ran, "keys", "list", "k");
    assert_int_equal(ran.exit, 0);
    assert_null(strpbrk(ran.out, "\x1b\x07"));
    static const char *const bodies[] = {"[]", "{}", "{\"keys\":{}}", "5"};
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        reply(200, bodies[i]);
        start();
        RUN_CLI(&ran, "keys", "list", "k", "--json");
        assert_ran_fault(&ran, 1, "BAD_ANSWER");
    }
}

/* Asks KEYS A/verb, whose body is wanted. */
static void assert_judged(size_t number, const char *verb, const char *body)
{
    char line[160];
    (void)snprintf(line, sizeof line, "POST " KEYS KEY_A "/%s", verb);
    assert_asked(number, line);
    assert_string_equal(body_of(number), body);
}

static void one_that_blinks_is_approved_and_its_light_ends(void **state)
{
    (void)state;
    for (int typed = 0; typed < 2; typed++) {
        reply(200, held);
        reply(200, held);
        reply(200,
              "{\"fingerprint\":\"" KEY_A "\",\"state\":\"trusted\",\"takes_effect\":\"now\"}");
        start();
        if (typed) {
            RUN_CLI_TYPING(&ran, "yes\r", "keys", "approve", "k", KEY_A, "--blink");
            assert_non_null(strstr(ran.err, "blink in rainbow colours? [y/N]: yes"));
        } else {
            RUN_CLI(&ran, "keys", "approve", "k", KEY_A, "--blink", "--yes");
            assert_null(strstr(ran.err, "?"));
        }
        assert_int_equal(ran.exit, 0);
        assert_string_equal(ran.out, "k: the key 9f4e-10d2-5305-1a97 is trusted\n"
                                     "it takes effect now: the device is online with it\n");
        scripted_stop(cloud);
        assert_int_equal(scripted_count(cloud), 3);
        assert_asked(0, "PUT /v1/devices/k");
        assert_string_equal(body_of(0), "{\"signal\":1,\"key\":\"" KEY_A "\"}");
        assert_asked(1, "PUT /v1/devices/k");
        assert_string_equal(body_of(1), "{\"signal\":0,\"key\":\"" KEY_A "\"}");
        assert_judged(2, "approve", "{\"via\":\"blink\"}");
    }
}

static void without_a_yes_the_light_ends_and_nothing_is_approved(void **state)
{
    (void)state;
    static const char *const keys[] = {"n\r",  "\r",   "no\r", "yess\r",
                                       "ja\r", "\x03", "\x04", "y\x03"};
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        reply(200, held);
        reply(200, held);
        start();
        RUN_CLI_TYPING(&ran, keys[i], "keys", "approve", "k", KEY_A, "--blink", "--json");
        assert_ran_fault(&ran, 5, "NOT_CONFIRMED");
        assert_string_equal(RAN_STRING(&ran, "error", "try"), "cyan keys deny k " KEY_A);
        scripted_stop(cloud);
        assert_int_equal(scripted_count(cloud), 2);
        assert_string_equal(body_of(1), "{\"signal\":0,\"key\":\"" KEY_A "\"}");
    }
}

static void a_key_that_cannot_blink_is_not_approved(void **state)
{
    (void)state;
    reply(404,
          "{\"ok\":false,\"error\":\"No session is held with this key.\",\"code\":\"NOT_FOUND\"}");
    start();
    RUN_CLI(&ran, "keys", "approve", "k", KEY_A, "--blink", "--yes", "--json");
    assert_ran_fault(&ran, 4, "NOT_FOUND");
    scripted_stop(cloud);
    assert_int_equal(scripted_count(cloud), 1);
    /* Its light that cannot be ended does not undo a yes. */
    reply(200, held);
    reply(404, "{\"ok\":false,\"error\":\"It has gone.\",\"code\":\"NOT_FOUND\"}");
    reply(200, "{\"state\":\"trusted\",\"takes_effect\":\"next-connect\"}");
    start();
    RUN_CLI(&ran, "keys", "approve", "k", KEY_A, "--blink", "--yes");
    assert_int_equal(ran.exit, 0);
    assert_non_null(strstr(ran.err, "It has gone"));
    assert_non_null(strstr(ran.out, "at the device's next try, at most 128 s from now\n"));
}

static void a_remote_approval_warns_and_asks_at_a_terminal_only(void **state)
{
    (void)state;
    for (int way = 0; way < 3; way++) {
        reply(200, "{\"state\":\"trusted\",\"takes_effect\":\"next-connect\"}");
        start();
        if (way == 0) {
            RUN_CLI(&ran, "keys", "approve", "k", KEY_A, "--remote");
        } else if (way == 1) {
            RUN_CLI_TYPING(&ran, "", "keys", "approve", "k", KEY_A, "--remote", "--yes");
        } else {
            RUN_CLI_TYPING(&ran, "Y\r", "keys", "approve", "k", KEY_A, "--remote");
        }
        assert_int_equal(ran.exit, 0);
        assert_non_null(strstr(ran.err, "anybody on the network who knows the device's id"));
        assert_int_equal(strstr(ran.err, "[y/N]") != NULL, way == 2);
        scripted_stop(cloud);
        assert_judged(0, "approve", "{\"via\":\"remote\"}");
    }
    start();
    RUN_CLI_TYPING(&ran, "n\r", "keys", "approve", "k", KEY_A, "--remote", "--json");
    assert_ran_fault(&ran, 5, "NOT_CONFIRMED");
    scripted_stop(cloud);
    assert_int_equal(scripted_count(cloud), 0);
}

static void without_a_proof_of_place_nothing_is_asked_of_the_cloud(void **state)
{
    (void)state;
    start();
    RUN_CLI(&ran, "keys", "approve", "k", KEY_A, "--json");
    assert_ran_fault(&ran, 5, "NO_PROOF");
    RUN_CLI(&ran, "keys", "approve", "k", KEY_A, "--yes", "--json");
    assert_ran_fault(&ran, 5, "NO_PROOF");
    RUN_CLI(&ran, "keys", "approve", "k", KEY_A, "--blink", "--json");
    assert_ran_fault(&ran, 5, "NO_PROOF");
    assert_string_equal(RAN_STRING(&ran, "error", "try"),
                        "cyan keys approve k " KEY_A " --blink --yes");
    RUN_CLI_TYPING(&ran, "", "keys", "approve", "k", KEY_A, "--json");
    assert_ran_fault(&ran, 5, "NO_PROOF");
    RUN_CLI(&ran, "keys", "approve", "k", KEY_A, "--blink", "--remote", "--json");
    assert_ran_fault(&ran, 2, "USAGE");
    scripted_stop(cloud);
    assert_int_equal(scripted_count(cloud), 0);
}

static void less_than_a_whole_fingerprint_is_answered_with_the_whole_one(void **state)
{
    (void)state;
    static const struct {
        const char *typed, *advice;
        size_t asked;
    } cases[] = {
        {"9f4e-10d2-5305-1a97", "cyan keys approve k " KEY_A " --blink", 1},
        {"9F4E10D25", "cyan keys approve k " KEY_A " --blink", 1},
        {"9f4e10d2", "cyan keys list k", 1}, /* both begin so */
        {"1234", "cyan keys list k", 1},
        {"9f4", "cyan keys list k", 0},
        {"kitchen", "cyan keys list k", 0},
        {"", "cyan keys list k", 0},
        {KEY_A "0", "cyan keys list k", 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        reply(200, two_keys);
        start();
        RUN_CLI(&ran, "keys", "approve", "k", cases[i].typed, "--blink", "--json");
        assert_ran_fault(&ran, 2, "USAGE");
        assert_string_equal(RAN_STRING(&ran, "error", "try"), cases[i].advice);
        scripted_stop(cloud);
        assert_int_equal(scripted_count(cloud), cases[i].asked);
    }
    static const char *const verbs[][2] = {{"deny", ""}, {"revoke", ""}, {"revert", ""}};
    for (size_t i = 0; i < COUNT_OF(verbs); i++) {
        char line[128];
        reply(200, two_keys);
        start();
        RUN_CLI(&ran, "keys", verbs[i][0], "k", "9f4e-10d2-ffff-1a97", "--json");
        assert_ran_fault(&ran, 2, "USAGE");
        (void)snprintf(line, sizeof line, "cyan keys %s k " KEY_B, verbs[i][0]);
        assert_string_equal(RAN_STRING(&ran, "error", "try"), line);
    }
    /* A cloud that is not there makes it no other mistake. */
    start();
    scripted_stop(cloud);
    RUN_CLI(&ran, "keys", "deny", "k", "9f4e-10d2", "--json");
    assert_ran_fault(&ran, 2, "USAGE");
}

static void a_judgement_is_one_request_and_says_what_follows(void **state)
{
    (void)state;
    static const struct {
        const char *words[4], *body, *state, *says;
    } cases[] = {
        {{"deny"}, "{}", "denied", "is denied\nit is refused for 24 hours; it can still be"},
        {{"deny"}, "{}", "none", "is gone\nit is forgotten\n"},
        {{"revoke", "--yes"}, "{}", "revoked", "is revoked\na device with this key is refused"},
        {{"revert"}, "{}", "trusted", "is trusted\nthe key that was trusted until now is retired"},
        {{"unrevoke", "--reason", "found \"it\""},
         "{\"reason\":\"found \\\"it\\\"\"}",
         "retired",
         "is retired\nit is not trusted by this"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *const *w = cases[i].words;
        for (int json = 0; json < 2; json++) {
            char body[160];
            (void)snprintf(body, sizeof body, "{\"fingerprint\":\"" KEY_A "\",\"state\":\"%s\"}",
                           cases[i].state);
            reply(200, body);
            start();
            RUN_CLI(&ran, "keys", w[0], "k", KEY_A, json ? "--json" : "--api",
                    json ? w[1] : scripted_url(cloud), json ? w[2] : w[1], json ? NULL : w[2]);
            assert_int_equal(ran.exit, 0);
            if (json) {
                assert_string_equal(RAN_STRING(&ran, "data", "state"), cases[i].state);
            } else {
                assert_non_null(strstr(ran.out, cases[i].says));
            }
            scripted_stop(cloud);
            assert_judged(0, w[0], cases[i].body);
        }
    }
}

static void a_revocation_wants_a_yes(void **state)
{
    (void)state;
    start();
    RUN_CLI(&ran, "keys", "revoke", "k", KEY_A, "--json");
    assert_ran_fault(&ran, 5, "NOT_CONFIRMED");
    RUN_CLI_TYPING(&ran, "\r", "keys", "revoke", "k", KEY_A, "--json");
    assert_ran_fault(&ran, 5, "NOT_CONFIRMED");
    assert_non_null(strstr(ran.err, "the device with this key will be refused"));
    scripted_stop(cloud);
    assert_int_equal(scripted_count(cloud), 0);
    reply(200, "{\"state\":\"revoked\"}");
    start();
    RUN_CLI_TYPING(&ran, "y\r", "keys", "revoke", "k", KEY_A);
    assert_int_equal(ran.exit, 0);
}

static void an_unrevoke_wants_a_reason(void **state)
{
    (void)state;
    char reason[300];
    memset(reason, 'x', 257);
    reason[257] = '\0';
    start();
    RUN_CLI(&ran, "keys", "unrevoke", "k", KEY_A, "--json");
    assert_ran_fault(&ran, 2, "USAGE");
    RUN_CLI(&ran, "keys", "unrevoke", "k", KEY_A, "--reason", "", "--json");
    assert_ran_fault(&ran, 2, "USAGE");
    RUN_CLI(&ran, "keys", "unrevoke", "k", KEY_A, "--reason", reason, "--json");
    assert_ran_fault(&ran, 2, "USAGE");
    scripted_stop(cloud);
    assert_int_equal(scripted_count(cloud), 0);
}

static void what_the_cloud_refuses_about_a_key_is_told(void **state)
{
    (void)state;
    static const struct {
        int status, exit;
        const char *body, *code, *advice;
    } cases[] = {
        {409, 5,
         "{\"ok\":false,\"error\":\"The key is revoked.\",\"state\":\"revoked\",\"code\":"
         "\"KEY_STATE\"}",
         "KEY_STATE", "cyan keys list k"},
        {404, 4, "{\"ok\":false,\"error\":\"No such key.\",\"code\":\"NOT_FOUND\"}", "NOT_FOUND",
         "cyan keys list k"},
        {403, 5, "{\"ok\":false,\"error\":\"Permission Denied\",\"code\":\"FORBIDDEN\"}",
         "FORBIDDEN", ""},
        {200, 1, "{}", "BAD_ANSWER", NULL},
    };
    static const char *const verbs[] = {"deny", "revert", "revoke", "approve"};
    for (size_t v = 0; v < COUNT_OF(verbs); v++) {
        const char *option = v < 2 ? NULL : v == 2 ? "--yes" : "--remote";
        for (size_t i = 0; i < COUNT_OF(cases); i++) {
            reply(cases[i].status, cases[i].body);
            start();
            RUN_CLI(&ran, "--json", "keys", verbs[v], "k", KEY_A, option);
            assert_ran_fault(&ran, cases[i].exit, cases[i].code);
            if (cases[i].advice) {
                assert_string_equal(RAN_STRING(&ran, "error", "try"), cases[i].advice);
            }
        }
    }
}

static void without_a_token_no_key_is_touched(void **state)
{
    (void)state;
    static const char *const lines[][4] = {{"list"},
                                           {"approve", KEY_A, "--blink", "--yes"},
                                           {"approve", KEY_A, "--remote"},
                                           {"deny", KEY_A},
                                           {"revoke", KEY_A, "--yes"},
                                           {"revert", KEY_A},
                                           {"check", KEY_A},
                                           {"unrevoke", KEY_A, "--reason=x"}};
    assert_int_equal(unsetenv("CYAN_TOKEN"), 0);
    start();
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        const char *const *w = lines[i];
        RUN_CLI(&ran, "--json", "keys", w[0], "k", w[1], w[2], w[3]);
        assert_ran_fault(&ran, 3, "NOT_LOGGED_IN");
    }
    scripted_stop(cloud);
    assert_int_equal(scripted_count(cloud), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, stage_set_up, stage_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(keys_are_listed_with_the_alarm_first_and_within_80_columns),
        TEST(what_a_list_holds_is_harmless_at_a_terminal),
        TEST(one_that_blinks_is_approved_and_its_light_ends),
        TEST(without_a_yes_the_light_ends_and_nothing_is_approved),
        TEST(a_key_that_cannot_blink_is_not_approved),
        TEST(a_remote_approval_warns_and_asks_at_a_terminal_only),
        TEST(without_a_proof_of_place_nothing_is_asked_of_the_cloud),
        TEST(less_than_a_whole_fingerprint_is_answered_with_the_whole_one),
        TEST(a_judgement_is_one_request_and_says_what_follows),
        TEST(a_revocation_wants_a_yes),
        TEST(an_unrevoke_wants_a_reason),
        TEST(what_the_cloud_refuses_about_a_key_is_told),
        TEST(without_a_token_no_key_is_touched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
