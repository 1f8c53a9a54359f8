#include "photon/flaw.h"

#include <stdbool.h>
#include <string.h>

#include "tests/unit/unit.h"

enum { HANDSHAKE = 40 + 384 };

/* A device that reads as implementation A does: what it takes for frames of a stream that comes in
 * two segments. */
struct reader {
    struct flaw flaw;
    const uint8_t *data;
    size_t len, at;
    uint8_t got[1024];
    size_t got_len;
};

/* One read of so many bytes; returns what the device keeps. */
static size_t read_some(struct reader *r, size_t want, size_t segment_end)
{
    size_t there = segment_end - r->at;
    size_t got = there < want ? there : want;
    if (got == 0) {
        return 0;
    }
    size_t kept = flaw_keep(&r->flaw, r->data + r->at, got, want);
    assert_true(kept == got || kept == 0);
    memcpy(r->got + r->got_len, r->data + r->at, kept);
    r->got_len += kept;
    r->at += got;
    return kept;
}

/* Reads what is there of handshake and frames, as far as it goes. */
static void read_segment(struct reader *r, size_t segment_end)
{
    size_t progress = 1;
    while (r->at < segment_end && progress > 0) {
        size_t want = 0;
        if (r->got_len < HANDSHAKE) {
            want = HANDSHAKE - r->got_len;
        } else {
            /* Where the next frame of 16 bytes stands that is not whole yet. */
            size_t in_frame = (r->got_len - HANDSHAKE) % 18;
            want = in_frame < 2 ? 2 - in_frame : 18 - in_frame;
        }
        progress = read_some(r, want, segment_end);
    }
}

static void only_a_length_that_is_cut_in_two_loses_a_byte(void **state)
{
    (void)state;
    uint8_t stream[HANDSHAKE + 3 * 18];
    memset(stream, 0x55, sizeof stream);
    for (size_t frame = 0; frame < 3; frame++) {
        stream[HANDSHAKE + frame * 18] = 0;
        stream[HANDSHAKE + frame * 18 + 1] = 16;
    }
    for (size_t cut = 0; cut <= sizeof stream; cut++) {
        struct reader r = {.data = stream, .len = sizeof stream};
        bool in_length = cut > HANDSHAKE && (cut - HANDSHAKE) % 18 == 1;
        flaw_init(&r.flaw);
        read_segment(&r, cut);
        assert_int_equal(r.got_len, in_length ? cut - 1 : cut);
        if (!in_length) {
            read_segment(&r, sizeof stream);
            assert_int_equal(r.got_len, sizeof stream);
            assert_memory_equal(r.got, stream, sizeof stream);
        }
    }
}

static void every_handshake_byte_is_kept_however_it_is_read(void **state)
{
    (void)state;
    static const uint8_t byte[2];
    struct flaw flaw;
    flaw_init(&flaw);
    for (size_t i = 0; i < HANDSHAKE; i++) {
        assert_int_equal(flaw_keep(&flaw, byte, 1, 2), 1);
    }
    assert_int_equal(flaw_keep(&flaw, byte, 1, 2), 0);
    assert_int_equal(flaw_keep(&flaw, byte, 2, 2), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_length_that_is_cut_in_two_loses_a_byte),
        cmocka_unit_test(every_handshake_byte_is_kept_however_it_is_read),
    };
    return cmocka_run_group_tests_name("photon_flaw", tests, NULL, NULL);
}
