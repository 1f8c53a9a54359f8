#include "wire/frame.h"

#include <limits.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "tests/unit/support.h"
#include "tests/unit/unit.h"
#include "tests/unit/vectors.h"

static int next_of_header(uint16_t body, size_t max)
{
    uint8_t header[CYAN_FRAME_HEADER];
    cyan_put_be16(header, body);
    return cyan_frame_next(header, sizeof header, max);
}

static void each_of_the_65536_lengths_is_judged_from_its_header_alone(void **state)
{
    (void)state;
    static const size_t limits[] = {CYAN_FRAME_MAX_TO_DEVICE, CYAN_FRAME_MAX_FROM_DEVICE,
                                    UINT16_MAX};
    for (size_t i = 0; i < COUNT_OF(limits); i++) {
        for (uint32_t body = 0; body <= UINT16_MAX; body++) {
            int expected = body == 0 || body % 16 != 0 ? CYAN_E_MALFORMED
                           : body > limits[i]          ? CYAN_E_TOO_LONG
                                                       : CYAN_E_AGAIN;
            assert_int_equal(next_of_header((uint16_t)body, limits[i]), expected);
        }
    }
}

static void a_frame_is_whole_with_its_last_byte_and_not_before(void **state)
{
    (void)state;
    for (size_t body = 16; body <= CYAN_FRAME_MAX_FROM_DEVICE; body += 16) {
        for (size_t len = 0; len <= body + CYAN_FRAME_HEADER + 1; len++) {
            /* Exactly len bytes, so that a read behind them is seen. */
            uint8_t *data = calloc(1, len ? len : 1);
            assert_non_null(data);
            uint8_t header[CYAN_FRAME_HEADER];
            cyan_put_be16(header, (uint16_t)body);
            for (size_t i = 0; i < len && i < sizeof header; i++) {
                data[i] = header[i];
            }
            int found = cyan_frame_next(data, len, CYAN_FRAME_MAX_FROM_DEVICE);
            assert_int_equal(found, len < body + CYAN_FRAME_HEADER ? CYAN_E_AGAIN : (int)body);
            free(data);
        }
    }
}

static void the_frames_of_a_stream_are_cut_one_after_the_other(void **state)
{
    (void)state;
    struct vectors *v = vectors_open("spec-session.txt");
    const struct vector *first = vectors_get(v, "device_frame_1");
    const struct vector *second = vectors_get(v, "device_frame_2");
    uint8_t stream[256];
    struct cyan_writer w;
    cyan_writer_init(&w, stream, sizeof stream);
    cyan_write_bytes(&w, first->data, first->len);
    cyan_write_bytes(&w, second->data, second->len);
    int one = cyan_frame_next(stream, w.len, CYAN_FRAME_MAX_FROM_DEVICE);
    assert_int_equal(one, first->len - CYAN_FRAME_HEADER);
    size_t at = first->len;
    int two = cyan_frame_next(stream + at, w.len - at, CYAN_FRAME_MAX_FROM_DEVICE);
    assert_int_equal(two, second->len - CYAN_FRAME_HEADER);
    at += second->len;
    assert_int_equal(cyan_frame_next(stream + at, w.len - at, CYAN_FRAME_MAX_FROM_DEVICE),
                     CYAN_E_AGAIN);
    vectors_close(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_of_the_65536_lengths_is_judged_from_its_header_alone),
        cmocka_unit_test(a_frame_is_whole_with_its_last_byte_and_not_before),
        cmocka_unit_test(the_frames_of_a_stream_are_cut_one_after_the_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
