#include "tests/unit/steps.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/store/sqlite.h"

static struct {
    bool active, reached;
    unsigned left;
    enum steps_fault fault;
    int exit_code;
} steps;

static struct store real;

void steps_begin(unsigned n, enum steps_fault fault, int exit_code)
{
    steps.active = true;
    steps.reached = false;
    steps.left = n;
    steps.fault = fault;
    steps.exit_code = exit_code;
}

bool steps_end(void)
{
    steps.active = false;
    return steps.reached;
}

/* Whether this step must fail. */
static bool cut(void)
{
    if (!steps.active || steps.reached) {
        return false;
    }
    if (steps.left > 0) {
        steps.left--;
        return false;
    }
    steps.reached = true;
    if (steps.fault == STEPS_KILL) {
        _exit(steps.exit_code);
    }
    errno = EIO;
    return true;
}

ssize_t __real_write(int fd, const void *data, size_t len);
ssize_t __wrap_write(int fd, const void *data, size_t len);
ssize_t __wrap_write(int fd, const void *data, size_t len)
{
    return fd > STDERR_FILENO && cut() ? -1 : __real_write(fd, data, len);
}

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
    return cut() ? -1 : __real_fsync(fd);
}

int __real_fchmod(int fd, mode_t mode);
int __wrap_fchmod(int fd, mode_t mode);
int __wrap_fchmod(int fd, mode_t mode)
{
    return cut() ? -1 : __real_fchmod(fd, mode);
}

int __real_mkostemp(char *template, int flags);
int __wrap_mkostemp(char *template, int flags);
int __wrap_mkostemp(char *template, int flags)
{
    return cut() ? -1 : __real_mkostemp(template, flags);
}

int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to)
{
    return cut() ? -1 : __real_rename(from, to);
}

int __real_link(const char *from, const char *to);
int __wrap_link(const char *from, const char *to);
int __wrap_link(const char *from, const char *to)
{
    return cut() ? -1 : __real_link(from, to);
}

int __real_unlink(const char *path);
int __wrap_unlink(const char *path);
int __wrap_unlink(const char *path)
{
    return cut() ? -1 : __real_unlink(path);
}

int __real_mkdir(const char *path, mode_t mode);
int __wrap_mkdir(const char *path, mode_t mode);
int __wrap_mkdir(const char *path, mode_t mode)
{
    return cut() ? -1 : __real_mkdir(path, mode);
}

char *__real_mkdtemp(char *template);
char *__wrap_mkdtemp(char *template);
char *__wrap_mkdtemp(char *template)
{
    return cut() ? NULL : __real_mkdtemp(template);
}

static int watched_begin(void *ctx)
{
    return cut() ? CYAN_E_IO : real.begin(ctx);
}

/* A commit may have reached the disk and fail after that. */
static int watched_commit(void *ctx)
{
    if (cut()) {
        return CYAN_E_IO;
    }
    int status = real.commit(ctx);
    return cut() ? CYAN_E_IO : status;
}

static int watched_meta_set(void *ctx, const char *name, const char *value)
{
    if (cut()) {
        return CYAN_E_IO;
    }
    int status = real.meta_set(ctx, name, value);
    return cut() ? CYAN_E_IO : status;
}

static int watched_assume(void *ctx, const uint8_t fingerprint[CYAN_SHA256_LEN])
{
    return cut() ? CYAN_E_IO : real.device_assume_server_key(ctx, fingerprint);
}

static int watched_device_add(void *ctx, const struct store_device *device)
{
    return cut() ? CYAN_E_IO : real.device_add(ctx, device);
}

static int watched_key_put(void *ctx, const struct store_key *key)
{
    return cut() ? CYAN_E_IO : real.key_put(ctx, key);
}

void steps_watch_store(struct store *store)
{
    real = *store;
    store->begin = watched_begin;
    store->commit = watched_commit;
    store->meta_set = watched_meta_set;
    store->device_assume_server_key = watched_assume;
    store->device_add = watched_device_add;
    store->key_put = watched_key_put;
}

int steps_store_open(const char *path, struct store *out_store)
{
    int status = store_sqlite_open(path, out_store);
    if (status == 0) {
        steps_watch_store(out_store);
    }
    return status;
}
