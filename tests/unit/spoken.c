#include "tests/unit/spoken.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/store/sqlite.h"
#include "tests/unit/opened.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

enum { WORDS_MAX = 16, NEVER = -1, REACHED = 0x80 }; /* in the exit code of a child */

/* In the child. */
static int run_here(const struct command *command, const char *const *words, int n,
                    enum steps_fault fault, bool *out_reached)
{
    char *copies[WORDS_MAX] = {NULL};
    int count = 0;
    for (; words[count]; count++) {
        copies[count] = strdup(words[count]);
    }
    const struct command_tools tools = {.crypto = opened_crypto,
                                        .store_open = steps_store_open,
                                        .store_copy = store_sqlite_copy,
                                        .user = "ann",
                                        .password = "a given secret"};
    if (n != NEVER) {
        steps_begin((unsigned)n, fault, SPOKEN_KILLED);
    }
    int code = command_run(command, &tools, count, copies);
    *out_reached = steps_end();
    return code;
}

static void read_back(int fd, char *text)
{
    ssize_t len = pread(fd, text, SPOKEN_MAX - 1, 0);
    assert_true(len >= 0);
    text[len] = '\0';
    assert_int_equal(close(fd), 0);
}

static struct spoken run(const struct command *command, const char *const *words, int n,
                         enum steps_fault fault)
{
    struct spoken spoken = {0};
    int status = 0;
    int out = memfd_create("out", MFD_CLOEXEC);
    int err = memfd_create("err", MFD_CLOEXEC);
    assert_true(out >= 0 && err >= 0);
    (void)fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int null = open("/dev/null", O_RDONLY);
        if (chdir(scratch_path("")) < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 ||
            dup2(err, 2) < 0) {
            _exit(120);
        }
        bool reached = false;
        int code = run_here(command, words, n, fault, &reached);
        (void)fflush(NULL);
        _exit(code | (reached ? REACHED : 0));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    spoken.code = WEXITSTATUS(status) & ~REACHED;
    spoken.reached = WEXITSTATUS(status) & REACHED || spoken.code == SPOKEN_KILLED;
    read_back(out, spoken.out);
    read_back(err, spoken.err);
    return spoken;
}

struct spoken spoken_run(const struct command *command, const char *const *words)
{
    return run(command, words, NEVER, STEPS_FAIL);
}

struct spoken spoken_cut(const struct command *command, const char *const *words, unsigned n,
                         enum steps_fault fault)
{
    return run(command, words, (int)n, fault);
}

void spoken_assert_error(const struct spoken *spoken, int code, const char *what)
{
    if (spoken->code != code || !strstr(spoken->err, what) || !strstr(spoken->err, "\n  try: ")) {
        fail_msg("code %d, wanted %d with '%s':\n%s", spoken->code, code, what, spoken->err);
    }
}
