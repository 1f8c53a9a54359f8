/* flaw.h - the byte that implementation A loses.
 *
 * Its loop asks for the two bytes of a frame's length and takes a read that gives one of them for
 * nothing at all: that byte is gone and the stream is out of step. It reads everything else in
 * full. So this follows the stream, to know when a length is due (docs/SPEC-wire.md,
 * "Frame"). */
#ifndef CYAN_PHOTON_FLAW_H
#define CYAN_PHOTON_FLAW_H

#include <stddef.h>
#include <stdint.h>

struct flaw {
    size_t whole_left; /* bytes that are read in full: of the handshake, then of a frame */
};

/* At the beginning of a connection. */
void flaw_init(struct flaw *flaw);

/* After a read that asked for want bytes and got some: how many of them the device keeps. */
size_t flaw_keep(struct flaw *flaw, const uint8_t *data, size_t got, size_t want);

#endif
