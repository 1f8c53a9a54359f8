#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/prompt.h"

enum { FORM_MAX = 2048 };

static const struct args_option options[] = {
    {"user", "NAME", "the account's name"},
    {"password-file", "FILE", "its password is the first line of FILE; - is stdin"},
    {"token", "TOKEN", "use this token instead of a password"},
    {NULL, NULL, NULL},
};

/* The account that the token belongs to. */
static int ask_user(struct cli *cli, json_t **out_user)
{
    struct api_path path;
    json_t *answer = NULL;
    api_path_init(&path, "/v1/user");
    int err = api_get(cli, &path, &answer);
    if (err) {
        return err;
    }
    json_t *user = json_object_get(answer, "username");
    *out_user = user ? json_incref(user) : json_null();
    json_decref(answer);
    return 0;
}

static int take_token(struct cli *cli, const char *answer, size_t len)
{
    json_t *json = json_loadb(answer, len, 0, NULL);
    const char *token = json_string_value(json_object_get(json, "access_token"));
    int err = 0;
    if (!token || config_set_token(&cli->config, token, &cli->fault)) {
        err = fault_set(&cli->fault, CLI_FAILED, "BAD_ANSWER", "%s gave no token", cli->config.api);
        fault_try(&cli->fault, "is it a Cyan cloud? --api URL");
    }
    json_decref(json);
    return err;
}

/* The password grant, as one of the well-known clients. */
static int trade_password(struct cli *cli, const char *user, const char *password)
{
    char form[FORM_MAX] =
        "grant_type=password&client_id=particle-cli&client_secret=particle-cli&username=";
    static const char between[] = "&password=";
    struct api_path path;
    char *answer = NULL;
    size_t answer_len = 0;
    size_t len = api_encode(form, sizeof form, strlen(form), user);
    if (len + sizeof between <= sizeof form) {
        memcpy(form + len, between, sizeof between);
        len = api_encode(form, sizeof form, len + strlen(between), password);
    }
    if (len >= sizeof form) {
        cyan_wipe(form, sizeof form);
        return cli_usage(cli, &command_login, "the name is too long");
    }
    api_path_init(&path, "/oauth/token");
    int err = api_open(cli, &path, form, &answer, &answer_len);
    cyan_wipe(form, sizeof form);
    if (err && strcmp(cli->fault.code, "INVALID_GRANT") == 0) {
        fault_try(&cli->fault, "check the name and the password of the account");
        return CLI_NOT_LOGGED_IN;
    }
    if (err) {
        return err;
    }
    err = take_token(cli, answer, answer_len);
    cyan_wipe(answer, answer_len);
    free(answer);
    return err;
}

static int ask_name(struct cli *cli, char name[static PROMPT_MAX])
{
    const char *given = args_value(&cli->args, "user");
    if (given && strlen(given) >= PROMPT_MAX) {
        return cli_usage(cli, &command_login, "the name is too long");
    }
    if (given) {
        memcpy(name, given, strlen(given) + 1);
        return 0;
    }
    if (!cli->interactive) {
        return cli_usage(cli, &command_login, "without a terminal --user is needed, or --token");
    }
    return prompt_ask("user", true, name, &cli->fault);
}

static int ask_password(struct cli *cli, char password[static PROMPT_MAX])
{
    const char *file = args_value(&cli->args, "password-file");
    if (file) {
        return prompt_read_file(file, password, &cli->fault);
    }
    if (!cli->interactive) {
        return cli_usage(cli, &command_login, "without a terminal --password-file is needed");
    }
    return prompt_ask("password", false, password, &cli->fault);
}

static int log_in_by_password(struct cli *cli)
{
    char name[PROMPT_MAX], password[PROMPT_MAX];
    int err = ask_name(cli, name);
    if (!err) {
        err = ask_password(cli, password);
    }
    if (err) {
        return err;
    }
    err = trade_password(cli, name, password);
    cyan_wipe(password, sizeof password);
    return err;
}

/* A damaged profile is what a login repairs: the rest of the configuration is there. */
static int configure(struct cli *cli)
{
    int err = cli_configure(cli);
    if (err && strcmp(cli->fault.code, "CONFIG_DAMAGED") == 0) {
        cli->configured = true;
        err = 0;
    }
    return err;
}

static int store(struct cli *cli, json_t *user)
{
    int err = config_save(&cli->config, &cli->fault);
    if (err) {
        return err;
    }
    const char *name = json_string_value(user);
    output_say(&cli->output, "logged in at %s as %s", cli->config.api, name ? name : "somebody");
    if (cli->config.token_from_environment) {
        output_note(&cli->output, "CYAN_TOKEN is set and goes before this login");
    }
    return output_data(&cli->output,
                       json_pack("{s:O, s:s, s:s}", "user", user, "api", cli->config.api, "token",
                                 cli->config.token),
                       &cli->fault);
}

static int run(struct cli *cli)
{
    const char *token = args_value(&cli->args, "token");
    if (token && (args_has(&cli->args, "user") || args_has(&cli->args, "password-file"))) {
        return cli_usage(cli, &command_login, "either --token or a user, not both");
    }
    int err = configure(cli);
    if (!err) {
        err = token ? config_set_token(&cli->config, token, &cli->fault) : log_in_by_password(cli);
    }
    json_t *user = NULL;
    if (!err) {
        err = ask_user(cli, &user);
    }
    if (!err) {
        err = store(cli, user);
    }
    json_decref(user);
    return err;
}

const struct command command_login = {
    .name = "login",
    .usage = "[--user NAME --password-file FILE | --token TOKEN] [--api URL]",
    .does = "Gets a token from a cloud and keeps it in the profile",
    .detail = "Asks for what is missing, at a terminal only.",
    .example = "cyan login --user me@example.org --password-file - --api http://127.0.0.1:8080",
    .options = options,
    .run = run,
};
