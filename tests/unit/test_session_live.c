/* A live session, after the Hellos. */
#include <string.h>
#include <sys/socket.h>

#include "base/bytes.h"
#include "server/session/session.h"
#include "tests/unit/unit.h"
#include "tests/unit/upper.h"
#include "wire/event.h"
#include "wire/message.h"

static struct upper upper;
static struct peer peer;

static int set_up(void **state)
{
    (void)state;
    upper_open(&upper);
    upper_live_peer(&upper, &peer, 0x5A, false);
    assert_int_equal(upper.lived, 1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    peer_close(&peer);
    upper_close(&upper);
    return 0;
}

static const uint16_t bad_lens[] = {0, 1, 8, 15, 17, 1023, 1025, 1040, 32768, 65535};

static void live_frames_split_at_any_byte_arrive_whole_and_in_order(void **state)
{
    (void)state;
    for (size_t step = 1; step < 400; step += step < 40 ? 1 : 17) {
        uint8_t stream[1200];
        size_t len = 0, lens[] = {0, 20, 1, 300, 13, 0, 47, 90};
        unsigned heard = upper.heard;
        uint32_t sum = upper.message_sum;
        for (size_t i = 0; i < COUNT_OF(lens); i++) {
            len += peer_seal_event(&peer, lens[i], stream + len, sizeof stream - len);
            sum = sum * 31 + peer.last_id;
        }
        for (size_t at = 0; at < len; at += step) {
            peer_send(&peer, stream + at, step < len - at ? step : len - at);
            yard_turn(&upper.yard);
        }
        yard_settle(&upper.yard);
        assert_int_equal(upper.heard, heard + COUNT_OF(lens));
        assert_int_equal(upper.message_sum, sum);
        assert_null(upper.session->partial);
    }
}

static void a_pair_of_live_frames_cut_anywhere_arrives(void **state)
{
    (void)state;
    size_t len = 2;
    for (size_t cut = 1; cut < len; cut++) {
        uint8_t stream[200];
        unsigned heard = upper.heard;
        len = peer_seal_event(&peer, 5, stream, sizeof stream);
        len += peer_seal_event(&peer, 30, stream + len, sizeof stream - len);
        peer_send(&peer, stream, cut);
        yard_settle(&upper.yard);
        peer_send(&peer, stream + cut, len - cut);
        yard_settle(&upper.yard);
        assert_int_equal(upper.heard, heard + 2);
    }
    assert_true(len > 60);
}

static void live_frames_of_every_length_up_to_1024_arrive(void **state)
{
    (void)state;
    for (size_t len = 0; len <= CYAN_EVENT_DATA_MAX; len += 11) {
        uint8_t frame[1200];
        peer_send(&peer, frame, peer_seal_event(&peer, len, frame, sizeof frame));
    }
    yard_settle(&upper.yard);
    assert_int_equal(upper.heard, CYAN_EVENT_DATA_MAX / 11 + 1);
    assert_int_equal(upper.ended, 0);
}

static void expect_end(enum session_end end)
{
    peer_expect_close(&peer);
    yard_settle(&upper.yard);
    assert_int_equal(upper.ended, upper.lived);
    assert_int_equal(upper.end, end);
    peer_close(&peer);
}

static void a_live_frame_of_bad_length_closes_at_its_header(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad_lens); i++) {
        for (size_t cut = 0; cut < 2; cut++) {
            uint8_t stream[100];
            unsigned heard = upper.heard;
            size_t len = peer_seal_event(&peer, 5, stream, sizeof stream);
            cyan_put_be16(stream + len, bad_lens[i]);
            peer_send(&peer, stream, len + cut);
            yard_settle(&upper.yard);
            peer_send(&peer, stream + len + cut, 2 - cut);
            expect_end(SESSION_END_BAD_FRAME);
            assert_int_equal(upper.heard, heard + 1); /* what came before it was whole */
            upper_live_peer(&upper, &peer, 0x5A, false);
        }
    }
}

static void a_live_frame_that_deciphers_to_junk_closes(void **state)
{
    (void)state;
    static const uint8_t no_padding[16] = {0x40, 0, 0x20, 1};
    static const uint8_t version_2[] = {0x80, 0, 0x20, 1};
    peer_send_unpadded(&peer, no_padding, sizeof no_padding);
    expect_end(SESSION_END_BAD_FRAME);
    upper_live_peer(&upper, &peer, 0x5A, false);
    cyan_write_bytes(peer_begin(&peer), version_2, sizeof version_2);
    peer_say(&peer);
    expect_end(SESSION_END_BAD_FRAME);
    assert_int_equal(upper.heard, 0);
}

static void a_session_idle_for_31_seconds_is_closed_and_any_byte_counts(void **state)
{
    (void)state;
    uint8_t frame[64];
    size_t len = peer_seal_event(&peer, 0, frame, sizeof frame);
    for (size_t i = 0; i < len; i++) {
        yard_advance(&upper.yard, SESSION_IDLE_MS - 100);
        assert_int_equal(upper.ended, 0);
        peer_send(&peer, frame + i, 1);
        yard_settle(&upper.yard);
    }
    assert_int_equal(upper.heard, 1);
    yard_advance(&upper.yard, SESSION_IDLE_MS - 100);
    assert_int_equal(upper.ended, 0);
    yard_advance(&upper.yard, 300);
    expect_end(SESSION_END_TIMEOUT);
}

static void fill_message(size_t len)
{
    struct cyan_writer *w = session_begin(upper.session);
    struct cyan_coap_writer cw;
    cyan_coap_begin(&cw, w, CYAN_COAP_NON, CYAN_COAP_POST, session_new_id(upper.session), NULL, 0);
    while (!w->failed && w->len < len) {
        cyan_write_u8(w, w->len == CYAN_COAP_HEADER_LEN ? 0xFF : 'x');
    }
}

static void a_message_that_is_too_long_is_not_sent_and_the_next_one_is(void **state)
{
    (void)state;
    struct cyan_coap msg;
    for (size_t len = 700; len < 800; len++) {
        bool fits = len < CYAN_FRAME_MAX_TO_DEVICE;
        fill_message(len);
        assert_int_equal(session_send(upper.session), fits ? 0 : CYAN_E_TOO_LONG);
        if (fits) {
            peer_hear(&peer, &msg);
            assert_int_equal(msg.payload_len, len - CYAN_COAP_HEADER_LEN - 1);
        }
    }
    fill_message(20);
    assert_int_equal(session_send(upper.session), 0);
    peer_hear(&peer, &msg);
    assert_int_equal(msg.payload_len, 15);
    assert_int_equal(upper.ended, 0);
}

static void message_ids_count_on_and_wrap(void **state)
{
    (void)state;
    struct cyan_coap msg;
    upper.session->next_id = 0xFFFD;
    for (uint16_t want = 0xFFFE; want != 3; want++) {
        cyan_ping_write(session_begin(upper.session), session_new_id(upper.session));
        assert_int_equal(session_send(upper.session), 0);
        peer_hear(&peer, &msg);
        assert_int_equal(msg.id, want);
    }
}

static void a_session_that_is_closed_takes_no_more_messages(void **state)
{
    (void)state;
    struct session *session = upper.session;
    session_close(session, SESSION_END_DISPLACED);
    session_close(session, SESSION_END_TIMEOUT);
    cyan_ping_write(session_begin(session), session_new_id(session));
    assert_int_equal(session_send(session), CYAN_E_CLOSED);
    expect_end(SESSION_END_DISPLACED);
}

static void close_it(void *arg, struct session *session, const struct cyan_coap *msg)
{
    (void)arg;
    (void)msg;
    session_close(session, SESSION_END_KEY_CHANGED);
}

static void frames_behind_the_one_that_closed_the_session_are_not_heard(void **state)
{
    (void)state;
    uint8_t stream[400];
    upper.above.message = close_it;
    size_t len = peer_seal_event(&peer, 5, stream, sizeof stream);
    for (size_t i = 0; i < 4; i++) {
        len += peer_seal_event(&peer, i, stream + len, sizeof stream - len);
    }
    peer_send(&peer, stream, len - 1);
    expect_end(SESSION_END_KEY_CHANGED);
    assert_int_equal(upper.heard, 1);
}

static void a_device_that_does_not_read_is_closed_as_such(void **state)
{
    (void)state;
    size_t sent = 0;
    while (upper.ended == 0) {
        for (size_t i = 0; upper.session && i < 10; i++, sent += 700) {
            fill_message(700);
            (void)session_send(upper.session);
        }
        yard_turn(&upper.yard);
        assert_true(sent < 16 * 1024 * 1024);
    }
    assert_int_equal(upper.end, SESSION_END_SLOW);
}

static void a_device_that_closes_ends_its_session(void **state)
{
    (void)state;
    struct linger now = {.l_onoff = 1};
    assert_int_equal(shutdown(peer.fd, SHUT_WR), 0);
    expect_end(SESSION_END_PEER);
    upper_live_peer(&upper, &peer, 0x5A, false);
    assert_int_equal(setsockopt(peer.fd, SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
    peer_close(&peer);
    yard_settle(&upper.yard);
    assert_int_equal(upper.ended, 2);
    assert_int_equal(upper.end, SESSION_END_PEER);
}

static void stop_ends_the_sessions_of_every_state_and_lets_nobody_in(void **state)
{
    (void)state;
    struct peer many[12], late;
    uint8_t request[CYAN_REQUEST_LEN];
    const uint8_t *spki = vectors_bytes(upper.yard.publics, "device_spki", CYAN_DEVICE_SPKI_LEN);
    for (size_t i = 0; i < COUNT_OF(many); i++) {
        upper_peer(&upper, &many[i], (uint8_t)i);
    }
    for (size_t i = 3; i < COUNT_OF(many); i++) {
        upper.judge = i < 6 ? UPPER_SILENT : UPPER_FULL;
        upper.admit = UPPER_SILENT;
        peer_make_request(&many[i], spki, request);
        peer_send(&many[i], request, i == 3 ? 77 : sizeof request);
        if (i >= 6 && i < 10) {
            peer_accept(&many[i]);
        }
        if (i >= 8 && i < 10) {
            peer_write_hello(&many[i], false);
            peer_say(&many[i]);
        }
        if (i < 10) { /* the last ones are still in the RSA queue */
            yard_settle(&upper.yard);
        }
    }
    (void)uv_run(&upper.yard.shard->loop, UV_RUN_NOWAIT);
    sessions_stop(&upper.sessions);
    upper_peer(&upper, &late, 99);
    for (size_t i = 0; i < COUNT_OF(many); i++) {
        peer_expect_close(&many[i]);
        peer_close(&many[i]);
    }
    peer_expect_close(&late);
    peer_close(&late);
    expect_end(SESSION_END_STOPPED);
    assert_int_equal(upper.sessions.table.count, 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(live_frames_split_at_any_byte_arrive_whole_and_in_order),
        CASE(a_pair_of_live_frames_cut_anywhere_arrives),
        CASE(live_frames_of_every_length_up_to_1024_arrive),
        CASE(a_live_frame_of_bad_length_closes_at_its_header),
        CASE(a_live_frame_that_deciphers_to_junk_closes),
        CASE(a_session_idle_for_31_seconds_is_closed_and_any_byte_counts),
        CASE(a_message_that_is_too_long_is_not_sent_and_the_next_one_is),
        CASE(message_ids_count_on_and_wrap),
        CASE(a_session_that_is_closed_takes_no_more_messages),
        CASE(frames_behind_the_one_that_closed_the_session_are_not_heard),
        CASE(a_device_that_does_not_read_is_closed_as_such),
        CASE(a_device_that_closes_ends_its_session),
        CASE(stop_ends_the_sessions_of_every_state_and_lets_nobody_in),
    };
    yard_quiet();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
