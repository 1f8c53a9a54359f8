/* state.h - the folder that a virtual Photon lives in: flash.bin, photon.json, lock.
 *
 * photon.json says what is not in flash: the id that the chip was born with, the platform, the
 * firmware. A folder is a state once it has both files. The lock is flock's: a file that was left
 * behind locks nothing. */
#ifndef CYAN_PHOTON_STATE_H
#define CYAN_PHOTON_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/crypto.h"
#include "wire/limits.h"

enum { STATE_PATH_MAX = 4096, STATE_FIRMWARE_MAX = 15 };

struct state {
    char dir[STATE_PATH_MAX];
    int lock_fd;
    uint8_t id[CYAN_ID_LEN];
    uint16_t platform;
    char firmware[STATE_FIRMWARE_MAX + 1]; /* "0.7.0" */
    bool claimed;
};

/* Locks an existing state and reads its photon.json. CYAN_E_NOT_FOUND: no state there;
 * CYAN_E_BUSY: another program has it; CYAN_E_CORRUPT: photon.json cannot be read;
 * CYAN_E_TOO_LONG; CYAN_E_IO: errno says why. */
int state_open(struct state *state, const char *dir) CYAN_MUST_CHECK;

/* Makes a state: the folder and its parents where needed, a blank flash.bin, photon.json with a new
 * id, or with the one that is already there. CYAN_E_EXISTS: there is a state, which stays as it
 * is; else as above. Call state_abandon if what follows fails. */
int state_create(struct state *state, const char *dir, const char *firmware,
                 const struct cyan_crypto *crypto) CYAN_MUST_CHECK;

/* Takes flash.bin away again: no state has been made. */
void state_abandon(struct state *state);

void state_close(struct state *state);

/* The path of flash.bin. */
int state_flash_path(const struct state *state,
                     char out_path[static STATE_PATH_MAX]) CYAN_MUST_CHECK;

/* Whether this firmware is of implementation A: all before 0.8. */
bool state_is_old_firmware(const struct state *state);

#endif
