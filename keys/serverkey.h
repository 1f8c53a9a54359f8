/* serverkey.h - the server's own key: RSA-2048, e = 65537, in a file of mode 0600.
 *
 * Every stock device carries its public half and nothing can replace it from afar, so no function
 * here writes over a key that is there. */
#ifndef CYAN_KEYS_SERVERKEY_H
#define CYAN_KEYS_SERVERKEY_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "wire/keyblob.h"

enum { CYAN_SERVERKEY_DER_MAX = 1280 }; /* PKCS#1 needs 1,193 bytes at most */

/* On the caller's memory. A secret: give it to cyan_serverkey_done. */
struct cyan_serverkey {
    uint8_t der[CYAN_SERVERKEY_DER_MAX]; /* PKCS#1, for cyan_openssl_key_create */
    size_t der_len;
    uint8_t spki[CYAN_SERVER_SPKI_LEN]; /* the public half, as devices store it */
};

/* A new key; takes from 50 ms to some seconds. CYAN_E_CRYPTO. */
int cyan_serverkey_generate(struct cyan_serverkey *out_key) CYAN_MUST_CHECK;

/* Writes it to a new file as PEM, whole or not at all (keys/files.h). CYAN_E_EXISTS: something is
 * at that path, which stays as it is. CYAN_E_IO with errno, CYAN_E_CRYPTO. */
int cyan_serverkey_save(const struct cyan_serverkey *key, const char *path) CYAN_MUST_CHECK;

/* Reads a private key in any form of keys/keyfile.h and checks that its numbers fit together.
 * CYAN_E_MALFORMED: no private key can be read from it (also when it is empty or too long).
 * CYAN_E_KEY_DAMAGED: its numbers do not fit together. CYAN_E_UNSUPPORTED: not RSA-2048 with
 * e = 65537, or encrypted. CYAN_E_NO_MEMORY. */
int cyan_serverkey_parse(const uint8_t *data, size_t len,
                         struct cyan_serverkey *out_key) CYAN_MUST_CHECK;

/* The same from a file. CYAN_E_NOT_FOUND: no such file. CYAN_E_IO with errno. */
int cyan_serverkey_load(const char *path, struct cyan_serverkey *out_key) CYAN_MUST_CHECK;

/* Wipes it; NULL is fine. */
void cyan_serverkey_done(struct cyan_serverkey *key);

#endif
