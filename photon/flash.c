#include "photon/flash.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE_LEN = 4096, UNIT = 2 };

static int write_all(int fd, const void *data, size_t len, off_t at)
{
    const uint8_t *bytes = data;
    while (len > 0) {
        ssize_t n = pwrite(fd, bytes, len, at);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return CYAN_E_IO;
        }
        bytes += n;
        at += n;
        len -= (size_t)n;
    }
    return 0;
}

static int fill_blank(int fd, off_t at, size_t len)
{
    uint8_t blank[PIECE_LEN];
    int err = 0;
    memset(blank, 0xFF, sizeof blank);
    for (size_t done = 0; done < len && err == 0; done += sizeof blank) {
        err = write_all(fd, blank, sizeof blank, at + (off_t)done);
    }
    return err;
}

int flash_create(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return errno == EEXIST ? CYAN_E_EXISTS : CYAN_E_IO;
    }
    int err = fill_blank(fd, 0, CYAN_FLASH_SIZE);
    if (err == 0 && fsync(fd) != 0) {
        err = CYAN_E_IO;
    }
    int saved = errno;
    close(fd);
    if (err < 0) {
        unlink(path);
    }
    errno = saved;
    return err;
}

static bool is_inside(uint32_t offset, size_t len)
{
    return offset <= CYAN_FLASH_SIZE && len <= CYAN_FLASH_SIZE - offset;
}

static int read_flash(void *ctx, uint32_t offset, void *out, size_t len)
{
    struct flash *flash = ctx;
    uint8_t *bytes = out;
    if (!is_inside(offset, len)) {
        return CYAN_E_INVALID;
    }
    while (len > 0) {
        ssize_t n = pread(flash->fd, bytes, len, (off_t)offset);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return CYAN_E_IO;
        }
        bytes += n;
        offset += (uint32_t)n;
        len -= (size_t)n;
    }
    return 0;
}

/* How many of this many operations power lasts for. */
static size_t spend(struct flash *flash, size_t ops)
{
    if (flash->power_lost) {
        return 0;
    }
    if (flash->limited && ops > flash->ops_left) {
        ops = (size_t)flash->ops_left;
        flash->power_lost = true;
    }
    flash->ops_left -= flash->limited ? ops : 0;
    flash->ops += ops;
    return ops;
}

static int program_piece(struct flash *flash, uint32_t offset, const uint8_t *data, size_t len)
{
    uint8_t piece[PIECE_LEN];
    int err = read_flash(flash, offset, piece, len);
    if (err < 0) {
        return err;
    }
    size_t done = spend(flash, len / UNIT) * UNIT;
    for (size_t i = 0; i < done; i++) {
        piece[i] &= data[i];
    }
    err = write_all(flash->fd, piece, done, (off_t)offset);
    return err == 0 && done < len ? CYAN_E_OFFLINE : err;
}

static int program_flash(void *ctx, uint32_t offset, const void *data, size_t len)
{
    const uint8_t *bytes = data;
    int err = 0;
    if (!is_inside(offset, len) || offset % UNIT != 0 || len % UNIT != 0) {
        return CYAN_E_INVALID;
    }
    while (len > 0 && err == 0) {
        size_t step = len < PIECE_LEN ? len : (size_t)PIECE_LEN;
        err = program_piece(ctx, offset, bytes, step);
        bytes += step;
        offset += (uint32_t)step;
        len -= step;
    }
    return err;
}

static int erase_flash(void *ctx, uint32_t offset)
{
    struct flash *flash = ctx;
    if (offset % CYAN_DCT_SECTOR_SIZE != 0 || !is_inside(offset, CYAN_DCT_SECTOR_SIZE)) {
        return CYAN_E_INVALID;
    }
    if (spend(flash, 1) == 0) {
        return CYAN_E_OFFLINE;
    }
    return fill_blank(flash->fd, (off_t)offset, CYAN_DCT_SECTOR_SIZE);
}

int flash_open(struct flash *flash, const char *path)
{
    struct stat st;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT ? CYAN_E_NOT_FOUND : CYAN_E_IO;
    }
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size != CYAN_FLASH_SIZE) {
        close(fd);
        return CYAN_E_CORRUPT;
    }
    *flash = (struct flash){.fd = fd};
    flash->face = (struct cyan_flash){
        .ctx = flash, .read = read_flash, .program = program_flash, .erase = erase_flash};
    return 0;
}

void flash_close(struct flash *flash)
{
    if (flash->face.ctx) {
        close(flash->fd);
        flash->face = (struct cyan_flash){0};
    }
}

void flash_cut_after(struct flash *flash, uint64_t ops)
{
    flash->limited = true;
    flash->ops_left = ops;
}

int flash_damage(struct flash *flash, uint32_t offset, const void *data, size_t len)
{
    return is_inside(offset, len) ? write_all(flash->fd, data, len, (off_t)offset) : CYAN_E_INVALID;
}
