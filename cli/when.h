/* when.h - times as the cloud writes them, ISO 8601 in UTC, and as people read them. */
#ifndef CYAN_CLI_WHEN_H
#define CYAN_CLI_WHEN_H

#include <time.h>

#include "base/err.h"

enum {
    WHEN_TEXT = 40, /* an age, or a time */
    WHEN_MONTH = 8, /* "2026-11" */
};

/* How long ago a time was: "5 min ago". NULL is "never"; what cannot be read, or lies ahead, is
 * shown as it is. text is used when something must be made up. */
const char *when_age(const char *time_text, char text[static WHEN_TEXT]);

/* The same without "ago" and in at most 7 characters, for tables: "5 min", "12 d". */
const char *when_brief(const char *time_text, char text[static WHEN_TEXT]);

/* A time that a person typed, as ISO 8601: "7d", "12h", "2w" before now, or "2026-11-01", or a
 * whole time. CYAN_E_INVALID. */
int when_since(const char *typed, time_t now, char out_text[static WHEN_TEXT]) CYAN_MUST_CHECK;

/* The month of a time, "2026-11"; "?" when it cannot be read. */
void when_month(const char *time_text, char out_month[static WHEN_MONTH]);

#endif
