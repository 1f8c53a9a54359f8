/* prompt.h - secrets and names from a person at the terminal, or from a file. */
#ifndef CYAN_CLI_PROMPT_H
#define CYAN_CLI_PROMPT_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/fault.h"

enum { PROMPT_MAX = 512 }; /* bytes with the NUL; twice what an account's password may have */

/* Asks at the terminal (stdin, stderr). Without show nothing appears. Returns 0 or an exit code:
 * CLI_USAGE when the person gave up or gave nothing. */
int prompt_ask(const char *label, bool show, char out_text[static PROMPT_MAX], struct fault *fault);

/* Asks a question at the terminal; true for y or yes, in any case of letters, and for nothing
 * else. */
bool prompt_yes(const char *question);

/* The first line of a file, or of stdin for "-". Returns 0 or an exit code. */
int prompt_read_file(const char *path, char out_text[static PROMPT_MAX], struct fault *fault);

#endif
