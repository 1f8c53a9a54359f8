#include "wire/pkcs1.h"

#include <string.h>

#include "base/secret.h"

enum { OVERHEAD = 11 }; /* 00, type, eight bytes of padding at least, 00 */

int cyan_pkcs1_seal(const struct cyan_crypto *crypto, const uint8_t *message, size_t message_len,
                    uint8_t *block, size_t block_len)
{
    if (block_len < OVERHEAD || message_len > block_len - OVERHEAD) {
        return CYAN_E_TOO_LONG;
    }
    size_t start = block_len - message_len;
    block[0] = 0;
    block[1] = 2;
    if (crypto->random(crypto->ctx, block + 2, start - 3) < 0) {
        return CYAN_E_RANDOM;
    }
    for (size_t i = 2; i < start - 1; i++) {
        while (block[i] == 0) {
            if (crypto->random(crypto->ctx, &block[i], 1) < 0) {
                return CYAN_E_RANDOM;
            }
        }
    }
    block[start - 1] = 0;
    memcpy(block + start, message, message_len);
    return 0;
}

/* All ones when x is 0, else 0; x is one byte wide. */
static uint32_t is_zero(uint32_t x)
{
    return 0U - ((x - 1U) >> 31);
}

uint32_t cyan_pkcs1_holds(const uint8_t *block, size_t block_len, size_t message_len)
{
    size_t separator = block_len - message_len - 1;
    uint32_t good = is_zero(block[0]) & is_zero((uint32_t)block[1] ^ 2U);
    for (size_t i = 2; i < separator; i++) {
        good &= ~is_zero(block[i]);
    }
    return good & is_zero(block[separator]);
}

int cyan_pkcs1_sign_block(const uint8_t *digest, size_t digest_len, uint8_t *block,
                          size_t block_len)
{
    if (block_len < OVERHEAD || digest_len > block_len - OVERHEAD) {
        return CYAN_E_TOO_LONG;
    }
    size_t start = block_len - digest_len;
    block[0] = 0;
    block[1] = 1;
    memset(block + 2, 0xFF, start - 3);
    block[start - 1] = 0;
    memcpy(block + start, digest, digest_len);
    return 0;
}
