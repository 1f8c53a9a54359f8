/* pkey.h - for keys/ alone: the one place where OpenSSL reads key bytes of any form, and says what
 * it found. `why` is as in keys/keyfile.h, and here never NULL. */
#ifndef CYAN_KEYS_PKEY_H
#define CYAN_KEYS_PKEY_H

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum cyan_pkey_want {
    CYAN_PKEY_EITHER,  /* the public half is wanted; a whole key has it too */
    CYAN_PKEY_PUBLIC,  /* a private key is refused */
    CYAN_PKEY_PRIVATE, /* a public key is refused */
};

/* Reads the first key of PEM text, or DER. The caller frees it with EVP_PKEY_free. Errors as in
 * keys/keyfile.h, but for those of cyan_pkey_check. */
int cyan_pkey_read(const uint8_t *data, size_t len, enum cyan_pkey_want want, EVP_PKEY **out_pkey,
                   const char **why) CYAN_MUST_CHECK;

/* Whether it is an RSA key of so many bits with e = 65537 whose numbers, as far as it has them,
 * fit together. CYAN_E_UNSUPPORTED, CYAN_E_INVALID, CYAN_E_KEY_DAMAGED. */
int cyan_pkey_check(EVP_PKEY *pkey, size_t bits, const char **why) CYAN_MUST_CHECK;

/* Writes the SPKI of a key that has been checked: spki_len is the one length that it can have.
 * CYAN_E_KEY_DAMAGED: its modulus is even or one byte repeated. CYAN_E_CRYPTO. */
int cyan_pkey_spki(const EVP_PKEY *pkey, uint8_t *out_spki, size_t spki_len,
                   const char **why) CYAN_MUST_CHECK;

/* All three steps for a device key (CYAN_DEVICE_SPKI_LEN) or a server key (CYAN_SERVER_SPKI_LEN).
 */
int cyan_pkey_read_spki(const uint8_t *data, size_t len, enum cyan_pkey_want want,
                        uint8_t *out_spki, size_t spki_len, const char **why) CYAN_MUST_CHECK;

#endif
