#include <string.h>

#include "cli/commands.h"
#include "cli/custody.h"
#include "cli/policy.h"

static const char *const conditions[] = {"absent", "firmware", "module", "address"};
enum { CONDITIONS = sizeof conditions / sizeof conditions[0] };

static const struct args_option options[] = {
    {"network", "CIDR...", "heal: also devices of this network count as familiar"},
    {"without", "CONDITION...", "heal: absent, firmware, module or address need not hold"},
    {NULL, NULL, NULL},
};

/* What each means, in a line. */
static const struct {
    const char *policy, *words;
} meanings[] = {
    {"strict", "only trusted and announced keys; every other one is refused"},
    {"quarantine", "a new key is held until you approve it"},
    {"heal", "a new key of a familiar device is trusted by itself, any other is held"},
    {"enroll", "a window is open: the first new key of its ids is trusted"},
};

static const char *meaning_of(const char *policy)
{
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++) {
        if (strcmp(meanings[i].policy, policy) == 0) {
            return meanings[i].words;
        }
    }
    return NULL;
}

static void say_strings(struct cli *cli, const char *label, const json_t *list)
{
    size_t index = 0;
    json_t *item = NULL;
    json_array_foreach(list, index, item)
    {
        output_say(&cli->output, "%s: %s", label,
                   json_string_value(item) ? json_string_value(item) : "?");
    }
}

static void say_heal(struct cli *cli, const json_t *policy)
{
    const json_t *familiar = json_object_get(policy, "familiar");
    for (size_t i = 0; i < CONDITIONS; i++) {
        if (json_is_false(json_object_get(familiar, conditions[i]))) {
            output_say(&cli->output, "need not hold: %s", conditions[i]);
        }
    }
    say_strings(cli, "network", json_object_get(policy, "networks"));
    output_note(&cli->output, "anyone on the device's network who knows its id can be healed in "
                              "its place");
}

static int show(struct cli *cli, json_t *policy)
{
    const char *value = custody_text(policy, "policy");
    const char *words = meaning_of(value);
    const char *until = custody_text(policy, "until"), *base = custody_text(policy, "base");
    output_say(&cli->output, "policy: %s (%s)%s%s", value, custody_policy_from(policy),
               until ? ", until " : "", until ? until : "");
    if (words) {
        output_say(&cli->output, "  %s", words);
    }
    if (policy_is_window(policy)) {
        say_strings(cli, "id", json_object_get(policy, "ids"));
        output_say(&cli->output, "afterwards: %s", base ? base : "quarantine");
    }
    if (strcmp(value, "heal") == 0) {
        say_heal(cli, policy);
    }
    return output_data(&cli->output, policy, &cli->fault);
}

static bool is_policy(const char *word)
{
    return meaning_of(word) || strcmp(word, "default") == 0;
}

/* NULL for --without of an unknown word. */
static json_t *make_familiar(struct cli *cli)
{
    json_t *familiar = json_object();
    for (size_t i = 0; familiar && i < CONDITIONS; i++) {
        (void)json_object_set_new(familiar, conditions[i], json_true());
    }
    const char *word = NULL;
    for (size_t i = 0; (word = args_each(&cli->args, "without", i)) != NULL; i++) {
        if (!json_object_get(familiar, word)) {
            json_decref(familiar);
            return NULL;
        }
        (void)json_object_set_new(familiar, word, json_false());
    }
    return familiar;
}

static int make_body(struct cli *cli, const char *policy, json_t **out_body)
{
    json_t *body = json_pack("{s:s}", "policy", policy);
    const char *network = NULL;
    if (args_has(&cli->args, "network")) {
        json_t *networks = json_array();
        for (size_t i = 0; (network = args_each(&cli->args, "network", i)) != NULL; i++) {
            (void)json_array_append_new(networks, json_string(network));
        }
        (void)json_object_set_new(body, "networks", networks);
    }
    if (args_has(&cli->args, "without")) {
        json_t *familiar = make_familiar(cli);
        if (!familiar) {
            json_decref(body);
            return cli_usage(cli, &command_keys_policy,
                             "--without is absent, firmware, module or address");
        }
        (void)json_object_set_new(body, "familiar", familiar);
    }
    *out_body = body;
    return 0;
}

/* A DELETE would close an open window and leave the policy; that must not pass for the default. */
static int back_to_default(struct cli *cli, const char *device, json_t **out_policy)
{
    json_t *now = NULL;
    int err = policy_get(cli, device, &now);
    if (err) {
        return err;
    }
    bool window = policy_is_own_window(now, device);
    json_decref(now);
    if (window) {
        (void)fault_set(&cli->fault, CLI_REFUSED, "WINDOW_OPEN",
                        "a window is open; close it first");
        fault_try(&cli->fault, "cyan keys window --close%s%s", device ? " --device " : "",
                  device ? device : "");
        return CLI_REFUSED;
    }
    return policy_delete(cli, device, out_policy);
}

static int set(struct cli *cli, const char *device, const char *word)
{
    json_t *body = NULL, *policy = NULL;
    bool heal = strcmp(word, "heal") == 0;
    if (strcmp(word, "enroll") == 0) {
        (void)cli_usage(cli, &command_keys_policy, "to enroll devices, open a window");
        fault_try(&cli->fault, "cyan keys window ID");
        return CLI_USAGE;
    }
    if (!heal && (args_has(&cli->args, "network") || args_has(&cli->args, "without"))) {
        return cli_usage(cli, &command_keys_policy, "--network and --without go with heal");
    }
    int err = 0;
    if (strcmp(word, "default") == 0) {
        err = back_to_default(cli, device, &policy);
    } else {
        err = make_body(cli, word, &body);
        err = err ? err : policy_put(cli, device, body, &policy);
    }
    return err ? err : show(cli, policy);
}

static int run(struct cli *cli)
{
    const char *first = args_word(&cli->args, 0), *second = args_word(&cli->args, 1);
    json_t *policy = NULL;
    const char *device = first && (second || !is_policy(first)) ? first : NULL;
    const char *word = device ? second : first;
    if ((device && !*device) || (word && !is_policy(word))) {
        return cli_usage(cli, &command_keys_policy,
                         "a policy is strict, quarantine, heal or default");
    }
    if (word) {
        return set(cli, device, word);
    }
    if (args_has(&cli->args, "network") || args_has(&cli->args, "without")) {
        return cli_usage(cli, &command_keys_policy, "--network and --without go with heal");
    }
    int err = policy_get(cli, device, &policy);
    return err ? err : show(cli, policy);
}

const struct command command_keys_policy = {
    .name = "keys policy",
    .usage = "[DEVICE] [strict | quarantine | heal | default]",
    .does = "Shows or sets what happens to a new key",
    .detail =
        "Without DEVICE it is the account's, which holds for every device without its own. A\n"
        "word that names a policy is never taken for a device: use such a device's id.\n"
        "strict: refused. quarantine: held until you approve it. heal: trusted by itself when\n"
        "the device is familiar: absent for 10 minutes, with the firmware and module as recorded,\n"
        "at its last address or in a network of the policy. Anyone on the device's network who\n"
        "knows its id can be healed in its place. default: takes the policy back.",
    .example = "cyan keys policy kitchen heal --network 192.168.1.0/24",
    .options = options,
    .most_words = 2,
    .run = run,
};
