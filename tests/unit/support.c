#include "tests/unit/support.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

static struct {
    const uint8_t *bytes; /* borrowed */
    size_t left;
} script;

uint8_t *copy_of(const uint8_t *data, size_t len)
{
    uint8_t *copy = malloc(len ? len : 1);
    assert_non_null(copy);
    if (len > 0) {
        memcpy(copy, data, len);
    }
    return copy;
}

bool all_bytes_are(const uint8_t *data, uint8_t value, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (data[i] != value) {
            return false;
        }
    }
    return true;
}

void fixed_random_start(const uint8_t *bytes, size_t len)
{
    script.bytes = bytes;
    script.left = len;
}

size_t fixed_random_left(void)
{
    return script.left;
}

int fixed_random(void *ctx, uint8_t *out, size_t len)
{
    (void)ctx;
    if (len > script.left) {
        return CYAN_E_RANDOM;
    }
    memcpy(out, script.bytes, len);
    script.bytes += len;
    script.left -= len;
    return 0;
}
