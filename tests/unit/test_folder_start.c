#include "server/cloud/folder.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keys/fingerprint.h"
#include "server/store/sqlite.h"
#include "tests/unit/opened.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

static bool is_there(const char *name)
{
    return access(scratch_path(name), F_OK) == 0;
}

static void add_device(void)
{
    static const struct store_device device = {.id = {1, 2, 3}};
    assert_int_equal(opened.store.device_add(opened.store.ctx, &device), 0);
}

static void a_key_without_a_store_is_adopted(void **state)
{
    (void)state;
    opened_put_key(&opened_keys[0]);
    assert_int_equal(opened_as_is(), 0);
    assert_memory_equal(opened.key.spki, opened_keys[0].spki, sizeof opened_keys[0].spki);
    assert_int_equal(opened_as_is(), 0);
    assert_memory_equal(opened.key.spki, opened_keys[0].spki, sizeof opened_keys[0].spki);
}

static void a_missing_key_is_never_replaced_once_it_was_known(void **state)
{
    (void)state;
    char full[CYAN_FINGERPRINT_TEXT];
    char brief[CYAN_FINGERPRINT_SHORT];
    assert_int_equal(cyan_fingerprint_make(opened_keys[0].spki, sizeof opened_keys[0].spki, full),
                     0);
    cyan_fingerprint_shorten(full, brief);
    for (int devices = 0; devices <= 1; devices++) {
        opened_put_key(&opened_keys[0]);
        assert_int_equal(opened_as_is(), 0);
        if (devices) {
            add_device();
        }
        folder_close(&opened);
        assert_int_equal(unlink(scratch_path("data/server.key")), 0);
        for (int i = 0; i < 2; i++) {
            assert_int_equal(opened_as_is(), CYAN_E_NOT_FOUND);
            opened_assert_words("server.key is missing", brief);
            opened_assert_words("server.key", "backup");
            assert_false(is_there("data/server.key"));
        }
        assert_non_null(
            strstr(opened_words.next, devices ? "(1 in the store)" : "(0 in the store)"));
        opened_put_key(&opened_keys[0]);
        assert_int_equal(opened_as_is(), 0);
    }
}

static void another_key_is_refused_and_both_are_named(void **state)
{
    (void)state;
    char full[CYAN_FINGERPRINT_TEXT];
    char brief[2][CYAN_FINGERPRINT_SHORT];
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(
            cyan_fingerprint_make(opened_keys[i].spki, sizeof opened_keys[i].spki, full), 0);
        cyan_fingerprint_shorten(full, brief[i]);
    }
    opened_put_key(&opened_keys[0]);
    assert_int_equal(opened_as_is(), 0);
    add_device();
    opened_put_key(&opened_keys[1]);
    assert_int_equal(opened_as_is(), CYAN_E_KEY_UNUSABLE);
    opened_assert_words(brief[1], brief[0]);
    opened_put_key(&opened_keys[0]);
    assert_int_equal(opened_as_is(), 0);
}

static void a_damaged_key_is_refused_and_left_as_it_is(void **state)
{
    (void)state;
    size_t len = 0;
    opened_put_key(&opened_keys[0]);
    uint8_t *bytes = scratch_read("data/server.key", &len);
    for (int known = 0; known <= 1; known++) {
        /* A cut that takes the last newline alone leaves a whole key. */
        for (size_t cut = 0; cut < len - 1; cut += 61) {
            size_t after = 0;
            scratch_write("data/server.key", bytes, cut);
            assert_int_not_equal(opened_as_is(), 0);
            opened_assert_words("server.key cannot be used", known ? "backup" : "remove it");
            uint8_t *left = scratch_read("data/server.key", &after);
            assert_int_equal(after, cut);
            free(left);
        }
        scratch_write("data/server.key", bytes, len);
        assert_int_equal(opened_as_is(), 0);
    }
    free(bytes);
}

static void a_damaged_store_is_refused_with_words_and_kept(void **state)
{
    (void)state;
    size_t len = 0;
    opened_put_key(&opened_keys[0]);
    assert_int_equal(opened_as_is(), 0);
    folder_close(&opened);
    uint8_t *bytes = scratch_read("data/cyan.db", &len);
    for (size_t at = 0; at < 16; at++) {
        bytes[at] ^= 0x20;
        scratch_write("data/cyan.db", bytes, len);
        assert_int_equal(opened_as_is(), CYAN_E_CORRUPT);
        opened_assert_words("cyan.db is damaged", "backup");
        bytes[at] ^= 0x20;
    }
    uint8_t version = bytes[63]; /* of its tables */
    bytes[63] = 99;
    scratch_write("data/cyan.db", bytes, len);
    assert_int_equal(opened_as_is(), CYAN_E_UNSUPPORTED);
    opened_assert_words("later version", "start that version");
    bytes[63] = version;
    scratch_write("data/cyan.db", bytes, len);
    assert_int_equal(opened_as_is(), 0);
    free(bytes);
}

/* A store that ends the process at one of its calls: as kill -9 would, before it or after. */
static struct store real;
static int calls_left;
static bool after_call;

static void maybe_die(bool after)
{
    if (after == after_call && calls_left-- == 0) {
        _exit(77);
    }
}

#define DEADLY(call)                                                                               \
    maybe_die(false);                                                                              \
    int status = (call);                                                                           \
    maybe_die(true);                                                                               \
    return status

static int deadly_begin(void *ctx)
{
    DEADLY(real.begin(ctx));
}
static int deadly_commit(void *ctx)
{
    DEADLY(real.commit(ctx));
}
static int deadly_meta_get(void *ctx, const char *name, char *out, size_t cap)
{
    DEADLY(real.meta_get(ctx, name, out, cap));
}
static int deadly_meta_set(void *ctx, const char *name, const char *value)
{
    DEADLY(real.meta_set(ctx, name, value));
}
static int deadly_account_count(void *ctx, uint64_t *out)
{
    DEADLY(real.account_count(ctx, out));
}
static int deadly_account_add(void *ctx, const struct store_account *account, uint32_t *out)
{
    DEADLY(real.account_add(ctx, account, out));
}
static int deadly_device_count(void *ctx, uint64_t *out)
{
    DEADLY(real.device_count(ctx, out));
}

static int deadly_open(const char *path, struct store *out_store)
{
    maybe_die(false);
    int status = store_sqlite_open(path, &real);
    maybe_die(true);
    if (status == 0) {
        *out_store = real;
        out_store->begin = deadly_begin;
        out_store->commit = deadly_commit;
        out_store->meta_get = deadly_meta_get;
        out_store->meta_set = deadly_meta_set;
        out_store->account_count = deadly_account_count;
        out_store->account_add = deadly_account_add;
        out_store->device_count = deadly_device_count;
    }
    return status;
}

/* Whether the start was killed; false: it had no so many calls. */
static bool start_and_die(int calls, bool after)
{
    int status = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        calls_left = calls;
        after_call = after;
        _exit(opened_with(deadly_open, NULL, NULL) == 0 ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_true(WEXITSTATUS(status) == 77 || WEXITSTATUS(status) == 0);
    return WEXITSTATUS(status) == 77;
}

static void a_first_start_that_is_killed_at_any_call_goes_on_at_the_next(void **state)
{
    (void)state;
    int points = 0;
    for (int after = 0; after <= 1; after++) {
        bool died = true;
        for (int calls = 0; died; calls++) {
            char user[200];
            char password[200];
            opened_put_key(&opened_keys[0]);
            died = start_and_die(calls, after);
            assert_int_equal(opened_as_is(), 0);
            assert_memory_equal(opened.key.spki, opened_keys[0].spki, sizeof opened_keys[0].spki);
            opened_read_login(user, password);
            assert_int_equal(opened_check_login(user, password), 0);
            opened_remove();
            points += died;
        }
    }
    assert_true(points >= 20);
}

static void a_key_that_was_made_before_the_kill_is_the_key_afterwards(void **state)
{
    (void)state;
    struct cyan_serverkey made;
    int calls = 0;
    /* The first call after which there is a key. */
    while (!is_there("data/server.key")) {
        if (is_there("data")) {
            opened_remove();
        }
        assert_true(start_and_die(calls++, false));
    }
    assert_int_equal(cyan_serverkey_load(scratch_path("data/server.key"), &made), 0);
    assert_int_equal(opened_as_is(), 0);
    assert_memory_equal(opened.key.spki, made.spki, sizeof made.spki);
    cyan_serverkey_done(&made);
}

static void set_file_limit(rlim_t limit)
{
    struct rlimit now;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &now), 0);
    now.rlim_cur = limit;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &now), 0);
}

static void a_first_start_on_a_full_disk_fails_with_words_and_goes_on_later(void **state)
{
    (void)state;
    static const rlim_t limits[] = {0, 1, 50, 100, 2000, 4096, 20000, 40000, 70000};
    unsigned failed = 0;
    signal(SIGXFSZ, SIG_IGN);
    for (size_t i = 0; i < COUNT_OF(limits); i++) {
        opened_put_key(&opened_keys[0]);
        set_file_limit(limits[i]);
        int status = opened_as_is();
        set_file_limit(RLIM_INFINITY);
        if (status != 0) {
            assert_int_equal(status, CYAN_E_FULL);
            opened_assert_words("no room", "make room");
            failed++;
        }
        assert_int_equal(opened_as_is(), 0);
        char user[200];
        char password[200];
        opened_read_login(user, password);
        assert_int_equal(opened_check_login(user, password), 0);
        opened_remove();
    }
    assert_true(failed >= 5);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, opened_set_up, opened_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_key_without_a_store_is_adopted),
        TEST(a_missing_key_is_never_replaced_once_it_was_known),
        TEST(another_key_is_refused_and_both_are_named),
        TEST(a_damaged_key_is_refused_and_left_as_it_is),
        TEST(a_damaged_store_is_refused_with_words_and_kept),
        TEST(a_first_start_that_is_killed_at_any_call_goes_on_at_the_next),
        TEST(a_key_that_was_made_before_the_kill_is_the_key_afterwards),
        TEST(a_first_start_on_a_full_disk_fails_with_words_and_goes_on_later),
    };
    return cmocka_run_group_tests(tests, opened_make_keys, opened_drop_keys);
}
