/* causes.h - why handshakes fail: one table of what each cause means to the people who have to do
 * something about it.
 *
 * docs/SPEC-custody.md, "Incidents". What the LED shows, whose fault it is and what to type are
 * facts of the firmware, not of one incident; an incident adds who, where and how often. Pure. */
#ifndef CYAN_SERVER_CLOUD_CAUSES_H
#define CYAN_SERVER_CLOUD_CAUSES_H

#include <stdbool.h>
#include <stddef.h>

enum incident_cause {
    CAUSE_NOT_DECIPHERABLE, /* padding, length or nonce: never told apart */
    CAUSE_KEY_MISMATCH,
    CAUSE_KEY_MALFORMED,
    CAUSE_KEY_REVOKED,
    CAUSE_UNKNOWN_DEVICE,
    CAUSE_SILENT,
    CAUSE_TRUNCATED,
    CAUSE_HUNG_UP,         /* after the nonce, without a byte */
    CAUSE_DROPPED_OUR_KEY, /* no strict Hello after our answer */
    CAUSE_BAD_FRAME,
    CAUSE_TIMEOUT,
    CAUSE_FLOOD,
    CAUSE_CONTESTED,
    CAUSE_CLONE,
    INCIDENT_CAUSES
};

enum incident_stage {
    STAGE_USUAL, /* the cause's own */
    STAGE_NONCE,
    STAGE_REQUEST,
    STAGE_JUDGEMENT,
    STAGE_ANSWER,
    STAGE_HELLO,
    STAGE_SESSION,
    INCIDENT_STAGES
};

enum { CAUSE_TEXT_MAX = 512 };

struct cause {
    const char *name; /* "device-key-mismatch" */
    enum incident_stage stage;
    const char *led;      /* "rapid cyan, one red flash" */
    const char *led_held; /* the same when the session is held; NULL: it never is */
    const char *fault;    /* whose, as a few words */
    const char *advice;   /* a % stands for who it is about; see cause_advice */
    const char *command;  /* what to type next; DEVICE stands for the device */
};

/* Static. */
const struct cause *cause_of(enum incident_cause cause);
const char *stage_name(enum incident_stage stage); /* "nonce"; "" for STAGE_USUAL */

/* INCIDENT_CAUSES, STAGE_USUAL: no such name. */
enum incident_cause cause_find(const char *name);
enum incident_stage stage_find(const char *name);

/* Who and where, as far as it is known. */
struct cause_subject {
    const char *device;  /* its id or name; NULL: unknown */
    const char *address; /* NULL or "": unknown */
    bool proven;         /* it showed that it holds the presented key */
};

/* One or two sentences. Without a proof a device is "somebody who says it is X". Cut to fit. */
void cause_advice(enum incident_cause cause, const struct cause_subject *subject,
                  char out[static CAUSE_TEXT_MAX]);

/* A command of `cyan` with the device in its place (the word DEVICE when it is unknown). */
void cause_command(enum incident_cause cause, const struct cause_subject *subject,
                   char out[static CAUSE_TEXT_MAX]);

/* What the LED shows; static. */
const char *cause_led(enum incident_cause cause, bool proven);

#endif
