#include "cli/config.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/secret.h"
#include "keys/files.h"

enum { FILE_MAX = 8192 };

static const char default_profile[] = "default";
static const char default_api[] = "http://127.0.0.1:8080";

static const char *environment(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

static int set_profile(struct config *config, const char *profile, struct fault *fault)
{
    size_t len = strlen(profile);
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    if (len == 0 || len > CONFIG_PROFILE_MAX || profile[0] == '.' ||
        strspn(profile, allowed) != len) {
        return fault_set(fault, CLI_USAGE, "USAGE",
                         "a profile's name is made of letters, digits and - _ .");
    }
    memcpy(config->profile, profile, len + 1);
    return 0;
}

/* Printable and without blanks, so that it can stand in a request's line or header. */
static bool is_plain(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] <= ' ' || text[i] > '~') {
            return false;
        }
    }
    return len > 0;
}

static int set_api(struct config *config, const char *api, struct fault *fault)
{
    size_t len = strlen(api);
    size_t scheme_len = strncmp(api, "http://", 7) == 0    ? 7
                        : strncmp(api, "https://", 8) == 0 ? 8
                                                           : 0;
    while (len > scheme_len && api[len - 1] == '/') {
        len--;
    }
    if (scheme_len == 0 || len == scheme_len || len > CONFIG_API_MAX || !is_plain(api, len) ||
        strcspn(api, "?#@") < len) {
        (void)fault_set(fault, CLI_USAGE, "USAGE", "\"%.100s\" is not the address of a cloud", api);
        fault_try(fault, "--api http://127.0.0.1:8080");
        return CLI_USAGE;
    }
    memcpy(config->api, api, len);
    config->api[len] = '\0';
    return 0;
}

int config_set_token(struct config *config, const char *token, struct fault *fault)
{
    size_t len = strlen(token);
    if (len > CONFIG_TOKEN_MAX || !is_plain(token, len)) {
        return fault_set(fault, CLI_USAGE, "USAGE", "this cannot be a token");
    }
    memcpy(config->token, token, len + 1);
    return 0;
}

/* The folder of all profiles, ending in a slash. */
static int folder_of(char *out_path, size_t size, struct fault *fault)
{
    const char *base = environment("XDG_CONFIG_HOME");
    const char *home = environment("HOME");
    int len = 0;
    if (base && base[0] == '/') {
        len = snprintf(out_path, size, "%s/cyan/", base);
    } else if (home) {
        len = snprintf(out_path, size, "%s/.config/cyan/", home);
    } else {
        (void)fault_set(fault, CLI_FAILED, "NO_HOME", "HOME is not set: no place for a profile");
        fault_try(fault, "set HOME, or both CYAN_API and CYAN_TOKEN");
        return CLI_FAILED;
    }
    if (len < 0 || (size_t)len >= size) {
        return fault_set(fault, CLI_FAILED, "IO", "the path of the profiles is too long");
    }
    return 0;
}

static int file_of(const struct config *config, const char *ending, char *out_path, size_t size,
                   struct fault *fault)
{
    int err = folder_of(out_path, size, fault);
    if (err) {
        return err;
    }
    size_t len = strlen(out_path);
    int added = snprintf(out_path + len, size - len, "%s%s", config->profile, ending);
    if (added < 0 || (size_t)added >= size - len) {
        return fault_set(fault, CLI_FAILED, "IO", "the path of the profiles is too long");
    }
    return 0;
}

static int damaged(const char *path, struct fault *fault)
{
    (void)fault_set(fault, CLI_FAILED, "CONFIG_DAMAGED", "%s cannot be read as a profile", path);
    fault_try(fault, "cyan login");
    return CLI_FAILED;
}

/* The api of the file counts unless one is set already, its token only for that api. */
static int take_json(struct config *config, const json_t *json, const char *path,
                     struct fault *fault)
{
    const char *api = json_string_value(json_object_get(json, "api"));
    const json_t *token = json_object_get(json, "token");
    struct config stored = {0};
    if (!api || set_api(&stored, api, fault) ||
        (json_is_string(token) && config_set_token(&stored, json_string_value(token), fault))) {
        config_done(&stored);
        return damaged(path, fault);
    }
    if (!config->api[0]) {
        memcpy(config->api, stored.api, sizeof stored.api);
    }
    if (!config->token[0] && strcmp(config->api, stored.api) == 0) {
        memcpy(config->token, stored.token, sizeof stored.token);
    }
    config_done(&stored);
    return 0;
}

static int take_file(struct config *config, struct fault *fault)
{
    char path[CONFIG_PATH_MAX];
    uint8_t *data = NULL;
    size_t len = 0;
    if (config->token[0] && config->api[0]) {
        return 0;
    }
    int err = file_of(config, ".json", path, sizeof path, fault);
    if (err) {
        return err;
    }
    err = cyan_files_read(path, FILE_MAX, &data, &len);
    if (err == CYAN_E_NOT_FOUND) {
        return 0;
    }
    if (err < 0) {
        return damaged(path, fault);
    }
    json_t *json = json_loadb((const char *)data, len, 0, NULL);
    err = take_json(config, json, path, fault);
    json_decref(json);
    cyan_files_free(data, len);
    return err;
}

int config_load(struct config *config, const char *profile, const char *api, struct fault *fault)
{
    *config = (struct config){0};
    profile = profile ? profile : environment("CYAN_PROFILE");
    api = api ? api : environment("CYAN_API");
    const char *token = environment("CYAN_TOKEN");
    int err = set_profile(config, profile ? profile : default_profile, fault);
    if (!err && api) {
        err = set_api(config, api, fault);
    }
    if (!err && token) {
        err = config_set_token(config, token, fault);
        config->token_from_environment = true;
    }
    if (!err) {
        err = take_file(config, fault);
    }
    if (!config->api[0]) {
        memcpy(config->api, default_api, sizeof default_api);
    }
    return err;
}

/* Makes every missing folder of the path, which ends in a slash. */
static int make_folders(char *path)
{
    for (char *at = path + 1; *at; at++) {
        if (*at == '/') {
            *at = '\0';
            int err = mkdir(path, 0700);
            *at = '/';
            if (err < 0 && errno != EEXIST) {
                return -1;
            }
        }
    }
    return 0;
}

int config_path(const struct config *config, const char *ending,
                char out_path[static CONFIG_PATH_MAX], struct fault *fault)
{
    int err = folder_of(out_path, CONFIG_PATH_MAX, fault);
    if (!err && make_folders(out_path) < 0) {
        return fault_set(fault, CLI_FAILED, "IO", "%s cannot be made: %s", out_path,
                         strerror(errno));
    }
    return err ? err : file_of(config, ending, out_path, CONFIG_PATH_MAX, fault);
}

int config_save(const struct config *config, struct fault *fault)
{
    char path[CONFIG_PATH_MAX];
    int err = config_path(config, ".json", path, fault);
    if (err) {
        return err;
    }
    json_t *json = json_pack("{s:s}", "api", config->api);
    if (json && config->token[0]) {
        (void)json_object_set_new(json, "token", json_string(config->token));
    }
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    if (!text) {
        return fault_set(fault, CLI_FAILED, "NO_MEMORY", "out of memory");
    }
    if (cyan_files_replace(path, text, strlen(text), CYAN_FILES_SECRET) < 0) {
        err = fault_set(fault, CLI_FAILED, "IO", "%s cannot be written: %s", path, strerror(errno));
    }
    cyan_wipe(text, strlen(text));
    free(text);
    return err;
}

void config_done(struct config *config)
{
    cyan_wipe(config->token, sizeof config->token);
}
