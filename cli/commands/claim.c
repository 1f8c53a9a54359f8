#include "cli/api.h"
#include "cli/commands.h"
#include "cli/confirm.h"
#include "cli/custody.h"

#include <stdio.h>

static int claim(struct cli *cli, const struct command *command)
{
    char id[CYAN_ID_TEXT];
    struct api_path path;
    json_t *answer = NULL;
    if (custody_read_id(args_word(&cli->args, 0), id) < 0) {
        return cli_usage(cli, command, "a device id has 24 hexadecimal digits");
    }
    api_path_init(&path, "/v1/devices");
    int err = api_post(cli, &path, json_pack("{s:s}", "id", id), &answer);
    if (err == CLI_NOT_FOUND) {
        fault_try(&cli->fault,
                  "cyan keys send %s FILE: the key of a device of yours makes it known", id);
    }
    if (err) {
        return err;
    }
    output_say(&cli->output, "%s is yours; it is %s", id,
               json_is_true(json_object_get(answer, "connected")) ? "online" : "offline");
    return output_data(&cli->output, answer, &cli->fault);
}

static int let_go(struct cli *cli, const struct command *command)
{
    const char *device = args_word(&cli->args, 0);
    struct api_path path;
    char question[160];
    json_t *answer = NULL;
    if (!*device) {
        return cli_usage(cli, command, "an empty name names nothing");
    }
    (void)snprintf(
        question, sizeof question,
        "%.80s will belong to nobody; whoever knows its id can claim it. Remove it? [y/N]", device);
    int err = api_need_token(cli);
    if (!err) {
        err = confirm(cli, question);
    }
    api_path_init(&path, "/v1/devices");
    api_path_add(&path, device);
    if (!err) {
        err = api_delete(cli, &path, &answer);
    }
    if (err) {
        return err;
    }
    output_say(&cli->output, "%s is not yours any more; its key is still known", device);
    return output_data(&cli->output, answer, &cli->fault);
}

static int run_claim(struct cli *cli)
{
    return claim(cli, &command_claim);
}

static int run_device_add(struct cli *cli)
{
    return claim(cli, &command_device_add);
}

static int run_remove(struct cli *cli)
{
    return let_go(cli, &command_remove);
}

static int run_device_remove(struct cli *cli)
{
    return let_go(cli, &command_device_remove);
}

static const struct args_option remove_options[] = {
    {"yes", NULL, "asks nothing"},
    {NULL, NULL, NULL},
};

const struct command command_claim = {
    .name = "claim",
    .usage = "ID",
    .does = "Makes a known device that belongs to nobody yours",
    .detail = "The cloud knows a device once it was connected, or once its key was sent.",
    .example = "cyan claim 0123456789abcdef01234567",
    .least_words = 1,
    .most_words = 1,
    .run = run_claim,
};

const struct command command_device_add = {
    .name = "device add",
    .usage = "ID",
    .does = "The same as claim",
    .example = "cyan device add 0123456789abcdef01234567",
    .least_words = 1,
    .most_words = 1,
    .run = run_device_add,
};

const struct command command_remove = {
    .name = "remove",
    .usage = "DEVICE [--yes]",
    .does = "Gives a device up",
    .detail = "Its sessions and its key stay as they are; it belongs to nobody then. Without a\n"
              "terminal --yes is needed.",
    .example = "cyan remove kitchen --yes",
    .options = remove_options,
    .least_words = 1,
    .most_words = 1,
    .run = run_remove,
};

const struct command command_device_remove = {
    .name = "device remove",
    .usage = "DEVICE [--yes]",
    .does = "The same as remove",
    .example = "cyan device remove kitchen --yes",
    .options = remove_options,
    .least_words = 1,
    .most_words = 1,
    .run = run_device_remove,
};
