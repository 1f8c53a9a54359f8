#include "server/commands/passphrase.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/secret.h"
#include "server/commands/commands.h"
#include "server/commands/speak.h"

enum { INTERRUPT = 3, END_OF_FILE = 4, BACKSPACE = 8, DELETE = 127 };

/* Up to the end of a line or of everything. 0; CYAN_E_IO with errno; CYAN_E_TOO_LONG;
 * CYAN_E_CLOSED: keys only, the person gave up. */
static int read_line(int fd, bool keys, char *text)
{
    size_t len = 0;
    for (;;) {
        char c = '\n';
        ssize_t got = read(fd, &c, 1);
        if (got < 0) {
            if (errno == EINTR) {
                continue;
            }
            return CYAN_E_IO;
        }
        if (keys && (got == 0 || c == INTERRUPT || c == END_OF_FILE)) {
            return CYAN_E_CLOSED;
        }
        if (c == '\n' || (keys && c == '\r')) {
            break;
        }
        if (keys && (c == BACKSPACE || c == DELETE)) {
            len -= len > 0;
        } else if (c == '\0' || len == PASSPHRASE_MAX) {
            return CYAN_E_TOO_LONG;
        } else {
            text[len++] = c;
        }
    }
    len -= len > 0 && text[len - 1] == '\r';
    text[len] = '\0';
    return 0;
}

/* Keys one by one, so that the terminal is put right again whatever key ends it. */
static int ask(const char *label, char *text)
{
    struct termios before;
    if (tcgetattr(STDIN_FILENO, &before) < 0) {
        return CYAN_E_IO;
    }
    struct termios quiet = before;
    quiet.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG);
    quiet.c_cc[VMIN] = 1;
    quiet.c_cc[VTIME] = 0;
    if (tcsetattr(STDIN_FILENO, TCSADRAIN, &quiet) < 0) {
        return CYAN_E_IO;
    }
    (void)fprintf(stderr, "%s: ", label);
    (void)fflush(stderr);
    int err = read_line(STDIN_FILENO, true, text);
    (void)fputc('\n', stderr);
    (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
    return err;
}

static int refuse(int err)
{
    switch (err) {
    case CYAN_E_CLOSED:
        return speak_failed(COMMAND_USAGE, "no passphrase was given", "run it again");
    case CYAN_E_TOO_LONG:
        return speak_failed_with(COMMAND_USAGE, "a shorter one",
                                 "a passphrase has %d bytes at most, and no NUL", PASSPHRASE_MAX);
    default:
        return speak_failed_with(COMMAND_FAILED, "--passphrase-file FILE",
                                 "the passphrase cannot be read: %s", strerror(errno));
    }
}

static size_t count_characters(const char *text)
{
    size_t count = 0;
    for (; *text; text++) {
        count += ((unsigned char)*text & 0xC0) != 0x80; /* not the middle of one in UTF-8 */
    }
    return count;
}

/* Of one that is asked for; again only for a new one. */
static int from_terminal(bool is_new, char *text)
{
    char again[PASSPHRASE_MAX + 1];
    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) {
        return speak_failed(COMMAND_USAGE, "there is no terminal to ask for the passphrase at",
                            "--passphrase-file FILE, with the passphrase in its first line");
    }
    int err = ask("passphrase of the backup", text);
    if (err < 0 || !is_new || count_characters(text) < PASSPHRASE_MIN) {
        return err < 0 ? refuse(err) : 0;
    }
    err = ask("once more", again);
    int code = err < 0 ? refuse(err) : 0;
    if (code == 0 && strcmp(text, again) != 0) {
        code = speak_failed(COMMAND_USAGE, "the two are not the same", "run it again");
    }
    cyan_wipe(again, sizeof again);
    return code;
}

static int from_file(const char *file, char *text)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    int err = fd < 0 ? CYAN_E_IO : read_line(fd, false, text);
    int code = err < 0 ? refuse(err) : 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    return code;
}

int passphrase_get(const char *file, bool is_new, char out_text[static PASSPHRASE_MAX + 1])
{
    char text[PASSPHRASE_MAX + 1] = "";
    int code = file ? from_file(file, text) : from_terminal(is_new, text);
    if (code == 0 && count_characters(text) < PASSPHRASE_MIN) {
        code = speak_failed_with(COMMAND_USAGE, "a longer one",
                                 "a passphrase has %d characters at least", PASSPHRASE_MIN);
    }
    if (code == 0) {
        memcpy(out_text, text, sizeof text);
    }
    cyan_wipe(text, sizeof text);
    return code;
}
