#include "tests/unit/scratch.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/unit.h"

enum { WORDS_MAX = 32 };

static char folder[64];

void scratch_init(void)
{
    static const char name[] = "/tmp/cyan-test-XXXXXX";
    memcpy(folder, name, sizeof name);
    assert_non_null(mkdtemp(folder));
}

const char *scratch_path(const char *name)
{
    static char paths[16][SCRATCH_PATH_MAX];
    static size_t next;
    char *path = paths[next++ % 16];
    int len = snprintf(path, SCRATCH_PATH_MAX, "%s/%s", folder, name);
    assert_in_range(len, 1, SCRATCH_PATH_MAX - 1);
    return path;
}

/* Entries of a folder that are not folders; one level of folders is emptied and removed too. */
static void empty(const char *path, bool deeper)
{
    DIR *dir = opendir(path);
    assert_non_null(dir);
    struct dirent *entry;
    while ((entry = readdir(dir))) {
        char child[SCRATCH_PATH_MAX * 2];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        (void)snprintf(child, sizeof child, "%s/%s", path, entry->d_name);
        if (unlink(child) < 0 && deeper) {
            empty(child, false);
            (void)rmdir(child);
        }
    }
    (void)closedir(dir);
}

void scratch_done(void)
{
    empty(folder, true);
    assert_int_equal(rmdir(folder), 0);
}

void scratch_write(const char *name, const void *data, size_t len)
{
    FILE *file = fopen(scratch_path(name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

uint8_t *scratch_read(const char *name, size_t *out_len)
{
    struct stat info;
    assert_int_equal(stat(scratch_path(name), &info), 0);
    size_t len = (size_t)info.st_size;
    uint8_t *data = malloc(len ? len : 1);
    FILE *file = fopen(scratch_path(name), "rb");
    assert_non_null(data);
    assert_non_null(file);
    assert_int_equal(fread(data, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
    *out_len = len;
    return data;
}

size_t scratch_count(void)
{
    size_t count = 0;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    while (readdir(dir)) {
        count++;
    }
    (void)closedir(dir);
    return count - 2;
}

static void become(char *const *words)
{
    int null = open("/dev/null", O_RDWR);
    if (null >= 0 && chdir(folder) == 0 && dup2(null, 0) == 0 && dup2(null, 1) == 1 &&
        dup2(null, 2) == 2) {
        (void)execvp(words[0], words);
    }
    _exit(127);
}

int scratch_run(const char *command, ...)
{
    char *words[WORDS_MAX + 1] = {NULL};
    va_list list;
    va_start(list, command);
    const char *word = command;
    for (size_t i = 0; word; i++) {
        assert_in_range(i, 0, WORDS_MAX - 1);
        words[i] = strdup(word);
        assert_non_null(words[i]);
        word = va_arg(list, const char *);
    }
    va_end(list);

    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        become(words);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    for (size_t i = 0; words[i]; i++) {
        free(words[i]);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
