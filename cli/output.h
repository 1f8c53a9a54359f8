/* output.h - what people and scripts get to see.
 *
 * For people: plain lines and tables, in which control characters are harmless. With --json: one
 * document on stdout, {"ok":true,"data":…} or {"ok":false,"error":{"code","message","try"}}, and
 * nothing else there. */
#ifndef CYAN_CLI_OUTPUT_H
#define CYAN_CLI_OUTPUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "cli/fault.h"

struct output {
    FILE *out; /* borrowed: stdout */
    FILE *err; /* borrowed: stderr */
    bool json;
    bool streaming; /* stdout belongs to a stream of objects: a fault goes to stderr */
};

/* A line for people on stdout; nothing with --json. */
void output_say(const struct output *output, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A remark on stderr, with --json too. */
void output_note(const struct output *output, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A JSON value as people like to read it, a string without quotes; NULL when memory is short.
 * Free it. */
char *output_value_text(const json_t *value);

/* The same as a line on stdout. Returns 0 or an exit code. */
int output_value(const struct output *output, const json_t *value, struct fault *fault);

/* The document of success, with --json only. Takes over data, which may be NULL when memory was
 * short. Returns 0 or an exit code. */
int output_data(const struct output *output, json_t *data, struct fault *fault);

/* One object of a stream as a line; takes it over. */
int output_object(const struct output *output, json_t *object, struct fault *fault);

/* The words of a fault, once. */
void output_fault(const struct output *output, const struct fault *fault);

/* Whether all of it came through: a full disk or a closed pipe is CLI_FAILED. */
int output_flush(const struct output *output, struct fault *fault);

#endif
