/* text.h - text from strangers, made fit for a terminal. */
#ifndef CYAN_CLI_TEXT_H
#define CYAN_CLI_TEXT_H

#include <stddef.h>

/* A copy that is UTF-8 and gives a terminal no orders: control characters, and bytes that are not
 * UTF-8, are written as \xNN. NULL when memory is short. Free it. */
char *text_clean(const char *text);

/* How many characters, not bytes, clean text has. */
size_t text_width(const char *text);

#endif
