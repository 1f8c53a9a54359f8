/* session.h - what a device says of itself in a session, and when; a part of client.h's machine,
 * for device/ alone. */
#ifndef CYAN_DEVICE_SESSION_H
#define CYAN_DEVICE_SESSION_H

#include "device/client.h"

uint32_t cyan_session_now(const struct cyan_client *c);

/* Messages of our own have ids that rise by one, since a server may count; answers bear the id
 * that they answer. An id is spent only when its message fitted into the send buffer: the writer
 * comes from cyan_channel_begin, and CYAN_E_NO_SPACE changes nothing. */
uint16_t cyan_session_next_id(const struct cyan_client *c);
int cyan_session_send_own(struct cyan_client *c, const struct cyan_writer *w) CYAN_MUST_CHECK;
int cyan_session_send_answer(struct cyan_client *c, const struct cyan_writer *w) CYAN_MUST_CHECK;

/* Takes the first ids from the salt, and forgets what belonged to the session before. */
void cyan_session_begin(struct cyan_client *c, const uint8_t *salt);

/* Tells the application that nobody will acknowledge its events any more. */
void cyan_session_end(struct cyan_client *c);

/* Tells the application what became of one of its confirmable events. */
void cyan_session_settle(struct cyan_client *c, size_t slot, int err);

/* The device's Hello. */
int cyan_session_hello(struct cyan_client *c) CYAN_MUST_CHECK;

/* Sends those of the first messages that fit: system events, subscriptions, time request. */
void cyan_session_greet(struct cyan_client *c);

/* Pings when it is time. CYAN_E_TIMEOUT: the last ping was in vain. */
int cyan_session_keep_alive(struct cyan_client *c) CYAN_MUST_CHECK;

/* Milliseconds until cyan_session_keep_alive has something to do. */
uint32_t cyan_session_wait_ms(const struct cyan_client *c);

/* Left out when it does not fit any more: the end of the stream says the same. */
void cyan_session_goodbye(struct cyan_client *c);

#endif
