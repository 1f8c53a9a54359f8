/* Frames of ours that somebody sends back to us. */
#include <string.h>

#include "base/bytes.h"
#include "server/session/session.h"
#include "tests/unit/unit.h"
#include "tests/unit/upper.h"
#include "wire/message.h"

enum { BLOCK = CYAN_AES_BLOCK_LEN, FRAME = CYAN_FRAME_HEADER + 2 * BLOCK };

static struct upper upper;
static struct peer peer;

static int set_up(void **state)
{
    (void)state;
    upper_open(&upper);
    upper_peer(&upper, &peer, 0x5A);
    peer_shake(&peer);
    peer_write_hello(&peer, false);
    peer_say(&peer);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    peer_close(&peer);
    upper_close(&upper);
    return 0;
}

/* Takes the next frame of ours off the connection, as it is. */
static void take_raw(uint8_t out_frame[static FRAME], size_t *out_len)
{
    struct cyan_coap msg;
    peer_want(&peer, CYAN_FRAME_HEADER);
    *out_len = CYAN_FRAME_HEADER + (size_t)cyan_get_be16(peer.bytes);
    assert_in_range(*out_len, 1, FRAME);
    peer_want(&peer, *out_len);
    memcpy(out_frame, peer.bytes, *out_len);
    peer_hear(&peer, &msg);
}

/* One more frame of ours. */
static void make_us_speak(void)
{
    cyan_ping_write(session_begin(upper.session), session_new_id(upper.session));
    assert_int_equal(session_send(upper.session), 0);
    yard_settle(&upper.yard);
}

static void a_frame_of_ours_that_comes_back_at_once_ends_the_session(void **state)
{
    (void)state;
    uint8_t frame[FRAME];
    size_t len;
    take_raw(frame, &len);
    peer_send(&peer, frame, len);
    peer_expect_close(&peer);
    yard_settle(&upper.yard);
    assert_int_equal(upper.heard, 0);
    assert_int_equal(upper.end, SESSION_END_BAD_FRAME);
    assert_int_equal(upper.failures, 1);
    assert_true(upper.failure.was_live);
}

/* A frame that deciphers to a whole message and whose ciphertext begins with these bytes: the rest
 * of the first block is tried until its text is "version 1, no token, then a payload". */
static void forge(const uint8_t *front, size_t front_len, uint8_t out_frame[static FRAME])
{
    const struct cyan_crypto *crypto = upper.yard.crypto;
    uint8_t *first = out_frame + CYAN_FRAME_HEADER, *second = first + BLOCK;
    uint8_t text[BLOCK], iv[BLOCK];
    bool fits = false;
    cyan_put_be16(out_frame, 2 * BLOCK);
    memset(first, 0x77, BLOCK);
    memcpy(first, front, front_len);
    for (uint32_t i = 0; !fits && i < 10000000; i++) {
        memcpy(first + BLOCK - sizeof i, &i, sizeof i);
        memcpy(text, first, BLOCK);
        memcpy(iv, peer.cipher.send_iv, BLOCK);
        assert_int_equal(crypto->aes128_cbc_decrypt(crypto->ctx, peer.cipher.key, iv, text, BLOCK),
                         0);
        fits = (text[0] & 0xCF) == 0x40 && text[4] == 0xFF;
    }
    assert_true(fits);
    memset(second, BLOCK, BLOCK); /* whole padding */
    memcpy(iv, first, BLOCK);
    assert_int_equal(crypto->aes128_cbc_encrypt(crypto->ctx, peer.cipher.key, iv, second, BLOCK),
                     0);
    memcpy(peer.cipher.send_iv, first, BLOCK);
}

static void the_last_four_are_known_by_eight_bytes_and_older_ones_are_forgotten(void **state)
{
    (void)state;
    enum { SPOKEN = 6 };
    for (size_t age = 1; age <= SPOKEN; age++) {
        uint8_t ours[SPOKEN][FRAME], frame[FRAME];
        size_t len;
        for (size_t i = 0; i < SPOKEN; i++) { /* our Hello is the first */
            if (i > 0) {
                make_us_speak();
            }
            take_raw(ours[i], &len);
        }
        unsigned heard = upper.heard, ended = upper.ended;
        forge(ours[SPOKEN - age] + CYAN_FRAME_HEADER, SESSION_SENT_BYTES, frame);
        peer_send(&peer, frame, sizeof frame);
        yard_settle(&upper.yard);
        assert_int_equal(upper.ended - ended, age <= 4);
        assert_int_equal(upper.heard - heard, age > 4);
        (void)tear_down(NULL);
        (void)set_up(NULL);
    }
}

static void seven_equal_bytes_are_chance(void **state)
{
    (void)state;
    uint8_t ours[FRAME], frame[FRAME];
    size_t len;
    take_raw(ours, &len);
    uint8_t *front = ours + CYAN_FRAME_HEADER;
    front[SESSION_SENT_BYTES - 1] ^= 1;
    forge(front, SESSION_SENT_BYTES, frame);
    peer_send(&peer, frame, sizeof frame);
    yard_settle(&upper.yard);
    assert_int_equal(upper.heard, 1);
    assert_int_equal(upper.ended, 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_frame_of_ours_that_comes_back_at_once_ends_the_session),
        CASE(the_last_four_are_known_by_eight_bytes_and_older_ones_are_forgotten),
        CASE(seven_equal_bytes_are_chance),
    };
    yard_quiet();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
