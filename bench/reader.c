#include "bench/reader.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct connection {
    int fd;
    size_t got; /* bytes of the message that comes */
};

void bench_die(const char *what)
{
    perror(what);
    _exit(1);
}

static int connect_to(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        bench_die("connect");
    }
    return fd;
}

/* Reads up to and with the greeting; nothing else comes before the first message. */
static void read_greeting(int fd, const char *greeting)
{
    char text[4096];
    size_t len = 0;
    size_t want = strlen(greeting);
    do {
        ssize_t n = recv(fd, text + len, sizeof text - len, 0);
        if (n <= 0) {
            bench_die("no greeting");
        }
        len += (size_t)n;
    } while (len < want || memcmp(text + len - want, greeting, want) != 0);
}

static struct connection *connect_all(const struct reader_order *order, int poll_fd)
{
    struct connection *all = calloc(order->connections, sizeof *all);
    if (!all) {
        bench_die("calloc");
    }
    for (size_t i = 0; i < order->connections; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &all[i]};
        all[i].fd = connect_to(order->port);
        if (order->request[0] &&
            send(all[i].fd, order->request, strlen(order->request), MSG_NOSIGNAL) < 0) {
            bench_die("send");
        }
        if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, all[i].fd, &event) < 0) {
            bench_die("epoll_ctl");
        }
    }
    for (size_t i = 0; i < order->connections && order->request[0]; i++) {
        read_greeting(all[i].fd, order->greeting);
    }
    return all;
}

static void say(int words)
{
    if (write(words, "", 1) != 1) {
        bench_die("write");
    }
}

static void read_all(const struct reader_order *order, int poll_fd, int words)
{
    struct epoll_event events[256];
    char buf[16384];
    size_t have_it = 0;
    for (size_t left = order->messages; left > 0;) {
        int count = epoll_wait(poll_fd, events, 256, -1);
        for (int i = 0; i < count; i++) {
            struct connection *c = events[i].data.ptr;
            ssize_t n = recv(c->fd, buf, sizeof buf, MSG_DONTWAIT);
            if (n <= 0) {
                bench_die("recv");
            }
            c->got += (size_t)n;
            if (c->got >= order->message_len) {
                c->got -= order->message_len;
                have_it++;
            }
        }
        if (have_it == order->connections) {
            have_it = 0;
            left--;
            say(words);
        }
    }
}

static _Noreturn void run(int orders, int words)
{
    struct reader_order order;
    while (read(orders, &order, sizeof order) == sizeof order) {
        int poll_fd = epoll_create1(EPOLL_CLOEXEC);
        struct connection *all = connect_all(&order, poll_fd);
        say(words);
        read_all(&order, poll_fd, words);
        for (size_t i = 0; i < order.connections; i++) {
            close(all[i].fd);
        }
        close(poll_fd);
        free(all);
    }
    _exit(0);
}

struct reader reader_start(void)
{
    int orders[2];
    int words[2];
    if (pipe(orders) < 0 || pipe(words) < 0) {
        bench_die("pipe");
    }
    pid_t pid = fork();
    if (pid < 0) {
        bench_die("fork");
    }
    if (pid == 0) {
        close(orders[1]);
        close(words[0]);
        run(orders[0], words[1]);
    }
    close(orders[0]);
    close(words[1]);
    return (struct reader){.pid = pid, .orders = orders[1], .words = words[0]};
}

void reader_order(const struct reader *reader, const struct reader_order *order)
{
    if (write(reader->orders, order, sizeof *order) != sizeof *order) {
        bench_die("write");
    }
}

void reader_wait(const struct reader *reader)
{
    char byte;
    /* A loop that watches it has made it non-blocking. */
    struct pollfd readable = {.fd = reader->words, .events = POLLIN};
    if (poll(&readable, 1, -1) != 1 || read(reader->words, &byte, 1) != 1) {
        bench_die("the reader has ended");
    }
}

void reader_stop(struct reader *reader)
{
    close(reader->orders);
    close(reader->words);
    (void)waitpid(reader->pid, NULL, 0);
}
