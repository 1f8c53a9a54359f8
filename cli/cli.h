/* cli.h - what every command gets: its words, and the world around it. */
#ifndef CYAN_CLI_CLI_H
#define CYAN_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/args.h"
#include "cli/config.h"
#include "cli/fault.h"
#include "cli/output.h"
#include "cli/transport/http.h"

struct cli {
    struct output output;
    struct fault fault; /* why a command returned an exit code other than 0 */
    struct args args;
    bool interactive; /* a person is at the terminal and may be asked */

    struct config config; /* filled by cli_configure */
    bool configured;
    struct http *http; /* made by cli_http */
};

/* A command returns 0 or an exit code with the fault filled. */
struct command {
    const char *name;   /* one or two words: "keys new" */
    const char *usage;  /* the words behind the name */
    const char *does;   /* one line */
    const char *detail; /* more lines for its help, or NULL */
    const char *example;
    const struct args_option *options; /* or NULL */
    size_t least_words, most_words;    /* behind the name */
    int (*run)(struct cli *cli);
};

/* Reads the configuration, once. Returns 0 or an exit code. */
int cli_configure(struct cli *cli);

/* The one struct http, made on first use. Returns 0 or an exit code. */
int cli_http(struct cli *cli, struct http **out_http);

/* Runs a command line without the program's name; prints all that there is to say, a fault too.
 * The caller has filled output and interactive, the rest are zeroes. Returns the exit code. */
int cli_run(struct cli *cli, size_t argc, char *const *argv);

/* A fault of CLI_USAGE that points to the help of the command. */
int cli_usage(struct cli *cli, const struct command *command, const char *what);

#endif
