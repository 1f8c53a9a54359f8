/* passphrase.h - the passphrase of a backup, from a file or from a person at the terminal. */
#ifndef CYAN_SERVER_COMMANDS_PASSPHRASE_H
#define CYAN_SERVER_COMMANDS_PASSPHRASE_H

#include <stdbool.h>

enum { PASSPHRASE_MIN = 8, PASSPHRASE_MAX = 511 }; /* characters; bytes */

/* The first line of a file; without one it is asked for, twice for a new one, and nothing of it
 * appears. Returns 0 or an exit code, said: COMMAND_USAGE without a file and a terminal, or when
 * it cannot be a passphrase; COMMAND_FAILED when the file cannot be read. Wipe it. */
int passphrase_get(const char *file, bool is_new, char out_text[static PASSPHRASE_MAX + 1]);

#endif
