/* when.h - times in requests: ISO 8601 in UTC. */
#ifndef CYAN_SERVER_API_WHEN_H
#define CYAN_SERVER_API_WHEN_H

#include <stdint.h>

#include "base/err.h"

/* "2026-11-01", "2026-11-01T12:30:00Z" or with up to three digits of a second, as milliseconds
 * since 1970. CYAN_E_INVALID: no such time, or before 1970. */
int when_read(const char *text, int64_t *out_ms) CYAN_MUST_CHECK;

#endif
