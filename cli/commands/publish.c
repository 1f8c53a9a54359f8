#include "cli/api.h"
#include "cli/commands.h"
#include "wire/limits.h"

static const struct args_option options[] = {
    {"private", NULL, "only your own devices and streams get it; the default"},
    {"public", NULL, "everybody gets it"},
    {"ttl", "SECONDS", "how long it is of interest; 60 by default"},
    {NULL, NULL, NULL},
};

static int run(struct cli *cli)
{
    const char *name = args_word(&cli->args, 0);
    const char *data = args_word(&cli->args, 1);
    const char *ttl_text = args_value(&cli->args, "ttl");
    bool public = args_has(&cli->args, "public");
    unsigned long ttl = CYAN_EVENT_TTL_DEFAULT;
    struct api_path path;
    json_t *answer = NULL;
    if (!*name) {
        return cli_usage(cli, &command_publish, "an event needs a name");
    }
    if (public && args_has(&cli->args, "private")) {
        return cli_usage(cli, &command_publish, "either --private or --public");
    }
    if (ttl_text && args_number(ttl_text, 1, CYAN_EVENT_TTL_MAX, &ttl) < 0) {
        return cli_usage(cli, &command_publish, "--ttl is a number of seconds from 1 to 16777215");
    }
    json_t *event = json_pack("{s:s, s:s*, s:b, s:i}", "name", name, "data", data, "private",
                              !public, "ttl", (int)ttl);
    json_incref(event);
    api_path_init(&path, "/v1/devices/events");
    int err = api_post(cli, &path, event, &answer);
    json_decref(answer);
    if (err) {
        json_decref(event);
        return err;
    }
    output_say(&cli->output, "published %s", name);
    return output_data(&cli->output, event, &cli->fault);
}

const struct command command_publish = {
    .name = "publish",
    .usage = "NAME [DATA] [--private | --public] [--ttl SECONDS]",
    .does = "Publishes an event to devices and streams",
    .example = "cyan publish photon/hello \"good morning\"",
    .options = options,
    .least_words = 1,
    .most_words = 2,
    .run = run,
};
