/* peer.h - the device's end of a connection, made from wire/ on a plain socket.
 *
 * Everything that it waits for, it waits for by running turns of the server in between; what does
 * not come within some seconds fails the running test. */
#ifndef CYAN_TESTS_PEER_H
#define CYAN_TESTS_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/crypto.h"
#include "tests/unit/vectors.h"
#include "wire/cipher.h"
#include "wire/coap.h"
#include "wire/hello.h"
#include "wire/limits.h"

enum { PEER_BUFFER = 256 * 1024 };

struct peer {
    void (*turn)(void *arg); /* lets the server work */
    void *arg;
    const struct cyan_crypto *crypto;
    const struct vectors *keys, *publics;
    const char *device;        /* names of vectors: "device" or "other_device" */
    const char *server;        /* "server" or "other_server": whose key it has */
    size_t len;                /* bytes received and not taken */
    uint8_t *bytes;            /* PEER_BUFFER of them */
    struct cyan_writer writer; /* of peer_begin */
    int fd;
    uint16_t last_id;
    bool closed; /* by the server */
    uint8_t id[CYAN_ID_LEN];
    struct cyan_cipher cipher;
    uint8_t message[1200];
    uint8_t frame[1200]; /* the last one that came, deciphered */
};

/* The next peers connect from 127.0.0.HOST; 1 at first. */
extern uint8_t peer_host;

/* Connects to 127.0.0.1 with the keys of tests/vectors/keys.txt. id_byte fills the device's id. */
void peer_open(struct peer *peer, const struct cyan_crypto *crypto, const struct vectors *keys,
               const struct vectors *publics, uint16_t port, uint8_t id_byte,
               void (*turn)(void *arg), void *arg);
void peer_close(struct peer *peer);

void peer_send(struct peer *peer, const uint8_t *data, size_t len);

/* Reads what has come, without waiting. */
void peer_look(struct peer *peer);
/* Waits until len bytes lie in bytes. */
void peer_want(struct peer *peer, size_t len);
/* Takes them away. */
void peer_take(struct peer *peer, size_t len);
/* Waits for the server to close. */
void peer_expect_close(struct peer *peer);

/* The request for the nonce that has come; spki is NULL for the short form. */
void peer_make_request(struct peer *peer, const uint8_t *spki,
                       uint8_t out_request[static CYAN_REQUEST_LEN]);
/* Takes nonce and answer, with the public key in the request; the cipher is ready after it. */
void peer_shake(struct peer *peer);
/* Takes the answer alone. */
void peer_accept(struct peer *peer);

/* A message: begin, fill, then send it, or seal it only. */
struct cyan_writer *peer_begin(struct peer *peer);
size_t peer_seal(struct peer *peer, uint8_t *out_frame, size_t cap);
void peer_say(struct peer *peer);
/* Begins and seals an event "t" with data of len bytes. */
size_t peer_seal_event(struct peer *peer, size_t len, uint8_t *out_frame, size_t cap);
/* Sends one frame of these bytes, whatever their padding. */
void peer_send_unpadded(struct peer *peer, const uint8_t *plain, size_t len);
/* The Hello of a Photon with firmware 0.7.0; with B's flag when is_b. */
void peer_write_hello(struct peer *peer, bool is_b);

/* Waits for the next message; borrowed until the next one. */
void peer_hear(struct peer *peer, struct cyan_coap *out_msg);
/* Whether a message has come, without waiting. */
bool peer_hears(struct peer *peer, struct cyan_coap *out_msg);

#endif
