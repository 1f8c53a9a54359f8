#include "keys/sealed.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/scratch.h"
#include "tests/unit/support.h"
#include "tests/unit/unit.h"

enum { CHEAP = 4, WHOLE = CYAN_SEALED_CHUNK + CYAN_SEALED_TAG_LEN };

static const char passphrase[] = "correct horse";

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

static uint8_t *stream_of(size_t len)
{
    uint8_t *data = malloc(len);
    assert_non_null(data);
    for (size_t i = 0; i < len; i++) {
        data[i] = (uint8_t)(i * 7 + (i >> 8) + (i >> 16));
    }
    return data;
}

/* Seals len bytes of the stream in pieces; the file on the heap. */
static uint8_t *seal(size_t len, size_t piece, size_t *out_len)
{
    struct cyan_sealer *sealer = NULL;
    uint8_t *data = stream_of(len);
    int fd = open(scratch_path("sealed"), O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(cyan_sealer_create(fd, passphrase, CHEAP, &sealer), 0);
    for (size_t at = 0; at < len; at += piece) {
        size_t part = len - at < piece ? len - at : piece;
        assert_int_equal(cyan_sealer_write(sealer, data + at, part), 0);
    }
    assert_int_equal(cyan_sealer_end(sealer), 0);
    cyan_sealer_destroy(sealer);
    assert_int_equal(close(fd), 0);
    free(data);
    return scratch_read("sealed", out_len);
}

/* Reads len bytes of a file and its end, in pieces; compares as far as it comes. */
static int unseal_with(const char *secret, const uint8_t *file, size_t file_len, size_t len,
                       size_t piece)
{
    struct cyan_unsealer *unsealer = NULL;
    uint8_t *data = stream_of(len);
    uint8_t *found = malloc(piece);
    assert_non_null(found);
    scratch_write("file", file, file_len);
    int fd = open(scratch_path("file"), O_RDONLY);
    assert_true(fd >= 0);
    int err = cyan_unsealer_create(fd, secret, &unsealer);
    for (size_t at = 0; at < len && err == 0; at += piece) {
        size_t part = len - at < piece ? len - at : piece;
        err = cyan_unsealer_read(unsealer, found, part);
        if (err == 0) {
            assert_memory_equal(found, data + at, part);
        }
    }
    if (err == 0) {
        err = cyan_unsealer_end(unsealer);
    }
    cyan_unsealer_destroy(unsealer);
    assert_int_equal(close(fd), 0);
    free(found);
    free(data);
    return err;
}

static int unseal(const uint8_t *file, size_t file_len, size_t len)
{
    return unseal_with(passphrase, file, file_len, len, 4096);
}

static void a_stream_of_any_length_comes_back_whatever_the_pieces(void **state)
{
    (void)state;
    static const size_t lens[] = {1,
                                  2,
                                  CYAN_SEALED_CHUNK - 1,
                                  CYAN_SEALED_CHUNK,
                                  CYAN_SEALED_CHUNK + 1,
                                  2 * CYAN_SEALED_CHUNK,
                                  3 * CYAN_SEALED_CHUNK - 5};
    static const size_t pieces[] = {1, 1000, CYAN_SEALED_CHUNK, 200000};
    for (size_t i = 0; i < COUNT_OF(lens); i++) {
        for (size_t k = 0; k < COUNT_OF(pieces); k++) {
            size_t file_len = 0;
            uint8_t *file = seal(lens[i], pieces[k], &file_len);
            size_t chunks = (lens[i] + CYAN_SEALED_CHUNK - 1) / CYAN_SEALED_CHUNK;
            assert_int_equal(file_len,
                             CYAN_SEALED_HEADER_LEN + lens[i] + chunks * CYAN_SEALED_TAG_LEN);
            for (size_t j = 0; j < COUNT_OF(pieces); j++) {
                assert_int_equal(unseal_with(passphrase, file, file_len, lens[i], pieces[j]), 0);
            }
            assert_int_equal(unseal(file, file_len, lens[i] + 1), CYAN_E_TRUNCATED);
            if (lens[i] > 1) {
                assert_int_equal(unseal(file, file_len, lens[i] - 1), CYAN_E_TOO_LONG);
            }
            free(file);
        }
    }
}

static void the_stream_can_be_read_twice(void **state)
{
    (void)state;
    size_t file_len = 0;
    enum { LEN = 2 * CYAN_SEALED_CHUNK + 9 };
    uint8_t *file = seal(LEN, 5000, &file_len);
    uint8_t *data = stream_of(LEN);
    uint8_t *found = malloc(LEN);
    struct cyan_unsealer *unsealer = NULL;
    int fd = open(scratch_path("sealed"), O_RDONLY);
    assert_int_equal(cyan_unsealer_create(fd, passphrase, &unsealer), 0);
    /* From the middle of a chunk, from its end, and from the end of all. */
    for (size_t part = LEN; part > 0; part /= 3) {
        assert_int_equal(cyan_unsealer_read(unsealer, found, part), 0);
        assert_memory_equal(found, data, part);
        cyan_unsealer_rewind(unsealer);
    }
    cyan_unsealer_destroy(unsealer);
    assert_int_equal(close(fd), 0);
    free(found);
    free(data);
    free(file);
}

static void every_flipped_bit_of_a_file_is_refused(void **state)
{
    (void)state;
    size_t file_len = 0;
    uint8_t *file = seal(100, 100, &file_len);
    for (size_t bit = 0; bit < 8 * file_len; bit++) {
        file[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_equal(unseal(file, file_len, 100), CYAN_E_NOT_DECIPHERABLE);
        file[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    assert_int_equal(unseal(file, file_len, 100), 0);
    free(file);
}

static void a_file_cut_or_lengthened_anywhere_is_refused(void **state)
{
    (void)state;
    size_t file_len = 0;
    uint8_t *file = seal(100, 100, &file_len);
    uint8_t *longer = calloc(1, file_len + 200);
    assert_non_null(longer);
    memcpy(longer, file, file_len);
    for (size_t len = 0; len < file_len + 200; len++) {
        int want = len == file_len ? 0 : CYAN_E_NOT_DECIPHERABLE;
        assert_int_equal(unseal(longer, len, 100), want);
    }
    free(longer);
    free(file);
}

/* The file with other chunks in another order: their numbers, ended by -1. */
static int unseal_chunks(const uint8_t *file, const int *order, size_t last_len, size_t len)
{
    uint8_t *other = malloc(CYAN_SEALED_HEADER_LEN + 8 * WHOLE);
    assert_non_null(other);
    size_t at = CYAN_SEALED_HEADER_LEN;
    memcpy(other, file, at);
    for (size_t i = 0; order[i] >= 0; i++) {
        size_t part = order[i] == 3 ? last_len : WHOLE;
        memcpy(other + at, file + CYAN_SEALED_HEADER_LEN + (size_t)order[i] * WHOLE, part);
        at += part;
    }
    int err = unseal(other, at, len);
    free(other);
    return err;
}

static void chunks_that_are_missing_doubled_or_moved_are_refused(void **state)
{
    (void)state;
    static const int orders[][6] = {
        {1, 0, 2, 3, -1},    {0, 2, 1, 3, -1}, {0, 1, 3, -1},    {1, 2, 3, -1}, {0, 1, 2, -1},
        {0, 1, -1},          {0, -1},          {0, 1, 2, 2, -1}, {3, -1},       {0, 1, 2, 3, 3, -1},
        {0, 0, 1, 2, 3, -1}, {3, 1, 2, 0, -1},
    };
    static const int right[] = {0, 1, 2, 3, -1};
    /* With a last chunk that is short, and with one that is as long as the others. */
    for (int full = 0; full <= 1; full++) {
        size_t file_len = 0;
        size_t last = full ? CYAN_SEALED_CHUNK : 50;
        size_t len = 3 * CYAN_SEALED_CHUNK + last;
        uint8_t *file = seal(len, 9999, &file_len);
        for (size_t i = 0; i < COUNT_OF(orders); i++) {
            int err = unseal_chunks(file, orders[i], last + CYAN_SEALED_TAG_LEN, len);
            assert_int_equal(err, CYAN_E_NOT_DECIPHERABLE);
        }
        assert_int_equal(unseal_chunks(file, right, last + CYAN_SEALED_TAG_LEN, len), 0);
        free(file);
    }
}

static void a_chunk_of_another_file_with_the_same_passphrase_is_refused(void **state)
{
    (void)state;
    size_t len[2];
    uint8_t *a = seal(100, 100, &len[0]);
    uint8_t *b = seal(100, 100, &len[1]);
    assert_memory_not_equal(a + CYAN_SEALED_HEADER_LEN, b + CYAN_SEALED_HEADER_LEN, 100);
    memcpy(a + CYAN_SEALED_HEADER_LEN, b + CYAN_SEALED_HEADER_LEN, len[0] - CYAN_SEALED_HEADER_LEN);
    assert_int_equal(unseal(a, len[0], 100), CYAN_E_NOT_DECIPHERABLE);
    free(a);
    free(b);
}

static void another_passphrase_is_refused(void **state)
{
    (void)state;
    static const char *const others[] = {"", "correct hors", "correct horse ", "Correct horse"};
    size_t file_len = 0;
    uint8_t *file = seal(100, 100, &file_len);
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        assert_int_equal(unseal_with(others[i], file, file_len, 100, 100), CYAN_E_NOT_DECIPHERABLE);
    }
    free(file);
}

static void parameters_above_their_limits_are_refused_before_anything_is_derived(void **state)
{
    (void)state;
    size_t file_len = 0;
    uint8_t *file = seal(100, 100, &file_len);
    for (size_t at = 10; at <= 15; at++) {
        uint8_t before = file[at];
        /* A derivation with these would need from 512 MiB to more than there is. */
        unsigned from = at == 10 ? CYAN_SEALED_LOG2N_MAX + 1 : at == 12 ? CYAN_SEALED_P_MAX + 1 : 9;
        for (unsigned value = from; value <= 255; value++) {
            file[at] = (uint8_t)value;
            assert_int_equal(unseal(file, file_len, 100), CYAN_E_NOT_DECIPHERABLE);
        }
        file[at] = before;
    }
    assert_int_equal(unseal(file, file_len, 100), 0);
    free(file);
}

static void what_cannot_be_sealed_is_told(void **state)
{
    (void)state;
    struct cyan_sealer *sealer = NULL;
    int fd = open(scratch_path("sealed"), O_RDWR | O_CREAT, 0600);
    assert_int_equal(cyan_sealer_create(fd, passphrase, 0, &sealer), CYAN_E_INVALID);
    assert_int_equal(cyan_sealer_create(fd, passphrase, CYAN_SEALED_LOG2N_MAX + 1, &sealer),
                     CYAN_E_INVALID);
    assert_int_equal(cyan_sealer_create(fd, passphrase, CHEAP, &sealer), 0);
    assert_int_equal(cyan_sealer_end(sealer), CYAN_E_INVALID);
    cyan_sealer_destroy(sealer);
    assert_int_equal(close(fd), 0);
    fd = open("/dev/full", O_WRONLY);
    assert_int_equal(cyan_sealer_create(fd, passphrase, CHEAP, &sealer), CYAN_E_IO);
    assert_int_equal(close(fd), 0);
}

static void what_is_no_regular_file_is_refused(void **state)
{
    (void)state;
    struct cyan_unsealer *unsealer = NULL;
    int fd = open("/dev/zero", O_RDONLY);
    assert_int_equal(cyan_unsealer_create(fd, passphrase, &unsealer), CYAN_E_NOT_DECIPHERABLE);
    assert_int_equal(close(fd), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_stream_of_any_length_comes_back_whatever_the_pieces),
        TEST(the_stream_can_be_read_twice),
        TEST(every_flipped_bit_of_a_file_is_refused),
        TEST(a_file_cut_or_lengthened_anywhere_is_refused),
        TEST(chunks_that_are_missing_doubled_or_moved_are_refused),
        TEST(a_chunk_of_another_file_with_the_same_passphrase_is_refused),
        TEST(another_passphrase_is_refused),
        TEST(parameters_above_their_limits_are_refused_before_anything_is_derived),
        TEST(what_cannot_be_sealed_is_told),
        TEST(what_is_no_regular_file_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
