#include "photon/utf8.h"

static size_t sequence_len(uint8_t first)
{
    if (first < 0x80) {
        return 1;
    }
    if (first >= 0xC2 && first <= 0xDF) {
        return 2;
    }
    if (first >= 0xE0 && first <= 0xEF) {
        return 3;
    }
    return first >= 0xF0 && first <= 0xF4 ? 4 : 0;
}

size_t utf8_len(const uint8_t *data, size_t len)
{
    size_t need = len > 0 ? sequence_len(data[0]) : 0;
    if (need == 0 || need > len) {
        return 0;
    }
    for (size_t i = 1; i < need; i++) {
        if ((data[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    /* Overlong forms, surrogates and what lies behind the last code point. */
    if ((data[0] == 0xE0 && data[1] < 0xA0) || (data[0] == 0xED && data[1] > 0x9F) ||
        (data[0] == 0xF0 && data[1] < 0x90) || (data[0] == 0xF4 && data[1] > 0x8F)) {
        return 0;
    }
    return need;
}

size_t utf8_printable_len(const uint8_t *data, size_t len)
{
    size_t n = utf8_len(data, len);
    if (n == 1 && (data[0] < 0x20 || data[0] == 0x7F)) {
        return 0;
    }
    return n == 2 && data[0] == 0xC2 && data[1] < 0xA0 ? 0 : n;
}
