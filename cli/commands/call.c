#include <string.h>

#include "cli/api.h"
#include "cli/commands.h"

static int run(struct cli *cli)
{
    const char *device = args_word(&cli->args, 0);
    const char *function = args_word(&cli->args, 1);
    const char *argument = args_word(&cli->args, 2);
    struct api_path path;
    json_t *answer = NULL;
    if (!*device || !*function) {
        return cli_usage(cli, &command_call, "an empty name names nothing");
    }
    api_path_init(&path, "/v1/devices");
    api_path_add(&path, device);
    api_path_add(&path, function);
    int err = api_post(cli, &path, json_pack("{s:s}", "arg", argument ? argument : ""), &answer);
    if (err) {
        return strcmp(cli->fault.code, "DEVICE_HELD") == 0 ? api_held(cli, device) : err;
    }
    const json_t *value = json_object_get(answer, "return_value");
    if (!value) {
        json_decref(answer);
        return fault_set(&cli->fault, CLI_FAILED, "BAD_ANSWER", "%s gave no result",
                         cli->config.api);
    }
    if (cli->output.json) {
        return output_data(&cli->output, answer, &cli->fault);
    }
    err = output_value(&cli->output, value, &cli->fault);
    json_decref(answer);
    return err;
}

const struct command command_call = {
    .name = "call",
    .usage = "DEVICE FUNCTION [ARGUMENT]",
    .does = "Calls a function of a device and prints its result",
    .detail = "DEVICE is an id or a name. The exit code says whether the call was answered, not\n"
              "what the result is.",
    .example = "cyan call kitchen led on",
    .least_words = 2,
    .most_words = 3,
    .run = run,
};
