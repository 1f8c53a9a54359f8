/* Access tokens as OAuth 2 has them: POST /oauth/token. */
#include <microhttpd.h>
#include <string.h>

#include "base/err.h"
#include "server/api/reply.h"
#include "server/api/routes.h"

/* The clients that the known tools present. Their secrets are public, so they prove nothing; an
 * unknown one is refused, since a user would not learn otherwise that a tool is set up wrongly. */
static const struct {
    const char *id;
    const char *secret;
} clients[] = {
    {"particle", "particle"},
    {"particle-cli", "particle-cli"},
    {"CLI2", "client_secret_here"},
    {"particle-api", "particle-api"},
    {"spark", "spark"},
    {"spark-server", "spark-server"},
};

enum { LIFE_MAX_S = 315360000 };

static const char life_words[] =
    "expires_in is a number of seconds up to ten years, 0 for a token that never expires.";

/* As OAuth has it, an empty parameter is none. */
static const char *parameter(const struct request *request, const char *name)
{
    const char *text = fields_text(request->form, name);
    return text && *text != '\0' ? text : NULL;
}

static const char *known_client(const char *id, const char *secret)
{
    for (size_t i = 0; id && secret && i < sizeof clients / sizeof clients[0]; i++) {
        if (strcmp(id, clients[i].id) == 0 && strcmp(secret, clients[i].secret) == 0) {
            return clients[i].id;
        }
    }
    return NULL;
}

/* From HTTP Basic when the request has it, else from the body; nothing of this is read from the
 * query, which ends up in logs of others. NULL: unknown. */
static const char *find_client(const struct request *request)
{
    char *secret = NULL;
    char *id = MHD_basic_auth_get_username_password(request->sleeper.connection, &secret);
    const char *client =
        id ? known_client(id, secret)
           : known_client(parameter(request, "client_id"), parameter(request, "client_secret"));
    MHD_free(id);
    MHD_free(secret);
    return client;
}

static void reply_grant(struct request *request, int status, const struct grant *grant,
                        const char *refusal)
{
    if (status == CYAN_E_REFUSED) {
        reply_oauth(request, 400, "invalid_grant", refusal);
    } else if (status == CYAN_E_FULL) {
        reply_oauth(request, 429, "too_many_requests",
                    "Too many logins. Ten wrong passwords in a row lock an account for 30 "
                    "minutes; wait, then try again.");
    } else if (status == CYAN_E_INVALID) {
        reply_oauth(request, 400, "invalid_request", life_words);
    } else if (status < 0) {
        reply_status(request, status);
    } else {
        struct json json;
        jsonw_init_heap(&json, REPLY_JSON_MAX);
        jsonw_object(&json);
        jsonw_put_text(&json, "token_type", "bearer");
        jsonw_put_text(&json, "access_token", grant->access_token);
        jsonw_put_int(&json, "expires_in", grant->expires_in);
        jsonw_put_text(&json, "refresh_token", grant->refresh_token);
        jsonw_object_end(&json);
        reply_json(request, 200, &json);
    }
}

static void on_login(void *arg, int status, const struct grant *grant)
{
    struct request *request = arg;
    if (request_back(request)) {
        reply_grant(request, status, grant, "The user name or password is wrong.");
    }
}

static void on_refresh(void *arg, int status, const struct grant *grant)
{
    struct request *request = arg;
    if (request_back(request)) {
        reply_grant(request, status, grant, "The refresh token is not valid.");
    }
}

static void grant_password(struct request *request, const char *client)
{
    const char *name = parameter(request, "username");
    const char *password = parameter(request, "password");
    char address[ADDRESS_TEXT_MAX + 1];
    int64_t life = TOKEN_LIFE_DEFAULT_S;
    if (!name || !password) {
        reply_oauth(request, 400, "invalid_request", "Give username and password.");
        return;
    }
    if (fields_number(request->form, "expires_in", LIFE_MAX_S, &life) == CYAN_E_INVALID) {
        reply_oauth(request, 400, "invalid_request", life_words);
        return;
    }
    request_address(request, address);
    accounts_login(request->cloud->accounts, name, password, address, client, life, on_login,
                   request_wait(request));
}

static void grant_refresh(struct request *request)
{
    const char *token = parameter(request, "refresh_token");
    if (!token) {
        reply_oauth(request, 400, "invalid_request", "Give refresh_token.");
        return;
    }
    accounts_refresh(request->cloud->accounts, token, on_refresh, request_wait(request));
}

void route_token(struct request *request)
{
    const char *client = find_client(request);
    const char *type = parameter(request, "grant_type");
    if (!client) {
        reply_oauth(request, 400, "invalid_client", "The client id or its secret is not known.");
    } else if (!type) {
        reply_oauth(request, 400, "invalid_request", "Give grant_type.");
    } else if (strcmp(type, "password") == 0) {
        grant_password(request, client);
    } else if (strcmp(type, "refresh_token") == 0) {
        grant_refresh(request);
    } else if (strcmp(type, "client_credentials") == 0) {
        reply_oauth(request, 400, "unauthorized_client",
                    "This client is everybody's: it gets no token without a user.");
    } else {
        reply_oauth(request, 400, "unsupported_grant_type",
                    "grant_type is password or refresh_token.");
    }
}
