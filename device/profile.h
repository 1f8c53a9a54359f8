/* profile.h - the two implementations of the protocol that run on devices.
 *
 * A is the Photon's up to 0.7.0 (and every Core's), B the one from 0.8.0 on. They speak the same
 * wire and differ in what they tolerate, in a few numbers and in the codes that they log
 * (the table at the top of docs/SPEC-wire.md). All differences are fields here. */
#ifndef CYAN_DEVICE_PROFILE_H
#define CYAN_DEVICE_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/event.h"

enum {
    CYAN_PROFILE_FRAME_MAX = 800, /* the largest of the two */
    CYAN_PROFILE_MESSAGE_MAX = 782,
};

/* Where a try or a session can end. */
enum cyan_step {
    CYAN_STEP_CONNECT, /* no connection: not an error of the protocol, and without a code */
    CYAN_STEP_NONCE,   /* receiving the nonce */
    CYAN_STEP_REQUEST, /* enciphering the request */
    CYAN_STEP_ANSWER,  /* receiving or opening the cloud's answer */
    CYAN_STEP_HELLO,   /* waiting for the cloud's Hello */
    CYAN_STEP_SEND,    /* sending a message */
    CYAN_STEP_SESSION, /* receiving messages, or no answer to a ping */
};

struct cyan_client_profile {
    const char *name; /* "a" or "b" */
    uint32_t hello_wait_ms;
    uint16_t hello_flags;
    uint16_t frame_max;      /* bytes of ciphertext taken */
    uint16_t message_max;    /* bytes of a message sent */
    uint16_t name_max;       /* of a function or variable */
    uint16_t argument_max;   /* of a function */
    uint16_t event_name_max; /* of an event sent */
    uint16_t event_data_max;
    bool hangs_up_on_unknown;  /* a code or path outside its table ends the session */
    bool misreads_event_token; /* finds no name in an event that has a token */
    bool seeds_from_salt;      /* tokens too, and ids big-endian; else only ids, little-endian */
    bool answers_own_id;       /* acknowledges pings and signals under an id of its own */
    bool acks_hello;           /* a confirmable Hello or key change is acknowledged */
    bool says_goodbye;

    const struct cyan_subscribe *subscriptions; /* the system's own, before the application's */
    size_t subscription_count;

    /* What the device logs for what ended at this step with this CYAN_E_*; 0: nothing. */
    int (*code)(enum cyan_step step, int err);
};

extern const struct cyan_client_profile cyan_profile_a;
extern const struct cyan_client_profile cyan_profile_b;

/* One sentence without a full stop for what went wrong at a step; the CYAN_E_* says how. Static. */
const char *cyan_step_text(enum cyan_step step);

#endif
