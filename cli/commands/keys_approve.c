#include <stdio.h>
#include <string.h>

#include "cli/api.h"
#include "cli/commands.h"
#include "cli/confirm.h"
#include "cli/custody.h"

static const struct args_option options[] = {
    {"blink", NULL, "the device before you lights up; say yes when it does"},
    {"remote", NULL, "without seeing the device: you vouch for the key"},
    {"yes", NULL, "asks nothing"},
    {NULL, NULL, NULL},
};

/* The LED signal of the session that is held with this key, and of no other. */
static int signal_key(struct cli *cli, const char *device, const char *full, int on)
{
    struct api_path path;
    json_t *answer = NULL;
    api_path_init(&path, "/v1/devices");
    api_path_add(&path, device);
    int err = api_put(cli, &path, json_pack("{s:i, s:s}", "signal", on, "key", full), &answer);
    json_decref(answer);
    return err;
}

/* The light goes out again whatever the person says. */
static int prove_by_blinking(struct cli *cli, const char *device, const char *full)
{
    struct fault kept;
    int err = signal_key(cli, device, full, 1);
    if (err) {
        if (!cli->fault.remedy[0]) {
            fault_try(&cli->fault, "cyan keys list %s: only a held session can blink", device);
        }
        return err;
    }
    if (!args_has(&cli->args, "yes")) {
        output_note(&cli->output, "the device that holds this key shows all colours of the rainbow "
                                  "now; every other one does not");
    }
    err = confirm(cli, "does the device in front of you blink in rainbow colours? [y/N]");
    kept = cli->fault;
    if (signal_key(cli, device, full, 0) != 0) {
        output_note(&cli->output, "its signal could not be ended: %s", cli->fault.message);
    }
    cli->fault = kept;
    if (err) {
        fault_try(&cli->fault, "cyan keys deny %s %s", device, full);
    }
    return err;
}

static int prove_by_word(struct cli *cli)
{
    output_note(&cli->output, "anybody on the network who knows the device's id can be behind this "
                              "key; nothing shows that it is your device");
    if (!cli->interactive) {
        return 0;
    }
    return confirm(cli, "approve it unseen? [y/N]");
}

/* Who says how, says that it is meant; nobody is asked without a terminal. */
static int check_proof(struct cli *cli)
{
    bool blink = args_has(&cli->args, "blink"), remote = args_has(&cli->args, "remote");
    if (blink && remote) {
        return cli_usage(cli, &command_keys_approve, "one of --blink and --remote");
    }
    if ((blink && (cli->interactive || args_has(&cli->args, "yes"))) || remote) {
        return 0;
    }
    (void)fault_set(&cli->fault, CLI_REFUSED, "NO_PROOF",
                    blink ? "without a terminal nobody can say that the device blinks"
                          : "an approval says how you know the device: --blink, or --remote");
    fault_try(&cli->fault, "cyan keys approve %s %s %s", args_word(&cli->args, 0),
              args_word(&cli->args, 1), blink ? "--blink --yes" : "--blink");
    return CLI_REFUSED;
}

static void say_when(struct cli *cli, const json_t *key)
{
    const char *effect = custody_text_or(key, "takes_effect", "");
    if (strcmp(effect, "now") == 0) {
        output_say(&cli->output, "it takes effect now: the device is online with it");
    } else if (strcmp(effect, "next-connect") == 0) {
        output_say(&cli->output,
                   "it takes effect at the device's next try, at most 128 s from now");
    }
}

static int run(struct cli *cli)
{
    const char *device = args_word(&cli->args, 0);
    bool blink = args_has(&cli->args, "blink");
    char full[CYAN_FINGERPRINT_TEXT], brief[CYAN_FINGERPRINT_SHORT];
    json_t *key = NULL;
    int err = custody_take_full(cli, "approve",
                                args_has(&cli->args, "remote") ? " --remote" : " --blink", full);
    if (!err) {
        err = check_proof(cli);
    }
    if (!err) {
        err = blink ? prove_by_blinking(cli, device, full) : prove_by_word(cli);
    }
    if (!err) {
        err = custody_act(cli, device, full, "approve",
                          json_pack("{s:s}", "via", blink ? "blink" : "remote"), &key);
    }
    if (err) {
        return err;
    }
    output_say(&cli->output, "%s: the key %s is %s", device, custody_brief(full, brief),
               custody_text(key, "state"));
    say_when(cli, key);
    return output_data(&cli->output, key, &cli->fault);
}

const struct command command_keys_approve = {
    .name = "keys approve",
    .usage = "DEVICE FINGERPRINT (--blink | --remote) [--yes]",
    .does = "Trusts a key of a device; the old one is retired",
    .detail =
        "FINGERPRINT has all 64 digits: cyan keys list DEVICE. With --blink the device that\n"
        "holds the key lights up, and you are asked whether it is the one before you. Without\n"
        "a terminal: --blink --yes, or --remote.",
    .example = "cyan keys approve kitchen "
               "9f4e10d253051a9740f83b8f7814026305ca9aa59f4e10d253051a9740f83b8f --blink",
    .options = options,
    .least_words = 2,
    .most_words = 2,
    .run = run,
};
