#include "server/commands/device_keys.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keys/spki.h"
#include "server/commands/commands.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"
#include "tests/unit/vectors.h"

enum { TEXT_MAX = 300000, A = 0, B = 1, SERVER = 2 };

#define ID_1 "0123456789abcdef01234567"
#define ID_2 "ffffffffffffffffffffffff"

static uint8_t spki[2][CYAN_DEVICE_SPKI_LEN];
static char pem[3][CYAN_SPKI_PEM_MAX];         /* as text */
static char escaped[3][CYAN_SPKI_PEM_MAX * 2]; /* as JSON has it */
static char text[TEXT_MAX];
static size_t text_len;
static struct device_keys keys;
static char said[8192]; /* on stderr */

static int make_keys(void **state)
{
    static const char *const names[] = {"device_spki", "other_device_spki", "server_spki"};
    struct vectors *publics = vectors_open("keys-public.txt");
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        size_t len = i == SERVER ? CYAN_SERVER_SPKI_LEN : CYAN_DEVICE_SPKI_LEN;
        const uint8_t *bytes = vectors_bytes(publics, names[i], len);
        if (i != SERVER) {
            memcpy(spki[i], bytes, len);
        }
        assert_true(cyan_spki_to_pem(bytes, len, pem[i]) > 0);
        size_t at = 0;
        for (const char *c = pem[i]; *c; c++) {
            if (*c == '\n') {
                escaped[i][at++] = '\\';
            }
            escaped[i][at++] = *c == '\n' ? 'n' : *c;
        }
    }
    vectors_close(publics);
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    scratch_init();
    text_len = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    device_keys_done(&keys);
    scratch_done();
    return 0;
}

/* One more line of the file. */
__attribute__((format(printf, 1, 2))) static void line(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text + text_len, sizeof text - text_len, format, args);
    va_end(args);
    assert_in_range(len, 0, sizeof text - text_len - 2);
    text_len += (size_t)len;
    text[text_len++] = '\n';
}

/* What goes to stderr meanwhile is caught. */
static int read_path(const char *path)
{
    int before = dup(STDERR_FILENO);
    int fd = memfd_create("said", MFD_CLOEXEC);
    assert_true(before >= 0 && fd >= 0 && dup2(fd, STDERR_FILENO) >= 0);
    device_keys_done(&keys);
    int code = device_keys_read(path, &keys);
    (void)fflush(stderr);
    assert_true(dup2(before, STDERR_FILENO) >= 0);
    ssize_t len = pread(fd, said, sizeof said - 1, 0);
    assert_true(len >= 0);
    said[len] = '\0';
    close(before);
    close(fd);
    return code;
}

/* Reads the lines so far, and begins anew. */
static void read_lines(void)
{
    scratch_write("deviceKeys.db", text, text_len);
    assert_int_equal(read_path(scratch_path("deviceKeys.db")), 0);
    text_len = 0;
}

static void assert_key(size_t at, const char *id, int which)
{
    uint8_t bytes[CYAN_ID_LEN];
    assert_int_equal(device_keys_id(id, strlen(id), bytes), 0);
    assert_true(at < keys.count);
    assert_memory_equal(keys.list[at].id, bytes, sizeof bytes);
    assert_memory_equal(keys.list[at].spki, spki[which], sizeof spki[which]);
}

static void assert_counts(size_t count, size_t bad)
{
    if (keys.count != count || keys.bad != bad) {
        fail_msg("%zu keys and %zu bad, wanted %zu and %zu:\n%s", keys.count, keys.bad, count, bad,
                 said);
    }
}

static void assert_said(const char *words)
{
    if (!strstr(said, words)) {
        fail_msg("'%s' was not said:\n%s", words, said);
    }
}

/* A document as Brewskey stores it. */
static void document(const char *name, const char *id, int which)
{
    line("{\"algorithm\":\"rsa\",\"deviceID\":\"%s\",\"key\":\"%s\",\"_id\":\"%s\"}", id,
         escaped[which], name);
}

static void documents_become_keys_of_their_devices(void **state)
{
    (void)state;
    line("{\"$$indexCreated\":{\"fieldName\":\"deviceID\",\"unique\":true}}");
    document("b", ID_2, B);
    line("%s", "");
    line("  \r");
    document("a", "0123456789ABCDEF01234567", A);
    line("{\"$$indexRemoved\":\"deviceID\"}");
    text_len--; /* the last line may lack its end */
    read_lines();
    assert_counts(2, 0);
    assert_key(0, ID_1, A);
    assert_key(1, ID_2, B);
    assert_string_equal(said, "");
}

static void a_later_line_replaces_an_earlier_one_and_deletes_it(void **state)
{
    (void)state;
    document("x", ID_1, A);
    document("x", ID_1, B);
    read_lines();
    assert_counts(1, 0);
    assert_key(0, ID_1, B);
    document("x", ID_1, A);
    line("{\"$$deleted\":true,\"_id\":\"x\"}");
    read_lines();
    assert_counts(0, 0);
    document("x", ID_1, A);
    line("{\"$$deleted\":true,\"_id\":\"x\"}");
    document("x", ID_2, B);
    document("y", ID_1, A);
    line("{\"$$deleted\":true,\"_id\":\"z\"}");
    read_lines();
    assert_counts(2, 0);
    assert_key(0, ID_1, A);
    assert_key(1, ID_2, B);
}

static void damage_that_was_replaced_later_is_none(void **state)
{
    (void)state;
    line("{\"_id\":\"x\",\"deviceID\":\"nonsense\"}");
    document("x", ID_1, A);
    read_lines();
    assert_counts(1, 0);
    /* And the other way round. */
    document("x", ID_1, A);
    line("{\"_id\":\"x\",\"deviceID\":\"nonsense\"}");
    read_lines();
    assert_counts(0, 1);
    assert_said("line 2: its deviceID is no device id");
}

static void every_damaged_line_is_named_with_its_reason_and_the_rest_goes_in(void **state)
{
    (void)state;
    static const struct {
        const char *line, *reason;
    } bad[] = {
        {"nonsense", "no object of JSON"},
        {"[]", "no object of JSON"},
        {"\"text\"", "no object of JSON"},
        {"7", "no object of JSON"},
        {"{", "no object of JSON"},
        {"{}{}", "no object of JSON"},
        {"{\"a\":1,\"a\":2}", "no object of JSON"},
        {"{\"deviceID\":\"\\u0000\"}", "no object of JSON"},
        {"{\"deviceID\":\"\xff\"}", "no object of JSON"},
        {"{}", "its deviceID is no device id"},
        {"{\"$$deleted\":false}", "its deviceID is no device id"},
        {"{\"deviceID\":7}", "its deviceID is no device id"},
        {"{\"deviceID\":\"0123456789abcdef0123456\"}", "its deviceID is no device id"},
        {"{\"deviceID\":\"0123456789abcdef012345678\"}", "its deviceID is no device id"},
        {"{\"deviceID\":\"0123456789abcdef0123456g\"}", "its deviceID is no device id"},
        {"{\"deviceID\":\"" ID_2 "\"}", "it has no key"},
        {"{\"deviceID\":\"" ID_2 "\",\"key\":null}", "it has no key"},
        {"{\"deviceID\":\"" ID_2 "\",\"key\":\"\"}", "its key cannot be used: it is blank"},
        {"{\"deviceID\":\"" ID_2 "\",\"key\":\"abc\"}", "its key cannot be used: no key"},
        {"{\"deviceID\":\"" ID_2 "\",\"algorithm\":\"ecc\",\"key\":\"abc\"}", "is not rsa"},
        {"{\"deviceID\":\"" ID_2 "\",\"algorithm\":1,\"key\":\"abc\"}", "is not rsa"},
        {"{\"_id\":7}", "its _id is no text"},
        {"{\"_id\":{\"a\":1}}", "its _id is no text"},
        {"{\"_id\":\"12345678901234567890123456789012345678901234567890123456789012345\"}",
         "its _id is no text"},
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        document("a", ID_1, A);
        line("%s", bad[i].line);
        document("b", ID_2, B);
        read_lines();
        assert_counts(2, 1);
        assert_said("line 2: ");
        assert_said(bad[i].reason);
        assert_key(0, ID_1, A);
        assert_key(1, ID_2, B);
    }
    document("a", ID_1, SERVER);
    read_lines();
    assert_counts(0, 1);
    assert_said("not an RSA key of 1024 bits");
}

static void a_line_cut_anywhere_is_named_or_whole(void **state)
{
    (void)state;
    document("a", ID_1, A);
    size_t whole = text_len - 1;
    char *copy = strdup(text);
    for (size_t len = 0; len <= whole; len++) {
        memcpy(text, copy, len);
        text_len = len;
        read_lines();
        assert_counts(len == whole, len > 0 && len < whole);
    }
    free(copy);
}

/* What is damaged inside may be read in another way (a key that is another key); it is never lost
 * without a word, but for a line that says to delete, or nothing at all. */
static void a_line_with_any_flipped_bit_is_used_or_named(void **state)
{
    (void)state;
    document("a", ID_1, A);
    size_t whole = text_len;
    char *copy = strdup(text);
    size_t used = 0;
    for (size_t bit = 0; bit < 8 * (whole - 1); bit++) {
        memcpy(text, copy, whole);
        text_len = whole;
        text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
        read_lines();
        assert_true(keys.count + keys.bad >= 1);
        used += keys.count;
    }
    assert_in_range(used, 1, 8 * whole - 1);
    free(copy);
}

static void a_line_longer_than_any_key_is_named_and_skipped(void **state)
{
    (void)state;
    char *filler = malloc(DEVICE_KEYS_LINE_MAX + 2);
    assert_non_null(filler);
    for (size_t len = DEVICE_KEYS_LINE_MAX - 1; len <= DEVICE_KEYS_LINE_MAX + 1; len++) {
        memset(filler, ' ', len);
        filler[0] = '7';
        filler[len] = '\0';
        document("a", ID_1, A);
        line("%s", filler);
        document("b", ID_2, B);
        read_lines();
        assert_counts(2, 1);
        assert_said(len > DEVICE_KEYS_LINE_MAX ? "line 2: it is longer than any key"
                                               : "line 2: it is no object of JSON");
    }
    free(filler);
}

static void two_keys_for_one_device_are_named_both_and_one_key_twice_is_one(void **state)
{
    (void)state;
    document("a", ID_1, A);
    document("b", ID_1, A);
    read_lines();
    assert_counts(1, 0);
    document("a", ID_1, A);
    document("b", ID_1, B);
    document("c", ID_1, A);
    document("d", ID_2, B);
    read_lines();
    assert_counts(1, 3);
    assert_key(0, ID_2, B);
    assert_said("line 2: there are different keys for this device");
}

static void put_pem(const char *name, const char *content)
{
    char path[200];
    (void)snprintf(path, sizeof path, "core_keys/%s", name);
    scratch_write(path, content, strlen(content));
}

static void a_folder_of_pem_files_becomes_keys_and_other_files_are_left_out(void **state)
{
    (void)state;
    assert_int_equal(mkdir(scratch_path("core_keys"), 0700), 0);
    put_pem("0123456789ABCDEF01234567.pub.pem", pem[A]);
    put_pem(ID_2 ".pem", pem[B]);
    put_pem(ID_2 ".pub.pem", pem[B]);
    put_pem(ID_2 ".json", "{}");
    put_pem("default_key.pem", pem[SERVER]);
    put_pem("default_key.pub.pem", pem[SERVER]);
    put_pem("README", "hello");
    assert_int_equal(read_path(scratch_path("core_keys")), 0);
    assert_counts(2, 0);
    assert_key(0, ID_1, A);
    assert_key(1, ID_2, B);
}

static void bad_files_are_named_with_their_reasons(void **state)
{
    (void)state;
    assert_int_equal(mkdir(scratch_path("core_keys"), 0700), 0);
    put_pem("short.pub.pem", pem[A]);
    put_pem(ID_1 ".pub.pem", "nonsense");
    put_pem("0123456789abcdef01234568.pub.pem", pem[SERVER]);
    put_pem("0123456789abcdef01234569.pub.pem", "");
    put_pem("0123456789abcdef0123456a.pem", pem[A]);
    put_pem("0123456789abcdef0123456a.pub.pem", pem[B]);
    put_pem(ID_2 ".pub.pem", pem[B]);
    assert_int_equal(mkdir(scratch_path("core_keys/0123456789abcdef0123456b.pem"), 0700), 0);
    assert_int_equal(read_path(scratch_path("core_keys")), 0);
    assert_counts(1, 7);
    assert_key(0, ID_2, B);
    assert_said("short.pub.pem: its name is no device id");
    assert_said(ID_1 ".pub.pem: no key can be read from it");
    assert_said("01234568.pub.pem: it is not an RSA key of 1024 bits");
    assert_said("01234569.pub.pem: it is blank");
    assert_said("0123456a.pem: there are different keys for this device");
    assert_said("0123456a.pub.pem: there are different keys for this device");
    assert_said("0123456b.pem: Is a directory");
    assert_int_equal(rmdir(scratch_path("core_keys/0123456789abcdef0123456b.pem")), 0);
}

static void private_halves_are_taken_for_their_public_ones(void **state)
{
    (void)state;
    static const char pem_path[] = "core_keys/" ID_1 ".pem";
    struct vectors *privates = vectors_open("keys.txt");
    const struct vector *key = vectors_get(privates, "device_key");
    assert_int_equal(mkdir(scratch_path("core_keys"), 0700), 0);
    scratch_write("key.der", key->data, key->len);
    assert_int_equal(
        SCRATCH_RUN("openssl", "rsa", "-inform", "DER", "-in", "key.der", "-out", pem_path), 0);
    vectors_close(privates);
    assert_int_equal(read_path(scratch_path("core_keys")), 0);
    assert_counts(1, 0);
    assert_key(0, ID_1, A);
}

static void a_path_that_cannot_be_read_is_an_error(void **state)
{
    (void)state;
    assert_int_equal(read_path(scratch_path("missing")), COMMAND_FAILED);
    assert_said("No such file");
    assert_said("\n  try: ");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(documents_become_keys_of_their_devices),
        TEST(a_later_line_replaces_an_earlier_one_and_deletes_it),
        TEST(damage_that_was_replaced_later_is_none),
        TEST(every_damaged_line_is_named_with_its_reason_and_the_rest_goes_in),
        TEST(a_line_cut_anywhere_is_named_or_whole),
        TEST(a_line_with_any_flipped_bit_is_used_or_named),
        TEST(a_line_longer_than_any_key_is_named_and_skipped),
        TEST(two_keys_for_one_device_are_named_both_and_one_key_twice_is_one),
        TEST(a_folder_of_pem_files_becomes_keys_and_other_files_are_left_out),
        TEST(bad_files_are_named_with_their_reasons),
        TEST(private_halves_are_taken_for_their_public_ones),
        TEST(a_path_that_cannot_be_read_is_an_error),
    };
    return cmocka_run_group_tests(tests, make_keys, NULL);
}
