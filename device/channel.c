#include "device/channel.h"

#include <string.h>

#include "base/secret.h"

_Static_assert((int)CYAN_CHANNEL_IN >= (int)CYAN_ANSWER_LEN,
               "the handshake comes through the same buffer");
_Static_assert((int)CYAN_CHANNEL_OUT >= (int)CYAN_CHANNEL_ROOM + CYAN_REQUEST_LEN,
               "there can be room");

void cyan_channel_init(struct cyan_channel *ch, const struct cyan_port *port,
                       const struct cyan_crypto *crypto, const struct cyan_client_profile *profile)
{
    memset(ch, 0, sizeof *ch);
    ch->port = port;
    ch->crypto = crypto;
    ch->profile = profile;
}

void cyan_channel_reset(struct cyan_channel *ch)
{
    cyan_cipher_done(&ch->cipher);
    cyan_wipe(ch->in, sizeof ch->in);
    ch->in_len = 0;
    ch->out_len = 0;
}

int cyan_channel_take(struct cyan_channel *ch, size_t len)
{
    if (len > sizeof ch->in) {
        return CYAN_E_TOO_LONG;
    }
    while (ch->in_len < len) {
        size_t missing = len - ch->in_len;
        int got = ch->port->recv(ch->port->ctx, ch->in + ch->in_len, missing);
        if (got < 0) {
            return got;
        }
        if (got == 0) {
            return CYAN_E_AGAIN;
        }
        if ((size_t)got > missing) {
            return CYAN_E_IO;
        }
        ch->in_len += (size_t)got;
    }
    return 0;
}

void cyan_channel_drop(struct cyan_channel *ch)
{
    ch->in_len = 0;
}

int cyan_channel_put(struct cyan_channel *ch, const uint8_t *data, size_t len)
{
    if (len > sizeof ch->out - ch->out_len) {
        return CYAN_E_NO_SPACE;
    }
    memcpy(ch->out + ch->out_len, data, len);
    ch->out_len += len;
    return 0;
}

void cyan_channel_set_keys(struct cyan_channel *ch,
                           const uint8_t credentials[static CYAN_CREDENTIALS_LEN])
{
    cyan_cipher_init(&ch->cipher, credentials);
}

/* A frame at a time and never a byte of the next: its length first, then the rest. */
int cyan_channel_receive(struct cyan_channel *ch, const uint8_t **out_message, size_t *out_len)
{
    int err = ch->in_len < CYAN_FRAME_HEADER ? cyan_channel_take(ch, CYAN_FRAME_HEADER) : 0;
    if (err < 0) {
        return err;
    }
    int body = cyan_frame_next(ch->in, ch->in_len, ch->profile->frame_max);
    if (body == CYAN_E_AGAIN) {
        body = cyan_get_be16(ch->in);
        err = cyan_channel_take(ch, CYAN_FRAME_HEADER + (size_t)body);
    }
    if (body < 0 || err < 0) {
        return err < 0 ? err : body;
    }
    ch->in_len = 0;
    err = cyan_cipher_open(&ch->cipher, ch->crypto, ch->in + CYAN_FRAME_HEADER, (size_t)body,
                           out_len);
    if (err == 0) {
        *out_message = ch->in + CYAN_FRAME_HEADER;
    }
    return err;
}

bool cyan_channel_has_room(const struct cyan_channel *ch)
{
    return sizeof ch->out - ch->out_len >= CYAN_CHANNEL_ROOM;
}

void cyan_channel_begin(struct cyan_channel *ch, struct cyan_writer *out_w)
{
    enum { OVERHEAD = CYAN_FRAME_HEADER + CYAN_AES_BLOCK_LEN };
    size_t free_len = sizeof ch->out - ch->out_len;
    size_t cap = free_len > OVERHEAD ? free_len - OVERHEAD : 0;
    if (cap > ch->profile->message_max) {
        cap = ch->profile->message_max;
    }
    uint8_t *frame = ch->out + ch->out_len;
    cyan_writer_init(out_w, cap > 0 ? frame + CYAN_FRAME_HEADER : frame, cap);
}

int cyan_channel_send(struct cyan_channel *ch, const struct cyan_writer *w)
{
    size_t sealed_len;
    if (w->failed || w->len == 0) {
        return CYAN_E_NO_SPACE;
    }
    int err = cyan_cipher_seal(&ch->cipher, ch->crypto, w->data, w->len, ch->out + ch->out_len,
                               sizeof ch->out - ch->out_len, &sealed_len);
    if (err == 0) {
        ch->out_len += sealed_len;
    }
    return err;
}

int cyan_channel_flush(struct cyan_channel *ch)
{
    if (ch->out_len == 0) {
        return 0;
    }
    int sent = ch->port->send(ch->port->ctx, ch->out, ch->out_len);
    if (sent <= 0) {
        return sent < 0 ? sent : CYAN_E_AGAIN;
    }
    if ((size_t)sent > ch->out_len) {
        return CYAN_E_IO;
    }
    ch->out_len -= (size_t)sent;
    memmove(ch->out, ch->out + sent, ch->out_len);
    return sent;
}
