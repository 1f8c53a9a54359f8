#include "cli/text.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The bytes of the UTF-8 character at this place, which a NUL ends at the latest; 0: it is none. */
static size_t character_at(const uint8_t *at)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len = at[0] < 0x80 ? 1 : at[0] < 0xC0 ? 0 : at[0] < 0xE0 ? 2 : at[0] < 0xF0 ? 3 : 4;
    if (len < 2) {
        return len;
    }
    uint32_t value = at[0] & (0xFFU >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        if ((at[i] & 0xC0) != 0x80) {
            return 0;
        }
        value = value << 6 | (at[i] & 0x3FU);
    }
    bool surrogate = value >= 0xD800 && value <= 0xDFFF;
    return value < least[len] || value > 0x10FFFF || surrogate ? 0 : len;
}

/* The old controls and DEL, and U+0080 to U+009F. */
static bool is_order(const uint8_t *at)
{
    return at[0] < 0x20 || at[0] == 0x7F || (at[0] == 0xC2 && at[1] <= 0x9F);
}

static char *escape(char *to, const uint8_t *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        *to++ = '\\';
        *to++ = 'x';
        *to++ = digits[bytes[i] >> 4];
        *to++ = digits[bytes[i] & 15];
    }
    return to;
}

char *text_clean(const char *text)
{
    const uint8_t *at = (const uint8_t *)text;
    char *clean = malloc(strlen(text) * 4 + 1);
    char *to = clean;
    if (!clean) {
        return NULL;
    }
    while (*at) {
        size_t len = character_at(at);
        if (len == 0) {
            to = escape(to, at, 1);
            len = 1;
        } else if (is_order(at)) {
            to = escape(to, at, len);
        } else {
            memcpy(to, at, len);
            to += len;
        }
        at += len;
    }
    *to = '\0';
    return clean;
}

size_t text_width(const char *text)
{
    size_t width = 0;
    for (; *text; text++) {
        width += ((uint8_t)*text & 0xC0) != 0x80;
    }
    return width;
}
