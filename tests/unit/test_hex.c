#include "base/hex.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/support.h"
#include "tests/unit/unit.h"

static void every_byte_is_written_as_printf_writes_it_and_read_back(void **state)
{
    (void)state;
    for (unsigned value = 0; value < 256; value++) {
        uint8_t byte = (uint8_t)value;
        uint8_t back = (uint8_t)~byte;
        char text[3], expected[3];
        (void)snprintf(expected, sizeof expected, "%02x", value);
        cyan_hex_encode(&byte, 1, text);
        assert_string_equal(text, expected);
        assert_int_equal(cyan_hex_decode(text, 2, &back, 1), 0);
        assert_int_equal(back, byte);
        text[0] = (char)toupper(text[0]);
        text[1] = (char)toupper(text[1]);
        assert_int_equal(cyan_hex_decode(text, 2, &back, 1), 0);
        assert_int_equal(back, byte);
    }
}

static void nothing_is_written_as_the_empty_text(void **state)
{
    (void)state;
    char text[1] = {'x'};
    uint8_t none;
    cyan_hex_encode(NULL, 0, text);
    assert_string_equal(text, "");
    assert_int_equal(cyan_hex_decode("", 0, &none, 0), 0);
}

static void every_character_that_is_no_digit_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    for (size_t place = 0; place < 4; place++) {
        for (int c = -128; c < 128; c++) {
            char text[] = "12ab";
            uint8_t out[2] = {0x77, 0x77};
            text[place] = (char)c;
            int err = cyan_hex_decode(text, 4, out, 2);
            if (c > 0 && isxdigit(c)) {
                assert_int_equal(err, 0);
            } else {
                assert_int_equal(err, CYAN_E_MALFORMED);
                assert_true(all_bytes_are(out, 0x77, sizeof out));
            }
        }
    }
}

static void a_text_of_any_other_length_is_refused(void **state)
{
    (void)state;
    static const char text[] = "00112233445566778899aabbccddeeff";
    for (size_t text_len = 0; text_len <= 32; text_len++) {
        for (size_t len = 0; len <= 16; len++) {
            uint8_t out[16];
            int err = cyan_hex_decode(text, text_len, out, len);
            assert_int_equal(err, text_len == 2 * len ? 0 : CYAN_E_MALFORMED);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_is_written_as_printf_writes_it_and_read_back),
        cmocka_unit_test(nothing_is_written_as_the_empty_text),
        cmocka_unit_test(every_character_that_is_no_digit_is_refused_and_changes_nothing),
        cmocka_unit_test(a_text_of_any_other_length_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
