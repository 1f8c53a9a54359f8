/* client.h - a device's session with the cloud as a state machine that never waits.
 *
 * The caller owns the loop: it calls cyan_client_poll whenever the connection can be read or
 * written, and after cyan_client_wait_ms at the latest. The client connects, shakes hands, greets,
 * answers, pings, and after a failure tries again in the rhythm of backoff.h
 * (docs/SPEC-wire.md, "Connection"). Allocates nothing; about 3 KB. */
#ifndef CYAN_DEVICE_CLIENT_H
#define CYAN_DEVICE_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/crypto.h"
#include "device/application.h"
#include "device/channel.h"
#include "device/led_status.h"
#include "device/port.h"
#include "device/profile.h"
#include "wire/address.h"

/* Who the device is. What the pointers lead to is read anew for every try, so that repaired keys
 * count from the next one on. */
struct cyan_identity {
    uint8_t id[CYAN_ID_LEN];
    const uint8_t *device_key;          /* a slot of CYAN_DEVICE_KEY_SLOT bytes, sound or not */
    const uint8_t *server_key;          /* CYAN_SERVER_SPKI_LEN bytes, sound or not */
    const struct cyan_address *address; /* NULL: none is known, and every try fails */
    bool short_handshake;               /* without the public key, as before 0.4.0 */
    uint16_t product_id;                /* or CYAN_PRODUCT_NONE */
    uint16_t product_version;
    uint16_t platform_id;
    const char *reset_reason; /* told in the first session; NULL: nothing to tell */
};

struct cyan_client_config {
    const struct cyan_port *port; /* all borrowed */
    const struct cyan_crypto *crypto;
    const struct cyan_client_profile *profile;
    const struct cyan_application *application;
    const struct cyan_identity *identity;
};

enum { CYAN_CLIENT_UNCONFIRMED = 4 }; /* confirmable events under way at once */

struct cyan_client {
    struct cyan_client_config config;
    struct cyan_channel channel;
    struct cyan_led_status led;
    enum cyan_client_state state;
    uint32_t state_since_ms;
    uint32_t send_since_ms; /* when the port last took something, or had nothing to take */
    uint32_t heard_ms;      /* the last message */
    uint32_t pinged_ms;
    uint32_t retry_ms; /* of WAITING */
    uint16_t message_id;
    uint16_t greeting; /* which of the first messages comes next */
    uint8_t token;
    uint8_t time_token;
    uint8_t failures;
    bool ping_unanswered;
    bool time_asked;
    bool greeted;
    bool reason_told;
    bool more; /* the last poll stopped before its work was done */
    bool finished;
    struct {
        bool used;
        uint16_t id;
        uint32_t since_ms;
    } unconfirmed[CYAN_CLIENT_UNCONFIRMED];
};

/* Checks the application (CYAN_E_INVALID, CYAN_E_TOO_LONG) and starts nothing. */
int cyan_client_init(struct cyan_client *c,
                     const struct cyan_client_config *config) CYAN_MUST_CHECK;

/* Ends at once, without a word to the cloud, and wipes what is secret. NULL is harmless. */
void cyan_client_done(struct cyan_client *c);

/* Begins to connect at the next poll. Nothing happens unless the client is stopped. */
void cyan_client_start(struct cyan_client *c);

/* Ends the session as a device does that means to: goodbye where it is known, then what waits is
 * sent and the cloud gets two seconds to close. STOPPED is reported like every state. */
void cyan_client_stop(struct cyan_client *c);

/* Does what can be done without waiting. */
void cyan_client_poll(struct cyan_client *c);

/* When to call cyan_client_poll again: as soon as the connection can be read or written, if that
 * is wanted, and after so many milliseconds (UINT32_MAX: no limit). */
bool cyan_client_wants_to_receive(const struct cyan_client *c);
bool cyan_client_wants_to_send(const struct cyan_client *c);
uint32_t cyan_client_wait_ms(const struct cyan_client *c);

enum cyan_led_state cyan_client_led(struct cyan_client *c);

/* Sends an event. confirm: on_published tells whether it arrived; out_id, which may be NULL,
 * gets its id. CYAN_E_OFFLINE: no session. CYAN_E_AGAIN: the connection is busy, try later.
 * CYAN_E_INVALID: a bad name. CYAN_E_TOO_LONG: name or data. CYAN_E_FULL: too many unconfirmed. */
int cyan_client_publish(struct cyan_client *c, const struct cyan_event *event, bool confirm,
                        uint16_t *out_id) CYAN_MUST_CHECK;

#endif
