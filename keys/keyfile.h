/* keyfile.h - keys from files of any common form, made into what devices can use.
 *
 * Read are PEM and DER; PKCS#1, PKCS#8 and SPKI; also the 612 bytes of a device's key slot, with
 * whatever stands behind the key. Tools differ in how wide they write a key's integers, and a
 * device reads one width only; what comes out of here always has it. Nothing is ever asked on a
 * terminal: an encrypted key is CYAN_E_UNSUPPORTED.
 *
 * Errors, with the reason as a static sentence without a full stop in *why when why is not NULL
 * (set on failure only): CYAN_E_TOO_LONG (CYAN_KEYFILE_MAX), CYAN_E_BLANK (empty, or nothing but
 * FF), CYAN_E_MALFORMED (no key), CYAN_E_UNSUPPORTED (an EC key, an encrypted key, another
 * algorithm), CYAN_E_INVALID (RSA of another length or exponent, or no private part where one is
 * needed), CYAN_E_KEY_DAMAGED (its numbers do not fit together), CYAN_E_NO_MEMORY. */
#ifndef CYAN_KEYS_KEYFILE_H
#define CYAN_KEYS_KEYFILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "crypto/crypto.h"
#include "wire/keyblob.h"

enum { CYAN_KEYFILE_MAX = 16384 };

/* A private device key: RSA-1024, e = 65537, whole. A secret: wipe it. */
int cyan_keyfile_device_private(const uint8_t *data, size_t len, struct cyan_rsa1024 *out_key,
                                const char **why) CYAN_MUST_CHECK;

/* The public half of a device key, from a file of either half. */
int cyan_keyfile_device_public(const uint8_t *data, size_t len,
                               uint8_t out_spki[static CYAN_DEVICE_SPKI_LEN],
                               const char **why) CYAN_MUST_CHECK;

/* The public half of a server key, from a file of either half: RSA-2048, e = 65537. A 512-byte
 * blob as tools write it to a device (SPKI first) is fine too. */
int cyan_keyfile_server_public(const uint8_t *data, size_t len,
                               uint8_t out_spki[static CYAN_SERVER_SPKI_LEN],
                               const char **why) CYAN_MUST_CHECK;

#endif
