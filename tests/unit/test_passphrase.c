/* The passphrase at a terminal; from files it is tested with the commands. */
#include "server/commands/passphrase.h"

#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "server/commands/commands.h"
#include "tests/unit/unit.h"

enum { SCREEN_MAX = 2048 };

/* What a person at a terminal sees, and what came of the keys. */
struct session {
    char screen[SCREEN_MAX];
    size_t screen_len;
    char text[PASSPHRASE_MAX + 1];
    int code;
    bool echo_after; /* the terminal shows keys again */
};

static struct session s;

/* In the child: asks, then tells the parent. */
static void ask(bool is_new, int report)
{
    struct termios terminal;
    char text[PASSPHRASE_MAX + 1] = "";
    unsigned char result[2] = {(unsigned char)passphrase_get(NULL, is_new, text), 0};
    if (tcgetattr(STDIN_FILENO, &terminal) == 0) {
        result[1] =
            (terminal.c_lflag & ECHO) && (terminal.c_lflag & ICANON) && (terminal.c_lflag & ISIG);
    }
    bool told = write(report, result, 2) == 2 && write(report, text, sizeof text) == sizeof text;
    _exit(told ? 0 : 1);
}

static bool read_screen(int terminal, const char *until)
{
    while (!until || !strstr(s.screen, until)) {
        ssize_t got = read(terminal, s.screen + s.screen_len, SCREEN_MAX - 1 - s.screen_len);
        if (got <= 0) {
            return false;
        }
        s.screen_len += (size_t)got;
        s.screen[s.screen_len] = '\0';
    }
    return true;
}

/* Answers the first question, and the second one if there is one. */
static void type(bool is_new, const char *first, const char *second)
{
    int report[2], terminal = -1, status = 0;
    unsigned char result[2] = {0};
    s = (struct session){.code = -1};
    assert_int_equal(pipe(report), 0);
    pid_t pid = forkpty(&terminal, NULL, NULL, NULL);
    assert_true(pid >= 0);
    if (pid == 0) {
        ask(is_new, report[1]);
    }
    (void)close(report[1]);
    assert_true(read_screen(terminal, "passphrase of the backup: "));
    assert_int_equal(write(terminal, first, strlen(first)), strlen(first));
    if (second) {
        assert_true(read_screen(terminal, "once more: "));
        assert_int_equal(write(terminal, second, strlen(second)), strlen(second));
    }
    assert_int_equal(read(report[0], result, 2), 2);
    assert_int_equal(read(report[0], s.text, sizeof s.text), sizeof s.text);
    (void)read_screen(terminal, NULL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    s.code = result[0];
    s.echo_after = result[1];
    (void)close(report[0]);
    (void)close(terminal);
    assert_true(s.echo_after);
}

static void assert_refused(const char *words)
{
    assert_int_equal(s.code, COMMAND_USAGE);
    assert_string_equal(s.text, "");
    assert_non_null(strstr(s.screen, words));
}

static void a_new_one_is_asked_for_twice_and_never_shown(void **state)
{
    (void)state;
    type(true, "correct horse\n", "correct horse\r");
    assert_int_equal(s.code, 0);
    assert_string_equal(s.text, "correct horse");
    assert_null(strstr(s.screen, "horse"));
    assert_null(strstr(s.screen, "*"));
}

static void two_that_differ_are_refused(void **state)
{
    (void)state;
    type(true, "correct horse\n", "correct horsf\n");
    assert_refused("not the same");
    assert_null(strstr(s.screen, "hors"));
}

static void one_that_opens_a_backup_is_asked_for_once(void **state)
{
    (void)state;
    type(false, "correct horse\n", NULL);
    assert_int_equal(s.code, 0);
    assert_string_equal(s.text, "correct horse");
    assert_null(strstr(s.screen, "once more"));
}

static void one_that_is_too_short_is_refused_before_it_is_typed_again(void **state)
{
    (void)state;
    for (int is_new = 0; is_new <= 1; is_new++) {
        type(is_new, "1234567\n", NULL);
        assert_refused("8 characters at least");
    }
}

static void keys_can_be_taken_back_and_the_person_can_give_up(void **state)
{
    (void)state;
    type(false,
         "\x7f"
         "correct hoss\x7f\brse\n",
         NULL);
    assert_int_equal(s.code, 0);
    assert_string_equal(s.text, "correct horse");
    type(false, "correct\x03", NULL);
    assert_refused("no passphrase was given");
    type(true, "correct horse\n", "\x04");
    assert_refused("no passphrase was given");
}

static void one_that_is_too_long_is_refused(void **state)
{
    (void)state;
    char keys[PASSPHRASE_MAX + 3];
    memset(keys, 'x', sizeof keys);
    keys[PASSPHRASE_MAX] = '\n';
    keys[PASSPHRASE_MAX + 1] = '\0';
    type(false, keys, NULL);
    assert_int_equal(s.code, 0);
    assert_int_equal(strlen(s.text), PASSPHRASE_MAX);
    memset(keys, 'x', PASSPHRASE_MAX + 1);
    keys[PASSPHRASE_MAX + 1] = '\0';
    type(false, keys, NULL);
    assert_refused("511 bytes at most");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_one_is_asked_for_twice_and_never_shown),
        cmocka_unit_test(two_that_differ_are_refused),
        cmocka_unit_test(one_that_opens_a_backup_is_asked_for_once),
        cmocka_unit_test(one_that_is_too_short_is_refused_before_it_is_typed_again),
        cmocka_unit_test(keys_can_be_taken_back_and_the_person_can_give_up),
        cmocka_unit_test(one_that_is_too_long_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
