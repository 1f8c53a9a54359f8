/* sealed.h - a stream of bytes in a file that opens with a passphrase only: scrypt, then
 * AES-256-GCM in chunks. Bytes: docs/SPEC-backup.md.
 *
 * Every chunk is sealed with its number, with whether it is the last one, and with the header. So a
 * flipped bit, a chunk that is missing, doubled or moved, and an end that was cut off are one
 * error: CYAN_E_NOT_DECIPHERABLE, the same as a wrong passphrase. What a reader has handed out
 * before is whole, but may be a beginning only: who must not act on a beginning reads to the end
 * first, and then again. */
#ifndef CYAN_KEYS_SEALED_H
#define CYAN_KEYS_SEALED_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
    CYAN_SEALED_HEADER_LEN = 48,
    CYAN_SEALED_CHUNK = 65536, /* bytes of the stream in a chunk */
    CYAN_SEALED_TAG_LEN = 16,  /* behind each */
    CYAN_SEALED_LOG2N = 17,    /* 128 MiB and some 300 ms of a core */
    /* What a file may ask for: 256 MiB. */
    CYAN_SEALED_LOG2N_MAX = 18,
    CYAN_SEALED_P_MAX = 4,
};

struct cyan_sealer;
struct cyan_unsealer;

/* Writes the header to fd, which is borrowed. log2n: CYAN_SEALED_LOG2N; tests take less.
 * CYAN_E_INVALID (log2n), CYAN_E_RANDOM, CYAN_E_NO_MEMORY, CYAN_E_CRYPTO, CYAN_E_IO with errno. */
int cyan_sealer_create(int fd, const char *passphrase, unsigned log2n,
                       struct cyan_sealer **out_sealer) CYAN_MUST_CHECK;
/* CYAN_E_CRYPTO, CYAN_E_IO. */
int cyan_sealer_write(struct cyan_sealer *sealer, const void *data, size_t len) CYAN_MUST_CHECK;
/* Seals the last chunk; without it there is no sealed file. A stream of nothing is CYAN_E_INVALID.
 */
int cyan_sealer_end(struct cyan_sealer *sealer) CYAN_MUST_CHECK;
/* Wipes; NULL is fine. */
void cyan_sealer_destroy(struct cyan_sealer *sealer);

/* Opens a regular file, whose fd is borrowed. CYAN_E_NOT_DECIPHERABLE: it has no header that could
 * be ours. CYAN_E_IO with errno, CYAN_E_NO_MEMORY. */
int cyan_unsealer_create(int fd, const char *passphrase,
                         struct cyan_unsealer **out_unsealer) CYAN_MUST_CHECK;
/* Exactly len bytes. CYAN_E_TRUNCATED: the stream has no more. CYAN_E_NOT_DECIPHERABLE, CYAN_E_IO,
 * CYAN_E_CRYPTO. */
int cyan_unsealer_read(struct cyan_unsealer *unsealer, void *out_data, size_t len) CYAN_MUST_CHECK;
/* Whether all was read. CYAN_E_TOO_LONG: there is more. */
int cyan_unsealer_end(const struct cyan_unsealer *unsealer) CYAN_MUST_CHECK;
/* Back to the beginning. */
void cyan_unsealer_rewind(struct cyan_unsealer *unsealer);
void cyan_unsealer_destroy(struct cyan_unsealer *unsealer);

#endif
