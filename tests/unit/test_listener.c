#include "server/net/listener.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/unit.h"

enum { UNTOUCHED_PORT = 4242 };

static int connect_to(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) < 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

/* A socket of somebody else's that listens, without sharing. */
static int stranger(uint16_t *out_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    *out_port = ntohs(address.sin_port);
    return fd;
}

static void port_0_becomes_a_port_that_can_be_connected_to(void **state)
{
    (void)state;
    int fd = -1;
    uint16_t port = 0;
    assert_int_equal(listener_bind("127.0.0.1", 0, &fd, &port), 0);
    assert_true(port > 0);
    assert_int_equal(listen(fd, 1), 0);
    int client = connect_to(port);
    assert_true(client >= 0);
    (void)close(client);
    (void)close(fd);
    assert_int_equal(connect_to(port), -1);
}

static void brothers_share_a_port_and_a_stranger_is_told_of(void **state)
{
    (void)state;
    int first = -1, second = -1;
    uint16_t port = 0, same = 0;
    assert_int_equal(listener_bind("127.0.0.1", 0, &first, &port), 0);
    assert_int_equal(listener_bind("127.0.0.1", port, &second, &same), 0);
    assert_int_equal(same, port);
    assert_int_equal(listen(first, 1), 0);
    assert_int_equal(listen(second, 1), 0);
    assert_int_equal(listener_check("127.0.0.1", port), CYAN_E_BUSY);
    assert_int_equal(listener_check("0.0.0.0", port), CYAN_E_BUSY);
    (void)close(first);
    (void)close(second);
    assert_int_equal(listener_check("127.0.0.1", port), 0);
    assert_int_equal(listener_check("127.0.0.1", port), 0);
}

static void a_port_that_somebody_else_has_is_busy_and_nothing_is_given(void **state)
{
    (void)state;
    uint16_t port = 0, out_port = UNTOUCHED_PORT;
    int out = -7;
    int other = stranger(&port);
    assert_int_equal(listener_check("127.0.0.1", port), CYAN_E_BUSY);
    assert_int_equal(listener_bind("127.0.0.1", port, &out, &out_port), CYAN_E_BUSY);
    assert_int_equal(out, -7);
    assert_int_equal(out_port, UNTOUCHED_PORT);
    (void)close(other);
}

static void port_0_is_always_free(void **state)
{
    (void)state;
    assert_int_equal(listener_check("127.0.0.1", 0), 0);
    assert_int_equal(listener_check("0.0.0.0", 0), 0);
}

static void what_is_no_address_of_this_machine_is_invalid(void **state)
{
    (void)state;
    static const char *const hosts[] = {
        "",           "localhost", "1.2.3", "256.0.0.1",    "1.2.3.4.5",
        "127.0.0.1 ", "[::1]",     ":",     "203.0.113.77", "2001:db8::77"};
    for (size_t i = 0; i < COUNT_OF(hosts); i++) {
        uint16_t port = UNTOUCHED_PORT;
        int fd = -7;
        assert_int_equal(listener_check(hosts[i], 0), CYAN_E_INVALID);
        assert_int_equal(listener_bind(hosts[i], 0, &fd, &port), CYAN_E_INVALID);
        assert_int_equal(fd, -7);
        assert_int_equal(port, UNTOUCHED_PORT);
    }
}

/* A connection inherits the size of its listener; the kernel's own choice may grow to megabytes. */
static void an_accepted_socket_holds_little_that_waits_to_be_sent(void **state)
{
    (void)state;
    int fd = -1, size = 0;
    uint16_t port = 0;
    socklen_t len = sizeof size;
    assert_int_equal(listener_bind("127.0.0.1", 0, &fd, &port), 0);
    assert_int_equal(listen(fd, 1), 0);
    int client = connect_to(port);
    struct sockaddr_in from;
    socklen_t from_len = sizeof from;
    assert_true(client >= 0);
    /* The listener does not block; loopback has connected by now. */
    int accepted = accept(fd, (struct sockaddr *)&from, &from_len);
    assert_true(accepted >= 0);
    assert_int_equal(getsockopt(accepted, SOL_SOCKET, SO_SNDBUF, &size, &len), 0);
    assert_in_range(size, 16 * 1024, 256 * 1024);
    (void)close(accepted);
    (void)close(client);
    (void)close(fd);
}

static bool machine_has_ipv6(void)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    bool has = fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof address) == 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    return has;
}

static void ipv6_works_exactly_where_the_machine_has_it(void **state)
{
    (void)state;
    int fd = -1;
    uint16_t port = 0;
    int err = listener_bind("::1", 0, &fd, &port);
    if (machine_has_ipv6()) {
        assert_int_equal(err, 0);
        assert_true(port > 0);
        (void)close(fd);
    } else {
        assert_true(err < 0);
        assert_int_equal(fd, -1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(port_0_becomes_a_port_that_can_be_connected_to),
        cmocka_unit_test(brothers_share_a_port_and_a_stranger_is_told_of),
        cmocka_unit_test(a_port_that_somebody_else_has_is_busy_and_nothing_is_given),
        cmocka_unit_test(port_0_is_always_free),
        cmocka_unit_test(what_is_no_address_of_this_machine_is_invalid),
        cmocka_unit_test(an_accepted_socket_holds_little_that_waits_to_be_sent),
        cmocka_unit_test(ipv6_works_exactly_where_the_machine_has_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
