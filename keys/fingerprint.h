/* fingerprint.h - the name of a public key: SHA-256 of its SPKI DER. */
#ifndef CYAN_KEYS_FINGERPRINT_H
#define CYAN_KEYS_FINGERPRINT_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
    CYAN_FINGERPRINT_TEXT = 65,  /* 64 lower-case digits and a NUL */
    CYAN_FINGERPRINT_SHORT = 20, /* xxxx-xxxx-xxxx-xxxx and a NUL: the first 16 digits */
};

/* The full fingerprint of an SPKI. CYAN_E_CRYPTO. */
int cyan_fingerprint_make(const uint8_t *spki, size_t len,
                          char out_text[static CYAN_FINGERPRINT_TEXT]) CYAN_MUST_CHECK;

/* The short form of a full fingerprint, for people to compare; never an address of a key. */
void cyan_fingerprint_shorten(const char full[static CYAN_FINGERPRINT_TEXT],
                              char out_short[static CYAN_FINGERPRINT_SHORT]);

#endif
