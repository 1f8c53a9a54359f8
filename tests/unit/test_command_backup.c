#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keys/fingerprint.h"
#include "server/cloud/rotation.h"
#include "tests/unit/opened.h"
#include "tests/unit/scratch.h"
#include "tests/unit/spoken.h"
#include "tests/unit/unit.h"

static int set_up(void **state)
{
    (void)opened_set_up(state);
    opened_put_key(&opened_keys[0]);
    assert_int_equal(opened_as_is(), 0);
    scratch_write("phrase", "correct horse\nnot this\n", 23);
    return 0;
}

static struct spoken back_up(void)
{
    return SPOKEN_RUN(command_backup, "--data", "data", "--out", "b", "--passphrase-file",
                      "phrase");
}

static struct spoken restore(void)
{
    return SPOKEN_RUN(command_restore, "--data", "back", "--in", "b", "--passphrase-file",
                      "phrase");
}

static bool is_there(const char *name)
{
    return access(scratch_path(name), F_OK) == 0;
}

static void add_device(unsigned number)
{
    const struct store_device device = {.id = {(uint8_t)number}};
    assert_int_equal(opened.store.device_add(opened.store.ctx, &device), 0);
}

static void open_back(struct folder *out_folder)
{
    const struct folder_options options = {
        .path = scratch_path("back"), .store_open = steps_store_open, .crypto = opened_crypto};
    assert_int_equal(folder_open(&options, out_folder, &opened_words), 0);
}

/* The folder is open here all the time, as it is while cyand runs. */
static void a_backup_of_an_open_folder_comes_back_with_its_keys_and_rows(void **state)
{
    (void)state;
    const struct rotation rotation = {.folder = &opened, .path = scratch_path("data")};
    struct folder folder = {0};
    struct stat info;
    uint64_t count = 0;
    size_t before = scratch_count("data");
    add_device(1);
    add_device(2);
    assert_int_equal(rotation_begin(&rotation, &opened_keys[1], &opened_words), 0);
    mode_t old = umask(0);
    struct spoken spoken = back_up();
    umask(old);
    assert_string_equal(spoken.err, "");
    assert_int_equal(spoken.code, 0);
    assert_non_null(strstr(spoken.out, "2 devices"));
    assert_int_equal(scratch_count("data"), before + 1); /* the previous key */
    assert_int_equal(stat(scratch_path("b"), &info), 0);
    assert_int_equal(info.st_mode & 07777U, 0600);
    add_device(3);
    assert_int_equal(restore().code, 0);
    open_back(&folder);
    assert_memory_equal(folder.key.spki, opened_keys[1].spki, sizeof folder.key.spki);
    assert_true(folder.has_prev);
    assert_memory_equal(folder.prev.spki, opened_keys[0].spki, sizeof folder.prev.spki);
    assert_int_equal(folder.store.device_count(folder.store.ctx, &count), 0);
    assert_int_equal(count, 2);
    folder_close(&folder);
}

static void a_backup_takes_the_place_of_an_older_one_only_when_it_is_whole(void **state)
{
    (void)state;
    size_t len = 0;
    scratch_write("b", "an older one", 12);
    const char *const words[] = {"--data", "data", "--out", "b", "--passphrase-file",
                                 "phrase", NULL};
    unsigned n = 0;
    struct spoken spoken;
    do {
        spoken = spoken_cut(&command_backup, words, n, n % 2 ? STEPS_FAIL : STEPS_KILL);
        uint8_t *data = scratch_read("b", &len);
        bool is_old = len == 12 && memcmp(data, "an older one", 12) == 0;
        free(data);
        if (!is_old) {
            assert_int_equal(restore().code, 0);
            assert_int_equal(SCRATCH_RUN("rm", "-rf", "back"), 0);
            scratch_write("b", "an older one", 12);
        }
        if (spoken.code == COMMAND_FAILED || spoken.code == COMMAND_FOLDER) {
            assert_non_null(strstr(spoken.err, "\n  try: "));
        }
        n++;
    } while (spoken.reached && n < 200);
    assert_int_equal(spoken.code, 0);
    assert_in_range(n, 6, 60);
}

static void what_a_killed_backup_left_behind_is_used_again_and_removed(void **state)
{
    (void)state;
    scratch_write("data/backup.db", "half a copy", 11);
    assert_int_equal(back_up().code, 0);
    assert_false(is_there("data/backup.db"));
    assert_int_equal(restore().code, 0);
}

static void a_second_backup_at_the_same_time_waits_for_nothing_and_breaks_nothing(void **state)
{
    (void)state;
    int fd = open(scratch_path("data/backup.db"), O_RDWR | O_CREAT, 0600);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    struct spoken spoken = back_up();
    spoken_assert_error(&spoken, COMMAND_FAILED, "another backup");
    assert_true(is_there("data/backup.db"));
    assert_false(is_there("b"));
    assert_int_equal(close(fd), 0);
    assert_int_equal(back_up().code, 0);
}

static void a_folder_whose_keys_are_not_its_own_is_not_backed_up(void **state)
{
    (void)state;
    opened_put_key(&opened_keys[1]);
    struct spoken spoken = back_up();
    spoken_assert_error(&spoken, COMMAND_FOLDER, "not those of its store");
    assert_int_equal(unlink(scratch_path("data/server.key")), 0);
    spoken = back_up();
    spoken_assert_error(&spoken, COMMAND_FOLDER, "server.key is missing");
    scratch_write("data/server.key", "no key", 6);
    spoken = back_up();
    spoken_assert_error(&spoken, COMMAND_FOLDER, "server.key cannot be used");
    opened_put_key(&opened_keys[0]);
    assert_int_equal(cyan_serverkey_save(&opened_keys[1], scratch_path("data/server-prev.key")), 0);
    spoken = back_up();
    spoken_assert_error(&spoken, COMMAND_FOLDER, "not those of its store");
    assert_false(is_there("b"));
    assert_false(is_there("data/backup.db"));
    assert_int_equal(unlink(scratch_path("data/server-prev.key")), 0);
    assert_int_equal(back_up().code, 0);
}

static void a_damaged_store_is_not_backed_up(void **state)
{
    (void)state;
    size_t len = 0;
    folder_close(&opened);
    uint8_t *bytes = scratch_read("data/cyan.db", &len);
    memset(bytes + 4096, 0xA5, 4096);
    scratch_write("data/cyan.db", bytes, len);
    free(bytes);
    struct spoken spoken = back_up();
    spoken_assert_error(&spoken, COMMAND_FOLDER, "cannot be copied");
    assert_false(is_there("b"));
}

static void a_passphrase_that_cannot_be_one_is_a_usage_error(void **state)
{
    (void)state;
    char longest[600];
    memset(longest, 'x', sizeof longest);
    static const char *const bad[] = {"", "\n", "1234567\n", "\xC3\xA4\xC3\xB6\xC3\xBC\xC3\x9F\n"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        scratch_write("phrase", bad[i], strlen(bad[i]));
        struct spoken spoken = back_up();
        spoken_assert_error(&spoken, COMMAND_USAGE, "8 characters at least");
    }
    scratch_write("phrase", longest, 512);
    struct spoken spoken = back_up();
    spoken_assert_error(&spoken, COMMAND_USAGE, "511 bytes at most");
    scratch_write("phrase", "with a \0 in it\n", 15);
    spoken = back_up();
    spoken_assert_error(&spoken, COMMAND_USAGE, "no NUL");
    assert_int_equal(unlink(scratch_path("phrase")), 0);
    spoken = back_up();
    spoken_assert_error(&spoken, COMMAND_FAILED, "No such file");
    spoken = SPOKEN_RUN(command_backup, "--data", "data", "--out", "b");
    spoken_assert_error(&spoken, COMMAND_USAGE, "no terminal");
    assert_false(is_there("b"));
    scratch_write("phrase", longest, 511);
    assert_int_equal(back_up().code, 0);
    scratch_write("phrase", "12345678", 8);
    assert_int_equal(back_up().code, 0);
}

static void words_that_it_does_not_know_are_usage_errors(void **state)
{
    (void)state;
    struct spoken spoken = SPOKEN_RUN(command_backup, "--data", "data");
    spoken_assert_error(&spoken, COMMAND_USAGE, "--out is missing");
    spoken = SPOKEN_RUN(command_backup, "--out");
    spoken_assert_error(&spoken, COMMAND_USAGE, "--out wants a value");
    spoken = SPOKEN_RUN(command_backup, "--out", "a", "--out", "b");
    spoken_assert_error(&spoken, COMMAND_USAGE, "--out stands twice");
    spoken = SPOKEN_RUN(command_backup, "--out", "a", "b");
    spoken_assert_error(&spoken, COMMAND_USAGE, "b is no option");
    spoken = SPOKEN_RUN(command_backup, "--data", "nowhere", "--out", "b");
    spoken_assert_error(&spoken, COMMAND_FOLDER, "nowhere is no data folder");
    spoken = SPOKEN_RUN(command_backup, "--out", "--help");
    assert_int_equal(spoken.code, 0);
    assert_non_null(strstr(spoken.out, "usage: cyand backup"));
}

static void a_place_that_cannot_be_written_is_told(void **state)
{
    (void)state;
    struct spoken spoken = SPOKEN_RUN(command_backup, "--data", "data", "--out", "nowhere/b",
                                      "--passphrase-file", "phrase");
    spoken_assert_error(&spoken, COMMAND_FAILED, "nowhere/b cannot be written: No such file");
    assert_false(is_there("data/backup.db"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, opened_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_backup_of_an_open_folder_comes_back_with_its_keys_and_rows),
        TEST(a_backup_takes_the_place_of_an_older_one_only_when_it_is_whole),
        TEST(what_a_killed_backup_left_behind_is_used_again_and_removed),
        TEST(a_second_backup_at_the_same_time_waits_for_nothing_and_breaks_nothing),
        TEST(a_folder_whose_keys_are_not_its_own_is_not_backed_up),
        TEST(a_damaged_store_is_not_backed_up),
        TEST(a_passphrase_that_cannot_be_one_is_a_usage_error),
        TEST(words_that_it_does_not_know_are_usage_errors),
        TEST(a_place_that_cannot_be_written_is_told),
    };
    return cmocka_run_group_tests(tests, opened_make_keys, opened_drop_keys);
}
