#include "cli/args.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/unit.h"

static const struct args_option own[] = {{"count", "N", ""}, {"all", NULL, ""}, {NULL, NULL, NULL}};
static const struct args_option global[] = {
    {"json", NULL, ""}, {"help", NULL, ""}, {"api", "URL", ""}, {NULL, NULL, NULL}};

/* Takes all words; returns whether that worked. */
static bool take_all(struct args *args, char *const *argv, size_t argc, struct fault *fault)
{
    *args = (struct args){0};
    *fault = (struct fault){0};
    for (size_t at = 0; at < argc;) {
        size_t used = args_take(args, own, global, argv + at, argc - at, fault);
        if (used == 0) {
            return false;
        }
        at += used;
    }
    return true;
}

#define TAKE(args, fault, ...)                                                                     \
    take_all(args, (char *[]){__VA_ARGS__}, COUNT_OF(((char *[]){__VA_ARGS__})), fault)

static void options_are_found_between_words_in_both_spellings(void **state)
{
    (void)state;
    struct args args;
    struct fault fault;
    assert_true(TAKE(&args, &fault, "one", "--count", "5", "--json", "two", "--api=http://x"));
    assert_int_equal(args.word_count, 2);
    assert_string_equal(args_word(&args, 0), "one");
    assert_string_equal(args_word(&args, 1), "two");
    assert_null(args_word(&args, 2));
    assert_string_equal(args_value(&args, "count"), "5");
    assert_string_equal(args_value(&args, "api"), "http://x");
    assert_true(args_has(&args, "json"));
    assert_false(args_has(&args, "all"));
    assert_null(args_value(&args, "all"));
}

static void a_value_may_look_like_an_option(void **state)
{
    (void)state;
    struct args args;
    struct fault fault;
    assert_true(TAKE(&args, &fault, "--count", "--json"));
    assert_string_equal(args_value(&args, "count"), "--json");
    assert_false(args_has(&args, "json"));
    assert_true(TAKE(&args, &fault, "--count="));
    assert_string_equal(args_value(&args, "count"), "");
}

static void words_with_one_dash_and_words_after_two_are_words(void **state)
{
    (void)state;
    struct args args;
    struct fault fault;
    assert_true(TAKE(&args, &fault, "-5", "-", "", "--", "--json", "--", "-h"));
    assert_int_equal(args.word_count, 6);
    assert_int_equal(args.given_count, 0);
    assert_string_equal(args_word(&args, 3), "--json");
    assert_string_equal(args_word(&args, 4), "--");
    assert_true(TAKE(&args, &fault, "-h"));
    assert_true(args_has(&args, "help"));
}

static void what_is_wrong_is_a_usage_fault_that_names_it(void **state)
{
    (void)state;
    static const struct {
        const char *words[2];
        const char *named;
    } cases[] = {
        {{"--colour", NULL}, "--colour"},  {{"--coun", "5"}, "--coun"},
        {{"--counts", "5"}, "--counts"},   {{"--count", NULL}, "--count"},
        {{"--all=yes", NULL}, "--all"},    {{"--all", "--all"}, "--all"},
        {{"--api=a", "--api=b"}, "--api"}, {{"--=x", NULL}, "--"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct args args;
        struct fault fault;
        char *argv[] = {(char *)cases[i].words[0], (char *)cases[i].words[1]};
        assert_false(take_all(&args, argv, argv[1] ? 2 : 1, &fault));
        assert_string_equal(fault.code, "USAGE");
        assert_memory_equal(fault.message, cases[i].named, strlen(cases[i].named));
    }
}

static void an_option_with_dots_may_be_given_again_and_no_other(void **state)
{
    (void)state;
    static const struct args_option list[] = {
        {"net", "CIDR...", ""}, {"dot", "X..", ""}, {"none", "...", ""}, {NULL, NULL, NULL}};
    static const char *const once[] = {"dot", "none"};
    struct args args = {0};
    struct fault fault;
    char *given[] = {"--net", "a", "--net=b", "--net", "c"};
    for (size_t i = 0; i < COUNT_OF(given);) {
        size_t used = args_take(&args, list, NULL, given + i, COUNT_OF(given) - i, &fault);
        assert_in_range(used, 1, 2);
        i += used;
    }
    assert_string_equal(args_value(&args, "net"), "a");
    assert_string_equal(args_each(&args, "net", 1), "b");
    assert_string_equal(args_each(&args, "net", 2), "c");
    assert_null(args_each(&args, "net", 3));
    for (size_t i = 0; i < COUNT_OF(once); i++) {
        char word[16], *at = word;
        (void)snprintf(word, sizeof word, "--%s=x", once[i]);
        assert_int_equal(args_take(&args, list, NULL, &at, 1, &fault), 1);
        assert_int_equal(args_take(&args, list, NULL, &at, 1, &fault), 0);
    }
}

static void too_many_words_or_options_are_refused_and_not_lost(void **state)
{
    (void)state;
    struct args args;
    struct fault fault;
    char *words[ARGS_WORDS_MAX + 1];
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        words[i] = "word";
    }
    assert_true(take_all(&args, words, ARGS_WORDS_MAX, &fault));
    assert_false(take_all(&args, words, ARGS_WORDS_MAX + 1, &fault));

    static char names[ARGS_OPTIONS_MAX + 1][8], given[ARGS_OPTIONS_MAX + 1][12];
    struct args_option many[ARGS_OPTIONS_MAX + 2] = {{NULL, NULL, NULL}};
    args = (struct args){0};
    for (size_t i = 0; i <= ARGS_OPTIONS_MAX; i++) {
        (void)snprintf(names[i], sizeof names[i], "o%zu", i);
        (void)snprintf(given[i], sizeof given[i], "--o%zu", i);
        many[i] = (struct args_option){names[i], NULL, ""};
    }
    for (size_t i = 0; i <= ARGS_OPTIONS_MAX; i++) {
        char *word = given[i];
        assert_int_equal(args_take(&args, many, NULL, &word, 1, &fault), i < ARGS_OPTIONS_MAX);
    }
}

static void only_decimal_numbers_in_range_are_numbers(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "-1", "+1", " 1", "1 ", "0x1", "1.0", "101", "4", "a", "99999999999999999999"};
    unsigned long number = 7;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_int_equal(args_number(bad[i], 5, 100, &number), CYAN_E_INVALID);
        assert_int_equal(number, 7);
    }
    for (unsigned long wanted = 5; wanted <= 100; wanted++) {
        char text[8];
        (void)snprintf(text, sizeof text, "%03lu", wanted);
        assert_int_equal(args_number(text, 5, 100, &number), 0);
        assert_int_equal(number, wanted);
    }
    assert_int_equal(args_number("4294967295", 0, UINT32_MAX, &number), 0);
    assert_int_equal(number, UINT32_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_are_found_between_words_in_both_spellings),
        cmocka_unit_test(a_value_may_look_like_an_option),
        cmocka_unit_test(words_with_one_dash_and_words_after_two_are_words),
        cmocka_unit_test(what_is_wrong_is_a_usage_fault_that_names_it),
        cmocka_unit_test(an_option_with_dots_may_be_given_again_and_no_other),
        cmocka_unit_test(too_many_words_or_options_are_refused_and_not_lost),
        cmocka_unit_test(only_decimal_numbers_in_range_are_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
