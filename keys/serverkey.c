#include "keys/serverkey.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <string.h>

#include "base/secret.h"
#include "crypto/crypto.h"
#include "keys/files.h"
#include "keys/keyfile.h"
#include "keys/pkey.h"

enum { BITS = CYAN_RSA2048_LEN * 8 };

/* Both forms of a checked key. */
static int encode(const EVP_PKEY *pkey, struct cyan_serverkey *out_key)
{
    struct cyan_serverkey key = {0};
    const char *why = NULL;
    unsigned char *der = NULL;
    int len = i2d_PrivateKey(pkey, &der);
    int err = CYAN_E_CRYPTO;
    if (len > 0 && (size_t)len <= sizeof key.der) {
        memcpy(key.der, der, (size_t)len);
        key.der_len = (size_t)len;
        err = cyan_pkey_spki(pkey, key.spki, sizeof key.spki, &why);
    }
    if (err == 0) {
        *out_key = key;
    }
    if (len > 0) {
        OPENSSL_clear_free(der, (size_t)len);
    }
    cyan_serverkey_done(&key);
    return err;
}

int cyan_serverkey_generate(struct cyan_serverkey *out_key)
{
    EVP_PKEY *pkey = EVP_RSA_gen(BITS);
    if (!pkey) {
        return CYAN_E_CRYPTO;
    }
    int err = encode(pkey, out_key);
    EVP_PKEY_free(pkey);
    return err;
}

int cyan_serverkey_save(const struct cyan_serverkey *key, const char *path)
{
    BIO *bio = BIO_new(BIO_s_secmem());
    int err = CYAN_E_CRYPTO;
    if (bio && PEM_write_bio(bio, PEM_STRING_RSA, "", key->der, (long)key->der_len) > 0) {
        char *text = NULL;
        long len = BIO_get_mem_data(bio, &text);
        err = cyan_files_write_new(path, text, (size_t)len, CYAN_FILES_SECRET);
        cyan_wipe(text, (size_t)len);
    }
    BIO_free(bio);
    return err;
}

int cyan_serverkey_parse(const uint8_t *data, size_t len, struct cyan_serverkey *out_key)
{
    EVP_PKEY *pkey = NULL;
    const char *why = NULL;
    int err = cyan_pkey_read(data, len, CYAN_PKEY_PRIVATE, &pkey, &why);
    if (err < 0) {
        return err == CYAN_E_UNSUPPORTED || err == CYAN_E_NO_MEMORY ? err : CYAN_E_MALFORMED;
    }
    err = cyan_pkey_check(pkey, BITS, &why);
    if (err == CYAN_E_INVALID) {
        err = CYAN_E_UNSUPPORTED;
    }
    if (err == 0) {
        err = encode(pkey, out_key);
    }
    EVP_PKEY_free(pkey);
    return err;
}

int cyan_serverkey_load(const char *path, struct cyan_serverkey *out_key)
{
    uint8_t *data = NULL;
    size_t len = 0;
    int err = cyan_files_read(path, CYAN_KEYFILE_MAX, &data, &len);
    if (err < 0) {
        return err == CYAN_E_TOO_LONG ? CYAN_E_MALFORMED : err;
    }
    err = cyan_serverkey_parse(data, len, out_key);
    cyan_files_free(data, len);
    return err;
}

void cyan_serverkey_done(struct cyan_serverkey *key)
{
    if (key) {
        cyan_wipe(key, sizeof *key);
    }
}
