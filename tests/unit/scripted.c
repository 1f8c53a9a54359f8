#include "tests/unit/scripted.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/unit.h"

enum { REQUEST_MAX = 16384 };

struct scripted {
    struct scripted_answer answers[SCRIPTED_ANSWERS_MAX];
    size_t answer_count;
    char *requests[SCRIPTED_ANSWERS_MAX + 8];
    size_t request_count;
    int listener;
    pthread_mutex_t lock; /* of what follows */
    int connection;       /* the one that is served; -1: none */
    bool ended;
    pthread_t thread;
    bool running;
    char url[64];
};

static size_t body_len_of(const char *request)
{
    const char *header = strcasestr(request, "\r\ncontent-length:");
    return header ? strtoul(header + strlen("\r\ncontent-length:"), NULL, 10) : 0;
}

/* The whole request; what is cut off is taken as it is. */
static char *read_request(int fd)
{
    char *text = calloc(1, REQUEST_MAX + 1);
    size_t len = 0;
    while (text && len < REQUEST_MAX) {
        const char *end = strstr(text, "\r\n\r\n");
        if (end && len >= (size_t)(end + 4 - text) + body_len_of(text)) {
            break;
        }
        ssize_t got = read(fd, text + len, REQUEST_MAX - len);
        if (got <= 0) {
            break;
        }
        len += (size_t)got;
    }
    return text;
}

static void answer(const struct scripted *cloud, size_t number, int fd)
{
    const struct scripted_answer *a = &cloud->answers[number];
    char byte;
    size_t len = a->len ? a->len : strlen(a->bytes);
    for (size_t sent = 0; sent < len;) {
        ssize_t put = send(fd, a->bytes + sent, len - sent, MSG_NOSIGNAL);
        if (put <= 0) {
            return;
        }
        sent += (size_t)put;
    }
    while (a->stays && read(fd, &byte, 1) > 0) {
    }
}

/* Makes it the connection that a stop breaks off; false when the end has come. */
static bool enter(struct scripted *cloud, int fd)
{
    (void)pthread_mutex_lock(&cloud->lock);
    bool goes_on = !cloud->ended;
    cloud->connection = fd;
    (void)pthread_mutex_unlock(&cloud->lock);
    return goes_on;
}

static void *serve(void *arg)
{
    struct scripted *cloud = arg;
    for (;;) {
        int fd = accept(cloud->listener, NULL, NULL);
        if (fd < 0) {
            return NULL;
        }
        if (!enter(cloud, fd)) {
            (void)close(fd);
            return NULL;
        }
        size_t number = cloud->request_count;
        char *request = read_request(fd);
        if (number < COUNT_OF(cloud->requests) && request && request[0]) {
            cloud->requests[number] = request;
            cloud->request_count++;
            request = NULL;
        }
        free(request);
        if (number < cloud->answer_count) {
            answer(cloud, number, fd);
        }
        (void)enter(cloud, -1);
        (void)close(fd);
    }
}

struct scripted *scripted_start(const struct scripted_answer *answers, size_t count)
{
    struct scripted *cloud = calloc(1, sizeof *cloud);
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof address;
    assert_non_null(cloud);
    assert_in_range(count, 0, SCRIPTED_ANSWERS_MAX);
    if (count > 0) {
        memcpy(cloud->answers, answers, count * sizeof *answers);
    }
    cloud->answer_count = count;
    cloud->connection = -1;
    assert_int_equal(pthread_mutex_init(&cloud->lock, NULL), 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    cloud->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(cloud->listener >= 0);
    assert_int_equal(bind(cloud->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(cloud->listener, 8), 0);
    assert_int_equal(getsockname(cloud->listener, (struct sockaddr *)&address, &len), 0);
    (void)snprintf(cloud->url, sizeof cloud->url, "http://127.0.0.1:%u",
                   (unsigned)ntohs(address.sin_port));
    assert_int_equal(pthread_create(&cloud->thread, NULL, serve, cloud), 0);
    cloud->running = true;
    return cloud;
}

const char *scripted_url(const struct scripted *cloud)
{
    return cloud->url;
}

void scripted_stop(struct scripted *cloud)
{
    if (cloud->running) {
        (void)pthread_mutex_lock(&cloud->lock);
        cloud->ended = true;
        (void)shutdown(cloud->listener, SHUT_RDWR);
        if (cloud->connection >= 0) {
            (void)shutdown(cloud->connection, SHUT_RDWR);
        }
        (void)pthread_mutex_unlock(&cloud->lock);
        (void)pthread_join(cloud->thread, NULL);
        (void)close(cloud->listener);
        (void)pthread_mutex_destroy(&cloud->lock);
        cloud->running = false;
    }
}

size_t scripted_count(const struct scripted *cloud)
{
    return cloud->request_count;
}

const char *scripted_request(const struct scripted *cloud, size_t number)
{
    assert_in_range(number, 0, cloud->request_count - 1);
    return cloud->requests[number];
}

void scripted_destroy(struct scripted *cloud)
{
    scripted_stop(cloud);
    for (size_t i = 0; i < cloud->request_count; i++) {
        free(cloud->requests[i]);
    }
    free(cloud);
}
