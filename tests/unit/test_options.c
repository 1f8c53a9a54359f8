#include "server/options.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

enum { ARGS_MAX = 24 };

static struct options options;
static char sentence[512];

static int set_up(void **state)
{
    (void)state;
    scratch_init();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    scratch_done();
    return 0;
}

/* Parses words that are separated by single blanks; "~" is a blank inside a word. */
static int parse(const char *line)
{
    static char copy[4096];
    char *argv[ARGS_MAX] = {"cyand"};
    int argc = 1;
    (void)snprintf(copy, sizeof copy, "%s", line);
    for (char *word = copy; *word; argc++) {
        char *end = word + strcspn(word, " ");
        argv[argc] = word;
        word = *end ? end + 1 : end;
        *end = '\0';
        for (char *c = argv[argc]; *c; c++) {
            *c = *c == '~' ? ' ' : *c;
        }
    }
    sentence[0] = '\0';
    return options_parse(argc, argv, &options, sentence, sizeof sentence);
}

static void expect_sentence(const char *line, const char *wanted)
{
    struct options before;
    memset(&options, 0x5A, sizeof options);
    before = options;
    if (parse(line) != CYAN_E_INVALID || strcmp(sentence, wanted) != 0) {
        fail_msg("%s\n  said:   %s\n  wanted: %s", line, sentence, wanted);
    }
    assert_memory_equal(&options, &before, sizeof options);
}

/* Writes a configuration file and gives the words that name it. */
static const char *config(const char *text)
{
    static char words[SCRATCH_PATH_MAX + 32];
    scratch_write("cyand.conf", text, strlen(text));
    (void)snprintf(words, sizeof words, "--config %s", scratch_path("cyand.conf"));
    return words;
}

static void without_arguments_the_documented_defaults_hold(void **state)
{
    (void)state;
    assert_int_equal(parse(""), 0);
    assert_string_equal(options.data, "./var");
    assert_int_equal(options.http_count, 1);
    assert_string_equal(options.http[0].host, "127.0.0.1");
    assert_int_equal(options.http[0].port, 8080);
    assert_int_equal(options.device_count, 1);
    assert_string_equal(options.device[0].host, "0.0.0.0");
    assert_int_equal(options.device[0].port, 5683);
    assert_int_equal(options.shards, 0);
    assert_false(options.log_json || options.signup || options.help || options.version);
}

static void every_option_of_the_command_line_is_taken(void **state)
{
    (void)state;
    assert_int_equal(parse("--data /d --http 1.2.3.4:5 --http [::1]:65535 --device 0.0.0.0:0 "
                           "--shards 64 --log json --signup"),
                     0);
    assert_string_equal(options.data, "/d");
    assert_int_equal(options.http_count, 2);
    assert_string_equal(options.http[0].host, "1.2.3.4");
    assert_int_equal(options.http[0].port, 5);
    assert_string_equal(options.http[1].host, "::1");
    assert_int_equal(options.http[1].port, 65535);
    assert_int_equal(options.device_count, 1);
    assert_int_equal(options.device[0].port, 0);
    assert_int_equal(options.shards, 64);
    assert_true(options.log_json && options.signup);
    assert_int_equal(parse("--log text --help --version"), 0);
    assert_true(!options.log_json && options.help && options.version);
}

static void what_is_no_option_is_named(void **state)
{
    (void)state;
    expect_sentence("data", "'data' is no option");
    expect_sentence("-h", "'-h' is no option");
    expect_sentence("--data /d more", "'more' is no option");
    expect_sentence("--port 1", "there is no option --port");
    expect_sentence("--port", "there is no option --port");
    expect_sentence("--", "there is no option --");
    expect_sentence("--signup yes", "'yes' is no option");
    expect_sentence("--DATA /d", "there is no option --DATA");
}

static void a_value_that_is_missing_is_asked_for(void **state)
{
    (void)state;
    static const char *const names[] = {"data", "http", "device", "shards", "log", "config"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char line[64], wanted[64];
        (void)snprintf(line, sizeof line, "--signup --%s", names[i]);
        (void)snprintf(wanted, sizeof wanted, "--%s wants a value", names[i]);
        expect_sentence(line, wanted);
    }
}

static void an_address_is_an_ip_address_and_a_port(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "8080",       ":8080",       "1.2.3.4",    "1.2.3.4:",       "1.2.3.4:65536", "1.2.3.4:-1",
        "1.2.3.4:+1", "1.2.3.4:0x1", "1.2.3.4:8~", "1.2.3.4:123456", "[]:80",         "::1:80",
        "[::1]",      "[::1",        "::1]:80",    "[1.2.3.4]:80",   "a:b:80"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        for (int device = 0; device <= 1; device++) {
            char line[96], wanted[160], shown[32];
            (void)snprintf(shown, sizeof shown, "%s", bad[i]);
            for (char *c = shown; *c; c++) {
                *c = *c == '~' ? ' ' : *c;
            }
            const char *name = device ? "device" : "http";
            (void)snprintf(line, sizeof line, "--%s %s", name, bad[i]);
            (void)snprintf(wanted, sizeof wanted,
                           "--%s wants ADDRESS:PORT, for example 127.0.0.1:8080, not '%s'", name,
                           shown);
            expect_sentence(line, wanted);
        }
    }
    char line[160] = "--http ";
    memset(line + 7, '1', OPTIONS_HOST_MAX);
    memcpy(line + 7 + OPTIONS_HOST_MAX, ":80", 4);
    assert_int_equal(parse(line), CYAN_E_INVALID);
    memmove(line + 7, line + 8, strlen(line) - 7); /* one character less fits */
    assert_int_equal(parse(line), 0);
    assert_int_equal(strlen(options.http[0].host), OPTIONS_HOST_MAX - 1);
}

static void there_is_room_for_eight_addresses_of_a_kind(void **state)
{
    (void)state;
    char line[400] = "";
    for (int i = 0; i < OPTIONS_ADDRESSES_MAX; i++) {
        (void)snprintf(line + strlen(line), sizeof line - strlen(line), "%s--device 1.2.3.4:%d",
                       i ? " " : "", i);
    }
    assert_int_equal(parse(line), 0);
    assert_int_equal(options.device_count, OPTIONS_ADDRESSES_MAX);
    assert_int_equal(options.device[7].port, 7);
    (void)snprintf(line + strlen(line), sizeof line - strlen(line), " --device 1.2.3.4:9");
    expect_sentence(line, "--device may stand 8 times at most");
}

static void shards_log_and_data_have_their_limits(void **state)
{
    (void)state;
    expect_sentence("--shards 0", "--shards wants a number from 1 to 64, not '0'");
    expect_sentence("--shards 65", "--shards wants a number from 1 to 64, not '65'");
    expect_sentence("--shards -1", "--shards wants a number from 1 to 64, not '-1'");
    expect_sentence("--shards 2x", "--shards wants a number from 1 to 64, not '2x'");
    expect_sentence("--shards 99999999999999999999",
                    "--shards wants a number from 1 to 64, not '99999999999999999999'");
    expect_sentence("--log JSON", "--log wants text or json, not 'JSON'");
    expect_sentence("--log js", "--log wants text or json, not 'js'");
    char line[OPTIONS_PATH_MAX + 16] = "--data ";
    memset(line + 7, 'd', OPTIONS_PATH_MAX);
    expect_sentence(line, "--data wants a folder");
    line[7 + OPTIONS_PATH_MAX - 1] = '\0';
    assert_int_equal(parse(line), 0);
}

static void a_file_sets_what_the_command_line_leaves_open(void **state)
{
    (void)state;
    static const char text[] = "# cyand\n\n  data = /from/file  \nhttp=1.1.1.1:1\r\n"
                               "http = 1.1.1.1:2\n\tdevice = [::]:3\nshards = 5\nlog = json\n"
                               "signup = yes\n#data = x\nsignup = no";
    char line[1024];
    assert_int_equal(parse(config(text)), 0);
    assert_string_equal(options.data, "/from/file");
    assert_int_equal(options.http_count, 2);
    assert_int_equal(options.http[1].port, 2);
    assert_int_equal(options.device_count, 1);
    assert_string_equal(options.device[0].host, "::");
    assert_int_equal(options.shards, 5);
    assert_true(options.log_json && options.signup);

    /* What stands on the command line counts, before the file or behind it. */
    (void)snprintf(line, sizeof line, "--data /c %s --http 2.2.2.2:9 --shards 3 --log text",
                   config(text));
    assert_int_equal(parse(line), 0);
    assert_string_equal(options.data, "/c");
    assert_int_equal(options.http_count, 1);
    assert_string_equal(options.http[0].host, "2.2.2.2");
    assert_int_equal(options.shards, 3);
    assert_false(options.log_json);
    assert_int_equal(options.device[0].port, 3);
}

static void a_line_of_the_file_that_says_nothing_is_named_with_its_number(void **state)
{
    (void)state;
    static const struct {
        const char *text, *wanted; /* behind the path */
    } table[] = {
        {"data = /d\nhttp\n", ", line 2: expected 'name = value'"},
        {"\n\nport = 5\n", ", line 3: there is no setting 'port' with the value '5'"},
        {"signup = maybe\n", ", line 1: there is no setting 'signup' with the value 'maybe'"},
        {"config = x\n", ", line 1: there is no setting 'config' with the value 'x'"},
        {"help = yes\n", ", line 1: there is no setting 'help' with the value 'yes'"},
        {"= 5\n", ", line 1: there is no setting '' with the value '5'"},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        char wanted[SCRATCH_PATH_MAX + 100];
        const char *line = config(table[i].text);
        (void)snprintf(wanted, sizeof wanted, "%s%s", scratch_path("cyand.conf"), table[i].wanted);
        expect_sentence(line, wanted);
    }
    expect_sentence(config("shards = many\n"), "--shards wants a number from 1 to 64, not 'many'");
    expect_sentence(config("data =\n"), "--data wants a folder");
}

static void a_file_that_cannot_be_read_or_has_an_endless_line_is_refused(void **state)
{
    (void)state;
    char text[3000], line[SCRATCH_PATH_MAX + 32], wanted[SCRATCH_PATH_MAX + 100];
    (void)snprintf(line, sizeof line, "--config %s", scratch_path("none"));
    (void)snprintf(wanted, sizeof wanted, "cannot read %s: No such file or directory",
                   scratch_path("none"));
    expect_sentence(line, wanted);
    memset(text, ' ', sizeof text);
    memcpy(text, "signup = yes\n", 13);
    text[sizeof text - 1] = '\0';
    const char *words = config(text);
    (void)snprintf(wanted, sizeof wanted, "%s, line 2: too long", scratch_path("cyand.conf"));
    expect_sentence(words, wanted);
    text[1000] = '\0';
    assert_int_equal(parse(config(text)), 0);
    assert_true(options.signup);
}

static void help_names_every_option(void **state)
{
    (void)state;
    static const char *const names[] = {"--data", "--http",   "--device", "--shards", "--signup",
                                        "--log",  "--config", "--help",   "--version"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        assert_non_null(strstr(options_help(), names[i]));
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(without_arguments_the_documented_defaults_hold),
        CASE(every_option_of_the_command_line_is_taken),
        CASE(what_is_no_option_is_named),
        CASE(a_value_that_is_missing_is_asked_for),
        CASE(an_address_is_an_ip_address_and_a_port),
        CASE(there_is_room_for_eight_addresses_of_a_kind),
        CASE(shards_log_and_data_have_their_limits),
        CASE(a_file_sets_what_the_command_line_leaves_open),
        CASE(a_line_of_the_file_that_says_nothing_is_named_with_its_number),
        CASE(a_file_that_cannot_be_read_or_has_an_endless_line_is_refused),
        CASE(help_names_every_option),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
