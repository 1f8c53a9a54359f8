/* arguments.h - the words after a command: options with or without a value. */
#ifndef CYAN_SERVER_COMMANDS_ARGUMENTS_H
#define CYAN_SERVER_COMMANDS_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>

/* One of value and flag is set; it changes when the option is there, and so once at most. */
struct argument {
    const char *name; /* with its dashes */
    const char **value;
    bool *flag;
    bool needed;
};

/* Fills in what list says, or tells what is wrong and returns an exit code. command is for the
 * words. Values are borrowed from words. */
int arguments_read(const char *command, int count, char **words, const struct argument *list,
                   size_t list_len);

#endif
