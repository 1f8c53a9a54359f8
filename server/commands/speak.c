#include "server/commands/speak.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/commands/commands.h"

int speak_failed(int code, const char *what, const char *next)
{
    (void)fprintf(stderr, "cyand: %s\n", what);
    if (next[0] != '\0') {
        (void)fprintf(stderr, "  try: %s\n", next);
    }
    return code;
}

int speak_failed_with(int code, const char *next, const char *format, ...)
{
    char what[FOLDER_WORDS_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return speak_failed(code, what, next);
}

int speak_open_folder(const struct folder_options *options, struct folder *out_folder)
{
    struct folder_words words;
    int err = folder_open(options, out_folder, &words);
    if (err == 0) {
        speak_first_login(out_folder, options->path);
        return 0;
    }
    switch (err) {
    case CYAN_E_INVALID:
        return speak_failed(COMMAND_USAGE, words.what, words.next);
    case CYAN_E_NO_MEMORY:
    case CYAN_E_CRYPTO:
    case CYAN_E_RANDOM:
        return speak_failed(COMMAND_FAILED, words.what, words.next);
    default:
        return speak_failed(COMMAND_FOLDER, words.what, words.next);
    }
}

int speak_need_folder(const char *path)
{
    char file[FOLDER_PATH_MAX + 32];
    int len = snprintf(file, sizeof file, "%s/cyan.db", path);
    if (len < 0 || (size_t)len >= sizeof file) {
        return speak_failed(COMMAND_USAGE, "the path of the data folder is too long",
                            "name another one with --data");
    }
    if (access(file, R_OK) == 0) {
        return 0;
    }
    return speak_failed_with(COMMAND_FOLDER, "name the folder of a cyand with --data",
                             "%s is no data folder that can be read: cyan.db: %s", path,
                             strerror(errno));
}

void speak_first_login(struct folder *folder, const char *path)
{
    if (folder->first_password[0] != '\0') {
        (void)fprintf(stderr,
                      "cyand: the first account is '%s', its password is %s\n"
                      "cyand: this is shown once; it also stands in %s/first-login\n",
                      folder->first_user, folder->first_password, path);
    }
    folder_forget_login(folder);
}
