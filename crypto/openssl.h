/* openssl.h - struct cyan_crypto filled in with OpenSSL's libcrypto, for hosts. */
#ifndef CYAN_CRYPTO_OPENSSL_H
#define CYAN_CRYPTO_OPENSSL_H

#include "crypto/crypto.h"

/* A crypto for one thread, on the heap; NULL when memory or the library fails. */
struct cyan_crypto *cyan_openssl_create(void);
void cyan_openssl_destroy(struct cyan_crypto *crypto);

/* A private key for rsa_private, from DER (PKCS#1 or PKCS#8) of an RSA key. It belongs to one
 * thread: load it once for each. CYAN_E_MALFORMED, CYAN_E_UNSUPPORTED (not RSA). */
int cyan_openssl_key_create(const uint8_t *der, size_t len,
                            struct cyan_rsa_key **out_key) CYAN_MUST_CHECK;
void cyan_openssl_key_destroy(struct cyan_rsa_key *key);

/* Bytes of its modulus. */
size_t cyan_openssl_key_size(const struct cyan_rsa_key *key);

#endif
