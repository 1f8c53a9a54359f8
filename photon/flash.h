/* flash.h - the Photon's internal flash as a file of 1 MiB, with what real flash is like: programs
 * only clear bits, half-word by half-word, and power can fail between any two of them.
 *
 * Each half-word programmed and each sector erased is one operation. When the allowed number is
 * used up, power is gone: that operation and all after it fail with CYAN_E_OFFLINE, and the file
 * stays as it was left. */
#ifndef CYAN_PHOTON_FLASH_H
#define CYAN_PHOTON_FLASH_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/settings.h"

struct flash {
    int fd;
    bool limited;
    bool power_lost;
    uint64_t ops_left; /* of limited */
    uint64_t ops;      /* done so far */
    struct cyan_flash face;
};

/* Makes the file, all FF; it must not exist (CYAN_E_EXISTS). CYAN_E_IO: errno says why. */
int flash_create(const char *path) CYAN_MUST_CHECK;

/* CYAN_E_NOT_FOUND, CYAN_E_IO, CYAN_E_CORRUPT: not of the right size. face is good until close. */
int flash_open(struct flash *flash, const char *path) CYAN_MUST_CHECK;
void flash_close(struct flash *flash);

/* Power fails after so many more operations. */
void flash_cut_after(struct flash *flash, uint64_t ops);

/* Writes any bytes anywhere, as damage does: no operation is counted. */
int flash_damage(struct flash *flash, uint32_t offset, const void *data,
                 size_t len) CYAN_MUST_CHECK;

#endif
