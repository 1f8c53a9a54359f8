/* What a connection reads, how it ends, and how a shard accepts many. */
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "tests/unit/keep.h"
#include "tests/unit/unit.h"

static void an_orderly_close_is_reported_once_and_without_an_error(void **state)
{
    (void)state;
    assert_int_equal(shutdown(keep.peer.fd, SHUT_WR), 0);
    yard_settle(&keep.yard);
    assert_int_equal(keep.owner->ends, 1);
    assert_int_equal(keep.owner->end_errs[0], 0);
    assert_int_equal(keep.closed, 1);
    peer_expect_close(&keep.peer);
}

static void a_reset_is_reported_as_one(void **state)
{
    (void)state;
    struct linger now = {.l_onoff = 1};
    assert_int_equal(setsockopt(keep.peer.fd, SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
    peer_close(&keep.peer);
    yard_settle(&keep.yard);
    assert_int_equal(keep.owner->ends, 1);
    assert_int_equal(keep.owner->end_errs[0], CYAN_E_RESET);
    assert_int_equal(keep.closed, 1);
}

static void no_more_is_read_at_once_than_is_wanted(void **state)
{
    (void)state;
    static const size_t wants[] = {1, 2, 3, 7, 100, 1000, SHARD_READ_MAX, 10 * SHARD_READ_MAX};
    uint8_t data[3000];
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (uint8_t)(i * 7);
    }
    for (size_t i = 0; i < COUNT_OF(wants); i++) {
        keep.owner->want = wants[i];
        keep.owner->got_len = keep.owner->most_at_once = 0;
        peer_send(&keep.peer, data, sizeof data);
        for (size_t turns = 0; keep.owner->got_len < sizeof data && turns < 4000; turns++) {
            yard_turn(&keep.yard);
        }
        assert_int_equal(keep.owner->got_len, sizeof data);
        assert_memory_equal(keep.owner->got, data, sizeof data);
        assert_true(keep.owner->most_at_once <= wants[i]);
    }
}

static void a_paused_connection_delivers_nothing_and_loses_nothing(void **state)
{
    (void)state;
    static const uint8_t data[] = "what came meanwhile";
    conn_pause(&keep.owner->conn);
    peer_send(&keep.peer, data, sizeof data);
    assert_int_equal(shutdown(keep.peer.fd, SHUT_WR), 0);
    yard_settle(&keep.yard);
    assert_int_equal(keep.owner->got_len, 0);
    assert_int_equal(keep.owner->ends, 0);
    conn_resume(&keep.owner->conn);
    yard_settle(&keep.yard);
    assert_int_equal(keep.owner->got_len, sizeof data);
    assert_memory_equal(keep.owner->got, data, sizeof data);
    assert_int_equal(keep.owner->ends, 1);
}

static void a_connection_closed_while_it_is_read_reads_no_further(void **state)
{
    (void)state;
    uint8_t data[5000] = {0};
    keep.owner->want = 100;
    keep.owner->close_on_bytes = true;
    peer_send(&keep.peer, data, sizeof data);
    yard_settle(&keep.yard);
    assert_int_equal(keep.owner->got_len, 100);
    assert_int_equal(keep.owner->ends, 0);
    assert_int_equal(keep.closed, 1);
    conn_resume(&keep.owner->conn);
    yard_settle(&keep.yard);
    assert_int_equal(keep.owner->got_len, 100);
}

static void the_address_of_the_other_end_is_text_without_a_port(void **state)
{
    (void)state;
    char text[CONN_ADDRESS_TEXT];
    conn_address(&keep.owner->conn, text);
    assert_string_equal(text, "127.0.0.1");
}

static void a_burst_of_connections_is_accepted_a_few_a_turn_and_none_is_lost(void **state)
{
    (void)state;
    struct peer many[200];
    for (size_t i = 0; i < COUNT_OF(many); i++) {
        peer_open(&many[i], keep.yard.crypto, keep.yard.keys, keep.yard.publics, keep.yard.port, 1,
                  yard_turn, &keep.yard);
    }
    for (unsigned before = keep.accepted; keep.accepted < 1 + COUNT_OF(many);
         before = keep.accepted) {
        yard_turn(&keep.yard);
        assert_in_range(keep.accepted - before, 1, SHARD_ACCEPTS_PER_TURN + 1);
    }
    for (size_t i = 0; i < COUNT_OF(many); i++) {
        peer_send(&many[i], (const uint8_t *)"x", 1);
    }
    yard_settle(&keep.yard);
    for (size_t i = 0; i < COUNT_OF(many); i++) {
        assert_int_equal(keep.owners[i + 1]->got_len, 1);
        peer_close(&many[i]);
    }
}

static void a_connection_that_found_no_memory_is_offered_again(void **state)
{
    (void)state;
    struct peer other;
    keep.refuse_next = 3;
    peer_open(&other, keep.yard.crypto, keep.yard.keys, keep.yard.publics, keep.yard.port, 1,
              yard_turn, &keep.yard);
    yard_settle(&keep.yard);
    assert_int_equal(keep.refused, 3);
    assert_int_equal(keep.accepted, 2);
    peer_close(&other);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, keep_set_up, keep_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(an_orderly_close_is_reported_once_and_without_an_error),
        CASE(a_reset_is_reported_as_one),
        CASE(no_more_is_read_at_once_than_is_wanted),
        CASE(a_paused_connection_delivers_nothing_and_loses_nothing),
        CASE(a_connection_closed_while_it_is_read_reads_no_further),
        CASE(the_address_of_the_other_end_is_text_without_a_port),
        CASE(a_burst_of_connections_is_accepted_a_few_a_turn_and_none_is_lost),
        CASE(a_connection_that_found_no_memory_is_offered_again),
    };
    yard_quiet();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
