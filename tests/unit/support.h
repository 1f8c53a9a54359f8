/* support.h - what several unit tests share: exact copies of bytes, and randomness that is not. */
#ifndef CYAN_TESTS_SUPPORT_H
#define CYAN_TESTS_SUPPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/crypto.h"

/* A copy on the heap with exactly len bytes (one for len 0), so that a sanitizer sees a read
 * behind them. Free it. */
uint8_t *copy_of(const uint8_t *data, size_t len);

/* Whether len bytes all have this value. */
bool all_bytes_are(const uint8_t *data, uint8_t value, size_t len);

/* A source of randomness that gives these bytes in order, then fails with CYAN_E_RANDOM. There is
 * one of it, since a copied struct cyan_crypto keeps the context of its origin. */
void fixed_random_start(const uint8_t *bytes, size_t len);
/* How many bytes it has not given yet. */
size_t fixed_random_left(void);
int fixed_random(void *ctx, uint8_t *out, size_t len);

#endif
