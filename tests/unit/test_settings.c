#include "wire/settings.h"

#include <string.h>

#include "base/bytes.h"
#include "tests/unit/unit.h"

/* Flash in memory that loses power after a number of half-words programmed or sectors erased. */
enum { MEMORY = CYAN_DCT_SECTOR_2 + CYAN_DCT_SECTOR_SIZE, ENOUGH = 1000000 };

struct memory {
    uint8_t bytes[MEMORY];
    unsigned ops_left;
    unsigned ops;
};

static int read_memory(void *ctx, uint32_t offset, void *out, size_t len)
{
    const struct memory *m = ctx;
    assert_true(offset <= MEMORY && len <= MEMORY - offset);
    memcpy(out, m->bytes + offset, len);
    return 0;
}

static bool spend(struct memory *m)
{
    if (m->ops_left == 0) {
        return false;
    }
    m->ops_left--;
    m->ops++;
    return true;
}

static int program_memory(void *ctx, uint32_t offset, const void *data, size_t len)
{
    struct memory *m = ctx;
    const uint8_t *bytes = data;
    assert_true(offset <= MEMORY && len <= MEMORY - offset);
    assert_int_equal(offset % 2, 0);
    assert_int_equal(len % 2, 0);
    for (size_t i = 0; i < len; i += 2) {
        if (!spend(m)) {
            return CYAN_E_OFFLINE;
        }
        /* Real flash cannot set a bit; whoever tries has made a mistake. */
        assert_int_equal(bytes[i] & ~m->bytes[offset + i], 0);
        assert_int_equal(bytes[i + 1] & ~m->bytes[offset + i + 1], 0);
        m->bytes[offset + i] &= bytes[i];
        m->bytes[offset + i + 1] &= bytes[i + 1];
    }
    return 0;
}

static int erase_memory(void *ctx, uint32_t offset)
{
    struct memory *m = ctx;
    assert_true(offset == CYAN_DCT_SECTOR_1 || offset == CYAN_DCT_SECTOR_2);
    if (!spend(m)) {
        return CYAN_E_OFFLINE;
    }
    memset(m->bytes + offset, 0xFF, CYAN_DCT_SECTOR_SIZE);
    return 0;
}

static struct memory memory;
static const struct cyan_flash flash = {&memory, read_memory, program_memory, erase_memory};

static int set_up(void **state)
{
    (void)state;
    memset(memory.bytes, 0x5A, sizeof memory.bytes);
    memory.ops_left = ENOUGH;
    assert_int_equal(cyan_settings_format(&flash), 0);
    memory.ops = 0;
    return 0;
}

static uint32_t current(void)
{
    uint32_t sector = 0;
    assert_int_equal(cyan_settings_find(&flash, &sector), 0);
    return sector;
}

static void the_first_copy_is_blank_and_in_sector_1_with_the_known_header(void **state)
{
    (void)state;
    uint8_t section[CYAN_DCT_APP_LEN];
    const uint8_t *header = memory.bytes + CYAN_DCT_SECTOR_1;
    assert_int_equal(current(), CYAN_DCT_SECTOR_1);
    assert_int_equal(cyan_settings_read(&flash, 0, section, sizeof section), 0);
    for (size_t i = 0; i < sizeof section; i++) {
        assert_int_equal(section[i], 0xFF);
    }
    assert_int_equal(cyan_get_le32(header), CYAN_DCT_SECTOR_SIZE);
    assert_int_equal(cyan_get_le32(header + 4), 7548 + 8391);
    assert_memory_equal(header + 8, "\x00\x01\x01\x00\x42\x52\x43\x4d", 8);
}

static void a_value_is_found_at_its_offset_in_the_new_sector(void **state)
{
    (void)state;
    uint8_t key[612];
    memset(key, 0x30, sizeof key);
    assert_int_equal(cyan_settings_write(&flash, CYAN_SETTING_DEVICE_KEY, key, sizeof key), 0);
    assert_int_equal(current(), CYAN_DCT_SECTOR_2);
    assert_memory_equal(memory.bytes + CYAN_DCT_SECTOR_2 + 0x1D9E, key, sizeof key);
    assert_int_equal(memory.bytes[CYAN_DCT_SECTOR_2 + 0x1D9E - 1], 0xFF);
    assert_int_equal(memory.bytes[CYAN_DCT_SECTOR_2 + 0x1D9E + sizeof key], 0xFF);
}

static void writes_alternate_between_the_sectors_and_keep_all_other_bytes(void **state)
{
    (void)state;
    static uint8_t expected[CYAN_DCT_APP_LEN], found[CYAN_DCT_APP_LEN];
    memset(expected, 0xFF, sizeof expected);
    /* Lengths and places around the pieces that a sector is copied in. */
    for (uint32_t i = 0; i < 60; i++) {
        uint32_t at = i * 131 % (CYAN_DCT_APP_LEN - 400);
        size_t len = 1 + i * 7 % 400;
        uint32_t before = current();
        for (size_t k = 0; k < len; k++) {
            expected[at + k] = (uint8_t)(expected[at + k] + 1 + i + k);
        }
        assert_int_equal(cyan_settings_write(&flash, at, expected + at, len), 0);
        assert_int_not_equal(current(), before);
        assert_int_equal(cyan_settings_read(&flash, 0, found, sizeof found), 0);
        assert_memory_equal(found, expected, sizeof found);
    }
}

static void bytes_outside_the_section_are_copied_too(void **state)
{
    (void)state;
    uint8_t vendor = 0x17;
    memory.bytes[CYAN_DCT_SECTOR_1 + 100] = vendor;
    memory.bytes[CYAN_DCT_SECTOR_1 + CYAN_DCT_SECTOR_SIZE - 1] = vendor;
    assert_int_equal(cyan_settings_write(&flash, CYAN_SETTING_CLAIMED, "1", 1), 0);
    assert_int_equal(memory.bytes[CYAN_DCT_SECTOR_2 + 100], vendor);
    assert_int_equal(memory.bytes[CYAN_DCT_SECTOR_2 + CYAN_DCT_SECTOR_SIZE - 1], vendor);
}

static void a_write_that_changes_nothing_touches_no_flash(void **state)
{
    (void)state;
    uint8_t key[612];
    memset(key, 0x30, sizeof key);
    assert_int_equal(cyan_settings_write(&flash, CYAN_SETTING_DEVICE_KEY, key, sizeof key), 0);
    assert_true(memory.ops > 0);
    memory.ops = 0;
    assert_int_equal(cyan_settings_write(&flash, CYAN_SETTING_DEVICE_KEY, key, sizeof key), 0);
    assert_int_equal(cyan_settings_write(&flash, CYAN_SETTING_DEVICE_KEY + 5, key, 1), 0);
    assert_int_equal(cyan_settings_write(&flash, 0, key, 0), 0);
    assert_int_equal(memory.ops, 0);
}

static void places_outside_the_section_are_refused(void **state)
{
    (void)state;
    uint8_t byte = 0;
    const struct {
        uint32_t at;
        size_t len;
    } bad[] = {{CYAN_DCT_APP_LEN, 1}, {CYAN_DCT_APP_LEN - 1, 2}, {0, CYAN_DCT_APP_LEN + 1},
               {UINT32_MAX, 1},       {UINT32_MAX, 0},           {1, SIZE_MAX}};
    memory.ops = 0;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_int_equal(cyan_settings_read(&flash, bad[i].at, &byte, bad[i].len), CYAN_E_INVALID);
        assert_int_equal(cyan_settings_write(&flash, bad[i].at, &byte, bad[i].len), CYAN_E_INVALID);
    }
    assert_int_equal(memory.ops, 0);
    assert_int_equal(cyan_settings_read(&flash, CYAN_DCT_APP_LEN - 1, &byte, 1), 0);
}

static void a_header_with_any_wrong_mark_does_not_count(void **state)
{
    (void)state;
    uint8_t byte;
    uint32_t sector = 7;
    const uint32_t marks[] = {
        CYAN_DCT_AT_WRITE_INCOMPLETE, CYAN_DCT_AT_IS_CURRENT, CYAN_DCT_AT_MAGIC,
        CYAN_DCT_AT_MAGIC + 1,        CYAN_DCT_AT_MAGIC + 2,  CYAN_DCT_AT_MAGIC + 3};
    for (size_t i = 0; i < COUNT_OF(marks); i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            memory.bytes[CYAN_DCT_SECTOR_1 + marks[i]] ^= (uint8_t)(1U << bit);
            assert_int_equal(cyan_settings_find(&flash, &sector), CYAN_E_BLANK);
            assert_int_equal(cyan_settings_read(&flash, 0, &byte, 1), CYAN_E_BLANK);
            assert_int_equal(cyan_settings_write(&flash, 0, "x", 1), CYAN_E_BLANK);
            assert_int_equal(sector, 7);
            memory.bytes[CYAN_DCT_SECTOR_1 + marks[i]] ^= (uint8_t)(1U << bit);
        }
    }
    assert_int_equal(current(), CYAN_DCT_SECTOR_1);
}

static void expect_old_or_new(const uint8_t *old, const uint8_t *new, bool *out_is_new)
{
    static uint8_t found[CYAN_DCT_APP_LEN];
    assert_int_equal(cyan_settings_read(&flash, 0, found, sizeof found), 0);
    *out_is_new = memcmp(found, new, sizeof found) == 0;
    assert_true(*out_is_new || memcmp(found, old, sizeof found) == 0);
}

/* From either sector to the other, and then the write is done again with power. */
static void sweep_cuts(void)
{
    static struct memory start;
    static uint8_t old[CYAN_DCT_APP_LEN], new[CYAN_DCT_APP_LEN], key[612];
    bool is_new = false;
    assert_int_equal(cyan_settings_read(&flash, 0, old, sizeof old), 0);
    memset(key, 0x21, sizeof key);
    memcpy(new, old, sizeof new);
    memcpy(new + CYAN_SETTING_DEVICE_KEY, key, sizeof key);
    start = memory;
    unsigned cut = 0;
    int err = CYAN_E_OFFLINE;
    for (; err < 0; cut++) {
        memory = start;
        memory.ops_left = cut;
        err = cyan_settings_write(&flash, CYAN_SETTING_DEVICE_KEY, key, sizeof key);
        assert_true(err == 0 || err == CYAN_E_OFFLINE);
        memory.ops_left = ENOUGH;
        expect_old_or_new(old, new, &is_new);
        assert_int_equal(cyan_settings_write(&flash, CYAN_SETTING_DEVICE_KEY, key, sizeof key), 0);
        bool repeated = false;
        expect_old_or_new(old, new, &repeated);
        assert_true(repeated);
    }
    assert_true(is_new);
    /* One erase, every half-word of a sector, and the old copy's mark. */
    assert_int_equal(cut - 1, 1 + CYAN_DCT_SECTOR_SIZE / 2 + 1);
}

static void power_cut_after_any_operation_leaves_a_whole_old_or_new_copy(void **state)
{
    (void)state;
    sweep_cuts();
    set_up(NULL);
    assert_int_equal(cyan_settings_write(&flash, 0, "other sector", 12), 0);
    assert_int_equal(current(), CYAN_DCT_SECTOR_2);
    sweep_cuts();
}

static int no_flash(void *ctx, uint32_t offset, void *out, size_t len)
{
    (void)ctx, (void)offset, (void)out, (void)len;
    return CYAN_E_IO;
}

static void errors_of_the_flash_come_through(void **state)
{
    (void)state;
    uint8_t byte;
    uint32_t sector;
    const struct cyan_flash broken = {&memory, no_flash, program_memory, erase_memory};
    assert_int_equal(cyan_settings_find(&broken, &sector), CYAN_E_IO);
    assert_int_equal(cyan_settings_read(&broken, 0, &byte, 1), CYAN_E_IO);
    assert_int_equal(cyan_settings_write(&broken, 0, "x", 1), CYAN_E_IO);
    memory.ops_left = 0;
    assert_int_equal(cyan_settings_format(&flash), CYAN_E_OFFLINE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_first_copy_is_blank_and_in_sector_1_with_the_known_header,
                               set_up),
        cmocka_unit_test_setup(a_value_is_found_at_its_offset_in_the_new_sector, set_up),
        cmocka_unit_test_setup(writes_alternate_between_the_sectors_and_keep_all_other_bytes,
                               set_up),
        cmocka_unit_test_setup(bytes_outside_the_section_are_copied_too, set_up),
        cmocka_unit_test_setup(a_write_that_changes_nothing_touches_no_flash, set_up),
        cmocka_unit_test_setup(places_outside_the_section_are_refused, set_up),
        cmocka_unit_test_setup(a_header_with_any_wrong_mark_does_not_count, set_up),
        cmocka_unit_test_setup(power_cut_after_any_operation_leaves_a_whole_old_or_new_copy,
                               set_up),
        cmocka_unit_test_setup(errors_of_the_flash_come_through, set_up),
    };
    return cmocka_run_group_tests_name("settings", tests, NULL, NULL);
}
