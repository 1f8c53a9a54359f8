/* handshake.h - the handshake of one session, from the nonce to the Hello. Inside session/. */
#ifndef CYAN_SERVER_SESSION_HANDSHAKE_H
#define CYAN_SERVER_SESSION_HANDSHAKE_H

#include "server/session/session.h"

/* On the heap while the handshake lasts; wiped and freed when the session is live or gone. */
struct handshake {
    struct rsa_item item;
    struct admission_item turn; /* while item waits to be deciphered */
    struct session *session;
    struct handshake *next, *prev; /* in the list of those that wait for their request */
    uint8_t nonce[CYAN_NONCE_LEN];
    uint8_t request[CYAN_REQUEST_LEN];
    uint16_t got;       /* bytes of the request */
    uint64_t whole_ms;  /* loop time when it was whole */
    bool is_nobody;     /* it could not be deciphered */
    uint8_t server_key; /* the index of the key of ours that it was for */
    struct cyan_claim claim;
    uint8_t modulus[CYAN_RSA1024_LEN]; /* that the answer is encrypted to */
    struct cyan_hello hello;
    char address[CONN_ADDRESS_TEXT];
    uint8_t place[ADMISSION_KEY_LEN]; /* of the address */
};

/* Sends the nonce and waits for the request. */
int handshake_start(struct session *session);
void handshake_destroy(struct session *session);

/* How many bytes may be read before the Hello. */
size_t handshake_want(const struct session *session);
/* Bytes of the request, or bytes that have no business to be there. */
void handshake_bytes(struct session *session, const uint8_t *data, size_t len);
/* The first message after the answer. */
void handshake_hello(struct session *session, const struct cyan_coap *msg);

/* One item of the RSA queue. */
void handshake_rsa(void *arg, struct rsa_item *item, enum rsa_order order);
/* Which request is next; arg: the sessions. NULL while the queue is short: the oldest. */
struct rsa_item *handshake_pick(void *arg);

/* What it means that the device closed, or stayed silent, in the present state. */
enum session_end handshake_end_of_peer(const struct session *session);
enum session_end handshake_end_of_time(const struct session *session);

#endif
