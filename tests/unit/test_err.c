#include "base/err.h"

#include <ctype.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include "tests/unit/unit.h"

struct row {
    int number;
    const char *name, *sentence;
};

static const struct row rows[] = {
#define X(number, name, sentence) {number, #name, sentence},
    CYAN_ERRORS(X)
#undef X
};

static void every_error_has_its_own_number_from_1_without_gaps(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(rows[i].number, i + 1);
    }
    /* These numbers are written in logs and scripts: they never change. */
    assert_int_equal(CYAN_E_TRUNCATED, -1);
    assert_int_equal(CYAN_E_NOT_DECIPHERABLE, -7);
    assert_int_equal(CYAN_E_AGAIN, -20);
    assert_int_equal(CYAN_E_OFFLINE, -27);
}

static void names_and_sentences_are_those_of_the_list_and_all_different(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_string_equal(cyan_err_name(-rows[i].number), rows[i].name);
        assert_string_equal(cyan_err_text(-rows[i].number), rows[i].sentence);
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(rows[i].name, rows[k].name);
            assert_string_not_equal(rows[i].sentence, rows[k].sentence);
        }
    }
}

static void a_sentence_stands_inside_another_one(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *text = rows[i].sentence;
        assert_true(strlen(text) > 0);
        assert_true(islower((unsigned char)text[0]));
        assert_true(text[strlen(text) - 1] != '.');
    }
}

static void counts_are_no_errors_and_strange_numbers_have_words_too(void **state)
{
    (void)state;
    static const int good[] = {0, 1, 27, INT_MAX};
    static const int strange[] = {-(int)COUNT_OF(rows) - 1, -1000, INT_MIN};
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        assert_string_equal(cyan_err_name(good[i]), "OK");
        assert_string_equal(cyan_err_text(good[i]), "done");
    }
    for (size_t i = 0; i < COUNT_OF(strange); i++) {
        assert_string_equal(cyan_err_name(strange[i]), "UNKNOWN");
        assert_string_equal(cyan_err_text(strange[i]), "unknown error");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_error_has_its_own_number_from_1_without_gaps),
        cmocka_unit_test(names_and_sentences_are_those_of_the_list_and_all_different),
        cmocka_unit_test(a_sentence_stands_inside_another_one),
        cmocka_unit_test(counts_are_no_errors_and_strange_numbers_have_words_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
