/* bundle.h - the files of a data folder as one sealed stream. Bytes: docs/SPEC-backup.md. */
#ifndef CYAN_SERVER_COMMANDS_BUNDLE_H
#define CYAN_SERVER_COMMANDS_BUNDLE_H

#include <stddef.h>
#include <stdint.h>

#include "keys/sealed.h"

/* What may be in it, in this order. */
enum bundle_kind {
    BUNDLE_END = 0,
    BUNDLE_KEY = 1,      /* server.key */
    BUNDLE_PREV_KEY = 2, /* server-prev.key; may be missing */
    BUNDLE_STORE = 3,    /* cyan.db */
};

/* One entry: a key from memory, or a store from a file of size bytes. Errors as cyan_sealer_write;
 * CYAN_E_IO with errno for the file; CYAN_E_TRUNCATED: it became shorter. */
int bundle_put(struct cyan_sealer *sealer, enum bundle_kind kind, const void *data,
               size_t len) CYAN_MUST_CHECK;
int bundle_put_file(struct cyan_sealer *sealer, enum bundle_kind kind, int fd,
                    uint64_t size) CYAN_MUST_CHECK;
int bundle_end(struct cyan_sealer *sealer) CYAN_MUST_CHECK;

/* Reads the whole stream and writes its files (0600, synced) into a folder; folder NULL: writes
 * nothing, reads only. CYAN_E_NOT_DECIPHERABLE: damage, or not such a stream. CYAN_E_IO with errno,
 * CYAN_E_CRYPTO, CYAN_E_NO_MEMORY: as cyan_unsealer_read. */
int bundle_read(struct cyan_unsealer *unsealer, const char *folder) CYAN_MUST_CHECK;

#endif
