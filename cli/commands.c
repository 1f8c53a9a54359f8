#include "cli/commands.h"

#include <stdio.h>
#include <string.h>

#include "cli/suggest.h"

const struct args_option commands_global[] = {
    {"json", NULL, "one JSON document on stdout"},
    {"api", "URL", "the cloud's address"},
    {"profile", "NAME", "another profile than \"default\""},
    {"help", NULL, "what the command does"},
    {"version", NULL, "the version"},
    {NULL, NULL, NULL},
};

const struct command *const commands_all[] = {
    &command_login,         &command_logout,        &command_whoami,
    &command_list,          &command_claim,         &command_remove,
    &command_device_add,    &command_device_remove, &command_get,
    &command_call,          &command_publish,       &command_subscribe,
    &command_why,           &command_incidents,     &command_keys_list,
    &command_keys_approve,  &command_keys_deny,     &command_keys_revoke,
    &command_keys_unrevoke, &command_keys_revert,   &command_keys_policy,
    &command_keys_window,   &command_keys_check,    &command_keys_rotation,
    &command_keys_new,      &command_keys_send,     &command_keys_server,
    &command_keys_address,  &command_audit_verify,  NULL,
};

enum { COMMANDS_MAX = 48 };

/* The first words of the names that have two. */
static const char *const groups[] = {"keys", "device", "audit"};

/* The first word of a name has this many letters. */
static size_t first_len(const struct command *command)
{
    return strcspn(command->name, " ");
}

static bool begins_with(const struct command *command, const char *word)
{
    size_t len = first_len(command);
    return strlen(word) == len && memcmp(command->name, word, len) == 0;
}

bool commands_is_group(const char *word)
{
    for (size_t i = 0; commands_all[i]; i++) {
        if (begins_with(commands_all[i], word) && strchr(commands_all[i]->name, ' ')) {
            return true;
        }
    }
    return false;
}

/* Names for which only the word behind the group, or NULL, is still to be chosen. */
static size_t candidates_of(const char *group, const char **out_names)
{
    size_t count = 0;
    for (size_t i = 0; commands_all[i]; i++) {
        const char *space = strchr(commands_all[i]->name, ' ');
        if (!group && !space) {
            out_names[count++] = commands_all[i]->name;
        } else if (group && space && begins_with(commands_all[i], group)) {
            out_names[count++] = space + 1;
        }
    }
    return count;
}

static void unknown(const char *group, const char *word, struct fault *fault)
{
    const char *names[COMMANDS_MAX];
    size_t count = candidates_of(group, names);
    const char *prefix = group ? group : "";
    const char *blank = group ? " " : "";
    if (!group) {
        for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
            names[count++] = groups[i];
        }
    }
    (void)fault_set(fault, CLI_USAGE, "USAGE", "there is no command \"%s%s%s\"", prefix, blank,
                    word);
    const char *nearest = suggest_nearest(word, names, count);
    if (nearest) {
        fault_try(fault, "cyan %s%s%s", prefix, blank, nearest);
    } else {
        fault_try(fault, "cyan help%s%s", blank, prefix);
    }
}

const struct command *commands_find(const char *const *words, size_t count, size_t *out_used,
                                    struct fault *fault)
{
    if (count == 0) {
        (void)fault_set(fault, CLI_USAGE, "USAGE", "a command is missing");
        fault_try(fault, "cyan help");
        return NULL;
    }
    bool group = commands_is_group(words[0]);
    if (group && count == 1) {
        (void)fault_set(fault, CLI_USAGE, "USAGE", "what about %s?", words[0]);
        fault_try(fault, "cyan help %s", words[0]);
        return NULL;
    }
    for (size_t i = 0; commands_all[i]; i++) {
        const struct command *command = commands_all[i];
        const char *second = command->name + first_len(command);
        if (begins_with(command, words[0]) && (!*second || strcmp(second + 1, words[1]) == 0)) {
            *out_used = *second ? 2 : 1;
            return command;
        }
    }
    unknown(group ? words[0] : NULL, group ? words[1] : words[0], fault);
    return NULL;
}
