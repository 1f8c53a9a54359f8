#include "wire/pkcs1.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/support.h"
#include "tests/unit/unit.h"
#include "tests/unit/vectors.h"

enum { BLOCK = 128, MESSAGE = 40, SEPARATOR = BLOCK - MESSAGE - 1 };

/* As pkcs1 answers: all ones or nothing, never something between. */
static bool holds(const uint8_t *block, size_t block_len, size_t message_len)
{
    uint32_t answer = cyan_pkcs1_holds(block, block_len, message_len);
    assert_true(answer == 0 || answer == UINT32_MAX);
    return answer != 0;
}

static void good_block(uint8_t block[static BLOCK])
{
    memset(block, 0xA5, BLOCK);
    block[0] = 0;
    block[1] = 2;
    block[SEPARATOR] = 0;
}

static void only_the_first_two_bytes_00_02_are_accepted(void **state)
{
    (void)state;
    uint8_t block[BLOCK];
    for (unsigned first = 0; first < 256; first++) {
        for (unsigned second = 0; second < 256; second++) {
            good_block(block);
            block[0] = (uint8_t)first;
            block[1] = (uint8_t)second;
            assert_int_equal(holds(block, BLOCK, MESSAGE), first == 0 && second == 2);
        }
    }
}

static void a_separator_counts_in_one_place_only(void **state)
{
    (void)state;
    for (size_t place = 2; place < BLOCK; place++) {
        uint8_t block[BLOCK];
        good_block(block);
        block[SEPARATOR] = 0xA5;
        block[place] = 0;
        assert_int_equal(holds(block, BLOCK, MESSAGE), place == SEPARATOR);
    }
}

static void a_second_zero_is_refused_in_the_padding_and_allowed_in_the_message(void **state)
{
    (void)state;
    for (size_t place = 2; place < BLOCK; place++) {
        uint8_t block[BLOCK];
        good_block(block);
        block[place] = 0;
        assert_int_equal(holds(block, BLOCK, MESSAGE), place >= SEPARATOR);
    }
}

static void every_value_but_0_is_refused_as_separator_and_taken_as_padding(void **state)
{
    (void)state;
    for (unsigned value = 0; value < 256; value++) {
        uint8_t block[BLOCK];
        good_block(block);
        block[SEPARATOR] = (uint8_t)value;
        assert_int_equal(holds(block, BLOCK, MESSAGE), value == 0);
        for (size_t place = 2; place < SEPARATOR; place++) {
            good_block(block);
            block[place] = (uint8_t)value;
            assert_int_equal(holds(block, BLOCK, MESSAGE), value != 0);
        }
    }
}

static void a_block_holds_a_message_of_its_one_length(void **state)
{
    (void)state;
    uint8_t block[BLOCK];
    good_block(block);
    for (size_t len = 0; len <= BLOCK - 11; len++) {
        assert_int_equal(holds(block, BLOCK, len), len == MESSAGE);
    }
    memset(block, 0, BLOCK);
    for (size_t len = 0; len <= BLOCK - 11; len++) {
        assert_false(holds(block, BLOCK, len));
    }
}

static void sealing_puts_every_length_that_fits_where_holds_finds_it(void **state)
{
    (void)state;
    uint8_t random[BLOCK], message[BLOCK], block[BLOCK];
    const struct cyan_crypto crypto = {.random = fixed_random};
    memset(random, 0x5A, sizeof random);
    memset(message, 0, sizeof message);
    for (size_t len = 0; len <= BLOCK + 1; len++) {
        fixed_random_start(random, sizeof random);
        memset(block, 0xEE, sizeof block);
        int err = cyan_pkcs1_seal(&crypto, message, len, block, BLOCK);
        if (len > BLOCK - 11) {
            assert_int_equal(err, CYAN_E_TOO_LONG);
            assert_true(all_bytes_are(block, 0xEE, sizeof block));
            continue;
        }
        assert_int_equal(err, 0);
        assert_true(holds(block, BLOCK, len));
        assert_int_equal(fixed_random_left(), sizeof random - (BLOCK - len - 3));
        assert_true(all_bytes_are(block + 2, 0x5A, BLOCK - len - 3));
    }
}

static void no_block_is_so_small_that_sealing_writes_outside(void **state)
{
    (void)state;
    uint8_t random[BLOCK];
    const struct cyan_crypto crypto = {.random = fixed_random};
    memset(random, 0x5A, sizeof random);
    for (size_t block_len = 0; block_len <= 24; block_len++) {
        for (size_t len = 0; len <= 24; len++) {
            uint8_t *message = calloc(1, len ? len : 1);
            uint8_t *block = malloc(block_len ? block_len : 1);
            assert_non_null(message);
            assert_non_null(block);
            fixed_random_start(random, sizeof random);
            int expected = len + 11 <= block_len ? 0 : CYAN_E_TOO_LONG;
            assert_int_equal(cyan_pkcs1_seal(&crypto, message, len, block, block_len), expected);
            assert_int_equal(cyan_pkcs1_sign_block(message, len, block, block_len), expected);
            free(block);
            free(message);
        }
    }
}

static void a_zero_from_the_random_source_is_drawn_again(void **state)
{
    (void)state;
    enum { PADDING = BLOCK - MESSAGE - 3 };
    const struct cyan_crypto crypto = {.random = fixed_random};
    const uint8_t message[MESSAGE] = {0};
    for (size_t place = 0; place < PADDING; place++) {
        uint8_t random[PADDING + 3], block[BLOCK];
        memset(random, 0x5A, sizeof random);
        random[place] = 0;
        random[PADDING] = 0; /* the second try fails too */
        random[PADDING + 1] = 0;
        random[PADDING + 2] = 0x77;
        fixed_random_start(random, sizeof random);
        assert_int_equal(cyan_pkcs1_seal(&crypto, message, MESSAGE, block, BLOCK), 0);
        assert_true(holds(block, BLOCK, MESSAGE));
        assert_int_equal(block[2 + place], 0x77);
        assert_int_equal(fixed_random_left(), 0);
    }
}

static void a_random_source_that_fails_is_an_error_wherever_it_fails(void **state)
{
    (void)state;
    enum { PADDING = BLOCK - MESSAGE - 3 };
    const struct cyan_crypto crypto = {.random = fixed_random};
    const uint8_t message[MESSAGE] = {0};
    uint8_t random[PADDING + 2] = {0}, block[BLOCK];
    for (size_t len = 0; len <= sizeof random; len++) {
        fixed_random_start(random, len);
        assert_int_equal(cyan_pkcs1_seal(&crypto, message, MESSAGE, block, BLOCK), CYAN_E_RANDOM);
    }
}

static void a_signed_block_is_00_01_ff_00_digest(void **state)
{
    (void)state;
    uint8_t digest[CYAN_SHA1_LEN], block[CYAN_RSA2048_LEN];
    memset(digest, 0x3C, sizeof digest);
    assert_int_equal(cyan_pkcs1_sign_block(digest, sizeof digest, block, sizeof block), 0);
    assert_int_equal(block[0], 0);
    assert_int_equal(block[1], 1);
    assert_true(all_bytes_are(block + 2, 0xFF, 233));
    assert_int_equal(block[235], 0);
    assert_true(all_bytes_are(block + 236, 0x3C, sizeof digest));
    assert_false(holds(block, sizeof block, sizeof digest));
}

static void blocks_of_an_independent_tool_are_made_byte_for_byte(void **state)
{
    (void)state;
    static const struct {
        const char *padding, *block;
        size_t block_len, message_len;
    } rows[] = {
        {"long_padding", "long_block", 256, 214},
        {"short_padding", "short_block", 256, 52},
        {"answer_padding", "answer_block", 128, 40},
    };
    const struct cyan_crypto crypto = {.random = fixed_random};
    struct vectors *v = vectors_open("handshake.txt");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct vector *padding = vectors_get(v, rows[i].padding);
        const uint8_t *expected = vectors_bytes(v, rows[i].block, rows[i].block_len);
        const uint8_t *message = expected + rows[i].block_len - rows[i].message_len;
        uint8_t block[256];
        assert_true(holds(expected, rows[i].block_len, rows[i].message_len));
        fixed_random_start(padding->data, padding->len);
        assert_int_equal(
            cyan_pkcs1_seal(&crypto, message, rows[i].message_len, block, rows[i].block_len), 0);
        assert_memory_equal(block, expected, rows[i].block_len);
        assert_int_equal(fixed_random_left(), 0);
    }
    vectors_close(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_first_two_bytes_00_02_are_accepted),
        cmocka_unit_test(a_separator_counts_in_one_place_only),
        cmocka_unit_test(a_second_zero_is_refused_in_the_padding_and_allowed_in_the_message),
        cmocka_unit_test(every_value_but_0_is_refused_as_separator_and_taken_as_padding),
        cmocka_unit_test(a_block_holds_a_message_of_its_one_length),
        cmocka_unit_test(sealing_puts_every_length_that_fits_where_holds_finds_it),
        cmocka_unit_test(no_block_is_so_small_that_sealing_writes_outside),
        cmocka_unit_test(a_zero_from_the_random_source_is_drawn_again),
        cmocka_unit_test(a_random_source_that_fails_is_an_error_wherever_it_fails),
        cmocka_unit_test(a_signed_block_is_00_01_ff_00_digest),
        cmocka_unit_test(blocks_of_an_independent_tool_are_made_byte_for_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
