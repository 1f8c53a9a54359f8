/* `cyan subscribe`, with a scripted cloud. */
#include <string.h>

#include "tests/unit/cli_stage.h"
#include "tests/unit/unit.h"

static const char two_events[] =
    "event: one\ndata: "
    "{\"data\":\"1\",\"ttl\":60,\"published_at\":\"T1\",\"coreid\":\"c\",\"x\":1}\n"
    "\n\nevent: junk\ndata: 5\n\nevent: two\ndata: {\"data\":null}\n\n";

static void a_subscription_prints_events_until_it_has_enough(void **state)
{
    (void)state;
    for (int json = 0; json < 2; json++) {
        reply_stream(two_events, true);
        start();
        RUN_CLI(&ran, "subscribe", "--count", "2", json ? "--json" : NULL);
        assert_int_equal(ran.exit, 0);
        assert_string_equal(
            ran.out,
            json ? "{\"name\":\"one\",\"data\":\"1\",\"ttl\":60,\"published_at\":\"T1\",\"coreid\":"
                   "\"c\"}\n{\"name\":\"two\",\"data\":null,\"ttl\":null,\"published_at\":null,"
                   "\"coreid\":null}\n"
                 : "T1  c  one  1\n    two  \n");
        assert_string_equal(ran.err, "cyan: the stream is open\n");
        scripted_stop(cloud);
        assert_asked(0, "GET /v1/devices/events");
        assert_non_null(strstr(scripted_request(cloud, 0), "Accept: text/event-stream\r\n"));
    }
}

static void the_path_of_a_subscription_says_whose_events_are_wanted(void **state)
{
    (void)state;
    static const struct {
        const char *words[3], *path;
    } cases[] = {
        {{"--mine"}, "GET /v1/devices/events"},
        {{"--all"}, "GET /v1/events"},
        {{"a/b", "--all"}, "GET /v1/events/a%2Fb"},
        {{"a/b"}, "GET /v1/devices/events/a%2Fb"},
        {{"a", "--device", "k 1"}, "GET /v1/devices/k%201/events/a"},
        {{"", "--device", "k"}, "GET /v1/devices/k/events"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *const *w = cases[i].words;
        reply_stream(two_events, false);
        start();
        RUN_CLI(&ran, "subscribe", "--count", "1", w[0], w[1], w[2]);
        assert_int_equal(ran.exit, 0);
        scripted_stop(cloud);
        assert_asked(0, cases[i].path);
    }
}

static void a_broken_stream_is_opened_again(void **state)
{
    (void)state;
    reply_stream("event: one\ndata: {\"data\":\"1\"}\n\nevent: half\ndata: {\"da", false);
    reply_stream("event: two\ndata: {\"data\":\"2\"}\n\n", false);
    start();
    RUN_CLI(&ran, "subscribe", "--count", "2");
    assert_int_equal(ran.exit, 0);
    assert_string_equal(ran.out, "    one  1\n    two  2\n");
    assert_non_null(strstr(ran.err, "the stream broke (the cloud ended it); next try in 1 s\n"));
    assert_non_null(strstr(ran.err, "the stream is open again\n"));
}

static void a_subscription_that_is_refused_is_not_tried_again(void **state)
{
    (void)state;
    reply(401, "{\"error\":\"invalid_token\",\"error_description\":\"Gone.\"}");
    start();
    RUN_CLI(&ran, "subscribe", "--json");
    assert_ran_fault(&ran, 3, "INVALID_TOKEN");
    reply(503, "{\"ok\":false,\"error\":\"Full\",\"code\":\"BUSY\"}");
    start();
    RUN_CLI(&ran, "subscribe", "--json");
    assert_ran_fault(&ran, 1, "BUSY");
    /* Also when it was open before; stdout belongs to events then. */
    reply_stream("", false);
    reply(403, "{\"ok\":false,\"error\":\"No\",\"code\":\"FORBIDDEN\"}");
    start();
    RUN_CLI(&ran, "subscribe", "--json");
    assert_int_equal(ran.exit, 5);
    assert_string_equal(ran.out, "");
    assert_non_null(strstr(ran.err, "cyan: No\n"));
    scripted_stop(cloud);
    RUN_CLI(&ran, "subscribe", "--json");
    assert_ran_fault(&ran, 7, "UNREACHABLE");
}

static void a_subscription_ends_with_6_when_its_time_is_over(void **state)
{
    (void)state;
    reply_stream("", true);
    start();
    RUN_CLI(&ran, "subscribe", "--json", "--timeout", "1");
    assert_int_equal(ran.exit, 6);
    assert_string_equal(ran.out, "");
    assert_string_equal(ran.err, "cyan: the stream is open\ncyan: the time is over\n");
    /* In the middle of a back-off as well. */
    reply_stream("", false);
    start();
    RUN_CLI(&ran, "subscribe", "--timeout", "1");
    assert_int_equal(ran.exit, 6);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, stage_set_up, stage_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_subscription_prints_events_until_it_has_enough),
        TEST(the_path_of_a_subscription_says_whose_events_are_wanted),
        TEST(a_broken_stream_is_opened_again),
        TEST(a_subscription_that_is_refused_is_not_tried_again),
        TEST(a_subscription_ends_with_6_when_its_time_is_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
