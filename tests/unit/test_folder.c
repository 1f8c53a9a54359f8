#include "server/cloud/folder.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/store/sqlite.h"
#include "tests/unit/opened.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

static bool is_there(const char *name)
{
    return access(scratch_path(name), F_OK) == 0;
}

static unsigned mode_of(const char *name)
{
    struct stat info;
    assert_int_equal(stat(scratch_path(name), &info), 0);
    return info.st_mode & 07777U;
}

static void a_new_folder_has_a_key_a_store_and_a_login_for_its_owner_alone(void **state)
{
    (void)state;
    static const char *const names[] = {"data/lock", "data/cyan.db", "data/server.key",
                                        "data/first-login"};
    char user[200];
    char password[200];
    mode_t old = umask(0);
    assert_int_equal(opened_as_is(), 0);
    umask(old);
    assert_int_equal(mode_of("data"), 0700);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        assert_int_equal(mode_of(names[i]), 0600);
    }
    opened_read_login(user, password);
    assert_string_equal(user, "admin");
    assert_string_equal(opened.first_user, user);
    assert_string_equal(opened.first_password, password);
    assert_true(strlen(password) >= 25);
    assert_int_equal(opened_check_login(user, password), 0);
    assert_int_equal(opened_check_login(user, "wrong"), CYAN_E_REFUSED);
    struct store_account account;
    assert_int_equal(opened.store.account_find(opened.store.ctx, "admin", &account), 0);
    assert_true(account.is_operator);
    struct cyan_serverkey key;
    assert_int_equal(cyan_serverkey_load(scratch_path("data/server.key"), &key), 0);
    assert_memory_equal(key.spki, opened.key.spki, sizeof key.spki);
    /* The second start changes nothing and tells nothing. */
    assert_int_equal(opened_as_is(), 0);
    assert_memory_equal(key.spki, opened.key.spki, sizeof key.spki);
    assert_string_equal(opened.first_user, "");
    assert_string_equal(opened.first_password, "");
    assert_int_equal(opened_check_login(user, password), 0);
    cyan_serverkey_done(&key);
}

static void two_folders_have_different_keys_and_passwords(void **state)
{
    (void)state;
    uint8_t spki[CYAN_SERVER_SPKI_LEN];
    char password[ACCOUNT_PASSWORD_MAX + 1];
    assert_int_equal(opened_as_is(), 0);
    memcpy(spki, opened.key.spki, sizeof spki);
    memcpy(password, opened.first_password, sizeof password);
    opened_remove();
    assert_int_equal(opened_as_is(), 0);
    assert_memory_not_equal(spki, opened.key.spki, sizeof spki);
    assert_string_not_equal(password, opened.first_password);
}

static void a_login_that_was_given_is_used_and_told_nowhere(void **state)
{
    (void)state;
    opened_put_key(&opened_keys[0]);
    assert_int_equal(opened_with(store_sqlite_open, "ann", "given secret"), 0);
    assert_false(is_there("data/first-login"));
    assert_string_equal(opened.first_user, "");
    assert_string_equal(opened.first_password, "");
    assert_int_equal(opened_check_login("ann", "given secret"), 0);
    assert_int_equal(opened_check_login("admin", "given secret"), CYAN_E_NOT_FOUND);
    /* On a folder with an account it is ignored. */
    assert_int_equal(opened_with(store_sqlite_open, "bob", "other"), 0);
    assert_int_equal(opened_check_login("bob", "other"), CYAN_E_NOT_FOUND);
    assert_int_equal(opened_check_login("ann", "given secret"), 0);
}

static void half_a_login_is_completed(void **state)
{
    (void)state;
    opened_put_key(&opened_keys[0]);
    assert_int_equal(opened_with(store_sqlite_open, "ann", ""), 0);
    assert_string_equal(opened.first_user, "ann");
    assert_int_equal(opened_check_login("ann", opened.first_password), 0);
    assert_true(is_there("data/first-login"));
    opened_remove();
    opened_put_key(&opened_keys[0]);
    assert_int_equal(opened_with(store_sqlite_open, "", "given secret"), 0);
    assert_int_equal(opened_check_login("admin", "given secret"), 0);
    assert_false(is_there("data/first-login"));
}

static void a_login_that_no_account_can_have_is_invalid_and_makes_none(void **state)
{
    (void)state;
    char longest[ACCOUNT_PASSWORD_MAX + 2];
    uint64_t count = 0;
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    opened_put_key(&opened_keys[0]);
    assert_int_equal(opened_with(store_sqlite_open, "a\nb", "secret"), CYAN_E_INVALID);
    opened_assert_words("CYAN_USER", "128");
    assert_int_equal(opened_with(store_sqlite_open, "ann", "a\tb"), CYAN_E_INVALID);
    assert_int_equal(opened_with(store_sqlite_open, longest, "secret"), CYAN_E_INVALID);
    assert_int_equal(opened_with(store_sqlite_open, "ann", longest), CYAN_E_INVALID);
    assert_int_equal(opened_with(store_sqlite_open, "ann", longest + 1), 0);
    assert_int_equal(opened.store.account_count(opened.store.ctx, &count), 0);
    assert_int_equal(count, 1);
}

static void a_folder_that_is_open_is_busy_for_everybody_else(void **state)
{
    (void)state;
    struct folder second = {0};
    struct folder_options options = {
        .path = scratch_path("data"), .store_open = store_sqlite_open, .crypto = opened_crypto};
    opened_put_key(&opened_keys[0]);
    assert_int_equal(opened_as_is(), 0);
    assert_int_equal(folder_open(&options, &second, &opened_words), CYAN_E_BUSY);
    opened_assert_words("in use by another cyand", "--data");
    assert_int_equal(opened_check_login("admin", opened.first_password), 0);
    folder_close(&opened);
    assert_int_equal(folder_open(&options, &second, &opened_words), 0);
    folder_close(&second);
}

static void what_a_killed_process_leaves_behind_is_no_lock(void **state)
{
    (void)state;
    int ends[2];
    int status = 0;
    char byte = 0;
    opened_put_key(&opened_keys[0]);
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        byte = (char)(opened_as_is() == 0);
        if (write(ends[1], &byte, 1) == 1) {
            (void)pause();
        }
        _exit(1);
    }
    assert_int_equal(read(ends[0], &byte, 1), 1);
    assert_int_equal(byte, 1);
    assert_int_equal(opened_as_is(), CYAN_E_BUSY);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(is_there("data/lock"));
    assert_int_equal(opened_as_is(), 0);
    close(ends[0]);
    close(ends[1]);
}

/* Opens the folder as somebody whom the rights of files concern: root is not. */
static int open_as_nobody(void)
{
    enum { NOBODY = 65534 };
    int status = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (geteuid() == 0 && setresuid(NOBODY, NOBODY, NOBODY) != 0) {
            _exit(0);
        }
        int result = opened_as_is();
        bool spoke = result == 0 || strstr(opened_words.what, "cannot be used: Permission denied");
        _exit(spoke ? -result : 0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return -WEXITSTATUS(status);
}

static void a_folder_that_cannot_be_written_is_an_io_error_with_its_reason(void **state)
{
    (void)state;
    opened_put_key(&opened_keys[0]);
    assert_int_equal(opened_as_is(), 0);
    folder_close(&opened);
    if (geteuid() == 0) {
        assert_int_equal(scratch_run((const char *const[]){"chown", "-R", "65534", ".", NULL}), 0);
    }
    assert_int_equal(chmod(scratch_path("data"), 0500), 0);
    assert_int_equal(open_as_nobody(), CYAN_E_IO);
    assert_int_equal(chmod(scratch_path("data"), 0700), 0);
    assert_int_equal(chmod(scratch_path("data/lock"), 0000), 0);
    assert_int_equal(open_as_nobody(), CYAN_E_IO);
    assert_int_equal(chmod(scratch_path("data/lock"), 0600), 0);
    assert_int_equal(open_as_nobody(), 0);
}

static void a_path_that_can_be_no_folder_is_told(void **state)
{
    (void)state;
    char path[FOLDER_PATH_MAX + 2];
    struct folder_options options = {.store_open = store_sqlite_open, .crypto = opened_crypto};
    scratch_write("data", "a file", 6);
    assert_int_equal(opened_as_is(), CYAN_E_IO);
    opened_assert_words("Not a directory", "--data");
    options.path = scratch_path("missing/data");
    assert_int_equal(folder_open(&options, &opened, &opened_words), CYAN_E_IO);
    opened_assert_words("No such file or directory", "--data");
    options.path = "";
    assert_int_equal(folder_open(&options, &opened, &opened_words), CYAN_E_INVALID);
    memset(path, 'p', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    options.path = path;
    assert_int_equal(folder_open(&options, &opened, &opened_words), CYAN_E_INVALID);
    opened_assert_words("too long", "--data");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, opened_set_up, opened_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_folder_has_a_key_a_store_and_a_login_for_its_owner_alone),
        TEST(two_folders_have_different_keys_and_passwords),
        TEST(a_login_that_was_given_is_used_and_told_nowhere),
        TEST(half_a_login_is_completed),
        TEST(a_login_that_no_account_can_have_is_invalid_and_makes_none),
        TEST(a_folder_that_is_open_is_busy_for_everybody_else),
        TEST(what_a_killed_process_leaves_behind_is_no_lock),
        TEST(a_folder_that_cannot_be_written_is_an_io_error_with_its_reason),
        TEST(a_path_that_can_be_no_folder_is_told),
    };
    return cmocka_run_group_tests(tests, opened_make_keys, opened_drop_keys);
}
