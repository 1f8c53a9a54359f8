/* message.h - what a message of the wire is, seen from either end, and the small ones: ping,
 * acknowledgement, time, goodbye (docs/SPEC-wire.md, "Messages").
 *
 * Builders write one message into w; overflow is remembered in w->failed. Devices of
 * implementation A close the connection on any code but 00, 01, 02, 03 and 45, so nothing here
 * that goes to a device uses another one. */
#ifndef CYAN_WIRE_MESSAGE_H
#define CYAN_WIRE_MESSAGE_H

#include "wire/coap.h"
#include "wire/limits.h"

enum cyan_message {
    CYAN_MSG_PING,         /* empty CON */
    CYAN_MSG_ACK,          /* empty ACK or RST, or an ACK with an error code and no token */
    CYAN_MSG_RESPONSE,     /* 2.xx, 4.xx or 5.xx with a token, in an ACK or on its own */
    CYAN_MSG_HELLO,        /* POST h */
    CYAN_MSG_EVENT,        /* POST e or E */
    CYAN_MSG_SUBSCRIBE,    /* GET e or E, device to server */
    CYAN_MSG_TIME,         /* GET t */
    CYAN_MSG_GOODBYE,      /* POST x, 2.x and later */
    CYAN_MSG_CHUNK_MISSED, /* GET c */
    CYAN_MSG_UPDATE_DONE,  /* PUT u, from either end */
    CYAN_MSG_DESCRIBE,     /* GET d */
    CYAN_MSG_VARIABLE,     /* GET v */
    CYAN_MSG_FUNCTION,     /* POST f */
    CYAN_MSG_SIGNAL,       /* PUT s */
    CYAN_MSG_KEY_CHANGE,   /* PUT k */
    CYAN_MSG_UPDATE_BEGIN, /* POST u or POST s */
    CYAN_MSG_CHUNK,        /* POST c */
    CYAN_MSG_UNKNOWN,
};

/* What msg is; by its code and the first letter of its first Uri-Path option. */
enum cyan_message cyan_message_kind(const struct cyan_coap *msg);

/* An empty confirmable message: the other end answers with an acknowledgement. */
void cyan_ping_write(struct cyan_writer *w, uint16_t id);

/* An empty acknowledgement of the message with this id. */
void cyan_ack_write(struct cyan_writer *w, uint16_t id);

/* Time: device asks with one token byte; the server's answer is seconds since 1970. */
void cyan_time_request_write(struct cyan_writer *w, uint16_t id, uint8_t token);
void cyan_time_answer_write(struct cyan_writer *w, const struct cyan_coap *request,
                            uint32_t seconds);
/* CYAN_E_MALFORMED unless the payload has exactly four bytes. */
int cyan_time_answer_read(const struct cyan_coap *answer, uint32_t *out_seconds) CYAN_MUST_CHECK;

/* Goodbye of a device that ends its session on purpose (cloud reason 2: user). */
void cyan_goodbye_write(struct cyan_writer *w, uint16_t id);

#endif
