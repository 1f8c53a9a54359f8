/* What the HTTP face does with connections and bytes, whatever the address. */
#include "server/api/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "server/api/request.h"
#include "tests/unit/fake_cloud.h"
#include "tests/unit/http_client.h"
#include "tests/unit/unit.h"

static const char health[] = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";

/* Sends the pieces of one text, cut at a place, and reads the answer. */
static struct answer send_cut(const char *text, size_t len, size_t cut)
{
    int fd = client_open();
    client_send(fd, text, cut);
    uv_run(&fake.loop, UV_RUN_NOWAIT);
    client_send(fd, text + cut, len - cut);
    struct answer answer = client_answer(fd);
    client_close(fd);
    return answer;
}

static void the_server_says_that_it_lives(void **state)
{
    (void)state;
    struct answer answer = get("/healthz", NULL);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.body, "{\"ok\":true}");
    assert_non_null(strstr(answer.head, "Content-Type: application/json"));
    answer_done(&answer);
}

static void a_taken_port_and_an_address_that_is_none_are_told_apart(void **state)
{
    (void)state;
    struct http *http = NULL;
    uint16_t port = http_port(fake.http);
    assert_int_equal(http_start(&fake.cloud, "127.0.0.1", port, &http), CYAN_E_BUSY);
    assert_int_equal(http_start(&fake.cloud, "localhost", 0, &http), CYAN_E_INVALID);
    assert_int_equal(http_start(&fake.cloud, "", 0, &http), CYAN_E_INVALID);
    assert_int_equal(http_start(&fake.cloud, "192.0.2.1", 0, &http), CYAN_E_INVALID);
    assert_null(http);
}

static void two_ports_are_served_at_once_and_stopped_apart(void **state)
{
    (void)state;
    struct http *first = fake.http;
    struct http *second = NULL;
    assert_int_equal(http_start(&fake.cloud, "127.0.0.1", 0, &second), 0);
    assert_int_not_equal(http_port(second), http_port(first));
    for (size_t i = 0; i < 4; i++) {
        fake.http = i % 2 ? second : first;
        assert_answer(get("/v1/user", FAKE_ANN), 200, "username", "ann");
    }
    http_stop(first);
    fake.http = second;
    assert_answer(get("/v1/user", FAKE_ANN), 200, "username", "ann");
}

static void a_request_cut_anywhere_is_answered_when_it_is_whole(void **state)
{
    (void)state;
    static const char text[] = "POST /oauth/token HTTP/1.1\r\nHost: x\r\n"
                               "Content-Type: application/json\r\nContent-Length: 28\r\n\r\n"
                               "{\"client_id\":\"par\\u0074\"   }";
    for (size_t cut = 1; cut < sizeof text - 1; cut++) {
        assert_answer(send_cut(text, sizeof text - 1, cut), 400, "error", "invalid_client");
    }
}

static void a_client_that_leaves_in_the_middle_of_a_request_does_no_harm(void **state)
{
    (void)state;
    static const char text[] =
        "POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n12345";
    for (size_t len = 0; len < sizeof text - 1; len++) {
        int fd = client_open();
        client_send(fd, text, len);
        uv_run(&fake.loop, UV_RUN_NOWAIT);
        client_close(fd);
        uv_run(&fake.loop, UV_RUN_NOWAIT);
    }
    assert_answer(get("/healthz", NULL), 200, "", "");
}

static void a_connection_serves_one_request_after_the_other(void **state)
{
    (void)state;
    int fd = client_open();
    for (size_t i = 0; i < 20; i++) {
        client_send(fd, health, sizeof health - 1);
        struct answer answer = client_answer(fd);
        assert_int_equal(answer.status, 200);
        answer_done(&answer);
    }
    client_close(fd);
}

static void an_unknown_address_is_404_in_json(void **state)
{
    (void)state;
    assert_answer(get("/nothing", NULL), 404, "code", "NOT_FOUND");
    assert_answer(get("/", NULL), 404, "code", "NOT_FOUND");
    assert_answer(ask("BREW", "/pot", NULL, NULL, NULL), 404, "code", "NOT_FOUND");
}

static void a_wrong_method_is_405_and_names_the_right_ones(void **state)
{
    (void)state;
    struct answer answer = ask("PUT", "/v1/user", NULL, NULL, NULL);
    assert_non_null(strstr(answer.head, "Allow: GET\r\n"));
    assert_answer(answer, 405, "code", "INVALID");
}

static void browsers_of_other_sites_may_ask(void **state)
{
    (void)state;
    struct answer answer = ask("OPTIONS", "/v1/devices", NULL, NULL, NULL);
    assert_int_equal(answer.status, 204);
    assert_non_null(strstr(answer.head, "Access-Control-Allow-Origin: *\r\n"));
    assert_non_null(strstr(answer.head, "Access-Control-Allow-Headers: Authorization"));
    assert_non_null(strstr(answer.head, "Access-Control-Allow-Methods: GET"));
    answer_done(&answer);
    answer = get("/nothing", NULL);
    assert_non_null(strstr(answer.head, "Access-Control-Allow-Origin: *\r\n"));
    answer_done(&answer);
}

static void head_is_answered_like_get_without_a_body(void **state)
{
    (void)state;
    static const char text[] = "HEAD /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    int fd = client_open();
    client_send(fd, text, sizeof text - 1);
    const char *head = client_wait(fd, "\r\n\r\n");
    assert_non_null(strstr(head, "HTTP/1.1 200"));
    assert_non_null(strstr(head, "Content-Length: 11\r\n"));
    assert_null(strstr(head, "{"));
    client_close(fd);
}

static char *long_request(const char *head, char fill, size_t count, const char *tail)
{
    char *text = malloc(strlen(head) + count + strlen(tail) + 1);
    assert_non_null(text);
    memcpy(text, head, strlen(head));
    memset(text + strlen(head), fill, count);
    memcpy(text + strlen(head) + count, tail, strlen(tail) + 1);
    return text;
}

/* libmicrohttpd answers these itself, without asking: a page of its own and the end. */
static void an_address_and_headers_of_100000_bytes_are_refused(void **state)
{
    (void)state;
    static const char *const heads[] = {"GET /v1/devices/",
                                        "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: "};
    static const char *const tails[] = {" HTTP/1.1\r\nHost: x\r\n\r\n", "\r\n\r\n"};
    for (size_t i = 0; i < COUNT_OF(heads); i++) {
        char *text = long_request(heads[i], 'a', 100000, tails[i]);
        int fd = client_open();
        client_send(fd, text, strlen(text));
        struct answer answer = client_answer(fd);
        assert_true(answer.status == 0 || answer.status == 414 || answer.status == 431);
        answer_done(&answer);
        client_close(fd);
        free(text);
    }
    assert_answer(get("/healthz", NULL), 200, "", "");
}

static void headers_of_a_few_kilobytes_are_taken(void **state)
{
    (void)state;
    static const struct {
        const char *head;
        size_t len;
    } cases[] = {
        {"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: ", 6000},
        {"GET /healthz HTTP/1.1\r\nHost: x\r\nCookie: c=", 3000},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char *text = long_request(cases[i].head, 'a', cases[i].len, "\r\n\r\n");
        int fd = client_open();
        client_send(fd, text, strlen(text));
        assert_answer(client_answer(fd), 200, "", "");
        client_close(fd);
        free(text);
    }
}

static void an_address_of_a_thousand_bytes_is_just_not_found(void **state)
{
    (void)state;
    char *path = long_request("/v1/devices/", 'a', 1000, "");
    assert_answer(get(path, FAKE_ANN), 404, "code", "NOT_FOUND");
    free(path);
}

static void garbage_is_answered_by_400_or_by_hanging_up(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "\r\n\r\n\r\n\r\nGARBAGE\r\n\r\n",
        "GET\r\n\r\n",
        "GET / HTTP/9.9\r\nHost: x\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost\r\n\r\n",
        "\x16\x03\x01\x02\x01\x01\xfc\x03\x03\r\n\r\n",
        "POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        "POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n",
        "POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "POST /oauth/token HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        int fd = client_open();
        client_send(fd, texts[i], strlen(texts[i]));
        struct answer answer = client_answer(fd);
        if (answer.status != 0 && answer.status / 100 != 4 && answer.status / 100 != 5) {
            fail_msg("case %zu: %d", i, answer.status);
        }
        answer_done(&answer);
        client_close(fd);
    }
    assert_answer(get("/healthz", NULL), 200, "", "");
}

static struct answer send_body(const char *head, size_t len, const char *tail)
{
    char *text = long_request(head, 'a', len, tail);
    int fd = client_open();
    client_send(fd, text, strlen(text));
    struct answer answer = client_answer(fd);
    client_close(fd);
    free(text);
    return answer;
}

static void a_body_of_64_kilobytes_is_taken_and_one_byte_more_is_413(void **state)
{
    (void)state;
    static const size_t lens[] = {REQUEST_BODY_MAX, REQUEST_BODY_MAX + 1, 4 * REQUEST_BODY_MAX,
                                  REQUEST_SWALLOW_MAX};
    for (size_t i = 0; i < COUNT_OF(lens); i++) {
        char head[128];
        (void)snprintf(head, sizeof head,
                       "POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n",
                       lens[i]);
        assert_answer(send_body(head, lens[i], ""), i == 0 ? 400 : 413, "", "");
    }
}

static void a_body_that_is_announced_far_too_long_is_413_before_it_comes(void **state)
{
    (void)state;
    static const char head[] = "POST /oauth/token HTTP/1.1\r\nHost: x\r\n"
                               "Expect: 100-continue\r\nContent-Length: 1048577\r\n\r\n";
    assert_answer(send_body(head, 0, ""), 413, "code", "INVALID");
}

static void a_chunked_body_is_taken_and_limited_alike(void **state)
{
    (void)state;
    static const char head[] = "POST /oauth/token HTTP/1.1\r\nHost: x\r\n"
                               "Transfer-Encoding: chunked\r\n\r\n";
    char text[256];
    (void)snprintf(text, sizeof text, "%s10000\r\n", head);
    assert_answer(send_body(text, 65536, "\r\n0\r\n\r\n"), 400, "error", "invalid_client");
    (void)snprintf(text, sizeof text, "%s10001\r\n", head);
    assert_answer(send_body(text, 65537, "\r\n0\r\n\r\n"), 413, "code", "INVALID");
    (void)snprintf(text, sizeof text, "%s200000\r\n", head);
    assert_answer(send_body(text, 2097152, "\r\n0\r\n\r\n"), 0, "", "");
}

static void bodies_that_cannot_be_read_are_400_with_a_reason(void **state)
{
    (void)state;
    static const char json[] = "application/json";
    struct answer answer = ask("POST", "/v1/devices/events", FAKE_ANN, json, "{\"name\":");
    assert_answer(answer, 400, "error", "The body does not have the form that it says.");
    answer = ask("POST", "/v1/devices/events", FAKE_ANN, json, "[]");
    assert_answer(answer, 400, "error", "The body is JSON, but not an object.");
    answer = ask("POST", "/v1/devices/events", FAKE_ANN, "text/xml", "<a/>");
    assert_answer(answer, 400, "error", "Send the body as JSON or as a form.");
    assert_answer(post("/v1/devices/events", FAKE_ANN, "name=%"), 400, "code", "INVALID");
    assert_answer(get("/v1/devices?a=%", FAKE_ANN), 400, "error", "The query cannot be read.");
    assert_answer(get("/v1/devices/%zz", FAKE_ANN), 400, "error", "The address cannot be read.");
}

static void a_token_is_taken_from_header_query_and_form(void **state)
{
    (void)state;
    assert_answer(get("/v1/user", FAKE_ANN), 200, "username", "ann");
    assert_answer(get("/v1/user?access_token=" FAKE_BOB, NULL), 200, "username", "bob");
    assert_answer(post("/v1/devices/events", NULL, "name=a&access_token=" FAKE_ANN), 200, "", "");
    static const char lower[] =
        "GET /v1/user HTTP/1.1\r\nHost: x\r\nauthorization: bearer " FAKE_ANN "\r\n\r\n";
    int fd = client_open();
    client_send(fd, lower, sizeof lower - 1);
    assert_answer(client_answer(fd), 200, "username", "ann");
    client_close(fd);
}

static void a_token_that_is_missing_unknown_or_expired_is_401(void **state)
{
    (void)state;
    static const char *const paths[] = {"/v1/user", "/v1/devices", "/v1/devices/" FAKE_LAMP,
                                        "/v1/events", "/v1/devices/" FAKE_LAMP "/events"};
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        assert_answer(get(paths[i], NULL), 401, "error", "invalid_token");
        assert_answer(get(paths[i], ""), 401, "error", "invalid_token");
        assert_answer(get(paths[i], "short"), 401, "error", "invalid_token");
        assert_answer(get(paths[i], FAKE_UNKNOWN), 401, "error", "invalid_token");
        assert_answer(get(paths[i], FAKE_UNKNOWN "f"), 401, "error", "invalid_token");
        assert_answer(get(paths[i], FAKE_EXPIRED), 401, "error", "expired_token");
        assert_answer(get(paths[i], FAKE_BROKEN), 503, "code", "STORE_FAILED");
    }
    struct answer answer = get("/v1/user", NULL);
    assert_non_null(strstr(answer.head, "WWW-Authenticate: Bearer\r\n"));
    assert_answer(answer, 401, "error_description", "The access token is missing.");
}

static void a_client_that_leaves_while_its_answer_is_made_does_no_harm(void **state)
{
    (void)state;
    static const char text[] = "GET /v1/user?access_token=" FAKE_ANN " HTTP/1.1\r\nHost: x\r\n\r\n";
    for (size_t i = 0; i < 50; i++) {
        fake.hold = true;
        int fd = client_open();
        client_send(fd, text, sizeof text - 1);
        while (fake.waiting == 0) {
            uv_run(&fake.loop, UV_RUN_NOWAIT);
        }
        client_close(fd);
        uv_run(&fake.loop, UV_RUN_NOWAIT);
        fake_release();
        while (fake.waiting > 0) {
            uv_run(&fake.loop, UV_RUN_NOWAIT);
        }
    }
    assert_answer(get("/healthz", NULL), 200, "", "");
}

static void requests_that_wait_when_the_server_stops_are_told_503(void **state)
{
    (void)state;
    static const char text[] =
        "GET /v1/user HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " FAKE_ANN "\r\n\r\n";
    int fds[20];
    fake.hold = true;
    for (size_t i = 0; i < COUNT_OF(fds); i++) {
        fds[i] = client_open();
        client_send(fds[i], text, sizeof text - 1);
    }
    while (fake.waiting < COUNT_OF(fds)) {
        uv_run(&fake.loop, UV_RUN_NOWAIT);
    }
    http_stop(fake.http);
    fake.http = NULL;
    for (size_t i = 0; i < COUNT_OF(fds); i++) {
        assert_answer(client_answer(fds[i]), 503, "code", "BUSY");
        client_close(fds[i]);
    }
    /* Their answers come when nobody is there any more. */
    assert_int_equal(fake.waiting, COUNT_OF(fds));
    fake_release();
    assert_int_equal(fake.waiting, 0);
}

static void a_stop_in_the_middle_of_requests_does_no_harm(void **state)
{
    (void)state;
    static const char text[] =
        "POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n1234";
    for (size_t len = 0; len < sizeof text; len += 7) {
        int fd = client_open();
        client_send(fd, text, len);
    }
    uv_run(&fake.loop, UV_RUN_NOWAIT);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fake_start, fake_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_server_says_that_it_lives),
        CASE(a_taken_port_and_an_address_that_is_none_are_told_apart),
        CASE(two_ports_are_served_at_once_and_stopped_apart),
        CASE(a_request_cut_anywhere_is_answered_when_it_is_whole),
        CASE(a_client_that_leaves_in_the_middle_of_a_request_does_no_harm),
        CASE(a_connection_serves_one_request_after_the_other),
        CASE(an_unknown_address_is_404_in_json),
        CASE(a_wrong_method_is_405_and_names_the_right_ones),
        CASE(browsers_of_other_sites_may_ask),
        CASE(head_is_answered_like_get_without_a_body),
        CASE(an_address_and_headers_of_100000_bytes_are_refused),
        CASE(headers_of_a_few_kilobytes_are_taken),
        CASE(an_address_of_a_thousand_bytes_is_just_not_found),
        CASE(garbage_is_answered_by_400_or_by_hanging_up),
        CASE(a_body_of_64_kilobytes_is_taken_and_one_byte_more_is_413),
        CASE(a_body_that_is_announced_far_too_long_is_413_before_it_comes),
        CASE(a_chunked_body_is_taken_and_limited_alike),
        CASE(bodies_that_cannot_be_read_are_400_with_a_reason),
        CASE(a_token_is_taken_from_header_query_and_form),
        CASE(a_token_that_is_missing_unknown_or_expired_is_401),
        CASE(a_client_that_leaves_while_its_answer_is_made_does_no_harm),
        CASE(requests_that_wait_when_the_server_stops_are_told_503),
        CASE(a_stop_in_the_middle_of_requests_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
