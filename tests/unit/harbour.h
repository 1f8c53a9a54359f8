/* harbour.h - a hub with shards on threads of their own, and devices on the test's thread.
 * Custody and the events of the hub are played here: they note what they are told and answer
 * later. */
#ifndef CYAN_TESTS_HARBOUR_H
#define CYAN_TESTS_HARBOUR_H

#include <time.h>

#include "server/cloud/cloud.h"
#include "server/cloud/custody.h"
#include "server/cloud/events.h"
#include "server/cloud/letters.h"
#include "server/cloud/link.h"
#include "server/cloud/registry.h"
#include "tests/unit/peer.h"
#include "wire/event.h"

enum {
    HARBOUR_SHARDS = 2,
    HARBOUR_OWNER = 42,
    HARBOUR_NOTES_MAX = 4096,
    HARBOUR_WAITING_MAX = 256
};

/* Every device has the key "device" and the same owner, and is full. */
struct harbour_custody {
    uint8_t spki[CYAN_DEVICE_SPKI_LEN], fingerprint[CYAN_SHA256_LEN];
    struct harbour_answer {
        custody_judged_fn *judged; /* or */
        custody_admitted_fn *admitted;
        void *arg;
    } answers[HARBOUR_WAITING_MAX];
    size_t waiting;
    bool hold_proofs; /* no answer to custody_proven now */
    enum session_verdict admit;
    unsigned heard, gone, failures, codes, resets, hellos, proofs;
    size_t said_len;                   /* of the last of these two */
    uint64_t gone_serial, held_serial; /* the last ones */
    char code[128], reset[64];
};

/* Something that was published. */
struct harbour_note {
    char name[CYAN_EVENT_NAME_MAX + 1], data[64];
    struct bus_event event;
};

extern struct cloud harbour_cloud;
extern uint16_t harbour_port;
extern struct harbour_custody harbour_custody;
extern struct harbour_note harbour_notes[HARBOUR_NOTES_MAX]; /* in order */
extern size_t harbour_note_count;
extern struct letter_failed harbour_failed; /* the last one */
extern unsigned harbour_failures;

/* Fixtures of cmocka; the first one does not start the shards. */
int harbour_set_up(void **state);
int harbour_set_up_running(void **state);
int harbour_tear_down(void **state);
/* What harbour_tear_down does first, unless the test has. */
void harbour_stop(void);

/* One turn of the hub; the shards turn by themselves. */
void harbour_turn(void *arg);

#define HARBOUR_TURN_UNTIL(cond)                                                                   \
    do {                                                                                           \
        time_t end_s = time(NULL) + 20;                                                            \
        while (!(cond)) {                                                                          \
            if (time(NULL) > end_s) {                                                              \
                fail_msg("waited in vain for %s", #cond);                                          \
            }                                                                                      \
            harbour_turn(NULL);                                                                    \
        }                                                                                          \
    } while (0)

void harbour_open_peer(struct peer *peer, uint8_t id_byte);
/* The handshake and the device's Hello. */
void harbour_say_hello(struct peer *peer);
/* All that, and our Hello is taken. */
void harbour_go_online(struct peer *peer, uint8_t id_byte);
bool harbour_is_online(const struct peer *peer);
/* A confirmable event. */
void harbour_say_event(struct peer *peer, const char *name, const char *data, bool is_private);

/* How many notes about a device have this name and data. */
unsigned harbour_noted(const uint8_t *id, const char *name, const char *data);

#endif
