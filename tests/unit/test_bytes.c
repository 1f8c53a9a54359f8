#include "base/bytes.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/support.h"
#include "tests/unit/unit.h"

static void reader_gives_fields_big_endian_and_ends_exactly(void **state)
{
    (void)state;
    static const uint8_t data[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09};
    struct cyan_reader r;
    cyan_reader_init(&r, data, sizeof data);
    assert_int_equal(cyan_read_u8(&r), 0x01);
    assert_int_equal(cyan_read_u16(&r), 0x0203);
    assert_int_equal(cyan_read_u32(&r), 0x04050607);
    assert_int_equal(cyan_reader_left(&r), 2);
    assert_ptr_equal(cyan_read_bytes(&r, 2), data + 7);
    assert_int_equal(cyan_reader_left(&r), 0);
    assert_non_null(cyan_read_bytes(&r, 0));
    assert_false(r.failed);
}

/* Reads one field of len bytes from have bytes. */
static uint32_t read_field(struct cyan_reader *r, size_t len)
{
    switch (len) {
    case 1:
        return cyan_read_u8(r);
    case 2:
        return cyan_read_u16(r);
    default:
        return cyan_read_u32(r);
    }
}

static void reader_fails_for_every_length_that_is_too_short_and_stays_failed(void **state)
{
    (void)state;
    static const uint8_t data[] = {0xAA, 0xBB, 0xCC, 0xDD, 0xEE};
    static const size_t widths[] = {1, 2, 4};
    for (size_t i = 0; i < COUNT_OF(widths); i++) {
        for (size_t have = 0; have <= sizeof data; have++) {
            uint8_t *exact = copy_of(data, have);
            struct cyan_reader r;
            cyan_reader_init(&r, exact, have);
            uint32_t value = read_field(&r, widths[i]);
            assert_int_equal(r.failed, have < widths[i]);
            if (r.failed) {
                assert_int_equal(value, 0);
                assert_int_equal(cyan_reader_left(&r), 0);
                assert_int_equal(cyan_read_u8(&r), 0);
                assert_null(cyan_read_bytes(&r, 0));
            }
            free(exact);
        }
    }
}

static void reader_refuses_lengths_near_the_end_of_memory(void **state)
{
    (void)state;
    static const uint8_t data[4] = {0};
    static const size_t lens[] = {5, SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - 3, SIZE_MAX / 2};
    for (size_t i = 0; i < COUNT_OF(lens); i++) {
        struct cyan_reader r;
        cyan_reader_init(&r, data, sizeof data);
        (void)cyan_read_u8(&r);
        assert_null(cyan_read_bytes(&r, lens[i]));
        assert_true(r.failed);
    }
}

/* Writes every kind of field; 1 + 2 + 4 + 3 + 2 = 12 bytes. */
static void write_all(struct cyan_writer *w)
{
    cyan_write_u8(w, 0x01);
    cyan_write_u16(w, 0x0203);
    cyan_write_u32(w, 0x04050607);
    cyan_write_bytes(w, "\x08\x09\x0A", 3);
    cyan_write_fill(w, 0xFF, 2);
}

static void writer_stops_at_its_capacity_whatever_that_is(void **state)
{
    (void)state;
    enum { TOTAL = 12 };
    static const uint8_t expected[TOTAL] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0xFF, 0xFF};
    for (size_t cap = 0; cap <= TOTAL + 1; cap++) {
        uint8_t *exact = malloc(cap ? cap : 1);
        assert_non_null(exact);
        struct cyan_writer w;
        cyan_writer_init(&w, exact, cap);
        write_all(&w);
        assert_int_equal(w.failed, cap < TOTAL);
        assert_true(w.len <= cap);
        assert_memory_equal(exact, expected, w.len);
        if (w.failed) {
            size_t len = w.len;
            cyan_write_bytes(&w, NULL, 0);
            cyan_write_u8(&w, 1);
            assert_int_equal(w.len, len);
        }
        free(exact);
    }
}

static void writer_refuses_lengths_near_the_end_of_memory(void **state)
{
    (void)state;
    uint8_t data[4];
    static const size_t lens[] = {4, SIZE_MAX, SIZE_MAX - 1, SIZE_MAX / 2};
    for (size_t i = 0; i < COUNT_OF(lens); i++) {
        struct cyan_writer w;
        cyan_writer_init(&w, data, sizeof data);
        cyan_write_u8(&w, 7);
        cyan_write_fill(&w, 0, lens[i]);
        assert_true(w.failed);
        assert_int_equal(w.len, 1);
    }
}

static void fields_of_both_orders_come_back_for_every_bit(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 32; bit++) {
        uint32_t value = UINT32_C(1) << bit;
        uint8_t be[4], le[4];
        cyan_put_be32(be, value);
        cyan_put_le32(le, value);
        for (size_t i = 0; i < 4; i++) {
            assert_int_equal(be[i], le[3 - i]);
            assert_int_equal(le[i], (value >> (8 * i)) & 0xFF);
        }
        assert_int_equal(cyan_get_be32(be), value);
        assert_int_equal(cyan_get_le32(le), value);
        if (bit < 16) {
            cyan_put_be16(be, (uint16_t)value);
            cyan_put_le16(le, (uint16_t)value);
            assert_int_equal(be[0], value >> 8);
            assert_int_equal(le[0], value & 0xFF);
            assert_int_equal(cyan_get_be16(be), value);
            assert_int_equal(cyan_get_le16(le), value);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reader_gives_fields_big_endian_and_ends_exactly),
        cmocka_unit_test(reader_fails_for_every_length_that_is_too_short_and_stays_failed),
        cmocka_unit_test(reader_refuses_lengths_near_the_end_of_memory),
        cmocka_unit_test(writer_stops_at_its_capacity_whatever_that_is),
        cmocka_unit_test(writer_refuses_lengths_near_the_end_of_memory),
        cmocka_unit_test(fields_of_both_orders_come_back_for_every_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
