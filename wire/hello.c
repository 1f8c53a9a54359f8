#include "wire/hello.h"

static bool is_hello(const struct cyan_coap *msg)
{
    struct cyan_coap_cursor cursor;
    struct cyan_coap_option option;
    unsigned paths = 0;
    bool named = false;
    cyan_coap_options(msg, &cursor);
    while (cyan_coap_next(&cursor, &option)) {
        if (option.number == CYAN_COAP_URI_PATH) {
            paths++;
            named = option.len == 1 && option.value[0] == 'h';
        }
    }
    return paths == 1 && named && msg->code == CYAN_COAP_POST &&
           (msg->type == CYAN_COAP_CON || msg->type == CYAN_COAP_NON);
}

int cyan_hello_read(const struct cyan_coap *msg, struct cyan_hello *out_hello)
{
    enum { SHORT_LEN = 8, EXTENSION_LEN = 10 };
    if (!is_hello(msg) || msg->payload_len < SHORT_LEN) {
        return CYAN_E_MALFORMED;
    }
    struct cyan_reader r;
    cyan_reader_init(&r, msg->payload, msg->payload_len);
    struct cyan_hello hello = {.message_id = msg->id};
    hello.product_id = cyan_read_u16(&r);
    hello.product_version = cyan_read_u16(&r);
    hello.flags = cyan_read_u16(&r);
    hello.platform_id = cyan_read_u16(&r);
    if (cyan_reader_left(&r) > 0) {
        uint16_t id_len = cyan_read_u16(&r);
        (void)cyan_read_bytes(&r, id_len);
        if (r.failed) {
            return CYAN_E_MALFORMED;
        }
        if (cyan_reader_left(&r) >= EXTENSION_LEN) {
            hello.extended = true;
            hello.system_version = cyan_read_u16(&r);
            hello.max_message = cyan_read_u16(&r);
            hello.max_binary = cyan_read_u32(&r);
            hello.ota_chunk = cyan_read_u16(&r);
        }
    }
    *out_hello = hello;
    return 0;
}

void cyan_hello_write(struct cyan_writer *w, const struct cyan_hello *hello)
{
    enum { PAYLOAD_MAX = 20 };
    uint8_t payload[PAYLOAD_MAX];
    struct cyan_writer p;
    struct cyan_coap_writer cw;
    cyan_writer_init(&p, payload, sizeof payload);
    cyan_write_u16(&p, hello->product_id);
    cyan_write_u16(&p, hello->product_version);
    cyan_write_u16(&p, hello->flags);
    cyan_write_u16(&p, hello->platform_id);
    if (hello->extended) {
        cyan_write_u16(&p, 0); /* no id on TCP */
        cyan_write_u16(&p, hello->system_version);
        cyan_write_u16(&p, hello->max_message);
        cyan_write_u32(&p, hello->max_binary);
        cyan_write_u16(&p, hello->ota_chunk);
    }
    cyan_coap_begin(&cw, w, CYAN_COAP_NON, CYAN_COAP_POST, hello->message_id, NULL, 0);
    cyan_coap_option(&cw, CYAN_COAP_URI_PATH, "h", 1);
    cyan_coap_payload(&cw, payload, p.len);
}

void cyan_server_hello_write(struct cyan_writer *w, uint16_t id)
{
    struct cyan_coap_writer cw;
    cyan_coap_begin(&cw, w, CYAN_COAP_NON, CYAN_COAP_POST, id, NULL, 0);
    cyan_coap_option(&cw, CYAN_COAP_URI_PATH, "h", 1);
}
