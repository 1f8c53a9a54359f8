/* handshake.h - the handshake of both ends, without I/O (docs/SPEC-wire.md, "Handshake").
 *
 *   server -> device   40 bytes   nonce, in the clear
 *   device -> server  256 bytes   RSA-2048 for the server: nonce, device id [, device public key]
 *   server -> device  384 bytes   RSA-1024 for the device: 40 bytes of credentials; signature
 *
 * What follows on the connection is framed and enciphered (wire/frame.h, wire/cipher.h). The
 * claim inside the request proves nothing: whoever knows the server's public key can make one.
 * Only a first message that deciphers proves that the device holds its private key. */
#ifndef CYAN_WIRE_HANDSHAKE_H
#define CYAN_WIRE_HANDSHAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/crypto.h"
#include "wire/keyblob.h"
#include "wire/limits.h"

enum {
    CYAN_NONCE_LEN = 40,
    CYAN_REQUEST_LEN = 256,
    CYAN_ANSWER_LEN = 384,
    CYAN_CREDENTIALS_LEN = 40, /* AES key 16, first IV of both directions 16, salt 8 */
    CYAN_SALT_OFFSET = 32,
};

/* What a device says of itself in its request. */
struct cyan_claim {
    uint8_t id[CYAN_ID_LEN];
    bool has_key;                       /* false: firmware older than 0.4.0, 52 bytes */
    uint8_t spki[CYAN_DEVICE_SPKI_LEN]; /* as sent, unchecked; zeroes without has_key */
};

/* Server: opens a request; costs one private operation. Wrong padding, wrong length and wrong
 * nonce are one error, CYAN_E_NOT_DECIPHERABLE, decided in constant time: told apart they would
 * let a stranger use the server's key (ROBOT). */
int cyan_handshake_open(const struct cyan_crypto *crypto, const struct cyan_rsa_key *server_key,
                        const uint8_t nonce[static CYAN_NONCE_LEN],
                        const uint8_t request[static CYAN_REQUEST_LEN],
                        struct cyan_claim *out_claim) CYAN_MUST_CHECK;

/* Server: makes the answer for the device whose modulus is given, with fresh credentials; costs
 * one private operation. CYAN_E_KEY_UNUSABLE when that modulus cannot encrypt. */
int cyan_handshake_answer(const struct cyan_crypto *crypto, const struct cyan_rsa_key *server_key,
                          const uint8_t device_modulus[static CYAN_RSA1024_LEN],
                          uint8_t out_credentials[static CYAN_CREDENTIALS_LEN],
                          uint8_t out_answer[static CYAN_ANSWER_LEN]) CYAN_MUST_CHECK;

/* Device: makes the request; spki is NULL for the short form. CYAN_E_KEY_UNUSABLE when the
 * server's modulus is so damaged that RSA refuses it. */
int cyan_handshake_request(const struct cyan_crypto *crypto,
                           const uint8_t server_modulus[static CYAN_RSA2048_LEN],
                           const uint8_t nonce[static CYAN_NONCE_LEN],
                           const uint8_t id[static CYAN_ID_LEN], const uint8_t *spki,
                           uint8_t out_request[static CYAN_REQUEST_LEN]) CYAN_MUST_CHECK;

/* Device: opens the answer, in the order of real firmware: first CYAN_E_NOT_DECIPHERABLE (the
 * private key is damaged or not the one the server used), then CYAN_E_SIGNATURE. */
int cyan_handshake_accept(const struct cyan_crypto *crypto, const struct cyan_rsa_crt *device_key,
                          const uint8_t server_modulus[static CYAN_RSA2048_LEN],
                          const uint8_t answer[static CYAN_ANSWER_LEN],
                          uint8_t out_credentials[static CYAN_CREDENTIALS_LEN]) CYAN_MUST_CHECK;

#endif
