/* world.h - a device's client and a cloud of the test's own, joined by memory: the cloud's end is
 * built from wire/ alone, time stands still until the test moves it. What goes wrong in here fails
 * the running test. */
#ifndef CYAN_TESTS_WORLD_H
#define CYAN_TESTS_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/openssl.h"
#include "device/client.h"
#include "tests/unit/vectors.h"
#include "wire/coap.h"

enum { WORLD_PIPE = 65536, WORLD_MESSAGES = 64, WORLD_EVENTS = 8, WORLD_STATES = 64 };

struct world_message {
    uint8_t bytes[CYAN_PROFILE_MESSAGE_MAX];
    size_t len;
    struct cyan_coap coap; /* points into bytes */
};

struct world {
    uint32_t now_ms;
    struct cyan_crypto *crypto;
    struct vectors *keys, *publics;
    uint8_t device_key[CYAN_DEVICE_KEY_SLOT];
    uint8_t server_key[CYAN_SERVER_SPKI_LEN];
    struct cyan_rsa_key *cloud_key;
    struct cyan_address address;
    struct cyan_identity identity;
    struct cyan_application application;
    struct cyan_client client;

    /* The connection, as the device's port sees it. */
    int connect_result; /* what the next calls of connect give */
    unsigned connects;  /* how often a connection came about */
    unsigned connect_calls;
    unsigned finishes, closes;
    int down_error;  /* what recv gives once its bytes are used up */
    int send_error;  /* what send gives; 0: it takes */
    size_t recv_max; /* bytes a call gives at most; 0: no limit */
    size_t send_max;
    uint8_t down[WORLD_PIPE], up[WORLD_PIPE];
    size_t down_len, up_len;

    /* The cloud. */
    uint8_t nonce[CYAN_NONCE_LEN];
    struct cyan_claim claim;
    uint8_t credentials[CYAN_CREDENTIALS_LEN];
    struct cyan_cipher cipher;
    struct world_message messages[WORLD_MESSAGES]; /* what the device said since world_hear */
    size_t message_count;

    /* What the application was told. */
    enum cyan_client_state states[WORLD_STATES];
    size_t state_count;
    int handshake_code;
    unsigned handshakes;
    struct cyan_client_end end; /* of the last state that had one */
    struct cyan_event events[WORLD_EVENTS];
    char event_data[WORLD_EVENTS][CYAN_EVENT_DATA_MAX + 1];
    size_t event_count;
    uint16_t published_id;
    int published_err;
    unsigned published;
    uint32_t cloud_time;
    char argument[CYAN_FUNCTION_ARG_MAX + 1]; /* of the last call */
    unsigned calls;
};

/* A device that was started, with sound keys: variables temp (double, 21.5), count (int, 42), name
 * (string, "a photon"), on (bool, true); a function "led" that gives 7; a subscription of "photon/"
 * to its owner's events. Salt 20 21 22... */
struct world *world_open(const struct cyan_client_profile *profile);
void world_close(struct world *w);

/* Lets the client do all it can now. */
void world_poll(struct world *w);
void world_pass_ms(struct world *w, uint32_t ms);

/* The cloud's part, step by step. */
void world_put(struct world *w, const void *data, size_t len); /* raw bytes to the device */
void world_send_nonce(struct world *w);
void world_take_request(struct world *w); /* opens what the device sent */
void world_make_answer(struct world *w, uint8_t answer[static CYAN_ANSWER_LEN]);
void world_send_answer(struct world *w); /* for the key that the device claims */
void world_send(struct world *w, const void *message, size_t len); /* as a frame */
void world_send_hello(struct world *w);

/* Deciphers all that the device sent since. */
void world_hear(struct world *w);
/* The only message of this kind among them. */
const struct world_message *world_find(struct world *w, int kind);

/* The whole handshake, and what the device says first. */
void world_connect(struct world *w);

enum cyan_client_state world_last_state(const struct world *w);

#endif
