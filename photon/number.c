#include "photon/number.h"

int number_parse(const char *text, uint32_t max, uint32_t *out_number)
{
    uint64_t number = 0;
    const char *c = text;
    for (; *c >= '0' && *c <= '9'; c++) {
        number = number * 10 + (uint64_t)(*c - '0');
        if (number > max) {
            return CYAN_E_INVALID;
        }
    }
    if (c == text || *c != '\0') {
        return CYAN_E_INVALID;
    }
    *out_number = (uint32_t)number;
    return 0;
}
