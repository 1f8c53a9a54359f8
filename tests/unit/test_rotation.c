/* Rotation, and the previous key of a folder. The steps that a process can be cut short at are
 * calls of the system, which the linker leads here, and calls of the store. */
#include "server/cloud/rotation.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keys/fingerprint.h"
#include "server/store/sqlite.h"
#include "tests/unit/opened.h"
#include "tests/unit/scratch.h"
#include "tests/unit/steps.h"
#include "tests/unit/unit.h"

enum { CUT = 77 };

static bool is_there(const char *name)
{
    return access(scratch_path(name), F_OK) == 0;
}

static void put_prev(const struct cyan_serverkey *key)
{
    (void)unlink(scratch_path("data/server-prev.key"));
    assert_int_equal(cyan_serverkey_save(key, scratch_path("data/server-prev.key")), 0);
}

static bool is_key(const struct cyan_serverkey *a, const struct cyan_serverkey *b)
{
    return memcmp(a->spki, b->spki, sizeof a->spki) == 0;
}

static int begin_rotation(void)
{
    const struct rotation rotation = {.folder = &opened, .path = scratch_path("data")};
    return rotation_begin(&rotation, &opened_keys[1], &opened_words);
}

static int finish_rotation(void)
{
    const struct rotation rotation = {.folder = &opened, .path = scratch_path("data")};
    return rotation_finish(&rotation, &opened_words);
}

static int open_forgiving(void)
{
    const struct folder_options options = {.path = scratch_path("data"),
                                           .store_open = store_sqlite_open,
                                           .crypto = opened_crypto,
                                           .forgive_prev = true};
    folder_close(&opened);
    return folder_open(&options, &opened, &opened_words);
}

static void brief_of(const struct cyan_serverkey *key, char out_text[CYAN_FINGERPRINT_SHORT])
{
    char full[CYAN_FINGERPRINT_TEXT];
    assert_int_equal(cyan_fingerprint_make(key->spki, sizeof key->spki, full), 0);
    cyan_fingerprint_shorten(full, out_text);
}

/* A folder with the first key, and no other. */
static void open_plain(void)
{
    opened_put_key(&opened_keys[0]);
    assert_int_equal(opened_as_is(), 0);
    assert_false(opened.has_prev);
}

static void assert_rotated(void)
{
    assert_true(opened.has_prev);
    assert_true(is_key(&opened.key, &opened_keys[1]));
    assert_true(is_key(&opened.prev, &opened_keys[0]));
}

static void a_rotation_keeps_the_old_key_beside_the_new_one(void **state)
{
    (void)state;
    struct stat info;
    open_plain();
    assert_int_equal(begin_rotation(), 0);
    assert_rotated();
    assert_int_equal(opened_as_is(), 0);
    assert_rotated();
    assert_int_equal(stat(scratch_path("data/server-prev.key"), &info), 0);
    assert_int_equal(info.st_mode & 07777U, 0600);
    assert_int_equal(stat(scratch_path("data/server.key"), &info), 0);
    assert_int_equal(info.st_mode & 07777U, 0600);
    assert_false(is_there("data/server-next.key"));
}

static void a_second_rotation_waits_until_the_first_is_finished(void **state)
{
    (void)state;
    open_plain();
    assert_int_equal(finish_rotation(), CYAN_E_NOT_FOUND);
    assert_int_equal(begin_rotation(), 0);
    assert_int_equal(begin_rotation(), CYAN_E_EXISTS);
    opened_assert_words("previous server key already", "--finish");
    assert_rotated();
    assert_int_equal(finish_rotation(), 0);
    assert_false(opened.has_prev);
    assert_false(is_there("data/server-prev.key"));
    assert_int_equal(opened_as_is(), 0);
    assert_false(opened.has_prev);
    assert_true(is_key(&opened.key, &opened_keys[1]));
}

static void add_device(unsigned number, int64_t handshake_ms)
{
    struct store_device device = {.id = {(uint8_t)number}, .last_handshake_ms = handshake_ms};
    assert_int_equal(opened.store.device_add(opened.store.ctx, &device), 0);
}

static void devices_known_before_a_rotation_count_as_users_of_the_old_key(void **state)
{
    (void)state;
    struct rotation_users users = {9, 9};
    const struct rotation rotation = {.folder = &opened, .path = scratch_path("data")};
    open_plain();
    add_device(1, 5);
    add_device(2, 6);
    add_device(3, 0);
    assert_int_equal(rotation_count(&rotation, &users, &opened_words), 0);
    assert_int_equal(users.prev, 0);
    assert_int_equal(users.unseen, 3);
    assert_int_equal(begin_rotation(), 0);
    assert_int_equal(rotation_count(&rotation, &users, &opened_words), 0);
    assert_int_equal(users.prev, 3);
    assert_int_equal(users.unseen, 0);
    add_device(4, 0);
    /* One of them comes with the new key. */
    char full[CYAN_FINGERPRINT_TEXT];
    char sql[200];
    assert_int_equal(cyan_fingerprint_make(opened_keys[1].spki, CYAN_SERVER_SPKI_LEN, full), 0);
    folder_close(&opened);
    (void)snprintf(sql, sizeof sql, "UPDATE devices SET server_key = x'%s' WHERE id = x'02%022d'",
                   full, 0);
    assert_int_equal(SCRATCH_RUN("sqlite3", "data/cyan.db", sql), 0);
    assert_int_equal(opened_as_is(), 0);
    assert_int_equal(rotation_count(&rotation, &users, &opened_words), 0);
    assert_int_equal(users.prev, 2);
    assert_int_equal(users.unseen, 1);
}

static void a_previous_key_that_is_lost_or_another_one_is_refused_and_named(void **state)
{
    (void)state;
    char brief[2][CYAN_FINGERPRINT_SHORT];
    size_t len = 0;
    brief_of(&opened_keys[0], brief[0]);
    brief_of(&opened_keys[1], brief[1]);
    open_plain();
    assert_int_equal(begin_rotation(), 0);
    folder_close(&opened);
    uint8_t *bytes = scratch_read("data/server-prev.key", &len);
    assert_int_equal(unlink(scratch_path("data/server-prev.key")), 0);
    assert_int_equal(opened_as_is(), CYAN_E_NOT_FOUND);
    opened_assert_words("server-prev.key is missing", brief[0]);
    for (size_t cut = 0; cut < len - 1; cut += 97) {
        scratch_write("data/server-prev.key", bytes, cut);
        assert_int_not_equal(opened_as_is(), 0);
        opened_assert_words("server-prev.key cannot be used", brief[0]);
    }
    put_prev(&opened_keys[1]);
    assert_int_equal(opened_as_is(), CYAN_E_KEY_UNUSABLE);
    opened_assert_words(brief[1], brief[0]);
    assert_non_null(strstr(opened_words.next, "--finish --force"));
    put_prev(&opened_keys[0]);
    assert_int_equal(opened_as_is(), 0);
    assert_rotated();
    free(bytes);
}

static void a_lost_previous_key_can_be_given_up_and_a_strange_one_is_moved_aside(void **state)
{
    (void)state;
    for (int strange = 0; strange <= 1; strange++) {
        open_plain();
        assert_int_equal(begin_rotation(), 0);
        assert_int_equal(unlink(scratch_path("data/server-prev.key")), 0);
        if (strange) {
            put_prev(&opened_keys[1]);
        }
        assert_int_not_equal(opened_as_is(), 0);
        assert_int_equal(open_forgiving(), 0);
        assert_false(opened.has_prev);
        assert_int_equal(finish_rotation(), 0);
        assert_int_equal(opened_as_is(), 0);
        assert_false(opened.has_prev);
        assert_int_equal(is_there("data/server-prev.key.aside"), strange);
        opened_remove();
    }
}

static void a_previous_key_of_which_the_store_knows_nothing_is_taken_over(void **state)
{
    (void)state;
    char brief[CYAN_FINGERPRINT_SHORT];
    brief_of(&opened_keys[0], brief);
    opened_put_key(&opened_keys[1]);
    put_prev(&opened_keys[0]);
    assert_int_equal(opened_as_is(), 0);
    assert_rotated();
    assert_int_equal(unlink(scratch_path("data/server-prev.key")), 0);
    assert_int_equal(opened_as_is(), CYAN_E_NOT_FOUND);
    opened_assert_words("is missing", brief);
}

static void damage_in_place_of_an_unknown_previous_key_is_told(void **state)
{
    (void)state;
    open_plain();
    scratch_write("data/server-prev.key", "no key", 6);
    assert_int_equal(opened_as_is(), CYAN_E_MALFORMED);
    opened_assert_words("server-prev.key cannot be used", "move it away");
    assert_true(is_there("data/server-prev.key"));
}

static void the_check_of_keys_knows_both_and_the_lack_of_one(void **state)
{
    (void)state;
    const struct store *store = &opened.store;
    const struct cyan_serverkey *a = &opened_keys[0];
    const struct cyan_serverkey *b = &opened_keys[1];
    open_plain();
    assert_int_equal(folder_check_keys(store, a, NULL), 0);
    assert_int_equal(folder_check_keys(store, b, NULL), CYAN_E_KEY_UNUSABLE);
    assert_int_equal(folder_check_keys(store, a, b), CYAN_E_KEY_UNUSABLE);
    assert_int_equal(begin_rotation(), 0);
    assert_int_equal(folder_check_keys(store, b, a), 0);
    assert_int_equal(folder_check_keys(store, b, NULL), CYAN_E_KEY_UNUSABLE);
    assert_int_equal(folder_check_keys(store, b, b), CYAN_E_KEY_UNUSABLE);
    assert_int_equal(folder_check_keys(store, a, b), CYAN_E_KEY_UNUSABLE);
}

/* In a child: opens the folder, then does the work with its n-th step cut. 0: it was done without
 * reaching that step; CUT: killed; anything else: told as failed. */
static int work_in_child(int (*work)(void), unsigned n, enum steps_fault fault)
{
    int status = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (opened_as_is() != 0) {
            _exit(1);
        }
        steps_watch_store(&opened.store);
        steps_begin(n, fault, CUT);
        int err = work();
        bool reached = steps_end();
        _exit(err == 0 ? (reached ? 2 : 0) : 3);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* Cuts every step of a work in turn. prepare: the folder before it; check: after it was cut, the
 * folder open again; done: after it was done again. */
static unsigned sweep(void (*prepare)(void), int (*work)(void), void (*check)(void),
                      void (*done)(void), enum steps_fault fault)
{
    for (unsigned n = 0; n < 200; n++) {
        prepare();
        folder_close(&opened);
        int end = work_in_child(work, n, fault);
        assert_int_not_equal(end, 1);
        assert_int_equal(opened_as_is(), 0);
        check();
        assert_false(is_there("data/server-next.key"));
        /* Then it can be done, unless it was. */
        (void)work();
        done();
        opened_remove();
        if (end == 0) {
            return n;
        }
    }
    fail_msg("a work without an end");
    return 0;
}

/* Either nothing has happened or all of it; devices that know the old key are served by both. */
static void old_key_is_there(void)
{
    if (opened.has_prev) {
        assert_rotated();
    } else {
        assert_true(is_key(&opened.key, &opened_keys[0]));
        assert_false(is_there("data/server-prev.key"));
    }
}

static void a_rotation_cut_short_at_any_step_leaves_a_folder_with_the_old_key(void **state)
{
    (void)state;
    /* Two files written and linked, a commit, a rename, and their syncs. */
    assert_in_range(sweep(open_plain, begin_rotation, old_key_is_there, assert_rotated, STEPS_KILL),
                    12, 60);
}

static void a_rotation_that_fails_at_any_step_leaves_a_folder_with_the_old_key(void **state)
{
    (void)state;
    assert_in_range(sweep(open_plain, begin_rotation, old_key_is_there, assert_rotated, STEPS_FAIL),
                    12, 60);
}

static void open_rotated(void)
{
    open_plain();
    assert_int_equal(begin_rotation(), 0);
}

static void new_key_is_there(void)
{
    assert_true(is_key(&opened.key, &opened_keys[1]));
    assert_int_equal(opened.has_prev, is_there("data/server-prev.key"));
}

static void assert_finished(void)
{
    assert_false(opened.has_prev);
    assert_false(is_there("data/server-prev.key"));
}

static void a_finish_cut_short_at_any_step_is_done_or_not_done(void **state)
{
    (void)state;
    assert_in_range(
        sweep(open_rotated, finish_rotation, new_key_is_there, assert_finished, STEPS_KILL), 3, 20);
    assert_in_range(
        sweep(open_rotated, finish_rotation, new_key_is_there, assert_finished, STEPS_FAIL), 3, 20);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, opened_set_up, opened_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_rotation_keeps_the_old_key_beside_the_new_one),
        TEST(a_second_rotation_waits_until_the_first_is_finished),
        TEST(devices_known_before_a_rotation_count_as_users_of_the_old_key),
        TEST(a_previous_key_that_is_lost_or_another_one_is_refused_and_named),
        TEST(a_lost_previous_key_can_be_given_up_and_a_strange_one_is_moved_aside),
        TEST(a_previous_key_of_which_the_store_knows_nothing_is_taken_over),
        TEST(damage_in_place_of_an_unknown_previous_key_is_told),
        TEST(the_check_of_keys_knows_both_and_the_lack_of_one),
        TEST(a_rotation_cut_short_at_any_step_leaves_a_folder_with_the_old_key),
        TEST(a_rotation_that_fails_at_any_step_leaves_a_folder_with_the_old_key),
        TEST(a_finish_cut_short_at_any_step_is_done_or_not_done),
    };
    return cmocka_run_group_tests(tests, opened_make_keys, opened_drop_keys);
}
