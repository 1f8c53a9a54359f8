#include "wire/cipher.h"

#include <string.h>

#include "base/bytes.h"
#include "base/secret.h"
#include "wire/frame.h"

void cyan_cipher_init(struct cyan_cipher *c, const uint8_t credentials[static CYAN_CREDENTIALS_LEN])
{
    memcpy(c->key, credentials, CYAN_AES_KEY_LEN);
    memcpy(c->send_iv, credentials + CYAN_AES_KEY_LEN, CYAN_AES_BLOCK_LEN);
    memcpy(c->recv_iv, credentials + CYAN_AES_KEY_LEN, CYAN_AES_BLOCK_LEN);
}

void cyan_cipher_done(struct cyan_cipher *c)
{
    cyan_wipe(c, sizeof *c);
}

size_t cyan_cipher_sealed_len(size_t len)
{
    return CYAN_FRAME_HEADER + (len / CYAN_AES_BLOCK_LEN + 1) * CYAN_AES_BLOCK_LEN;
}

int cyan_cipher_seal(struct cyan_cipher *c, const struct cyan_crypto *crypto,
                     const uint8_t *message, size_t len, uint8_t *frame, size_t cap,
                     size_t *out_len)
{
    size_t total = cyan_cipher_sealed_len(len);
    size_t body = total - CYAN_FRAME_HEADER;
    if (len > UINT16_MAX || body > UINT16_MAX) { /* the first, since total may wrap around */
        return CYAN_E_TOO_LONG;
    }
    if (total > cap) {
        return CYAN_E_NO_SPACE;
    }
    uint8_t *text = frame + CYAN_FRAME_HEADER;
    memmove(text, message, len);
    memset(text + len, (int)(body - len), body - len);
    int err = crypto->aes128_cbc_encrypt(crypto->ctx, c->key, c->send_iv, text, body);
    if (err < 0) {
        return err;
    }
    cyan_put_be16(frame, (uint16_t)body);
    memcpy(c->send_iv, text, CYAN_AES_BLOCK_LEN);
    *out_len = total;
    return 0;
}

/* The length without the padding, or 0 when the padding is not whole. Its time depends on the
 * length of the ciphertext alone. */
static size_t unpadded_len(const uint8_t *text, size_t len)
{
    uint32_t pad = text[len - 1];
    uint32_t bad = (uint32_t)(pad == 0) | (uint32_t)(pad > CYAN_AES_BLOCK_LEN);
    for (uint32_t i = 0; i < CYAN_AES_BLOCK_LEN; i++) {
        uint32_t inside = (i - pad) >> 31;
        bad |= inside & (uint32_t)(text[len - 1 - i] != pad);
    }
    return bad ? 0 : len - pad;
}

int cyan_cipher_open(struct cyan_cipher *c, const struct cyan_crypto *crypto, uint8_t *ciphertext,
                     size_t len, size_t *out_message_len)
{
    if (len < CYAN_AES_BLOCK_LEN || len % CYAN_AES_BLOCK_LEN != 0) {
        return CYAN_E_MALFORMED;
    }
    uint8_t next_iv[CYAN_AES_BLOCK_LEN];
    memcpy(next_iv, ciphertext, sizeof next_iv);
    int err = crypto->aes128_cbc_decrypt(crypto->ctx, c->key, c->recv_iv, ciphertext, len);
    if (err < 0) {
        return err;
    }
    memcpy(c->recv_iv, next_iv, sizeof next_iv);
    size_t message_len = unpadded_len(ciphertext, len);
    if (message_len == 0) {
        return CYAN_E_PADDING;
    }
    *out_message_len = message_len;
    return 0;
}
