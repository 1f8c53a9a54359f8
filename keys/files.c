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

int cyan_files_write(int fd, const void *data, size_t len)
{
    const uint8_t *at = data;
    while (len > 0) {
        ssize_t put = write(fd, at, len);
        if (put < 0 && errno != EINTR) {
            return CYAN_E_IO;
        }
        if (put > 0) {
            at += put;
            len -= (size_t)put;
        }
    }
    return 0;
}

static void free_quietly(void *p)
{
    int saved = errno;
    free(p);
    errno = saved;
}

int cyan_files_draft_open(const char *path, enum cyan_files_mode mode,
                          struct cyan_files_draft *out_draft)
{
    struct cyan_files_draft draft = {.path = path};
    if (asprintf(&draft.temp, "%s.new-XXXXXX", path) < 0) {
        errno = ENOMEM;
        return CYAN_E_IO;
    }
    draft.fd = mkostemp(draft.temp, O_CLOEXEC);
    if (draft.fd < 0) {
        free_quietly(draft.temp);
        return CYAN_E_IO;
    }
    if (fchmod(draft.fd, (mode_t)mode) < 0) {
        cyan_files_draft_drop(&draft);
        return CYAN_E_IO;
    }
    *out_draft = draft;
    return 0;
}

void cyan_files_draft_drop(struct cyan_files_draft *draft)
{
    close_quietly(draft->fd);
    unlink_quietly(draft->temp);
    free_quietly(draft->temp);
    *draft = (struct cyan_files_draft){.fd = -1};
}

int cyan_files_draft_keep(struct cyan_files_draft *draft)
{
    if (fsync(draft->fd) < 0 || rename(draft->temp, draft->path) < 0) {
        cyan_files_draft_drop(draft);
        return CYAN_E_IO;
    }
    close_quietly(draft->fd);
    int err = cyan_files_sync_folder_of(draft->path);
    free_quietly(draft->temp);
    *draft = (struct cyan_files_draft){.fd = -1};
    return err;
}

int cyan_files_sync_folder(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return CYAN_E_IO;
    }
    int err = fsync(fd) < 0 ? CYAN_E_IO : 0;
    close_quietly(fd);
    return err;
}

int cyan_files_sync_folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash) {
        return cyan_files_sync_folder(".");
    }
    char *folder = strndup(path, slash == path ? 1 : (size_t)(slash - path));
    int err = folder ? cyan_files_sync_folder(folder) : CYAN_E_IO;
    free_quietly(folder);
    return err;
}

/* A new file beside path holds the data, synced. */
static int write_beside(const char *path, const void *data, size_t len, enum cyan_files_mode mode,
                        struct cyan_files_draft *out_draft)
{
    int err = cyan_files_draft_open(path, mode, out_draft);
    if (err == 0) {
        err = cyan_files_write(out_draft->fd, data, len);
        if (err == 0 && fsync(out_draft->fd) < 0) {
            err = CYAN_E_IO;
        }
        if (err < 0) {
            cyan_files_draft_drop(out_draft);
        }
    }
    return err;
}

int cyan_files_write_new(const char *path, const void *data, size_t len, enum cyan_files_mode mode)
{
    struct cyan_files_draft draft;
    int err = write_beside(path, data, len, mode, &draft);
    if (err < 0) {
        return err;
    }
    /* A link, unlike a rename, never takes the place of what is there. */
    if (link(draft.temp, path) < 0) {
        err = errno == EEXIST ? CYAN_E_EXISTS : CYAN_E_IO;
    }
    cyan_files_draft_drop(&draft);
    if (err == 0) {
        err = cyan_files_sync_folder_of(path);
        if (err < 0) {
            unlink_quietly(path);
        }
    }
    return err;
}

int cyan_files_replace(const char *path, const void *data, size_t len, enum cyan_files_mode mode)
{
    struct cyan_files_draft draft;
    int err = write_beside(path, data, len, mode, &draft);
    return err < 0 ? err : cyan_files_draft_keep(&draft);
}
