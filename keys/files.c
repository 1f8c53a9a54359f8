#include "keys/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/secret.h"

/* Closes without touching the errno of what failed before. */
static void close_quietly(int fd)
{
    int saved = errno;
    (void)close(fd);
    errno = saved;
}

static void unlink_quietly(const char *path)
{
    int saved = errno;
    (void)unlink(path);
    errno = saved;
}

/* Up to cap bytes, until the end of the file. */
static ssize_t read_all(int fd, uint8_t *data, size_t cap)
{
    size_t len = 0;
    while (len < cap) {
        ssize_t got = read(fd, data + len, cap - len);
        if (got < 0 && errno != EINTR) {
            return -1;
        }
        if (got == 0) {
            break;
        }
        len += got > 0 ? (size_t)got : 0;
    }
    return (ssize_t)len;
}

int cyan_files_read(const char *path, size_t max, uint8_t **out_data, size_t *out_len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT || errno == ENOTDIR ? CYAN_E_NOT_FOUND : CYAN_E_IO;
    }
    /* One byte more than allowed shows that there is more; it is the place of the NUL too. */
    uint8_t *data = malloc(max + 1);
    if (!data) {
        close_quietly(fd);
        return CYAN_E_NO_MEMORY;
    }
    ssize_t len = read_all(fd, data, max + 1);
    close_quietly(fd);
    if (len < 0 || (size_t)len > max) {
        int saved = errno;
        cyan_files_free(data, max + 1);
        errno = saved;
        return len < 0 ? CYAN_E_IO : CYAN_E_TOO_LONG;
    }
    data[len] = 0;
    *out_data = data;
    *out_len = (size_t)len;
    return 0;
}

void cyan_files_free(uint8_t *data, size_t len)
{
    if (data) {
        cyan_wipe(data, len);
        free(data);
    }
}

static int write_all(int fd, const uint8_t *data, size_t len)
{
    while (len > 0) {
        ssize_t put = write(fd, data, len);
        if (put < 0 && errno != EINTR) {
            return CYAN_E_IO;
        }
        if (put > 0) {
            data += put;
            len -= (size_t)put;
        }
    }
    return 0;
}

/* A new file beside path holds the data, synced. out_temp is its name, for the caller to free. */
static int write_beside(const char *path, const void *data, size_t len, enum cyan_files_mode mode,
                        char **out_temp)
{
    char *temp = NULL;
    if (asprintf(&temp, "%s.new-XXXXXX", path) < 0) {
        errno = ENOMEM;
        return CYAN_E_IO;
    }
    int fd = mkostemp(temp, O_CLOEXEC);
    if (fd < 0) {
        int saved = errno;
        free(temp);
        errno = saved;
        return CYAN_E_IO;
    }
    int err = write_all(fd, data, len);
    if (err == 0 && (fchmod(fd, (mode_t)mode) < 0 || fsync(fd) < 0)) {
        err = CYAN_E_IO;
    }
    close_quietly(fd);
    if (err < 0) {
        unlink_quietly(temp);
        int saved = errno;
        free(temp);
        errno = saved;
        return err;
    }
    *out_temp = temp;
    return 0;
}

static int sync_folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = NULL;
    if (!slash) {
        folder = strdup(".");
    } else {
        folder = strndup(path, slash == path ? 1 : (size_t)(slash - path));
    }
    int fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    int saved = errno;
    free(folder);
    errno = saved;
    if (fd < 0) {
        return CYAN_E_IO;
    }
    int err = fsync(fd) < 0 ? CYAN_E_IO : 0;
    close_quietly(fd);
    return err;
}

int cyan_files_write_new(const char *path, const void *data, size_t len, enum cyan_files_mode mode)
{
    char *temp = NULL;
    int err = write_beside(path, data, len, mode, &temp);
    if (err < 0) {
        return err;
    }
    /* A link, unlike a rename, never takes the place of what is there. */
    if (link(temp, path) < 0) {
        err = errno == EEXIST ? CYAN_E_EXISTS : CYAN_E_IO;
    }
    unlink_quietly(temp);
    if (err == 0) {
        err = sync_folder_of(path);
        if (err < 0) {
            unlink_quietly(path);
        }
    }
    int saved = errno;
    free(temp);
    errno = saved;
    return err;
}

int cyan_files_replace(const char *path, const void *data, size_t len, enum cyan_files_mode mode)
{
    char *temp = NULL;
    int err = write_beside(path, data, len, mode, &temp);
    if (err < 0) {
        return err;
    }
    if (rename(temp, path) < 0) {
        err = CYAN_E_IO;
        unlink_quietly(temp);
    } else {
        err = sync_folder_of(path);
    }
    int saved = errno;
    free(temp);
    errno = saved;
    return err;
}
