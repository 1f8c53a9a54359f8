/* device_keys.h - public keys of devices as other servers keep them.
 *
 * A folder of PEM files named for their devices (spark-server's core_keys, Brewskey's deviceKeys):
 * ID.pub.pem or ID.pem; of a private key its public half is taken. Or a file of NeDB: lines of
 * JSON, each an object as it was stored at some time; a later line with the same _id replaces an
 * earlier one, or deletes it with "$$deleted". The objects: {"deviceID","key","algorithm"}.
 *
 * What cannot be used is told on stderr with its name and reason, and counted; the rest goes on. */
#ifndef CYAN_SERVER_COMMANDS_DEVICE_KEYS_H
#define CYAN_SERVER_COMMANDS_DEVICE_KEYS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "wire/keyblob.h"
#include "wire/limits.h"

enum {
    DEVICE_KEYS_MAX = 262144,     /* files, or lines that say something */
    DEVICE_KEYS_LINE_MAX = 65536, /* bytes of a line */
    DEVICE_KEYS_NAME_MAX = 255,
};

struct device_key_found {
    uint8_t id[CYAN_ID_LEN];
    uint8_t spki[CYAN_DEVICE_SPKI_LEN];
    char where[48]; /* in the source: a file's name, or "line 7" */
};

/* One for each device, in the order of ids. */
struct device_keys {
    struct device_key_found *list; /* on the heap; give it to device_keys_done */
    size_t count, cap;
    size_t bad; /* what could not be used */
};

/* Reads a folder or a file. Returns 0 or an exit code, said: the path itself cannot be read. */
int device_keys_read(const char *path, struct device_keys *out_keys);
void device_keys_done(struct device_keys *keys);

/* For its own parts. Adds one; CYAN_E_NO_MEMORY, CYAN_E_FULL. */
int device_keys_add(struct device_keys *keys, const struct device_key_found *found) CYAN_MUST_CHECK;
/* Tells what is wrong with one, and counts it. */
void device_keys_complain(struct device_keys *keys, const char *path, const char *where,
                          const char *why);
/* A device id in text of either case. */
int device_keys_id(const char *text, size_t len, uint8_t out_id[static CYAN_ID_LEN]);

/* The lines of NeDB in an open file; path is for the words. CYAN_E_NO_MEMORY, CYAN_E_FULL,
 * CYAN_E_IO with errno. */
int device_keys_read_nedb(FILE *file, const char *path, struct device_keys *keys) CYAN_MUST_CHECK;

#endif
