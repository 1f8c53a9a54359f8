/* pkcs1.h - PKCS#1 v1.5 blocks (RFC 8017 §7.2.1 and §9.2) around raw RSA operations.
 *
 * Both lengths are known beforehand on this wire, so opening a block needs no search for the
 * separator: whether a block holds a message of just that length is decided in constant time. */
#ifndef CYAN_WIRE_PKCS1_H
#define CYAN_WIRE_PKCS1_H

#include <stddef.h>
#include <stdint.h>

#include "crypto/crypto.h"

/* Fills block: 00 02, random bytes that are not 0, 00, message. CYAN_E_TOO_LONG when fewer than
 * eight random bytes would fit, CYAN_E_RANDOM. */
int cyan_pkcs1_seal(const struct cyan_crypto *crypto, const uint8_t *message, size_t message_len,
                    uint8_t *block, size_t block_len) CYAN_MUST_CHECK;

/* All ones when block is well formed and its message is the last message_len bytes; else 0.
 * Constant time in the content. message_len + 11 <= block_len. */
uint32_t cyan_pkcs1_holds(const uint8_t *block, size_t block_len, size_t message_len);

/* Fills block for a signature without DigestInfo: 00 01, FF..., 00, digest. */
int cyan_pkcs1_sign_block(const uint8_t *digest, size_t digest_len, uint8_t *block,
                          size_t block_len) CYAN_MUST_CHECK;

#endif
