#include "server/api/reply.h"

#include <malloc.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/secret.h"
#include "server/net/log.h"

static void add(struct MHD_Response *response, const char *name, const char *value)
{
    if (response) {
        (void)MHD_add_response_header(response, name, value);
    }
}

/* The answer is ready. Without memory for one, response is NULL and the connection will close. */
static void finish(struct request *request, unsigned status, struct MHD_Response *response)
{
    add(response, "Access-Control-Allow-Origin", "*");
    request->response = response;
    request->status = status;
    request->is_answered = true;
    sleeper_wake(&request->sleeper);
}

void reply_stream(struct request *request, struct MHD_Response *response)
{
    add(response, "Content-Type", "text/event-stream");
    add(response, "Cache-Control", "no-cache");
    add(response, "X-Accel-Buffering", "no");
    finish(request, 200, response);
}

static void finish_once(struct request *request, unsigned status, const char *type,
                        struct MHD_Response *response)
{
    add(response, "Content-Type", type);
    add(response, "Cache-Control", "no-store");
    finish(request, status, response);
}

void reply_bytes(struct request *request, unsigned status, const char *type, const void *data,
                 size_t len)
{
    void *copy = malloc(len + 1);
    struct MHD_Response *response = NULL;
    if (copy) {
        if (len > 0) {
            memcpy(copy, data, len);
        }
        response = MHD_create_response_from_buffer(len, copy, MHD_RESPMEM_MUST_FREE);
    }
    finish_once(request, status, type, response);
}

/* It may have held a token. */
static void wipe_and_free(void *data)
{
    cyan_wipe(data, malloc_usable_size(data));
    free(data);
}

/* Takes json, which did not fail. */
static struct MHD_Response *response_of(struct json *json)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer_with_free_callback(json->len, json->data, wipe_and_free);
    if (!response) {
        jsonw_done(json);
    }
    *json = (struct json){0};
    return response;
}

void reply_json(struct request *request, unsigned status, struct json *json)
{
    if (jsonw_failed(json)) {
        jsonw_done(json);
        reply_error(request, 503, "BUSY", "The answer is too long.");
        return;
    }
    finish_once(request, status, "application/json", response_of(json));
}

void reply_ok(struct request *request)
{
    struct json json;
    jsonw_init_heap(&json, REPLY_JSON_MAX);
    jsonw_object(&json);
    jsonw_put_bool(&json, "ok", true);
    jsonw_object_end(&json);
    reply_json(request, 200, &json);
}

/* The whole text of an error is short, so that only a lack of memory can fail; then there is no
 * response and the connection closes. */
static struct MHD_Response *error_response(const char *error, const char *extra_key,
                                           const char *extra, const char *code)
{
    struct json json;
    jsonw_init_heap(&json, REPLY_JSON_MAX);
    jsonw_object(&json);
    jsonw_put_bool(&json, "ok", false);
    jsonw_put_text(&json, "error", error);
    if (extra_key) {
        jsonw_put_text(&json, extra_key, extra);
    }
    jsonw_put_text(&json, "code", code);
    jsonw_object_end(&json);
    if (jsonw_failed(&json)) {
        jsonw_done(&json);
        return NULL;
    }
    return response_of(&json);
}

void reply_error(struct request *request, unsigned status, const char *code, const char *sentence)
{
    finish_once(request, status, "application/json", error_response(sentence, NULL, NULL, code));
}

void reply_unauthorized(struct request *request, const char *error, const char *sentence)
{
    struct MHD_Response *response =
        error_response(error, "error_description", sentence, "UNAUTHORIZED");
    add(response, "WWW-Authenticate", "Bearer");
    finish_once(request, 401, "application/json", response);
}

void reply_oauth(struct request *request, unsigned status, const char *error, const char *sentence)
{
    struct json json;
    jsonw_init_heap(&json, REPLY_JSON_MAX);
    jsonw_object(&json);
    jsonw_put_text(&json, "error", error);
    jsonw_put_text(&json, "error_description", sentence);
    jsonw_object_end(&json);
    reply_json(request, status, &json);
}

void reply_status(struct request *request, int status)
{
    switch (status) {
    case CYAN_E_NOT_FOUND:
        reply_error(request, 404, "NOT_FOUND", "There is no device of that id or name.");
        break;
    case CYAN_E_REFUSED:
        finish_once(request, 403, "application/json",
                    error_response("Permission Denied", "info",
                                   "This device does not belong to your account.", "FORBIDDEN"));
        break;
    case CYAN_E_NO_MEMORY:
        reply_error(request, 503, "BUSY", "The server is out of memory; try again later.");
        break;
    default:
        log_write(LOG_ERROR, "a request failed at the store", "error", cyan_err_name(status), NULL);
        reply_error(request, 503, "STORE_FAILED",
                    status == CYAN_E_FULL ? "The server's disk is full; nothing was changed."
                                          : "The server's store failed; nothing was changed.");
        break;
    }
}

bool reply_back(struct request *request, int status)
{
    bool wanted = request_back(request);
    if (wanted && status < 0) {
        reply_status(request, status);
    }
    return wanted && status >= 0;
}

static struct MHD_Response *empty_response(void)
{
    static char none[1];
    return MHD_create_response_from_buffer(0, none, MHD_RESPMEM_PERSISTENT);
}

void reply_wrong_method(struct request *request)
{
    struct MHD_Response *response =
        error_response("This address does not take that method.", NULL, NULL, "INVALID");
    add(response, "Allow", request->match.allow);
    finish_once(request, 405, "application/json", response);
}

void reply_options(struct request *request)
{
    struct MHD_Response *response = empty_response();
    add(response, "Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, DELETE, OPTIONS");
    add(response, "Access-Control-Allow-Headers", "Authorization, *");
    add(response, "Access-Control-Max-Age", "86400");
    finish(request, 204, response);
}
