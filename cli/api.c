#include "cli/api.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Letters, digits and - _ . ~ stand for themselves everywhere in a URL. */
static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("-_.~", c));
}

size_t api_encode(char *buffer, size_t size, size_t len, const char *text)
{
    static const char digits[] = "0123456789ABCDEF";
    /* A segment of dots alone would be taken for a step in the path. */
    bool dots = strspn(text, ".") == strlen(text);
    for (; *text; text++) {
        uint8_t byte = (uint8_t)*text;
        bool plain = is_plain(*text) && !dots;
        if (len + (plain ? 1 : 3) >= size) {
            return size;
        }
        if (plain) {
            buffer[len++] = *text;
        } else {
            buffer[len++] = '%';
            buffer[len++] = digits[byte >> 4];
            buffer[len++] = digits[byte & 15];
        }
    }
    buffer[len] = '\0';
    return len;
}

void api_path_init(struct api_path *path, const char *fixed)
{
    *path = (struct api_path){0};
    path->len = strlen(fixed);
    memcpy(path->text, fixed, path->len);
}

void api_path_add(struct api_path *path, const char *segment)
{
    size_t len = path->len;
    if (!path->failed && len + 1 < sizeof path->text) {
        path->text[len] = '/';
        len = api_encode(path->text, sizeof path->text, len + 1, segment);
    } else {
        len = sizeof path->text;
    }
    path->failed = len == sizeof path->text;
    path->len = path->failed ? path->len : len;
    path->text[path->len] = '\0';
}

void api_path_query(struct api_path *path, const char *name, const char *value)
{
    size_t len = path->len, name_len = strlen(name);
    if (!path->failed && len + name_len + 2 < sizeof path->text) {
        path->text[len++] = strchr(path->text, '?') ? '&' : '?';
        memcpy(path->text + len, name, name_len);
        len += name_len;
        path->text[len++] = '=';
        len = api_encode(path->text, sizeof path->text, len, value);
    } else {
        len = sizeof path->text;
    }
    path->failed = len == sizeof path->text;
    path->len = path->failed ? path->len : len;
    path->text[path->len] = '\0';
}

int api_url(struct cli *cli, const struct api_path *path, char **out_url)
{
    if (path->failed) {
        return fault_set(&cli->fault, CLI_USAGE, "USAGE", "the words are too long for a request");
    }
    if (asprintf(out_url, "%s%s", cli->config.api, path->text) < 0) {
        return fault_set(&cli->fault, CLI_FAILED, "NO_MEMORY", "out of memory");
    }
    return 0;
}

int api_need_token(struct cli *cli)
{
    int err = cli_configure(cli);
    if (!err && !cli->config.token[0]) {
        err = fault_set(&cli->fault, CLI_NOT_LOGGED_IN, "NOT_LOGGED_IN",
                        "you are not logged in at %s", cli->config.api);
        fault_try(&cli->fault, "cyan login --api %s", cli->config.api);
    }
    return err;
}

int api_silence(struct cli *cli, int err, const char *why)
{
    struct fault *fault = &cli->fault;
    const char *api = cli->config.api;
    switch (err) {
    case CYAN_E_TOO_LONG:
        return fault_set(fault, CLI_FAILED, "BAD_ANSWER", "%s: %s", api, why);
    case CYAN_E_NO_MEMORY:
        return fault_set(fault, CLI_FAILED, "NO_MEMORY", "out of memory");
    case CYAN_E_INVALID:
        return fault_set(fault, CLI_USAGE, "USAGE", "%s is not an address: %s", api, why);
    default:
        (void)fault_set(fault, CLI_UNREACHABLE, "UNREACHABLE", "no cloud answers at %s: %s", api,
                        why);
        fault_try(fault, "is cyand running, and is the address right? --api URL");
        return CLI_UNREACHABLE;
    }
}

/* The sentence of an error body: whatever of the usual places holds one. */
static const char *sentence_in(const json_t *json)
{
    static const char *const places[] = {"error_description", "error", "info"};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        const char *text = json_string_value(json_object_get(json, places[i]));
        if (text && *text) {
            return text;
        }
    }
    return NULL;
}

/* The machine's word: our `code`, or OAuth's `error` in capitals. */
static void copy_code(const json_t *json, const char *fallback, char *out_code, size_t size)
{
    const char *code = json_string_value(json_object_get(json, "code"));
    const char *oauth = json_string_value(json_object_get(json, "error"));
    if (!code && oauth && json_object_get(json, "error_description")) {
        code = oauth;
    }
    (void)snprintf(out_code, size, "%s", code && *code ? code : fallback);
    for (size_t i = 0; out_code[i]; i++) {
        char c = (char)toupper((unsigned char)out_code[i]);
        out_code[i] = (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ? c : '_';
    }
}

static enum cli_exit exit_of(long status, const char *code)
{
    if (strncmp(code, "DEVICE_", 7) == 0 || strcmp(code, "KEY_PENDING") == 0) {
        return CLI_OFFLINE;
    }
    switch (status) {
    case 401:
        return CLI_NOT_LOGGED_IN;
    case 404:
        return CLI_NOT_FOUND;
    case 408:
        return CLI_OFFLINE;
    case 400:
    case 403:
    case 409:
    case 422:
    case 429:
        return CLI_REFUSED;
    default:
        return CLI_FAILED;
    }
}

/* The word when the cloud gave none. */
static const char *word_of(long status)
{
    switch (status) {
    case 400:
        return "INVALID";
    case 401:
        return "NOT_LOGGED_IN";
    case 403:
        return "FORBIDDEN";
    case 404:
        return "NOT_FOUND";
    case 408:
        return "TIMED_OUT";
    case 409:
        return "CONFLICT";
    case 429:
        return "TOO_MANY";
    default:
        return "SERVER_ERROR";
    }
}

int api_held(struct cli *cli, const char *device)
{
    (void)fault_set(&cli->fault, CLI_OFFLINE, "DEVICE_HELD", "%s is held: key pending", device);
    fault_try(&cli->fault, "cyan keys list %s", device);
    return CLI_OFFLINE;
}

int api_refusal(struct cli *cli, const struct http_response *response)
{
    struct fault *fault = &cli->fault;
    long status = response->status;
    json_t *json = NULL;
    char code[sizeof fault->code];
    if (response->body) {
        json = json_loadb(response->body, response->body_len, 0, NULL);
    }
    const char *sentence = sentence_in(json);
    copy_code(json, word_of(status), code, sizeof code);
    enum cli_exit exit = exit_of(status, code);
    if (sentence) {
        size_t len = strlen(sentence);
        bool stop = sentence[len - 1] == '.';
        (void)fault_set(fault, exit, code, "%.*s", (int)(stop ? len - 1 : len), sentence);
    } else {
        (void)fault_set(fault, exit, code, "%s answered with status %ld and no reason",
                        cli->config.api, status);
    }
    if (exit == CLI_NOT_LOGGED_IN && cli->config.token_from_environment) {
        fault_try(fault, "a valid CYAN_TOKEN, or unset it and: cyan login");
    } else if (exit == CLI_NOT_LOGGED_IN) {
        fault_try(fault, "cyan login --api %s", cli->config.api);
    } else if (exit == CLI_OFFLINE && strcmp(code, "DEVICE_OFFLINE") == 0) {
        fault_try(fault, "cyan list");
    }
    json_decref(json);
    return (int)exit;
}

/* One request whose answer is a success; anything else is an exit code. */
static int ask(struct cli *cli, const struct api_path *path, struct http_request *request,
               struct http_response *out_response)
{
    char why[HTTP_WHY_MAX] = "";
    struct http *http = NULL;
    char *url = NULL;
    int err = cli_http(cli, &http);
    err = err ? err : api_url(cli, path, &url);
    if (err) {
        return err;
    }
    request->url = url;
    struct http_response response = {0};
    err = http_ask(http, request, &response, why);
    free(url);
    if (err < 0) {
        return api_silence(cli, err, why);
    }
    if (response.status < 200 || response.status > 299) {
        err = api_refusal(cli, &response);
        http_response_done(&response);
        return err;
    }
    *out_response = response;
    return 0;
}

static int ask_json(struct cli *cli, const struct api_path *path, const char *method,
                    const char *body, json_t **out_json)
{
    int err = api_need_token(cli);
    if (err) {
        return err;
    }
    struct http_request request = {.method = method,
                                   .token = cli->config.token,
                                   .content_type = "application/json",
                                   .body = body};
    struct http_response response = {0};
    err = ask(cli, path, &request, &response);
    if (err) {
        return err;
    }
    json_t *json = NULL;
    if (response.body) {
        json = json_loadb(response.body, response.body_len, JSON_DECODE_ANY, NULL);
    }
    http_response_done(&response);
    if (!json) {
        (void)fault_set(&cli->fault, CLI_FAILED, "BAD_ANSWER",
                        "%s answered with something that is not JSON", cli->config.api);
        fault_try(&cli->fault, "is it a Cyan cloud? --api URL");
        return CLI_FAILED;
    }
    *out_json = json;
    return 0;
}

int api_get(struct cli *cli, const struct api_path *path, json_t **out_json)
{
    return ask_json(cli, path, "GET", NULL, out_json);
}

int api_delete(struct cli *cli, const struct api_path *path, json_t **out_json)
{
    return ask_json(cli, path, "DELETE", NULL, out_json);
}

/* Takes over body. */
static int ask_with(struct cli *cli, const struct api_path *path, const char *method, json_t *body,
                    json_t **out_json)
{
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    json_decref(body);
    if (!text) {
        return fault_set(&cli->fault, CLI_USAGE, "USAGE", "the words must be UTF-8 text");
    }
    int err = ask_json(cli, path, method, text, out_json);
    free(text);
    return err;
}

int api_post(struct cli *cli, const struct api_path *path, json_t *body, json_t **out_json)
{
    return ask_with(cli, path, "POST", body, out_json);
}

int api_put(struct cli *cli, const struct api_path *path, json_t *body, json_t **out_json)
{
    return ask_with(cli, path, "PUT", body, out_json);
}

int api_open(struct cli *cli, const struct api_path *path, const char *form, char **out_data,
             size_t *out_len)
{
    int err = cli_configure(cli);
    if (err) {
        return err;
    }
    struct http_request request = {.method = form ? "POST" : "GET",
                                   .content_type = "application/x-www-form-urlencoded",
                                   .body = form};
    struct http_response response = {0};
    err = ask(cli, path, &request, &response);
    if (err) {
        return err;
    }
    if (!response.body) {
        return fault_set(&cli->fault, CLI_FAILED, "BAD_ANSWER", "%s answered with nothing",
                         cli->config.api);
    }
    *out_data = response.body;
    *out_len = response.body_len;
    return 0;
}
