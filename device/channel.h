/* channel.h - the bytes of one connection: raw ones of the handshake, then enciphered frames, both
 * through buffers, so that nothing waits on the port.
 *
 * A message is written straight into the send buffer and enciphered there. The caller reads on
 * only while cyan_channel_has_room holds: then whatever has to be answered can be. */
#ifndef CYAN_DEVICE_CHANNEL_H
#define CYAN_DEVICE_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "device/port.h"
#include "device/profile.h"
#include "wire/cipher.h"
#include "wire/frame.h"

enum {
    CYAN_CHANNEL_IN = CYAN_FRAME_HEADER + CYAN_PROFILE_FRAME_MAX,
    CYAN_CHANNEL_OUT = 2048,
    /* One message of full length and a few short ones. */
    CYAN_CHANNEL_ROOM = CYAN_PROFILE_MESSAGE_MAX + 256,
};

struct cyan_channel {
    const struct cyan_port *port;     /* borrowed */
    const struct cyan_crypto *crypto; /* borrowed */
    const struct cyan_client_profile *profile;
    struct cyan_cipher cipher;
    size_t in_len;
    size_t out_len;
    uint8_t in[CYAN_CHANNEL_IN];
    uint8_t out[CYAN_CHANNEL_OUT];
};

void cyan_channel_init(struct cyan_channel *ch, const struct cyan_port *port,
                       const struct cyan_crypto *crypto, const struct cyan_client_profile *profile);

/* Forgets buffers and keys, for the next connection. */
void cyan_channel_reset(struct cyan_channel *ch);

/* Handshake: waits for exactly len raw bytes at ch->in; they are gone after cyan_channel_drop.
 * CYAN_E_AGAIN, or the port's error. */
int cyan_channel_take(struct cyan_channel *ch, size_t len) CYAN_MUST_CHECK;
void cyan_channel_drop(struct cyan_channel *ch);

/* Handshake: puts raw bytes into the send buffer. CYAN_E_NO_SPACE. */
int cyan_channel_put(struct cyan_channel *ch, const uint8_t *data, size_t len) CYAN_MUST_CHECK;

/* From here on everything is enciphered. */
void cyan_channel_set_keys(struct cyan_channel *ch,
                           const uint8_t credentials[static CYAN_CREDENTIALS_LEN]);

/* The next message, deciphered, valid until the next call. CYAN_E_AGAIN; CYAN_E_MALFORMED and
 * CYAN_E_TOO_LONG of frames; CYAN_E_PADDING; the port's errors. */
int cyan_channel_receive(struct cyan_channel *ch, const uint8_t **out_message,
                         size_t *out_len) CYAN_MUST_CHECK;

bool cyan_channel_has_room(const struct cyan_channel *ch);

/* A message is written into w and then sent. CYAN_E_NO_SPACE when it did not fit: nothing is sent
 * and nothing changes. */
void cyan_channel_begin(struct cyan_channel *ch, struct cyan_writer *out_w);
int cyan_channel_send(struct cyan_channel *ch, const struct cyan_writer *w) CYAN_MUST_CHECK;

/* Gives the port what waits: bytes taken, 0 when there was nothing to send, CYAN_E_AGAIN, or the
 * port's error. */
int cyan_channel_flush(struct cyan_channel *ch) CYAN_MUST_CHECK;

#endif
