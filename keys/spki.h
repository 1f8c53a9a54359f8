/* spki.h - public keys between PEM text, as people and HTTP carry them, and the exact SPKI bytes
 * that devices carry. */
#ifndef CYAN_KEYS_SPKI_H
#define CYAN_KEYS_SPKI_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "wire/keyblob.h"

enum {
    CYAN_SPKI_PEM_MAX = 512,    /* characters and NUL that any key of ours needs as PEM */
    CYAN_SPKI_TEXT_MAX = 16384, /* bytes of text that are looked at */
};

/* The device key in PEM text of len bytes (SPKI or PKCS#1; text before and after the PEM block is
 * ignored; a private key is refused). CYAN_E_MALFORMED: no public key can be read from it, or its
 * modulus is even or one byte repeated. CYAN_E_UNSUPPORTED: another algorithm than RSA.
 * CYAN_E_INVALID: RSA, but not of 1024 bits with e = 65537. CYAN_E_TOO_LONG. */
int cyan_spki_device_from_pem(const char *text, size_t len,
                              uint8_t out_spki[static CYAN_DEVICE_SPKI_LEN]) CYAN_MUST_CHECK;

/* The same for a server key: RSA of 2048 bits. */
int cyan_spki_server_from_pem(const char *text, size_t len,
                              uint8_t out_spki[static CYAN_SERVER_SPKI_LEN]) CYAN_MUST_CHECK;

/* Writes an SPKI of either length as PEM with a NUL; returns the number of characters.
 * CYAN_E_INVALID: neither CYAN_DEVICE_SPKI_LEN nor CYAN_SERVER_SPKI_LEN bytes. CYAN_E_CRYPTO. */
int cyan_spki_to_pem(const uint8_t *spki, size_t len,
                     char out_text[static CYAN_SPKI_PEM_MAX]) CYAN_MUST_CHECK;

#endif
