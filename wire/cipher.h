/* cipher.h - the cipher of a session: AES-128-CBC whose IV is chained from message to message.
 *
 * The IV of a message is the FIRST 16 bytes of the ciphertext before it in the same direction;
 * both directions begin with the same IV. There is no MAC: a changed message deciphers to junk,
 * so every parser above expects junk (docs/SPEC-wire.md, "Cipher"). */
#ifndef CYAN_WIRE_CIPHER_H
#define CYAN_WIRE_CIPHER_H

#include <stddef.h>
#include <stdint.h>

#include "crypto/crypto.h"
#include "wire/handshake.h"

struct cyan_cipher {
    uint8_t key[CYAN_AES_KEY_LEN];
    uint8_t send_iv[CYAN_AES_BLOCK_LEN];
    uint8_t recv_iv[CYAN_AES_BLOCK_LEN];
};

void cyan_cipher_init(struct cyan_cipher *c,
                      const uint8_t credentials[static CYAN_CREDENTIALS_LEN]);
void cyan_cipher_done(struct cyan_cipher *c);

/* Bytes of the frame that a message of len bytes becomes, header included. */
size_t cyan_cipher_sealed_len(size_t len);

/* Writes one whole frame (header and ciphertext). message may lie inside frame, at
 * frame + CYAN_FRAME_HEADER or behind. CYAN_E_NO_SPACE when cap is below
 * cyan_cipher_sealed_len(len), CYAN_E_TOO_LONG when the length does not fit the header. */
int cyan_cipher_seal(struct cyan_cipher *c, const struct cyan_crypto *crypto,
                     const uint8_t *message, size_t len, uint8_t *frame, size_t cap,
                     size_t *out_len) CYAN_MUST_CHECK;

/* Deciphers a frame's ciphertext in place and checks its whole padding. CYAN_E_PADDING leaves
 * the cipher out of step: end the session. */
int cyan_cipher_open(struct cyan_cipher *c, const struct cyan_crypto *crypto, uint8_t *ciphertext,
                     size_t len, size_t *out_message_len) CYAN_MUST_CHECK;

#endif
