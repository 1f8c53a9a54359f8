/* run_cli.h - a command line of `cyan`, run inside the test, and what it printed; and the state of
 * a virtual Photon for it to work on. */
#ifndef CYAN_TESTS_RUN_CLI_H
#define CYAN_TESTS_RUN_CLI_H

#include <jansson.h>
#include <stddef.h>

struct ran {
    int exit;
    char *out, *err; /* what went to stdout and stderr */
    size_t out_len, err_len;
    json_t *json; /* out as one JSON document, or NULL */
};

/* Runs the words, with a NULL behind them; profiles are looked for in the scratch folder. Ends what
 * ran holds from the run before, so it starts as zeroes. */
void run_cli(struct ran *ran, const char *const *words);
#define RUN_CLI(ran, ...) run_cli(ran, (const char *const[]){__VA_ARGS__, NULL})

/* The same at a terminal where a person types these keys, "y\r" say, as they are asked for;
 * ran->err has what was asked too. */
void run_cli_typing(struct ran *ran, const char *keys, const char *const *words);
#define RUN_CLI_TYPING(ran, keys, ...)                                                             \
    run_cli_typing(ran, keys, (const char *const[]){__VA_ARGS__, NULL})
void ran_done(struct ran *ran);

/* A string inside the document, by keys down from its top, with a NULL behind them. "" when there
 * is none. */
const char *ran_string(const struct ran *ran, const char *const *keys);
#define RAN_STRING(ran, ...) ran_string(ran, (const char *const[]){__VA_ARGS__, NULL})

/* It ended with this exit code and, as --json says it, with this error code. */
void assert_ran_fault(const struct ran *ran, int exit, const char *code);

/* A state in the scratch folder, with blank settings; its id is MADE_STATE_ID. */
#define MADE_STATE_ID "0123456789abcdef01234567"
void make_state(const char *name);

#endif
