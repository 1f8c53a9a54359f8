#include "server/store/sqlite.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/pantry.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

enum { PAGE = 4096 };

static uint32_t add_account(void)
{
    static const struct store_account account = {.name = "ann", .password = "x"};
    uint32_t id = 0;
    assert_int_equal(pantry.account_add(pantry.ctx, &account, &id), 0);
    return id;
}

static struct store_device device_of(unsigned number, uint32_t owner)
{
    struct store_device device = {.owner = owner};
    memset(device.id, (int)number, sizeof device.id);
    (void)snprintf(device.name, sizeof device.name, "device-%u", number);
    return device;
}

static void its_files_are_for_the_owner_alone_whatever_the_umask(void **state)
{
    (void)state;
    static const char *const names[] = {"cyan.db", "cyan.db-wal", "cyan.db-shm"};
    pantry_close();
    assert_int_equal(unlink(scratch_path("cyan.db")), 0);
    mode_t old = umask(0);
    pantry_open();
    umask(old);
    assert_int_equal(pantry.meta_set(pantry.ctx, "color", "cyan"), 0);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct stat info;
        assert_int_equal(stat(scratch_path(names[i]), &info), 0);
        assert_int_equal(info.st_mode & 07777U, 0600);
    }
    pantry_close();
    assert_int_equal(chmod(scratch_path("cyan.db"), 0644), 0);
    pantry_open();
    struct stat info;
    assert_int_equal(stat(scratch_path("cyan.db"), &info), 0);
    assert_int_equal(info.st_mode & 07777U, 0600);
}

/* What opening says of the file as it stands; closes again what opened. */
static int try_open(void)
{
    struct store store;
    int status = store_sqlite_open(scratch_path("cyan.db"), &store);
    if (status == 0) {
        store.close(store.ctx);
    }
    return status;
}

static void a_store_of_a_later_version_is_refused_as_unsupported(void **state)
{
    (void)state;
    enum { USER_VERSION = 60 };
    size_t len = 0;
    pantry_close();
    uint8_t *bytes = scratch_read("cyan.db", &len);
    for (unsigned version = 0; version <= 255; version++) {
        bytes[USER_VERSION + 3] = (uint8_t)version;
        scratch_write("cyan.db", bytes, len);
        int want = version < 2 ? CYAN_E_CORRUPT : version == 2 ? 0 : CYAN_E_UNSUPPORTED;
        assert_int_equal(try_open(), want);
    }
    free(bytes);
}

static void a_database_of_somebody_else_is_refused_and_left_alone(void **state)
{
    (void)state;
    enum { APPLICATION_ID = 68, USER_VERSION = 60 };
    size_t len = 0;
    size_t len_after = 0;
    pantry_close();
    uint8_t *bytes = scratch_read("cyan.db", &len);
    memset(bytes + APPLICATION_ID, 0, 4);
    memset(bytes + USER_VERSION, 0, 4);
    scratch_write("cyan.db", bytes, len);
    assert_int_equal(try_open(), CYAN_E_CORRUPT);
    uint8_t *after = scratch_read("cyan.db", &len_after);
    assert_int_equal(len_after, len);
    assert_memory_equal(after, bytes, len);
    free(after);
    free(bytes);
}

static void a_file_too_short_for_a_header_is_refused_and_left_alone(void **state)
{
    (void)state;
    size_t full = 0;
    pantry_close();
    uint8_t *bytes = scratch_read("cyan.db", &full);
    for (size_t len = 1; len < 100; len++) {
        size_t after = 0;
        scratch_write("cyan.db", bytes, len);
        assert_int_equal(try_open(), CYAN_E_CORRUPT);
        uint8_t *left = scratch_read("cyan.db", &after);
        assert_int_equal(after, len);
        free(left);
    }
    free(bytes);
}

/* Fills the store so that every table has several pages. */
static void fill(void)
{
    uint32_t ann = add_account();
    assert_int_equal(pantry.begin(pantry.ctx), 0);
    for (unsigned i = 1; i < 200; i++) {
        struct store_device device = device_of(i, ann);
        struct store_key key = {.state = STORE_KEY_TRUSTED};
        struct store_token token = {.account = ann, .pair = i};
        memset(key.fingerprint, (int)i, sizeof key.fingerprint);
        memcpy(key.device, device.id, sizeof key.device);
        memset(token.hash, (int)i, sizeof token.hash);
        assert_int_equal(pantry.device_add(pantry.ctx, &device), 0);
        assert_int_equal(pantry.key_put(pantry.ctx, &key), 0);
        assert_int_equal(pantry.token_add(pantry.ctx, &token), 0);
    }
    assert_int_equal(pantry.commit(pantry.ctx), 0);
}

static int skip_device(void *arg, const struct store_device *device)
{
    (void)arg;
    (void)device;
    return 0;
}

/* Opens a damaged file and, if that works, goes through it: anything but a crash is fine, and
 * nothing but an error of the file may come. Returns whether it opened. */
static bool survives(void)
{
    struct store store;
    int status = store_sqlite_open(scratch_path("cyan.db"), &store);
    if (status != 0) {
        assert_true(status == CYAN_E_CORRUPT || status == CYAN_E_UNSUPPORTED ||
                    status == CYAN_E_IO || status == CYAN_E_FULL);
    } else {
        struct store_account account;
        (void)store.account_find(store.ctx, "ann", &account);
        (void)store.device_each(store.ctx, 1, skip_device, NULL);
        (void)store.meta_set(store.ctx, "color", "cyan");
        store.close(store.ctx);
    }
    (void)unlink(scratch_path("cyan.db-wal"));
    (void)unlink(scratch_path("cyan.db-shm"));
    (void)unlink(scratch_path("cyan.db-journal"));
    return status == 0;
}

static void a_zeroed_page_is_found_when_the_store_is_opened(void **state)
{
    (void)state;
    size_t len = 0;
    unsigned opened = 0;
    fill();
    pantry_close();
    uint8_t *bytes = scratch_read("cyan.db", &len);
    uint8_t *damaged = malloc(len);
    assert_non_null(damaged);
    for (size_t page = 0; page < len / PAGE; page++) {
        memcpy(damaged, bytes, len);
        memset(damaged + page * PAGE, 0, PAGE);
        scratch_write("cyan.db", damaged, len);
        opened += survives();
    }
    assert_true(len / PAGE > 20);
    assert_int_equal(opened, 0);
    free(damaged);
    free(bytes);
}

static void no_damaged_byte_of_the_header_and_no_cut_crashes(void **state)
{
    (void)state;
    enum { HEADER = 100, MAGIC = 16 };
    size_t len = 0;
    fill();
    pantry_close();
    uint8_t *bytes = scratch_read("cyan.db", &len);
    for (size_t at = 0; at < HEADER; at++) {
        static const uint8_t flips[] = {0x01, 0x80, 0xFF};
        for (size_t i = 0; i < COUNT_OF(flips); i++) {
            bytes[at] ^= flips[i];
            scratch_write("cyan.db", bytes, len);
            bool opened = survives();
            assert_false(at < MAGIC && opened);
            bytes[at] ^= flips[i];
        }
    }
    for (size_t cut = PAGE / 2; cut < len; cut += PAGE / 2) {
        scratch_write("cyan.db", bytes, cut);
        (void)survives();
    }
    free(bytes);
}

static void set_file_limit(rlim_t limit)
{
    struct rlimit old;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    old.rlim_cur = limit;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
}

static void a_full_disk_is_told_and_nothing_is_half_written(void **state)
{
    (void)state;
    enum { ROOM = 256 * 1024 };
    struct store_device found;
    uint64_t count = 0;
    unsigned written = 0;
    int status = 0;
    signal(SIGXFSZ, SIG_IGN);
    uint32_t ann = add_account();
    set_file_limit(ROOM);
    for (; written < 250 && status == 0; written++) {
        struct store_device device = device_of(written, ann);
        status = pantry.begin(pantry.ctx);
        for (unsigned i = 0; i < 16 && status == 0; i++) {
            device.id[0] = (uint8_t)i;
            device.name[0] = '\0';
            status = pantry.device_add(pantry.ctx, &device);
        }
        status = status == 0 ? pantry.commit(pantry.ctx) : status;
        pantry.rollback(pantry.ctx);
    }
    assert_int_equal(status, CYAN_E_FULL);
    assert_int_equal(pantry.device_count(pantry.ctx, &count), 0);
    assert_int_equal(count, 16 * (written - 1));
    set_file_limit(RLIM_INFINITY);
    struct store_device device = device_of(255, ann);
    assert_int_equal(pantry.device_add(pantry.ctx, &device), 0);
    pantry_close();
    pantry_open();
    assert_int_equal(pantry.device_get(pantry.ctx, device.id, &found), 0);
    assert_int_equal(pantry.device_count(pantry.ctx, &count), 0);
    assert_int_equal(count, 16 * (written - 1) + 1);
}

static void a_folder_where_no_file_can_be_made_is_an_io_error(void **state)
{
    (void)state;
    struct store store;
    assert_int_equal(store_sqlite_open(scratch_path("missing/cyan.db"), &store), CYAN_E_IO);
    assert_int_equal(mkdir(scratch_path("folder"), 0700), 0);
    assert_int_equal(store_sqlite_open(scratch_path("folder"), &store), CYAN_E_IO);
}

static void a_path_is_the_name_of_a_file_and_nothing_else(void **state)
{
    (void)state;
    static const char *const names[] = {"file:x.db", "file:x.db?mode=memory", ":memory:.db",
                                        "-x.db", "a b%20.db"};
    char home[SCRATCH_PATH_MAX];
    struct store store;
    assert_non_null(getcwd(home, sizeof home));
    assert_int_equal(chdir(scratch_path(".")), 0);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        assert_int_equal(store_sqlite_open(names[i], &store), 0);
        store.close(store.ctx);
        struct stat info;
        assert_int_equal(stat(names[i], &info), 0);
        assert_true(info.st_size > PAGE);
    }
    assert_int_equal(store_sqlite_open(":memory:", &store), 0);
    store.close(store.ctx);
    assert_int_not_equal(access(":memory:", F_OK), 0);
    assert_int_equal(chdir(home), 0);
}

/* What a copy holds; it is gone afterwards. */
static uint64_t devices_in_copy(void)
{
    struct store copy;
    uint64_t count = 0;
    assert_int_equal(store_sqlite_open(scratch_path("copy.db"), &copy), 0);
    assert_int_equal(copy.device_count(copy.ctx, &count), 0);
    copy.close(copy.ctx);
    assert_int_equal(unlink(scratch_path("copy.db")), 0);
    return count;
}

static void a_copy_holds_what_was_committed_and_nothing_that_is_under_way(void **state)
{
    (void)state;
    uint32_t ann = add_account();
    for (unsigned i = 1; i <= 3; i++) {
        struct store_device device = device_of(i, ann);
        assert_int_equal(pantry.device_add(pantry.ctx, &device), 0);
    }
    assert_int_equal(pantry.begin(pantry.ctx), 0);
    struct store_device open_one = device_of(4, ann);
    assert_int_equal(pantry.device_add(pantry.ctx, &open_one), 0);
    assert_int_equal(store_sqlite_copy(scratch_path("cyan.db"), scratch_path("copy.db")), 0);
    assert_int_equal(devices_in_copy(), 3);
    assert_int_equal(pantry.commit(pantry.ctx), 0);
    /* Into a file that is empty, and from a store that nobody has open. */
    pantry_close();
    scratch_write("copy.db", "", 0);
    assert_int_equal(store_sqlite_copy(scratch_path("cyan.db"), scratch_path("copy.db")), 0);
    assert_int_equal(devices_in_copy(), 4);
}

static void a_copy_writes_over_nothing_and_makes_no_source(void **state)
{
    (void)state;
    size_t len = 0;
    scratch_write("copy.db", "something", 9);
    assert_int_not_equal(store_sqlite_copy(scratch_path("cyan.db"), scratch_path("copy.db")), 0);
    uint8_t *bytes = scratch_read("copy.db", &len);
    assert_int_equal(len, 9);
    assert_memory_equal(bytes, "something", 9);
    free(bytes);
    assert_int_equal(store_sqlite_copy(scratch_path("none.db"), scratch_path("to.db")), CYAN_E_IO);
    assert_int_not_equal(access(scratch_path("none.db"), F_OK), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, pantry_set_up, pantry_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(its_files_are_for_the_owner_alone_whatever_the_umask),
        TEST(a_store_of_a_later_version_is_refused_as_unsupported),
        TEST(a_database_of_somebody_else_is_refused_and_left_alone),
        TEST(a_file_too_short_for_a_header_is_refused_and_left_alone),
        TEST(a_zeroed_page_is_found_when_the_store_is_opened),
        TEST(no_damaged_byte_of_the_header_and_no_cut_crashes),
        TEST(a_full_disk_is_told_and_nothing_is_half_written),
        TEST(a_folder_where_no_file_can_be_made_is_an_io_error),
        TEST(a_path_is_the_name_of_a_file_and_nothing_else),
        TEST(a_copy_holds_what_was_committed_and_nothing_that_is_under_way),
        TEST(a_copy_writes_over_nothing_and_makes_no_source),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
