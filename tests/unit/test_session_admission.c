/* Many handshakes at once, from several addresses: who is deciphered first, and who has to stay
 * outside. */
#include <string.h>

#include "server/session/session.h"
#include "tests/unit/unit.h"
#include "tests/unit/upper.h"

enum { MANY = 15, LONGER_MS = ADMISSION_LONG_MS + 10 };

static struct upper upper;
static struct peer peers[MANY];

static int set_up(void **state)
{
    (void)state;
    upper_open(&upper);
    upper.judge = UPPER_SILENT;
    for (size_t i = 0; i < MANY; i++) {
        peers[i] = (struct peer){.fd = -1};
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    peer_host = 1;
    for (size_t i = 0; i < MANY; i++) {
        peer_close(&peers[i]);
    }
    upper_close(&upper);
    return 0;
}

/* A peer at 127.0.0.HOST that has its nonce. */
static void come_from(size_t i, uint8_t host)
{
    peer_host = host;
    upper_peer(&upper, &peers[i], (uint8_t)(i + 1));
    peer_host = 1;
    peer_want(&peers[i], CYAN_NONCE_LEN);
}

static void send_request(size_t i, bool junk)
{
    uint8_t request[CYAN_REQUEST_LEN];
    peer_make_request(
        &peers[i], vectors_bytes(upper.yard.publics, "device_spki", CYAN_DEVICE_SPKI_LEN), request);
    request[99] ^= junk;
    peer_send(&peers[i], request, sizeof request);
}

/* All requests arrive, in the order of the peers, and none is deciphered yet. */
static void send_requests(size_t first, size_t count)
{
    for (size_t i = first; i < first + count; i++) {
        size_t waiting = upper.sessions.rsa.length;
        send_request(i, false);
        /* What is read in a turn is queued; the queue works before that, so it is held back. */
        upper.sessions.rsa.cost[RSA_OPEN] = RSA_PER_TURN + 1;
        yard_turn(&upper.yard);
        assert_int_equal(upper.sessions.rsa.length, waiting + 1);
    }
    upper.sessions.rsa.cost[RSA_OPEN] = 1;
}

/* Custody was asked about these peers, in this order. */
static void expect_order(const size_t *order, size_t count)
{
    upper.pending_count = 0;
    for (size_t i = 0; i < count; i++) {
        upper.sessions.rsa.cost[RSA_OPEN] = RSA_PER_TURN; /* one a turn */
        yard_turn(&upper.yard);
        assert_int_equal(upper.pending_count, i + 1);
        if (upper.claim.id[0] != order[i] + 1) {
            fail_msg("request %zu was that of peer %d", i, upper.claim.id[0] - 1);
        }
    }
    upper.sessions.rsa.cost[RSA_OPEN] = 1;
}

/* Peers 0 to 5 at one address, 6 at another, 7 and 8 at a third. */
static void come_from_three(void)
{
    for (size_t i = 0; i < 9; i++) {
        come_from(i, i < 6 ? 2 : i < 7 ? 3 : 4);
    }
}

static void while_the_queue_is_short_the_oldest_is_next(void **state)
{
    (void)state;
    static const size_t order[] = {0, 1, 2, 3, 4, 5, 6, 7, 8};
    come_from_three();
    send_requests(0, 9);
    expect_order(order, COUNT_OF(order));
}

static void while_it_is_long_addresses_take_turns(void **state)
{
    (void)state;
    static const size_t order[] = {0, 6, 7, 1, 8, 2, 3, 4, 5};
    come_from_three();
    send_requests(0, 9);
    yard_pass(LONGER_MS);
    expect_order(order, COUNT_OF(order));
}

/* A device at this address has a full session, and leaves. */
static void be_good_at(uint8_t host)
{
    struct peer peer;
    upper.judge = upper.admit = UPPER_FULL;
    peer_host = host;
    upper_live_peer(&upper, &peer, 0xEE, false);
    peer_host = 1;
    peer_close(&peer);
    yard_settle(&upper.yard);
    upper.judge = UPPER_SILENT;
}

static void while_it_is_long_addresses_that_had_a_full_session_go_first(void **state)
{
    (void)state;
    static const size_t order[] = {7, 8, 0, 6, 1, 2, 3, 4, 5};
    be_good_at(4);
    come_from_three();
    send_requests(0, 9);
    yard_pass(LONGER_MS);
    expect_order(order, COUNT_OF(order));
}

static void a_held_session_does_not_make_an_address_good_until_it_is_promoted(void **state)
{
    (void)state;
    static const size_t turns[] = {0, 6, 7, 1, 8, 2, 3, 4, 5};
    static const size_t good_first[] = {7, 8, 0, 6, 1, 2, 3, 4, 5};
    struct peer held;
    for (int promoted = 0; promoted <= 1; promoted++) {
        upper.judge = upper.admit = UPPER_HELD;
        peer_host = 4;
        upper_live_peer(&upper, &held, 0xEE, false);
        peer_host = 1;
        if (promoted) {
            session_promoted(upper.session);
        }
        upper.judge = UPPER_SILENT;
        come_from_three();
        send_requests(0, 9);
        yard_pass(LONGER_MS);
        expect_order(promoted ? good_first : turns, 9);
        for (size_t i = 0; i < 9; i++) {
            peer_close(&peers[i]);
        }
        peer_close(&held);
        yard_settle(&upper.yard);
    }
}

/* So many undecipherable requests from this address, one after the other. */
static void send_junk(uint8_t host, unsigned times)
{
    for (unsigned i = 0; i < times; i++) {
        unsigned nobodies = upper.nobodies;
        come_from(MANY - 1, host);
        send_request(MANY - 1, true);
        yard_settle(&upper.yard);
        assert_int_equal(upper.nobodies, nobodies + 1);
        upper.pending_count = 0;
        peer_close(&peers[MANY - 1]);
        yard_settle(&upper.yard);
    }
    upper.failures = 0;
}

/* The queue gets long with requests from elsewhere; then one comes from this address. Whether it
 * was turned away. */
static bool is_turned_away(uint8_t host, uint64_t waits_ms)
{
    for (size_t i = 0; i < 3; i++) {
        come_from(i, 9);
    }
    come_from(3, host);
    send_requests(0, 3);
    yard_pass(waits_ms);
    upper.sessions.rsa.cost[RSA_OPEN] = RSA_PER_TURN + 1;
    send_request(3, false);
    yard_turn(&upper.yard);
    yard_turn(&upper.yard);
    upper.sessions.rsa.cost[RSA_OPEN] = 1;
    peer_look(&peers[3]);
    bool away = peers[3].closed;
    assert_int_equal(upper.failures, away);
    if (away) {
        assert_int_equal(upper.failure.end, SESSION_END_FLOOD);
        assert_int_equal(peers[3].len, 0);
    }
    upper.failures = 0;
    for (size_t i = 0; i <= 3; i++) {
        peer_close(&peers[i]);
    }
    yard_settle(&upper.yard);
    upper.pending_count = 0;
    return away;
}

static void an_address_with_33_pieces_of_junk_stays_outside_while_the_queue_is_long(void **state)
{
    (void)state;
    send_junk(2, ADMISSION_JUNK_MAX);
    assert_false(is_turned_away(2, LONGER_MS));
    send_junk(2, 1);
    assert_false(is_turned_away(2, 0)); /* while it is short */
    assert_true(is_turned_away(2, LONGER_MS));
    assert_false(is_turned_away(3, LONGER_MS)); /* another address */
    yard_advance(&upper.yard, ADMISSION_JUNK_MS);
    assert_false(is_turned_away(2, LONGER_MS));
}

static void junk_does_not_shut_out_an_address_with_a_good_device(void **state)
{
    (void)state;
    be_good_at(2);
    send_junk(2, 2 * ADMISSION_JUNK_MAX);
    assert_false(is_turned_away(2, LONGER_MS));
}

static void handshakes_alone_never_shut_an_address_out(void **state)
{
    (void)state;
    upper.judge = UPPER_REFUSE;
    for (unsigned i = 0; i < 3 * ADMISSION_JUNK_MAX; i++) {
        come_from(0, 2);
        send_request(0, false);
        yard_settle(&upper.yard);
        peer_close(&peers[0]);
        yard_settle(&upper.yard);
    }
    upper.judge = UPPER_SILENT;
    assert_false(is_turned_away(2, LONGER_MS));
}

static void a_thousand_devices_behind_one_address_all_come_in_while_the_queue_is_long(void **state)
{
    (void)state;
    enum { WAVES = 70 };
    upper.judge = UPPER_FULL;
    for (size_t wave = 0; wave < WAVES; wave++) {
        for (size_t i = 0; i < MANY; i++) {
            come_from(i, 2);
        }
        send_requests(0, MANY);
        yard_pass(LONGER_MS);
        for (size_t i = 0; i < MANY; i++) {
            peer_accept(&peers[i]);
            peer_close(&peers[i]);
        }
        yard_settle(&upper.yard);
    }
    assert_int_equal(upper.judged, WAVES * MANY);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(while_the_queue_is_short_the_oldest_is_next),
        CASE(while_it_is_long_addresses_take_turns),
        CASE(while_it_is_long_addresses_that_had_a_full_session_go_first),
        CASE(a_held_session_does_not_make_an_address_good_until_it_is_promoted),
        CASE(an_address_with_33_pieces_of_junk_stays_outside_while_the_queue_is_long),
        CASE(junk_does_not_shut_out_an_address_with_a_good_device),
        CASE(handshakes_alone_never_shut_an_address_out),
        CASE(a_thousand_devices_behind_one_address_all_come_in_while_the_queue_is_long),
    };
    yard_quiet();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
