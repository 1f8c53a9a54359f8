#include "wire/message.h"

#include <string.h>

/* The first letter of the first Uri-Path option, or 0. */
static uint8_t path_letter(const struct cyan_coap *msg)
{
    struct cyan_coap_cursor cursor;
    struct cyan_coap_option option;
    cyan_coap_options(msg, &cursor);
    while (cyan_coap_next(&cursor, &option)) {
        if (option.number == CYAN_COAP_URI_PATH) {
            return option.len == 1 ? option.value[0] : 0;
        }
    }
    return 0;
}

static enum cyan_message kind_of_request(uint8_t code, uint8_t letter)
{
    static const struct {
        uint8_t code, letter;
        enum cyan_message kind;
    } table[] = {
        {CYAN_COAP_POST, 'h', CYAN_MSG_HELLO},        {CYAN_COAP_POST, 'e', CYAN_MSG_EVENT},
        {CYAN_COAP_POST, 'E', CYAN_MSG_EVENT},        {CYAN_COAP_GET, 'e', CYAN_MSG_SUBSCRIBE},
        {CYAN_COAP_GET, 'E', CYAN_MSG_SUBSCRIBE},     {CYAN_COAP_GET, 't', CYAN_MSG_TIME},
        {CYAN_COAP_POST, 'x', CYAN_MSG_GOODBYE},      {CYAN_COAP_GET, 'c', CYAN_MSG_CHUNK_MISSED},
        {CYAN_COAP_PUT, 'u', CYAN_MSG_UPDATE_DONE},   {CYAN_COAP_GET, 'd', CYAN_MSG_DESCRIBE},
        {CYAN_COAP_GET, 'v', CYAN_MSG_VARIABLE},      {CYAN_COAP_POST, 'f', CYAN_MSG_FUNCTION},
        {CYAN_COAP_PUT, 's', CYAN_MSG_SIGNAL},        {CYAN_COAP_PUT, 'k', CYAN_MSG_KEY_CHANGE},
        {CYAN_COAP_POST, 'u', CYAN_MSG_UPDATE_BEGIN}, {CYAN_COAP_POST, 's', CYAN_MSG_UPDATE_BEGIN},
        {CYAN_COAP_POST, 'c', CYAN_MSG_CHUNK},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (table[i].code == code && table[i].letter == letter) {
            return table[i].kind;
        }
    }
    return CYAN_MSG_UNKNOWN;
}

enum cyan_message cyan_message_kind(const struct cyan_coap *msg)
{
    enum { FIRST_RESPONSE = 0x40 };
    if (msg->code == CYAN_COAP_EMPTY) {
        return msg->type == CYAN_COAP_CON ? CYAN_MSG_PING : CYAN_MSG_ACK;
    }
    if (msg->code >= FIRST_RESPONSE) {
        return msg->token_len > 0 || msg->type != CYAN_COAP_ACK ? CYAN_MSG_RESPONSE : CYAN_MSG_ACK;
    }
    return kind_of_request(msg->code, path_letter(msg));
}

void cyan_ping_write(struct cyan_writer *w, uint16_t id)
{
    struct cyan_coap_writer cw;
    cyan_coap_begin(&cw, w, CYAN_COAP_CON, CYAN_COAP_EMPTY, id, NULL, 0);
}

void cyan_ack_write(struct cyan_writer *w, uint16_t id)
{
    struct cyan_coap_writer cw;
    cyan_coap_begin(&cw, w, CYAN_COAP_ACK, CYAN_COAP_EMPTY, id, NULL, 0);
}

void cyan_time_request_write(struct cyan_writer *w, uint16_t id, uint8_t token)
{
    struct cyan_coap_writer cw;
    cyan_coap_begin(&cw, w, CYAN_COAP_CON, CYAN_COAP_GET, id, &token, 1);
    cyan_coap_option(&cw, CYAN_COAP_URI_PATH, "t", 1);
}

void cyan_time_answer_write(struct cyan_writer *w, const struct cyan_coap *request,
                            uint32_t seconds)
{
    struct cyan_coap_writer cw;
    uint8_t payload[4];
    cyan_put_be32(payload, seconds);
    cyan_coap_begin(&cw, w, CYAN_COAP_ACK, CYAN_COAP_CONTENT, request->id, request->token,
                    request->token_len);
    cyan_coap_payload(&cw, payload, sizeof payload);
}

int cyan_time_answer_read(const struct cyan_coap *answer, uint32_t *out_seconds)
{
    if (answer->payload_len != 4) {
        return CYAN_E_MALFORMED;
    }
    *out_seconds = cyan_get_be32(answer->payload);
    return 0;
}

void cyan_goodbye_write(struct cyan_writer *w, uint16_t id)
{
    enum { NO_RESPONSE = 258, HAS_CLOUD_REASON = 1, REASON_USER = 2 };
    static const uint8_t payload[] = {HAS_CLOUD_REASON, REASON_USER};
    struct cyan_coap_writer cw;
    cyan_coap_begin(&cw, w, CYAN_COAP_NON, CYAN_COAP_POST, id, NULL, 0);
    cyan_coap_option(&cw, CYAN_COAP_URI_PATH, "x", 1);
    cyan_coap_option(&cw, NO_RESPONSE, NULL, 0);
    cyan_coap_payload(&cw, payload, sizeof payload);
}
