#include "keys/recovery.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <string.h>

static const char context[] = "cyan-key-proof-v1";
static char curve[] = "prime256v1";

enum { TEXT_MAX = 16384, HALF = CYAN_RECOVERY_PROOF_LEN / 2, CONTEXT_LEN = sizeof context - 1 };

/* NULL: no point of the curve. */
static EVP_PKEY *load(const uint8_t *key)
{
    uint8_t point[CYAN_RECOVERY_KEY_LEN];
    EVP_PKEY *pkey = NULL;
    memcpy(point, key, sizeof point);
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, curve, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point),
        OSSL_PARAM_construct_end(),
    };
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    if (!ctx || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, (OSSL_PARAM *)params) != 1) {
        pkey = NULL;
    }
    EVP_PKEY_CTX_free(ctx);
    return pkey;
}

int cyan_recovery_check(const uint8_t key[static CYAN_RECOVERY_KEY_LEN])
{
    EVP_PKEY *pkey = key[0] == 4 ? load(key) : NULL;
    EVP_PKEY_free(pkey);
    return pkey ? 0 : CYAN_E_INVALID;
}

/* The signature in the form that OpenSSL wants; its length, 0 on failure. */
static int to_der(const uint8_t *proof, unsigned char **out_der)
{
    int len = 0;
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(proof, HALF, NULL);
    BIGNUM *s = BN_bin2bn(proof + HALF, HALF, NULL);
    if (sig && r && s && ECDSA_SIG_set0(sig, r, s) == 1) {
        len = i2d_ECDSA_SIG(sig, out_der);
    } else {
        BN_free(r);
        BN_free(s);
    }
    ECDSA_SIG_free(sig);
    return len > 0 ? len : 0;
}

int cyan_recovery_verify(const uint8_t key[static CYAN_RECOVERY_KEY_LEN],
                         const struct cyan_recovery_claim *claim,
                         const uint8_t proof[static CYAN_RECOVERY_PROOF_LEN])
{
    uint8_t message[CONTEXT_LEN + CYAN_NONCE_LEN + CYAN_ID_LEN + 2 * CYAN_SHA256_LEN];
    uint8_t *end = message;
    unsigned char *der = NULL;
    memcpy(end, context, CONTEXT_LEN);
    memcpy(end += CONTEXT_LEN, claim->nonce, CYAN_NONCE_LEN);
    memcpy(end += CYAN_NONCE_LEN, claim->id, CYAN_ID_LEN);
    memcpy(end += CYAN_ID_LEN, claim->device_print, CYAN_SHA256_LEN);
    memcpy(end + CYAN_SHA256_LEN, claim->server_print, CYAN_SHA256_LEN);
    EVP_PKEY *pkey = load(key);
    if (!pkey) {
        return CYAN_E_INVALID;
    }
    int status = CYAN_E_CRYPTO;
    int len = to_der(proof, &der);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (len > 0 && ctx && EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, pkey) == 1) {
        status = EVP_DigestVerify(ctx, der, (size_t)len, message, sizeof message) == 1
                     ? 0
                     : CYAN_E_SIGNATURE;
    }
    EVP_MD_CTX_free(ctx);
    OPENSSL_free(der);
    EVP_PKEY_free(pkey);
    return status;
}

int cyan_recovery_from_pem(const char *text, size_t len,
                           uint8_t out_key[static CYAN_RECOVERY_KEY_LEN])
{
    uint8_t point[CYAN_RECOVERY_KEY_LEN];
    char group[sizeof curve + 16] = "";
    size_t point_len = 0;
    if (len > TEXT_MAX) {
        return CYAN_E_TOO_LONG;
    }
    BIO *bio = BIO_new_mem_buf(text, (int)len);
    EVP_PKEY *pkey = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
    BIO_free(bio);
    if (!pkey) {
        return CYAN_E_MALFORMED;
    }
    int status = CYAN_E_UNSUPPORTED;
    if (EVP_PKEY_is_a(pkey, "EC") &&
        EVP_PKEY_get_group_name(pkey, group, sizeof group, NULL) == 1 &&
        strcmp(group, curve) == 0 &&
        EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point,
                                        &point_len) == 1 &&
        point_len == sizeof point && point[0] == 4) {
        memcpy(out_key, point, sizeof point);
        status = 0;
    }
    EVP_PKEY_free(pkey);
    return status;
}
