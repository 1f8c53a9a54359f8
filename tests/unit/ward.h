/* ward.h - the actors of one shard with sessions below them (upper.h), and what they tell the
 * layers above, noted. Every message that a device hears here is checked for what old firmware
 * bears. */
#ifndef CYAN_TESTS_WARD_H
#define CYAN_TESTS_WARD_H

#include "server/actor/actor.h"
#include "server/actor/requests.h"
#include "tests/unit/upper.h"
#include "wire/message.h"

enum { WARD_REPLIES_MAX = 64, WARD_BYTES_MAX = 1024 };

struct ward_reply {
    uint64_t call;
    int status;
    enum cyan_value_type type;
    int32_t result;
    size_t len;
    uint8_t bytes[WARD_BYTES_MAX];
};

struct ward {
    struct upper upper;
    struct actors actors;
    struct ward_reply replies[WARD_REPLIES_MAX];
    size_t reply_count;
    bool hub_is_behind; /* refuses events */
    unsigned events, held_events, heards, subscribeds, gones;
    struct cyan_event event; /* the last one; its data is in event_data */
    uint8_t event_data[CYAN_EVENT_DATA_MAX];
    uint8_t event_id[CYAN_ID_LEN];
    uint32_t event_owner;
    uint64_t gone_serial;
};

void ward_open(struct ward *ward);
void ward_close(struct ward *ward);

/* A device with a live session; its actor is the result. */
struct actor *ward_device(struct ward *ward, struct peer *peer, uint8_t id_byte, bool is_b);

/* The same with a held session. */
struct actor *ward_held_device(struct ward *ward, struct peer *peer, uint8_t id_byte);

/* An event of the device. */
void ward_say_event(struct ward *ward, struct peer *peer, enum cyan_coap_type type,
                    const char *name, const char *data, bool is_private);
/* The device hears an empty acknowledgement of its message with this id. */
void ward_expect_ack(struct peer *peer, uint16_t id);

/* The next message, which must be of this kind: NON or CON with one of the codes 00, 01, 02, 03
 * and 45, with one token byte if it is a request. */
void ward_hear(struct peer *peer, enum cyan_message kind, struct cyan_coap *out_msg);
/* The device has heard nothing more. */
void ward_expect_silence(struct ward *ward, struct peer *peer);

/* The device answers a request: ACK 2.05 with this payload. */
void ward_answer(struct peer *peer, const struct cyan_coap *request, const char *payload);
/* Any message without options. */
void ward_say(struct peer *peer, enum cyan_coap_type type, uint8_t code, uint16_t id,
              const struct cyan_coap *token_of, const void *payload, size_t len);

/* What ward_give_description gives: functions led and beep; variables temp (double), on (bool), n
 * (int), s (string) and odd (no type of ours). */
extern const char ward_description[];

void ward_ask(struct ward *ward, struct actor *actor, uint64_t call, enum request_kind kind,
              const char *name, const char *argument);
/* The last reply is this one. */
void ward_expect_reply(struct ward *ward, uint64_t call, int status);
/* The description is asked for, and given. */
void ward_give_description(struct ward *ward, struct peer *peer);
/* Calls led; gives the description if there is none yet. */
void ward_call_led(struct ward *ward, struct actor *actor, struct peer *peer, uint64_t call,
                   const char *argument, struct cyan_coap *out_request);
/* The option at this index of the message has this number and value. */
void ward_expect_option(const struct cyan_coap *msg, unsigned index, uint32_t number,
                        const char *value);
/* Time passes, and the device pings. */
void ward_stay_alive(struct ward *ward, struct peer *peer, uint64_t ms);

#endif
