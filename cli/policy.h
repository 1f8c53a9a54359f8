/* policy.h - the key policy of the account, or of one device, at the cloud. */
#ifndef CYAN_CLI_POLICY_H
#define CYAN_CLI_POLICY_H

#include <jansson.h>
#include <stdbool.h>

#include "cli/cli.h"

/* Each is about the account when device is NULL. out_policy is the policy as it is now; release
 * it. */
int policy_get(struct cli *cli, const char *device, json_t **out_policy) CYAN_MUST_CHECK;
/* Takes over body. */
int policy_put(struct cli *cli, const char *device, json_t *body,
               json_t **out_policy) CYAN_MUST_CHECK;
/* Closes an open window of this level; when there is none, removes the policy of this level. */
int policy_delete(struct cli *cli, const char *device, json_t **out_policy) CYAN_MUST_CHECK;

/* Whether a window is open, of whatever level. */
bool policy_is_window(const json_t *policy);

/* Whether it is one of this level: a device lies under its account's window too. */
bool policy_is_own_window(const json_t *policy, const char *device);

#endif
