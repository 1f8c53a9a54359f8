/* http.h - requests to a cloud, and streams from it, over libcurl.
 *
 * One struct http belongs to one thread. Nothing is followed to another address, so that a token
 * goes nowhere else; only http and https are spoken. */
#ifndef CYAN_CLI_TRANSPORT_HTTP_H
#define CYAN_CLI_TRANSPORT_HTTP_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
    HTTP_BODY_MAX = 8 * 1024 * 1024, /* of an answer */
    HTTP_WHY_MAX = 256,
};

struct http; /* on the heap */

/* NULL when memory or the library fails. */
struct http *http_create(void);
void http_destroy(struct http *http);

/* Everything is borrowed until the call returns. */
struct http_request {
    const char *method;
    const char *url;
    const char *token;        /* NULL: none is sent */
    const char *content_type; /* of the body */
    const char *body;         /* NULL: none */
};

struct http_response {
    long status;
    char *body; /* owned; a NUL follows body_len bytes; NULL when there was none */
    size_t body_len;
};

void http_response_done(struct http_response *response);

/* Asks once; an answer of any status is success. CYAN_E_CLOSED: no cloud was reached or the
 * connection broke; CYAN_E_TIMEOUT; CYAN_E_TOO_LONG: the answer; CYAN_E_INVALID: the URL;
 * CYAN_E_NO_MEMORY. On failure out_why says it in a few words. */
int http_ask(struct http *http, const struct http_request *request,
             struct http_response *out_response, char out_why[static HTTP_WHY_MAX]) CYAN_MUST_CHECK;

/* Who reads a stream. Each returns 0 to go on; anything else ends the stream with that value,
 * which is positive. */
struct http_reader {
    void *ctx;
    int (*on_open)(void *ctx); /* the status was 200; called before any byte */
    int (*on_bytes)(void *ctx, const char *data, size_t len);
};

struct http_stream_limits {
    int64_t silence_ms;  /* without any byte: CYAN_E_TIMEOUT */
    int64_t deadline_ms; /* on the clock of http_now_ms: CYAN_E_AGAIN; 0: none */
};

/* Reads a stream until it ends: 0. A status other than 200 is also 0 and is in out_response, with
 * its body; of a stream that opened, the status is 200 and the body NULL. Errors as above, and
 * those of the limits. */
int http_stream(struct http *http, const struct http_request *request,
                const struct http_reader *reader, const struct http_stream_limits *limits,
                struct http_response *out_response,
                char out_why[static HTTP_WHY_MAX]) CYAN_MUST_CHECK;

/* Milliseconds of a clock that only goes forward. */
int64_t http_now_ms(void);

#endif
