#include "server/commands/arguments.h"

#include <stdio.h>
#include <string.h>

#include "server/commands/commands.h"
#include "server/commands/speak.h"

enum { ARGUMENTS_MAX = 16 };

static int refuse(const char *command, const char *word, const char *what)
{
    char next[64];
    (void)snprintf(next, sizeof next, "cyand %s --help", command);
    return speak_failed_with(COMMAND_USAGE, next, "%s %s", word, what);
}

static size_t find(const char *word, const struct argument *list, size_t list_len)
{
    size_t at = 0;
    while (at < list_len && strcmp(word, list[at].name) != 0) {
        at++;
    }
    return at;
}

int arguments_read(const char *command, int count, char **words, const struct argument *list,
                   size_t list_len)
{
    bool seen[ARGUMENTS_MAX] = {false};
    for (int i = 0; i < count; i++) {
        size_t at = find(words[i], list, list_len);
        if (at == list_len) {
            return refuse(command, words[i], "is no option of this command");
        }
        if (seen[at]) {
            return refuse(command, words[i], "stands twice");
        }
        seen[at] = true;
        if (list[at].flag) {
            *list[at].flag = true;
        } else if (i + 1 == count || words[i + 1][0] == '\0') {
            return refuse(command, words[i], "wants a value");
        } else {
            *list[at].value = words[++i];
        }
    }
    for (size_t at = 0; at < list_len; at++) {
        if (list[at].needed && !seen[at]) {
            return refuse(command, list[at].name, "is missing");
        }
    }
    return 0;
}
