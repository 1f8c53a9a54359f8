#include "keys/spki.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/scratch.h"
#include "tests/unit/support.h"
#include "tests/unit/unit.h"
#include "tests/unit/vectors.h"

#define OPENSSL(...) assert_int_equal(SCRATCH_RUN("openssl", __VA_ARGS__), 0)

static int set_up(void **state)
{
    *state = vectors_open("keys-public.txt");
    scratch_init();
    return 0;
}

static int tear_down(void **state)
{
    vectors_close(*state);
    scratch_done();
    return 0;
}

static int device_from(const char *name, uint8_t out_spki[static CYAN_DEVICE_SPKI_LEN])
{
    size_t len = 0;
    uint8_t *data = scratch_read(name, &len);
    int err = cyan_spki_device_from_pem((const char *)data, len, out_spki);
    free(data);
    return err;
}

static void assert_refused(const char *name, int err)
{
    uint8_t spki[CYAN_DEVICE_SPKI_LEN];
    memset(spki, 0x77, sizeof spki);
    assert_int_equal(device_from(name, spki), err);
    assert_true(all_bytes_are(spki, 0x77, sizeof spki));
}

static void pem_text_is_what_openssl_writes_and_reads_back(void **state)
{
    static const struct {
        const char *name;
        size_t len;
    } keys[] = {{"device_spki", CYAN_DEVICE_SPKI_LEN},
                {"other_device_spki", CYAN_DEVICE_SPKI_LEN},
                {"server_spki", CYAN_SERVER_SPKI_LEN},
                {"other_server_spki", CYAN_SERVER_SPKI_LEN}};
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        const uint8_t *spki = vectors_bytes(*state, keys[i].name, keys[i].len);
        char text[CYAN_SPKI_PEM_MAX];
        uint8_t back[CYAN_SERVER_SPKI_LEN];
        size_t wanted_len = 0;
        int len = cyan_spki_to_pem(spki, keys[i].len, text);
        assert_int_equal(len, strlen(text));
        scratch_write("in.der", spki, keys[i].len);
        OPENSSL("pkey", "-pubin", "-in", "in.der", "-inform", "DER", "-out", "out.pem");
        uint8_t *wanted = scratch_read("out.pem", &wanted_len);
        assert_int_equal(len, wanted_len);
        assert_memory_equal(text, wanted, wanted_len);
        free(wanted);

        int err = keys[i].len == CYAN_DEVICE_SPKI_LEN
                      ? cyan_spki_device_from_pem(text, (size_t)len, back)
                      : cyan_spki_server_from_pem(text, (size_t)len, back);
        assert_int_equal(err, 0);
        assert_memory_equal(back, spki, keys[i].len);
    }
}

static void text_of_any_other_length_than_a_key_of_ours_is_not_written(void **state)
{
    const uint8_t *spki = vectors_bytes(*state, "server_spki", CYAN_SERVER_SPKI_LEN);
    for (size_t len = 0; len < CYAN_SERVER_SPKI_LEN; len++) {
        char text[CYAN_SPKI_PEM_MAX] = "untouched";
        if (len != CYAN_DEVICE_SPKI_LEN) {
            assert_int_equal(cyan_spki_to_pem(spki, len, text), CYAN_E_INVALID);
            assert_string_equal(text, "untouched");
        }
    }
}

static void every_truncation_of_the_text_is_malformed(void **state)
{
    const uint8_t *spki = vectors_bytes(*state, "device_spki", CYAN_DEVICE_SPKI_LEN);
    char text[CYAN_SPKI_PEM_MAX];
    int len = cyan_spki_to_pem(spki, CYAN_DEVICE_SPKI_LEN, text);
    assert_true(len > 0);
    for (size_t cut = 0; cut + 3 < (size_t)len; cut++) {
        uint8_t out[CYAN_DEVICE_SPKI_LEN];
        uint8_t *part = copy_of((const uint8_t *)text, cut);
        assert_int_equal(cyan_spki_device_from_pem((const char *)part, cut, out), CYAN_E_MALFORMED);
        free(part);
    }
}

static void text_around_the_key_is_ignored(void **state)
{
    const uint8_t *spki = vectors_bytes(*state, "device_spki", CYAN_DEVICE_SPKI_LEN);
    char pem[CYAN_SPKI_PEM_MAX], text[CYAN_SPKI_PEM_MAX + 64] = "my Photon\r\n\r\n";
    uint8_t out[CYAN_DEVICE_SPKI_LEN];
    assert_true(cyan_spki_to_pem(spki, CYAN_DEVICE_SPKI_LEN, pem) > 0);
    size_t head = strlen(text);
    memcpy(text + head, pem, strlen(pem));
    memcpy(text + head + strlen(pem), "\n\0\xff", 4);
    assert_int_equal(cyan_spki_device_from_pem(text, head + strlen(pem) + 4, out), 0);
    assert_memory_equal(out, spki, sizeof out);
}

static void wrong_keys_are_told_apart(void **state)
{
    uint8_t spki[CYAN_SERVER_SPKI_LEN];
    char text[CYAN_SPKI_PEM_MAX];
    OPENSSL("ecparam", "-name", "prime256v1", "-genkey", "-out", "ec.pem");
    OPENSSL("ec", "-in", "ec.pem", "-pubout", "-out", "ec.pub.pem");
    assert_refused("ec.pub.pem", CYAN_E_UNSUPPORTED);
    OPENSSL("genrsa", "-out", "2048.pem", "2048");
    OPENSSL("rsa", "-in", "2048.pem", "-pubout", "-out", "2048.pub.pem");
    assert_refused("2048.pub.pem", CYAN_E_INVALID);
    OPENSSL("genrsa", "-out", "1024.pem", "1024");
    assert_refused("1024.pem", CYAN_E_MALFORMED);
    OPENSSL("genrsa", "-3", "-out", "cube.pem", "1024");
    OPENSSL("rsa", "-in", "cube.pem", "-pubout", "-out", "cube.pub.pem");
    assert_refused("cube.pub.pem", CYAN_E_INVALID);

    const uint8_t *device = vectors_bytes(*state, "device_spki", CYAN_DEVICE_SPKI_LEN);
    scratch_write("der", device, CYAN_DEVICE_SPKI_LEN);
    assert_refused("der", CYAN_E_MALFORMED);
    int len = cyan_spki_to_pem(device, CYAN_DEVICE_SPKI_LEN, text);
    assert_true(len > 0);
    assert_int_equal(cyan_spki_server_from_pem(text, (size_t)len, spki), CYAN_E_INVALID);
}

static void a_modulus_that_cannot_be_one_is_malformed(void **state)
{
    const uint8_t *device = vectors_bytes(*state, "device_spki", CYAN_DEVICE_SPKI_LEN);
    uint8_t bad[CYAN_DEVICE_SPKI_LEN], out[CYAN_DEVICE_SPKI_LEN];
    char text[CYAN_SPKI_PEM_MAX];
    memcpy(bad, device, sizeof bad);
    bad[CYAN_DEVICE_SPKI_MODULUS + CYAN_RSA1024_LEN - 1] &= 0xFE;
    int len = cyan_spki_to_pem(bad, sizeof bad, text);
    assert_true(len > 0);
    assert_int_equal(cyan_spki_device_from_pem(text, (size_t)len, out), CYAN_E_MALFORMED);
    memset(bad + CYAN_DEVICE_SPKI_MODULUS, 0xFF, CYAN_RSA1024_LEN);
    len = cyan_spki_to_pem(bad, sizeof bad, text);
    assert_true(len > 0);
    assert_int_equal(cyan_spki_device_from_pem(text, (size_t)len, out), CYAN_E_MALFORMED);
}

static void text_longer_than_the_limit_is_not_looked_at(void **state)
{
    (void)state;
    uint8_t out[CYAN_DEVICE_SPKI_LEN];
    char *text = malloc(CYAN_SPKI_TEXT_MAX + 1);
    assert_non_null(text);
    memset(text, '-', CYAN_SPKI_TEXT_MAX + 1);
    assert_int_equal(cyan_spki_device_from_pem(text, CYAN_SPKI_TEXT_MAX, out), CYAN_E_MALFORMED);
    assert_int_equal(cyan_spki_device_from_pem(text, CYAN_SPKI_TEXT_MAX + 1, out), CYAN_E_TOO_LONG);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pem_text_is_what_openssl_writes_and_reads_back),
        cmocka_unit_test(text_of_any_other_length_than_a_key_of_ours_is_not_written),
        cmocka_unit_test(every_truncation_of_the_text_is_malformed),
        cmocka_unit_test(text_around_the_key_is_ignored),
        cmocka_unit_test(wrong_keys_are_told_apart),
        cmocka_unit_test(a_modulus_that_cannot_be_one_is_malformed),
        cmocka_unit_test(text_longer_than_the_limit_is_not_looked_at),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
