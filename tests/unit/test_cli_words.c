/* What the words of a command line lead to, before anything is asked of a cloud. */
#include <string.h>

#include "cli/commands.h"
#include "cli/suggest.h"
#include "tests/unit/run_cli.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

static int set_up(void **state)
{
    static struct ran ran;
    scratch_init();
    *state = &ran;
    return 0;
}

static int tear_down(void **state)
{
    ran_done(*state);
    scratch_done();
    return 0;
}

static void a_slip_in_a_name_is_answered_with_the_name(void **state)
{
    (void)state;
    static const char *const names[] = {"login", "logout", "list", "get", "publish", "subscribe"};
    static const struct {
        const char *typed, *meant;
    } cases[] = {
        {"lgoin", "login"},
        {"logn", "login"},
        {"log-out", "logout"},
        {"lits", "list"},
        {"gt", "get"},
        {"pubish", "publish"},
        {"subscrbie", "subscribe"},
        {"frobnicate", NULL},
        {"x", NULL},
        {"", NULL},
        {"unsubscribe", "subscribe"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *found = suggest_nearest(cases[i].typed, names, COUNT_OF(names));
        if (cases[i].meant) {
            assert_non_null(found);
            assert_string_equal(found, cases[i].meant);
        } else {
            assert_null(found);
        }
    }
}

static void an_unknown_command_is_usage_with_the_nearest_one(void **state)
{
    struct ran *ran = *state;
    RUN_CLI(ran, "lsit", "--json");
    assert_ran_fault(ran, 2, "USAGE");
    assert_string_equal(RAN_STRING(ran, "error", "try"), "cyan list");
    RUN_CLI(ran, "keys", "sned", "--json");
    assert_ran_fault(ran, 2, "USAGE");
    assert_string_equal(RAN_STRING(ran, "error", "try"), "cyan keys send");
    RUN_CLI(ran, "keys", "aprove", "--json");
    assert_string_equal(RAN_STRING(ran, "error", "try"), "cyan keys approve");
    RUN_CLI(ran, "incident", "--json");
    assert_string_equal(RAN_STRING(ran, "error", "try"), "cyan incidents");
    RUN_CLI(ran, "audti", "--json");
    assert_string_equal(RAN_STRING(ran, "error", "try"), "cyan audit");
    RUN_CLI(ran, "audit", "--json");
    assert_ran_fault(ran, 2, "USAGE");
    RUN_CLI(ran, "keysend");
    assert_int_equal(ran->exit, 2);
    assert_string_equal(ran->out, "");
    assert_string_equal(ran->err, "cyan: there is no command \"keysend\"\n  try: cyan keys\n");
    RUN_CLI(ran, "frobnicate");
    assert_string_equal(ran->err, "cyan: there is no command \"frobnicate\"\n  try: cyan help\n");
    RUN_CLI(ran, "--json");
    assert_ran_fault(ran, 2, "USAGE");
    RUN_CLI(ran, "keys", "--json");
    assert_ran_fault(ran, 2, "USAGE");
}

static void every_command_has_a_help_with_an_example_of_itself(void **state)
{
    struct ran *ran = *state;
    for (size_t i = 0; commands_all[i]; i++) {
        const struct command *command = commands_all[i];
        char first[32] = "";
        const char *space = strchr(command->name, ' ');
        size_t len = space ? (size_t)(space - command->name) : strlen(command->name);
        memcpy(first, command->name, len);
        const char *second = space ? space + 1 : "--json";
        RUN_CLI(ran, first, second, "--help");
        assert_int_equal(ran->exit, 0);
        assert_string_equal(ran->err, "");
        assert_non_null(strstr(ran->out, "\nExample:\n  cyan "));
        assert_non_null(strstr(strstr(ran->out, "\nExample:\n"), command->name));
        RUN_CLI(ran, "help", first, space ? second : NULL);
        assert_int_equal(ran->exit, 0);
        assert_non_null(strstr(ran->out, command->does));
        RUN_CLI(ran, "help");
        assert_non_null(strstr(ran->out, command->name));
    }
}

static void help_of_a_group_shows_the_group(void **state)
{
    struct ran *ran = *state;
    for (int way = 0; way < 2; way++) {
        if (way == 0) {
            RUN_CLI(ran, "keys", "--help");
        } else {
            RUN_CLI(ran, "help", "keys");
        }
        assert_int_equal(ran->exit, 0);
        assert_non_null(strstr(ran->out, "keys send"));
        assert_null(strstr(ran->out, "login"));
    }
    RUN_CLI(ran, "--version");
    assert_int_equal(ran->exit, 0);
    assert_memory_equal(ran->out, "cyan ", 5);
}

static void the_help_fits_80_columns(void **state)
{
    struct ran *ran = *state;
    for (size_t i = 0; commands_all[i]; i++) {
        const struct command *command = commands_all[i];
        assert_in_range(strlen(command->name), 1, 14);
        assert_in_range(strlen(command->does), 1, 80 - strlen("  cyan                 "));
    }
    RUN_CLI(ran, "help");
    for (const char *at = ran->out; *at; at += strcspn(at, "\n") + 1) {
        assert_in_range(strcspn(at, "\n"), 0, 80);
    }
}

static void words_too_few_or_too_many_are_usage(void **state)
{
    struct ran *ran = *state;
    for (size_t i = 0; commands_all[i]; i++) {
        const struct command *command = commands_all[i];
        char first[32] = "";
        const char *space = strchr(command->name, ' ');
        size_t len = space ? (size_t)(space - command->name) : strlen(command->name);
        memcpy(first, command->name, len);
        RUN_CLI(ran, "--json", first, space ? space + 1 : "a", "a", "a", "a", "a", "a");
        assert_ran_fault(ran, 2, "USAGE");
    }
    RUN_CLI(ran, "get", "--json");
    assert_ran_fault(ran, 2, "USAGE");
    RUN_CLI(ran, "call", "device", "--json");
    assert_ran_fault(ran, 2, "USAGE");
    assert_string_equal(RAN_STRING(ran, "error", "try"), "cyan call --help");
}

/* None of these may reach for a cloud or a file. */
static void options_that_make_no_sense_are_usage(void **state)
{
    struct ran *ran = *state;
    static const char *const lines[][7] = {
        {"publish", "a", "--public", "--private"},
        {"publish", "a", "--ttl", "0"},
        {"publish", "a", "--ttl", "16777216"},
        {"publish", ""},
        {"get", ""},
        {"get", "a", ""},
        {"call", "a", ""},
        {"subscribe", "--all", "--mine"},
        {"subscribe", "--device", "a", "--all"},
        {"subscribe", "--device", ""},
        {"subscribe", "--count", "0"},
        {"subscribe", "--count", "many"},
        {"subscribe", "--timeout", "-1"},
        {"login", "--token", "a", "--user", "b"},
        {"login", "--user", "b"},
        {"login"},
        {"login", "--token", "a b"},
        {"login", "--user", "b", "--password-file", "-", "--api", "nowhere"},
        {"keys", "new"},
        {"keys", "new", "a", "--state", "b"},
        {"keys", "send"},
        {"keys", "send", "0123456789abcdef01234567"},
        {"keys", "send", "xyz", "file"},
        {"keys", "send", "0123456789abcdef0123456", "file"},
        {"keys", "send", "a", "b", "--state", "c"},
        {"keys", "server"},
        {"keys", "server", "--state", "a", "--out", "b"},
        {"keys", "address"},
        {"keys", "address", "a.example:0", "--state", "b"},
        {"keys", "address", "a.example:65535", "--state", "b"},
        {"keys", "address", "a b", "--state", "b"},
        {"keys", "address", "300.1.1.1", "--state", "b"},
        {"list", "--profile", "../x"},
        {"list", "--api", "127.0.0.1"},
        {"list", "--frobnicate"},
    };
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        const char *const *w = lines[i];
        RUN_CLI(ran, "--json", w[0], w[1], w[2], w[3], w[4], w[5], w[6]);
        assert_ran_fault(ran, 2, "USAGE");
    }
    assert_int_equal(scratch_count(""), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_slip_in_a_name_is_answered_with_the_name),
        TEST(an_unknown_command_is_usage_with_the_nearest_one),
        TEST(every_command_has_a_help_with_an_example_of_itself),
        TEST(help_of_a_group_shows_the_group),
        TEST(the_help_fits_80_columns),
        TEST(words_too_few_or_too_many_are_usage),
        TEST(options_that_make_no_sense_are_usage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
