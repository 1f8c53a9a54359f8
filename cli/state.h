/* state.h - the state folder of a virtual Photon, as a target for keys: photon.json says what it
 * is, flash.bin is its flash, lock is held by whoever uses it.
 *
 * Every write is preceded by a back-up of the old bytes in a file of its own beside flash.bin, is
 * read back and compared, and is on the disk when the call returns. */
#ifndef CYAN_CLI_STATE_H
#define CYAN_CLI_STATE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "cli/fault.h"
#include "wire/limits.h"
#include "wire/settings.h"

enum { STATE_PATH_MAX = 1024 };

/* What a back-up is of; the words of its file name. */
#define STATE_DEVICE_KEY "device-key"
#define STATE_SERVER_KEY "server-key"
#define STATE_ADDRESS "address"

struct state {
    const char *folder; /* borrowed */
    int lock_fd, flash_fd;
    struct cyan_flash flash;
    char id[CYAN_ID_TEXT];
};

/* CLI_NOT_FOUND: no state is there; CLI_REFUSED: in use; CLI_FAILED. On success the lock is held
 * until state_close. */
int state_open(struct state *state, const char *folder, struct fault *fault) CYAN_MUST_CHECK;
void state_close(struct state *state);

/* Reads a SETTING of wire/settings.h. */
int state_read(const struct state *state, uint32_t setting, void *out, size_t len,
               struct fault *fault) CYAN_MUST_CHECK;

/* Writes one, as above. out_backup gets the path of the back-up; it is empty when the old bytes
 * were the same and nothing was done. */
int state_write(const struct state *state, uint32_t setting, const void *data, size_t len,
                const char *what, char out_backup[static STATE_PATH_MAX],
                struct fault *fault) CYAN_MUST_CHECK;

#endif
