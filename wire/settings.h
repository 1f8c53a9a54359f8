/* settings.h - the layout of a Photon's settings (DCT) in flash (docs/SPEC-wire.md, "Settings").
 *
 * Two 16 KiB sectors hold a copy each: a header, vendor data, then the application section. All
 * offsets named SETTING are relative to that section, which is also what DFU alternate 1 shows. */
#ifndef CYAN_WIRE_SETTINGS_H
#define CYAN_WIRE_SETTINGS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
    CYAN_FLASH_BASE = 0x08000000,
    CYAN_FLASH_SIZE = 0x100000,
    CYAN_DCT_SECTOR_SIZE = 0x4000,
    CYAN_DCT_SECTOR_1 = 0x4000,  /* offset in flash: sector 1 */
    CYAN_DCT_SECTOR_2 = 0x8000,  /* sector 2 */
    CYAN_DCT_APP_SECTION = 7548, /* offset in a sector */
    CYAN_DCT_APP_LEN = 8391,

    CYAN_SETTING_DEVICE_KEY = 34, /* CYAN_DEVICE_KEY_SLOT of 1216 bytes are used */
    CYAN_SETTING_DEVICE_KEY_SPACE = 1216,
    CYAN_SETTING_DEVICE_PUBLIC = 1250, /* a cache of the derived SPKI, 162 of 384 bytes */
    CYAN_SETTING_DEVICE_PUBLIC_SPACE = 384,
    CYAN_SETTING_CLAIM_CODE = 1762, /* 63 characters */
    CYAN_SETTING_CLAIMED = 1825,    /* '1': claimed */
    CYAN_SETTING_SERVER_KEY = 2082, /* 294 bytes of SPKI, then FF */
    CYAN_SETTING_SERVER_KEY_SPACE = 384,
    CYAN_SETTING_SERVER_ADDRESS = 2466, /* wire/address.h */
    CYAN_SETTING_SERVER_BLOB_LEN = 512, /* key and address together, as tools write them */
    CYAN_SETTING_DEVICE_ID = 3618,      /* a copy, 12 bytes */

    /* Header at the start of a sector, little-endian. */
    CYAN_DCT_AT_FULL_SIZE = 0,
    CYAN_DCT_AT_USED_SIZE = 4,
    CYAN_DCT_AT_WRITE_INCOMPLETE = 8,
    CYAN_DCT_AT_IS_CURRENT = 9,
    CYAN_DCT_AT_APP_VALID = 10,
    CYAN_DCT_AT_MFG_INFO = 11,
    CYAN_DCT_AT_MAGIC = 12,
};

static const uint32_t CYAN_DCT_MAGIC = 0x4D435242;

_Static_assert(CYAN_DCT_APP_SECTION + CYAN_SETTING_DEVICE_KEY == 0x1D9E, "key in its sector");
_Static_assert(CYAN_DCT_APP_SECTION + CYAN_SETTING_SERVER_KEY == 0x259E, "server key");
_Static_assert(CYAN_SETTING_SERVER_KEY + CYAN_SETTING_SERVER_KEY_SPACE ==
                   CYAN_SETTING_SERVER_ADDRESS,
               "the address follows the key");

/* Flash as a board or an image file supplies it; offsets count from CYAN_FLASH_BASE. */
struct cyan_flash {
    void *ctx;
    int (*read)(void *ctx, uint32_t offset, void *out, size_t len);
    /* Clears bits only, in units of two bytes; offset and len are even. */
    int (*program)(void *ctx, uint32_t offset, const void *data, size_t len);
    /* Sets every byte of the 16 KiB sector that begins at offset to FF. */
    int (*erase)(void *ctx, uint32_t offset);
};

/* The scheme of stock firmware up to 0.6.x: every write copies the whole current sector, changed,
 * into the other one, marks it current, then unmarks the old one. Nothing checks the data, which
 * is how a cut of power comes to damage keys. */

/* Writes a first copy with a blank application section into sector 1 and erases sector 2. */
int cyan_settings_format(const struct cyan_flash *flash) CYAN_MUST_CHECK;

/* The flash offset of the current copy's sector; CYAN_E_BLANK when neither copy is one. */
int cyan_settings_find(const struct cyan_flash *flash, uint32_t *out_sector) CYAN_MUST_CHECK;

/* Reads or writes len bytes at a SETTING. CYAN_E_BLANK as above; CYAN_E_INVALID outside the
 * section. A write that changes nothing touches no flash. */
int cyan_settings_read(const struct cyan_flash *flash, uint32_t setting, void *out,
                       size_t len) CYAN_MUST_CHECK;
int cyan_settings_write(const struct cyan_flash *flash, uint32_t setting, const void *data,
                        size_t len) CYAN_MUST_CHECK;

#endif
