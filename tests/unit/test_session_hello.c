/* A session from our answer to the two Hellos. */
#include <string.h>

#include "base/bytes.h"
#include "server/session/session.h"
#include "tests/unit/unit.h"
#include "tests/unit/upper.h"
#include "wire/message.h"

static struct upper upper;
static struct peer peer;

static int set_up(void **state)
{
    (void)state;
    upper_open(&upper);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    peer_close(&peer);
    upper_close(&upper);
    return 0;
}

/* A peer whose handshake is done and whose Hello is still to come. */
static void shake(void)
{
    upper_peer(&upper, &peer, 0x5A);
    peer_shake(&peer);
}

static void expect_hello(void)
{
    struct cyan_coap msg;
    peer_hear(&peer, &msg);
    assert_int_equal(cyan_message_kind(&msg), CYAN_MSG_HELLO);
    assert_int_equal(msg.type, CYAN_COAP_NON);
    assert_int_equal(msg.token_len, 0);
    assert_int_equal(msg.payload_len, 0);
}

static void a_hello_split_at_any_byte_makes_a_session(void **state)
{
    (void)state;
    uint8_t frame[64];
    size_t len = 2;
    for (size_t cut = 1; cut < len; cut++) {
        shake();
        peer_write_hello(&peer, false);
        len = peer_seal(&peer, frame, sizeof frame);
        peer_send(&peer, frame, cut);
        yard_settle(&upper.yard);
        assert_int_equal(upper.proven, cut - 1);
        peer_send(&peer, frame + cut, len - cut);
        expect_hello();
        assert_int_equal(upper.lived, cut);
        assert_memory_equal(upper.id, peer.id, CYAN_ID_LEN);
        assert_memory_equal(
            upper.fingerprint,
            vectors_bytes(upper.yard.publics, "device_fingerprint", CYAN_SHA256_LEN),
            CYAN_SHA256_LEN);
        assert_int_equal(upper.hello.platform_id, CYAN_PLATFORM_PHOTON);
        assert_int_equal(upper.hello.message_id, peer.last_id);
        assert_string_equal(upper.address, "127.0.0.1");
        peer_close(&peer);
    }
    assert_true(len > 16);
}

/* The first message of a device, as raw bytes. */
struct first {
    const char *what;
    size_t len;
    uint8_t bytes[32];
};

static void a_first_message_that_is_no_strict_hello_proves_nothing(void **state)
{
    (void)state;
#define PAYLOAD 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 6
    static const struct first firsts[] = {
        {"an event", 11, {0x50, 2, 0x20, 1, 0xb1, 'e', 1, 't', 0xff, 'x', 'y'}},
        {"another path", 15, {0x50, 2, 0x20, 1, 0xb1, 'g', PAYLOAD}},
        {"a longer path", 16, {0x50, 2, 0x20, 1, 0xb2, 'h', 'h', PAYLOAD}},
        {"the path twice", 17, {0x50, 2, 0x20, 1, 0xb1, 'h', 1, 'h', PAYLOAD}},
        {"no path", 13, {0x50, 2, 0x20, 1, PAYLOAD}},
        {"the path as a query", 15, {0x50, 2, 0x20, 1, 0xd1, 2, 'h', PAYLOAD}},
        {"CoAP version 0", 15, {0x10, 2, 0x20, 1, 0xb1, 'h', PAYLOAD}},
        {"CoAP version 2", 15, {0x90, 2, 0x20, 1, 0xb1, 'h', PAYLOAD}},
        {"CoAP version 3", 15, {0xd0, 2, 0x20, 1, 0xb1, 'h', PAYLOAD}},
        {"a token of 15 bytes", 30, {0x5f, 2, 0x20, 1,  1,  2,  3,  4,  5,    6,   7,
                                     8,    9, 10,   11, 12, 13, 14, 15, 0xb1, 'h', PAYLOAD}},
        {"a token of 9 bytes",
         24,
         {0x59, 2, 0x20, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0xb1, 'h', PAYLOAD}},
        {"a payload of 7 bytes", 14, {0x50, 2, 0x20, 1, 0xb1, 'h', 0xff, 1, 2, 3, 4, 5, 6, 7}},
        {"no payload", 6, {0x50, 2, 0x20, 1, 0xb1, 'h'}},
        {"an empty payload", 7, {0x50, 2, 0x20, 1, 0xb1, 'h', 0xff}},
        {"an id that is cut", 18, {0x50, 2, 0x20, 1, 0xb1, 'h', PAYLOAD, 0, 12, 1}},
        {"GET", 15, {0x50, 1, 0x20, 1, 0xb1, 'h', PAYLOAD}},
        {"PUT", 15, {0x50, 3, 0x20, 1, 0xb1, 'h', PAYLOAD}},
        {"a response", 15, {0x50, 0x45, 0x20, 1, 0xb1, 'h', PAYLOAD}},
        {"ACK", 15, {0x60, 2, 0x20, 1, 0xb1, 'h', PAYLOAD}},
        {"RST", 15, {0x70, 2, 0x20, 1, 0xb1, 'h', PAYLOAD}},
        {"a ping", 4, {0x40, 0, 0x20, 1}},
        {"three bytes", 3, {0x50, 2, 0x20}},
        {"an option that is cut", 6, {0x50, 2, 0x20, 1, 0xb5, 'h'}},
    };
#undef PAYLOAD
    for (size_t i = 0; i < COUNT_OF(firsts); i++) {
        shake();
        cyan_write_bytes(peer_begin(&peer), firsts[i].bytes, firsts[i].len);
        peer_say(&peer);
        peer_expect_close(&peer);
        if (peer.len > 0 || upper.proven > 0) {
            fail_msg("%s was taken for a Hello", firsts[i].what);
        }
        peer_close(&peer);
    }
    assert_int_equal(upper.lived, 0);
}

static void the_same_hello_as_con_with_a_token_or_with_surplus_is_one(void **state)
{
    (void)state;
    static const uint8_t con[] = {0x41, 2, 0x20, 1, 7, 0xb1, 'h', 0xff, 1, 2, 3, 4, 0, 0, 0, 6};
    static const uint8_t rest[1000 - sizeof con] = {0};
    shake();
    cyan_write_bytes(peer_begin(&peer), con, sizeof con);
    cyan_write_bytes(&peer.writer, rest, sizeof rest);
    peer_say(&peer);
    expect_hello();
    assert_int_equal(upper.lived, 1);
}

static void a_hello_without_whole_padding_proves_nothing(void **state)
{
    (void)state;
    static const uint8_t hello[15] = {0x50, 2, 0x20, 1, 0xb1, 'h', 0xff, 0, 0, 0, 0, 0, 0, 0, 6};
    for (unsigned pad = 0; pad <= 255; pad += pad < 20 ? 1 : 47) {
        uint8_t plain[32];
        if (pad == 17) {
            continue; /* the right one, below */
        }
        memset(plain, (int)pad, sizeof plain);
        memcpy(plain, hello, sizeof hello);
        plain[15] = 1; /* within, so that only the last byte says how much there is */
        shake();
        peer_send_unpadded(&peer, plain, sizeof plain);
        peer_expect_close(&peer);
        assert_int_equal(peer.len, 0);
        peer_close(&peer);
    }
    /* One padding byte in the middle is wrong. */
    for (size_t wrong = 16; wrong < 31; wrong++) {
        uint8_t plain[32];
        memset(plain, 16, sizeof plain);
        memcpy(plain, hello, sizeof hello);
        plain[wrong] ^= 1;
        shake();
        peer_send_unpadded(&peer, plain, sizeof plain);
        peer_expect_close(&peer);
        peer_close(&peer);
    }
    assert_int_equal(upper.proven, 0);
}

static const uint16_t bad_lens[] = {0, 1, 8, 15, 17, 1023, 1025, 1040, 32768, 65535};

static void a_first_frame_of_bad_length_closes_at_its_header(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad_lens); i++) {
        uint8_t header[2];
        cyan_put_be16(header, bad_lens[i]);
        for (size_t cut = 0; cut < 2; cut++) {
            shake();
            peer_send(&peer, header, cut);
            yard_settle(&upper.yard);
            peer_send(&peer, header + cut, 2 - cut);
            peer_expect_close(&peer);
            peer_close(&peer);
        }
    }
    assert_int_equal(upper.proven, 0);
}

static void our_hello_comes_only_when_custody_has_admitted(void **state)
{
    (void)state;
    upper.admit = UPPER_SILENT;
    shake();
    peer_write_hello(&peer, false);
    peer_say(&peer);
    yard_settle(&upper.yard);
    yard_advance(&upper.yard, SESSION_OURS_MS - 200);
    peer_look(&peer);
    assert_int_equal(upper.proven, 1);
    assert_int_equal(peer.len, 0);
    assert_false(peer.closed);
    assert_int_equal(upper.lived, 0);
    upper.admit = UPPER_FULL;
    expect_hello();
    assert_int_equal(upper.lived, 1);
    yard_advance(&upper.yard, SESSION_IDLE_MS - 200); /* and a whole idle time begins */
    assert_int_equal(upper.ended, 0);
}

static void custody_that_does_not_admit_ends_the_session_after_20_seconds(void **state)
{
    (void)state;
    upper.admit = UPPER_SILENT;
    shake();
    peer_write_hello(&peer, false);
    peer_say(&peer);
    yard_settle(&upper.yard);
    yard_advance(&upper.yard, SESSION_OURS_MS + 200);
    peer_expect_close(&peer);
    assert_int_equal(peer.len, 0);
    upper.admit = UPPER_FULL;
    yard_settle(&upper.yard);
    assert_int_equal(upper.lived, 0);
}

static void a_device_that_custody_refuses_at_last_hears_nothing(void **state)
{
    (void)state;
    upper.admit = UPPER_REFUSE;
    shake();
    peer_write_hello(&peer, false);
    peer_say(&peer);
    peer_expect_close(&peer);
    assert_int_equal(peer.len, 0);
    assert_int_equal(upper.proven, 1);
    assert_int_equal(upper.lived + upper.ended, 0);
}

static void what_comes_between_hello_and_admission_is_not_read_and_not_lost(void **state)
{
    (void)state;
    for (size_t cut = 1; cut < 200; cut += 13) {
        uint8_t stream[2000];
        unsigned heard = upper.heard;
        upper.admit = UPPER_SILENT;
        shake();
        peer_write_hello(&peer, false);
        size_t len = peer_seal(&peer, stream, sizeof stream);
        size_t hello_len = len;
        for (size_t i = 0; i < 5; i++) {
            len += peer_seal_event(&peer, i * 40, stream + len, sizeof stream - len);
        }
        assert_true(hello_len + cut < len);
        peer_send(&peer, stream, hello_len + cut);
        yard_settle(&upper.yard);
        assert_int_equal(upper.heard, heard);
        assert_int_equal(upper.lived, (cut - 1) / 13);
        /* Not one byte behind the Hello has left the kernel. */
        assert_null(sessions_find(&upper.sessions, upper.serial)->partial);
        upper.admit = UPPER_FULL;
        expect_hello();
        peer_send(&peer, stream + hello_len + cut, len - hello_len - cut);
        yard_settle(&upper.yard);
        assert_int_equal(upper.heard, heard + 5);
        assert_int_equal(upper.message_id, peer.last_id);
        peer_close(&peer);
        yard_settle(&upper.yard);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_hello_split_at_any_byte_makes_a_session),
        CASE(a_first_message_that_is_no_strict_hello_proves_nothing),
        CASE(the_same_hello_as_con_with_a_token_or_with_surplus_is_one),
        CASE(a_hello_without_whole_padding_proves_nothing),
        CASE(a_first_frame_of_bad_length_closes_at_its_header),
        CASE(our_hello_comes_only_when_custody_has_admitted),
        CASE(custody_that_does_not_admit_ends_the_session_after_20_seconds),
        CASE(a_device_that_custody_refuses_at_last_hears_nothing),
        CASE(what_comes_between_hello_and_admission_is_not_read_and_not_lost),
    };
    yard_quiet();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
