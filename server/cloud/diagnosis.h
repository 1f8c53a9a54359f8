/* diagnosis.h - the story of a device: what its LED shows, why, whose fault it is and what to type.
 *
 * diagnosis_tell is a pure function from facts to sentences (tests/vectors/diagnosis.txt holds its
 * table); diagnosis_load collects the facts. docs/SPEC-custody.md, "HTTP". */
#ifndef CYAN_SERVER_CLOUD_DIAGNOSIS_H
#define CYAN_SERVER_CLOUD_DIAGNOSIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/cloud/causes.h"
#include "server/cloud/incidents.h"
#include "server/cloud/registry.h"
#include "wire/limits.h"

struct cloud;

enum {
    DIAGNOSIS_SENTENCES_MAX = 6,
    DIAGNOSIS_SENTENCE_MAX = CAUSE_TEXT_MAX,
    DIAGNOSIS_INCIDENTS_MAX = 16,
};

/* What happened of one cause; count 0: nothing. */
struct diagnosis_cause {
    int64_t count;
    int64_t last_ms;
    bool proven;
};

struct diagnosis_facts {
    const char *device; /* how to name it in a command: its name, else its id */
    int64_t now_ms;
    bool online; /* it has a full session */
    bool held;   /* it has a held session */
    int64_t last_heard_ms;
    int64_t last_handshake_ms; /* 0: it never had a full session */
    const char *address;       /* where it was seen last; "" never */
    const char *firmware;      /* of incident_firmware */
    const char *last_reset;    /* its last reset reason; "" unknown */
    const char *policy;        /* the one that holds for it; NULL: unknown */
    bool has_trusted, has_announced, has_revoked;
    size_t pending_count;
    struct diagnosis_cause own[INCIDENT_CAUSES];  /* of the device, or of who claims to be it */
    struct diagnosis_cause near[INCIDENT_CAUSES]; /* at its last address, of nobody known */
};

struct diagnosis {
    char headline[DIAGNOSIS_SENTENCE_MAX];
    char story[DIAGNOSIS_SENTENCES_MAX][DIAGNOSIS_SENTENCE_MAX];
    size_t story_count;
    const char *led;   /* static */
    const char *fault; /* static */
    char command[CAUSE_TEXT_MAX];
    const char *key_state; /* "contested", "pending", "trusted", "revoked", "none" */
    const char *session;   /* "none", "held", "full" */
};

void diagnosis_tell(const struct diagnosis_facts *facts, struct diagnosis *out_diagnosis);

struct diagnosis_answer {
    uint8_t id[CYAN_ID_LEN];
    char name[STORE_DEVICE_NAME_MAX + 1];
    struct diagnosis diagnosis;
    struct incident_view incidents[DIAGNOSIS_INCIDENTS_MAX]; /* the newest first */
    size_t incident_count;
};

/* answer is NULL without success. CYAN_E_NOT_FOUND, and errors of the store. */
typedef void diagnosis_fn(void *arg, int status, const struct diagnosis_answer *answer);

/* Collects the facts and tells them, for whoever may see the record: its owner, whoever uploaded
 * its key, or the operator. done comes later, from the loop (but for CYAN_E_NO_MEMORY, which comes
 * at once). */
void diagnosis_load(struct cloud *cloud, const struct device_record *record, diagnosis_fn *done,
                    void *arg);

#endif
