/* incidents.h - handshakes that failed, keys that are not trusted, devices that are two: counted,
 * kept and told.
 *
 * docs/SPEC-custody.md, "Incidents". Memory is the truth while cyand runs; changes are on disk
 * within 10 s. What has no device is counted by address in fixed windows of 10 s and is told when
 * the window after its own closes, so nobody can read from here how a single request failed: not
 * in the list, not in the log, not in an event. On the hub's thread. */
#ifndef CYAN_SERVER_CLOUD_INCIDENTS_H
#define CYAN_SERVER_CLOUD_INCIDENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/crypto.h"
#include "server/cloud/causes.h"
#include "server/store/store.h"

struct incidents;
struct jobs;
struct letter_failed;
struct outbox;
struct presence;

enum {
    INCIDENTS_MAX = 4096,
    INCIDENTS_DEVICE_MAX = 32,
    INCIDENTS_WINDOW_MS = 10000,    /* also between two flushes */
    INCIDENTS_ADDRESSES_MAX = 1024, /* counted apart in a window; the rest is one, at "" */
    INCIDENTS_LOOKUPS_MAX = 1024,   /* claims of devices that wait for the store */
    INCIDENTS_LINES_MAX = 100,      /* of the log, in 10 s */
    INCIDENT_REPEAT_MS = 24 * 60 * 60 * 1000,
    INCIDENT_RESET_MS = 60 * 60 * 1000, /* how far back a reset reason may explain */
    INCIDENT_CANDIDATES_MAX = 32,
    INCIDENT_TOLD_MAX = 8, /* candidates of an address that get an event */
    INCIDENT_FIRMWARE_MAX = STORE_DEVICE_NAME_MAX,
};

/* What somebody noticed; everything is borrowed for the call, NULL: unknown or none. */
struct incident_note {
    enum incident_cause cause;
    enum incident_stage stage; /* STAGE_USUAL: that of the cause */
    const uint8_t *device;     /* NULL: counted by address, and told later */
    uint32_t owner;            /* of the device; 0: nobody */
    const char *address;
    const uint8_t *presented, *trusted; /* fingerprints */
    bool proven;                        /* whoever came holds the presented key */
    const char *firmware;               /* of incident_firmware */
    const char *reset;
    const char *note; /* which criteria held, say */
    /* Without a device: the id that was claimed. The last one of an address is kept in the note. */
    const uint8_t *claimed;
};

/* A note that changes what to type next: the presented key was trusted before. */
#define INCIDENT_NOTE_RETIRED "a retired key"

/* Borrows all; loads what is stored (the loop runs meanwhile). NULL without memory. */
struct incidents *incidents_create(struct jobs *jobs, struct presence *presence,
                                   struct outbox *outbox, uint64_t seed);
/* Tells what still waits, stores everything and drains the jobs first. */
void incidents_destroy(struct incidents *incidents);

void incidents_note(struct incidents *incidents, const struct incident_note *note);

/* A handshake or session ended badly. Who claims to be a device is looked up first; a claim of an
 * id that no device has counts as one without. Ends that say nothing are ignored. */
void incidents_note_failure(struct incidents *incidents, const struct letter_failed *failure);

/* A last reset reason was told: that may explain what happened to the device in the last hour. What
 * a held session tells explains only what came with its key. presented: that key; NULL: the device
 * itself told it. */
void incidents_annotate(struct incidents *incidents, const uint8_t id[static CYAN_ID_LEN],
                        const uint8_t *presented, const char *reset);

/* The device belongs to another account, or to nobody. */
void incidents_owner(struct incidents *incidents, const uint8_t id[static CYAN_ID_LEN],
                     uint32_t owner);

/* "A (0.7.0 or earlier), application 12", "system 3301"; "unknown" before the first Hello. Fits
 * into INCIDENT_FIRMWARE_MAX + 1. */
void incident_firmware(const struct store_device *device,
                       char out[static INCIDENT_FIRMWARE_MAX + 1]);

struct incident_filter {
    const uint8_t *device;     /* NULL: all; else also those it may have caused */
    enum incident_cause cause; /* INCIDENT_CAUSES: all */
    int64_t since_ms;          /* last at or after; 0: all */
    int64_t after_seq;
    size_t limit; /* at least 1 */
};

struct incident_view {
    struct store_incident row;
    size_t candidate_count;
    uint8_t candidates[INCIDENT_CANDIDATES_MAX][CYAN_ID_LEN];
};

/* next: what to give as after_seq the next time. views is NULL without success. */
typedef void incidents_fn(void *arg, int status, const struct incident_view *views, size_t count,
                          int64_t next);

/* What an account may see, by rising seq. done comes later, from the loop. */
void incidents_list(struct incidents *incidents, uint32_t account, bool is_operator,
                    const struct incident_filter *filter, incidents_fn *done, void *arg);

/* What an owner may know about a device: its own (an id that was only uploaded may have some of
 * several accounts), and those without a device at its address ("": none). The newest first, at
 * most max. Returns how many. */
size_t incidents_about(const struct incidents *incidents, const uint8_t id[static CYAN_ID_LEN],
                       uint32_t owner, const char *address, struct store_incident *out, size_t max);

#endif
