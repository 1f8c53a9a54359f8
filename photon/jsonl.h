/* jsonl.h - news as JSON, one object a line: {"t":ms,"ev":"led",...}. */
#ifndef CYAN_PHOTON_JSONL_H
#define CYAN_PHOTON_JSONL_H

#include <stddef.h>

#include "photon/news.h"

enum { JSONL_MAX = 16384 }; /* the longest line: every byte of an event escaped */

/* Writes the line with its newline and a NUL; bytes that are no UTF-8 become U+FFFD. Returns its
 * length. */
size_t jsonl_format(const struct news *news, char out_line[static JSONL_MAX]);

#endif
