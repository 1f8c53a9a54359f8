/* crypto.h - what Cyan asks of a cryptographic library, as one struct of functions.
 *
 * Hosts fill it in with OpenSSL (crypto/openssl.h), firmware with a heap-free library. One
 * struct cyan_crypto belongs to one thread. Functions return 0 or a negative CYAN_E_*; outputs
 * change on success only. RSA operations are raw (no padding): padding is wire/pkcs1.h's, since
 * the server's one key both decrypts and signs and nothing may tell its failures apart. */
#ifndef CYAN_CRYPTO_CRYPTO_H
#define CYAN_CRYPTO_CRYPTO_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
    CYAN_AES_KEY_LEN = 16,
    CYAN_AES_BLOCK_LEN = 16,
    CYAN_SHA1_LEN = 20,
    CYAN_SHA256_LEN = 32,
    CYAN_RSA1024_LEN = 128, /* bytes of a device key's modulus */
    CYAN_RSA1024_HALF = 64, /* bytes of each of its primes and CRT values */
    CYAN_RSA2048_LEN = 256, /* bytes of a server key's modulus */
};

/* A private RSA key inside the library that made it; opaque here. */
struct cyan_rsa_key;

/* The five values of a private operation by the Chinese remainder theorem, big-endian, each
 * half_len bytes, borrowed from the key blob. The exponent d is not used, as on real devices. */
struct cyan_rsa_crt {
    const uint8_t *p, *q, *dp, *dq, *qinv;
    size_t half_len;
};

/* A new RSA-1024 key with e = 65537, every value at full width. A secret: wipe it. */
struct cyan_rsa1024 {
    uint8_t n[CYAN_RSA1024_LEN], d[CYAN_RSA1024_LEN];
    uint8_t p[CYAN_RSA1024_HALF], q[CYAN_RSA1024_HALF];
    uint8_t dp[CYAN_RSA1024_HALF], dq[CYAN_RSA1024_HALF], qinv[CYAN_RSA1024_HALF];
};

struct cyan_crypto {
    void *ctx;

    int (*random)(void *ctx, uint8_t *out, size_t len);
    int (*sha256)(void *ctx, const void *data, size_t len, uint8_t out[CYAN_SHA256_LEN]);
    int (*hmac_sha1)(void *ctx, const uint8_t *key, size_t key_len, const void *data, size_t len,
                     uint8_t out[CYAN_SHA1_LEN]);

    /* In place; len is a multiple of 16; no padding. */
    int (*aes128_cbc_encrypt)(void *ctx, const uint8_t key[CYAN_AES_KEY_LEN],
                              const uint8_t iv[CYAN_AES_BLOCK_LEN], uint8_t *data, size_t len);
    int (*aes128_cbc_decrypt)(void *ctx, const uint8_t key[CYAN_AES_KEY_LEN],
                              const uint8_t iv[CYAN_AES_BLOCK_LEN], uint8_t *data, size_t len);

    /* out = in^65537 mod n; all n_len bytes. CYAN_E_KEY_UNUSABLE when n is even or zero, or when
     * in is not below n: the cases in which a device's RSA refuses to work. */
    int (*rsa_public)(void *ctx, const uint8_t *n, size_t n_len, const uint8_t *in, uint8_t *out);

    /* The private operation from CRT values as stored in a device, 2 * half_len bytes in and
     * out. CYAN_E_KEY_UNUSABLE when p or q is even or zero. With damaged values that are odd the
     * result is simply wrong. */
    int (*rsa_private_crt)(void *ctx, const struct cyan_rsa_crt *key, const uint8_t *in,
                           uint8_t *out);

    /* The private operation with the server's key, with blinding; as many bytes as its modulus
     * has. NULL on firmware. */
    int (*rsa_private)(void *ctx, const struct cyan_rsa_key *key, const uint8_t *in, uint8_t *out);

    int (*rsa1024_generate)(void *ctx, struct cyan_rsa1024 *out_key);
};

#endif
