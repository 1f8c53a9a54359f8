/* args.h - the words of a command line: options by name, the rest in order.
 *
 * Options are long: --name, --name VALUE or --name=VALUE, anywhere; each at most once, unless the
 * name of its value ends in "...". "--" ends
 * them. A word with a single dash is no option, so that -5 can be an argument; -h is --help. */
#ifndef CYAN_CLI_ARGS_H
#define CYAN_CLI_ARGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "cli/fault.h"

enum { ARGS_OPTIONS_MAX = 16, ARGS_WORDS_MAX = 40 };

/* A list of them ends with a NULL name. */
struct args_option {
    const char *name;  /* without the dashes */
    const char *value; /* what its value is called in the help; NULL: it takes none */
    const char *help;
};

/* Everything is borrowed from argv and the options. */
struct args {
    struct {
        const struct args_option *option;
        const char *value; /* "" for an option without one */
    } given[ARGS_OPTIONS_MAX];
    size_t given_count;
    const char *words[ARGS_WORDS_MAX];
    size_t word_count;
    bool ended; /* "--" was seen */
};

/* Reads one word and, when it is an option with a value behind it, the next one; adds to args,
 * which starts as zeroes. Options are looked for in both lists. Returns how many words were used,
 * 0 with a fault of CLI_USAGE. */
size_t args_take(struct args *args, const struct args_option *own, const struct args_option *global,
                 char *const *argv, size_t argc, struct fault *fault);

/* The value of an option; NULL when it was not given. */
const char *args_value(const struct args *args, const char *name);
bool args_has(const struct args *args, const char *name);

/* The value of an option that may be given again, by the order in which it was given. */
const char *args_each(const struct args *args, const char *name, size_t place);

/* The word at this place; NULL when there are fewer. */
const char *args_word(const struct args *args, size_t place);

/* A decimal number from min to max, and nothing else. CYAN_E_INVALID. */
int args_number(const char *text, unsigned long min, unsigned long max,
                unsigned long *out_number) CYAN_MUST_CHECK;

#endif
