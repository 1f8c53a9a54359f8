/* `cyan incidents`, with a scripted cloud. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/when.h"
#include "tests/unit/cli_stage.h"
#include "tests/unit/unit.h"

#define ID "0123456789abcdef01234567"
#define OTHER_ID "2f00aaaaaaaaaaaaaaaa3136"

static const char three[] =
    "{\"incidents\":["
    "{\"seq\":3,\"cause\":\"device-key-malformed\",\"device\":\"" OTHER_ID "\",\"count\":99999,"
    "\"last\":\"2020-01-02T00:00:00.000Z\",\"address\":\"192.168.100.200\","
    "\"led\":\"fast cyan, then one red flash\",\"firmware\":\"0.7.0\",\"reset\":\"pin_reset\"},"
    "{\"seq\":7,\"cause\":\"device-key-mismatch\",\"device\":\"" ID "\",\"count\":2,"
    "\"last\":\"2020-01-03T00:00:00.000Z\",\"address\":\"10.0.0.1\",\"led\":\"red\","
    "\"firmware\":\"0.7.0\",\"reset\":null},"
    "{\"seq\":9,\"cause\":\"not-decipherable\",\"device\":null,\"candidates\":[\"" ID "\"],"
    "\"count\":1,\"last\":\"2020-02-03T00:00:00.000Z\",\"address\":\"10.0.0.2\",\"led\":"
    "\"r\\u001bd\","
    "\"advice\":\"Check the server key in the device.\",\"command\":\"cyan keys server\","
    "\"firmware\":null,\"reset\":null}],\"next\":9}";

static const char devices[] = "[{\"id\":\"" ID "\",\"name\":\"a long name of a device\"}]";

static void incidents_are_a_table_within_80_columns_with_the_advice_below(void **state)
{
    (void)state;
    reply(200, three);
    reply(200, devices);
    start();
    RUN_CLI(&ran, "incidents");
    assert_int_equal(ran.exit, 0);
    const char *at = ran.out;
    for (size_t i = 0; i < 4; i++) {
        size_t len = strcspn(at, "\n");
        assert_in_range(len, 1, 80);
        at += len + 1;
    }
    assert_ptr_equal(
        strstr(ran.out, "LAST    COUNT  CAUSE                 DEVICE      ADDRESS          LED\n"),
        ran.out);
    assert_non_null(strstr(ran.out, "  99999  device-key-malformed  2f00..3136  192.168.100.200  "
                                    "fast cyan, t~\n"));
    assert_non_null(
        strstr(ran.out, "  2      device-key-mismatch   a long na~  10.0.0.1         red\n"));
    assert_non_null(
        strstr(ran.out, "  1      not-decipherable      ?           10.0.0.2         r\\x1bd\n"));
    assert_string_equal(at, "the newest, not-decipherable:\n  LED: r\\x1bd\n"
                            "  advice: Check the server key in the device.\n"
                            "  type next: cyan keys server\n  it could be: " ID "\n");
    scripted_stop(cloud);
    assert_asked(0, "GET /v1/incidents?after=0&limit=1000");
    assert_asked(1, "GET /v1/devices");
}

static void the_newest_are_kept_and_given_to_scripts_as_they_came(void **state)
{
    (void)state;
    reply(200, three);
    reply(200, "{\"incidents\":[],\"next\":0}");
    reply(200, "{\"incidents\":[]}");
    start();
    RUN_CLI(&ran, "incidents", "--limit", "2", "--json");
    const json_t *data = json_object_get(ran.json, "data");
    assert_int_equal(json_array_size(data), 2);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(data, 1), "seq")), 9);
    RUN_CLI(&ran, "incidents");
    assert_string_equal(ran.out, "no incidents\n");
    RUN_CLI(&ran, "incidents", "--json");
    assert_string_equal(ran.out, "{\"ok\":true,\"data\":[]}\n");
}

static void a_filter_is_part_of_the_request(void **state)
{
    (void)state;
    static const struct {
        const char *words[5], *query;
        size_t number;
    } cases[] = {
        {{ID}, "&device=" ID, 0},
        {{"0123456789ABCDEF01234567"}, "&device=" ID, 0},
        {{"a long name of a device", "--cause", "a&b"}, "&device=" ID "&cause=a%26b", 1},
        {{"nobody's name"}, "&device=nobody%27s%20name", 1},
        {{"--since", "2026-11-01"}, "&since=2026-11-01T00%3A00%3A00.000Z", 0},
        {{"--since", "2026-11-01T02:03:04.567Z"}, "&since=2026-11-01T02%3A03%3A04.000Z", 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *const *w = cases[i].words;
        char line[256];
        if (cases[i].number > 0) {
            reply(200, devices);
        }
        reply(200, "{\"incidents\":[],\"next\":0}");
        start();
        RUN_CLI(&ran, "--json", "incidents", w[0], w[1], w[2]);
        assert_int_equal(ran.exit, 0);
        scripted_stop(cloud);
        (void)snprintf(line, sizeof line, "GET /v1/incidents?after=0&limit=1000%s", cases[i].query);
        assert_asked(cases[i].number, line);
    }
    static const char *const bad[][3] = {{"--since", "x"},          {"--since", "0d"},
                                         {"--since", "7"},          {"--since", "d"},
                                         {"--since", "2026-13"},    {"--since", "2026-11-01x"},
                                         {"--limit", "0"},          {"--limit", "4097"},
                                         {"--summary", "--follow"}, {""}};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        RUN_CLI(&ran, "--json", "incidents", bad[i][0], bad[i][1]);
        assert_ran_fault(&ran, 2, "USAGE");
    }
}

static void a_time_ago_is_counted_from_now(void **state)
{
    (void)state;
    static const struct {
        const char *typed, *wanted;
    } cases[] = {{"1h", "2026-11-24T23:00:00.000Z"},
                 {"7d", "2026-11-18T00:00:00.000Z"},
                 {"2w", "2026-11-11T00:00:00.000Z"},
                 {"2026-02-28", "2026-02-28T00:00:00.000Z"}};
    char text[WHEN_TEXT];
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(when_since(cases[i].typed, 1795564800, text), 0);
        assert_string_equal(text, cases[i].wanted);
    }
}

/* A page of 1000 incidents is longer than a reply of the stage. */
static char *full_page(void)
{
    static const char one[] = "{\"cause\":\"silent\",\"count\":2,\"firmware\":\"0.7.0\",\"reset\":"
                              "\"power_brownout\",\"last\":\"2020-01-02T00:00:00.000Z\"}";
    enum { ROOM = 1000 * sizeof one + 512 };
    char *body = malloc(ROOM), *text = malloc(ROOM + 128);
    assert_non_null(body);
    assert_non_null(text);
    size_t len = (size_t)snprintf(body, ROOM, "{\"incidents\":[");
    for (size_t i = 0; i < 1000; i++) {
        len += (size_t)snprintf(body + len, ROOM - len, "%s%s", i ? "," : "", one);
    }
    (void)snprintf(body + len, ROOM - len, "],\"next\":4000}");
    (void)snprintf(text, ROOM + 128, "HTTP/1.1 200 X\r\nContent-Length: %zu\r\n\r\n%s",
                   strlen(body), body);
    free(body);
    return text;
}

static void a_summary_counts_all_pages_the_most_frequent_first(void **state)
{
    (void)state;
    char last[2048];
    (void)snprintf(last, sizeof last, "HTTP/1.1 200 X\r\nContent-Length: %zu\r\n\r\n%s",
                   strlen(three), three);
    char *page = full_page();
    const struct scripted_answer answers[] = {
        {.bytes = page}, {.bytes = last}, {.bytes = page}, {.bytes = last}};
    cloud = scripted_start(answers, COUNT_OF(answers));
    assert_int_equal(setenv("CYAN_API", scripted_url(cloud), 1), 0);
    RUN_CLI(&ran, "incidents", "--summary");
    assert_int_equal(ran.exit, 0);
    assert_string_equal(ran.out,
                        "COUNT  CAUSE                 FIRMWARE  LAST RESET      MONTH\n"
                        "99999  device-key-malformed  0.7.0     pin_reset       2020-01\n"
                        "2000   silent                0.7.0     power_brownout  2020-01\n"
                        "2      device-key-mismatch   0.7.0     ?               2020-01\n"
                        "1      not-decipherable      ?         ?               2020-02\n");
    RUN_CLI(&ran, "incidents", "--summary", "--json");
    assert_int_equal(json_array_size(json_object_get(ran.json, "data")), 4);
    scripted_stop(cloud);
    assert_asked(1, "GET /v1/incidents?after=4000&limit=1000");
    assert_int_equal(scripted_count(cloud), 4);
    free(page);
}

static void following_prints_what_is_new_until_it_fails(void **state)
{
    (void)state;
    reply(200, "{\"incidents\":[{\"seq\":5,\"cause\":\"silent\"}],\"next\":5}");
    reply(200, "{\"incidents\":[{\"seq\":6,\"cause\":\"clone\"}],\"next\":6}");
    reply(401, "{\"error\":\"invalid_token\",\"error_description\":\"Gone.\"}");
    start();
    RUN_CLI(&ran, "incidents", "--follow", "--json");
    assert_int_equal(ran.exit, 3);
    assert_string_equal(ran.out,
                        "{\"seq\":5,\"cause\":\"silent\"}\n{\"seq\":6,\"cause\":\"clone\"}\n");
    assert_non_null(strstr(ran.err, "cyan: Gone\n"));
    scripted_stop(cloud);
    assert_asked(0, "GET /v1/incidents?after=0&limit=1000");
    assert_asked(1, "GET /v1/incidents?after=5&limit=1000");
    assert_asked(2, "GET /v1/incidents?after=6&limit=1000");
    RUN_CLI(&ran, "incidents", "--follow", "--json");
    assert_ran_fault(&ran, 7, "UNREACHABLE");
}

static void what_is_no_list_of_incidents_is_told(void **state)
{
    (void)state;
    static const struct {
        int status, exit;
        const char *body, *code;
    } cases[] = {
        {200, 1, "[]", "BAD_ANSWER"},
        {200, 1, "{}", "BAD_ANSWER"},
        {200, 1, "{\"incidents\":[{}]}", "BAD_ANSWER"},
        {404, 4, "{\"error\":\"No such device.\",\"code\":\"NOT_FOUND\"}", "NOT_FOUND"},
        {400, 5, "{\"error\":\"No such cause.\",\"code\":\"INVALID\"}", "INVALID"},
    };
    static const char *const ways[] = {NULL, "--summary", "--follow"};
    for (size_t way = 0; way < COUNT_OF(ways); way++) {
        for (size_t i = 0; i < COUNT_OF(cases); i++) {
            reply(cases[i].status, cases[i].body);
            start();
            RUN_CLI(&ran, "--json", "incidents", ways[way]);
            assert_ran_fault(&ran, cases[i].exit, cases[i].code);
        }
    }
    assert_int_equal(unsetenv("CYAN_TOKEN"), 0);
    RUN_CLI(&ran, "--json", "incidents");
    assert_ran_fault(&ran, 3, "NOT_LOGGED_IN");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, stage_set_up, stage_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(incidents_are_a_table_within_80_columns_with_the_advice_below),
        TEST(the_newest_are_kept_and_given_to_scripts_as_they_came),
        TEST(a_filter_is_part_of_the_request),
        TEST(a_time_ago_is_counted_from_now),
        TEST(a_summary_counts_all_pages_the_most_frequent_first),
        TEST(following_prints_what_is_new_until_it_fails),
        TEST(what_is_no_list_of_incidents_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
