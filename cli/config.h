/* config.h - which cloud, and as whom: options, then the environment, then the profile's file.
 *
 * The file is PROFILE.json = {"api","token"}, mode 0600, in $XDG_CONFIG_HOME/cyan or
 * ~/.config/cyan. CYAN_PROFILE, CYAN_API and CYAN_TOKEN override it. A token from the file goes to
 * the cloud that it came from and to no other. */
#ifndef CYAN_CLI_CONFIG_H
#define CYAN_CLI_CONFIG_H

#include <stdbool.h>

#include "base/err.h"
#include "cli/fault.h"

enum {
    CONFIG_PROFILE_MAX = 64,
    CONFIG_API_MAX = 256,
    CONFIG_TOKEN_MAX = 512,
    CONFIG_PATH_MAX = 1024,
};

struct config {
    char profile[CONFIG_PROFILE_MAX + 1];
    char api[CONFIG_API_MAX + 1];     /* without a slash at its end */
    char token[CONFIG_TOKEN_MAX + 1]; /* a secret; empty: not logged in */
    bool token_from_environment;
};

/* profile and api are what the options say, or NULL. CLI_USAGE: a value that cannot be one;
 * CLI_FAILED with the code CONFIG_DAMAGED: the file cannot be used; config holds the rest then. */
int config_load(struct config *config, const char *profile, const char *api,
                struct fault *fault) CYAN_MUST_CHECK;

/* Writes api and, unless it is empty, token to the profile's file. */
int config_save(const struct config *config, struct fault *fault) CYAN_MUST_CHECK;

/* Checks a token and takes it over. CLI_USAGE. */
int config_set_token(struct config *config, const char *token, struct fault *fault) CYAN_MUST_CHECK;

/* The path of another file of the profile, PROFILE followed by ending, in the profiles' folder,
 * which is made. CLI_FAILED. */
int config_path(const struct config *config, const char *ending,
                char out_path[static CONFIG_PATH_MAX], struct fault *fault) CYAN_MUST_CHECK;

/* Wipes the token. */
void config_done(struct config *config);

#endif
