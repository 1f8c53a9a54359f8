#include "tests/unit/http_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/api/http.h"
#include "tests/unit/fake_cloud.h"
#include "tests/unit/unit.h"

enum { DEADLINE_TURNS = 20000, READ_MAX = 1 << 20 };

int client_open(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                  .sin_port = htons(http_port(fake.http))};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

void client_close(int fd)
{
    close(fd);
}

/* One turn of the server's loop, then waits a moment for the client's socket. */
static void turn(int fd, short events)
{
    struct pollfd poll_fd = {.fd = fd, .events = events};
    uv_run(&fake.loop, UV_RUN_NOWAIT);
    (void)poll(&poll_fd, 1, 1);
}

void client_send(int fd, const void *data, size_t len)
{
    const char *at = data;
    for (size_t turns = 0; len > 0; turns++) {
        assert_true(turns < DEADLINE_TURNS);
        ssize_t n = send(fd, at, len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0) {
            at += n;
            len -= (size_t)n;
        } else if (errno == EPIPE || errno == ECONNRESET) {
            return;
        }
        turn(fd, POLLOUT);
    }
}

/* What is there now behind text[len]; -1: nothing yet, 0: the end. */
static ssize_t receive(int fd, char *text, size_t len)
{
    ssize_t n = recv(fd, text + len, READ_MAX - 1 - len, MSG_DONTWAIT);
    if (n >= 0) {
        text[len + (size_t)n] = '\0';
        return n;
    }
    return errno == EAGAIN ? -1 : 0;
}

const char *client_wait(int fd, const char *wanted)
{
    static char text[READ_MAX];
    size_t len = 0;
    text[0] = '\0';
    for (size_t turns = 0; turns < DEADLINE_TURNS; turns++) {
        ssize_t n = receive(fd, text, len);
        if (n == 0) {
            return NULL;
        }
        len += n > 0 ? (size_t)n : 0;
        if (strstr(text, wanted)) {
            return text;
        }
        turn(fd, POLLIN);
    }
    fail_msg("the server never sent %s", wanted);
    return NULL;
}

static const char *header(const char *head, const char *name)
{
    size_t len = strlen(name);
    for (const char *line = strstr(head, "\r\n"); line; line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line + 2, name, len) == 0 && line[2 + len] == ':') {
            return line + 2 + len + 1 + strspn(line + 2 + len + 1, " ");
        }
    }
    return NULL;
}

/* Bytes of the answer in text when it is whole, else 0. */
static size_t answer_len(const char *text, size_t len, bool at_end)
{
    const char *end = strstr(text, "\r\n\r\n");
    if (!end) {
        return 0;
    }
    size_t head = (size_t)(end - text) + 4;
    const char *length = header(text, "Content-Length");
    if (length && length < end) {
        size_t whole = head + strtoul(length, NULL, 10);
        return len >= whole ? whole : 0;
    }
    return strncmp(text + 9, "204", 3) == 0 ? head : at_end ? len : 0;
}

struct answer client_answer(int fd)
{
    struct answer answer = {0};
    char *text = malloc(READ_MAX);
    size_t len = 0;
    size_t whole = 0;
    assert_non_null(text);
    text[0] = '\0';
    for (size_t turns = 0; whole == 0; turns++) {
        assert_true(turns < DEADLINE_TURNS);
        ssize_t n = receive(fd, text, len);
        len += n > 0 ? (size_t)n : 0;
        whole = answer_len(text, len, n == 0);
        if (n == 0) {
            break;
        }
        if (whole == 0) {
            turn(fd, POLLIN);
        }
    }
    answer.head = text;
    answer.body = text;
    if (whole > 0) {
        char *end = strstr(text, "\r\n\r\n");
        assert_int_equal(strncmp(text, "HTTP/1.", 7), 0);
        answer.status = (int)strtol(text + 9, NULL, 10);
        end[2] = '\0';
        answer.body = end + 4;
        answer.body_len = whole - (size_t)(answer.body - text);
        answer.json = json_loadb(answer.body, answer.body_len, 0, NULL);
    }
    return answer;
}

void answer_done(struct answer *answer)
{
    json_decref(answer->json);
    free(answer->head);
}

const char *answer_text(const struct answer *answer, const char *key)
{
    return json_string_value(json_object_get(answer->json, key));
}

struct answer ask(const char *method, const char *path, const char *token, const char *type,
                  const char *body)
{
    char *text = NULL;
    int len =
        asprintf(&text, "%s %s HTTP/1.1\r\nHost: x\r\n%s%s%s%s%s%sContent-Length: %zu\r\n\r\n%s",
                 method, path, token ? "Authorization: Bearer " : "", token ? token : "",
                 token ? "\r\n" : "", type ? "Content-Type: " : "", type ? type : "",
                 type ? "\r\n" : "", body ? strlen(body) : 0, body ? body : "");
    assert_true(len > 0);
    int fd = client_open();
    client_send(fd, text, (size_t)len);
    struct answer answer = client_answer(fd);
    client_close(fd);
    free(text);
    return answer;
}

struct answer get(const char *path, const char *token)
{
    return ask("GET", path, token, NULL, NULL);
}

struct answer post(const char *path, const char *token, const char *form)
{
    return ask("POST", path, token, "application/x-www-form-urlencoded", form);
}

void assert_answer(struct answer answer, int status, const char *key, const char *text)
{
    if (answer.status != status) {
        fail_msg("status %d, wanted %d: %s", answer.status, status, answer.body);
    }
    if (*key) {
        const char *found = answer_text(&answer, key);
        assert_non_null(found);
        assert_string_equal(found, text);
    }
    answer_done(&answer);
}
