#include "photon/flash.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "photon/fault.h"
#include "tests/unit/scratch.h"
#include "tests/unit/support.h"
#include "tests/unit/unit.h"

static struct flash flash;

static int set_up(void **state)
{
    (void)state;
    scratch_init();
    assert_int_equal(flash_create(scratch_path("flash.bin")), 0);
    assert_int_equal(flash_open(&flash, scratch_path("flash.bin")), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    flash_close(&flash);
    scratch_done();
    return 0;
}

static int read_at(uint32_t offset, void *out, size_t len)
{
    return flash.face.read(flash.face.ctx, offset, out, len);
}

static int program(uint32_t offset, const void *data, size_t len)
{
    return flash.face.program(flash.face.ctx, offset, data, len);
}

static int erase(uint32_t offset)
{
    return flash.face.erase(flash.face.ctx, offset);
}

static void a_new_image_is_1_mib_of_ff_that_only_its_owner_can_read(void **state)
{
    (void)state;
    struct stat st;
    size_t len = 0;
    uint8_t *image = scratch_read("flash.bin", &len);
    assert_int_equal(len, 1048576);
    assert_true(all_bytes_are(image, 0xFF, len));
    free(image);
    assert_int_equal(stat(scratch_path("flash.bin"), &st), 0);
    assert_int_equal(st.st_mode & 07777U, 0600);
    assert_int_equal(flash_create(scratch_path("flash.bin")), CYAN_E_EXISTS);
}

static void a_file_of_another_size_is_not_taken_for_flash(void **state)
{
    (void)state;
    struct flash other;
    static const off_t sizes[] = {0, 1, CYAN_FLASH_SIZE - 1, CYAN_FLASH_SIZE + 1};
    scratch_write("odd.bin", "", 0);
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        assert_int_equal(truncate(scratch_path("odd.bin"), sizes[i]), 0);
        assert_int_equal(flash_open(&other, scratch_path("odd.bin")), CYAN_E_CORRUPT);
    }
    assert_int_equal(flash_open(&other, scratch_path("none.bin")), CYAN_E_NOT_FOUND);
}

static void programming_clears_bits_and_never_sets_one(void **state)
{
    (void)state;
    for (unsigned before = 0; before < 256; before++) {
        uint8_t old[2] = {(uint8_t)before, 0xFF};
        assert_int_equal(flash_damage(&flash, 0x4000, old, sizeof old), 0);
        for (unsigned bits = 0; bits < 256; bits += 5) {
            uint8_t data[2] = {(uint8_t)bits, 0xFF}, found[2];
            assert_int_equal(program(0x4000, data, sizeof data), 0);
            old[0] &= data[0];
            assert_int_equal(read_at(0x4000, found, sizeof found), 0);
            assert_memory_equal(found, old, sizeof found);
        }
    }
}

static void erasing_sets_one_sector_and_nothing_beside_it(void **state)
{
    (void)state;
    static uint8_t zeros[0x10000], found[0x10000];
    assert_int_equal(program(0, zeros, sizeof zeros), 0);
    assert_int_equal(erase(CYAN_DCT_SECTOR_2), 0);
    assert_int_equal(read_at(0, found, sizeof found), 0);
    assert_true(all_bytes_are(found, 0, CYAN_DCT_SECTOR_2));
    assert_true(all_bytes_are(found + CYAN_DCT_SECTOR_2, 0xFF, CYAN_DCT_SECTOR_SIZE));
    assert_true(all_bytes_are(found + 0xC000, 0, 0x4000));
}

static void what_is_odd_or_outside_is_refused_and_counts_nothing(void **state)
{
    (void)state;
    uint8_t data[4] = {0};
    assert_int_equal(program(1, data, 2), CYAN_E_INVALID);
    assert_int_equal(program(2, data, 3), CYAN_E_INVALID);
    assert_int_equal(program(CYAN_FLASH_SIZE, data, 2), CYAN_E_INVALID);
    assert_int_equal(program(CYAN_FLASH_SIZE - 2, data, 4), CYAN_E_INVALID);
    assert_int_equal(program(UINT32_MAX - 1, data, 4), CYAN_E_INVALID);
    assert_int_equal(read_at(CYAN_FLASH_SIZE - 1, data, 2), CYAN_E_INVALID);
    assert_int_equal(read_at(UINT32_MAX, data, 1), CYAN_E_INVALID);
    assert_int_equal(erase(0x4002), CYAN_E_INVALID);
    assert_int_equal(erase(CYAN_FLASH_SIZE), CYAN_E_INVALID);
    assert_int_equal(flash.ops, 0);
}

static void power_lasts_for_exactly_the_allowed_half_words(void **state)
{
    (void)state;
    enum { HALF_WORDS = 3000 }; /* more than one piece of the file */
    static uint8_t zeros[2 * HALF_WORDS], found[2 * HALF_WORDS];
    for (size_t allowed = 0; allowed <= HALF_WORDS; allowed += allowed < 20 ? 1 : 331) {
        flash.limited = false;
        flash.power_lost = false;
        assert_int_equal(erase(0x8000), 0);
        flash.ops = 0;
        flash_cut_after(&flash, allowed);
        assert_int_equal(program(0x8000, zeros, sizeof zeros),
                         allowed < HALF_WORDS ? CYAN_E_OFFLINE : 0);
        assert_int_equal(flash.ops, allowed);
        assert_int_equal(flash.power_lost, allowed < HALF_WORDS);
        assert_int_equal(read_at(0x8000, found, sizeof found), 0);
        assert_true(all_bytes_are(found, 0, 2 * allowed));
        assert_true(all_bytes_are(found + 2 * allowed, 0xFF, sizeof found - 2 * allowed));
    }
}

static void an_erase_is_one_operation_and_nothing_happens_without_power(void **state)
{
    (void)state;
    uint8_t zeros[2] = {0}, found[2];
    flash_cut_after(&flash, 2);
    assert_int_equal(erase(0x4000), 0);
    assert_int_equal(program(0x4000, zeros, 2), 0);
    assert_false(flash.power_lost);
    assert_int_equal(erase(0x4000), CYAN_E_OFFLINE);
    assert_true(flash.power_lost);
    assert_int_equal(program(0x8000, zeros, 2), CYAN_E_OFFLINE);
    assert_int_equal(read_at(0x4000, found, 2), 0);
    assert_memory_equal(found, zeros, 2);
    assert_int_equal(flash.ops, 2);
}

static void faults_are_read_strictly(void **state)
{
    (void)state;
    struct fault fault;
    static const struct {
        const char *text;
        int err;
    } cases[] = {
        {"device-key", 0},
        {"device-key:erase", 0},
        {"device-key:0", 0},
        {"device-key:611", 0},
        {"device-key:612", CYAN_E_INVALID},
        {"server-key:293", 0},
        {"server-key:294", CYAN_E_INVALID},
        {"address:127", 0},
        {"address:128", CYAN_E_INVALID},
        {"address:", CYAN_E_INVALID},
        {"address:-1", CYAN_E_INVALID},
        {"address:+1", CYAN_E_INVALID},
        {"address: 1", CYAN_E_INVALID},
        {"address:1 ", CYAN_E_INVALID},
        {"address:0x1", CYAN_E_INVALID},
        {"address:99999999999999999999", CYAN_E_INVALID},
        {"address:4294967297", CYAN_E_INVALID},
        {"address:erased", CYAN_E_INVALID},
        {"address:erase:1", CYAN_E_INVALID},
        {"", CYAN_E_NOT_FOUND},
        {":1", CYAN_E_NOT_FOUND},
        {"device-ke", CYAN_E_NOT_FOUND},
        {"device-keys", CYAN_E_NOT_FOUND},
        {"claim-code", CYAN_E_NOT_FOUND},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(fault_parse(cases[i].text, &fault), cases[i].err);
    }
    assert_int_equal(fault_parse("server-key", &fault), 0);
    assert_true(fault.erase);
    assert_int_equal(fault_parse("server-key:288", &fault), 0);
    assert_false(fault.erase);
    assert_int_equal(fault.offset, 288);
}

/* The whole application section before and after: one bit, or one field, and nothing else. */
static void a_fault_hits_its_field_in_the_current_copy_alone(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t from, len;
    } cases[] = {{"device-key:7", 34 + 7, 1},     {"server-key:288", 2082 + 288, 1},
                 {"address:66", 2466 + 66, 1},    {"device-key", 34, 612},
                 {"server-key:erase", 2082, 294}, {"address", 2466, 128}};
    static uint8_t before[CYAN_DCT_APP_LEN], after[CYAN_DCT_APP_LEN];
    assert_int_equal(cyan_settings_format(&flash.face), 0);
    memset(before, 0x33, sizeof before);
    assert_int_equal(cyan_settings_write(&flash.face, 0, before, sizeof before), 0);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fault fault;
        uint64_t ops = flash.ops;
        assert_int_equal(cyan_settings_read(&flash.face, 0, before, sizeof before), 0);
        assert_int_equal(fault_parse(cases[i].text, &fault), 0);
        assert_int_equal(fault_apply(&fault, &flash), 0);
        assert_int_equal(flash.ops, ops);
        if (cases[i].len == 1) {
            before[cases[i].from] ^= 1;
        } else {
            memset(before + cases[i].from, 0xFF, cases[i].len);
        }
        assert_int_equal(cyan_settings_read(&flash.face, 0, after, sizeof after), 0);
        assert_memory_equal(after, before, sizeof after);
    }
}

static void without_settings_there_is_nothing_to_damage(void **state)
{
    (void)state;
    struct fault fault;
    assert_int_equal(fault_parse("address", &fault), 0);
    assert_int_equal(fault_apply(&fault, &flash), CYAN_E_BLANK);
}

int main(void)
{
#define WITH_FLASH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_FLASH(a_new_image_is_1_mib_of_ff_that_only_its_owner_can_read),
        WITH_FLASH(a_file_of_another_size_is_not_taken_for_flash),
        WITH_FLASH(programming_clears_bits_and_never_sets_one),
        WITH_FLASH(erasing_sets_one_sector_and_nothing_beside_it),
        WITH_FLASH(what_is_odd_or_outside_is_refused_and_counts_nothing),
        WITH_FLASH(power_lasts_for_exactly_the_allowed_half_words),
        WITH_FLASH(an_erase_is_one_operation_and_nothing_happens_without_power),
        WITH_FLASH(faults_are_read_strictly),
        WITH_FLASH(a_fault_hits_its_field_in_the_current_copy_alone),
        WITH_FLASH(without_settings_there_is_nothing_to_damage),
    };
    return cmocka_run_group_tests_name("photon_flash", tests, NULL, NULL);
}
