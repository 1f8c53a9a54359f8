/* confirm.h - nothing that is hard to undo happens without a yes. */
#ifndef CYAN_CLI_CONFIRM_H
#define CYAN_CLI_CONFIRM_H

#include "cli/cli.h"

/* 0 with --yes, or when the person at the terminal says yes; else CLI_REFUSED: without a terminal
 * nobody is asked. question is cleaned before it is shown. */
int confirm(struct cli *cli, const char *question);

#endif
