#include "server/commands/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/secret.h"
#include "keys/files.h"
#include "keys/keyfile.h"

enum { HEAD_LEN = 9, PIECE = 16384, PATH_LEN_MAX = 1200 };

static int put_head(struct cyan_sealer *sealer, enum bundle_kind kind, uint64_t len)
{
    uint8_t head[HEAD_LEN];
    head[0] = (uint8_t)kind;
    cyan_put_be32(head + 1, (uint32_t)(len >> 32));
    cyan_put_be32(head + 5, (uint32_t)len);
    return cyan_sealer_write(sealer, head, sizeof head);
}

int bundle_put(struct cyan_sealer *sealer, enum bundle_kind kind, const void *data, size_t len)
{
    int err = put_head(sealer, kind, len);
    return err < 0 ? err : cyan_sealer_write(sealer, data, len);
}

int bundle_put_file(struct cyan_sealer *sealer, enum bundle_kind kind, int fd, uint64_t size)
{
    uint8_t piece[PIECE];
    int err = put_head(sealer, kind, size);
    while (err == 0 && size > 0) {
        ssize_t got = read(fd, piece, size < sizeof piece ? (size_t)size : sizeof piece);
        if (got > 0) {
            err = cyan_sealer_write(sealer, piece, (size_t)got);
            size -= (uint64_t)got;
        } else if (got == 0) {
            err = CYAN_E_TRUNCATED;
        } else if (errno != EINTR) {
            err = CYAN_E_IO;
        }
    }
    cyan_wipe(piece, sizeof piece);
    return err;
}

int bundle_end(struct cyan_sealer *sealer)
{
    int err = put_head(sealer, BUNDLE_END, 0);
    return err < 0 ? err : cyan_sealer_end(sealer);
}

static const char *const names[] = {
    [BUNDLE_KEY] = "server.key",
    [BUNDLE_PREV_KEY] = "server-prev.key",
    [BUNDLE_STORE] = "cyan.db",
};

/* Whether this entry may follow that one. */
static bool may_follow(unsigned kind, unsigned before, uint64_t len)
{
    switch (kind) {
    case BUNDLE_KEY:
        return before == BUNDLE_END && len <= CYAN_KEYFILE_MAX;
    case BUNDLE_PREV_KEY:
        return before == BUNDLE_KEY && len <= CYAN_KEYFILE_MAX;
    case BUNDLE_STORE:
        return before == BUNDLE_KEY || before == BUNDLE_PREV_KEY;
    case BUNDLE_END:
        return before == BUNDLE_STORE && len == 0;
    default:
        return false;
    }
}

/* Copies len bytes to fd, or nowhere for -1. */
static int copy(struct cyan_unsealer *unsealer, int fd, uint64_t len)
{
    uint8_t piece[PIECE];
    int err = 0;
    while (err == 0 && len > 0) {
        size_t part = len < sizeof piece ? (size_t)len : sizeof piece;
        err = cyan_unsealer_read(unsealer, piece, part);
        if (err == 0 && fd >= 0) {
            err = cyan_files_write(fd, piece, part);
        }
        len -= part;
    }
    cyan_wipe(piece, sizeof piece);
    return err;
}

static int extract(struct cyan_unsealer *unsealer, const char *folder, unsigned kind, uint64_t len)
{
    char path[PATH_LEN_MAX];
    int fd = -1;
    if (folder) {
        int path_len = snprintf(path, sizeof path, "%s/%s", folder, names[kind]);
        if (path_len < 0 || (size_t)path_len >= sizeof path) {
            errno = ENAMETOOLONG;
            return CYAN_E_IO;
        }
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0) {
            return CYAN_E_IO;
        }
    }
    int err = copy(unsealer, fd, len);
    if (fd >= 0) {
        if (err == 0 && fsync(fd) < 0) {
            err = CYAN_E_IO;
        }
        int cause = errno;
        (void)close(fd);
        errno = cause;
    }
    return err;
}

int bundle_read(struct cyan_unsealer *unsealer, const char *folder)
{
    unsigned kind = BUNDLE_END;
    int err = 0;
    do {
        uint8_t head[HEAD_LEN];
        unsigned before = kind;
        err = cyan_unsealer_read(unsealer, head, sizeof head);
        if (err < 0) {
            break;
        }
        uint64_t len = ((uint64_t)cyan_get_be32(head + 1) << 32) | cyan_get_be32(head + 5);
        kind = head[0];
        if (!may_follow(kind, before, len)) {
            return CYAN_E_NOT_DECIPHERABLE;
        }
        if (kind != BUNDLE_END) {
            err = extract(unsealer, folder, kind, len);
        }
    } while (err == 0 && kind != BUNDLE_END);
    if (err == 0) {
        err = cyan_unsealer_end(unsealer);
    }
    return err == CYAN_E_TRUNCATED || err == CYAN_E_TOO_LONG ? CYAN_E_NOT_DECIPHERABLE : err;
}
