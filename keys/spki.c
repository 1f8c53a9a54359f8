#include "keys/spki.h"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <string.h>

#include "keys/pkey.h"

static int from_pem(const char *text, size_t len, uint8_t *out_spki, size_t spki_len)
{
    static const char begin[] = "-----BEGIN ";
    const char *why = NULL;
    if (len > CYAN_SPKI_TEXT_MAX) {
        return CYAN_E_TOO_LONG;
    }
    if (!memmem(text, len, begin, strlen(begin))) {
        return CYAN_E_MALFORMED;
    }
    int err =
        cyan_pkey_read_spki((const uint8_t *)text, len, CYAN_PKEY_PUBLIC, out_spki, spki_len, &why);
    return err == CYAN_E_KEY_DAMAGED ? CYAN_E_MALFORMED : err;
}

int cyan_spki_device_from_pem(const char *text, size_t len,
                              uint8_t out_spki[static CYAN_DEVICE_SPKI_LEN])
{
    return from_pem(text, len, out_spki, CYAN_DEVICE_SPKI_LEN);
}

int cyan_spki_server_from_pem(const char *text, size_t len,
                              uint8_t out_spki[static CYAN_SERVER_SPKI_LEN])
{
    return from_pem(text, len, out_spki, CYAN_SERVER_SPKI_LEN);
}

int cyan_spki_to_pem(const uint8_t *spki, size_t len, char out_text[static CYAN_SPKI_PEM_MAX])
{
    if (len != CYAN_DEVICE_SPKI_LEN && len != CYAN_SERVER_SPKI_LEN) {
        return CYAN_E_INVALID;
    }
    int err = CYAN_E_CRYPTO;
    BIO *bio = BIO_new(BIO_s_mem());
    if (bio && PEM_write_bio(bio, PEM_STRING_PUBLIC, "", spki, (long)len) > 0) {
        char *text = NULL;
        long text_len = BIO_get_mem_data(bio, &text);
        if (text_len > 0 && text_len < CYAN_SPKI_PEM_MAX) {
            memcpy(out_text, text, (size_t)text_len);
            out_text[text_len] = '\0';
            err = (int)text_len;
        }
    }
    BIO_free(bio);
    return err;
}
