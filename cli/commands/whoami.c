#include "cli/api.h"
#include "cli/commands.h"

static int run(struct cli *cli)
{
    struct api_path path;
    json_t *answer = NULL;
    api_path_init(&path, "/v1/user");
    int err = api_get(cli, &path, &answer);
    if (err) {
        return err;
    }
    json_t *user = json_object_get(answer, "username");
    const char *name = json_string_value(user);
    if (!name) {
        json_decref(answer);
        return fault_set(&cli->fault, CLI_FAILED, "BAD_ANSWER", "%s does not say who you are",
                         cli->config.api);
    }
    output_say(&cli->output, "%s at %s", name, cli->config.api);
    err = output_data(&cli->output,
                      json_pack("{s:O, s:s, s:s}", "user", user, "api", cli->config.api, "profile",
                                cli->config.profile),
                      &cli->fault);
    json_decref(answer);
    return err;
}

const struct command command_whoami = {
    .name = "whoami",
    .usage = "",
    .does = "Says which account you are, and where",
    .example = "cyan whoami --json",
    .run = run,
};
