/* address.h - the server address as a device stores it: type, length, value, and a port of two
 * bytes, big-endian, at a fixed place behind them (docs/SPEC-wire.md, "Server address"). */
#ifndef CYAN_WIRE_ADDRESS_H
#define CYAN_WIRE_ADDRESS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
    CYAN_ADDRESS_LEN = 128,     /* the record; what is not used is FF */
    CYAN_ADDRESS_PORT = 66,     /* offset of the port in it */
    CYAN_ADDRESS_HOST_MAX = 63, /* characters that firmware can hold */
};

enum cyan_address_type {
    CYAN_ADDRESS_IPV4 = 0,
    CYAN_ADDRESS_DOMAIN = 1,
    CYAN_ADDRESS_NONE = 0xFF,
};

struct cyan_address {
    enum cyan_address_type type;
    char host[CYAN_ADDRESS_HOST_MAX + 1]; /* dotted IPv4 or a name; NUL-terminated */
    uint16_t port;                        /* never 0: 5683 when the record has none */
};

/* Reads a record. CYAN_E_BLANK: any type but 0 and 1, as firmware sees it. CYAN_E_MALFORMED: a
 * length that does not fit the type, or a name with characters outside letters, digits and - . _ $
 */
int cyan_address_read(const uint8_t record[static CYAN_ADDRESS_LEN],
                      struct cyan_address *out_address) CYAN_MUST_CHECK;

/* Writes the whole record. CYAN_E_INVALID for a host that cyan_address_read would not give back. */
int cyan_address_write(const struct cyan_address *address,
                       uint8_t out_record[static CYAN_ADDRESS_LEN]) CYAN_MUST_CHECK;

/* Fills address from text: "1.2.3.4" is IPv4, anything else a name. CYAN_E_INVALID: empty, longer
 * than CYAN_ADDRESS_HOST_MAX, characters outside the set above, or a dotted number out of range. */
int cyan_address_parse(const char *host, uint16_t port,
                       struct cyan_address *out_address) CYAN_MUST_CHECK;

#endif
