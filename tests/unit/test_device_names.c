#include "server/cloud/device_names.h"

#include <string.h>

#include "tests/unit/unit.h"

enum { PAIRS = 1024 };

static void every_name_is_short_and_made_of_letters_digits_and_bars(void **state)
{
    (void)state;
    static const uint64_t highs[] = {0, 1, UINT64_MAX >> 10};
    for (size_t h = 0; h < COUNT_OF(highs); h++) {
        for (uint64_t low = 0; low < PAIRS; low++) {
            for (unsigned attempt = 0; attempt < DEVICE_NAMES_ATTEMPTS; attempt++) {
                char name[DEVICE_NAMES_TEXT];
                memset(name, '!', sizeof name);
                device_names_make(highs[h] << 10 | low, attempt, name);
                size_t len = strnlen(name, sizeof name);
                assert_in_range(len, 7, sizeof name - 1);
                assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_"), len);
                /* It ends in a whole word or number: it was not cut. */
                assert_true(name[len - 1] != '_');
            }
        }
    }
}

static void the_attempts_of_one_number_give_different_names(void **state)
{
    (void)state;
    for (uint64_t random = 0; random < PAIRS; random++) {
        char names[DEVICE_NAMES_ATTEMPTS][DEVICE_NAMES_TEXT];
        for (unsigned i = 0; i < DEVICE_NAMES_ATTEMPTS; i++) {
            device_names_make(random, i, names[i]);
            for (unsigned j = 0; j < i; j++) {
                assert_string_not_equal(names[i], names[j]);
            }
        }
    }
}

static void different_numbers_give_all_pairs_of_words(void **state)
{
    (void)state;
    static char names[PAIRS][DEVICE_NAMES_TEXT];
    for (uint64_t random = 0; random < PAIRS; random++) {
        device_names_make(random, 0, names[random]);
        for (uint64_t other = 0; other < random; other++) {
            assert_string_not_equal(names[random], names[other]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_name_is_short_and_made_of_letters_digits_and_bars),
        cmocka_unit_test(the_attempts_of_one_number_give_different_names),
        cmocka_unit_test(different_numbers_give_all_pairs_of_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
