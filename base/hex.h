/* hex.h - bytes as lower-case hexadecimal text. */
#ifndef CYAN_BASE_HEX_H
#define CYAN_BASE_HEX_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Writes 2 * len digits and a NUL to out_text, which must hold 2 * len + 1 characters. */
void cyan_hex_encode(const uint8_t *data, size_t len, char *out_text);

/* Reads exactly len bytes from exactly text_len == 2 * len digits of either case.
 * CYAN_E_MALFORMED otherwise. */
int cyan_hex_decode(const char *text, size_t text_len, uint8_t *out_data,
                    size_t len) CYAN_MUST_CHECK;

#endif
