#include "cli/transport/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/scripted.h"
#include "tests/unit/unit.h"

#define OK_HEAD "HTTP/1.1 200 OK\r\nConnection: close\r\n"

static int set_up(void **state)
{
    *state = http_create();
    assert_non_null(*state);
    return 0;
}

static int tear_down(void **state)
{
    http_destroy(*state);
    return 0;
}

static void what_is_asked_goes_out_as_it_is(void **state)
{
    static const struct scripted_answer answers[] = {
        {.bytes = OK_HEAD "Content-Length: 2\r\n\r\nhi"}, {.bytes = OK_HEAD "\r\n"}};
    struct scripted *cloud = scripted_start(answers, COUNT_OF(answers));
    struct http_response response = {0};
    char why[HTTP_WHY_MAX], url[128];
    (void)snprintf(url, sizeof url, "%s/v1/a%%2Fb/../c", scripted_url(cloud));
    const struct http_request post = {.method = "POST",
                                      .url = url,
                                      .token = "secret",
                                      .content_type = "application/json",
                                      .body = "{\"a\":1}"};
    assert_int_equal(http_ask(*state, &post, &response, why), 0);
    assert_int_equal(response.status, 200);
    assert_int_equal(response.body_len, 2);
    assert_string_equal(response.body, "hi");
    http_response_done(&response);
    const struct http_request plain = {.method = "DELETE", .url = scripted_url(cloud)};
    assert_int_equal(http_ask(*state, &plain, &response, why), 0);
    assert_null(response.body);
    http_response_done(&response);
    scripted_stop(cloud);

    const char *asked = scripted_request(cloud, 0);
    static const char line[] = "POST /v1/a%2Fb/../c HTTP/1.1\r\n";
    assert_memory_equal(asked, line, strlen(line));
    assert_non_null(strstr(asked, "\r\nAuthorization: Bearer secret\r\n"));
    assert_non_null(strstr(asked, "\r\nContent-Type: application/json\r\n"));
    assert_null(strstr(asked, "Expect"));
    assert_non_null(strstr(asked, "\r\n\r\n{\"a\":1}"));
    assert_memory_equal(scripted_request(cloud, 1), "DELETE / ", 9);
    assert_null(strstr(scripted_request(cloud, 1), "Authorization"));
    scripted_destroy(cloud);
}

static void a_redirection_is_not_followed(void **state)
{
    static const struct scripted_answer answers[] = {
        {.bytes = "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"}};
    struct scripted *cloud = scripted_start(answers, COUNT_OF(answers));
    struct http_response response = {0};
    char why[HTTP_WHY_MAX];
    const struct http_request request = {
        .method = "GET", .url = scripted_url(cloud), .token = "secret"};
    assert_int_equal(http_ask(*state, &request, &response, why), 0);
    assert_int_equal(response.status, 302);
    http_response_done(&response);
    scripted_stop(cloud);
    assert_int_equal(scripted_count(cloud), 1);
    scripted_destroy(cloud);
}

static void an_answer_cut_anywhere_is_no_answer(void **state)
{
    static const char whole[] = OK_HEAD "Content-Length: 5\r\n\r\nhello";
    for (size_t cut = 0; cut < strlen(whole); cut++) {
        struct scripted_answer answer = {.bytes = whole, .len = cut};
        struct scripted *cloud = scripted_start(&answer, cut > 0);
        struct http_response response = {0};
        char why[HTTP_WHY_MAX] = "";
        const struct http_request request = {.method = "GET", .url = scripted_url(cloud)};
        assert_int_equal(http_ask(*state, &request, &response, why), CYAN_E_CLOSED);
        assert_true(why[0]);
        assert_null(response.body);
        scripted_destroy(cloud);
    }
}

static void an_answer_of_8_mebibytes_is_taken_and_one_byte_more_is_not(void **state)
{
    for (size_t over = 0; over < 2; over++) {
        size_t body_len = HTTP_BODY_MAX + over;
        char *bytes = malloc(body_len + 128);
        assert_non_null(bytes);
        int head_len = snprintf(bytes, 128, OK_HEAD "Content-Length: %zu\r\n\r\n", body_len);
        assert_true(head_len > 0);
        memset(bytes + head_len, 'x', body_len);
        struct scripted_answer answer = {.bytes = bytes, .len = (size_t)head_len + body_len};
        struct scripted *cloud = scripted_start(&answer, 1);
        struct http_response response = {0};
        char why[HTTP_WHY_MAX];
        const struct http_request request = {.method = "GET", .url = scripted_url(cloud)};
        int err = http_ask(*state, &request, &response, why);
        assert_int_equal(err, over ? CYAN_E_TOO_LONG : 0);
        assert_int_equal(response.body_len, over ? 0 : HTTP_BODY_MAX);
        http_response_done(&response);
        scripted_destroy(cloud);
        free(bytes);
    }
}

static void other_protocols_and_closed_ports_are_errors(void **state)
{
    struct http_response response = {0};
    char why[HTTP_WHY_MAX];
    struct scripted *cloud = scripted_start(NULL, 0);
    char closed[128];
    (void)snprintf(closed, sizeof closed, "%s/", scripted_url(cloud));
    scripted_destroy(cloud);
    const struct {
        const char *url;
        int err;
    } cases[] = {{"file:///etc/hostname", CYAN_E_INVALID},
                 {"ftp://127.0.0.1/", CYAN_E_INVALID},
                 {closed, CYAN_E_CLOSED}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct http_request request = {.method = "GET", .url = cases[i].url};
        assert_int_equal(http_ask(*state, &request, &response, why), cases[i].err);
    }
}

/* What a stream gave. */
struct heard {
    char text[256];
    size_t len;
    int opened;
    int stop_at_len;
};

static int on_open(void *ctx)
{
    struct heard *heard = ctx;
    assert_int_equal(heard->len, 0);
    heard->opened++;
    return 0;
}

static int on_bytes(void *ctx, const char *data, size_t len)
{
    struct heard *heard = ctx;
    assert_in_range(heard->len + len, 0, sizeof heard->text - 1);
    memcpy(heard->text + heard->len, data, len);
    heard->len += len;
    return heard->stop_at_len && heard->len >= (size_t)heard->stop_at_len ? 7 : 0;
}

static int stream(struct http *http, const struct scripted_answer *answer, struct heard *heard,
                  int64_t silence_ms, int64_t deadline_ms, struct http_response *response)
{
    struct scripted *cloud = scripted_start(answer, 1);
    const struct http_request request = {.method = "GET", .url = scripted_url(cloud)};
    const struct http_reader reader = {.ctx = heard, .on_open = on_open, .on_bytes = on_bytes};
    const struct http_stream_limits limits = {.silence_ms = silence_ms, .deadline_ms = deadline_ms};
    char why[HTTP_WHY_MAX] = "";
    int err = http_stream(http, &request, &reader, &limits, response, why);
    assert_int_equal(why[0] != '\0', err != 0);
    scripted_destroy(cloud);
    return err;
}

static void a_stream_gives_its_bytes_until_the_cloud_ends_it(void **state)
{
    static const struct scripted_answer answer = {.bytes = OK_HEAD "\r\n:ok\n\ndata: 1\n\n"};
    struct http_response response = {0};
    struct heard heard = {.len = 0};
    assert_int_equal(stream(*state, &answer, &heard, 60000, 0, &response), 0);
    assert_int_equal(response.status, 200);
    assert_int_equal(heard.opened, 1);
    assert_string_equal(heard.text, ":ok\n\ndata: 1\n\n");
}

static void a_stream_that_is_refused_gives_the_answer_and_no_bytes(void **state)
{
    static const struct scripted_answer answer = {
        .bytes = "HTTP/1.1 401 No\r\nContent-Length: 2\r\n\r\n{}", .stays = true};
    struct http_response response = {0};
    struct heard heard = {.len = 0};
    assert_int_equal(stream(*state, &answer, &heard, 60000, 0, &response), 0);
    assert_int_equal(response.status, 401);
    assert_string_equal(response.body, "{}");
    assert_int_equal(heard.opened, 0);
    assert_int_equal(heard.len, 0);
    http_response_done(&response);
}

static void the_reader_can_end_a_stream_that_stays_open(void **state)
{
    static const struct scripted_answer answer = {.bytes = OK_HEAD "\r\ndata: 1\n\n",
                                                  .stays = true};
    struct http_response response = {0};
    struct heard heard = {.stop_at_len = 9};
    assert_int_equal(stream(*state, &answer, &heard, 60000, 0, &response), 7);
}

static void silence_and_the_deadline_end_a_stream_each_with_its_error(void **state)
{
    static const struct scripted_answer answers[] = {
        {.bytes = OK_HEAD "\r\n", .stays = true},                /* silent when open */
        {.bytes = "HTTP/1.1 200 OK\r\nX-Half: ", .stays = true}, /* before it opens */
    };
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        struct http_response response = {0};
        struct heard heard = {.len = 0};
        assert_int_equal(stream(*state, &answers[i], &heard, 50, 0, &response), CYAN_E_TIMEOUT);
        assert_int_equal(stream(*state, &answers[i], &heard, 60000, http_now_ms() + 50, &response),
                         CYAN_E_AGAIN);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_is_asked_goes_out_as_it_is),
        TEST(a_redirection_is_not_followed),
        TEST(an_answer_cut_anywhere_is_no_answer),
        TEST(an_answer_of_8_mebibytes_is_taken_and_one_byte_more_is_not),
        TEST(other_protocols_and_closed_ports_are_errors),
        TEST(a_stream_gives_its_bytes_until_the_cloud_ends_it),
        TEST(a_stream_that_is_refused_gives_the_answer_and_no_bytes),
        TEST(the_reader_can_end_a_stream_that_stays_open),
        TEST(silence_and_the_deadline_end_a_stream_each_with_its_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
