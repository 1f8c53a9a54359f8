/* sse.h - reads server-sent events out of bytes that come in any pieces.
 *
 * Understood are `event:` and `data:`; several data lines are one text with line ends between
 * them. Comments, `id:` and `retry:` are passed over; an event without data is none. Lines end in
 * LF, CR or both. What is longer than its limit is left out whole, never cut. */
#ifndef CYAN_CLI_SSE_H
#define CYAN_CLI_SSE_H

#include <stdbool.h>
#include <stddef.h>

enum {
    SSE_LINE_MAX = 64 * 1024,
    SSE_NAME_MAX = 255,
};

/* Gets each event, its texts ended by NUL and borrowed until it returns. Anything but 0 ends the
 * reading. */
struct sse_sink {
    void *ctx;
    int (*on_event)(void *ctx, const char *name, const char *data);
};

struct sse {
    const struct sse_sink *sink; /* borrowed */
    char *line;                  /* owned: SSE_LINE_MAX + 1 */
    size_t line_len;
    char *data; /* owned: the event so far, as long as a line at most */
    size_t data_len;
    char name[SSE_NAME_MAX + 1];
    bool has_data;
    bool line_too_long;  /* the line that is being read */
    bool event_too_long; /* the event that is being read */
    bool after_cr;       /* a LF now belongs to the line end before it */
};

/* Returns 0, or CYAN_E_NO_MEMORY. */
int sse_init(struct sse *sse, const struct sse_sink *sink);
void sse_done(struct sse *sse);

/* Forgets what has begun, for a new connection. */
void sse_restart(struct sse *sse);

/* Takes the next bytes. Returns 0, or at once what the sink returned. */
int sse_take(struct sse *sse, const char *bytes, size_t len);

#endif
