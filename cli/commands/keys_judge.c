/* Deny, revoke, revert, unrevoke: one word about one key. */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/confirm.h"
#include "cli/custody.h"

enum { REASON_MAX = 256 };

static const struct args_option revoke_options[] = {
    {"yes", NULL, "asks nothing"},
    {NULL, NULL, NULL},
};

static const struct args_option unrevoke_options[] = {
    {"reason", "TEXT", "why; it is kept in the audit"},
    {NULL, NULL, NULL},
};

/* What follows from it, in a line for people. */
static const char *consequence(const char *verb, const char *state)
{
    if (strcmp(verb, "deny") == 0) {
        return strcmp(state, "none") == 0 ? "it is forgotten"
                                          : "it is refused for 24 hours; it can still be approved";
    }
    if (strcmp(verb, "revoke") == 0) {
        return "a device with this key is refused from now on";
    }
    if (strcmp(verb, "revert") == 0) {
        return "the key that was trusted until now is retired";
    }
    return "it is not trusted by this: cyan keys revert, or approve, does that";
}

/* Takes over body. */
static int judge(struct cli *cli, const char *verb, const char *full, json_t *body)
{
    const char *device = args_word(&cli->args, 0);
    char brief[CYAN_FINGERPRINT_SHORT];
    json_t *key = NULL;
    int err = custody_act(cli, device, full, verb, body, &key);
    if (err) {
        return err;
    }
    const char *state = custody_text(key, "state");
    output_say(&cli->output, "%s: the key %s is %s", device, custody_brief(full, brief),
               strcmp(state, "none") == 0 ? "gone" : state);
    output_say(&cli->output, "%s", consequence(verb, state));
    return output_data(&cli->output, key, &cli->fault);
}

static int judge_plainly(struct cli *cli, const char *verb)
{
    char full[CYAN_FINGERPRINT_TEXT];
    int err = custody_take_full(cli, verb, "", full);
    return err ? err : judge(cli, verb, full, json_object());
}

static int deny(struct cli *cli)
{
    return judge_plainly(cli, "deny");
}

static int revert(struct cli *cli)
{
    return judge_plainly(cli, "revert");
}

static int revoke(struct cli *cli)
{
    char full[CYAN_FINGERPRINT_TEXT];
    int err = custody_take_full(cli, "revoke", "", full);
    if (!err) {
        err = confirm(cli, "the device with this key will be refused until you unrevoke it. Revoke "
                           "it? [y/N]");
    }
    return err ? err : judge(cli, "revoke", full, json_object());
}

static int unrevoke(struct cli *cli)
{
    char full[CYAN_FINGERPRINT_TEXT];
    const char *reason = args_value(&cli->args, "reason");
    if (!reason || !*reason || strlen(reason) > REASON_MAX) {
        return cli_usage(cli, &command_keys_unrevoke,
                         "--reason is needed: a sentence of at most 256 characters");
    }
    int err = custody_take_full(cli, "unrevoke", " --reason TEXT", full);
    return err ? err : judge(cli, "unrevoke", full, json_pack("{s:s}", "reason", reason));
}

#define EXAMPLE_KEY "9f4e10d253051a9740f83b8f7814026305ca9aa59f4e10d253051a9740f83b8f"

const struct command command_keys_deny = {
    .name = "keys deny",
    .usage = "DEVICE FINGERPRINT",
    .does = "Says no to a key that waits",
    .detail = "It is refused for 24 hours, and its held session ends.",
    .example = "cyan keys deny kitchen " EXAMPLE_KEY,
    .least_words = 2,
    .most_words = 2,
    .run = deny,
};

const struct command command_keys_revoke = {
    .name = "keys revoke",
    .usage = "DEVICE FINGERPRINT [--yes]",
    .does = "Refuses a key for good, say after it was stolen",
    .detail = "The device that has it is refused until you unrevoke the key, or give the device\n"
              "another one. Without a terminal --yes is needed.",
    .example = "cyan keys revoke kitchen " EXAMPLE_KEY,
    .options = revoke_options,
    .least_words = 2,
    .most_words = 2,
    .run = revoke,
};

const struct command command_keys_revert = {
    .name = "keys revert",
    .usage = "DEVICE FINGERPRINT",
    .does = "Trusts a retired key again; the present one is retired",
    .example = "cyan keys revert kitchen " EXAMPLE_KEY,
    .least_words = 2,
    .most_words = 2,
    .run = revert,
};

const struct command command_keys_unrevoke = {
    .name = "keys unrevoke",
    .usage = "DEVICE FINGERPRINT --reason TEXT",
    .does = "Takes a revocation back; the key is retired, not trusted",
    .example = "cyan keys unrevoke kitchen " EXAMPLE_KEY " --reason \"found it again\"",
    .options = unrevoke_options,
    .least_words = 2,
    .most_words = 2,
    .run = unrevoke,
};
