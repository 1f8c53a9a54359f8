#include "keys/pkey.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

#include "crypto/crypto.h"
#include "keys/keyfile.h"

enum { DEVICE_BITS = CYAN_RSA1024_LEN * 8, SERVER_BITS = CYAN_RSA2048_LEN * 8 };

static const char encrypted[] = "it is encrypted; decrypt it first";

static int fail(int err, const char *reason, const char **why)
{
    ERR_clear_error();
    *why = reason;
    return err;
}

/* Encrypted PKCS#8: an algorithm and an octet string. */
static bool is_encrypted(const uint8_t *der, long len)
{
    X509_SIG *sig = d2i_X509_SIG(NULL, &der, len);
    X509_SIG_free(sig);
    return sig != NULL;
}

static EVP_PKEY *read_public(const uint8_t *der, long len)
{
    const uint8_t *p = der;
    EVP_PKEY *pkey = d2i_PUBKEY(NULL, &p, len);
    if (!pkey) {
        p = der;
        pkey = d2i_PublicKey(EVP_PKEY_RSA, NULL, &p, len);
    }
    return pkey;
}

static int read_der(const uint8_t *der, size_t size, enum cyan_pkey_want want, EVP_PKEY **out_pkey,
                    const char **why)
{
    long len = (long)size;
    EVP_PKEY *pkey = read_public(der, len);
    if (pkey) {
        if (want == CYAN_PKEY_PRIVATE) {
            EVP_PKEY_free(pkey);
            return fail(CYAN_E_INVALID, "it is a public key; the private one is needed", why);
        }
        *out_pkey = pkey;
        return 0;
    }
    if (is_encrypted(der, len)) {
        return fail(CYAN_E_UNSUPPORTED, encrypted, why);
    }
    const uint8_t *p = der;
    pkey = d2i_AutoPrivateKey(NULL, &p, len);
    if (!pkey) {
        return fail(CYAN_E_MALFORMED, "no key can be read from it", why);
    }
    if (want == CYAN_PKEY_PUBLIC) {
        EVP_PKEY_free(pkey);
        return fail(CYAN_E_MALFORMED, "it is a private key; only the public one is wanted", why);
    }
    *out_pkey = pkey;
    return 0;
}

/* One block of PEM text. CYAN_E_AGAIN: it is none of a key (EC parameters stand before a key). */
static int read_block(const char *name, const char *header, const uint8_t *der, size_t len,
                      enum cyan_pkey_want want, EVP_PKEY **out_pkey, const char **why)
{
    static const char key[] = "KEY";
    size_t name_len = strlen(name);
    if (name_len < strlen(key) || strcmp(name + name_len - strlen(key), key) != 0) {
        return CYAN_E_AGAIN;
    }
    if (strstr(header, "ENCRYPTED")) {
        return fail(CYAN_E_UNSUPPORTED, encrypted, why);
    }
    return read_der(der, len, want, out_pkey, why);
}

static int read_pem(const uint8_t *data, size_t len, enum cyan_pkey_want want, EVP_PKEY **out_pkey,
                    const char **why)
{
    BIO *bio = BIO_new_mem_buf(data, (int)len);
    if (!bio) {
        return fail(CYAN_E_NO_MEMORY, "out of memory", why);
    }
    int err = CYAN_E_AGAIN;
    while (err == CYAN_E_AGAIN) {
        char *name = NULL, *header = NULL;
        unsigned char *der = NULL;
        long der_len = 0;
        if (PEM_read_bio(bio, &name, &header, &der, &der_len) != 1) {
            err = fail(CYAN_E_MALFORMED, "its PEM text is damaged or holds no key", why);
            break;
        }
        err = read_block(name, header, der, (size_t)der_len, want, out_pkey, why);
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_clear_free(der, (size_t)der_len);
    }
    BIO_free(bio);
    return err;
}

static bool is_blank(const uint8_t *data, size_t len)
{
    size_t i = 0;
    while (i < len && data[i] == 0xFF) {
        i++;
    }
    return i == len;
}

int cyan_pkey_read(const uint8_t *data, size_t len, enum cyan_pkey_want want, EVP_PKEY **out_pkey,
                   const char **why)
{
    static const char begin[] = "-----BEGIN ";
    if (len > CYAN_KEYFILE_MAX) {
        return fail(CYAN_E_TOO_LONG, "it is longer than any key", why);
    }
    if (is_blank(data, len)) {
        return fail(CYAN_E_BLANK, "it is blank", why);
    }
    ERR_clear_error();
    if (memmem(data, len, begin, strlen(begin))) {
        return read_pem(data, len, want, out_pkey, why);
    }
    return read_der(data, len, want, out_pkey, why);
}

static bool has_exponent(const EVP_PKEY *pkey)
{
    BIGNUM *e = NULL;
    bool good =
        EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &e) == 1 && BN_is_word(e, RSA_F4);
    BN_free(e);
    return good;
}

static bool has_number(const EVP_PKEY *pkey, const char *name)
{
    BIGNUM *value = NULL;
    bool there = EVP_PKEY_get_bn_param(pkey, name, &value) == 1;
    BN_clear_free(value);
    return there;
}

static bool numbers_fit(EVP_PKEY *pkey)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    bool fit = ctx && EVP_PKEY_check(ctx) == 1;
    EVP_PKEY_CTX_free(ctx);
    return fit;
}

int cyan_pkey_check(EVP_PKEY *pkey, size_t bits, const char **why)
{
    int id = EVP_PKEY_get_base_id(pkey);
    if (id == EVP_PKEY_EC) {
        return fail(CYAN_E_UNSUPPORTED, "it is an EC key; an RSA key is needed", why);
    }
    if (id != EVP_PKEY_RSA) {
        return fail(CYAN_E_UNSUPPORTED, "it is not an RSA key", why);
    }
    if (EVP_PKEY_get_bits(pkey) != (int)bits) {
        return fail(CYAN_E_INVALID,
                    bits == DEVICE_BITS ? "it is not an RSA key of 1024 bits"
                                        : "it is not an RSA key of 2048 bits",
                    why);
    }
    if (!has_exponent(pkey)) {
        return fail(CYAN_E_INVALID, "its public exponent is not 65537", why);
    }
    if (has_number(pkey, OSSL_PKEY_PARAM_RSA_D) && !numbers_fit(pkey)) {
        return fail(CYAN_E_KEY_DAMAGED, "its numbers do not fit together", why);
    }
    ERR_clear_error();
    return 0;
}

int cyan_pkey_spki(const EVP_PKEY *pkey, uint8_t *out_spki, size_t spki_len, const char **why)
{
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(pkey, &der);
    if (len < 0) {
        return fail(CYAN_E_CRYPTO, "its public half cannot be written", why);
    }
    int err = spki_len == CYAN_DEVICE_SPKI_LEN ? cyan_device_spki_check(der, (size_t)len)
                                               : cyan_server_spki_check(der, (size_t)len);
    if (err == 0) {
        memcpy(out_spki, der, spki_len);
    } else {
        *why = "its modulus is no product of two primes";
    }
    OPENSSL_free(der);
    return err;
}

int cyan_pkey_read_spki(const uint8_t *data, size_t len, enum cyan_pkey_want want,
                        uint8_t *out_spki, size_t spki_len, const char **why)
{
    EVP_PKEY *pkey = NULL;
    int err = cyan_pkey_read(data, len, want, &pkey, why);
    if (err == 0) {
        err = cyan_pkey_check(pkey, spki_len == CYAN_DEVICE_SPKI_LEN ? DEVICE_BITS : SERVER_BITS,
                              why);
    }
    if (err == 0) {
        err = cyan_pkey_spki(pkey, out_spki, spki_len, why);
    }
    EVP_PKEY_free(pkey);
    return err;
}
