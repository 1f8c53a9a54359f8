/* why_log.h - reads a device's log that somebody pasted: known lines, their numbers, and which
 * implementation of the handshake wrote them. The text is a stranger's: any bytes, of any length
 * that the caller allows. */
#ifndef CYAN_CLI_WHY_LOG_H
#define CYAN_CLI_WHY_LOG_H

#include <stdbool.h>
#include <stddef.h>

enum {
    WHY_LOG_MAX = 1024 * 1024, /* bytes of a log */
    WHY_LOG_FINDINGS_MAX = 200,
    WHY_LOG_TEXT = 121, /* of a line, with the NUL */
};

/* A known line, and those that only repeat it. */
struct why_finding {
    size_t line, last_line;  /* from 1 on */
    size_t count;            /* how often, 1 at least */
    char text[WHY_LOG_TEXT]; /* the first one: its bytes as they came, but for NULs; may be cut */
    const char *says;        /* what it means, a sentence without a full stop */
    bool has_code;
    int code;
    bool failed; /* it tells of a failure, not of a step */
};

struct why_log {
    struct why_finding findings[WHY_LOG_FINDINGS_MAX];
    size_t count;
    size_t left_out; /* findings that had no room */
    size_t lines;
    char implementation; /* 'A', 'B', or 0: it cannot be told */
};

/* Reads all of it. Never fails; log is about 50 KiB, so keep it off the stack. */
void why_log_read(const char *text, size_t len, struct why_log *log);

/* The last failure. */
struct why_verdict {
    const struct why_finding *finding; /* that says most about it; NULL: there was no failure */
    bool has_code;
    int code; /* the number that the attempt ended with */
};

struct why_verdict why_log_verdict(const struct why_log *log);

#endif
