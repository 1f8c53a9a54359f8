#include "server/api/request.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <uv.h>

#include "base/err.h"
#include "base/hex.h"
#include "base/secret.h"
#include "server/api/daemon.h"
#include "server/api/reply.h"
#include "server/cloud/custody.h"

enum { BODY_FIRST = 1024 };

struct request *request_create(struct http *http, struct MHD_Connection *connection,
                               const char *uri)
{
    struct request *request = calloc(1, sizeof *request);
    char *path = strdup(uri);
    if (!request || !path) {
        free(path);
        free(request);
        return NULL;
    }
    request->sleeper = (struct sleeper){.waker = &http->waker, .connection = connection};
    request->http = http;
    request->cloud = http->cloud;
    request->path = path;
    request->next = http->requests;
    if (request->next) {
        request->next->prev = request;
    }
    http->requests = request;
    return request;
}

static void drop_fields(struct fields **fields)
{
    fields_done(*fields);
    free(*fields);
    *fields = NULL;
}

/* Path, body and token may hold secrets. */
void request_lighten(struct request *request)
{
    drop_fields(&request->args);
    drop_fields(&request->form);
    if (request->path) {
        cyan_wipe(request->path, strlen(request->path));
    }
    cyan_wipe(request->body, request->body_cap);
    cyan_wipe(request->token, sizeof request->token);
    free(request->path);
    free(request->body);
    request->path = request->body = NULL;
    request->body_len = request->body_cap = 0;
    request->match = (struct route_match){0};
}

static void destroy(struct request *request)
{
    request_lighten(request);
    if (request->response) {
        MHD_destroy_response(request->response);
    }
    free(request);
}

void request_end(struct request *request)
{
    sleeper_done(&request->sleeper);
    if (request->prev) {
        request->prev->next = request->next;
    } else {
        request->http->requests = request->next;
    }
    if (request->next) {
        request->next->prev = request->prev;
    }
    if (request->is_waiting) {
        request->is_gone = true;
    } else {
        destroy(request);
    }
}

void *request_wait(struct request *request)
{
    request->is_waiting = true;
    return request;
}

bool request_back(struct request *request)
{
    request->is_waiting = false;
    if (request->is_gone) {
        destroy(request);
        return false;
    }
    return true;
}

const char *request_header(const struct request *request, const char *name)
{
    return MHD_lookup_connection_value(request->sleeper.connection, MHD_HEADER_KIND, name);
}

const char *request_text(const struct request *request, const char *name)
{
    const char *text = request->form ? fields_text(request->form, name) : NULL;
    return text || !request->args ? text : fields_text(request->args, name);
}

void request_address(const struct request *request, char out_text[static ADDRESS_TEXT_MAX + 1])
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->sleeper.connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    out_text[0] = '\0';
    if (info && info->client_addr->sa_family == AF_INET) {
        uv_ip4_name((struct sockaddr_in *)info->client_addr, out_text, ADDRESS_TEXT_MAX + 1);
    } else if (info && info->client_addr->sa_family == AF_INET6) {
        uv_ip6_name((struct sockaddr_in6 *)info->client_addr, out_text, ADDRESS_TEXT_MAX + 1);
    }
}

static void reply_too_long(struct request *request)
{
    reply_error(request, 413, "INVALID", "The body is longer than 65536 bytes.");
}

void request_headers(struct request *request)
{
    const char *text = request_header(request, "Content-Length");
    request->has_headers = true;
    if (text && strtoull(text, NULL, 10) > REQUEST_SWALLOW_MAX) {
        reply_too_long(request);
    }
}

static bool grow_body(struct request *request, size_t need)
{
    size_t cap = request->body_cap ? request->body_cap : BODY_FIRST;
    while (cap < need) {
        cap *= 2;
    }
    char *body = malloc(cap);
    if (!body) {
        return false;
    }
    if (request->body) {
        memcpy(body, request->body, request->body_len);
        cyan_wipe(request->body, request->body_cap);
        free(request->body);
    }
    request->body = body;
    request->body_cap = cap;
    return true;
}

int request_body(struct request *request, const char *data, size_t len)
{
    request->seen += len;
    if (request->seen > REQUEST_SWALLOW_MAX) {
        return CYAN_E_TOO_LONG;
    }
    if (request->seen > REQUEST_BODY_MAX) {
        return 0;
    }
    if (request->seen > request->body_cap && !grow_body(request, request->seen)) {
        return CYAN_E_NO_MEMORY;
    }
    memcpy(request->body + request->body_len, data, len);
    request->body_len += len;
    return 0;
}

/* The operator sees a held device that nobody knows. */
static int find_stranger(struct request *request)
{
    uint8_t id[CYAN_ID_LEN];
    const char *text = request->match.params[0];
    if (!request->account.is_operator || cyan_hex_decode(text, strlen(text), id, CYAN_ID_LEN) < 0) {
        return CYAN_E_NOT_FOUND;
    }
    return custody_stranger(request->cloud, id, &request->device);
}

static void on_device(void *arg, int status, const struct device_record *record)
{
    struct request *request = arg;
    if (!request_back(request)) {
        return;
    }
    if (status == CYAN_E_NOT_FOUND && find_stranger(request) == 0) {
        status = 0;
    } else if (status == 0) {
        request->device = *record;
    }
    if (status < 0) {
        reply_status(request, status);
    } else {
        request->match.route->handle(request);
    }
}

static void on_account(void *arg, int status, const struct account *account)
{
    struct request *request = arg;
    if (!request_back(request)) {
        return;
    }
    if (status == CYAN_E_TIMEOUT) {
        reply_unauthorized(request, "expired_token", "The access token has expired.");
    } else if (status == CYAN_E_NOT_FOUND) {
        reply_unauthorized(request, "invalid_token", "The access token is not valid.");
    } else if (status < 0) {
        reply_status(request, status);
    } else {
        request->account = *account;
        if (request->match.route->needs == NEEDS_DEVICE) {
            registry_resolve(request->cloud->registry, account->id, account->is_operator,
                             request->match.params[0], on_device, request_wait(request));
        } else {
            request->match.route->handle(request);
        }
    }
}

static void authenticate(struct request *request)
{
    static const char scheme[] = "Bearer ";
    const char *header = request_header(request, "Authorization");
    const char *token = NULL;
    if (header && strncasecmp(header, scheme, sizeof scheme - 1) == 0) {
        token = header + sizeof scheme - 1;
        token += strspn(token, " ");
    } else {
        token = request_text(request, "access_token");
    }
    if (!token) {
        reply_unauthorized(request, "invalid_token", "The access token is missing.");
    } else if (strlen(token) != TOKEN_LEN) {
        reply_unauthorized(request, "invalid_token", "The access token is not valid.");
    } else {
        memcpy(request->token, token, TOKEN_LEN + 1);
        accounts_authenticate(request->cloud->accounts, request->token, on_account,
                              request_wait(request));
    }
}

/* 0, or a negative error that was answered. */
static int read_fields(struct request *request)
{
    const char *type = request_header(request, "Content-Type");
    request->args = calloc(1, sizeof *request->args);
    request->form = calloc(1, sizeof *request->form);
    if (!request->args || !request->form) {
        reply_status(request, CYAN_E_NO_MEMORY);
        return CYAN_E_NO_MEMORY;
    }
    if (fields_read_form(request->args, request->query, strlen(request->query)) < 0) {
        reply_error(request, 400, "INVALID", "The query cannot be read.");
        return CYAN_E_INVALID;
    }
    int err = fields_read_body(request->form, type, request->body, request->body_len);
    if (err == CYAN_E_UNSUPPORTED) {
        reply_error(request, 400, "INVALID", "Send the body as JSON or as a form.");
    } else if (err == CYAN_E_INVALID) {
        reply_error(request, 400, "INVALID", "The body is JSON, but not an object.");
    } else if (err == CYAN_E_TOO_LONG) {
        reply_error(request, 400, "INVALID", "The body has too many fields.");
    } else if (err == CYAN_E_NO_MEMORY) {
        reply_status(request, err);
    } else if (err < 0) {
        reply_error(request, 400, "INVALID", "The body does not have the form that it says.");
    }
    return err;
}

static void run_route(struct request *request, const char *method)
{
    char *query = strchr(request->path, '?');
    if (query) {
        *query++ = '\0';
    }
    request->query = query ? query : "";
    unsigned status = router_find(method, request->path, &request->match);
    if (status == 404) {
        reply_error(request, 404, "NOT_FOUND", "There is nothing at this address.");
    } else if (status == 405) {
        reply_wrong_method(request);
    } else if (status != 0) {
        reply_error(request, status, "INVALID", "The address cannot be read.");
    } else if (read_fields(request) == 0) {
        if (request->match.route->needs == NEEDS_NOTHING) {
            request->match.route->handle(request);
        } else {
            authenticate(request);
        }
    }
}

void request_start(struct request *request, const char *method)
{
    request->is_started = true;
    request->is_head = strcmp(method, "HEAD") == 0;
    if (request->http->is_stopping) {
        reply_error(request, 503, "BUSY", "The server is stopping.");
    } else if (request->seen > REQUEST_BODY_MAX) {
        reply_too_long(request);
    } else if (strcmp(method, "OPTIONS") == 0) {
        reply_options(request);
    } else {
        run_route(request, method);
    }
}
