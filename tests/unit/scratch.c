#include "tests/unit/scratch.h"

#include <dirent.h>
#include <fcntl.h>
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

static int is_entry(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

/* Removes the entries of a folder; one level of folders in it is emptied and removed too. */
static void empty(const char *path, bool deeper)
{
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, is_entry, alphasort);
    assert_true(count >= 0);
    for (int i = 0; i < count; i++) {
        char child[SCRATCH_PATH_MAX * 2];
        (void)snprintf(child, sizeof child, "%s/%s", path, entries[i]->d_name);
        if (unlink(child) < 0 && deeper) {
            empty(child, false);
            (void)rmdir(child);
        }
        free(entries[i]);
    }
    free(entries);
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

size_t scratch_count(const char *name)
{
    struct dirent **entries = NULL;
    int count = scandir(scratch_path(name), &entries, is_entry, alphasort);
    assert_true(count >= 0);
    for (int i = 0; i < count; i++) {
        free(entries[i]);
    }
    free(entries);
    return (size_t)count;
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

int scratch_run(const char *const *words)
{
    char *copies[WORDS_MAX + 1] = {NULL};
    for (size_t i = 0; words[i]; i++) {
        assert_in_range(i, 0, WORDS_MAX - 1);
        copies[i] = strdup(words[i]);
        assert_non_null(copies[i]);
    }
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        become(copies);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    for (size_t i = 0; copies[i]; i++) {
        free(copies[i]);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
