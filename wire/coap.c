#include "wire/coap.h"

#include <string.h>

enum {
    VERSION = 1,
    NIBBLE_BYTE = 13, /* one more byte follows, plus 13 */
    NIBBLE_WORD = 14, /* two more bytes follow, plus 269 */
    NIBBLE_RESERVED = 15,
    BYTE_BASE = 13,
    WORD_BASE = 269,
    PAYLOAD_MARKER = 0xFF,
};

static uint32_t read_extended(struct cyan_reader *r, uint32_t nibble)
{
    switch (nibble) {
    case NIBBLE_BYTE:
        return BYTE_BASE + (uint32_t)cyan_read_u8(r);
    case NIBBLE_WORD:
        return WORD_BASE + (uint32_t)cyan_read_u16(r);
    case NIBBLE_RESERVED:
        r->failed = true;
        return 0;
    default:
        return nibble;
    }
}

static bool read_option(struct cyan_reader *r, uint32_t *number, struct cyan_coap_option *out)
{
    uint8_t head = cyan_read_u8(r);
    *number += read_extended(r, head >> 4);
    size_t len = read_extended(r, head & 15);
    const uint8_t *value = cyan_read_bytes(r, len);
    if (r->failed) {
        return false;
    }
    *out = (struct cyan_coap_option){.number = *number, .value = value, .len = len};
    return true;
}

int cyan_coap_parse(const uint8_t *data, size_t len, struct cyan_coap *out_msg)
{
    struct cyan_reader r;
    struct cyan_coap msg = {0};
    cyan_reader_init(&r, data, len);
    uint8_t first = cyan_read_u8(&r);
    msg.code = cyan_read_u8(&r);
    msg.id = cyan_read_u16(&r);
    msg.type = first >> 4 & 3;
    msg.token_len = first & 15;
    if (r.failed || first >> 6 != VERSION || msg.token_len > CYAN_COAP_TOKEN_MAX) {
        return CYAN_E_MALFORMED;
    }
    const uint8_t *token = cyan_read_bytes(&r, msg.token_len);
    if (r.failed) {
        return CYAN_E_MALFORMED;
    }
    memcpy(msg.token, token, msg.token_len);
    if (msg.code == CYAN_COAP_EMPTY && len > CYAN_COAP_HEADER_LEN) {
        return CYAN_E_MALFORMED;
    }

    msg.options = data + r.pos;
    uint32_t number = 0;
    struct cyan_coap_option option;
    while (cyan_reader_left(&r) > 0 && data[r.pos] != PAYLOAD_MARKER) {
        if (!read_option(&r, &number, &option)) {
            return CYAN_E_MALFORMED;
        }
    }
    msg.options_len = (size_t)(data + r.pos - msg.options);
    if (cyan_reader_left(&r) > 1) {
        msg.payload = data + r.pos + 1;
        msg.payload_len = cyan_reader_left(&r) - 1;
    }
    *out_msg = msg;
    return 0;
}

void cyan_coap_options(const struct cyan_coap *msg, struct cyan_coap_cursor *out_cursor)
{
    cyan_reader_init(&out_cursor->reader, msg->options, msg->options_len);
    out_cursor->number = 0;
}

bool cyan_coap_next(struct cyan_coap_cursor *cursor, struct cyan_coap_option *out_option)
{
    return cyan_reader_left(&cursor->reader) > 0 &&
           read_option(&cursor->reader, &cursor->number, out_option);
}

void cyan_coap_begin(struct cyan_coap_writer *cw, struct cyan_writer *w, enum cyan_coap_type type,
                     uint8_t code, uint16_t id, const uint8_t *token, size_t token_len)
{
    *cw = (struct cyan_coap_writer){.w = w};
    if (token_len > CYAN_COAP_TOKEN_MAX) {
        w->failed = true;
        return;
    }
    cyan_write_u8(w, (uint8_t)(VERSION << 6 | (unsigned)type << 4 | token_len));
    cyan_write_u8(w, code);
    cyan_write_u16(w, id);
    cyan_write_bytes(w, token, token_len);
}

static uint32_t nibble_of(uint32_t value)
{
    return value < BYTE_BASE ? value : value < WORD_BASE ? NIBBLE_BYTE : NIBBLE_WORD;
}

static void write_extended(struct cyan_writer *w, uint32_t value)
{
    if (value >= WORD_BASE) {
        cyan_write_u16(w, (uint16_t)(value - WORD_BASE));
    } else if (value >= BYTE_BASE) {
        cyan_write_u8(w, (uint8_t)(value - BYTE_BASE));
    }
}

void cyan_coap_option(struct cyan_coap_writer *cw, uint32_t number, const void *value, size_t len)
{
    if (number < cw->number || number - cw->number > UINT16_MAX || len > UINT16_MAX) {
        cw->w->failed = true;
        return;
    }
    uint32_t delta = number - cw->number;
    cyan_write_u8(cw->w, (uint8_t)(nibble_of(delta) << 4 | nibble_of((uint32_t)len)));
    write_extended(cw->w, delta);
    write_extended(cw->w, (uint32_t)len);
    cyan_write_bytes(cw->w, value, len);
    cw->number = number;
}

void cyan_coap_payload(struct cyan_coap_writer *cw, const void *data, size_t len)
{
    if (len > 0) {
        cyan_write_u8(cw->w, PAYLOAD_MARKER);
        cyan_write_bytes(cw->w, data, len);
    }
}
