/* frame.h - cuts the byte stream after the handshake into frames: a length of two bytes,
 * big-endian, then that many bytes of ciphertext (docs/SPEC-wire.md, "Frame"). */
#ifndef CYAN_WIRE_FRAME_H
#define CYAN_WIRE_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "wire/limits.h"

/* Looks at the first len bytes of the stream. Returns the length of the ciphertext when a whole
 * frame is there (it begins at data + CYAN_FRAME_HEADER); CYAN_E_AGAIN when more bytes are needed;
 * as soon as the header is there CYAN_E_MALFORMED for a length that is 0 or no multiple of 16 and
 * CYAN_E_TOO_LONG for one above max. */
int cyan_frame_next(const uint8_t *data, size_t len, size_t max) CYAN_MUST_CHECK;

#endif
