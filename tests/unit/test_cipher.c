#include "wire/cipher.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "crypto/openssl.h"
#include "tests/unit/support.h"
#include "tests/unit/unit.h"
#include "tests/unit/vectors.h"
#include "wire/frame.h"

enum { LENGTHS = 48, FRAME_CAP = 2 + 65536 };

static struct cyan_crypto *crypto;

static int set_up(void **state)
{
    (void)state;
    crypto = cyan_openssl_create();
    return crypto ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    cyan_openssl_destroy(crypto);
    return 0;
}

static void start(struct cyan_cipher *c, const struct vectors *v)
{
    cyan_cipher_init(c, vectors_bytes(v, "credentials", CYAN_CREDENTIALS_LEN));
}

/* Opens a frame as its receiver does and expects this message. */
static void expect_opens(struct cyan_cipher *c, const struct vector *frame,
                         const struct vector *message)
{
    uint8_t *copy = copy_of(frame->data, frame->len);
    int body = cyan_frame_next(copy, frame->len, CYAN_FRAME_MAX_FROM_DEVICE);
    size_t len = 0;
    assert_int_equal(body, frame->len - CYAN_FRAME_HEADER);
    assert_int_equal(cyan_cipher_open(c, crypto, copy + CYAN_FRAME_HEADER, (size_t)body, &len), 0);
    assert_int_equal(len, message->len);
    assert_memory_equal(copy + CYAN_FRAME_HEADER, message->data, len);
    free(copy);
}

static void expect_seals(struct cyan_cipher *c, const struct vector *message,
                         const struct vector *frame)
{
    uint8_t *out = malloc(frame->len);
    size_t len = 0;
    assert_non_null(out);
    assert_int_equal(cyan_cipher_sealed_len(message->len), frame->len);
    assert_int_equal(
        cyan_cipher_seal(c, crypto, message->data, message->len, out, frame->len, &len), 0);
    assert_int_equal(len, frame->len);
    assert_memory_equal(out, frame->data, len);
    free(out);
}

static void run_direction(const char *file, const char *direction, unsigned count)
{
    struct vectors *v = vectors_open(file);
    struct cyan_cipher sender, receiver;
    start(&sender, v);
    start(&receiver, v);
    for (unsigned i = 1; i <= count; i++) {
        char name[VECTOR_NAME_MAX];
        (void)snprintf(name, sizeof name, "%s_message_%u", direction, i);
        const struct vector *message = vectors_get(v, name);
        (void)snprintf(name, sizeof name, "%s_frame_%u", direction, i);
        const struct vector *frame = vectors_get(v, name);
        expect_seals(&sender, message, frame);
        expect_opens(&receiver, frame, message);
    }
    vectors_close(v);
}

static void the_examples_of_the_specification_come_out_in_both_directions(void **state)
{
    (void)state;
    run_direction("spec-session.txt", "device", 2);
    run_direction("spec-session.txt", "server", 2);
}

static void chains_of_an_independent_tool_come_out_for_every_length_from_1_to_48(void **state)
{
    (void)state;
    run_direction("session.txt", "device", LENGTHS);
    run_direction("session.txt", "server", LENGTHS);
}

static void directions_do_not_touch_each_others_chain(void **state)
{
    (void)state;
    struct vectors *v = vectors_open("spec-session.txt");
    struct cyan_cipher device;
    start(&device, v);
    expect_seals(&device, vectors_get(v, "device_message_1"), vectors_get(v, "device_frame_1"));
    expect_opens(&device, vectors_get(v, "server_frame_1"), vectors_get(v, "server_message_1"));
    expect_seals(&device, vectors_get(v, "device_message_2"), vectors_get(v, "device_frame_2"));
    expect_opens(&device, vectors_get(v, "server_frame_2"), vectors_get(v, "server_message_2"));
    vectors_close(v);
}

static void a_frame_that_comes_twice_or_out_of_order_does_not_open_as_itself(void **state)
{
    (void)state;
    struct vectors *v = vectors_open("spec-session.txt");
    struct cyan_cipher device;
    const struct vector *frame = vectors_get(v, "server_frame_1");
    const struct vector *message = vectors_get(v, "server_message_1");
    start(&device, v);
    expect_opens(&device, frame, message);
    uint8_t *again = copy_of(frame->data + CYAN_FRAME_HEADER, 16);
    size_t len = 0;
    int err = cyan_cipher_open(&device, crypto, again, 16, &len);
    assert_true(err == CYAN_E_PADDING || len != message->len ||
                memcmp(again, message->data, len) != 0);
    free(again);
    vectors_close(v);
}

/* Enciphers blocks as they are, so that a test chooses the padding. */
static void seal_blocks(const struct cyan_cipher *c, uint8_t *blocks, size_t len)
{
    assert_int_equal(crypto->aes128_cbc_encrypt(crypto->ctx, c->key, c->send_iv, blocks, len), 0);
}

static int open_blocks(const struct vectors *v, const uint8_t *blocks, size_t len, size_t *out_len)
{
    struct cyan_cipher c;
    uint8_t *copy = copy_of(blocks, len);
    start(&c, v);
    seal_blocks(&c, copy, len);
    int err = cyan_cipher_open(&c, crypto, copy, len, out_len);
    free(copy);
    return err;
}

static void every_changed_byte_of_the_padding_is_refused(void **state)
{
    (void)state;
    enum { BODY = 48 };
    struct vectors *v = vectors_open("spec-session.txt");
    for (size_t pad = 1; pad <= 16; pad++) {
        for (size_t place = BODY - pad; place < BODY; place++) {
            for (unsigned change = 1; change < 256; change++) {
                uint8_t blocks[BODY];
                memset(blocks, 0xC3, sizeof blocks);
                memset(blocks + BODY - pad, (int)pad, pad);
                blocks[place] ^= (uint8_t)change;
                size_t len = 777;
                int err = open_blocks(v, blocks, BODY, &len);
                /* The last byte alone may turn it into the padding of one byte. */
                if (place == BODY - 1 && blocks[place] == 1) {
                    assert_int_equal(err, 0);
                    assert_int_equal(len, BODY - 1);
                } else {
                    assert_int_equal(err, CYAN_E_PADDING);
                    assert_int_equal(len, 777);
                }
            }
        }
    }
    vectors_close(v);
}

static void a_frame_of_padding_alone_holds_no_message_and_is_refused(void **state)
{
    (void)state;
    struct vectors *v = vectors_open("spec-session.txt");
    uint8_t blocks[32];
    size_t len = 777;
    memset(blocks, 16, sizeof blocks);
    assert_int_equal(open_blocks(v, blocks, 16, &len), CYAN_E_PADDING);
    assert_int_equal(open_blocks(v, blocks, 32, &len), 0);
    assert_int_equal(len, 16);
    vectors_close(v);
}

static void a_ciphertext_that_is_no_multiple_of_16_is_refused_and_moves_nothing(void **state)
{
    (void)state;
    struct vectors *v = vectors_open("spec-session.txt");
    struct cyan_cipher c, before;
    start(&c, v);
    before = c;
    for (size_t len = 0; len <= 64; len++) {
        if (len % 16 == 0 && len > 0) {
            continue;
        }
        uint8_t *data = calloc(1, len ? len : 1);
        size_t out_len = 777;
        assert_non_null(data);
        assert_int_equal(cyan_cipher_open(&c, crypto, data, len, &out_len), CYAN_E_MALFORMED);
        assert_int_equal(out_len, 777);
        assert_memory_equal(&c, &before, sizeof c);
        free(data);
    }
    vectors_close(v);
}

static void sealing_refuses_every_buffer_that_is_too_small(void **state)
{
    (void)state;
    struct vectors *v = vectors_open("spec-session.txt");
    static const uint8_t message[64] = {0};
    struct cyan_cipher c, before;
    start(&c, v);
    before = c;
    for (size_t len = 1; len <= sizeof message; len++) {
        for (size_t cap = 0; cap < cyan_cipher_sealed_len(len); cap++) {
            uint8_t *frame = malloc(cap ? cap : 1);
            size_t out_len = 777;
            assert_non_null(frame);
            assert_int_equal(cyan_cipher_seal(&c, crypto, message, len, frame, cap, &out_len),
                             CYAN_E_NO_SPACE);
            assert_int_equal(out_len, 777);
            assert_memory_equal(&c, &before, sizeof c);
            free(frame);
        }
    }
    vectors_close(v);
}

static void sealing_refuses_every_length_that_the_header_cannot_hold(void **state)
{
    (void)state;
    enum { LAST = 65519 }; /* padded to 65520, the last multiple of 16 in two bytes */
    static const size_t too_long[] = {LAST + 1,     65535,         65536,        1 << 20,
                                      SIZE_MAX / 2, SIZE_MAX - 17, SIZE_MAX - 1, SIZE_MAX};
    struct vectors *v = vectors_open("spec-session.txt");
    uint8_t *message = calloc(1, FRAME_CAP);
    uint8_t *frame = malloc(FRAME_CAP);
    size_t len = 777;
    struct cyan_cipher c;
    assert_non_null(message);
    assert_non_null(frame);
    start(&c, v);
    for (size_t i = 0; i < COUNT_OF(too_long); i++) {
        assert_int_equal(cyan_cipher_seal(&c, crypto, message, too_long[i], frame, FRAME_CAP, &len),
                         CYAN_E_TOO_LONG);
        assert_int_equal(len, 777);
    }
    assert_int_equal(cyan_cipher_seal(&c, crypto, message, LAST, frame, FRAME_CAP, &len), 0);
    assert_int_equal(len, CYAN_FRAME_HEADER + 65520);
    assert_int_equal(cyan_get_be16(frame), 65520);
    free(frame);
    free(message);
    vectors_close(v);
}

static void a_message_may_lie_in_the_frame_it_is_sealed_into(void **state)
{
    (void)state;
    struct vectors *v = vectors_open("spec-session.txt");
    const struct vector *message = vectors_get(v, "device_message_1");
    const struct vector *expected = vectors_get(v, "device_frame_1");
    for (size_t offset = CYAN_FRAME_HEADER; offset <= 48; offset++) {
        uint8_t frame[64];
        struct cyan_cipher c;
        size_t len = 0;
        start(&c, v);
        memcpy(frame + offset, message->data, message->len);
        assert_int_equal(
            cyan_cipher_seal(&c, crypto, frame + offset, message->len, frame, sizeof frame, &len),
            0);
        assert_int_equal(len, expected->len);
        assert_memory_equal(frame, expected->data, len);
    }
    vectors_close(v);
}

static void a_finished_cipher_has_forgotten_its_key(void **state)
{
    (void)state;
    struct vectors *v = vectors_open("spec-session.txt");
    struct cyan_cipher c;
    start(&c, v);
    cyan_cipher_done(&c);
    assert_true(all_bytes_are((const uint8_t *)&c, 0, sizeof c));
    vectors_close(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_the_specification_come_out_in_both_directions),
        cmocka_unit_test(chains_of_an_independent_tool_come_out_for_every_length_from_1_to_48),
        cmocka_unit_test(directions_do_not_touch_each_others_chain),
        cmocka_unit_test(a_frame_that_comes_twice_or_out_of_order_does_not_open_as_itself),
        cmocka_unit_test(every_changed_byte_of_the_padding_is_refused),
        cmocka_unit_test(a_frame_of_padding_alone_holds_no_message_and_is_refused),
        cmocka_unit_test(a_ciphertext_that_is_no_multiple_of_16_is_refused_and_moves_nothing),
        cmocka_unit_test(sealing_refuses_every_buffer_that_is_too_small),
        cmocka_unit_test(sealing_refuses_every_length_that_the_header_cannot_hold),
        cmocka_unit_test(a_message_may_lie_in_the_frame_it_is_sealed_into),
        cmocka_unit_test(a_finished_cipher_has_forgotten_its_key),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
