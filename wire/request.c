#include "wire/request.h"

#include <string.h>

#include "wire/message.h"

enum { BOOL_LEN = 1, INT_LEN = 4, DOUBLE_LEN = 8 };

static void begin_request(struct cyan_coap_writer *cw, struct cyan_writer *w, uint8_t code,
                          uint16_t id, uint8_t token, const char *letter)
{
    cyan_coap_begin(cw, w, CYAN_COAP_CON, code, id, &token, 1);
    cyan_coap_option(cw, CYAN_COAP_URI_PATH, letter, 1);
}

void cyan_describe_write(struct cyan_writer *w, uint16_t id, uint8_t token, uint8_t parts)
{
    struct cyan_coap_writer cw;
    begin_request(&cw, w, CYAN_COAP_GET, id, token, "d");
    if (parts != 0) {
        cyan_coap_option(&cw, CYAN_COAP_URI_QUERY, &parts, 1);
    }
}

void cyan_variable_write(struct cyan_writer *w, uint16_t id, uint8_t token, const char *name)
{
    struct cyan_coap_writer cw;
    begin_request(&cw, w, CYAN_COAP_GET, id, token, "v");
    cyan_coap_option(&cw, CYAN_COAP_URI_PATH, name, strlen(name));
}

void cyan_function_write(struct cyan_writer *w, uint16_t id, uint8_t token, const char *name,
                         const char *argument)
{
    struct cyan_coap_writer cw;
    begin_request(&cw, w, CYAN_COAP_POST, id, token, "f");
    cyan_coap_option(&cw, CYAN_COAP_URI_PATH, name, strlen(name));
    cyan_coap_option(&cw, CYAN_COAP_URI_QUERY, argument, strlen(argument));
}

void cyan_signal_write(struct cyan_writer *w, uint16_t id, uint8_t token, bool on)
{
    struct cyan_coap_writer cw;
    uint8_t value = on ? 1 : 0;
    begin_request(&cw, w, CYAN_COAP_PUT, id, token, "s");
    cyan_coap_option(&cw, CYAN_COAP_URI_QUERY, &value, 1);
}

static int copy_text(const struct cyan_coap_option *option, char *out, size_t cap)
{
    if (option->len >= cap) {
        return CYAN_E_TOO_LONG;
    }
    for (size_t i = 0; i < option->len; i++) {
        if (option->value[i] == '\0') {
            return CYAN_E_MALFORMED;
        }
        out[i] = (char)option->value[i];
    }
    out[option->len] = '\0';
    return 0;
}

static bool needs_name(enum cyan_message kind)
{
    return kind == CYAN_MSG_VARIABLE || kind == CYAN_MSG_FUNCTION;
}

int cyan_request_read(const struct cyan_coap *msg, struct cyan_request *out_request)
{
    struct cyan_coap_cursor cursor;
    struct cyan_coap_option option;
    struct cyan_request request = {.parts = CYAN_DESCRIBE_ALL};
    unsigned paths = 0;
    int err = 0;
    cyan_coap_options(msg, &cursor);
    while (err == 0 && cyan_coap_next(&cursor, &option)) {
        if (option.number == CYAN_COAP_URI_PATH && paths++ == 1) {
            err = copy_text(&option, request.name, sizeof request.name);
        } else if (option.number == CYAN_COAP_URI_QUERY) {
            /* A number of describe and signal, text of a function: which one follows from the
             * kind of the message, so both readings are kept. */
            if (option.len == 1 && option.value[0] >= 1 && option.value[0] <= CYAN_DESCRIBE_ALL) {
                request.parts = option.value[0];
            }
            request.on = option.len == 1 && option.value[0] != 0;
            if (paths > 1) {
                err = copy_text(&option, request.argument, sizeof request.argument);
            }
        }
    }
    if (err == 0 && request.name[0] == '\0' && needs_name(cyan_message_kind(msg))) {
        err = CYAN_E_MALFORMED;
    }
    if (err == 0) {
        *out_request = request;
    }
    return err;
}

static void begin_answer(struct cyan_coap_writer *cw, struct cyan_writer *w, uint8_t code,
                         const struct cyan_coap *request)
{
    cyan_coap_begin(cw, w, CYAN_COAP_ACK, code, request->id, request->token, request->token_len);
}

/* Doubles travel as IEEE 754, least significant byte first. */
static void put_double(uint8_t out[static DOUBLE_LEN], double number)
{
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    for (size_t i = 0; i < DOUBLE_LEN; i++) {
        out[i] = (uint8_t)(bits >> (8 * i));
    }
}

static double get_double(const uint8_t in[static DOUBLE_LEN])
{
    uint64_t bits = 0;
    double number;
    for (size_t i = 0; i < DOUBLE_LEN; i++) {
        bits |= (uint64_t)in[i] << (8 * i);
    }
    memcpy(&number, &bits, sizeof number);
    return number;
}

void cyan_value_answer_write(struct cyan_writer *w, const struct cyan_coap *request,
                             const struct cyan_value *value)
{
    struct cyan_coap_writer cw;
    uint8_t fixed[DOUBLE_LEN];
    begin_answer(&cw, w, CYAN_COAP_CONTENT, request);
    switch (value->type) {
    case CYAN_VALUE_BOOL:
        fixed[0] = value->boolean ? 1 : 0;
        cyan_coap_payload(&cw, fixed, BOOL_LEN);
        break;
    case CYAN_VALUE_INT:
        cyan_put_be32(fixed, (uint32_t)value->integer);
        cyan_coap_payload(&cw, fixed, INT_LEN);
        break;
    case CYAN_VALUE_DOUBLE:
        put_double(fixed, value->number);
        cyan_coap_payload(&cw, fixed, DOUBLE_LEN);
        break;
    case CYAN_VALUE_STRING:
        cyan_coap_payload(&cw, value->text, value->text_len);
        break;
    }
}

void cyan_function_result_write(struct cyan_writer *w, uint16_t id, uint8_t token, int32_t result)
{
    struct cyan_coap_writer cw;
    uint8_t payload[INT_LEN];
    cyan_put_be32(payload, (uint32_t)result);
    cyan_coap_begin(&cw, w, CYAN_COAP_NON, CYAN_COAP_CHANGED, id, &token, 1);
    cyan_coap_payload(&cw, payload, sizeof payload);
}

void cyan_signal_answer_write(struct cyan_writer *w, const struct cyan_coap *request)
{
    struct cyan_coap_writer cw;
    begin_answer(&cw, w, CYAN_COAP_CHANGED, request);
}

int cyan_value_read(enum cyan_value_type type, const uint8_t *payload, size_t len,
                    struct cyan_value *out_value)
{
    struct cyan_value value = {.type = type};
    bool good = false;
    switch (type) {
    case CYAN_VALUE_BOOL:
        good = len == BOOL_LEN;
        value.boolean = good && payload[0] != 0;
        break;
    case CYAN_VALUE_INT:
        good = len == INT_LEN;
        value.integer = good ? (int32_t)cyan_get_be32(payload) : 0;
        break;
    case CYAN_VALUE_DOUBLE:
        good = len == DOUBLE_LEN;
        value.number = good ? get_double(payload) : 0;
        break;
    case CYAN_VALUE_STRING:
        good = true;
        value.text = payload;
        value.text_len = len;
        break;
    }
    if (!good) {
        return CYAN_E_MALFORMED;
    }
    *out_value = value;
    return 0;
}

int cyan_function_result_read(const struct cyan_coap *msg, int32_t *out_result)
{
    if (msg->payload_len != INT_LEN) {
        return CYAN_E_MALFORMED;
    }
    *out_result = (int32_t)cyan_get_be32(msg->payload);
    return 0;
}
