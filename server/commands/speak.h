/* speak.h - what all commands say in the same way. */
#ifndef CYAN_SERVER_COMMANDS_SPEAK_H
#define CYAN_SERVER_COMMANDS_SPEAK_H

#include <stdbool.h>

#include "server/cloud/folder.h"

/* An error as a person reads it; next may be "". Returns the code. */
int speak_failed(int code, const char *what, const char *next);
/* The same from a format and its arguments. */
__attribute__((format(printf, 3, 4))) int speak_failed_with(int code, const char *next,
                                                            const char *format, ...);

/* Opens a folder and tells the login that this chose, if it did; or says why not. Returns 0 or an
 * exit code. */
int speak_open_folder(const struct folder_options *options, struct folder *out_folder);

/* Whether there is a folder of cyand at path; says so if not. Returns 0 or an exit code. */
int speak_need_folder(const char *path);

/* Tells the login that an opening chose, if it did, and forgets it. */
void speak_first_login(struct folder *folder, const char *path);

#endif
