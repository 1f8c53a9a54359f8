/* suggest.h - the word that somebody probably meant. */
#ifndef CYAN_CLI_SUGGEST_H
#define CYAN_CLI_SUGGEST_H

#include <stddef.h>

/* The candidate nearest to word, when so few letters differ that a slip is likely; else NULL. */
const char *suggest_nearest(const char *word, const char *const *candidates, size_t count);

#endif
