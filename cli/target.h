/* target.h - what the key commands share: key files, fingerprints, addresses as people write
 * them. */
#ifndef CYAN_CLI_TARGET_H
#define CYAN_CLI_TARGET_H

#include <stddef.h>
#include <stdint.h>

#include "cli/fault.h"
#include "keys/fingerprint.h"
#include "wire/address.h"

enum { TARGET_ADDRESS_TEXT = CYAN_ADDRESS_HOST_MAX + 8 };

/* Both forms of a key's fingerprint. */
struct target_fingerprint {
    char full[CYAN_FINGERPRINT_TEXT];
    char brief[CYAN_FINGERPRINT_SHORT];
};

int target_fingerprint(const uint8_t *spki, size_t len, struct target_fingerprint *out_print,
                       struct fault *fault);

/* Reads a key file whole; give it back to cyan_files_free. CLI_NOT_FOUND, CLI_FAILED. */
int target_read_file(const char *path, uint8_t **out_data, size_t *out_len, struct fault *fault);

/* The words for a file whose key cannot be used, for the reason that keys/keyfile.h gave. */
int target_bad_key(const char *path, int err, const char *why, struct fault *fault);

/* HOST or HOST:PORT. port_text, when not NULL, is the port instead. CLI_USAGE. */
int target_address(const char *text, const char *port_text, struct cyan_address *out_address,
                   struct fault *fault);

/* HOST:PORT. */
void target_address_text(const struct cyan_address *address,
                         char out_text[static TARGET_ADDRESS_TEXT]);

#endif
