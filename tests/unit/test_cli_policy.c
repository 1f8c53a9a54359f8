/* Policies, windows, the server's rotation, claims: with a scripted cloud. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/cli_stage.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"
#include "tests/unit/vectors.h"

#define ID "0123456789abcdef01234567"
#define OTHER_ID "2f00aaaaaaaaaaaaaaaa3136"
#define KEY "9f4e10d253051a9740f83b8f7814026305ca9aa59f4e10d253051a9740f83b8f"
#define QUARANTINE "{\"policy\":\"quarantine\",\"from\":\"default\",\"until\":null,\"ids\":null}"
#define WINDOW(from)                                                                               \
    "{\"policy\":\"enroll\",\"from\":\"" from "\",\"until\":\"T1\",\"ids\":[\"" ID                 \
    "\"],\"base\":\"strict\"}"

static void a_policy_is_shown_with_its_meaning(void **state)
{
    (void)state;
    static const struct {
        const char *device, *answer, *out, *path;
    } cases[] = {
        {NULL, QUARANTINE,
         "policy: quarantine (the default)\n  a new key is held until you approve it\n",
         "GET /v1/user/key-policy"},
        {"my k", "{\"policy\":\"strict\",\"from\":\"device\"}",
         "policy: strict (from the device)\n"
         "  only trusted and announced keys; every other one is refused\n",
         "GET /v1/devices/my%20k/key-policy"},
        {"k",
         "{\"policy\":\"heal\",\"from\":\"device\",\"networks\":[\"10.0.0.0/8\"],"
         "\"familiar\":{\"absent\":true,\"module\":false}}",
         "policy: heal (from the device)\n"
         "  a new key of a familiar device is trusted by itself, any other is held\n"
         "need not hold: module\nnetwork: 10.0.0.0/8\n",
         "GET /v1/devices/k/key-policy"},
        {"k", WINDOW("account"),
         "policy: enroll (from the account), until T1\n"
         "  a window is open: the first new key of its ids is trusted\n"
         "id: " ID "\nafterwards: strict\n",
         "GET /v1/devices/k/key-policy"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        reply(200, cases[i].answer);
        start();
        RUN_CLI(&ran, "keys", "policy", cases[i].device);
        assert_int_equal(ran.exit, 0);
        assert_string_equal(ran.out, cases[i].out);
        bool heal = strstr(cases[i].answer, "heal") != NULL;
        assert_int_equal(strstr(ran.err, "can be healed in its place") != NULL, heal);
        scripted_stop(cloud);
        assert_asked(0, cases[i].path);
    }
}

static void a_policy_is_set_by_one_request(void **state)
{
    (void)state;
    static const struct {
        const char *words[9], *path, *body;
    } cases[] = {
        {{"strict"}, "PUT /v1/user/key-policy", "{\"policy\":\"strict\"}"},
        {{"k", "quarantine"}, "PUT /v1/devices/k/key-policy", "{\"policy\":\"quarantine\"}"},
        {{"k", "heal", "--network", "10.0.0.0/8", "--network=fd00::/8"},
         "PUT /v1/devices/k/key-policy",
         "{\"policy\":\"heal\",\"networks\":[\"10.0.0.0/8\",\"fd00::/8\"]}"},
        {{"heal", "--without", "module", "--without", "address"},
         "PUT /v1/user/key-policy",
         "{\"policy\":\"heal\",\"familiar\":{\"absent\":true,\"firmware\":true,\"module\":false,"
         "\"address\":false}}"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *const *w = cases[i].words;
        reply(200, "{\"policy\":\"heal\",\"from\":\"device\"}");
        start();
        RUN_CLI(&ran, "--json", "keys", "policy", w[0], w[1], w[2], w[3], w[4], w[5]);
        assert_int_equal(ran.exit, 0);
        assert_string_equal(RAN_STRING(&ran, "data", "policy"), "heal");
        scripted_stop(cloud);
        assert_asked(0, cases[i].path);
        assert_string_equal(body_of(0), cases[i].body);
    }
}

static void the_default_takes_the_policy_back_but_no_window_for_it(void **state)
{
    (void)state;
    static const struct {
        const char *device, *now;
        bool deleted;
    } cases[] = {
        {NULL, QUARANTINE, true},         {"k", QUARANTINE, true},
        {NULL, WINDOW("account"), false}, {"k", WINDOW("device"), false},
        {"k", WINDOW("account"), true},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        reply(200, cases[i].now);
        reply(200, QUARANTINE);
        start();
        RUN_CLI(&ran, "--json", "keys", "policy", cases[i].device ? cases[i].device : "default",
                cases[i].device ? "default" : NULL);
        if (cases[i].deleted) {
            assert_int_equal(ran.exit, 0);
        } else {
            assert_ran_fault(&ran, 5, "WINDOW_OPEN");
        }
        scripted_stop(cloud);
        assert_int_equal(scripted_count(cloud), cases[i].deleted ? 2 : 1);
        if (cases[i].deleted) {
            assert_asked(1, cases[i].device ? "DELETE /v1/devices/k/key-policy"
                                            : "DELETE /v1/user/key-policy");
        }
    }
}

static void a_window_opens_for_ids_and_warns(void **state)
{
    (void)state;
    reply(200, WINDOW("account"));
    reply(200, WINDOW("account"));
    start();
    RUN_CLI(&ran, "keys", "window", "0123456789ABCDEF01234567", OTHER_ID);
    assert_int_equal(ran.exit, 0);
    assert_string_equal(ran.out, "a window is open until T1, for\n  " ID "\n");
    assert_non_null(strstr(ran.err, "whoever says first that he is one of these ids is trusted"));
    RUN_CLI(&ran, "keys", "window", ID, "--for", "10080", "--json");
    assert_int_equal(ran.exit, 0);
    scripted_stop(cloud);
    assert_asked(0, "PUT /v1/user/key-policy");
    assert_string_equal(body_of(0), "{\"policy\":\"enroll\",\"for\":600,\"ids\":[\"" ID
                                    "\",\"" OTHER_ID "\"]}");
    assert_string_equal(body_of(1), "{\"policy\":\"enroll\",\"for\":604800,\"ids\":[\"" ID "\"]}");
}

static void a_window_is_closed_and_never_the_policy_instead(void **state)
{
    (void)state;
    static const struct {
        const char *device, *now;
        bool deleted;
    } cases[] = {{NULL, WINDOW("account"), true},
                 {NULL, QUARANTINE, false},
                 {"k", WINDOW("device"), true},
                 {"k", WINDOW("account"), false}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        reply(200, cases[i].now);
        reply(200, QUARANTINE);
        start();
        RUN_CLI(&ran, "keys", "window", "--close", cases[i].device ? "--device" : NULL,
                cases[i].device);
        assert_int_equal(ran.exit, 0);
        if (cases[i].deleted) {
            assert_string_equal(ran.out, "no window is open; the policy is quarantine\n");
        }
        scripted_stop(cloud);
        assert_int_equal(scripted_count(cloud), cases[i].deleted ? 2 : 1);
    }
    reply(200, QUARANTINE);
    start();
    RUN_CLI(&ran, "keys", "window");
    assert_string_equal(ran.out, "no window is open; the policy is quarantine\n");
}

static void a_key_is_checked_by_its_file_or_fingerprint(void **state)
{
    (void)state;
    struct vectors *public = vectors_open("keys-public.txt");
    const struct vector *spki = vectors_get(public, "device_spki");
    scratch_write("device.der", spki->data, spki->len);
    vectors_close(public);
    reply(200, "{\"status\":\"trusted\",\"since\":\"T2\"}");
    reply(200, "{\"status\":\"unknown\",\"since\":null}");
    reply(429, "{\"error\":\"Slowly.\",\"code\":\"TOO_MANY\"}");
    reply(200, "{}");
    start();
    RUN_CLI(&ran, "keys", "check", "k", scratch_path("device.der"));
    assert_int_equal(ran.exit, 0);
    assert_string_equal(ran.out, "trusted, since T2\n");
    RUN_CLI(&ran, "keys", "check", "k", KEY, "--json");
    assert_string_equal(RAN_STRING(&ran, "data", "status"), "unknown");
    RUN_CLI(&ran, "keys", "check", "k", KEY, "--json");
    assert_ran_fault(&ran, 5, "TOO_MANY");
    RUN_CLI(&ran, "keys", "check", "k", KEY, "--json");
    assert_ran_fault(&ran, 1, "BAD_ANSWER");
    scratch_write("device.der", "x", 1);
    RUN_CLI(&ran, "keys", "check", "k", scratch_path("device.der"), "--json");
    assert_int_equal(ran.exit, 1);
    RUN_CLI(&ran, "keys", "check", "k", scratch_path("none"), "--json");
    assert_ran_fault(&ran, 4, "NOT_FOUND");
    scripted_stop(cloud);
    assert_int_equal(scripted_count(cloud), 4);
    assert_asked(0, "POST /v1/devices/k/keys/check");
    assert_memory_equal(body_of(0), "{\"public_key\":\"-----BEGIN PUBLIC KEY-----\\n", 43);
    assert_string_equal(body_of(1), "{\"fingerprint\":\"" KEY "\"}");
}

static void a_rotation_names_the_devices_that_lag_behind(void **state)
{
    (void)state;
    static const char two[] =
        "{\"keys\":[{\"fingerprint\":\"" KEY "\",\"role\":\"current\",\"devices\":[{}]},"
        "{\"fingerprint\":\"" KEY "\",\"role\":\"previous\",\"devices\":[{\"id\":\"" ID
        "\",\"name\":\"k\",\"last_handshake_at\":null}]}]}";
    reply(200, two);
    reply(200, two);
    reply(200, "{\"keys\":[{\"role\":\"previous\",\"devices\":[]}]}");
    reply(200, "{\"keys\":[{\"role\":\"current\",\"devices\":[]}]}");
    reply(403, "{\"error\":\"For the operator.\",\"code\":\"FORBIDDEN\"}");
    reply(200, "{}");
    start();
    RUN_CLI(&ran, "keys", "rotation");
    assert_string_equal(
        ran.out, "current server key 9f4e-10d2-5305-1a97: 1 device\n"
                 "previous server key 9f4e-10d2-5305-1a97: 1 device\n"
                 "NAME  ID                        LAST HANDSHAKE\nk     " ID "  never\n"
                 "these devices still carry the previous key; give each the new one over USB "
                 "before the old one goes\n");
    RUN_CLI(&ran, "keys", "rotation", "--json");
    assert_int_equal(json_array_size(json_object_get(json_object_get(ran.json, "data"), "keys")),
                     2);
    RUN_CLI(&ran, "keys", "rotation");
    assert_non_null(strstr(ran.out, "no device uses the previous key any more\n"));
    RUN_CLI(&ran, "keys", "rotation");
    assert_non_null(strstr(ran.out, "no rotation is under way\n"));
    RUN_CLI(&ran, "keys", "rotation", "--json");
    assert_ran_fault(&ran, 5, "FORBIDDEN");
    RUN_CLI(&ran, "keys", "rotation", "--json");
    assert_ran_fault(&ran, 1, "BAD_ANSWER");
    scripted_stop(cloud);
    assert_asked(0, "GET /v1/system/server-keys");
}

static void a_device_is_claimed_by_its_id(void **state)
{
    (void)state;
    static const struct {
        int status, exit;
        const char *body, *code;
    } cases[] = {
        {200, 0, "{\"ok\":true,\"id\":\"" ID "\",\"connected\":true,\"claimed\":true}", NULL},
        {404, 4, "{\"error\":\"No device has this id.\",\"code\":\"NOT_FOUND\"}", "NOT_FOUND"},
        {403, 5, "{\"error\":\"The device belongs to someone else.\",\"code\":\"FORBIDDEN\"}",
         "FORBIDDEN"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        for (int alias = 0; alias < 2; alias++) {
            reply(cases[i].status, cases[i].body);
            start();
            if (alias) {
                RUN_CLI(&ran, "--json", "device", "add", "0123456789ABCDEF01234567");
            } else {
                RUN_CLI(&ran, "--json", "claim", ID);
            }
            assert_int_equal(ran.exit, cases[i].exit);
            if (cases[i].code) {
                assert_ran_fault(&ran, cases[i].exit, cases[i].code);
            }
            scripted_stop(cloud);
            assert_asked(0, "POST /v1/devices");
            assert_string_equal(body_of(0), "{\"id\":\"" ID "\"}");
        }
    }
    reply(200, cases[0].body);
    start();
    RUN_CLI(&ran, "claim", ID);
    assert_string_equal(ran.out, ID " is yours; it is online\n");
}

static void a_device_is_removed_after_a_yes_only(void **state)
{
    (void)state;
    for (int way = 0; way < 3; way++) {
        reply(200, "{\"ok\":true}");
        start();
        if (way == 0) {
            RUN_CLI(&ran, "remove", "k", "--yes");
        } else if (way == 1) {
            RUN_CLI(&ran, "device", "remove", "k", "--yes");
        } else {
            RUN_CLI_TYPING(&ran, "y\r", "remove", "k");
        }
        assert_int_equal(ran.exit, 0);
        assert_string_equal(ran.out, "k is not yours any more; its key is still known\n");
        scripted_stop(cloud);
        assert_asked(0, "DELETE /v1/devices/k");
    }
    start();
    RUN_CLI(&ran, "remove", "k", "--json");
    assert_ran_fault(&ran, 5, "NOT_CONFIRMED");
    RUN_CLI_TYPING(&ran, "n\r", "remove", "k", "--json");
    assert_ran_fault(&ran, 5, "NOT_CONFIRMED");
    scripted_stop(cloud);
    assert_int_equal(scripted_count(cloud), 0);
    reply(404, "{\"error\":\"No such device.\",\"code\":\"NOT_FOUND\"}");
    start();
    RUN_CLI(&ran, "remove", "k", "--yes", "--json");
    assert_ran_fault(&ran, 4, "NOT_FOUND");
}

static void what_the_cloud_refuses_about_a_policy_is_told(void **state)
{
    (void)state;
    static const struct {
        int status, exit;
        const char *body, *code;
    } cases[] = {
        {400, 5, "{\"error\":\"No network.\",\"code\":\"INVALID\"}", "INVALID"},
        {404, 4, "{\"error\":\"No such device.\",\"code\":\"NOT_FOUND\"}", "NOT_FOUND"},
        {200, 1, "{}", "BAD_ANSWER"},
    };
    static const char *const lines[][4] = {
        {"policy"}, {"policy", "k", "heal"}, {"policy", "k", "default"}, {"window", ID},
        {"window"}, {"window", "--close"}};
    for (size_t line = 0; line < COUNT_OF(lines); line++) {
        const char *const *w = lines[line];
        for (size_t i = 0; i < COUNT_OF(cases); i++) {
            reply(cases[i].status, cases[i].body);
            start();
            RUN_CLI(&ran, "--json", "keys", w[0], w[1], w[2]);
            assert_ran_fault(&ran, cases[i].exit, cases[i].code);
        }
    }
}

static void what_makes_no_sense_is_usage_and_asks_nothing(void **state)
{
    (void)state;
    static const char *const lines[][6] = {
        {"keys", "policy", ""},
        {"keys", "policy", "k", "lenient"},
        {"keys", "policy", "enroll"},
        {"keys", "policy", "k", "enroll"},
        {"keys", "policy", "strict", "--network", "10.0.0.0/8"},
        {"keys", "policy", "k", "--without", "module"},
        {"keys", "policy", "heal", "--without", "luck"},
        {"keys", "policy", "heal", "--without", ""},
        {"keys", "window", "kitchen"},
        {"keys", "window", ID, "--for", "0"},
        {"keys", "window", ID, "--for", "10081"},
        {"keys", "window", "--for", "5"},
        {"keys", "window", "--close", ID},
        {"keys", "window", "--close", "--for", "5"},
        {"keys", "window", "--device", "k"},
        {"keys", "check", "", KEY},
        {"keys", "list", ""},
        {"claim", "kitchen"},
        {"claim", ID "0"},
        {"device", "add", "kitchen"},
        {"remove", "", "--yes"},
        {"device", "remove"},
    };
    start();
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        const char *const *w = lines[i];
        RUN_CLI(&ran, "--json", w[0], w[1], w[2], w[3], w[4], w[5]);
        assert_ran_fault(&ran, 2, "USAGE");
    }
    scripted_stop(cloud);
    assert_int_equal(scripted_count(cloud), 0);
    assert_int_equal(unsetenv("CYAN_TOKEN"), 0);
    static const char *const commands[][4] = {{"keys", "policy"},
                                              {"keys", "window", ID},
                                              {"keys", "rotation"},
                                              {"claim", ID},
                                              {"remove", "k", "--yes"}};
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        const char *const *w = commands[i];
        RUN_CLI(&ran, "--json", w[0], w[1], w[2]);
        assert_ran_fault(&ran, 3, "NOT_LOGGED_IN");
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, stage_set_up, stage_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_policy_is_shown_with_its_meaning),
        TEST(a_policy_is_set_by_one_request),
        TEST(the_default_takes_the_policy_back_but_no_window_for_it),
        TEST(a_window_opens_for_ids_and_warns),
        TEST(a_window_is_closed_and_never_the_policy_instead),
        TEST(a_key_is_checked_by_its_file_or_fingerprint),
        TEST(a_rotation_names_the_devices_that_lag_behind),
        TEST(a_device_is_claimed_by_its_id),
        TEST(a_device_is_removed_after_a_yes_only),
        TEST(what_the_cloud_refuses_about_a_policy_is_told),
        TEST(what_makes_no_sense_is_usage_and_asks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
