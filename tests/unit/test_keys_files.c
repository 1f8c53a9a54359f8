#include "keys/files.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "tests/unit/scratch.h"
#include "tests/unit/support.h"
#include "tests/unit/unit.h"

static int set_up(void **state)
{
    (void)state;
    scratch_init();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    scratch_done();
    return 0;
}

static void assert_holds(const char *name, const void *data, size_t len)
{
    size_t found_len = 0;
    uint8_t *found = scratch_read(name, &found_len);
    assert_int_equal(found_len, len);
    assert_memory_equal(found, data, len);
    free(found);
}

static unsigned mode_of(const char *name)
{
    struct stat info;
    assert_int_equal(stat(scratch_path(name), &info), 0);
    return info.st_mode & 07777U;
}

static void a_file_of_every_length_up_to_the_limit_is_read_whole(void **state)
{
    (void)state;
    enum { MAX = 40 };
    static const char text[] = "0123456789012345678901234567890123456789!";
    for (size_t len = 0; len <= MAX + 1; len++) {
        uint8_t *data = NULL;
        size_t got = 0;
        scratch_write("file", text, len);
        int err = cyan_files_read(scratch_path("file"), MAX, &data, &got);
        if (len > MAX) {
            assert_int_equal(err, CYAN_E_TOO_LONG);
            assert_null(data);
        } else {
            assert_int_equal(err, 0);
            assert_int_equal(got, len);
            assert_memory_equal(data, text, len);
            assert_int_equal(data[len], 0);
            cyan_files_free(data, got);
        }
    }
    cyan_files_free(NULL, 0);
}

static void what_cannot_be_read_says_why(void **state)
{
    (void)state;
    uint8_t *data = NULL;
    size_t len = 0;
    assert_int_equal(cyan_files_read(scratch_path("none"), 10, &data, &len), CYAN_E_NOT_FOUND);
    scratch_write("file", "x", 1);
    assert_int_equal(cyan_files_read(scratch_path("file/below"), 10, &data, &len),
                     CYAN_E_NOT_FOUND);
    errno = 0;
    assert_int_equal(cyan_files_read(scratch_path(""), 10, &data, &len), CYAN_E_IO);
    assert_int_equal(errno, EISDIR);
    assert_null(data);
}

static void a_new_file_has_the_mode_that_was_asked_for_whatever_the_umask(void **state)
{
    (void)state;
    static const mode_t masks[] = {0, 022, 077, 0777};
    for (size_t i = 0; i < COUNT_OF(masks); i++) {
        mode_t before = umask(masks[i]);
        assert_int_equal(cyan_files_replace(scratch_path("s"), "a", 1, CYAN_FILES_SECRET), 0);
        assert_int_equal(cyan_files_replace(scratch_path("p"), "b", 1, CYAN_FILES_PUBLIC), 0);
        (void)umask(before);
        assert_int_equal(mode_of("s"), 0600);
        assert_int_equal(mode_of("p"), 0644);
    }
    assert_int_equal(scratch_count(""), 2);
}

static void a_new_file_never_takes_the_place_of_another(void **state)
{
    (void)state;
    assert_int_equal(cyan_files_write_new(scratch_path("f"), "first", 5, CYAN_FILES_SECRET), 0);
    assert_int_equal(cyan_files_write_new(scratch_path("f"), "second", 6, CYAN_FILES_SECRET),
                     CYAN_E_EXISTS);
    assert_holds("f", "first", 5);
    assert_int_equal(mode_of("f"), 0600);
    assert_int_equal(scratch_count(""), 1);
}

static void replacing_gives_the_new_content_the_new_mode(void **state)
{
    (void)state;
    assert_int_equal(cyan_files_replace(scratch_path("f"), "old and long", 12, CYAN_FILES_PUBLIC),
                     0);
    assert_int_equal(cyan_files_replace(scratch_path("f"), "new", 3, CYAN_FILES_SECRET), 0);
    assert_holds("f", "new", 3);
    assert_int_equal(mode_of("f"), 0600);
    assert_int_equal(scratch_count(""), 1);
}

static void a_full_disk_leaves_the_old_file_whole_and_nothing_beside_it(void **state)
{
    (void)state;
    static const uint8_t data[4096] = {1};
    struct rlimit before, tight;
    assert_int_equal(cyan_files_replace(scratch_path("f"), "old", 3, CYAN_FILES_SECRET), 0);
    /* The limit on a file's size stands for a full disk: a write stops in the middle. */
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    tight = before;
    tight.rlim_cur = 100;
    assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    int replaced = cyan_files_replace(scratch_path("f"), data, sizeof data, CYAN_FILES_SECRET);
    int why = errno;
    int written = cyan_files_write_new(scratch_path("g"), data, sizeof data, CYAN_FILES_SECRET);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(replaced, CYAN_E_IO);
    assert_int_equal(why, EFBIG);
    assert_int_equal(written, CYAN_E_IO);
    assert_holds("f", "old", 3);
    assert_int_equal(scratch_count(""), 1);
}

static void a_missing_folder_is_an_error_with_its_reason(void **state)
{
    (void)state;
    errno = 0;
    assert_int_equal(cyan_files_write_new(scratch_path("no/f"), "x", 1, CYAN_FILES_SECRET),
                     CYAN_E_IO);
    assert_int_equal(errno, ENOENT);
    errno = 0;
    assert_int_equal(cyan_files_replace(scratch_path("no/f"), "x", 1, CYAN_FILES_SECRET),
                     CYAN_E_IO);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(scratch_count(""), 0);
}

static void a_draft_takes_its_place_when_it_is_kept_and_goes_when_it_is_dropped(void **state)
{
    (void)state;
    struct cyan_files_draft draft;
    struct stat info;
    scratch_write("f", "old", 3);
    mode_t old = umask(0);
    assert_int_equal(cyan_files_draft_open(scratch_path("f"), CYAN_FILES_SECRET, &draft), 0);
    umask(old);
    assert_int_equal(stat(draft.temp, &info), 0);
    assert_int_equal(info.st_mode & 07777U, 0600);
    assert_int_equal(cyan_files_write(draft.fd, "new", 3), 0);
    errno = ENOTTY;
    cyan_files_draft_drop(&draft);
    assert_int_equal(errno, ENOTTY);
    assert_holds("f", "old", 3);
    assert_int_equal(scratch_count(""), 1);
    assert_int_equal(cyan_files_draft_open(scratch_path("f"), CYAN_FILES_SECRET, &draft), 0);
    assert_int_equal(cyan_files_write(draft.fd, "ne", 2), 0);
    assert_int_equal(cyan_files_write(draft.fd, "wer", 3), 0);
    assert_int_equal(cyan_files_draft_keep(&draft), 0);
    assert_holds("f", "newer", 5);
    assert_int_equal(scratch_count(""), 1);
    /* A folder stands where it should go. */
    assert_int_equal(unlink(scratch_path("f")), 0);
    assert_int_equal(mkdir(scratch_path("f"), 0700), 0);
    assert_int_equal(cyan_files_draft_open(scratch_path("f"), CYAN_FILES_SECRET, &draft), 0);
    assert_int_equal(cyan_files_draft_keep(&draft), CYAN_E_IO);
    assert_int_equal(errno, EISDIR);
    assert_int_equal(scratch_count(""), 1);
}

static void a_folder_that_cannot_be_synced_is_an_error(void **state)
{
    (void)state;
    scratch_write("f", "x", 1);
    assert_int_equal(cyan_files_sync_folder(scratch_path("")), 0);
    assert_int_equal(cyan_files_sync_folder_of(scratch_path("f")), 0);
    assert_int_equal(cyan_files_sync_folder(scratch_path("no")), CYAN_E_IO);
    assert_int_equal(cyan_files_sync_folder(scratch_path("f")), CYAN_E_IO);
    assert_int_equal(cyan_files_sync_folder_of("f"), 0);
    assert_int_equal(cyan_files_sync_folder_of("/f"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_file_of_every_length_up_to_the_limit_is_read_whole,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_read_says_why, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_new_file_has_the_mode_that_was_asked_for_whatever_the_umask, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_new_file_never_takes_the_place_of_another, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(replacing_gives_the_new_content_the_new_mode, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_full_disk_leaves_the_old_file_whole_and_nothing_beside_it,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_missing_folder_is_an_error_with_its_reason, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            a_draft_takes_its_place_when_it_is_kept_and_goes_when_it_is_dropped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_folder_that_cannot_be_synced_is_an_error, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
