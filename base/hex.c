#include "base/hex.h"

void cyan_hex_encode(const uint8_t *data, size_t len, char *out_text)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        out_text[2 * i] = digits[data[i] >> 4];
        out_text[2 * i + 1] = digits[data[i] & 15];
    }
    out_text[2 * len] = '\0';
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return -1;
}

int cyan_hex_decode(const char *text, size_t text_len, uint8_t *out_data, size_t len)
{
    if (text_len != 2 * len) {
        return CYAN_E_MALFORMED;
    }
    for (size_t i = 0; i < text_len; i++) {
        if (digit_value(text[i]) < 0) {
            return CYAN_E_MALFORMED;
        }
    }
    for (size_t i = 0; i < len; i++) {
        unsigned high = (unsigned)digit_value(text[2 * i]);
        unsigned low = (unsigned)digit_value(text[2 * i + 1]);
        out_data[i] = (uint8_t)(high << 4 | low);
    }
    return 0;
}
