#include "cli/transport/http.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/secret.h"

enum {
    CONNECT_TIMEOUT_MS = 10 * 1000,
    ANSWER_TIMEOUT_MS = 60 * 1000,
    HEADER_MAX = 1024,
    TURN_MS = 1000, /* the longest wait in one turn of a stream's loop */
};

struct http {
    CURLM *multi;
};

/* One request on its way. */
struct exchange {
    CURL *easy;
    struct curl_slist *headers;
    struct http_response response;
    const struct http_reader *reader; /* NULL: the body is collected */
    bool has_head;                    /* the empty line that ends the headers has come */
    bool opened;
    int verdict; /* what ended it from inside: CYAN_E_* or the reader's value */
    int64_t heard_ms;
    char why[CURL_ERROR_SIZE];
};

int64_t http_now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct http *http_create(void)
{
    struct http *http = calloc(1, sizeof *http);
    if (!http || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(http);
        return NULL;
    }
    http->multi = curl_multi_init();
    if (!http->multi) {
        http_destroy(http);
        return NULL;
    }
    return http;
}

void http_destroy(struct http *http)
{
    if (http) {
        (void)curl_multi_cleanup(http->multi);
        curl_global_cleanup();
        free(http);
    }
}

void http_response_done(struct http_response *response)
{
    free(response->body);
    *response = (struct http_response){0};
}

static bool collect(struct http_response *response, const char *data, size_t len)
{
    if (len > HTTP_BODY_MAX - response->body_len) {
        return false;
    }
    char *grown = realloc(response->body, response->body_len + len + 1);
    if (!grown) {
        return false;
    }
    memcpy(grown + response->body_len, data, len);
    response->body = grown;
    response->body_len += len;
    grown[response->body_len] = '\0';
    return true;
}

static bool is_stream(const struct exchange *x)
{
    long status = 0;
    (void)curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
    return x->reader && status == 200;
}

/* libcurl takes anything but the length for an order to stop. */
static size_t on_body(char *data, size_t size, size_t count, void *ctx)
{
    struct exchange *x = ctx;
    size_t len = size * count;
    x->heard_ms = http_now_ms();
    if (is_stream(x)) {
        x->verdict = x->reader->on_bytes(x->reader->ctx, data, len);
        return x->verdict == 0 ? len : 0;
    }
    if (!collect(&x->response, data, len)) {
        x->verdict = CYAN_E_TOO_LONG;
        return 0;
    }
    return len;
}

/* The empty line ends the headers, and opens the stream. */
static size_t on_header(char *data, size_t size, size_t count, void *ctx)
{
    struct exchange *x = ctx;
    size_t len = size * count;
    x->heard_ms = http_now_ms();
    bool ends = len <= 2 && (data[0] == '\r' || data[0] == '\n');
    x->has_head = x->has_head || ends;
    if (ends && !x->opened && is_stream(x)) {
        x->opened = true;
        x->verdict = x->reader->on_open(x->reader->ctx);
        return x->verdict == 0 ? len : 0;
    }
    return len;
}

static bool add_header(struct exchange *x, const char *name, const char *value)
{
    char line[HEADER_MAX];
    int len = snprintf(line, sizeof line, "%s%s", name, value);
    struct curl_slist *longer = NULL;
    if (len > 0 && (size_t)len < sizeof line) {
        longer = curl_slist_append(x->headers, line);
    }
    cyan_wipe(line, sizeof line);
    x->headers = longer ? longer : x->headers;
    return longer != NULL;
}

static bool prepare_headers(struct exchange *x, const struct http_request *request)
{
    bool good = add_header(x, "Accept: ", x->reader ? "text/event-stream" : "application/json");
    if (good && request->token) {
        good = add_header(x, "Authorization: Bearer ", request->token);
    }
    if (good && request->body) {
        good =
            add_header(x, "Content-Type: ", request->content_type) && add_header(x, "Expect:", "");
    }
    return good;
}

/* A proxy of the environment is of no use for the machine that we are on. */
static bool is_own_machine(const char *url)
{
    const char *host = strstr(url, "://");
    host = host ? host + 3 : url;
    return strncmp(host, "127.", 4) == 0 || strncmp(host, "localhost", 9) == 0 ||
           strncmp(host, "[::1]", 5) == 0;
}

static bool prepare(struct exchange *x, const struct http_request *request)
{
    bool good = x->easy && prepare_headers(x, request);
#define SET(option, value) good = good && curl_easy_setopt(x->easy, option, value) == CURLE_OK
    SET(CURLOPT_URL, request->url);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_PATH_AS_IS, 1L);
    SET(CURLOPT_CUSTOMREQUEST, request->method);
    SET(CURLOPT_HTTPHEADER, x->headers);
    SET(CURLOPT_USERAGENT, "cyan");
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_FORBID_REUSE, 1L);
    SET(CURLOPT_ERRORBUFFER, x->why);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, x);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, x);
    if (is_own_machine(request->url)) {
        SET(CURLOPT_NOPROXY, "*");
    }
    if (!x->reader) {
        SET(CURLOPT_TIMEOUT_MS, (long)ANSWER_TIMEOUT_MS);
    }
    if (request->body) {
        SET(CURLOPT_POSTFIELDS, request->body);
        SET(CURLOPT_POSTFIELDSIZE, (long)strlen(request->body));
    }
#undef SET
    return good;
}

static void finish(struct exchange *x)
{
    curl_easy_cleanup(x->easy);
    for (struct curl_slist *line = x->headers; line; line = line->next) {
        cyan_wipe(line->data, strlen(line->data));
    }
    curl_slist_free_all(x->headers);
    http_response_done(&x->response);
}

static int err_of(CURLcode code)
{
    switch (code) {
    case CURLE_OK:
        return 0;
    case CURLE_OPERATION_TIMEDOUT:
        return CYAN_E_TIMEOUT;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return CYAN_E_INVALID;
    case CURLE_OUT_OF_MEMORY:
        return CYAN_E_NO_MEMORY;
    default:
        return CYAN_E_CLOSED;
    }
}

/* The result of an exchange that libcurl has ended with code. */
static int conclude(struct exchange *x, CURLcode code, struct http_response *out_response,
                    char *out_why)
{
    int err = x->verdict ? x->verdict : err_of(code);
    const char *why = x->why[0] ? x->why : curl_easy_strerror(code);
    if (err == CYAN_E_TOO_LONG) {
        why = "the answer is too long";
    } else if (err == 0 && !x->has_head) {
        err = CYAN_E_CLOSED;
        why = "the answer is cut off";
    }
    if (err) {
        (void)snprintf(out_why, HTTP_WHY_MAX, "%s", why);
        return err;
    }
    (void)curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &x->response.status);
    *out_response = x->response;
    x->response = (struct http_response){0};
    return 0;
}

int http_ask(struct http *http, const struct http_request *request,
             struct http_response *out_response, char out_why[static HTTP_WHY_MAX])
{
    (void)http;
    struct exchange x = {.easy = curl_easy_init()};
    int err = CYAN_E_NO_MEMORY;
    if (prepare(&x, request)) {
        err = conclude(&x, curl_easy_perform(x.easy), out_response, out_why);
    } else {
        (void)snprintf(out_why, HTTP_WHY_MAX, "the request cannot be made");
    }
    finish(&x);
    return err;
}

/* How long a turn may wait; negative: a limit is reached, and it is this error. */
static int64_t turn_of(const struct exchange *x, const struct http_stream_limits *limits)
{
    int64_t now = http_now_ms();
    int64_t left = x->heard_ms + limits->silence_ms - now;
    if (limits->deadline_ms != 0 && limits->deadline_ms <= now) {
        return CYAN_E_AGAIN;
    }
    if (left <= 0) {
        return CYAN_E_TIMEOUT;
    }
    if (limits->deadline_ms != 0 && limits->deadline_ms - now < left) {
        left = limits->deadline_ms - now;
    }
    return left < TURN_MS ? left : TURN_MS;
}

/* Turns until libcurl has ended the exchange or a limit is reached. */
static CURLcode run(struct http *http, struct exchange *x, const struct http_stream_limits *limits)
{
    int running = 1;
    while (curl_multi_perform(http->multi, &running) == CURLM_OK && running > 0) {
        int64_t wait = turn_of(x, limits);
        if (wait < 0) {
            x->verdict = (int)wait;
            (void)snprintf(x->why, sizeof x->why, "nothing was heard in time");
            return CURLE_OPERATION_TIMEDOUT;
        }
        (void)curl_multi_poll(http->multi, NULL, 0, (int)wait, NULL);
    }
    int left = 0;
    const CURLMsg *message = curl_multi_info_read(http->multi, &left);
    return message && message->msg == CURLMSG_DONE ? message->data.result : CURLE_RECV_ERROR;
}

int http_stream(struct http *http, const struct http_request *request,
                const struct http_reader *reader, const struct http_stream_limits *limits,
                struct http_response *out_response, char out_why[static HTTP_WHY_MAX])
{
    struct exchange x = {.easy = curl_easy_init(), .reader = reader, .heard_ms = http_now_ms()};
    int err = CYAN_E_NO_MEMORY;
    if (prepare(&x, request) && curl_multi_add_handle(http->multi, x.easy) == CURLM_OK) {
        err = conclude(&x, run(http, &x, limits), out_response, out_why);
        (void)curl_multi_remove_handle(http->multi, x.easy);
    } else {
        (void)snprintf(out_why, HTTP_WHY_MAX, "the request cannot be made");
    }
    finish(&x);
    return err;
}
