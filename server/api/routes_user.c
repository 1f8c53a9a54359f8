/* Accounts and their tokens: POST /v1/users, GET /v1/user, DELETE /v1/access_tokens/current. */
#include <uv.h>

#include "base/err.h"
#include "server/api/daemon.h"
#include "server/api/reply.h"
#include "server/api/routes.h"

enum { SIGNUPS_MAX = 100, SIGNUP_SPAN_MS = 300000 };

/* Counts one; false: too many of late. */
static bool count_signup(struct http *http)
{
    uint64_t now = uv_now(http->cloud->loop);
    struct signup_window *window = &http->signups;
    if (window->count == 0 || now - window->began_ms >= SIGNUP_SPAN_MS) {
        *window = (struct signup_window){.began_ms = now};
    }
    return window->count++ < SIGNUPS_MAX;
}

static void on_created(void *arg, int status, const struct account *account)
{
    struct request *request = arg;
    (void)account;
    if (!request_back(request)) {
        return;
    }
    if (status == CYAN_E_EXISTS) {
        reply_error(request, 400, "EXISTS", "There is an account of that name already.");
    } else if (status == CYAN_E_INVALID) {
        reply_error(request, 400, "INVALID",
                    "A name has 1 to 128 characters, a password 1 to 256; none of them control "
                    "characters.");
    } else if (status == CYAN_E_FULL) {
        reply_error(request, 503, "BUSY",
                    "No account can be made now: too many sign-ups at once, or a full disk.");
    } else if (status < 0) {
        reply_status(request, status);
    } else {
        reply_ok(request);
    }
}

void route_user_create(struct request *request)
{
    const char *name = fields_text(request->form, "username");
    const char *password = fields_text(request->form, "password");
    if (!request->cloud->signup) {
        reply_error(request, 403, "SIGNUP_OFF",
                    "Sign-up is off here: ask whoever runs this cloud for an account.");
    } else if (!name || !password) {
        reply_error(request, 400, "INVALID", "Give username and password.");
    } else if (!count_signup(request->http)) {
        reply_error(request, 429, "BUSY", "Too many sign-ups; try again in five minutes.");
    } else {
        accounts_add(request->cloud->accounts, name, password, on_created, request_wait(request));
    }
}

static void write_user(struct json *json, const struct account *account, size_t devices)
{
    jsonw_object(json);
    jsonw_put_text(json, "username", account->name);
    jsonw_key(json, "account_info");
    jsonw_object(json);
    jsonw_put_null(json, "first_name");
    jsonw_put_null(json, "last_name");
    jsonw_put_null(json, "company_name");
    jsonw_put_bool(json, "business_account", false);
    jsonw_object_end(json);
    jsonw_key(json, "mfa");
    jsonw_object(json);
    jsonw_put_bool(json, "enabled", false);
    jsonw_object_end(json);
    jsonw_key(json, "memberships");
    jsonw_array(json);
    jsonw_array_end(json);
    jsonw_put_int(json, "wifi_device_count", (int64_t)devices);
    jsonw_put_int(json, "cellular_device_count", 0);
    jsonw_put_bool(json, "operator", account->is_operator);
    jsonw_object_end(json);
}

static void on_devices(void *arg, int status, const struct device_record *records, size_t count)
{
    struct request *request = arg;
    struct json json;
    (void)records;
    if (!reply_back(request, status)) {
        return;
    }
    jsonw_init_heap(&json, REPLY_JSON_MAX);
    write_user(&json, &request->account, count);
    reply_json(request, 200, &json);
}

void route_user_get(struct request *request)
{
    registry_list(request->cloud->registry, request->account.id, false, on_devices,
                  request_wait(request));
}

static void on_revoked(void *arg, int status)
{
    struct request *request = arg;
    if (!request_back(request)) {
        return;
    }
    /* Not found: another request has ended it meanwhile. */
    if (status < 0 && status != CYAN_E_NOT_FOUND) {
        reply_status(request, status);
    } else {
        reply_ok(request);
    }
}

void route_token_delete(struct request *request)
{
    accounts_revoke(request->cloud->accounts, request->token, on_revoked, request_wait(request));
}
