#include "photon/options.h"

#include <string.h>

#include "tests/unit/support.h"
#include "tests/unit/unit.h"

enum { WORDS_MAX = 48, UNTOUCHED = 0x77 };

static struct options options;
static char error[OPTIONS_ERROR_MAX];

static int parse(const char *const *words)
{
    char *argv[WORDS_MAX + 2] = {"cyan-photon"};
    int argc = 1;
    while (words[argc - 1]) {
        assert_true(argc < WORDS_MAX);
        argv[argc] = (char *)(uintptr_t)words[argc - 1];
        argc++;
    }
    memset(&options, UNTOUCHED, sizeof options);
    memset(error, 0, sizeof error);
    return options_parse(argc, argv, &options, error);
}

#define PARSE(...) parse((const char *const[]){__VA_ARGS__, NULL})

static void every_option_is_taken_in_both_forms(void **state)
{
    (void)state;
    assert_int_equal(PARSE("--state", "d", "--server", "h.example:5683", "--impl", "b",
                           "--short-handshake", "--json", "--corrupt", "device-key:5", "--corrupt",
                           "address", "--cut-after-flash-ops", "17"),
                     0);
    assert_string_equal(options.state, "d");
    assert_true(options.has_server);
    assert_string_equal(options.server.host, "h.example");
    assert_int_equal(options.server.port, 5683);
    assert_int_equal(options.impl, 'b');
    assert_true(options.short_handshake);
    assert_true(options.json);
    assert_false(options.init);
    assert_int_equal(options.fault_count, 2);
    assert_true(options.has_cut);
    assert_int_equal(options.cut_after, 17);

    assert_int_equal(PARSE("--state=d", "--server=127.0.0.1:1", "--impl=a", "--init"), 0);
    assert_int_equal(options.server.type, CYAN_ADDRESS_IPV4);
    assert_int_equal(options.impl, 'a');
    assert_true(options.init);
    assert_false(options.has_cut);
}

static void without_options_the_firmware_of_the_state_decides(void **state)
{
    (void)state;
    assert_int_equal(PARSE("--state", "d"), 0);
    assert_int_equal(options.impl, 0);
    assert_false(options.has_server);
    assert_int_equal(options.fault_count, 0);
}

static void help_needs_nothing_else(void **state)
{
    (void)state;
    assert_int_equal(PARSE("--help"), 0);
    assert_true(options.help);
    assert_int_equal(PARSE("-h"), 0);
    assert_true(options.help);
}

static void what_is_wrong_is_refused_with_one_line(void **state)
{
    (void)state;
    static const char *const bad[][4] = {
        {NULL},
        {"--json"},
        {"--state"},
        {"--state", ""},
        {"--state="},
        {"--stat", "d"},
        {"d"},
        {"--state", "d", "more"},
        {"--state=d", "--firmware", "0.7.0"},
        {"--state=d", "--firmware=0.7.0"},
        {"--state=d", "--json=1"},
        {"--state=d", "--init=yes"},
        {"--state=d", "--impl", "c"},
        {"--state=d", "--impl="},
        {"--state=d", "--impl=ab"},
        {"--state=d", "--server", "127.0.0.1"},
        {"--state=d", "--server", ":5683"},
        {"--state=d", "--server", "host:"},
        {"--state=d", "--server", "host:0"},
        {"--state=d", "--server", "host:65536"},
        {"--state=d", "--server", "host:12x"},
        {"--state=d", "--server", "::1:5683"},
        {"--state=d", "--server", "300.1.1.1:5683"},
        {"--state=d", "--server", "ho st:5683"},
        {"--state=d", "--corrupt", "device-key:612"},
        {"--state=d", "--corrupt", "everything"},
        {"--state=d", "--corrupt"},
        {"--state=d", "--cut-after-flash-ops", "-1"},
        {"--state=d", "--cut-after-flash-ops", "4294967296"},
        {"--state=d", "--cut-after-flash-ops", ""},
        {"--state=d", "--init", "--corrupt=address"},
        {"--state=d", "--init", "--cut-after-flash-ops=1"},
        {"--state=d", "--init", "--short-handshake"},
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        const char *words[] = {bad[i][0], bad[i][1], bad[i][2], bad[i][3], NULL};
        assert_int_equal(parse(words), CYAN_E_INVALID);
        assert_true(all_bytes_are((const uint8_t *)&options, UNTOUCHED, sizeof options));
        assert_true(strlen(error) > 0);
        assert_null(strchr(error, '\n'));
    }
}

static void the_number_of_faults_is_bounded(void **state)
{
    (void)state;
    const char *words[WORDS_MAX] = {"--state=d"};
    for (size_t i = 1; i <= OPTIONS_FAULTS_MAX; i++) {
        words[i] = "--corrupt=address:1";
    }
    assert_int_equal(parse(words), 0);
    assert_int_equal(options.fault_count, OPTIONS_FAULTS_MAX);
    words[OPTIONS_FAULTS_MAX + 1] = "--corrupt=address:1";
    assert_int_equal(parse(words), CYAN_E_INVALID);
}

static void a_foreign_word_of_any_length_is_quoted_within_the_line(void **state)
{
    (void)state;
    static char word[4000];
    memset(word, 'w', sizeof word - 1);
    assert_int_equal(PARSE(word), CYAN_E_INVALID);
    assert_true(strlen(error) < sizeof error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_option_is_taken_in_both_forms),
        cmocka_unit_test(without_options_the_firmware_of_the_state_decides),
        cmocka_unit_test(help_needs_nothing_else),
        cmocka_unit_test(what_is_wrong_is_refused_with_one_line),
        cmocka_unit_test(the_number_of_faults_is_bounded),
        cmocka_unit_test(a_foreign_word_of_any_length_is_quoted_within_the_line),
    };
    return cmocka_run_group_tests_name("photon_options", tests, NULL, NULL);
}
