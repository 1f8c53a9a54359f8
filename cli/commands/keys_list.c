#include "cli/commands.h"
#include "cli/custody.h"
#include "cli/table.h"
#include "cli/when.h"

enum { COLUMNS = 6 };

static void say_policy(struct cli *cli, const json_t *policy)
{
    const char *until = custody_text(policy, "until");
    output_say(&cli->output, "policy: %s (%s)%s%s", custody_text_or(policy, "value", "?"),
               custody_policy_from(policy), until ? ", until " : "", until ? until : "");
}

static int print_keys(struct cli *cli, const json_t *keys)
{
    static const char *const heading[COLUMNS] = {"KEY",     "STATE",     "SOURCE",
                                                 "SESSION", "LAST SEEN", "LAST IP"};
    struct table table;
    size_t index = 0;
    json_t *key = NULL;
    table_init(&table, COLUMNS);
    int failed = table_add(&table, heading);
    json_array_foreach(keys, index, key)
    {
        char age[WHEN_TEXT], brief[CYAN_FINGERPRINT_SHORT];
        const char *const row[COLUMNS] = {
            custody_brief(custody_text(key, "fingerprint"), brief),
            custody_text(key, "state"),
            custody_text_or(key, "source", "-"),
            custody_text(key, "session"),
            when_brief(custody_text(key, "last_seen"), age),
            custody_text(key, "last_ip"),
        };
        failed |= table_add(&table, row);
    }
    table_print(&table, cli->output.out);
    table_done(&table);
    return failed ? fault_set(&cli->fault, CLI_FAILED, "NO_MEMORY", "out of memory") : 0;
}

/* Lines of 79 characters at most, from which a fingerprint can be copied. */
static void say_fingerprints(struct cli *cli, const json_t *keys)
{
    size_t index = 0;
    json_t *key = NULL;
    output_say(&cli->output, "whole fingerprints, as approve, deny, revoke and revert want them:");
    json_array_foreach(keys, index, key)
    {
        output_say(&cli->output, "  %s  %s", custody_text_or(key, "fingerprint", "?"),
                   custody_text_or(key, "state", "?"));
    }
}

static int run(struct cli *cli)
{
    const char *device = args_word(&cli->args, 0);
    json_t *list = NULL;
    if (!*device) {
        return cli_usage(cli, &command_keys_list, "an empty name names nothing");
    }
    int err = custody_list(cli, device, &list);
    if (err || cli->output.json) {
        return err ? err : output_data(&cli->output, list, &cli->fault);
    }
    const json_t *keys = json_object_get(list, "keys");
    if (json_is_true(json_object_get(list, "contested"))) {
        output_say(&cli->output, "CONTESTED: several keys wait for this one device id, and at most "
                                 "one is your device.");
        output_say(&cli->output, "Approve the one that makes the device before you blink: --blink");
    }
    say_policy(cli, json_object_get(list, "policy"));
    if (json_array_size(keys) == 0) {
        output_say(&cli->output, "no keys yet: cyan keys send ID FILE");
    } else {
        err = print_keys(cli, keys);
        say_fingerprints(cli, keys);
    }
    json_decref(list);
    return err;
}

const struct command command_keys_list = {
    .name = "keys list",
    .usage = "DEVICE",
    .does = "Shows the keys of a device and what may speak for it",
    .detail =
        "States: trusted, announced (uploaded, not proven), pending (proven, waits for you),\n"
        "denied, retired (was trusted), revoked. DEVICE is an id or a name.",
    .example = "cyan keys list kitchen",
    .least_words = 1,
    .most_words = 1,
    .run = run,
};
