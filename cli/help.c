#include "cli/help.h"

#include <string.h>

#include "cli/commands.h"

static void print_options(FILE *out, const struct args_option *list)
{
    enum { WIDTH = 24 };
    for (; list && list->name; list++) {
        int len = fprintf(out, "  --%s%s%s", list->name, list->value ? " " : "",
                          list->value ? list->value : "");
        (void)fprintf(out, "%*s%s\n", len < WIDTH ? WIDTH - len : 1, "", list->help);
    }
}

static bool is_in(const struct command *command, const char *group)
{
    return !group || (strncmp(command->name, group, strlen(group)) == 0 &&
                      command->name[strlen(group)] == ' ');
}

void help_overview(FILE *out, const char *group)
{
    (void)fprintf(out, "cyan - your devices, their keys and their events\n\n");
    for (size_t i = 0; commands_all[i]; i++) {
        if (is_in(commands_all[i], group)) {
            (void)fprintf(out, "  cyan %-14s %s\n", commands_all[i]->name, commands_all[i]->does);
        }
    }
    if (group) {
        (void)fprintf(out, "\n  cyan help %s COMMAND\n", group);
        return;
    }
    (void)fprintf(out, "\nWith every command:\n");
    print_options(out, commands_global);
    (void)fprintf(
        out, "\nExit codes: 0 done, 1 failed, 2 usage, 3 not logged in, 4 not found, 5 refused,\n"
             "6 device offline or too slow, 7 cloud unreachable, 8 permission, 9 done in part.\n");
    (void)fprintf(out, "CYAN_API, CYAN_TOKEN and CYAN_PROFILE override the profile.\n");
}

void help_command(FILE *out, const struct command *command)
{
    (void)fprintf(out, "cyan %s%s%s\n\n%s.\n", command->name, command->usage[0] ? " " : "",
                  command->usage, command->does);
    if (command->detail) {
        (void)fprintf(out, "%s\n", command->detail);
    }
    if (command->options) {
        (void)fprintf(out, "\n");
        print_options(out, command->options);
    }
    (void)fprintf(out, "\nExample:\n  %s\n", command->example);
}
