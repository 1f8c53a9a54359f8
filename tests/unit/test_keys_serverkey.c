#include "keys/serverkey.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "crypto/openssl.h"
#include "keys/files.h"
#include "tests/unit/scratch.h"
#include "tests/unit/support.h"
#include "tests/unit/unit.h"
#include "tests/unit/vectors.h"

#define OPENSSL(...) assert_int_equal(SCRATCH_RUN("openssl", __VA_ARGS__), 0)

static int set_up(void **state)
{
    *state = vectors_open("keys.txt");
    scratch_init();
    return 0;
}

static int tear_down(void **state)
{
    vectors_close(*state);
    scratch_done();
    return 0;
}

static void a_new_key_comes_back_from_its_file_and_deciphers(void **state)
{
    (void)state;
    struct cyan_serverkey key, back;
    struct cyan_crypto *crypto = cyan_openssl_create();
    struct cyan_rsa_key *rsa = NULL;
    struct stat info;
    uint8_t plain[CYAN_RSA2048_LEN] = {0, 1, 2, 3}, hidden[CYAN_RSA2048_LEN];
    uint8_t shown[CYAN_RSA2048_LEN];
    assert_non_null(crypto);
    assert_int_equal(cyan_serverkey_generate(&key), 0);
    assert_int_equal(cyan_serverkey_save(&key, scratch_path("server.key")), 0);
    assert_int_equal(stat(scratch_path("server.key"), &info), 0);
    assert_int_equal(info.st_mode & 07777U, 0600);
    assert_int_equal(cyan_serverkey_load(scratch_path("server.key"), &back), 0);
    assert_int_equal(back.der_len, key.der_len);
    assert_memory_equal(back.der, key.der, key.der_len);
    assert_memory_equal(back.spki, key.spki, sizeof key.spki);

    assert_int_equal(cyan_openssl_key_create(back.der, back.der_len, &rsa), 0);
    assert_int_equal(cyan_openssl_key_size(rsa), CYAN_RSA2048_LEN);
    assert_int_equal(crypto->rsa_public(crypto->ctx, back.spki + CYAN_SERVER_SPKI_MODULUS,
                                        CYAN_RSA2048_LEN, plain, hidden),
                     0);
    assert_int_equal(crypto->rsa_private(crypto->ctx, rsa, hidden, shown), 0);
    assert_memory_equal(shown, plain, sizeof plain);

    OPENSSL("rsa", "-in", "server.key", "-check", "-noout");
    OPENSSL("rsa", "-in", "server.key", "-pubout", "-outform", "DER", "-out", "spki.der");
    size_t len = 0;
    uint8_t *spki = scratch_read("spki.der", &len);
    assert_int_equal(len, sizeof key.spki);
    assert_memory_equal(spki, key.spki, len);
    free(spki);
    cyan_openssl_key_destroy(rsa);
    cyan_openssl_destroy(crypto);
    cyan_serverkey_done(&back);
    cyan_serverkey_done(&key);
    assert_true(all_bytes_are((const uint8_t *)&key, 0, sizeof key));
    cyan_serverkey_done(NULL);
}

static void every_form_of_a_key_gives_the_same_key(void **state)
{
    const struct vector *source = vectors_get(*state, "server_key");
    struct vectors *public = vectors_open("keys-public.txt");
    scratch_write("a", source->data, source->len);
    OPENSSL("rsa", "-in", "a", "-inform", "DER", "-traditional", "-out", "b");
    OPENSSL("pkcs8", "-in", "b", "-topk8", "-nocrypt", "-out", "c");
    OPENSSL("pkcs8", "-in", "b", "-topk8", "-nocrypt", "-outform", "DER", "-out", "d");
    static const char *const names[] = {"a", "b", "c", "d"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct cyan_serverkey key;
        assert_int_equal(cyan_serverkey_load(scratch_path(names[i]), &key), 0);
        assert_int_equal(key.der_len, source->len);
        assert_memory_equal(key.der, source->data, source->len);
        assert_memory_equal(key.spki, vectors_bytes(public, "server_spki", sizeof key.spki),
                            sizeof key.spki);
        cyan_serverkey_done(&key);
    }
    vectors_close(public);
}

static void a_key_that_is_there_is_never_written_over(void **state)
{
    (void)state;
    struct cyan_serverkey key;
    size_t len = 0;
    assert_int_equal(cyan_serverkey_generate(&key), 0);
    scratch_write("there", "something", 9);
    assert_int_equal(cyan_serverkey_save(&key, scratch_path("there")), CYAN_E_EXISTS);
    uint8_t *data = scratch_read("there", &len);
    assert_int_equal(len, 9);
    assert_memory_equal(data, "something", 9);
    free(data);
    assert_int_equal(cyan_serverkey_save(&key, scratch_path("no/folder")), CYAN_E_IO);
    cyan_serverkey_done(&key);
}

static void assert_refused(const char *name, int err)
{
    struct cyan_serverkey key;
    memset(&key, 0x77, sizeof key);
    assert_int_equal(cyan_serverkey_load(scratch_path(name), &key), err);
    assert_true(all_bytes_are((const uint8_t *)&key, 0x77, sizeof key));
}

static void keys_that_cannot_be_used_are_told_apart(void **state)
{
    const struct vector *source = vectors_get(*state, "server_key");
    const struct vector *device = vectors_get(*state, "natural_1");
    scratch_write("server.der", source->data, source->len);
    assert_refused("none", CYAN_E_NOT_FOUND);
    assert_refused("", CYAN_E_IO);
    scratch_write("device.der", device->data, device->len);
    assert_refused("device.der", CYAN_E_UNSUPPORTED);
    OPENSSL("genrsa", "-out", "3072.pem", "3072");
    assert_refused("3072.pem", CYAN_E_UNSUPPORTED);
    OPENSSL("genrsa", "-3", "-out", "cube.pem", "2048");
    assert_refused("cube.pem", CYAN_E_UNSUPPORTED);
    OPENSSL("ecparam", "-name", "prime256v1", "-genkey", "-out", "ec.pem");
    assert_refused("ec.pem", CYAN_E_UNSUPPORTED);
    OPENSSL("rsa", "-in", "server.der", "-inform", "DER", "-aes128", "-passout", "pass:secret",
            "-out", "locked.pem");
    assert_refused("locked.pem", CYAN_E_UNSUPPORTED);
    OPENSSL("rsa", "-in", "server.der", "-inform", "DER", "-pubout", "-out", "public.pem");
    assert_refused("public.pem", CYAN_E_MALFORMED);

    uint8_t *damaged = copy_of(source->data, source->len);
    damaged[source->len / 2] ^= 1;
    scratch_write("damaged.der", damaged, source->len);
    assert_refused("damaged.der", CYAN_E_KEY_DAMAGED);
    free(damaged);
    static const uint8_t zeroes[20000];
    scratch_write("zeroes", zeroes, sizeof zeroes);
    assert_refused("zeroes", CYAN_E_MALFORMED);
}

static void every_truncation_of_its_file_is_malformed(void **state)
{
    const struct vector *source = vectors_get(*state, "server_key");
    for (size_t cut = 0; cut < source->len; cut++) {
        scratch_write("cut", source->data, cut);
        assert_refused("cut", CYAN_E_MALFORMED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_key_comes_back_from_its_file_and_deciphers),
        cmocka_unit_test(every_form_of_a_key_gives_the_same_key),
        cmocka_unit_test(a_key_that_is_there_is_never_written_over),
        cmocka_unit_test(keys_that_cannot_be_used_are_told_apart),
        cmocka_unit_test(every_truncation_of_its_file_is_malformed),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
