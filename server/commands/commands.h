/* commands.h - what cyand does beside serving: one file a command, each on a data folder.
 *
 * A command speaks: its result on stdout, an error as one line and a "try:" line on stderr. Exit
 * codes are those of cyand. */
#ifndef CYAN_SERVER_COMMANDS_COMMANDS_H
#define CYAN_SERVER_COMMANDS_COMMANDS_H

#include "crypto/crypto.h"
#include "server/cloud/folder.h"

enum {
    COMMAND_DONE = 0,
    COMMAND_FAILED = 1,
    COMMAND_USAGE = 2,  /* the words after the command, or a login that nobody can have */
    COMMAND_FOLDER = 3, /* a data folder that must not or cannot be used */
};

/* Borrowed. */
struct command_tools {
    const struct cyan_crypto *crypto;
    store_open_fn *store_open;
    store_copy_fn *store_copy;
    const char *user, *password; /* for a first account, as in struct folder_options */
};

struct command {
    const char *name;
    const char *help;
    /* The words after the name. Returns an exit code. */
    int (*run)(const struct command_tools *tools, int count, char **words);
};

/* NULL: there is no such command. Static. */
const struct command *commands_find(const char *name);

/* Answers --help itself. Returns an exit code. */
int command_run(const struct command *command, const struct command_tools *tools, int count,
                char **words);

extern const struct command command_rotate, command_backup, command_restore, command_import;

#endif
