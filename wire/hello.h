/* hello.h - the first message of both ends (docs/SPEC-wire.md, "Hello"). */
#ifndef CYAN_WIRE_HELLO_H
#define CYAN_WIRE_HELLO_H

#include <stdbool.h>

#include "wire/coap.h"

/* Flags of a device's Hello. */
enum {
    CYAN_HELLO_UPDATED = 0x01,     /* the update before this start was applied */
    CYAN_HELLO_DIAGNOSTICS = 0x02, /* implementation B from 0.8.0-rc.1 on; never set by A */
    CYAN_HELLO_IMMEDIATE_UPDATES = 0x04,
    CYAN_HELLO_GOODBYE = 0x10,
};

enum {
    CYAN_PLATFORM_CORE = 0,
    CYAN_PLATFORM_GCC = 3,
    CYAN_PLATFORM_PHOTON = 6,
    CYAN_PLATFORM_P1 = 8,
    CYAN_PLATFORM_ELECTRON = 10,
    CYAN_PRODUCT_NONE = 0xFFFF, /* product id or firmware version that was never set */
};

struct cyan_hello {
    uint16_t message_id; /* the base of the device's message ids */
    uint16_t product_id;
    uint16_t product_version;
    uint16_t flags;
    uint16_t platform_id;
    /* 3.x only; zeroes before */
    bool extended;
    uint16_t system_version; /* module version number, 3301 for 3.3.1 */
    uint16_t max_message;    /* bytes */
    uint32_t max_binary;     /* bytes */
    uint16_t ota_chunk;      /* bytes */
};

/* Reads a device's Hello strictly, since it is the proof of the device's key: NON or CON 0.02,
 * exactly one Uri-Path option "h", a payload of 8 bytes at least (then, when there is more, the
 * length of an id, the id and ten more bytes; surplus is ignored). CYAN_E_MALFORMED otherwise. */
int cyan_hello_read(const struct cyan_coap *msg, struct cyan_hello *out_hello) CYAN_MUST_CHECK;

/* Writes a device's Hello: 8 bytes of payload, or the extended form. */
void cyan_hello_write(struct cyan_writer *w, const struct cyan_hello *hello);

/* Writes the server's Hello: NON, no token, no payload: what every firmware takes. */
void cyan_server_hello_write(struct cyan_writer *w, uint16_t id);

#endif
