#include "wire/handshake.h"

#include <string.h>

#include "base/secret.h"
#include "wire/pkcs1.h"

enum {
    SHORT_LEN = CYAN_NONCE_LEN + CYAN_ID_LEN,
    LONG_LEN = SHORT_LEN + CYAN_DEVICE_SPKI_LEN,
    CIPHERTEXT_LEN = CYAN_RSA1024_LEN,
};
_Static_assert(SHORT_LEN == 52 && LONG_LEN == 214, "the two lengths of protocol-tcp");
_Static_assert(CIPHERTEXT_LEN + CYAN_RSA2048_LEN == CYAN_ANSWER_LEN, "ciphertext and signature");

/* All ones when the block holds a message of this length that starts with the nonce. */
static uint32_t holds_claim(const uint8_t *block, size_t len, const uint8_t *nonce)
{
    uint32_t equal =
        0U - (uint32_t)cyan_ct_equal(&block[CYAN_REQUEST_LEN - len], nonce, CYAN_NONCE_LEN);
    return cyan_pkcs1_holds(block, CYAN_REQUEST_LEN, len) & equal;
}

int cyan_handshake_open(const struct cyan_crypto *crypto, const struct cyan_rsa_key *server_key,
                        const uint8_t nonce[static CYAN_NONCE_LEN],
                        const uint8_t request[static CYAN_REQUEST_LEN],
                        struct cyan_claim *out_claim)
{
    /* The raw operation fails only for a request that is not below the modulus. That case takes
     * the same path as bad padding: the block stays all zero, which is never well formed. */
    uint8_t block[CYAN_REQUEST_LEN] = {0};
    if (crypto->rsa_private(crypto->ctx, server_key, request, block) < 0) {
        memset(block, 0, sizeof block);
    }
    uint32_t is_short = holds_claim(block, SHORT_LEN, nonce);
    uint32_t is_long = holds_claim(block, LONG_LEN, nonce);
    int err = CYAN_E_NOT_DECIPHERABLE;
    if ((is_short | is_long) != 0) {
        const uint8_t *message = block + sizeof block - (is_long ? LONG_LEN : SHORT_LEN);
        memset(out_claim, 0, sizeof *out_claim);
        memcpy(out_claim->id, message + CYAN_NONCE_LEN, CYAN_ID_LEN);
        out_claim->has_key = is_long != 0;
        if (out_claim->has_key) {
            memcpy(out_claim->spki, message + SHORT_LEN, CYAN_DEVICE_SPKI_LEN);
        }
        err = 0;
    }
    cyan_wipe(block, sizeof block);
    return err;
}

/* What the server signs: HMAC-SHA1 of the ciphertext under the 40 credential bytes. */
static int signed_block(const struct cyan_crypto *crypto, const uint8_t *credentials,
                        const uint8_t *ciphertext, uint8_t block[static CYAN_RSA2048_LEN])
{
    uint8_t mac[CYAN_SHA1_LEN];
    int err = crypto->hmac_sha1(crypto->ctx, credentials, CYAN_CREDENTIALS_LEN, ciphertext,
                                CIPHERTEXT_LEN, mac);
    if (err == 0) {
        err = cyan_pkcs1_sign_block(mac, sizeof mac, block, CYAN_RSA2048_LEN);
    }
    cyan_wipe(mac, sizeof mac);
    return err;
}

int cyan_handshake_answer(const struct cyan_crypto *crypto, const struct cyan_rsa_key *server_key,
                          const uint8_t device_modulus[static CYAN_RSA1024_LEN],
                          uint8_t out_credentials[static CYAN_CREDENTIALS_LEN],
                          uint8_t out_answer[static CYAN_ANSWER_LEN])
{
    uint8_t credentials[CYAN_CREDENTIALS_LEN];
    uint8_t answer[CYAN_ANSWER_LEN];
    uint8_t block[CYAN_RSA2048_LEN];
    int err = crypto->random(crypto->ctx, credentials, sizeof credentials);
    if (err == 0) {
        err = cyan_pkcs1_seal(crypto, credentials, sizeof credentials, block, CIPHERTEXT_LEN);
    }
    if (err == 0) {
        err = crypto->rsa_public(crypto->ctx, device_modulus, CYAN_RSA1024_LEN, block, answer);
    }
    if (err == 0) {
        err = signed_block(crypto, credentials, answer, block);
    }
    if (err == 0) {
        err = crypto->rsa_private(crypto->ctx, server_key, block, answer + CIPHERTEXT_LEN);
    }
    if (err == 0) {
        memcpy(out_credentials, credentials, sizeof credentials);
        memcpy(out_answer, answer, sizeof answer);
    }
    cyan_wipe(credentials, sizeof credentials);
    cyan_wipe(block, sizeof block);
    return err;
}

int cyan_handshake_request(const struct cyan_crypto *crypto,
                           const uint8_t server_modulus[static CYAN_RSA2048_LEN],
                           const uint8_t nonce[static CYAN_NONCE_LEN],
                           const uint8_t id[static CYAN_ID_LEN], const uint8_t *spki,
                           uint8_t out_request[static CYAN_REQUEST_LEN])
{
    uint8_t message[LONG_LEN];
    uint8_t block[CYAN_REQUEST_LEN];
    size_t len = SHORT_LEN;
    memcpy(message, nonce, CYAN_NONCE_LEN);
    memcpy(message + CYAN_NONCE_LEN, id, CYAN_ID_LEN);
    if (spki) {
        memcpy(message + SHORT_LEN, spki, CYAN_DEVICE_SPKI_LEN);
        len = LONG_LEN;
    }
    int err = cyan_pkcs1_seal(crypto, message, len, block, sizeof block);
    if (err == 0) {
        err = crypto->rsa_public(crypto->ctx, server_modulus, CYAN_RSA2048_LEN, block, out_request);
    }
    return err;
}

int cyan_handshake_accept(const struct cyan_crypto *crypto, const struct cyan_rsa_crt *device_key,
                          const uint8_t server_modulus[static CYAN_RSA2048_LEN],
                          const uint8_t answer[static CYAN_ANSWER_LEN],
                          uint8_t out_credentials[static CYAN_CREDENTIALS_LEN])
{
    uint8_t sealed[CIPHERTEXT_LEN];
    uint8_t expected[CYAN_RSA2048_LEN];
    uint8_t found[CYAN_RSA2048_LEN];
    const uint8_t *credentials = sealed + sizeof sealed - CYAN_CREDENTIALS_LEN;
    int err = CYAN_E_NOT_DECIPHERABLE;
    if (crypto->rsa_private_crt(crypto->ctx, device_key, answer, sealed) == 0 &&
        cyan_pkcs1_holds(sealed, sizeof sealed, CYAN_CREDENTIALS_LEN) != 0) {
        err = signed_block(crypto, credentials, answer, expected);
    }
    if (err == 0) {
        err = crypto->rsa_public(crypto->ctx, server_modulus, sizeof found, answer + CIPHERTEXT_LEN,
                                 found);
        if (err < 0 || !cyan_ct_equal(expected, found, sizeof found)) {
            err = CYAN_E_SIGNATURE;
        }
    }
    if (err == 0) {
        memcpy(out_credentials, credentials, CYAN_CREDENTIALS_LEN);
    }
    cyan_wipe(sealed, sizeof sealed);
    cyan_wipe(expected, sizeof expected);
    return err;
}
