#include "server/commands/commands.h"

#include <stdio.h>
#include <string.h>

static const struct command *const commands[] = {
    &command_rotate,
    &command_backup,
    &command_restore,
    &command_import,
};

const struct command *commands_find(const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(name, commands[i]->name) == 0) {
            return commands[i];
        }
    }
    return NULL;
}

int command_run(const struct command *command, const struct command_tools *tools, int count,
                char **words)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(words[i], "--help") == 0) {
            (void)fputs(command->help, stdout);
            return COMMAND_DONE;
        }
    }
    return command->run(tools, count, words);
}
