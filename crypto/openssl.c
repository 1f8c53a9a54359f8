#include "crypto/openssl.h"

#include <limits.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <stdlib.h>

struct state {
    EVP_CIPHER *aes;
    EVP_CIPHER_CTX *encrypt, *decrypt;
    BN_CTX *bn;
};

struct cyan_rsa_key {
    EVP_PKEY *pkey;
    EVP_PKEY_CTX *ctx; /* ready for raw private operations */
};

static int random_bytes(void *ctx, uint8_t *out, size_t len)
{
    (void)ctx;
    return len <= INT_MAX && RAND_bytes(out, (int)len) == 1 ? 0 : CYAN_E_RANDOM;
}

static int sha256(void *ctx, const void *data, size_t len, uint8_t out[CYAN_SHA256_LEN])
{
    (void)ctx;
    return EVP_Digest(data, len, out, NULL, EVP_sha256(), NULL) == 1 ? 0 : CYAN_E_CRYPTO;
}

static int hmac_sha1(void *ctx, const uint8_t *key, size_t key_len, const void *data, size_t len,
                     uint8_t out[CYAN_SHA1_LEN])
{
    (void)ctx;
    unsigned int out_len = 0;
    if (key_len > INT_MAX || !HMAC(EVP_sha1(), key, (int)key_len, data, len, out, &out_len)) {
        return CYAN_E_CRYPTO;
    }
    return 0;
}

/* The cipher was chosen at creation, so that a message costs a key schedule and no allocation. */
static int aes_run(EVP_CIPHER_CTX *c, const uint8_t *key, const uint8_t *iv, uint8_t *data,
                   size_t len)
{
    int done = 0;
    if (len > INT_MAX || len % CYAN_AES_BLOCK_LEN != 0) {
        return CYAN_E_INVALID;
    }
    if (EVP_CipherInit_ex2(c, NULL, key, iv, -1, NULL) != 1 ||
        EVP_CIPHER_CTX_set_padding(c, 0) != 1 ||
        EVP_CipherUpdate(c, data, &done, data, (int)len) != 1 || (size_t)done != len) {
        return CYAN_E_CRYPTO;
    }
    return 0;
}

static int aes128_cbc_encrypt(void *ctx, const uint8_t key[CYAN_AES_KEY_LEN],
                              const uint8_t iv[CYAN_AES_BLOCK_LEN], uint8_t *data, size_t len)
{
    struct state *s = ctx;
    return aes_run(s->encrypt, key, iv, data, len);
}

static int aes128_cbc_decrypt(void *ctx, const uint8_t key[CYAN_AES_KEY_LEN],
                              const uint8_t iv[CYAN_AES_BLOCK_LEN], uint8_t *data, size_t len)
{
    struct state *s = ctx;
    return aes_run(s->decrypt, key, iv, data, len);
}

static int rsa_public(void *ctx, const uint8_t *n, size_t n_len, const uint8_t *in, uint8_t *out)
{
    struct state *s = ctx;
    if (n_len == 0 || n_len > CYAN_RSA2048_LEN || (n[n_len - 1] & 1) == 0) {
        return CYAN_E_KEY_UNUSABLE;
    }
    int err = CYAN_E_NO_MEMORY;
    BN_CTX_start(s->bn);
    BIGNUM *modulus = BN_CTX_get(s->bn);
    BIGNUM *value = BN_CTX_get(s->bn);
    BIGNUM *exponent = BN_CTX_get(s->bn);
    if (!exponent || !BN_bin2bn(n, (int)n_len, modulus) || !BN_bin2bn(in, (int)n_len, value) ||
        !BN_set_word(exponent, RSA_F4)) {
        goto out;
    }
    if (BN_cmp(value, modulus) >= 0) {
        err = CYAN_E_KEY_UNUSABLE;
        goto out;
    }
    err = CYAN_E_CRYPTO;
    if (BN_mod_exp_mont(value, value, exponent, modulus, s->bn, NULL) &&
        BN_bn2binpad(value, out, (int)n_len) == (int)n_len) {
        err = 0;
    }
out:
    BN_CTX_end(s->bn);
    return err;
}

/* m = m2 + q * (qinv * (m1 - m2) mod p), with m1 = in^dp mod p and m2 = in^dq mod q. OpenSSL's
 * own RSA would notice damaged CRT values and quietly fall back to d; a device does not. */
static int crt_run(struct state *s, const struct cyan_rsa_crt *key, BIGNUM *const v[7],
                   const uint8_t *in, uint8_t *out)
{
    BIGNUM *p = v[0], *q = v[1], *exponent = v[2], *m1 = v[3], *m2 = v[4], *value = v[5],
           *reduced = v[6];
    int half = (int)key->half_len;
    if (!BN_bin2bn(key->p, half, p) || !BN_bin2bn(key->q, half, q) ||
        !BN_bin2bn(in, 2 * half, value)) {
        return CYAN_E_NO_MEMORY;
    }
    BN_set_flags(p, BN_FLG_CONSTTIME);
    BN_set_flags(q, BN_FLG_CONSTTIME);
    if (!BN_mod(reduced, value, p, s->bn) || !BN_bin2bn(key->dp, half, exponent) ||
        !BN_mod_exp_mont_consttime(m1, reduced, exponent, p, s->bn, NULL) ||
        !BN_mod(reduced, value, q, s->bn) || !BN_bin2bn(key->dq, half, exponent) ||
        !BN_mod_exp_mont_consttime(m2, reduced, exponent, q, s->bn, NULL) ||
        !BN_bin2bn(key->qinv, half, exponent) || !BN_mod_sub(m1, m1, m2, p, s->bn) ||
        !BN_mod_mul(m1, m1, exponent, p, s->bn) || !BN_mul(value, m1, q, s->bn) ||
        !BN_add(value, value, m2)) {
        return CYAN_E_CRYPTO;
    }
    return BN_bn2binpad(value, out, 2 * half) == 2 * half ? 0 : CYAN_E_CRYPTO;
}

static int rsa_private_crt(void *ctx, const struct cyan_rsa_crt *key, const uint8_t *in,
                           uint8_t *out)
{
    struct state *s = ctx;
    size_t last = key->half_len - 1;
    if (key->half_len == 0 || key->half_len > CYAN_RSA1024_HALF * 2 || (key->p[last] & 1) == 0 ||
        (key->q[last] & 1) == 0) {
        return CYAN_E_KEY_UNUSABLE;
    }
    BIGNUM *v[7];
    int err = 0;
    for (size_t i = 0; i < 7; i++) {
        v[i] = BN_secure_new();
        err = v[i] ? err : CYAN_E_NO_MEMORY;
    }
    if (err == 0) {
        err = crt_run(s, key, v, in, out);
    }
    for (size_t i = 0; i < 7; i++) {
        BN_clear_free(v[i]);
    }
    return err;
}

static int rsa_private(void *ctx, const struct cyan_rsa_key *key, const uint8_t *in, uint8_t *out)
{
    (void)ctx;
    size_t len = (size_t)EVP_PKEY_get_size(key->pkey);
    return EVP_PKEY_decrypt(key->ctx, out, &len, in, len) == 1 ? 0 : CYAN_E_CRYPTO;
}

static int copy_parameter(const EVP_PKEY *pkey, const char *name, uint8_t *out, size_t len)
{
    BIGNUM *value = NULL;
    int err = CYAN_E_CRYPTO;
    if (EVP_PKEY_get_bn_param(pkey, name, &value) == 1 &&
        BN_bn2binpad(value, out, (int)len) == (int)len) {
        err = 0;
    }
    BN_clear_free(value);
    return err;
}

static int rsa1024_generate(void *ctx, struct cyan_rsa1024 *out_key)
{
    (void)ctx;
    EVP_PKEY *pkey = EVP_RSA_gen(CYAN_RSA1024_LEN * 8);
    if (!pkey) {
        return CYAN_E_CRYPTO;
    }
    const struct {
        const char *name;
        uint8_t *out;
        size_t len;
    } parts[] = {
        {OSSL_PKEY_PARAM_RSA_N, out_key->n, sizeof out_key->n},
        {OSSL_PKEY_PARAM_RSA_D, out_key->d, sizeof out_key->d},
        {OSSL_PKEY_PARAM_RSA_FACTOR1, out_key->p, sizeof out_key->p},
        {OSSL_PKEY_PARAM_RSA_FACTOR2, out_key->q, sizeof out_key->q},
        {OSSL_PKEY_PARAM_RSA_EXPONENT1, out_key->dp, sizeof out_key->dp},
        {OSSL_PKEY_PARAM_RSA_EXPONENT2, out_key->dq, sizeof out_key->dq},
        {OSSL_PKEY_PARAM_RSA_COEFFICIENT1, out_key->qinv, sizeof out_key->qinv},
    };
    int err = 0;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0] && err == 0; i++) {
        err = copy_parameter(pkey, parts[i].name, parts[i].out, parts[i].len);
    }
    EVP_PKEY_free(pkey);
    return err;
}

struct cyan_crypto *cyan_openssl_create(void)
{
    struct cyan_crypto *crypto = calloc(1, sizeof *crypto);
    struct state *s = calloc(1, sizeof *s);
    if (!crypto || !s) {
        free(crypto);
        free(s);
        return NULL;
    }
    *crypto = (struct cyan_crypto){
        .ctx = s,
        .random = random_bytes,
        .sha256 = sha256,
        .hmac_sha1 = hmac_sha1,
        .aes128_cbc_encrypt = aes128_cbc_encrypt,
        .aes128_cbc_decrypt = aes128_cbc_decrypt,
        .rsa_public = rsa_public,
        .rsa_private_crt = rsa_private_crt,
        .rsa_private = rsa_private,
        .rsa1024_generate = rsa1024_generate,
    };
    s->aes = EVP_CIPHER_fetch(NULL, "AES-128-CBC", NULL);
    s->encrypt = EVP_CIPHER_CTX_new();
    s->decrypt = EVP_CIPHER_CTX_new();
    s->bn = BN_CTX_new();
    if (!s->aes || !s->encrypt || !s->decrypt || !s->bn ||
        EVP_EncryptInit_ex2(s->encrypt, s->aes, NULL, NULL, NULL) != 1 ||
        EVP_DecryptInit_ex2(s->decrypt, s->aes, NULL, NULL, NULL) != 1) {
        cyan_openssl_destroy(crypto);
        return NULL;
    }
    return crypto;
}

void cyan_openssl_destroy(struct cyan_crypto *crypto)
{
    if (!crypto) {
        return;
    }
    struct state *s = crypto->ctx;
    EVP_CIPHER_CTX_free(s->encrypt);
    EVP_CIPHER_CTX_free(s->decrypt);
    EVP_CIPHER_free(s->aes);
    BN_CTX_free(s->bn);
    free(s);
    free(crypto);
}

int cyan_openssl_key_create(const uint8_t *der, size_t len, struct cyan_rsa_key **out_key)
{
    if (len > LONG_MAX) {
        return CYAN_E_TOO_LONG;
    }
    const uint8_t *p = der;
    EVP_PKEY *pkey = d2i_AutoPrivateKey(NULL, &p, (long)len);
    if (!pkey) {
        return CYAN_E_MALFORMED;
    }
    if (EVP_PKEY_get_base_id(pkey) != EVP_PKEY_RSA) {
        EVP_PKEY_free(pkey);
        return CYAN_E_UNSUPPORTED;
    }
    struct cyan_rsa_key *key = calloc(1, sizeof *key);
    EVP_PKEY_CTX *ctx = key ? EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL) : NULL;
    if (!ctx || EVP_PKEY_decrypt_init(ctx) != 1 ||
        EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) != 1) {
        EVP_PKEY_CTX_free(ctx);
        EVP_PKEY_free(pkey);
        free(key);
        return CYAN_E_CRYPTO;
    }
    *key = (struct cyan_rsa_key){.pkey = pkey, .ctx = ctx};
    *out_key = key;
    return 0;
}

void cyan_openssl_key_destroy(struct cyan_rsa_key *key)
{
    if (key) {
        EVP_PKEY_CTX_free(key->ctx);
        EVP_PKEY_free(key->pkey);
        free(key);
    }
}

size_t cyan_openssl_key_size(const struct cyan_rsa_key *key)
{
    return (size_t)EVP_PKEY_get_size(key->pkey);
}
