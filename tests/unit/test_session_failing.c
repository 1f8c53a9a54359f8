/* The one road of every request that fails: nobody can tell why it did, neither by bytes nor by
 * time. */
#include <string.h>
#include <sys/socket.h>

#include "server/session/session.h"
#include "tests/unit/unit.h"
#include "tests/unit/upper.h"

void __real_session_fail(struct session *session);
void __wrap_session_fail(struct session *session);

static unsigned decided; /* how often the moment of a close was decided */

void __wrap_session_fail(struct session *session)
{
    decided++;
    __real_session_fail(session);
}

static struct upper upper;

enum why { UNDECIPHERABLE, REFUSED, BOTH };

static struct peer peers[BOTH]; /* by why they fail */

static int set_up(void **state)
{
    (void)state;
    decided = 0;
    upper_open(&upper);
    upper.judge = UPPER_REFUSE;
    for (size_t i = 0; i < BOTH; i++) {
        upper_peer(&upper, &peers[i], 0x5A);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < BOTH; i++) {
        peer_close(&peers[i]);
    }
    upper_close(&upper);
    return 0;
}

/* Both send their requests, which arrive in one turn. */
static void send_both(void)
{
    uint8_t requests[BOTH][CYAN_REQUEST_LEN];
    const uint8_t *spki = vectors_bytes(upper.yard.publics, "device_spki", CYAN_DEVICE_SPKI_LEN);
    for (size_t i = 0; i < BOTH; i++) {
        peer_make_request(&peers[i], spki, requests[i]);
    }
    requests[UNDECIPHERABLE][100] ^= 1;
    for (size_t i = 0; i < BOTH; i++) {
        peer_send(&peers[i], requests[i], CYAN_REQUEST_LEN);
    }
    yard_settle(&upper.yard);
}

static void look_at_both(void)
{
    for (size_t i = 0; i < BOTH; i++) {
        peer_look(&peers[i]);
        assert_int_equal(peers[i].len, 0);
    }
}

static void expect_both_open(void)
{
    look_at_both();
    assert_false(peers[UNDECIPHERABLE].closed);
    assert_false(peers[REFUSED].closed);
}

static void expect_both_closed(void)
{
    yard_settle(&upper.yard);
    look_at_both();
    assert_true(peers[UNDECIPHERABLE].closed);
    assert_true(peers[REFUSED].closed);
    assert_int_equal(upper.sessions.table.count, 0);
    assert_int_equal(upper.sessions.handshakes, 0);
}

static void both_close_together_200_to_300_ms_after_the_request(void **state)
{
    (void)state;
    enum { STEP_MS = 10, BEFORE = 17, LAST = 32 };
    send_both();
    assert_int_equal(upper.judged, 1);
    assert_int_equal(upper.nobodies, 1);
    for (int step = 1; step <= LAST; step++) {
        yard_advance(&upper.yard, STEP_MS);
        look_at_both();
        assert_int_equal(peers[UNDECIPHERABLE].closed, peers[REFUSED].closed);
        if (step <= BEFORE) {
            expect_both_open();
        }
    }
    expect_both_closed();
    assert_int_equal(decided, BOTH);
}

static void when_custody_answers_late_both_close_at_once(void **state)
{
    (void)state;
    upper.judge = UPPER_SILENT;
    send_both();
    yard_advance(&upper.yard, 5000);
    expect_both_open();
    upper.judge = UPPER_REFUSE;
    yard_turn(&upper.yard);
    expect_both_closed();
    assert_int_equal(decided, BOTH);
}

static void an_answer_of_custody_in_between_does_not_move_the_moment(void **state)
{
    (void)state;
    upper.judge = UPPER_SILENT;
    send_both();
    yard_advance(&upper.yard, 150);
    upper.judge = UPPER_REFUSE;
    yard_settle(&upper.yard);
    expect_both_open();
    yard_advance(&upper.yard, 160);
    expect_both_closed();
}

static void what_cannot_be_deciphered_fails_whatever_custody_says(void **state)
{
    (void)state;
    static const enum upper_answer answers[] = {UPPER_FULL, UPPER_HELD};
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        upper.judge = answers[i];
        send_both();
        yard_advance(&upper.yard, 150);
        assert_int_equal(upper.sessions.handshakes, BOTH);
        yard_advance(&upper.yard, 160);
        peer_look(&peers[UNDECIPHERABLE]);
        assert_true(peers[UNDECIPHERABLE].closed);
        assert_int_equal(peers[UNDECIPHERABLE].len, 0);
        peer_accept(&peers[REFUSED]); /* the other one is not */
        assert_int_equal(decided, i + 1);
        for (size_t k = 0; k < BOTH; k++) {
            peer_close(&peers[k]);
            upper_peer(&upper, &peers[k], 0x5A);
        }
    }
}

static void nobody_is_another_one_every_time_and_has_a_key_of_the_right_form(void **state)
{
    (void)state;
    enum { TIMES = 20 };
    struct cyan_claim claims[TIMES];
    uint8_t request[CYAN_REQUEST_LEN] = {0};
    for (size_t i = 0; i < TIMES; i++) {
        struct peer peer;
        upper_peer(&upper, &peer, 1);
        peer_want(&peer, CYAN_NONCE_LEN);
        peer_send(&peer, request, sizeof request);
        yard_settle(&upper.yard);
        assert_int_equal(upper.nobodies, i + 1);
        claims[i] = upper.claim;
        assert_true(claims[i].has_key);
        assert_int_equal(cyan_device_spki_check(claims[i].spki, sizeof claims[i].spki), 0);
        for (size_t k = 0; k < i; k++) {
            assert_memory_not_equal(claims[k].id, claims[i].id, CYAN_ID_LEN);
            assert_memory_not_equal(claims[k].spki, claims[i].spki, CYAN_DEVICE_SPKI_LEN);
        }
        peer_close(&peer);
    }
}

static void bytes_that_come_while_it_fails_change_nothing(void **state)
{
    (void)state;
    static const uint8_t junk[5000] = {0};
    send_both();
    for (size_t i = 0; i < BOTH; i++) {
        peer_send(&peers[i], junk, sizeof junk);
    }
    yard_advance(&upper.yard, 150);
    for (size_t i = 0; i < BOTH; i++) { /* closed with bytes unread: the end is a reset */
        assert_int_equal(upper.sessions.handshakes, BOTH);
        peer_look(&peers[i]);
        assert_false(peers[i].closed);
    }
    yard_advance(&upper.yard, 160);
    expect_both_closed();
    assert_int_equal(upper.failures, 1);
    assert_int_equal(upper.failure.end, SESSION_END_NOT_DECIPHERABLE);
}

static void one_that_leaves_while_it_fails_is_gone_at_once_and_told_all_the_same(void **state)
{
    (void)state;
    send_both();
    for (size_t i = 0; i < BOTH; i++) {
        assert_int_equal(shutdown(peers[i].fd, SHUT_WR), 0);
    }
    expect_both_closed();
    assert_int_equal(upper.failures, 1);
    assert_int_equal(upper.failure.end, SESSION_END_NOT_DECIPHERABLE);
    assert_int_equal(upper.failure.stage, SESSION_OPENING);
    assert_null(upper.failure.id);
}

/* However it ends while custody thinks, what could not be deciphered is one cause. */
static void one_that_misbehaves_while_it_is_judged_is_told_as_not_decipherable(void **state)
{
    (void)state;
    upper.judge = UPPER_SILENT;
    for (int byte = 0; byte <= 1; byte++) {
        struct peer peer;
        uint8_t request[CYAN_REQUEST_LEN] = {0};
        upper_peer(&upper, &peer, 1);
        peer_want(&peer, CYAN_NONCE_LEN);
        peer_send(&peer, request, sizeof request);
        yard_settle(&upper.yard);
        if (byte) {
            peer_send(&peer, request, 1);
        } else {
            assert_int_equal(shutdown(peer.fd, SHUT_WR), 0);
        }
        yard_settle(&upper.yard);
        assert_int_equal(upper.failures, byte + 1);
        assert_int_equal(upper.failure.end, SESSION_END_NOT_DECIPHERABLE);
        assert_int_equal(upper.failure.stage, SESSION_OPENING);
        assert_null(upper.failure.id);
        assert_null(upper.failure.fingerprint);
        peer_close(&peer);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(both_close_together_200_to_300_ms_after_the_request),
        CASE(when_custody_answers_late_both_close_at_once),
        CASE(an_answer_of_custody_in_between_does_not_move_the_moment),
        CASE(what_cannot_be_deciphered_fails_whatever_custody_says),
        CASE(nobody_is_another_one_every_time_and_has_a_key_of_the_right_form),
        CASE(bytes_that_come_while_it_fails_change_nothing),
        CASE(one_that_leaves_while_it_fails_is_gone_at_once_and_told_all_the_same),
        CASE(one_that_misbehaves_while_it_is_judged_is_told_as_not_decipherable),
    };
    yard_quiet();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
