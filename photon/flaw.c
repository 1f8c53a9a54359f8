#include "photon/flaw.h"

#include "base/bytes.h"
#include "wire/frame.h"
#include "wire/handshake.h"

void flaw_init(struct flaw *flaw)
{
    flaw->whole_left = CYAN_NONCE_LEN + CYAN_ANSWER_LEN;
}

size_t flaw_keep(struct flaw *flaw, const uint8_t *data, size_t got, size_t want)
{
    if (flaw->whole_left > 0) {
        flaw->whole_left -= got < flaw->whole_left ? got : flaw->whole_left;
        return got;
    }
    if (want != CYAN_FRAME_HEADER) {
        return got; /* no longer listening: what is left is thrown away anyhow */
    }
    if (got < CYAN_FRAME_HEADER) {
        return 0;
    }
    flaw->whole_left = cyan_get_be16(data);
    return got;
}
