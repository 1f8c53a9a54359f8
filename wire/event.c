#include "wire/event.h"

#include <string.h>

static bool is_printable(uint8_t c)
{
    return c > 0x20 && c != 0x7F;
}

bool cyan_event_name_ok(const char *name, size_t len)
{
    if (len == 0 || len > CYAN_EVENT_NAME_MAX) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (!is_printable((uint8_t)name[i]) && name[i] != ' ') {
            return false;
        }
    }
    return true;
}

/* What the options of an event or a subscription say. */
struct fields {
    char name[CYAN_EVENT_NAME_MAX + 1];
    size_t name_len;
    uint8_t letter;
    bool mine;
    uint32_t max_age;
};

static int add_path(struct fields *f, unsigned index, const struct cyan_coap_option *option)
{
    if (index == 0) {
        f->letter = option->len == 1 ? option->value[0] : 0;
        return 0;
    }
    size_t slash = index > 1 ? 1 : 0;
    if (f->name_len + slash + option->len > CYAN_EVENT_NAME_MAX) {
        return CYAN_E_MALFORMED;
    }
    if (slash) {
        f->name[f->name_len++] = '/';
    }
    memcpy(f->name + f->name_len, option->value, option->len);
    f->name_len += option->len;
    return 0;
}

static int read_fields(const struct cyan_coap *msg, struct fields *out)
{
    struct cyan_coap_cursor cursor;
    struct cyan_coap_option option;
    unsigned paths = 0;
    *out = (struct fields){.max_age = CYAN_EVENT_TTL_DEFAULT};
    cyan_coap_options(msg, &cursor);
    while (cyan_coap_next(&cursor, &option)) {
        if (option.number == CYAN_COAP_URI_PATH) {
            int err = add_path(out, paths++, &option);
            if (err < 0) {
                return err;
            }
        } else if (option.number == CYAN_COAP_MAX_AGE) {
            if (option.len > 4) {
                return CYAN_E_MALFORMED;
            }
            out->max_age = 0;
            for (size_t i = 0; i < option.len; i++) {
                out->max_age = out->max_age << 8 | option.value[i];
            }
        } else if (option.number == CYAN_COAP_URI_QUERY) {
            out->mine |= option.len == 1 && option.value[0] == 'u';
        }
    }
    return 0;
}

int cyan_event_read(const struct cyan_coap *msg, struct cyan_event *out_event)
{
    struct fields f;
    int err = read_fields(msg, &f);
    if (err < 0) {
        return err;
    }
    if (!cyan_event_name_ok(f.name, f.name_len) || (f.letter != 'e' && f.letter != 'E')) {
        return CYAN_E_MALFORMED;
    }
    if (msg->payload_len > CYAN_EVENT_DATA_MAX) {
        return CYAN_E_TOO_LONG;
    }
    *out_event =
        (struct cyan_event){.data = msg->payload,
                            .data_len = msg->payload_len,
                            .ttl = f.max_age < CYAN_EVENT_TTL_MAX ? f.max_age : CYAN_EVENT_TTL_MAX,
                            .is_private = f.letter == 'E'};
    memcpy(out_event->name, f.name, sizeof f.name);
    return 0;
}

void cyan_event_write(struct cyan_writer *w, enum cyan_coap_type type, uint16_t id,
                      const struct cyan_event *event)
{
    struct cyan_coap_writer cw;
    cyan_coap_begin(&cw, w, type, CYAN_COAP_POST, id, NULL, 0);
    cyan_coap_option(&cw, CYAN_COAP_URI_PATH, event->is_private ? "E" : "e", 1);
    cyan_coap_option(&cw, CYAN_COAP_URI_PATH, event->name, strlen(event->name));
    if (event->ttl != CYAN_EVENT_TTL_DEFAULT) {
        uint8_t ttl[4];
        cyan_put_be32(ttl, event->ttl);
        cyan_coap_option(&cw, CYAN_COAP_MAX_AGE, ttl + 1, 3);
    }
    cyan_coap_payload(&cw, event->data, event->data_len);
}

static bool is_hex_digit(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* The id text of a subscription; stock firmware cuts it to its first 12 digits. */
static int read_device(const struct cyan_coap *msg, char out_device[static CYAN_ID_TEXT])
{
    enum { DIGITS_MIN = 12, DIGITS_MAX = 2 * CYAN_ID_LEN };
    if (msg->payload_len < DIGITS_MIN || msg->payload_len > DIGITS_MAX) {
        return CYAN_E_MALFORMED;
    }
    for (size_t i = 0; i < msg->payload_len; i++) {
        uint8_t c = msg->payload[i];
        if (!is_hex_digit(c)) {
            return CYAN_E_MALFORMED;
        }
        out_device[i] = (char)(c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c);
    }
    out_device[msg->payload_len] = '\0';
    return 0;
}

int cyan_subscribe_read(const struct cyan_coap *msg, struct cyan_subscribe *out_subscribe)
{
    struct fields f;
    struct cyan_subscribe s = {.scope = CYAN_SUBSCRIBE_ALL};
    int err = read_fields(msg, &f);
    if (err < 0) {
        return err;
    }
    if (f.name_len > 0 && !cyan_event_name_ok(f.name, f.name_len)) {
        return CYAN_E_MALFORMED;
    }
    memcpy(s.filter, f.name, sizeof s.filter);
    if (msg->payload_len > 0) {
        s.scope = CYAN_SUBSCRIBE_DEVICE;
        err = read_device(msg, s.device);
    } else if (f.mine) {
        s.scope = CYAN_SUBSCRIBE_MINE;
    } else if (f.name_len == 0) {
        err = CYAN_E_MALFORMED;
    }
    if (err == 0) {
        *out_subscribe = s;
    }
    return err;
}

void cyan_subscribe_write(struct cyan_writer *w, uint16_t id,
                          const struct cyan_subscribe *subscribe)
{
    struct cyan_coap_writer cw;
    cyan_coap_begin(&cw, w, CYAN_COAP_CON, CYAN_COAP_GET, id, NULL, 0);
    cyan_coap_option(&cw, CYAN_COAP_URI_PATH, "e", 1);
    if (subscribe->filter[0] != '\0') {
        cyan_coap_option(&cw, CYAN_COAP_URI_PATH, subscribe->filter, strlen(subscribe->filter));
    }
    if (subscribe->scope == CYAN_SUBSCRIBE_MINE) {
        cyan_coap_option(&cw, CYAN_COAP_URI_QUERY, "u", 1);
    } else if (subscribe->scope == CYAN_SUBSCRIBE_DEVICE) {
        cyan_coap_payload(&cw, subscribe->device, strlen(subscribe->device));
    }
}
