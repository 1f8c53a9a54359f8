/* cli_stage.h - a command line, a scripted cloud for it to talk to, and a folder for its files. */
#ifndef CYAN_TESTS_CLI_STAGE_H
#define CYAN_TESTS_CLI_STAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "tests/unit/run_cli.h"
#include "tests/unit/scripted.h"

/* Of the running test. */
extern struct ran ran;
extern struct scripted *cloud;

/* CYAN_TOKEN is "token" at the start of a test. */
int stage_set_up(void **state);
int stage_tear_down(void **state);

/* The next answer of the cloud, before it starts; the stream may stay open after its events. */
void reply(int status, const char *body);
void reply_stream(const char *events, bool stays);

/* Starts a new cloud with the replies since the last start; CYAN_API leads to it. */
void start(void);

/* Its request of this number begins with this method and path. */
void assert_asked(size_t number, const char *line);
const char *body_of(size_t number);

#endif
