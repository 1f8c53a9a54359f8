/* request.h - one HTTP request, from its first line to its answer.
 *
 * It collects the body, finds the route, knows whose access token it carries and which device it
 * means, then calls the handler. A handler answers with one of reply.h, at once or after things
 * that it asked for and waits for. The client may go, or the server stop, while it waits: the
 * request lives on until the callback has come, which then finds that nobody wants its answer.
 *
 *     registry_list(cloud->registry, account, false, on_list, request_wait(request));
 *     ...
 *     static void on_list(void *arg, int status, ...)
 *     {
 *         struct request *request = arg;
 *         if (!request_back(request)) {
 *             return;
 *         }
 */
#ifndef CYAN_SERVER_API_REQUEST_H
#define CYAN_SERVER_API_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/api/body.h"
#include "server/api/router.h"
#include "server/api/waker.h"
#include "server/cloud/accounts.h"
#include "server/cloud/cloud.h"
#include "server/cloud/ownership.h"
#include "server/cloud/registry.h"

struct MHD_Connection;
struct MHD_Response;
struct http;

enum {
    REQUEST_BODY_MAX = 65536,
    /* A longer body is read to its end up to here, so that the client can read the 413. */
    REQUEST_SWALLOW_MAX = 1048576,
};

struct request {
    struct sleeper sleeper;
    struct http *http;
    struct cloud *cloud;
    struct request *next; /* all requests of http, for http_stop */
    struct request *prev;

    char *path; /* owned */
    const char *query;
    bool is_head;
    char *body; /* owned */
    size_t body_len;
    size_t body_cap;
    size_t seen; /* bytes of body that came, also those not kept */

    struct fields *form; /* the body's; NULL before the route is known */
    struct fields *args; /* the query's */
    struct route_match match;
    char token[TOKEN_LEN + 1];
    struct account account;              /* of NEEDS_ACCOUNT and NEEDS_DEVICE */
    struct device_record device;         /* of NEEDS_DEVICE */
    char claim_code[CLAIM_CODE_LEN + 1]; /* a secret that waits for the rest of its answer */

    struct MHD_Response *response;
    unsigned status;
    bool has_headers;
    bool is_started;
    bool is_waiting; /* a callback will come */
    bool is_answered;
    bool is_gone; /* libmicrohttpd has forgotten it */
};

/* uri: with the query, as it came; copied. NULL without memory. */
struct request *request_create(struct http *http, struct MHD_Connection *connection,
                               const char *uri);

/* The headers are there. A request that announces more than REQUEST_SWALLOW_MAX is answered. */
void request_headers(struct request *request);

/* More of the body. CYAN_E_TOO_LONG: the connection is to be closed. */
int request_body(struct request *request, const char *data, size_t len);

/* The whole request is there: runs it. */
void request_start(struct request *request, const char *method);

/* libmicrohttpd is done with it, whatever came of it. Frees it, now or after the callback. */
void request_end(struct request *request);

/* Frees what only the handler needed: for answers that last. */
void request_lighten(struct request *request);

/* Returns request, as the argument of a callback that comes exactly once. */
void *request_wait(struct request *request);

/* In that callback: whether its answer is still wanted. False: the request may be freed. */
bool request_back(struct request *request);

/* A header of the request, NULL: none. */
const char *request_header(const struct request *request, const char *name);

/* A field of the body or, when it has none of this name, of the query; NULL: none. */
const char *request_text(const struct request *request, const char *name);

/* The client's address as text. */
void request_address(const struct request *request, char out_text[static ADDRESS_TEXT_MAX + 1]);

#endif
