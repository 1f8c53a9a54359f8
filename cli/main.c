#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/cli.h"

int main(int argc, char **argv)
{
    struct cli cli = {
        .output = {.out = stdout, .err = stderr},
        .interactive = isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1,
    };
    /* A closed pipe is an error of writing, and an exit code, not a death. */
    (void)signal(SIGPIPE, SIG_IGN);
    return cli_run(&cli, argc > 0 ? (size_t)argc - 1 : 0, argv + 1);
}
