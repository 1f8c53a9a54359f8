#include "photon/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

uint32_t net_millis(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint32_t)((uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000);
}

static uint32_t millis(void *ctx)
{
    (void)ctx;
    return net_millis();
}

static int error_of(int number)
{
    switch (number) {
    case EAGAIN:
    case EINTR:
    case EINPROGRESS:
    case EALREADY:
        return CYAN_E_AGAIN;
    case ECONNRESET:
        return CYAN_E_RESET;
    case EPIPE:
        return CYAN_E_CLOSED;
    case ECONNREFUSED:
        return CYAN_E_REFUSED;
    case ETIMEDOUT:
        return CYAN_E_TIMEOUT;
    default:
        return CYAN_E_IO;
    }
}

static int look_up(const struct cyan_address *address, struct sockaddr_in *out)
{
    const struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    struct sockaddr_in to = {.sin_family = AF_INET};
    if (inet_pton(AF_INET, address->host, &to.sin_addr) != 1) {
        if (getaddrinfo(address->host, NULL, &hints, &found) != 0 || !found) {
            return CYAN_E_NOT_FOUND;
        }
        memcpy(&to, found->ai_addr, sizeof to);
        freeaddrinfo(found);
    }
    to.sin_port = htons(address->port);
    *out = to;
    return 0;
}

static int begin_connect(struct net *net, const struct cyan_address *address)
{
    struct sockaddr_in to;
    int one = 1;
    int err = look_up(address, &to);
    if (err < 0) {
        return err;
    }
    net->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (net->fd < 0) {
        return CYAN_E_IO;
    }
    setsockopt(net->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    flaw_init(&net->flaw);
    return connect(net->fd, (struct sockaddr *)&to, sizeof to) == 0 ? 0 : error_of(errno);
}

static int connect_port(void *ctx, const struct cyan_address *address)
{
    struct net *net = ctx;
    if (net->fd < 0) {
        return begin_connect(net, address);
    }
    struct pollfd p = {.fd = net->fd, .events = POLLOUT};
    int number = 0;
    socklen_t len = sizeof number;
    if (poll(&p, 1, 0) <= 0) {
        return CYAN_E_AGAIN;
    }
    if (getsockopt(net->fd, SOL_SOCKET, SO_ERROR, &number, &len) != 0) {
        return CYAN_E_IO;
    }
    return number == 0 ? 0 : error_of(number);
}

static int send_port(void *ctx, const uint8_t *data, size_t len)
{
    const struct net *net = ctx;
    ssize_t n = send(net->fd, data, len, MSG_NOSIGNAL);
    return n < 0 ? error_of(errno) : (int)n;
}

static int recv_port(void *ctx, uint8_t *out, size_t len)
{
    struct net *net = ctx;
    ssize_t n = recv(net->fd, out, len, 0);
    if (n <= 0) {
        return n == 0 ? CYAN_E_CLOSED : error_of(errno);
    }
    size_t kept = (size_t)n;
    if (net->loses_bytes) {
        kept = flaw_keep(&net->flaw, out, kept, len);
    }
    return kept == 0 ? CYAN_E_AGAIN : (int)kept;
}

static void finish_port(void *ctx)
{
    const struct net *net = ctx;
    shutdown(net->fd, SHUT_WR);
}

static void close_port(void *ctx)
{
    struct net *net = ctx;
    if (net->fd >= 0) {
        close(net->fd);
        net->fd = -1;
    }
}

void net_init(struct net *net, bool loses_bytes)
{
    *net = (struct net){.fd = -1, .loses_bytes = loses_bytes};
    net->port = (struct cyan_port){
        .ctx = net,
        .connect = connect_port,
        .send = send_port,
        .recv = recv_port,
        .finish = finish_port,
        .close = close_port,
        .millis = millis,
    };
}

void net_done(struct net *net)
{
    close_port(net);
}
