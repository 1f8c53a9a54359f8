#include "base/secret.h"

#include <string.h>

#include "tests/unit/support.h"
#include "tests/unit/unit.h"

enum { LEN = 67 }; /* no multiple of a word */

static void fill(uint8_t *data)
{
    for (size_t i = 0; i < LEN; i++) {
        data[i] = (uint8_t)(i * 37 + 1);
    }
}

static void a_difference_in_any_single_bit_is_seen(void **state)
{
    (void)state;
    uint8_t a[LEN], b[LEN];
    fill(a);
    fill(b);
    assert_true(cyan_ct_equal(a, b, LEN));
    for (size_t bit = 0; bit < LEN * (size_t)8; bit++) {
        b[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_false(cyan_ct_equal(a, b, LEN));
        b[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
}

static void a_difference_behind_the_length_does_not_count(void **state)
{
    (void)state;
    uint8_t a[LEN], b[LEN];
    for (size_t len = 0; len < LEN; len++) {
        fill(a);
        fill(b);
        b[len] ^= 0x80;
        assert_true(cyan_ct_equal(a, b, len));
        assert_false(cyan_ct_equal(a, b, len + 1));
    }
}

static void wiping_clears_exactly_the_bytes_asked_for(void **state)
{
    (void)state;
    uint8_t data[LEN], whole[LEN];
    fill(whole);
    for (size_t len = 0; len <= LEN; len++) {
        fill(data);
        cyan_wipe(data, len);
        assert_true(all_bytes_are(data, 0, len));
        assert_memory_equal(data + len, whole + len, LEN - len);
    }
    cyan_wipe(NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_difference_in_any_single_bit_is_seen),
        cmocka_unit_test(a_difference_behind_the_length_does_not_count),
        cmocka_unit_test(wiping_clears_exactly_the_bytes_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
