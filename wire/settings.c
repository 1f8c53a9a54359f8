#include "wire/settings.h"

#include <string.h>

#include "base/bytes.h"
#include "base/secret.h"

enum {
    HEADER_LEN = 16,
    PIECE_LEN = 128, /* a sector is copied through a buffer of this size */
    COMPLETE = 0,
    CURRENT = 1,
    NOT_CURRENT = 0,
};
_Static_assert(CYAN_DCT_SECTOR_SIZE % PIECE_LEN == 0, "whole pieces");
_Static_assert(CYAN_DCT_APP_SECTION + CYAN_DCT_APP_LEN <= CYAN_DCT_SECTOR_SIZE, "it fits");
_Static_assert(HEADER_LEN <= PIECE_LEN, "the first piece has the whole header");

/* Programmed in rising order, so that the magic number, which makes a header count, comes last. */
static int program_header(const struct cyan_flash *flash, uint32_t sector,
                          uint8_t header[static HEADER_LEN])
{
    header[CYAN_DCT_AT_WRITE_INCOMPLETE] = COMPLETE;
    header[CYAN_DCT_AT_IS_CURRENT] = CURRENT;
    cyan_put_le32(header + CYAN_DCT_AT_MAGIC, CYAN_DCT_MAGIC);
    return flash->program(flash->ctx, sector, header, HEADER_LEN);
}

int cyan_settings_format(const struct cyan_flash *flash)
{
    uint8_t header[HEADER_LEN] = {0};
    cyan_put_le32(header + CYAN_DCT_AT_FULL_SIZE, CYAN_DCT_SECTOR_SIZE);
    cyan_put_le32(header + CYAN_DCT_AT_USED_SIZE, CYAN_DCT_APP_SECTION + CYAN_DCT_APP_LEN);
    header[CYAN_DCT_AT_APP_VALID] = 1;
    int err = flash->erase(flash->ctx, CYAN_DCT_SECTOR_1);
    if (err == 0) {
        err = program_header(flash, CYAN_DCT_SECTOR_1, header);
    }
    if (err == 0) {
        err = flash->erase(flash->ctx, CYAN_DCT_SECTOR_2);
    }
    return err;
}

static int is_current(const uint8_t header[static HEADER_LEN])
{
    return cyan_get_le32(header + CYAN_DCT_AT_MAGIC) == CYAN_DCT_MAGIC &&
           header[CYAN_DCT_AT_WRITE_INCOMPLETE] == COMPLETE &&
           header[CYAN_DCT_AT_IS_CURRENT] == CURRENT;
}

/* Power may fail when the new copy is whole and the old one not yet unmarked. Then both are
 * current and either would do: that write was never reported as done. */
int cyan_settings_find(const struct cyan_flash *flash, uint32_t *out_sector)
{
    static const uint32_t sectors[] = {CYAN_DCT_SECTOR_1, CYAN_DCT_SECTOR_2};
    for (size_t i = 0; i < sizeof sectors / sizeof sectors[0]; i++) {
        uint8_t header[HEADER_LEN];
        int err = flash->read(flash->ctx, sectors[i], header, sizeof header);
        if (err < 0) {
            return err;
        }
        if (is_current(header)) {
            *out_sector = sectors[i];
            return 0;
        }
    }
    return CYAN_E_BLANK;
}

static int is_inside(uint32_t setting, size_t len)
{
    return setting <= CYAN_DCT_APP_LEN && len <= CYAN_DCT_APP_LEN - setting;
}

int cyan_settings_read(const struct cyan_flash *flash, uint32_t setting, void *out, size_t len)
{
    uint32_t sector;
    if (!is_inside(setting, len)) {
        return CYAN_E_INVALID;
    }
    int err = cyan_settings_find(flash, &sector);
    if (err == 0) {
        err = flash->read(flash->ctx, sector + CYAN_DCT_APP_SECTION + setting, out, len);
    }
    return err;
}

/* Whether flash has these bytes already: 1 or 0, or an error. Keys are among them. */
static int is_same(const struct cyan_flash *flash, uint32_t offset, const uint8_t *data, size_t len)
{
    uint8_t piece[PIECE_LEN];
    int same = 1;
    while (len > 0 && same == 1) {
        size_t step = len < sizeof piece ? len : sizeof piece;
        int err = flash->read(flash->ctx, offset, piece, step);
        same = err < 0 ? err : cyan_ct_equal(piece, data, step);
        offset += (uint32_t)step;
        data += step;
        len -= step;
    }
    cyan_wipe(piece, sizeof piece);
    return same;
}

/* What to put where in a sector. */
struct change {
    uint32_t at;
    const uint8_t *data;
    size_t len;
};

/* Lays the part of the change that falls into this piece of the sector over it. */
static void overlay(const struct change *change, uint32_t piece_at, uint8_t piece[static PIECE_LEN])
{
    uint32_t from = change->at > piece_at ? change->at : piece_at;
    uint32_t end = change->at + (uint32_t)change->len;
    if (end > piece_at + PIECE_LEN) {
        end = piece_at + PIECE_LEN;
    }
    if (from < end) {
        memcpy(piece + (from - piece_at), change->data + (from - change->at), end - from);
    }
}

/* Copies the sector with its change; out_header gets the old header, which is not copied. */
static int copy_sector(const struct cyan_flash *flash, uint32_t from, uint32_t to,
                       const struct change *change, uint8_t out_header[static HEADER_LEN])
{
    uint8_t piece[PIECE_LEN];
    int err = flash->erase(flash->ctx, to);
    for (uint32_t at = 0; at < CYAN_DCT_SECTOR_SIZE && err == 0; at += PIECE_LEN) {
        uint32_t skip = at == 0 ? HEADER_LEN : 0;
        err = flash->read(flash->ctx, from + at, piece, sizeof piece);
        if (err == 0) {
            memcpy(out_header, piece, skip);
            overlay(change, at, piece);
            err = flash->program(flash->ctx, to + at + skip, piece + skip, sizeof piece - skip);
        }
    }
    cyan_wipe(piece, sizeof piece);
    return err;
}

int cyan_settings_write(const struct cyan_flash *flash, uint32_t setting, const void *data,
                        size_t len)
{
    static const uint8_t unmark[] = {COMPLETE, NOT_CURRENT};
    struct change change = {.at = CYAN_DCT_APP_SECTION + setting, .data = data, .len = len};
    uint8_t header[HEADER_LEN] = {0};
    uint32_t from;
    if (!is_inside(setting, len)) {
        return CYAN_E_INVALID;
    }
    int err = cyan_settings_find(flash, &from);
    if (err < 0) {
        return err;
    }
    int same = is_same(flash, from + change.at, change.data, change.len);
    if (same != 0) {
        return same < 0 ? same : 0;
    }
    uint32_t to = from == CYAN_DCT_SECTOR_1 ? CYAN_DCT_SECTOR_2 : CYAN_DCT_SECTOR_1;
    err = copy_sector(flash, from, to, &change, header);
    if (err == 0) {
        err = program_header(flash, to, header);
    }
    if (err == 0) {
        err =
            flash->program(flash->ctx, from + CYAN_DCT_AT_WRITE_INCOMPLETE, unmark, sizeof unmark);
    }
    return err;
}
