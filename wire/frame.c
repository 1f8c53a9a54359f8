#include "wire/frame.h"

#include "base/bytes.h"
#include "crypto/crypto.h"

int cyan_frame_next(const uint8_t *data, size_t len, size_t max)
{
    if (len < CYAN_FRAME_HEADER) {
        return CYAN_E_AGAIN;
    }
    size_t body = cyan_get_be16(data);
    if (body == 0 || body % CYAN_AES_BLOCK_LEN != 0) {
        return CYAN_E_MALFORMED;
    }
    if (body > max) {
        return CYAN_E_TOO_LONG;
    }
    return len - CYAN_FRAME_HEADER < body ? CYAN_E_AGAIN : (int)body;
}
