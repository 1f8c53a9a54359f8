#include "server/net/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

/* Asked of the kernel for what waits to be sent; connections inherit it. Without it one that does
 * not read would hold megabytes there before its backlog here counts. */
enum { SEND_BUFFER = 64 * 1024, BACKLOG = 1024 };

static int parse(const char *host, uint16_t port, struct sockaddr_storage *out, socklen_t *out_len)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    if (uv_ip4_addr(host, port, &v4) == 0) {
        *(struct sockaddr_in *)out = v4;
        *out_len = sizeof v4;
        return 0;
    }
    if (uv_ip6_addr(host, port, &v6) == 0) {
        *(struct sockaddr_in6 *)out = v6;
        *out_len = sizeof v6;
        return 0;
    }
    return CYAN_E_INVALID;
}

static int err_of(int number)
{
    switch (number) {
    case EADDRINUSE:
    case EACCES:
        return CYAN_E_BUSY;
    case EADDRNOTAVAIL:
        return CYAN_E_INVALID;
    default:
        return CYAN_E_IO;
    }
}

static int open_bound(const char *host, uint16_t port, bool shared, int *out_socket)
{
    struct sockaddr_storage address = {0};
    socklen_t len = 0;
    int one = 1;
    if (parse(host, port, &address, &len) < 0) {
        return CYAN_E_INVALID;
    }
    int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return CYAN_E_IO;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (shared) {
        int send_buffer = SEND_BUFFER;
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof send_buffer);
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    }
    if (bind(fd, (const struct sockaddr *)&address, len) < 0) {
        int err = err_of(errno);
        (void)close(fd);
        return err;
    }
    *out_socket = fd;
    return 0;
}

int listener_check(const char *host, uint16_t port)
{
    int fd = -1;
    int err = open_bound(host, port, false, &fd);
    if (err == 0 && port != 0 && listen(fd, 1) < 0) {
        err = err_of(errno);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return err;
}

/* The port of a bound socket; 0: not known. */
static uint16_t port_of(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } bound = {0};
    socklen_t len = sizeof bound;
    if (getsockname(fd, &bound.any, &len) < 0) {
        return 0;
    }
    return ntohs(bound.any.sa_family == AF_INET ? bound.v4.sin_port : bound.v6.sin6_port);
}

int listener_bind(const char *host, uint16_t port, int *out_socket, uint16_t *out_port)
{
    int fd = -1;
    int err = open_bound(host, port, true, &fd);
    if (err < 0) {
        return err;
    }
    *out_socket = fd;
    *out_port = port_of(fd);
    return 0;
}

int listener_open(const char *host, uint16_t port, int *out_socket, uint16_t *out_port)
{
    int fd = -1;
    int err = open_bound(host, port, false, &fd);
    if (err < 0) {
        return err;
    }
    if (listen(fd, BACKLOG) < 0) {
        err = err_of(errno);
        (void)close(fd);
        return err;
    }
    *out_socket = fd;
    *out_port = port_of(fd);
    return 0;
}
