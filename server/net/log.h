/* log.h - the log of cyand: one line an event on stderr, as text or JSON.
 *
 * A line is one write, so threads do not mix. Values are cut at 256 bytes and control characters
 * escaped. Never pass a secret: no password, token, private key or credentials. */
#ifndef CYAN_SERVER_NET_LOG_H
#define CYAN_SERVER_NET_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* Process-wide, set once before threads start. */
void log_setup(bool as_json, enum log_level least);

/* message is a constant sentence; the pairs that follow are name and value, both strings, ended
 * by NULL: log_write(LOG_INFO, "device online", "device", text, NULL). */
void log_write(enum log_level level, const char *message, ...) __attribute__((sentinel));

/* Milliseconds since 1970. */
int64_t clock_now_ms(void);

#endif
