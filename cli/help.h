/* help.h - what `cyan help` and --help show. */
#ifndef CYAN_CLI_HELP_H
#define CYAN_CLI_HELP_H

#include <stdio.h>

#include "cli/cli.h"

/* All commands; with a group, only those of it. */
void help_overview(FILE *out, const char *group);

void help_command(FILE *out, const struct command *command);

#endif
