/* coap.h - the CoAP subset of the wire: header, token, options, payload (RFC 7252 §3).
 *
 * Parsing borrows: a parsed message points into the bytes it came from. A payload marker with
 * nothing behind it is accepted, since firmware 0.7.0 sends one for an event without data. */
#ifndef CYAN_WIRE_COAP_H
#define CYAN_WIRE_COAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

enum cyan_coap_type { CYAN_COAP_CON = 0, CYAN_COAP_NON = 1, CYAN_COAP_ACK = 2, CYAN_COAP_RST = 3 };

/* Codes as they stand in the byte: class << 5 | detail. */
enum {
    CYAN_COAP_EMPTY = 0x00,
    CYAN_COAP_GET = 0x01,
    CYAN_COAP_POST = 0x02,
    CYAN_COAP_PUT = 0x03,
    CYAN_COAP_CHANGED = 0x44,     /* 2.04 */
    CYAN_COAP_CONTENT = 0x45,     /* 2.05 */
    CYAN_COAP_BAD_REQUEST = 0x80, /* 4.00 */
};

enum {
    CYAN_COAP_URI_PATH = 11,
    CYAN_COAP_MAX_AGE = 14,
    CYAN_COAP_URI_QUERY = 15,
    CYAN_COAP_HEADER_LEN = 4,
    CYAN_COAP_TOKEN_MAX = 8,
};

struct cyan_coap {
    uint8_t type;
    uint8_t code;
    uint16_t id;
    uint8_t token[CYAN_COAP_TOKEN_MAX];
    uint8_t token_len;
    const uint8_t *options; /* encoded */
    size_t options_len;
    const uint8_t *payload; /* NULL without one */
    size_t payload_len;
};

struct cyan_coap_option {
    uint32_t number;
    const uint8_t *value;
    size_t len;
};

struct cyan_coap_cursor {
    struct cyan_reader reader;
    uint32_t number;
};

/* CYAN_E_MALFORMED: another version, a token length above 8, options that do not end where they
 * should, or anything behind the header of an empty message. */
int cyan_coap_parse(const uint8_t *data, size_t len, struct cyan_coap *out_msg) CYAN_MUST_CHECK;

/* Walks the options of a parsed message in order: false after the last one. */
void cyan_coap_options(const struct cyan_coap *msg, struct cyan_coap_cursor *out_cursor);
bool cyan_coap_next(struct cyan_coap_cursor *cursor, struct cyan_coap_option *out_option);

/* Writing: header, then options in rising order of their numbers, then the payload. Overflow is
 * remembered in w->failed. */
struct cyan_coap_writer {
    struct cyan_writer *w;
    uint32_t number; /* of the last option */
};

void cyan_coap_begin(struct cyan_coap_writer *cw, struct cyan_writer *w, enum cyan_coap_type type,
                     uint8_t code, uint16_t id, const uint8_t *token, size_t token_len);
void cyan_coap_option(struct cyan_coap_writer *cw, uint32_t number, const void *value, size_t len);
/* Nothing is written for len 0. */
void cyan_coap_payload(struct cyan_coap_writer *cw, const void *data, size_t len);

#endif
