/* How a handshake ends in vain: by time, by the device's or custody's silence, by a close; and who
 * is told. */
#include <string.h>
#include <sys/socket.h>

#include "server/session/session.h"
#include "tests/unit/unit.h"
#include "tests/unit/upper.h"

static struct upper upper;
static struct peer peer;

static int set_up(void **state)
{
    (void)state;
    upper_open(&upper);
    upper_peer(&upper, &peer, 0x5A);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    peer_close(&peer);
    upper_close(&upper);
    return 0;
}

static void next_peer(void)
{
    peer_close(&peer);
    upper_peer(&upper, &peer, 0x5A);
}

static const uint8_t *spki_of(const char *name)
{
    return vectors_bytes(upper.yard.publics, name, CYAN_DEVICE_SPKI_LEN);
}

/* Sends the request for the nonce that came, but nothing else yet. */
static void send_request(void)
{
    uint8_t request[CYAN_REQUEST_LEN];
    peer_make_request(&peer, spki_of("device_spki"), request);
    peer_send(&peer, request, sizeof request);
}

/* The connection ends, and after the nonce not one byte came. */
static void expect_close_without_an_answer(void)
{
    peer_expect_close(&peer);
    assert_int_equal(peer.len, 0);
    yard_settle(&upper.yard);
    assert_int_equal(upper.sessions.table.count, 0);
    assert_int_equal(upper.sessions.handshakes, 0);
}

static void custody_that_does_not_answer_ends_the_session_after_20_seconds(void **state)
{
    (void)state;
    upper.judge = UPPER_SILENT;
    send_request();
    yard_settle(&upper.yard);
    yard_advance(&upper.yard, SESSION_OURS_MS - 100);
    peer_look(&peer);
    assert_false(peer.closed);
    yard_advance(&upper.yard, 300);
    expect_close_without_an_answer();
    upper.judge = UPPER_FULL; /* too late: nobody is there any more */
    yard_settle(&upper.yard);
    assert_int_equal(upper.pending_count, 0);
    assert_int_equal(upper.lived, 0);
}

static void who_says_nothing_is_closed_after_20_seconds(void **state)
{
    (void)state;
    uint8_t request[CYAN_REQUEST_LEN];
    /* Half a request is no better than none, and no bytes buy more time. */
    for (size_t sent = 0; sent <= 128; sent += 128) {
        peer_make_request(&peer, spki_of("device_spki"), request);
        yard_advance(&upper.yard, SESSION_REQUEST_MS - 200);
        peer_send(&peer, request, sent);
        yard_settle(&upper.yard);
        peer_look(&peer);
        assert_false(peer.closed);
        yard_advance(&upper.yard, 400);
        expect_close_without_an_answer();
        next_peer();
    }
}

static void who_does_not_say_hello_is_closed_after_20_seconds(void **state)
{
    (void)state;
    uint8_t frame[64];
    peer_shake(&peer);
    peer_write_hello(&peer, false);
    size_t len = peer_seal(&peer, frame, sizeof frame);
    peer_send(&peer, frame, len - 1);
    yard_advance(&upper.yard, SESSION_HELLO_MS - 200);
    peer_look(&peer);
    assert_false(peer.closed);
    yard_advance(&upper.yard, 400);
    expect_close_without_an_answer();
    assert_int_equal(upper.proven, 0);
}

static void when_too_many_wait_the_one_silent_for_longest_makes_room(void **state)
{
    (void)state;
    struct peer many[6];
    upper.sessions.handshakes_max = 4;
    yard_settle(&upper.yard); /* the first is silent too */
    for (size_t i = 0; i < COUNT_OF(many); i++) {
        upper_peer(&upper, &many[i], (uint8_t)i);
        if (i == 0) {
            uint8_t request[CYAN_REQUEST_LEN];
            upper.judge = UPPER_SILENT;
            peer_make_request(&many[i], spki_of("device_spki"), request);
            peer_send(&many[i], request, sizeof request); /* not silent: it stays */
        }
        yard_settle(&upper.yard);
        assert_in_range(upper.sessions.handshakes, 1, 4);
    }
    peer_look(&peer);
    assert_true(peer.closed);
    for (size_t i = 0; i < COUNT_OF(many); i++) {
        peer_look(&many[i]);
        assert_int_equal(many[i].closed, i == 1 || i == 2);
    }
    upper.judge = UPPER_FULL;
    peer_accept(&many[0]);
    for (size_t i = 0; i < COUNT_OF(many); i++) {
        peer_close(&many[i]);
    }
}

static void a_device_that_closes_in_any_state_leaves_nothing_behind(void **state)
{
    (void)state;
    uint8_t request[CYAN_REQUEST_LEN];
    enum { CONNECTED, HALF, OPENING, JUDGING, ANSWERED, PROVING, STAGES };
    for (int stage = 0; stage < STAGES; stage++) {
        upper.judge = stage == JUDGING ? UPPER_SILENT : UPPER_FULL;
        upper.admit = UPPER_SILENT;
        if (stage >= ANSWERED) {
            peer_shake(&peer);
        } else if (stage >= HALF) {
            peer_make_request(&peer, spki_of("device_spki"), request);
            peer_send(&peer, request, stage == HALF ? 99 : sizeof request);
        }
        if (stage == PROVING) {
            peer_write_hello(&peer, false);
            peer_say(&peer);
        }
        if (stage != OPENING) {
            yard_settle(&upper.yard);
        }
        assert_int_equal(shutdown(peer.fd, SHUT_RDWR), 0);
        yard_settle(&upper.yard);
        if (stage == PROVING) { /* nothing is read now: our own patience ends it */
            yard_advance(&upper.yard, SESSION_OURS_MS + 200);
        }
        assert_int_equal(upper.sessions.table.count, 0);
        assert_int_equal(upper.sessions.handshakes, 0);
        assert_int_equal(upper.lived, 0);
        next_peer();
    }
}

enum known { NOTHING, THE_ID, THE_KEY_TOO };

/* The handshake ends, and this is what the layers above hear of it. */
static void expect_failure(enum session_end end, enum session_state stage, enum known known)
{
    peer_expect_close(&peer);
    yard_settle(&upper.yard);
    const struct session_failure *failure = &upper.failure;
    assert_int_equal(upper.failures, 1);
    assert_int_equal(failure->serial, upper.sessions.next_serial - 1);
    assert_string_equal(session_end_name(failure->end), session_end_name(end));
    assert_int_equal(failure->stage, stage);
    assert_false(failure->was_live);
    assert_string_equal(failure->address, "127.0.0.1");
    assert_int_equal(failure->id != NULL, known >= THE_ID);
    assert_int_equal(failure->fingerprint != NULL, known >= THE_KEY_TOO);
    if (failure->id) {
        assert_memory_equal(failure->id, peer.id, CYAN_ID_LEN);
    }
    if (failure->fingerprint) {
        assert_memory_equal(
            failure->fingerprint,
            vectors_bytes(upper.yard.publics, "device_fingerprint", CYAN_SHA256_LEN),
            CYAN_SHA256_LEN);
    }
    next_peer();
    yard_settle(&upper.yard);
    upper.failures = 0;
}

static void every_handshake_that_fails_is_told_once_with_what_is_known(void **state)
{
    (void)state;
    uint8_t request[CYAN_REQUEST_LEN] = {0};
    yard_settle(&upper.yard);
    assert_int_equal(shutdown(peer.fd, SHUT_WR), 0);
    expect_failure(SESSION_END_HUNG_UP, SESSION_REQUEST, NOTHING);
    peer_send(&peer, request, 100);
    assert_int_equal(shutdown(peer.fd, SHUT_WR), 0);
    expect_failure(SESSION_END_TRUNCATED, SESSION_REQUEST, NOTHING);
    yard_advance(&upper.yard, SESSION_REQUEST_MS + 200);
    expect_failure(SESSION_END_SILENT, SESSION_REQUEST, NOTHING);
    peer_send(&peer, request, 100);
    yard_settle(&upper.yard);
    yard_advance(&upper.yard, SESSION_REQUEST_MS + 200);
    expect_failure(SESSION_END_TIMEOUT, SESSION_REQUEST, NOTHING);
    peer_send(&peer, request, sizeof request);
    expect_failure(SESSION_END_NOT_DECIPHERABLE, SESSION_OPENING, NOTHING);
    upper.judge = UPPER_SILENT;
    send_request();
    yard_settle(&upper.yard);
    peer_send(&peer, request, 1);
    expect_failure(SESSION_END_BAD_FRAME, SESSION_JUDGING, THE_ID);
    upper.judge = UPPER_FULL;
    peer_shake(&peer);
    assert_int_equal(shutdown(peer.fd, SHUT_WR), 0);
    expect_failure(SESSION_END_DROPPED_OUR_KEY, SESSION_HELLO, THE_KEY_TOO);
    peer_shake(&peer);
    peer_send(&peer, (const uint8_t *)"\0\0", 2);
    expect_failure(SESSION_END_BAD_HELLO, SESSION_HELLO, THE_KEY_TOO);
    peer_shake(&peer);
    yard_advance(&upper.yard, SESSION_HELLO_MS + 200);
    expect_failure(SESSION_END_TIMEOUT, SESSION_HELLO, THE_KEY_TOO);
}

static void what_custody_refused_and_what_is_ours_is_not_told(void **state)
{
    (void)state;
    upper.judge = UPPER_REFUSE;
    send_request();
    expect_close_without_an_answer();
    next_peer();
    upper.judge = UPPER_FULL;
    upper.admit = UPPER_REFUSE;
    peer_shake(&peer);
    peer_write_hello(&peer, false);
    peer_say(&peer);
    expect_close_without_an_answer();
    next_peer();
    upper.judge = UPPER_SILENT;
    send_request();
    yard_settle(&upper.yard);
    yard_advance(&upper.yard, SESSION_OURS_MS + 200);
    expect_close_without_an_answer();
    next_peer();
    yard_settle(&upper.yard);
    sessions_stop(&upper.sessions);
    peer_expect_close(&peer);
    assert_int_equal(upper.failures, 0);
}

static void a_stranger_does_not_write_a_line_of_the_log(void **state)
{
    (void)state;
    uint8_t request[CYAN_REQUEST_LEN] = {0};
    upper_log_start();
    yard_settle(&upper.yard);
    assert_int_equal(shutdown(peer.fd, SHUT_WR), 0);
    peer_expect_close(&peer);
    next_peer();
    peer_send(&peer, request, sizeof request);
    peer_expect_close(&peer);
    assert_int_equal(upper.failures, 2);
    assert_string_equal(upper_log_stop(), "");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(custody_that_does_not_answer_ends_the_session_after_20_seconds),
        CASE(who_says_nothing_is_closed_after_20_seconds),
        CASE(who_does_not_say_hello_is_closed_after_20_seconds),
        CASE(when_too_many_wait_the_one_silent_for_longest_makes_room),
        CASE(a_device_that_closes_in_any_state_leaves_nothing_behind),
        CASE(every_handshake_that_fails_is_told_once_with_what_is_known),
        CASE(what_custody_refused_and_what_is_ours_is_not_told),
        CASE(a_stranger_does_not_write_a_line_of_the_log),
    };
    yard_quiet();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
