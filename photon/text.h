/* text.h - text put together piece by piece in a buffer of fixed size; what does not fit is cut. */
#ifndef CYAN_PHOTON_TEXT_H
#define CYAN_PHOTON_TEXT_H

#include <stddef.h>

struct text {
    char *at; /* borrowed; always ends with a NUL after the first text_put */
    size_t cap;
    size_t len;
};

void text_put(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
