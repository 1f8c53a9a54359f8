/* event.h - events in both directions and a device's subscriptions (docs/SPEC-wire.md, "Events").
 *
 * Parsed names and data are borrowed from the message; a name that came in several path options
 * is joined with "/" into the struct's own buffer. */
#ifndef CYAN_WIRE_EVENT_H
#define CYAN_WIRE_EVENT_H

#include <stdbool.h>

#include "wire/coap.h"
#include "wire/limits.h"

struct cyan_event {
    char name[CYAN_EVENT_NAME_MAX + 1]; /* NUL-terminated; no control characters */
    const uint8_t *data;                /* NULL when data_len is 0 */
    size_t data_len;
    uint32_t ttl; /* seconds */
    bool is_private;
};

enum cyan_subscribe_scope {
    CYAN_SUBSCRIBE_ALL,    /* public events of every device */
    CYAN_SUBSCRIBE_MINE,   /* events of the owner's devices */
    CYAN_SUBSCRIBE_DEVICE, /* events of one device */
};

struct cyan_subscribe {
    char filter[CYAN_EVENT_NAME_MAX + 1]; /* a prefix; may be empty for MINE and DEVICE */
    enum cyan_subscribe_scope scope;
    char device[CYAN_ID_TEXT]; /* of DEVICE: the id's text or its first 12 digits */
};

/* Whether name can be sent as an event name: 1 to CYAN_EVENT_NAME_MAX printable characters. */
bool cyan_event_name_ok(const char *name, size_t len);

/* Reads an event. CYAN_E_MALFORMED: no name, a name that is not cyan_event_name_ok, a Max-Age of
 * more than four bytes; CYAN_E_TOO_LONG: data above CYAN_EVENT_DATA_MAX. */
int cyan_event_read(const struct cyan_coap *msg, struct cyan_event *out_event) CYAN_MUST_CHECK;

/* Writes an event without a token, the name as one option, as devices and servers both do. */
void cyan_event_write(struct cyan_writer *w, enum cyan_coap_type type, uint16_t id,
                      const struct cyan_event *event);

/* Reads a subscription. CYAN_E_MALFORMED as above; an empty filter for ALL; a device that is not
 * 12 to 24 hexadecimal digits. */
int cyan_subscribe_read(const struct cyan_coap *msg,
                        struct cyan_subscribe *out_subscribe) CYAN_MUST_CHECK;

void cyan_subscribe_write(struct cyan_writer *w, uint16_t id,
                          const struct cyan_subscribe *subscribe);

#endif
