/* spoken.h - a command of cyand as a process of its own: what it says and how it ends. */
#ifndef CYAN_TESTS_SPOKEN_H
#define CYAN_TESTS_SPOKEN_H

#include <stdbool.h>

#include "server/commands/commands.h"
#include "tests/unit/steps.h"

enum { SPOKEN_MAX = 4096, SPOKEN_KILLED = 77 };

struct spoken {
    int code;     /* SPOKEN_KILLED: at the step */
    bool reached; /* the step */
    char out[SPOKEN_MAX];
    char err[SPOKEN_MAX];
};

/* Runs it to its end, in the scratch folder, with the words up to NULL. */
struct spoken spoken_run(const struct command *command, const char *const *words);
#define SPOKEN_RUN(command, ...) spoken_run(&(command), (const char *const[]){__VA_ARGS__, NULL})

/* The same with its n-th step cut. */
struct spoken spoken_cut(const struct command *command, const char *const *words, unsigned n,
                         enum steps_fault fault);

/* Fails the test unless it ended so and its error has these words and a "try:" line. */
void spoken_assert_error(const struct spoken *spoken, int code, const char *what);

#endif
