#include <string.h>

#include "cli/commands.h"
#include "cli/custody.h"
#include "cli/policy.h"

enum { MINUTES = 10, MINUTES_MAX = 7 * 24 * 60, IDS_MAX = 32 };

static const struct args_option options[] = {
    {"for", "MINUTES", "how long it stays open, instead of 10"},
    {"close", NULL, "ends it now"},
    {"device", "DEVICE", "with --close: the window of one device"},
    {NULL, NULL, NULL},
};

static int show(struct cli *cli, json_t *policy)
{
    if (policy_is_window(policy)) {
        output_say(&cli->output, "a window is open until %s, for",
                   custody_text_or(policy, "until", "?"));
        size_t index = 0;
        json_t *id = NULL;
        json_array_foreach(json_object_get(policy, "ids"), index, id)
        {
            output_say(&cli->output, "  %s", json_string_value(id) ? json_string_value(id) : "?");
        }
        output_note(&cli->output, "while it is open, whoever says first that he is one of these "
                                  "ids is trusted, once each");
    } else {
        output_say(&cli->output, "no window is open; the policy is %s",
                   custody_text_or(policy, "policy", "?"));
    }
    return output_data(&cli->output, policy, &cli->fault);
}

/* Without a window a DELETE would remove the policy. */
static int close_window(struct cli *cli)
{
    const char *device = args_value(&cli->args, "device");
    json_t *policy = NULL;
    int err = policy_get(cli, device, &policy);
    if (!err && policy_is_own_window(policy, device)) {
        json_decref(policy);
        policy = NULL;
        err = policy_delete(cli, device, &policy);
    }
    return err ? err : show(cli, policy);
}

static int take_ids(struct cli *cli, json_t *ids)
{
    char id[CYAN_ID_TEXT];
    for (size_t i = 0; i < cli->args.word_count; i++) {
        if (custody_read_id(cli->args.words[i], id) < 0) {
            return cli_usage(cli, &command_keys_window, "a device id has 24 hexadecimal digits");
        }
        (void)json_array_append_new(ids, json_string(id));
    }
    return 0;
}

static int open_window(struct cli *cli)
{
    const char *typed = args_value(&cli->args, "for");
    unsigned long minutes = MINUTES;
    json_t *ids = json_array(), *policy = NULL;
    int err = take_ids(cli, ids);
    if (!err && typed && args_number(typed, 1, MINUTES_MAX, &minutes) < 0) {
        err = cli_usage(cli, &command_keys_window, "--for is a number of minutes, 10080 at most");
    }
    if (err) {
        json_decref(ids);
        return err;
    }
    err = policy_put(cli, NULL,
                     json_pack("{s:s, s:I, s:o}", "policy", "enroll", "for",
                               (json_int_t)minutes * 60, "ids", ids),
                     &policy);
    return err ? err : show(cli, policy);
}

static int run(struct cli *cli)
{
    bool close = args_has(&cli->args, "close"), any = cli->args.word_count > 0;
    json_t *policy = NULL;
    if ((close && (any || args_has(&cli->args, "for"))) || (!any && args_has(&cli->args, "for")) ||
        (!close && args_has(&cli->args, "device"))) {
        return cli_usage(cli, &command_keys_window, "either ids, or --close, or nothing");
    }
    if (any) {
        return open_window(cli);
    }
    if (close) {
        return close_window(cli);
    }
    int err = policy_get(cli, NULL, &policy);
    return err ? err : show(cli, policy);
}

const struct command command_keys_window = {
    .name = "keys window",
    .usage = "[ID... [--for MINUTES] | --close]",
    .does = "Trusts the first key of each of these ids, for a while",
    .detail =
        "For a bench or a factory: in this time whoever says first that he is one of the ids\n"
        "is trusted. Each id is served once, and never one whose trusted key was seen since.\n"
        "Without words it shows whether a window is open.",
    .example = "cyan keys window 0123456789abcdef01234567 --for 5",
    .options = options,
    .most_words = IDS_MAX,
    .run = run,
};
