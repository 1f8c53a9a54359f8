/* http_client.h - a client for tests of the HTTP face that run in the same thread: it turns the
 * server's loop while it waits. What fails here fails the running test. */
#ifndef CYAN_TESTS_HTTP_CLIENT_H
#define CYAN_TESTS_HTTP_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct answer {
    int status; /* 0: the connection closed without an answer */
    char *head; /* the header lines */
    char *body; /* ended by NUL; chunks are joined */
    size_t body_len;
    json_t *json; /* the body when it is JSON, else NULL */
};

/* A connection to the server under test. */
int client_open(void);
void client_close(int fd);

/* Sends all of it, turning the loop when the server must read first. */
void client_send(int fd, const void *data, size_t len);

/* Waits until the server has sent text with wanted in it and returns all that came up to now since
 * the last call; NULL when the connection ended before. Good until the next call. */
const char *client_wait(int fd, const char *wanted);

/* Reads one answer. Free it with answer_done. */
struct answer client_answer(int fd);
void answer_done(struct answer *answer);

/* The text behind a key of the JSON object; NULL: not there or no text. */
const char *answer_text(const struct answer *answer, const char *key);

/* One request on a connection of its own. token NULL: none; body NULL: none, else its type is
 * given. */
struct answer ask(const char *method, const char *path, const char *token, const char *type,
                  const char *body);
struct answer get(const char *path, const char *token);
struct answer post(const char *path, const char *token, const char *form);

/* Asks and compares status and the text behind key ("": only the status), which must be there. */
void assert_answer(struct answer answer, int status, const char *key, const char *text);

#endif
