/* files.h - files of secrets: read whole within a limit, written whole or not at all.
 *
 * A write goes to a new file beside the target, is synced, takes the target's place, and the
 * folder is synced: after a loss of power the old file or the new one is there, whole. After
 * CYAN_E_IO errno says why, so that a program can tell it. */
#ifndef CYAN_KEYS_FILES_H
#define CYAN_KEYS_FILES_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum cyan_files_mode {
    CYAN_FILES_SECRET = 0600,
    CYAN_FILES_PUBLIC = 0644,
};

/* Reads a whole file of at most max bytes into memory of its own, which the caller gives back to
 * cyan_files_free. One NUL follows the data and is not counted. CYAN_E_NOT_FOUND,
 * CYAN_E_TOO_LONG, CYAN_E_IO, CYAN_E_NO_MEMORY. */
int cyan_files_read(const char *path, size_t max, uint8_t **out_data,
                    size_t *out_len) CYAN_MUST_CHECK;

/* Wipes and frees; data may be NULL. */
void cyan_files_free(uint8_t *data, size_t len);

/* Writes a file that must not be there yet: CYAN_E_EXISTS. CYAN_E_IO. */
int cyan_files_write_new(const char *path, const void *data, size_t len,
                         enum cyan_files_mode mode) CYAN_MUST_CHECK;

/* Writes a file in place of the old one, if any. CYAN_E_IO. */
int cyan_files_replace(const char *path, const void *data, size_t len,
                       enum cyan_files_mode mode) CYAN_MUST_CHECK;

/* A file that is written piece by piece and then takes its place. */
struct cyan_files_draft {
    int fd;
    char *temp;       /* its name until then; on the heap */
    const char *path; /* borrowed */
};

/* Makes an empty file of this mode beside path. CYAN_E_IO. */
int cyan_files_draft_open(const char *path, enum cyan_files_mode mode,
                          struct cyan_files_draft *out_draft) CYAN_MUST_CHECK;
/* Syncs it and puts it in place of the old one, if any. CYAN_E_IO: the draft is gone. Either way
 * it is closed. */
int cyan_files_draft_keep(struct cyan_files_draft *draft) CYAN_MUST_CHECK;
/* Closes and removes it. Leaves errno alone. */
void cyan_files_draft_drop(struct cyan_files_draft *draft);

/* Writes all of it. CYAN_E_IO. */
int cyan_files_write(int fd, const void *data, size_t len) CYAN_MUST_CHECK;

/* Makes sure that the names in a folder are on disk. CYAN_E_IO. */
int cyan_files_sync_folder(const char *folder) CYAN_MUST_CHECK;
/* The same for the folder that holds path. */
int cyan_files_sync_folder_of(const char *path) CYAN_MUST_CHECK;

#endif
