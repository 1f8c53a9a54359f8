/* scripted.h - an HTTP server on 127.0.0.1 that answers with prepared bytes, whatever is asked.
 *
 * One thread, one connection at a time, one request for each; it remembers what was asked. */
#ifndef CYAN_TESTS_SCRIPTED_H
#define CYAN_TESTS_SCRIPTED_H

#include <stdbool.h>
#include <stddef.h>

enum { SCRIPTED_ANSWERS_MAX = 64 };

struct scripted; /* on the heap */

struct scripted_answer {
    const char *bytes; /* borrowed: status line, headers and body as they are sent */
    size_t len;        /* 0: up to the NUL */
    bool stays;        /* the connection stays open until the client closes it */
};

/* The answers are given in order; afterwards connections are closed without one. */
struct scripted *scripted_start(const struct scripted_answer *answers, size_t count);

/* "http://127.0.0.1:PORT" */
const char *scripted_url(const struct scripted *cloud);

/* Ends the thread; what was asked stays. Then the number of requests, and each as it came: line,
 * headers, body. */
void scripted_stop(struct scripted *cloud);
size_t scripted_count(const struct scripted *cloud);
const char *scripted_request(const struct scripted *cloud, size_t number);

void scripted_destroy(struct scripted *cloud);

#endif
