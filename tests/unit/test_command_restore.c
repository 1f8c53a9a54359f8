#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/cloud/rotation.h"
#include "server/commands/bundle.h"
#include "tests/unit/opened.h"
#include "tests/unit/scratch.h"
#include "tests/unit/spoken.h"
#include "tests/unit/unit.h"

enum { CHEAP = 4 };

static const char *const words[] = {"--data", "back", "--in", "b", "--passphrase-file",
                                    "phrase", NULL};

static bool is_there(const char *name)
{
    return access(scratch_path(name), F_OK) == 0;
}

/* A backup that costs no time, of these keys and of the store in data. */
static void make_backup(const char *key, const char *prev)
{
    struct cyan_sealer *sealer = NULL;
    struct stat info;
    size_t len = 0;
    int store = open(scratch_path("data/cyan.db"), O_RDONLY);
    int fd = open(scratch_path("b"), O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_true(store >= 0 && fd >= 0);
    assert_int_equal(fstat(store, &info), 0);
    assert_int_equal(cyan_sealer_create(fd, "correct horse", CHEAP, &sealer), 0);
    uint8_t *bytes = scratch_read(key, &len);
    assert_int_equal(bundle_put(sealer, BUNDLE_KEY, bytes, len), 0);
    free(bytes);
    if (prev) {
        bytes = scratch_read(prev, &len);
        assert_int_equal(bundle_put(sealer, BUNDLE_PREV_KEY, bytes, len), 0);
        free(bytes);
    }
    assert_int_equal(bundle_put_file(sealer, BUNDLE_STORE, store, (uint64_t)info.st_size), 0);
    assert_int_equal(bundle_end(sealer), 0);
    cyan_sealer_destroy(sealer);
    assert_int_equal(close(store), 0);
    assert_int_equal(close(fd), 0);
}

/* A folder with two keys and a device, its backup, and the passphrase of that. */
static int set_up(void **state)
{
    static const struct store_device device = {.id = {1, 2, 3}};
    (void)opened_set_up(state);
    opened_put_key(&opened_keys[0]);
    assert_int_equal(opened_as_is(), 0);
    assert_int_equal(opened.store.device_add(opened.store.ctx, &device), 0);
    const struct rotation rotation = {.folder = &opened, .path = scratch_path("data")};
    assert_int_equal(rotation_begin(&rotation, &opened_keys[1], &opened_words), 0);
    folder_close(&opened);
    make_backup("data/server.key", "data/server-prev.key");
    scratch_write("phrase", "correct horse\n", 14);
    return 0;
}

static struct spoken restore(void)
{
    return spoken_run(&command_restore, words);
}

/* The folder is there, with all that it had. */
static void assert_restored(void)
{
    struct folder folder = {0};
    uint64_t count = 0;
    const struct folder_options options = {
        .path = scratch_path("back"), .store_open = steps_store_open, .crypto = opened_crypto};
    assert_int_equal(folder_open(&options, &folder, &opened_words), 0);
    assert_memory_equal(folder.key.spki, opened_keys[1].spki, sizeof folder.key.spki);
    assert_true(folder.has_prev);
    assert_memory_equal(folder.prev.spki, opened_keys[0].spki, sizeof folder.prev.spki);
    assert_int_equal(folder.store.device_count(folder.store.ctx, &count), 0);
    assert_int_equal(count, 1);
    folder_close(&folder);
}

static void a_backup_becomes_a_folder_for_its_owner_alone(void **state)
{
    (void)state;
    static const char *const names[] = {"back/cyan.db", "back/server.key", "back/server-prev.key",
                                        "back/lock"};
    struct stat info;
    size_t before = scratch_count("");
    mode_t old = umask(0);
    struct spoken spoken = restore();
    umask(old);
    assert_string_equal(spoken.err, "");
    assert_int_equal(spoken.code, 0);
    assert_non_null(strstr(spoken.out, "back is restored from b"));
    assert_int_equal(scratch_count(""), before + 1);
    assert_int_equal(scratch_count("back"), COUNT_OF(names));
    assert_int_equal(stat(scratch_path("back"), &info), 0);
    assert_int_equal(info.st_mode & 07777U, 0700);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        assert_int_equal(stat(scratch_path(names[i]), &info), 0);
        assert_int_equal(info.st_mode & 07777U, 0600);
    }
    assert_restored();
}

static void an_empty_folder_is_filled_however_it_is_written(void **state)
{
    (void)state;
    static const char *const paths[] = {"back", "back/", "./back//"};
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        assert_int_equal(mkdir(scratch_path("back"), 0755), 0);
        struct spoken spoken = SPOKEN_RUN(command_restore, "--data", paths[i], "--in", "b",
                                          "--passphrase-file", "phrase");
        assert_int_equal(spoken.code, 0);
        assert_restored();
        assert_int_equal(SCRATCH_RUN("rm", "-rf", "back"), 0);
    }
}

static void nothing_is_put_over_what_is_there(void **state)
{
    (void)state;
    size_t before = scratch_count("") + 1;
    assert_int_equal(mkdir(scratch_path("back"), 0700), 0);
    scratch_write("back/.hidden", "mine", 4);
    struct spoken spoken = restore();
    spoken_assert_error(&spoken, COMMAND_FOLDER, "back is not empty");
    assert_int_equal(scratch_count("back"), 1);
    assert_int_equal(SCRATCH_RUN("rm", "-rf", "back"), 0);
    scratch_write("back", "a file", 6);
    spoken = restore();
    spoken_assert_error(&spoken, COMMAND_FOLDER, "Not a directory");
    spoken = SPOKEN_RUN(command_restore, "--data", "no/where", "--in", "b", "--passphrase-file",
                        "phrase");
    spoken_assert_error(&spoken, COMMAND_FOLDER, "cannot be made");
    spoken =
        SPOKEN_RUN(command_restore, "--data", "data", "--in", "b", "--passphrase-file", "phrase");
    spoken_assert_error(&spoken, COMMAND_FOLDER, "data is not empty");
    assert_int_equal(scratch_count(""), before);
}

static void assert_refused(const struct spoken *spoken, size_t entries)
{
    spoken_assert_error(spoken, COMMAND_FAILED,
                        "b cannot be opened: the passphrase is wrong, or the file is damaged");
    assert_int_equal(scratch_count(""), entries);
    assert_false(is_there("back"));
}

static void a_wrong_passphrase_and_every_damage_are_one_error_and_leave_nothing(void **state)
{
    (void)state;
    size_t len = 0;
    size_t entries = scratch_count("");
    uint8_t *bytes = scratch_read("b", &len);
    scratch_write("phrase", "correct horsf\n", 14);
    struct spoken spoken = restore();
    assert_refused(&spoken, entries);
    scratch_write("phrase", "correct horse\n", 14);
    /* test_keys_sealed flips every bit of a small file; here some of each part of a large one. */
    for (size_t at = 0; at < len; at += at < 64 ? 7 : len / 12) {
        bytes[at] ^= 0x10;
        scratch_write("b", bytes, len);
        spoken = restore();
        assert_refused(&spoken, entries);
        bytes[at] ^= 0x10;
        scratch_write("b", bytes, at);
        spoken = restore();
        assert_refused(&spoken, entries);
    }
    scratch_write("b", "not a backup", 12);
    spoken = restore();
    assert_refused(&spoken, entries);
    assert_int_equal(unlink(scratch_path("b")), 0);
    spoken = restore();
    spoken_assert_error(&spoken, COMMAND_FAILED, "b cannot be read: No such file");
    scratch_write("b", bytes, len);
    assert_int_equal(restore().code, 0);
    free(bytes);
}

static void a_backup_of_a_folder_that_would_not_start_is_refused_and_leaves_nothing(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {{"data/server-prev.key", NULL},
                                           {"data/server.key", NULL},
                                           {"data/server-prev.key", "data/server.key"},
                                           {"data/server.key", "data/server.key"},
                                           {"phrase", "data/server-prev.key"}};
    size_t entries = scratch_count("");
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        make_backup(pairs[i][0], pairs[i][1]);
        struct spoken spoken = restore();
        spoken_assert_error(&spoken, COMMAND_FAILED, "holds a folder that cannot be used");
        assert_int_equal(scratch_count(""), entries);
    }
    scratch_write("data/cyan.db", "no store", 8);
    make_backup("data/server.key", "data/server-prev.key");
    struct spoken spoken = restore();
    spoken_assert_error(&spoken, COMMAND_FAILED, "holds a folder that cannot be used");
    assert_int_equal(scratch_count(""), entries);
}

static void a_restore_killed_at_any_step_has_made_all_or_nothing(void **state)
{
    (void)state;
    unsigned n = 0;
    struct spoken spoken;
    do {
        spoken = spoken_cut(&command_restore, words, n++, STEPS_KILL);
        if (is_there("back")) {
            assert_restored();
        }
        assert_int_equal(SCRATCH_RUN("sh", "-c", "rm -rf back*"), 0);
        /* What it left behind stands in no other one's way. */
        assert_int_equal(spoken.code == SPOKEN_KILLED || spoken.code == 0, 1);
    } while (spoken.reached && n < 200);
    assert_int_equal(spoken.code, 0);
    assert_in_range(n, 10, 100);
}

static void a_restore_that_fails_at_any_step_leaves_all_or_nothing_and_says_why(void **state)
{
    (void)state;
    size_t entries = scratch_count("");
    unsigned n = 0;
    struct spoken spoken;
    do {
        spoken = spoken_cut(&command_restore, words, n++, STEPS_FAIL);
        if (is_there("back")) {
            assert_restored();
            assert_int_equal(SCRATCH_RUN("rm", "-rf", "back"), 0);
        } else {
            assert_in_range(spoken.code, COMMAND_FAILED, COMMAND_FOLDER);
        }
        assert_int_equal(scratch_count(""), entries);
        if (spoken.code != 0) {
            assert_non_null(strstr(spoken.err, "\n  try: "));
        }
    } while (spoken.reached && n < 200);
    assert_int_equal(spoken.code, 0);
    assert_in_range(n, 10, 100);
}

static void what_a_killed_restore_left_behind_is_in_nobodys_way(void **state)
{
    (void)state;
    unsigned left = 0;
    for (unsigned n = 0; n < 8; n++) {
        left += spoken_cut(&command_restore, words, n, STEPS_KILL).code == SPOKEN_KILLED;
        assert_false(is_there("back"));
    }
    assert_int_equal(left, 8);
    assert_int_equal(restore().code, 0);
    assert_restored();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, opened_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_backup_becomes_a_folder_for_its_owner_alone),
        TEST(an_empty_folder_is_filled_however_it_is_written),
        TEST(nothing_is_put_over_what_is_there),
        TEST(a_wrong_passphrase_and_every_damage_are_one_error_and_leave_nothing),
        TEST(a_backup_of_a_folder_that_would_not_start_is_refused_and_leaves_nothing),
        TEST(a_restore_killed_at_any_step_has_made_all_or_nothing),
        TEST(a_restore_that_fails_at_any_step_leaves_all_or_nothing_and_says_why),
        TEST(what_a_killed_restore_left_behind_is_in_nobodys_way),
    };
    return cmocka_run_group_tests(tests, opened_make_keys, opened_drop_keys);
}
