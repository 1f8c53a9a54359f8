/* commands.h - every command of `cyan`, in the order in which the help shows them. */
#ifndef CYAN_CLI_COMMANDS_H
#define CYAN_CLI_COMMANDS_H

#include "cli/cli.h"

extern const struct command command_login, command_logout, command_whoami;
extern const struct command command_list, command_get, command_call;
extern const struct command command_publish, command_subscribe;
extern const struct command command_keys_new, command_keys_send;
extern const struct command command_keys_server, command_keys_address;
extern const struct command command_keys_list, command_keys_approve;
extern const struct command command_keys_deny, command_keys_revoke;
extern const struct command command_keys_revert, command_keys_unrevoke;
extern const struct command command_keys_policy, command_keys_window;
extern const struct command command_keys_check, command_keys_rotation;
extern const struct command command_why;
extern const struct command command_incidents, command_audit_verify;
extern const struct command command_claim, command_remove;
extern const struct command command_device_add, command_device_remove;

extern const struct args_option commands_global[];

/* Ends with a NULL. */
extern const struct command *const commands_all[];

/* The command that these words begin with, and how many of them are its name. NULL with a fault of
 * CLI_USAGE that names the nearest one. */
const struct command *commands_find(const char *const *words, size_t count, size_t *out_used,
                                    struct fault *fault);

/* Whether some command's name begins with this word and a blank. */
bool commands_is_group(const char *word);

#endif
