/* timestamp.h - ISO 8601 times as clients write them. */
#ifndef CYAN_SERVER_API_TIMESTAMP_H
#define CYAN_SERVER_API_TIMESTAMP_H

#include <stdint.h>

/* 2026-01-02T03:04:05Z, with a fraction of seconds or without, to milliseconds since 1970.
 * CYAN_E_INVALID: anything else, a day that no month has included. */
int timestamp_read(const char *text, int64_t *out_ms);

#endif
