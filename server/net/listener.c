#include "server/net/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

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

int listener_bind(const char *host, uint16_t port, int *out_socket, uint16_t *out_port)
{
    int fd = -1;
    int err = open_bound(host, port, true, &fd);
    if (err < 0) {
        return err;
    }
    struct sockaddr_storage bound;
    socklen_t len = sizeof bound;
    if (getsockname(fd, (struct sockaddr *)&bound, &len) < 0) {
        (void)close(fd);
        return CYAN_E_IO;
    }
    in_port_t raw = bound.ss_family == AF_INET ? ((struct sockaddr_in *)&bound)->sin_port
                                               : ((struct sockaddr_in6 *)&bound)->sin6_port;
    *out_socket = fd;
    *out_port = ntohs(raw);
    return 0;
}
