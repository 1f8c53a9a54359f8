/* custody.h - what the commands about a device's keys share: the routes of docs/SPEC-custody.md,
 * section 9, and the rule that a key is named by its whole fingerprint. */
#ifndef CYAN_CLI_CUSTODY_H
#define CYAN_CLI_CUSTODY_H

#include <jansson.h>
#include <stdbool.h>

#include "cli/cli.h"
#include "keys/fingerprint.h"
#include "wire/limits.h"

/* The string of a field; NULL when there is none. */
const char *custody_text(const json_t *object, const char *key);

/* The same, with a word in its place. */
const char *custody_text_or(const json_t *object, const char *key, const char *fallback);

/* "The cloud answered with something else": CLI_FAILED. */
int custody_bad_answer(struct cli *cli, const char *what);

/* The keys of a device, as the cloud tells them; release them. */
int custody_list(struct cli *cli, const char *device, json_t **out_list) CYAN_MUST_CHECK;

/* A whole fingerprint in small letters. CYAN_E_INVALID: it is none. */
int custody_read_full(const char *typed,
                      char out_full[static CYAN_FINGERPRINT_TEXT]) CYAN_MUST_CHECK;

/* The same as a command's second word; its first is the device. Anything shorter is CLI_USAGE, and
 * when it is the beginning of one key of the device, the advice is the line with all of it: verb,
 * and what stands behind the fingerprint. */
int custody_take_full(struct cli *cli, const char *verb, const char *behind,
                      char out_full[static CYAN_FINGERPRINT_TEXT]) CYAN_MUST_CHECK;

/* POST .../keys/FINGERPRINT/VERB. Takes over body. out_key is the key as it is now. */
int custody_act(struct cli *cli, const char *device, const char *full, const char *verb,
                json_t *body, json_t **out_key) CYAN_MUST_CHECK;

/* The short form of a fingerprint in an answer, or what stands there. */
const char *custody_brief(const char *fingerprint, char text[static CYAN_FINGERPRINT_SHORT]);

/* A device id as a person types it, in small letters. CYAN_E_INVALID. */
int custody_read_id(const char *typed, char out_id[static CYAN_ID_TEXT]) CYAN_MUST_CHECK;

/* "the default", "from the account", "from the device": where a policy with this "from" comes
 * from. */
const char *custody_policy_from(const json_t *policy);

#endif
