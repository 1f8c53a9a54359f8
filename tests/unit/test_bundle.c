#include "server/commands/bundle.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "keys/keyfile.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

enum { CHEAP = 4, STREAM_MAX = 64 * 1024 };

static const char passphrase[] = "correct horse";
static struct cyan_writer stream;
static uint8_t stream_data[STREAM_MAX];

static int set_up(void **state)
{
    (void)state;
    scratch_init();
    cyan_writer_init(&stream, stream_data, sizeof stream_data);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    scratch_done();
    return 0;
}

/* An entry as the specification has it. */
static void put(uint8_t kind, uint64_t len, const char *data)
{
    cyan_write_u8(&stream, kind);
    cyan_write_u32(&stream, (uint32_t)(len >> 32));
    cyan_write_u32(&stream, (uint32_t)len);
    cyan_write_bytes(&stream, data, strlen(data));
}

static void seal(void)
{
    struct cyan_sealer *sealer = NULL;
    int fd = open(scratch_path("sealed"), O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_false(stream.failed);
    assert_int_equal(cyan_sealer_create(fd, passphrase, CHEAP, &sealer), 0);
    assert_int_equal(cyan_sealer_write(sealer, stream.data, stream.len), 0);
    assert_int_equal(cyan_sealer_end(sealer), 0);
    cyan_sealer_destroy(sealer);
    assert_int_equal(close(fd), 0);
}

static int read_into(const char *folder)
{
    struct cyan_unsealer *unsealer = NULL;
    int fd = open(scratch_path("sealed"), O_RDONLY);
    assert_int_equal(cyan_unsealer_create(fd, passphrase, &unsealer), 0);
    int err = bundle_read(unsealer, folder);
    cyan_unsealer_destroy(unsealer);
    assert_int_equal(close(fd), 0);
    return err;
}

/* Seals what was put and reads it without writing. */
static int judge(void)
{
    seal();
    cyan_writer_init(&stream, stream_data, sizeof stream_data);
    return read_into(NULL);
}

static void assert_file(const char *name, const char *text)
{
    size_t len = 0;
    struct stat info;
    uint8_t *data = scratch_read(name, &len);
    assert_int_equal(len, strlen(text));
    assert_memory_equal(data, text, len);
    free(data);
    assert_int_equal(stat(scratch_path(name), &info), 0);
    assert_int_equal(info.st_mode & 07777U, 0600);
}

static void files_come_back_under_their_names_for_the_owner_alone(void **state)
{
    (void)state;
    assert_int_equal(mkdir(scratch_path("to"), 0700), 0);
    put(BUNDLE_KEY, 3, "key");
    put(BUNDLE_PREV_KEY, 4, "prev");
    put(BUNDLE_STORE, 5, "store");
    put(BUNDLE_END, 0, "");
    seal();
    mode_t old = umask(0);
    assert_int_equal(read_into(scratch_path("to")), 0);
    umask(old);
    assert_int_equal(scratch_count("to"), 3);
    assert_file("to/server.key", "key");
    assert_file("to/server-prev.key", "prev");
    assert_file("to/cyan.db", "store");
    /* What is there is not written over. */
    assert_int_equal(read_into(scratch_path("to")), CYAN_E_IO);
}

static void what_was_put_is_what_the_specification_says(void **state)
{
    (void)state;
    struct cyan_sealer *sealer = NULL;
    struct cyan_unsealer *unsealer = NULL;
    uint8_t found[100];
    scratch_write("store", "store", 5);
    int store = open(scratch_path("store"), O_RDONLY);
    int fd = open(scratch_path("sealed"), O_RDWR | O_CREAT, 0600);
    assert_int_equal(cyan_sealer_create(fd, passphrase, CHEAP, &sealer), 0);
    assert_int_equal(bundle_put(sealer, BUNDLE_KEY, "key", 3), 0);
    assert_int_equal(bundle_put_file(sealer, BUNDLE_STORE, store, 5), 0);
    assert_int_equal(bundle_put_file(sealer, BUNDLE_STORE, store, 1), CYAN_E_TRUNCATED);
    cyan_sealer_destroy(sealer);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    assert_int_equal(lseek(store, 0, SEEK_SET), 0);
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(cyan_sealer_create(fd, passphrase, CHEAP, &sealer), 0);
    assert_int_equal(bundle_put(sealer, BUNDLE_KEY, "key", 3), 0);
    assert_int_equal(bundle_put_file(sealer, BUNDLE_STORE, store, 5), 0);
    assert_int_equal(bundle_end(sealer), 0);
    cyan_sealer_destroy(sealer);
    put(BUNDLE_KEY, 3, "key");
    put(BUNDLE_STORE, 5, "store");
    put(BUNDLE_END, 0, "");
    assert_int_equal(cyan_unsealer_create(fd, passphrase, &unsealer), 0);
    assert_int_equal(cyan_unsealer_read(unsealer, found, stream.len), 0);
    assert_memory_equal(found, stream.data, stream.len);
    assert_int_equal(cyan_unsealer_end(unsealer), 0);
    cyan_unsealer_destroy(unsealer);
    assert_int_equal(close(fd), 0);
    assert_int_equal(close(store), 0);
}

/* All orders of up to five kinds, of which four are known. */
static void entries_in_any_other_order_are_refused(void **state)
{
    (void)state;
    enum { KINDS = 5, DEPTH = 5, ALL = KINDS * KINDS * KINDS * KINDS * KINDS };
    unsigned right = 0;
    for (unsigned code = 0; code < ALL; code++) {
        unsigned rest = code;
        char order[DEPTH + 1] = "";
        size_t depth = 0;
        /* A stream ends with its first end. */
        do {
            unsigned kind = rest % KINDS;
            rest /= KINDS;
            order[depth++] = (char)('0' + kind);
            put((uint8_t)kind, kind == BUNDLE_END ? 0 : 1, kind == BUNDLE_END ? "" : "x");
        } while (depth < DEPTH && order[depth - 1] != '0');
        bool good = strcmp(order, "130") == 0 || strcmp(order, "1230") == 0;
        assert_int_equal(judge(), good ? 0 : CYAN_E_NOT_DECIPHERABLE);
        right += good;
    }
    assert_in_range(right, 2, ALL);
}

static void lengths_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    static const uint64_t lens[] = {0,         2, 4, 9, 14, 1000, UINT32_MAX, (uint64_t)1 << 32,
                                    UINT64_MAX};
    for (size_t i = 0; i < COUNT_OF(lens); i++) {
        put(BUNDLE_KEY, lens[i], "key");
        put(BUNDLE_STORE, 5, "store");
        put(BUNDLE_END, 0, "");
        assert_int_equal(judge(), CYAN_E_NOT_DECIPHERABLE);
        put(BUNDLE_KEY, 3, "key");
        put(BUNDLE_STORE, lens[i], "storm");
        put(BUNDLE_END, 0, "");
        assert_int_equal(judge(), CYAN_E_NOT_DECIPHERABLE);
    }
    put(BUNDLE_KEY, 3, "key");
    put(BUNDLE_STORE, 5, "store");
    put(BUNDLE_END, 1, "x");
    assert_int_equal(judge(), CYAN_E_NOT_DECIPHERABLE);
}

static void a_key_longer_than_any_key_is_refused(void **state)
{
    (void)state;
    char *text = malloc(CYAN_KEYFILE_MAX + 2);
    assert_non_null(text);
    for (size_t len = CYAN_KEYFILE_MAX; len <= CYAN_KEYFILE_MAX + 1; len++) {
        memset(text, 'k', len);
        text[len] = '\0';
        put(BUNDLE_KEY, len, text);
        put(BUNDLE_STORE, 5, "store");
        put(BUNDLE_END, 0, "");
        assert_int_equal(judge(), len == CYAN_KEYFILE_MAX ? 0 : CYAN_E_NOT_DECIPHERABLE);
    }
    free(text);
}

static void what_stands_behind_the_end_is_refused(void **state)
{
    (void)state;
    put(BUNDLE_KEY, 3, "key");
    put(BUNDLE_STORE, 5, "store");
    put(BUNDLE_END, 0, "x");
    assert_int_equal(judge(), CYAN_E_NOT_DECIPHERABLE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(files_come_back_under_their_names_for_the_owner_alone),
        TEST(what_was_put_is_what_the_specification_says),
        TEST(entries_in_any_other_order_are_refused),
        TEST(lengths_that_do_not_fit_are_refused),
        TEST(a_key_longer_than_any_key_is_refused),
        TEST(what_stands_behind_the_end_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
