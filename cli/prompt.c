#include "cli/prompt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <termios.h>
#include <unistd.h>

#include "base/secret.h"

enum { END_OF_TEXT = 3, END_OF_FILE = 4, BACKSPACE = 8, DELETE = 127 };

/* Takes over one key. Returns 1 when the line is complete, -1 when the person gives up. */
static int take_key(char key, bool show, char *text, size_t *len)
{
    if (key == '\r' || key == '\n') {
        return 1;
    }
    if (key == END_OF_TEXT || key == END_OF_FILE) {
        return -1;
    }
    if (key == BACKSPACE || key == DELETE) {
        if (*len > 0) {
            text[--*len] = '\0';
            (void)fputs(show ? "\b \b" : "", stderr);
        }
    } else if (*len + 1 < PROMPT_MAX && (unsigned char)key >= ' ') {
        text[(*len)++] = key;
        text[*len] = '\0';
        (void)fprintf(stderr, "%.*s", show ? 1 : 0, &key);
    }
    return 0;
}

/* Keys one by one, so that the terminal is put right again whatever key ends it. The question
 * comes when the terminal is ready, so that who waits for it loses no key. */
static int read_keys(const char *label, bool show, char *text)
{
    struct termios before, raw;
    size_t len = 0;
    int end = 0;
    if (tcgetattr(STDIN_FILENO, &before) < 0) {
        return -1;
    }
    raw = before;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    if (tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) < 0) {
        return -1;
    }
    (void)fprintf(stderr, "%s: ", label);
    (void)fflush(stderr);
    while (end == 0) {
        char key = 0;
        ssize_t got = read(STDIN_FILENO, &key, 1);
        if (got == 1) {
            end = take_key(key, show, text, &len);
        } else if (got == 0 || errno != EINTR) {
            end = -1;
        }
        (void)fflush(stderr);
    }
    (void)fputc('\n', stderr);
    (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
    return end;
}

int prompt_ask(const char *label, bool show, char out_text[static PROMPT_MAX], struct fault *fault)
{
    char text[PROMPT_MAX] = "";
    int end = read_keys(label, show, text);
    int err = 0;
    if (end < 0 || !text[0]) {
        err = fault_set(fault, CLI_USAGE, "USAGE", "no %s was given", label);
    } else {
        memcpy(out_text, text, sizeof text);
    }
    cyan_wipe(text, sizeof text);
    return err;
}

bool prompt_yes(const char *question)
{
    char text[PROMPT_MAX] = "";
    return read_keys(question, true, text) > 0 &&
           (strcasecmp(text, "y") == 0 || strcasecmp(text, "yes") == 0);
}

/* Up to the first line end; too much before it, or a NUL, is refused. */
static int read_line(int fd, char *text)
{
    size_t len = 0;
    for (;;) {
        char c = '\n';
        ssize_t got = read(fd, &c, 1);
        if (got < 0 && errno != EINTR) {
            return -1;
        }
        if (got >= 0 && c == '\n') {
            break;
        }
        if (got > 0 && (c == '\0' || len + 1 == PROMPT_MAX)) {
            errno = EFBIG;
            return -1;
        }
        if (got > 0) {
            text[len++] = c;
        }
    }
    len -= len > 0 && text[len - 1] == '\r' ? 1 : 0;
    text[len] = '\0';
    return 0;
}

int prompt_read_file(const char *path, char out_text[static PROMPT_MAX], struct fault *fault)
{
    char text[PROMPT_MAX] = "";
    bool is_stdin = strcmp(path, "-") == 0;
    int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    int err = 0;
    if (fd < 0 || read_line(fd, text) < 0) {
        err = fault_set(fault, CLI_FAILED, "IO", "%s cannot be read: %s", path, strerror(errno));
    } else if (!text[0]) {
        err = fault_set(fault, CLI_USAGE, "USAGE", "the first line of %s is empty",
                        is_stdin ? "stdin" : path);
    } else {
        memcpy(out_text, text, sizeof text);
    }
    if (fd >= 0 && !is_stdin) {
        (void)close(fd);
    }
    cyan_wipe(text, sizeof text);
    return err;
}
