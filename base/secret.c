#include "base/secret.h"

#include <stdint.h>
#include <string.h>

bool cyan_ct_equal(const void *a, const void *b, size_t len)
{
    const volatile uint8_t *x = a;
    const volatile uint8_t *y = b;
    uint8_t difference = 0;
    for (size_t i = 0; i < len; i++) {
        difference |= (uint8_t)(x[i] ^ y[i]);
    }
    return difference == 0;
}

void cyan_wipe(void *p, size_t len)
{
    if (len == 0) {
        return;
    }
    memset(p, 0, len);
    /* The memory is declared as read, so that the stores above count as needed. */
    __asm__ volatile("" : : "r"(p) : "memory");
}
