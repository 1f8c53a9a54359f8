/* The commands that talk to a cloud, with a scripted one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/unit/cli_stage.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

static void log_in_with_password(const char *user, const char *password)
{
    scratch_write("password", password, strlen(password));
    reply(200, "{\"access_token\":\"new-token\",\"token_type\":\"bearer\"}");
    reply(200, "{\"username\":\"me\"}");
    start();
    assert_int_equal(unsetenv("CYAN_TOKEN"), 0);
    RUN_CLI(&ran, "login", "--json", "--user", user, "--password-file", scratch_path("password"));
}

static void a_login_stores_the_token_and_gives_it_to_scripts_alone(void **state)
{
    (void)state;
    struct stat info;
    log_in_with_password("a b@c", "p&s=\xC3\xBC \r\nsecond line");
    assert_int_equal(ran.exit, 0);
    assert_string_equal(RAN_STRING(&ran, "data", "token"), "new-token");
    assert_string_equal(RAN_STRING(&ran, "data", "user"), "me");
    assert_string_equal(RAN_STRING(&ran, "data", "api"), scripted_url(cloud));
    assert_int_equal(stat(scratch_path("xdg/cyan/default.json"), &info), 0);
    assert_int_equal(info.st_mode & 07777U, 0600);
    scripted_stop(cloud);
    assert_asked(0, "POST /oauth/token");
    assert_non_null(strstr(body_of(0), "grant_type=password&"));
    assert_non_null(strstr(body_of(0), "&username=a%20b%40c&password=p%26s%3D%C3%BC%20"));
    assert_null(strstr(body_of(0), "second"));
    assert_null(strstr(scripted_request(cloud, 0), "Authorization"));
    assert_asked(1, "GET /v1/user");
    assert_non_null(strstr(scripted_request(cloud, 1), "\r\nAuthorization: Bearer new-token\r\n"));

    reply(200, "{\"username\":\"me\"}");
    reply(200, "{\"username\":\"me\"}");
    start();
    RUN_CLI(&ran, "login", "--token", "other-token");
    assert_int_equal(ran.exit, 0);
    assert_null(strstr(ran.out, "other-token"));
    RUN_CLI(&ran, "whoami", "--json");
    assert_string_equal(RAN_STRING(&ran, "data", "user"), "me");
    assert_null(strstr(ran.out, "token"));
    scripted_stop(cloud);
    assert_non_null(strstr(scripted_request(cloud, 1), "Bearer other-token"));
}

static void a_login_that_fails_stores_nothing(void **state)
{
    (void)state;
    static const struct {
        int status;
        int exit;
        const char *body, *code;
    } cases[] = {
        {400, 3, "{\"error\":\"invalid_grant\",\"error_description\":\"No.\"}", "INVALID_GRANT"},
        {400, 5, "{\"error\":\"invalid_client\",\"error_description\":\"No.\"}", "INVALID_CLIENT"},
        {429, 5, "{\"ok\":false,\"error\":\"Locked.\",\"code\":\"LOCKED\"}", "LOCKED"},
        {200, 1, "{}", "BAD_ANSWER"},
        {200, 1, "{\"access_token\":5}", "BAD_ANSWER"},
        {200, 1, "{\"access_token\":\"a\\nb\"}", "BAD_ANSWER"},
        {200, 1, "<html>", "BAD_ANSWER"},
        {200, 1, "", "BAD_ANSWER"},
    };
    scratch_write("password", "p", 1);
    assert_int_equal(unsetenv("CYAN_TOKEN"), 0);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        reply(cases[i].status, cases[i].body);
        start();
        RUN_CLI(&ran, "login", "--json", "--user", "u", "--password-file",
                scratch_path("password"));
        assert_ran_fault(&ran, cases[i].exit, cases[i].code);
        assert_int_equal(scratch_count(""), 1);
    }
    RUN_CLI(&ran, "login", "--json", "--user", "u", "--password-file", scratch_path("none"));
    assert_ran_fault(&ran, 1, "IO");
    scratch_write("password", "\nsecond", 7);
    RUN_CLI(&ran, "login", "--json", "--user", "u", "--password-file", scratch_path("password"));
    assert_ran_fault(&ran, 2, "USAGE");
}

static void a_login_replaces_a_damaged_profile(void **state)
{
    (void)state;
    assert_int_equal(SCRATCH_RUN("mkdir", "-p", "xdg/cyan"), 0);
    scratch_write("xdg/cyan/default.json", "{", 1);
    assert_int_equal(unsetenv("CYAN_TOKEN"), 0);
    RUN_CLI(&ran, "list", "--json");
    assert_ran_fault(&ran, 1, "CONFIG_DAMAGED");
    log_in_with_password("u", "p");
    assert_int_equal(ran.exit, 0);
}

static void a_logout_forgets_the_token_unless_the_cloud_could_not_revoke_it(void **state)
{
    (void)state;
    static const struct {
        int status, exit;
        bool still_there;
    } cases[] = {{200, 0, false}, {401, 0, false}, {503, 1, true}, {403, 5, true}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        log_in_with_password("u", "p");
        scripted_stop(cloud);
        /* The same address again, so that the stored token is meant for it. */
        size_t len = 0;
        reply(cases[i].status, "{\"ok\":false,\"error\":\"So it is.\"}");
        struct scripted *first = cloud;
        cloud = NULL;
        start();
        char profile[256];
        int profile_len = snprintf(profile, sizeof profile,
                                   "{\"api\":\"%s\",\"token\":\"new-token\"}", scripted_url(cloud));
        scratch_write("xdg/cyan/default.json", profile, (size_t)profile_len);
        RUN_CLI(&ran, "logout", "--json");
        assert_int_equal(ran.exit, cases[i].exit);
        scripted_stop(cloud);
        assert_asked(0, "DELETE /v1/access_tokens/current");
        uint8_t *text = scratch_read("xdg/cyan/default.json", &len);
        assert_int_equal(memmem(text, len, "new-token", 9) != NULL, cases[i].still_there);
        free(text);
        scripted_destroy(first);
    }
    assert_int_equal(SCRATCH_RUN("rm", "-rf", "xdg"), 0);
    RUN_CLI(&ran, "logout");
    assert_int_equal(ran.exit, 0);
}

static void without_a_token_nothing_is_asked(void **state)
{
    (void)state;
    static const char *const lines[][3] = {{"whoami"},         {"list"},         {"get", "a"},
                                           {"call", "a", "b"}, {"publish", "a"}, {"subscribe"}};
    assert_int_equal(unsetenv("CYAN_TOKEN"), 0);
    start();
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        RUN_CLI(&ran, "--json", lines[i][0], lines[i][1], lines[i][2]);
        assert_ran_fault(&ran, 3, "NOT_LOGGED_IN");
        assert_non_null(strstr(RAN_STRING(&ran, "error", "try"), "cyan login"));
    }
    scripted_stop(cloud);
    assert_int_equal(scripted_count(cloud), 0);
}

static void what_the_cloud_refuses_has_an_exit_code_and_its_words(void **state)
{
    (void)state;
    static const struct {
        int status;
        int exit;
        const char *body, *code, *message;
    } cases[] = {
        {404, 6, "{\"ok\":false,\"error\":\"It is off.\",\"code\":\"DEVICE_OFFLINE\"}",
         "DEVICE_OFFLINE", "It is off"},
        {404, 6, "{\"ok\":false,\"error\":\"held: key pending\",\"code\":\"KEY_PENDING\"}",
         "KEY_PENDING", "held: key pending"},
        {404, 6,
         "{\"ok\":false,\"error\":\"The device is held: key pending.\",\"code\":"
         "\"DEVICE_HELD\"}",
         "DEVICE_HELD", "a is held: key pending"},
        {404, 4, "{\"ok\":false,\"error\":\"No such thing\",\"code\":\"NOT_FOUND\"}", "NOT_FOUND",
         "No such thing"},
        {408, 6, "{\"ok\":false,\"error\":\"Timed out.\",\"code\":\"TIMED_OUT\"}", "TIMED_OUT",
         "Timed out"},
        {403, 5, "{\"ok\":false,\"error\":\"Permission Denied\",\"code\":\"FORBIDDEN\"}",
         "FORBIDDEN", "Permission Denied"},
        {400, 5, "{\"ok\":false,\"error\":\"Bad name\",\"code\":\"INVALID\"}", "INVALID",
         "Bad name"},
        {503, 1, "{\"ok\":false,\"error\":\"Disk full\",\"code\":\"STORE_FAILED\"}", "STORE_FAILED",
         "Disk full"},
        {401, 3, "{\"error\":\"invalid_token\",\"error_description\":\"Gone.\"}", "INVALID_TOKEN",
         "Gone"},
        {409, 5, "{\"error\":\"Moved on\",\"state\":\"revoked\"}", "CONFLICT", "Moved on"},
        {429, 5, "{\"info\":\"Slowly\"}", "TOO_MANY", "Slowly"},
        {501, 1, "{\"ok\":false,\"error\":\"Later\",\"code\":\"NOT_SUPPORTED\"}", "NOT_SUPPORTED",
         "Later"},
        {500, 1, "<html>", "SERVER_ERROR", NULL},
        {404, 4, "", "NOT_FOUND", NULL},
        {403, 5, "{\"code\":\"x y\",\"error\":\".\"}", "X_Y", ""},
        {302, 1, "", "SERVER_ERROR", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        reply(cases[i].status, cases[i].body);
        start();
        RUN_CLI(&ran, "call", "a", "b", "--json");
        assert_string_equal(RAN_STRING(&ran, "error", "code"), cases[i].code);
        assert_int_equal(ran.exit, cases[i].exit);
        if (cases[i].message) {
            assert_string_equal(RAN_STRING(&ran, "error", "message"), cases[i].message);
        }
    }
}

static void a_cloud_that_is_not_there_is_code_7_and_nonsense_is_code_1(void **state)
{
    (void)state;
    start();
    scripted_stop(cloud);
    RUN_CLI(&ran, "list", "--json");
    assert_ran_fault(&ran, 7, "UNREACHABLE");
    static const char *const bodies[] = {"", "<html>", "{\"a\":", "{}", "5", "[\xFF]"};
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        reply(200, bodies[i]);
        start();
        RUN_CLI(&ran, "list", "--json");
        assert_ran_fault(&ran, 1, "BAD_ANSWER");
    }
    static const char *const lines[][3] = {{"whoami"}, {"get", "a", "b"}, {"call", "a", "b"}};
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        reply(200, "{}");
        start();
        RUN_CLI(&ran, "--json", lines[i][0], lines[i][1], lines[i][2]);
        assert_ran_fault(&ran, 1, "BAD_ANSWER");
    }
}

static void devices_are_listed_as_a_table_with_what_their_light_cannot_say(void **state)
{
    (void)state;
    reply(200, "[{\"name\":\"kitchen\",\"id\":\"01\",\"online\":true,\"platform_id\":6,"
               "\"last_heard\":null,\"last_ip_address\":\"10.0.0.1\",\"session\":\"full\","
               "\"key_state\":\"trusted\"},"
               "{\"name\":null,\"id\":\"02\",\"online\":false,\"platform_id\":99,"
               "\"last_heard\":\"nonsense\",\"session\":\"none\",\"key_state\":\"contested\"},"
               "{\"name\":\"a\\u001b[2Jb\",\"id\":\"03\",\"online\":false,\"session\":\"held\","
               "\"key_state\":\"pending\"},"
               "{\"name\":\"c\",\"id\":\"04\",\"session\":\"held\",\"key_state\":\"contested\"},"
               "{\"name\":\"d\",\"id\":\"05\",\"session\":\"none\",\"key_state\":\"revoked\"},"
               "{\"name\":\"e\",\"id\":\"06\",\"session\":\"held\"},"
               "{\"name\":null,\"owner\":null,\"id\":\"07\",\"session\":\"none\"},"
               "5]");
    start();
    RUN_CLI(&ran, "list");
    assert_int_equal(ran.exit, 0);
    assert_string_equal(ran.out, "STATUS   NAME        ID  PLATFORM  LAST HEARD  ADDRESS\n"
                                 "online   kitchen     01  Photon    never       10.0.0.1\n"
                                 "offline              02  99        nonsense    \n"
                                 "held     a\\x1b[2Jb   03            never       \n"
                                 "held     c           04            never       \n"
                                 "offline  d           05            never       \n"
                                 "held     e           06            never       \n"
                                 "offline  (nobody's)  07            never       \n"
                                 "offline                            never       \n"
                                 "contested, several keys wait: cyan keys list 02\n"
                                 "held, key pending: cyan keys list a\\x1b[2Jb\n"
                                 "held, contested, several keys wait: cyan keys list c\n"
                                 "its key is revoked, and no other one is trusted: cyan keys list "
                                 "d\n"
                                 "held, key pending: cyan keys list e\n");

    reply(200, "[]");
    reply(200, "[]");
    start();
    RUN_CLI(&ran, "list");
    assert_non_null(strstr(ran.out, "No devices yet"));
    RUN_CLI(&ran, "list", "--json");
    assert_string_equal(ran.out, "{\"ok\":true,\"data\":[]}\n");
}

static void a_variable_is_printed_as_it_is(void **state)
{
    (void)state;
    static const char *const cases[][2] = {{"21.5", "21.5\n"},
                                           {"true", "true\n"},
                                           {"-3", "-3\n"},
                                           {"\"a b\"", "a b\n"},
                                           {"\"\\u001b]0;x\"", "\\x1b]0;x\n"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char body[128];
        (void)snprintf(body, sizeof body, "{\"cmd\":\"VarReturn\",\"result\":%s}", cases[i][0]);
        reply(200, body);
        start();
        RUN_CLI(&ran, "get", "my Photon/1", "..");
        assert_int_equal(ran.exit, 0);
        assert_string_equal(ran.out, cases[i][1]);
        scripted_stop(cloud);
        assert_asked(0, "GET /v1/devices/my%20Photon%2F1/%2E%2E");
    }
}

static void all_variables_are_read_when_none_is_named(void **state)
{
    (void)state;
    for (int json = 0; json < 2; json++) {
        reply(200, "{\"id\":\"01\",\"name\":\"k\",\"online\":true,"
                   "\"variables\":{\"t\":\"double\",\"n\":\"int32\"}}");
        reply(200, "{\"result\":1.5}");
        reply(200, "{\"result\":-7}");
        start();
        RUN_CLI(&ran, "get", "k", json ? "--json" : NULL);
        assert_int_equal(ran.exit, 0);
        assert_string_equal(
            ran.out,
            json ? "{\"ok\":true,\"data\":{\"id\":\"01\",\"name\":\"k\",\"variables\":"
                   "{\"t\":1.5,\"n\":-7}}}\n"
                 : "VARIABLE  TYPE    VALUE\nt         double  1.5\nn         int32   -7\n");
        scripted_stop(cloud);
        assert_asked(2, "GET /v1/devices/k/n");
    }
    reply(200, "{\"id\":\"01\",\"online\":false,\"variables\":null}");
    reply(200, "{\"id\":\"01\",\"online\":true,\"variables\":{}}");
    start();
    RUN_CLI(&ran, "get", "k", "--json");
    assert_ran_fault(&ran, 6, "DEVICE_OFFLINE");
    RUN_CLI(&ran, "get", "k");
    assert_string_equal(ran.out, "k has no variables\n");
}

static void a_held_device_is_code_6_with_the_line_that_shows_its_key(void **state)
{
    (void)state;
    static const char held[] =
        "{\"ok\":false,\"error\":\"The device is held: key pending.\",\"code\":\"DEVICE_HELD\"}";
    static const char *const lines[][4] = {
        {"get", "k", "t"}, {"call", "k", "f", "1"}, {"get", "k"}};
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        if (lines[i][2]) {
            reply(404, held);
        } else {
            reply(200, "{\"id\":\"01\",\"online\":false,\"session\":\"held\",\"variables\":null}");
        }
        start();
        RUN_CLI(&ran, "--json", lines[i][0], lines[i][1], lines[i][2], lines[i][3]);
        assert_ran_fault(&ran, 6, "DEVICE_HELD");
        assert_string_equal(RAN_STRING(&ran, "error", "message"), "k is held: key pending");
        assert_string_equal(RAN_STRING(&ran, "error", "try"), "cyan keys list k");
    }
}

static void a_function_gets_its_argument_and_its_result_is_printed(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {NULL, "{\"arg\":\"\"}"}, {"-5", "{\"arg\":\"-5\"}"}, {"a\"b", "{\"arg\":\"a\\\"b\"}"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        reply(200, "{\"id\":\"01\",\"name\":\"f\",\"connected\":true,\"return_value\":-1}");
        start();
        RUN_CLI(&ran, "call", "k", "f", cases[i][0]);
        assert_int_equal(ran.exit, 0);
        assert_string_equal(ran.out, "-1\n");
        scripted_stop(cloud);
        assert_asked(0, "POST /v1/devices/k/f");
        assert_string_equal(body_of(0), cases[i][1]);
    }
}

static void an_event_is_private_unless_it_is_said(void **state)
{
    (void)state;
    static const struct {
        const char *words[5], *body;
    } cases[] = {
        {{"a"}, "{\"name\":\"a\",\"private\":true,\"ttl\":60}"},
        {{"a", "b", "--public"}, "{\"name\":\"a\",\"data\":\"b\",\"private\":false,\"ttl\":60}"},
        {{"a", "", "--private", "--ttl", "5"},
         "{\"name\":\"a\",\"data\":\"\",\"private\":true,\"ttl\":5}"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *const *w = cases[i].words;
        reply(200, "{\"ok\":true}");
        start();
        RUN_CLI(&ran, "--json", "publish", w[0], w[1], w[2], w[3], w[4]);
        assert_int_equal(ran.exit, 0);
        scripted_stop(cloud);
        assert_asked(0, "POST /v1/devices/events");
        assert_string_equal(body_of(0), cases[i].body);
    }
    RUN_CLI(&ran, "publish", "\xFF", "--json");
    assert_ran_fault(&ran, 2, "USAGE");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, stage_set_up, stage_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_login_stores_the_token_and_gives_it_to_scripts_alone),
        TEST(a_login_that_fails_stores_nothing),
        TEST(a_login_replaces_a_damaged_profile),
        TEST(a_logout_forgets_the_token_unless_the_cloud_could_not_revoke_it),
        TEST(without_a_token_nothing_is_asked),
        TEST(what_the_cloud_refuses_has_an_exit_code_and_its_words),
        TEST(a_cloud_that_is_not_there_is_code_7_and_nonsense_is_code_1),
        TEST(devices_are_listed_as_a_table_with_what_their_light_cannot_say),
        TEST(a_variable_is_printed_as_it_is),
        TEST(all_variables_are_read_when_none_is_named),
        TEST(a_held_device_is_code_6_with_the_line_that_shows_its_key),
        TEST(a_function_gets_its_argument_and_its_result_is_printed),
        TEST(an_event_is_private_unless_it_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
