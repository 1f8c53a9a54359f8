/* utf8.h - text from strangers: what may be shown as it is. */
#ifndef CYAN_PHOTON_UTF8_H
#define CYAN_PHOTON_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* The length of the well-formed UTF-8 sequence at data, 1 to 4, or 0 when there is none. */
size_t utf8_len(const uint8_t *data, size_t len);

/* The same, but 0 also for control characters, which would command a terminal. */
size_t utf8_printable_len(const uint8_t *data, size_t len);

#endif
