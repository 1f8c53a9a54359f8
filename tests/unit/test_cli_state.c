#include "cli/state.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/run_cli.h"
#include "tests/unit/scratch.h"
#include "tests/unit/support.h"
#include "tests/unit/unit.h"

static const char description[] = "{\"id\":\"" MADE_STATE_ID "\",\"firmware\":\"0.7.0\"}";

static int set_up(void **state)
{
    (void)state;
    scratch_init();
    make_state("ph");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    scratch_done();
    return 0;
}

static void its_id_is_read_in_small_letters(void **state)
{
    (void)state;
    struct state photon;
    struct fault fault;
    assert_int_equal(state_open(&photon, scratch_path("ph"), &fault), 0);
    assert_string_equal(photon.id, MADE_STATE_ID);
    state_close(&photon);
    state_close(&photon);
}

static void a_write_is_at_its_place_in_flash_and_the_old_bytes_in_a_back_up(void **state)
{
    (void)state;
    uint8_t key[CYAN_SETTING_SERVER_BLOB_LEN], back[sizeof key];
    struct state photon;
    struct fault fault;
    struct stat info;
    char backup[STATE_PATH_MAX];
    size_t len = 0;
    for (unsigned round = 0; round < 3; round++) {
        memset(key, (int)(0x11 * (round + 1)), sizeof key);
        assert_int_equal(state_open(&photon, scratch_path("ph"), &fault), 0);
        assert_int_equal(state_write(&photon, CYAN_SETTING_SERVER_KEY, key, sizeof key,
                                     STATE_SERVER_KEY, backup, &fault),
                         0);
        assert_int_equal(state_read(&photon, CYAN_SETTING_SERVER_KEY, back, sizeof back, &fault),
                         0);
        assert_memory_equal(back, key, sizeof key);
        state_close(&photon);

        const char *name = strrchr(backup, '/') + 1;
        assert_memory_equal(name, "backup-20", 9);
        assert_non_null(strstr(name, "-server-key"));
        char inside[SCRATCH_PATH_MAX] = "ph/";
        memcpy(inside + 3, name, strlen(name) + 1);
        uint8_t *old = scratch_read(inside, &len);
        assert_int_equal(len, sizeof key);
        assert_true(all_bytes_are(old, round == 0 ? 0xFF : (uint8_t)(0x11 * round), len));
        free(old);
        assert_int_equal(stat(scratch_path(inside), &info), 0);
        assert_int_equal(info.st_mode & 07777U, 0600);
    }
    assert_int_equal(scratch_count("ph"), 3 + 3);

    /* The third write is in sector 2 of the image. */
    uint8_t *flash = scratch_read("ph/flash.bin", &len);
    assert_int_equal(len, CYAN_FLASH_SIZE);
    assert_memory_equal(flash + CYAN_DCT_SECTOR_2 + 0x259E, key, sizeof key);
    free(flash);
}

static void a_write_that_changes_nothing_leaves_no_trace(void **state)
{
    (void)state;
    uint8_t same[612];
    struct state photon;
    struct fault fault;
    char backup[STATE_PATH_MAX] = "untouched";
    size_t before_len = 0, after_len = 0;
    memset(same, 0xFF, sizeof same);
    uint8_t *before = scratch_read("ph/flash.bin", &before_len);
    assert_int_equal(state_open(&photon, scratch_path("ph"), &fault), 0);
    assert_int_equal(state_write(&photon, CYAN_SETTING_DEVICE_KEY, same, sizeof same,
                                 STATE_DEVICE_KEY, backup, &fault),
                     0);
    state_close(&photon);
    uint8_t *after = scratch_read("ph/flash.bin", &after_len);
    assert_int_equal(before_len, after_len);
    assert_memory_equal(before, after, after_len);
    assert_string_equal(backup, "");
    assert_int_equal(scratch_count("ph"), 3);
    free(before);
    free(after);
}

static void without_a_back_up_nothing_is_changed(void **state)
{
    (void)state;
    uint8_t key[612] = {1};
    struct state photon;
    struct fault fault;
    struct rlimit before, tight;
    char backup[STATE_PATH_MAX] = "untouched";
    size_t old_len = 0, new_len = 0;
    uint8_t *old = scratch_read("ph/flash.bin", &old_len);
    assert_int_equal(state_open(&photon, scratch_path("ph"), &fault), 0);
    assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    tight = before;
    tight.rlim_cur = 100;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    int exit = state_write(&photon, CYAN_SETTING_DEVICE_KEY, key, sizeof key, STATE_DEVICE_KEY,
                           backup, &fault);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    state_close(&photon);
    assert_int_equal(exit, CLI_FAILED);
    assert_non_null(strstr(fault.message, "nothing was changed"));
    assert_string_equal(backup, "untouched");
    uint8_t *new = scratch_read("ph/flash.bin", &new_len);
    assert_int_equal(new_len, old_len);
    assert_memory_equal(new, old, old_len);
    free(old);
    free(new);
}

static void a_state_in_use_is_refused_and_one_left_behind_is_not(void **state)
{
    (void)state;
    struct state photon;
    struct fault fault;
    int fd = open(scratch_path("ph/lock"), O_RDWR | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
    assert_int_equal(state_open(&photon, scratch_path("ph"), &fault), CLI_REFUSED);
    assert_string_equal(fault.code, "STATE_IN_USE");
    assert_int_equal(close(fd), 0);
    assert_int_equal(state_open(&photon, scratch_path("ph"), &fault), 0);
    state_close(&photon);
}

static void a_folder_that_is_no_state_is_left_alone(void **state)
{
    (void)state;
    struct state photon;
    struct fault fault;
    assert_int_equal(mkdir(scratch_path("other"), 0700), 0);
    assert_int_equal(state_open(&photon, scratch_path("other"), &fault), CLI_NOT_FOUND);
    assert_int_equal(scratch_count("other"), 0);
    assert_int_equal(state_open(&photon, scratch_path("none"), &fault), CLI_NOT_FOUND);
    assert_non_null(strstr(fault.remedy, "--init"));
    assert_int_equal(unlink(scratch_path("ph/flash.bin")), 0);
    assert_int_equal(state_open(&photon, scratch_path("ph"), &fault), CLI_NOT_FOUND);
}

static void damaged_files_of_a_state_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *text, *code;
    } cases[] = {
        {"", "STATE_DAMAGED"},
        {"{}", "STATE_DAMAGED"},
        {"{\"id\":5}", "STATE_DAMAGED"},
        {"{\"id\":\"0123456789abcdef0123456\"}", "STATE_DAMAGED"},
        {"{\"id\":\"0123456789abcdef0123456g\"}", "STATE_DAMAGED"},
        {"{\"id\":\"0123456789abcdef01234567\",\"firmware\":\"cyan\"}", "UNSUPPORTED"},
    };
    struct state photon;
    struct fault fault;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        scratch_write("ph/photon.json", cases[i].text, strlen(cases[i].text));
        assert_int_equal(state_open(&photon, scratch_path("ph"), &fault), CLI_FAILED);
        assert_string_equal(fault.code, cases[i].code);
    }
    scratch_write("ph/photon.json", description, strlen(description));
    assert_int_equal(truncate(scratch_path("ph/flash.bin"), CYAN_FLASH_SIZE - 1), 0);
    assert_int_equal(state_open(&photon, scratch_path("ph"), &fault), CLI_FAILED);
    assert_string_equal(fault.code, "STATE_DAMAGED");
}

static void settings_of_which_no_copy_is_whole_are_told(void **state)
{
    (void)state;
    struct state photon;
    struct fault fault;
    uint8_t byte = 0;
    char backup[STATE_PATH_MAX];
    assert_int_equal(state_open(&photon, scratch_path("ph"), &fault), 0);
    assert_int_equal(photon.flash.erase(photon.flash.ctx, CYAN_DCT_SECTOR_1), 0);
    assert_int_equal(state_read(&photon, CYAN_SETTING_CLAIMED, &byte, 1, &fault), CLI_FAILED);
    assert_string_equal(fault.code, "STATE_DAMAGED");
    assert_int_equal(
        state_write(&photon, CYAN_SETTING_CLAIMED, "1", 1, STATE_ADDRESS, backup, &fault),
        CLI_FAILED);
    state_close(&photon);
    assert_int_equal(scratch_count("ph"), 3);
}

static void its_flash_clears_bits_only_and_ends_where_it_ends(void **state)
{
    (void)state;
    struct state photon;
    struct fault fault;
    uint8_t data[2];
    assert_int_equal(state_open(&photon, scratch_path("ph"), &fault), 0);
    const struct cyan_flash *flash = &photon.flash;
    uint32_t at = CYAN_FLASH_SIZE - 2;
    assert_int_equal(flash->program(flash->ctx, at, "\xF0\x0F", 2), 0);
    assert_int_equal(flash->program(flash->ctx, at, "\x3C\xFF", 2), 0);
    assert_int_equal(flash->read(flash->ctx, at, data, 2), 0);
    assert_memory_equal(data, "\x30\x0F", 2);
    assert_int_equal(flash->read(flash->ctx, at + 1, data, 2), CYAN_E_INVALID);
    assert_int_equal(flash->program(flash->ctx, at + 2, "\0\0", 2), CYAN_E_INVALID);
    assert_int_equal(flash->program(flash->ctx, UINT32_MAX, "\0\0", 2), CYAN_E_INVALID);
    assert_int_equal(flash->erase(flash->ctx, CYAN_FLASH_SIZE - CYAN_DCT_SECTOR_SIZE + 2),
                     CYAN_E_INVALID);
    assert_int_equal(flash->erase(flash->ctx, CYAN_FLASH_SIZE - CYAN_DCT_SECTOR_SIZE), 0);
    assert_int_equal(flash->read(flash->ctx, at, data, 2), 0);
    assert_memory_equal(data, "\xFF\xFF", 2);
    state_close(&photon);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(its_id_is_read_in_small_letters),
        TEST(a_write_is_at_its_place_in_flash_and_the_old_bytes_in_a_back_up),
        TEST(a_write_that_changes_nothing_leaves_no_trace),
        TEST(without_a_back_up_nothing_is_changed),
        TEST(a_state_in_use_is_refused_and_one_left_behind_is_not),
        TEST(a_folder_that_is_no_state_is_left_alone),
        TEST(damaged_files_of_a_state_are_told),
        TEST(settings_of_which_no_copy_is_whole_are_told),
        TEST(its_flash_clears_bits_only_and_ends_where_it_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
