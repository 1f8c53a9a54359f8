#include "cli/prompt.h"

#include <fcntl.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

enum { SCREEN_MAX = 1024 };

/* What a person at a terminal sees, and what came of the keys. */
struct session {
    char screen[SCREEN_MAX];
    size_t screen_len;
    char text[PROMPT_MAX]; /* what prompt_ask gave */
    int exit;
    bool echo_after; /* the terminal shows keys again */
};

/* In the child: asks, then tells the parent. */
static void ask(bool show, int report)
{
    struct fault fault;
    struct termios terminal;
    char text[PROMPT_MAX] = "";
    int exit = prompt_ask("password", show, text, &fault);
    unsigned char result[2] = {(unsigned char)exit, 0};
    if (tcgetattr(STDIN_FILENO, &terminal) == 0) {
        result[1] =
            (terminal.c_lflag & ECHO) && (terminal.c_lflag & ICANON) && (terminal.c_lflag & ISIG);
    }
    bool told = write(report, result, 2) == 2 && write(report, text, sizeof text) == sizeof text;
    _exit(told ? 0 : 1);
}

static void read_screen(struct session *session, int terminal, const char *until)
{
    while (!until || !strstr(session->screen, until)) {
        ssize_t got = read(terminal, session->screen + session->screen_len,
                           SCREEN_MAX - 1 - session->screen_len);
        if (got <= 0) {
            return;
        }
        session->screen_len += (size_t)got;
        session->screen[session->screen_len] = '\0';
    }
}

static void type(struct session *session, bool show, const char *keys)
{
    int report[2], terminal = -1, status = 0;
    unsigned char result[2] = {0};
    *session = (struct session){.exit = -1};
    assert_int_equal(pipe(report), 0);
    pid_t pid = forkpty(&terminal, NULL, NULL, NULL);
    assert_true(pid >= 0);
    if (pid == 0) {
        ask(show, report[1]);
    }
    (void)close(report[1]);
    read_screen(session, terminal, "password: ");
    assert_int_equal(write(terminal, keys, strlen(keys)), strlen(keys));
    assert_int_equal(read(report[0], result, 2), 2);
    assert_int_equal(read(report[0], session->text, PROMPT_MAX), PROMPT_MAX);
    read_screen(session, terminal, NULL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    session->exit = result[0];
    session->echo_after = result[1];
    (void)close(report[0]);
    (void)close(terminal);
}

static void a_secret_is_taken_and_never_shown(void **state)
{
    (void)state;
    struct session session;
    type(&session, false, "sesame\r");
    assert_int_equal(session.exit, 0);
    assert_string_equal(session.text, "sesame");
    assert_string_equal(session.screen, "password: \r\n");
    assert_true(session.echo_after);
}

static void a_name_is_shown_and_can_be_corrected(void **state)
{
    (void)state;
    struct session session;
    type(&session, true,
         "\x7F"
         "anx\x7F"
         "n\n");
    assert_int_equal(session.exit, 0);
    assert_string_equal(session.text, "ann");
    assert_string_equal(session.screen, "password: anx\b \bn\r\n");
    type(&session, false, "abc\b\b\bok\r");
    assert_string_equal(session.text, "ok");
}

static void giving_up_leaves_the_terminal_as_it_was(void **state)
{
    (void)state;
    static const char *const keys[] = {"\x03", "half\x03", "\x04", "half\x04", "\r", "a\b\r"};
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        struct session session;
        type(&session, false, keys[i]);
        assert_int_equal(session.exit, CLI_USAGE);
        assert_string_equal(session.text, "");
        assert_true(session.echo_after);
    }
}

static void keys_beyond_the_limit_are_not_taken(void **state)
{
    (void)state;
    struct session session;
    char keys[PROMPT_MAX + 10];
    memset(keys, 'x', sizeof keys);
    memcpy(keys + sizeof keys - 2, "\r", 2);
    type(&session, false, keys);
    assert_int_equal(session.exit, 0);
    assert_int_equal(strlen(session.text), PROMPT_MAX - 1);
}

static int read_back(const char *content, size_t len, char *text)
{
    struct fault fault;
    scratch_write("secret", content, len);
    return prompt_read_file(scratch_path("secret"), text, &fault);
}

static void the_first_line_of_a_file_is_the_secret(void **state)
{
    (void)state;
    static const char *const contents[] = {"secret", "secret\n", "secret\r\n", "secret\nmore\n"};
    char text[PROMPT_MAX];
    scratch_init();
    for (size_t i = 0; i < COUNT_OF(contents); i++) {
        assert_int_equal(read_back(contents[i], strlen(contents[i]), text), 0);
        assert_string_equal(text, "secret");
    }
    memcpy(text, "untouched", 10);
    assert_int_equal(read_back("", 0, text), CLI_USAGE);
    assert_int_equal(read_back("\n", 1, text), CLI_USAGE);
    assert_int_equal(read_back("a\0b\n", 4, text), CLI_FAILED);
    assert_string_equal(text, "untouched");
    scratch_done();
}

static void a_line_as_long_as_the_limit_is_taken_and_a_longer_one_refused(void **state)
{
    (void)state;
    scratch_init();
    for (size_t len = PROMPT_MAX - 3; len <= PROMPT_MAX + 3; len++) {
        char content[PROMPT_MAX + 8], text[PROMPT_MAX] = "";
        memset(content, 'x', len);
        content[len] = '\n';
        bool fits = len < PROMPT_MAX;
        for (size_t with_end = 0; with_end < 2; with_end++) {
            assert_int_equal(read_back(content, len + with_end, text), fits ? 0 : CLI_FAILED);
            assert_int_equal(strlen(text), fits ? len : 0);
            text[0] = '\0';
        }
    }
    scratch_done();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_secret_is_taken_and_never_shown),
        cmocka_unit_test(a_name_is_shown_and_can_be_corrected),
        cmocka_unit_test(giving_up_leaves_the_terminal_as_it_was),
        cmocka_unit_test(keys_beyond_the_limit_are_not_taken),
        cmocka_unit_test(the_first_line_of_a_file_is_the_secret),
        cmocka_unit_test(a_line_as_long_as_the_limit_is_taken_and_a_longer_one_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
