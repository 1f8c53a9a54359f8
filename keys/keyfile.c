#include "keys/keyfile.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>

#include "base/secret.h"
#include "keys/pkey.h"

/* A number at its full width; how wide the file wrote it does not matter any more. */
static int copy_number(const EVP_PKEY *pkey, const char *name, uint8_t *out, size_t len)
{
    BIGNUM *value = NULL;
    int err = CYAN_E_INVALID;
    if (EVP_PKEY_get_bn_param(pkey, name, &value) == 1 &&
        BN_bn2binpad(value, out, (int)len) == (int)len) {
        err = 0;
    }
    BN_clear_free(value);
    return err;
}

static int copy_private(const EVP_PKEY *pkey, struct cyan_rsa1024 *key)
{
    const struct {
        const char *name;
        uint8_t *out;
        size_t len;
    } numbers[] = {
        {OSSL_PKEY_PARAM_RSA_N, key->n, sizeof key->n},
        {OSSL_PKEY_PARAM_RSA_D, key->d, sizeof key->d},
        {OSSL_PKEY_PARAM_RSA_FACTOR1, key->p, sizeof key->p},
        {OSSL_PKEY_PARAM_RSA_FACTOR2, key->q, sizeof key->q},
        {OSSL_PKEY_PARAM_RSA_EXPONENT1, key->dp, sizeof key->dp},
        {OSSL_PKEY_PARAM_RSA_EXPONENT2, key->dq, sizeof key->dq},
        {OSSL_PKEY_PARAM_RSA_COEFFICIENT1, key->qinv, sizeof key->qinv},
    };
    int err = 0;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0] && err == 0; i++) {
        err = copy_number(pkey, numbers[i].name, numbers[i].out, numbers[i].len);
    }
    return err;
}

int cyan_keyfile_device_private(const uint8_t *data, size_t len, struct cyan_rsa1024 *out_key,
                                const char **why)
{
    EVP_PKEY *pkey = NULL;
    struct cyan_rsa1024 key = {0};
    const char *reason = NULL;
    int err = cyan_pkey_read(data, len, CYAN_PKEY_PRIVATE, &pkey, &reason);
    if (err == 0) {
        err = cyan_pkey_check(pkey, sizeof key.n * 8, &reason);
    }
    if (err == 0) {
        err = copy_private(pkey, &key);
        reason = "its numbers do not have the widths that a device reads";
    }
    if (err == 0) {
        *out_key = key;
    } else if (why) {
        *why = reason;
    }
    cyan_wipe(&key, sizeof key);
    EVP_PKEY_free(pkey);
    return err;
}

static int read_public(const uint8_t *data, size_t len, uint8_t *out_spki, size_t spki_len,
                       const char **why)
{
    const char *reason = NULL;
    int err = cyan_pkey_read_spki(data, len, CYAN_PKEY_EITHER, out_spki, spki_len, &reason);
    if (err < 0 && why) {
        *why = reason;
    }
    return err;
}

int cyan_keyfile_device_public(const uint8_t *data, size_t len,
                               uint8_t out_spki[static CYAN_DEVICE_SPKI_LEN], const char **why)
{
    return read_public(data, len, out_spki, CYAN_DEVICE_SPKI_LEN, why);
}

int cyan_keyfile_server_public(const uint8_t *data, size_t len,
                               uint8_t out_spki[static CYAN_SERVER_SPKI_LEN], const char **why)
{
    return read_public(data, len, out_spki, CYAN_SERVER_SPKI_LEN, why);
}
