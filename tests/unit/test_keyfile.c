#include "keys/keyfile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/openssl.h"
#include "tests/unit/scratch.h"
#include "tests/unit/support.h"
#include "tests/unit/unit.h"
#include "tests/unit/vectors.h"

/* Every file here is made by the openssl command from the key in source.der. */
#define OPENSSL(...) assert_int_equal(SCRATCH_RUN("openssl", __VA_ARGS__), 0)

static const char *const private_forms[] = {"pkcs1.pem", "pkcs1.der", "pkcs8.pem",
                                            "pkcs8.der", "text.pem",  "crlf.pem"};
static const char *const public_forms[] = {"spki.pem", "spki.der", "rsapublic.pem",
                                           "rsapublic.der"};

static void make_forms(const uint8_t *der, size_t len)
{
    scratch_write("source.der", der, len);
    OPENSSL("rsa", "-in", "source.der", "-inform", "DER", "-traditional", "-out", "pkcs1.pem");
    OPENSSL("rsa", "-in", "pkcs1.pem", "-traditional", "-outform", "DER", "-out", "pkcs1.der");
    OPENSSL("pkcs8", "-in", "pkcs1.pem", "-topk8", "-nocrypt", "-out", "pkcs8.pem");
    OPENSSL("pkcs8", "-in", "pkcs1.pem", "-topk8", "-nocrypt", "-outform", "DER", "-out",
            "pkcs8.der");
    OPENSSL("pkey", "-in", "pkcs8.pem", "-text", "-out", "text.pem");
    OPENSSL("pkey", "-in", "pkcs1.pem", "-pubout", "-out", "spki.pem");
    OPENSSL("pkey", "-in", "pkcs1.pem", "-pubout", "-outform", "DER", "-out", "spki.der");
    OPENSSL("rsa", "-in", "pkcs1.pem", "-RSAPublicKey_out", "-out", "rsapublic.pem");
    OPENSSL("rsa", "-in", "pkcs1.pem", "-RSAPublicKey_out", "-outform", "DER", "-out",
            "rsapublic.der");
    size_t text_len = 0;
    uint8_t *text = scratch_read("pkcs8.pem", &text_len);
    FILE *crlf = fopen(scratch_path("crlf.pem"), "wb");
    assert_non_null(crlf);
    for (size_t i = 0; i < text_len; i++) {
        assert_true(fprintf(crlf, text[i] == '\n' ? "\r%c" : "%c", text[i]) > 0);
    }
    assert_int_equal(fclose(crlf), 0);
    free(text);
}

static int read_private(const char *name, struct cyan_rsa1024 *out_key, const char **why)
{
    size_t len = 0;
    uint8_t *data = scratch_read(name, &len);
    int err = cyan_keyfile_device_private(data, len, out_key, why);
    free(data);
    return err;
}

/* The file is of no use as a private key, a device's public key, or a server's one. */
static void assert_refused(const char *name, int err)
{
    size_t len = 0;
    uint8_t *data = scratch_read(name, &len);
    struct cyan_rsa1024 key;
    uint8_t spki[CYAN_SERVER_SPKI_LEN];
    const char *why = NULL;
    memset(&key, 0x77, sizeof key);
    memset(spki, 0x77, sizeof spki);
    assert_int_equal(cyan_keyfile_device_private(data, len, &key, &why), err);
    assert_non_null(why);
    why = NULL;
    assert_int_equal(cyan_keyfile_device_public(data, len, spki, &why), err);
    assert_non_null(why);
    assert_true(all_bytes_are((const uint8_t *)&key, 0x77, sizeof key));
    assert_true(all_bytes_are(spki, 0x77, sizeof spki));
    assert_int_equal(cyan_keyfile_device_private(data, len, &key, NULL), err);
    free(data);
}

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

static void every_common_form_of_a_private_key_gives_the_same_numbers(void **state)
{
    const struct vector *source = vectors_get(*state, "natural_1");
    struct cyan_rsa1024 wanted;
    make_forms(source->data, source->len);
    assert_int_equal(cyan_keyfile_device_private(source->data, source->len, &wanted, NULL), 0);
    for (size_t i = 0; i < COUNT_OF(private_forms); i++) {
        struct cyan_rsa1024 key = {0};
        assert_int_equal(read_private(private_forms[i], &key, NULL), 0);
        assert_memory_equal(&key, &wanted, sizeof key);
    }
}

static void a_device_slot_is_read_whatever_stands_behind_the_key(void **state)
{
    const uint8_t *blob = vectors_bytes(*state, "device_key", CYAN_DEVICE_KEY_LEN);
    struct cyan_rsa1024 wanted;
    uint8_t slot[CYAN_DEVICE_KEY_SLOT];
    uint8_t again[CYAN_DEVICE_KEY_LEN];
    assert_int_equal(cyan_keyfile_device_private(blob, CYAN_DEVICE_KEY_LEN, &wanted, NULL), 0);
    cyan_keyblob_write(&wanted, again);
    assert_memory_equal(again, blob, sizeof again);
    for (unsigned tail = 0; tail < 256; tail++) {
        struct cyan_rsa1024 key = {0};
        memset(slot, (int)tail, sizeof slot);
        memcpy(slot, blob, CYAN_DEVICE_KEY_LEN);
        assert_int_equal(cyan_keyfile_device_private(slot, sizeof slot, &key, NULL), 0);
        assert_memory_equal(&key, &wanted, sizeof key);
    }
}

static void every_form_of_either_half_gives_the_spki_that_openssl_writes(void **state)
{
    static const struct {
        const char *key;
        size_t spki_len;
        int (*read)(const uint8_t *data, size_t len, uint8_t *out_spki, const char **why);
    } kinds[] = {{"natural_2", CYAN_DEVICE_SPKI_LEN, cyan_keyfile_device_public},
                 {"server_key", CYAN_SERVER_SPKI_LEN, cyan_keyfile_server_public}};
    for (size_t k = 0; k < COUNT_OF(kinds); k++) {
        const struct vector *source = vectors_get(*state, kinds[k].key);
        size_t wanted_len = 0;
        make_forms(source->data, source->len);
        uint8_t *wanted = scratch_read("spki.der", &wanted_len);
        assert_int_equal(wanted_len, kinds[k].spki_len);
        for (size_t i = 0; i < COUNT_OF(private_forms) + COUNT_OF(public_forms); i++) {
            const char *name = i < COUNT_OF(private_forms)
                                   ? private_forms[i]
                                   : public_forms[i - COUNT_OF(private_forms)];
            uint8_t spki[CYAN_SERVER_SPKI_LEN] = {0};
            size_t len = 0;
            uint8_t *data = scratch_read(name, &len);
            assert_int_equal(kinds[k].read(data, len, spki, NULL), 0);
            assert_memory_equal(spki, wanted, wanted_len);
            free(data);
        }
        free(wanted);
    }
}

static void a_512_byte_server_blob_gives_its_key(void **state)
{
    (void)state;
    struct vectors *public = vectors_open("keys-public.txt");
    const uint8_t *wanted = vectors_bytes(public, "server_spki", CYAN_SERVER_SPKI_LEN);
    uint8_t blob[512], spki[CYAN_SERVER_SPKI_LEN];
    memset(blob, 0xFF, sizeof blob);
    memcpy(blob, wanted, CYAN_SERVER_SPKI_LEN);
    assert_int_equal(cyan_keyfile_server_public(blob, sizeof blob, spki, NULL), 0);
    assert_memory_equal(spki, wanted, sizeof spki);
    vectors_close(public);
}

static void integers_of_any_width_come_out_at_full_width(void **state)
{
    static const char *const names[] = {"natural_1",        "natural_2",       "natural_3",
                                        "natural_4",        "natural_short_d", "natural_short_dp",
                                        "natural_short_dq", "natural_short_qi"};
    struct vectors *computed = vectors_open("keyblob.txt");
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        const struct vector *source = vectors_get(*state, names[i]);
        char fixed[VECTOR_NAME_MAX + 1];
        struct cyan_rsa1024 key;
        uint8_t blob[CYAN_DEVICE_KEY_LEN];
        (void)snprintf(fixed, sizeof fixed, "%s_fixed", names[i]);
        assert_int_equal(cyan_keyfile_device_private(source->data, source->len, &key, NULL), 0);
        cyan_keyblob_write(&key, blob);
        assert_memory_equal(blob, vectors_bytes(computed, fixed, sizeof blob), sizeof blob);

        /* The openssl command finds the same sound key in it. */
        scratch_write("fixed.der", blob, sizeof blob);
        scratch_write("source.der", source->data, source->len);
        OPENSSL("rsa", "-in", "fixed.der", "-inform", "DER", "-check", "-noout");
        OPENSSL("rsa", "-in", "fixed.der", "-inform", "DER", "-out", "a.pem");
        OPENSSL("rsa", "-in", "source.der", "-inform", "DER", "-out", "b.pem");
        assert_int_equal(SCRATCH_RUN("cmp", "a.pem", "b.pem"), 0);
        struct cyan_rsa1024 back = {0};
        assert_int_equal(cyan_keyfile_device_private(blob, sizeof blob, &back, NULL), 0);
        assert_memory_equal(&back, &key, sizeof key);
    }
    vectors_close(computed);
}

static void hundreds_of_new_keys_all_work_as_a_device_reads_them(void **state)
{
    (void)state;
    struct cyan_crypto *crypto = cyan_openssl_create();
    assert_non_null(crypto);
    for (int i = 0; i < 300; i++) {
        struct cyan_rsa1024 key, back;
        uint8_t slot[CYAN_DEVICE_KEY_SLOT], plain[CYAN_RSA1024_LEN];
        uint8_t hidden[CYAN_RSA1024_LEN], shown[CYAN_RSA1024_LEN];
        struct cyan_rsa_crt crt;
        assert_int_equal(crypto->rsa1024_generate(crypto->ctx, &key), 0);
        memset(slot, 0xFF, sizeof slot);
        cyan_keyblob_write(&key, slot);
        assert_int_equal(cyan_keyblob_check(slot), 0);
        cyan_keyblob_crt(slot, &crt);

        assert_int_equal(crypto->random(crypto->ctx, plain, sizeof plain), 0);
        plain[0] = 0;
        assert_int_equal(crypto->rsa_public(crypto->ctx, slot + CYAN_DEVICE_KEY_MODULUS,
                                            CYAN_RSA1024_LEN, plain, hidden),
                         0);
        assert_int_equal(crypto->rsa_private_crt(crypto->ctx, &crt, hidden, shown), 0);
        assert_memory_equal(shown, plain, sizeof plain);

        assert_int_equal(cyan_keyfile_device_private(slot, sizeof slot, &back, NULL), 0);
        assert_memory_equal(&back, &key, sizeof key);
    }
    cyan_openssl_destroy(crypto);
}

/* Where the last dashes of PEM text begin; it is whole with some of them. */
static size_t end_of_pem(const uint8_t *data, size_t len)
{
    static const char dashes[] = "-----";
    size_t at = len - strlen(dashes);
    while (memcmp(data + at, dashes, strlen(dashes)) != 0) {
        assert_true(at > 0);
        at--;
    }
    return at;
}

static void every_truncation_of_a_key_file_is_refused(void **state)
{
    const struct vector *source = vectors_get(*state, "natural_3");
    make_forms(source->data, source->len);
    for (size_t i = 0; i < COUNT_OF(private_forms) + COUNT_OF(public_forms); i++) {
        const char *name = i < COUNT_OF(private_forms) ? private_forms[i]
                                                       : public_forms[i - COUNT_OF(private_forms)];
        size_t len = 0;
        uint8_t *data = scratch_read(name, &len);
        size_t whole = strstr(name, ".pem") ? end_of_pem(data, len) : len;
        for (size_t cut = 0; cut < whole; cut++) {
            uint8_t *part = copy_of(data, cut);
            struct cyan_rsa1024 key;
            uint8_t spki[CYAN_DEVICE_SPKI_LEN];
            const char *why = NULL;
            assert_true(cyan_keyfile_device_private(part, cut, &key, NULL) < 0);
            assert_true(cyan_keyfile_device_public(part, cut, spki, &why) < 0);
            assert_non_null(why);
            free(part);
        }
        free(data);
    }
}

static void a_key_with_any_byte_changed_is_refused_or_reads_as_the_same_key(void **state)
{
    const uint8_t *blob = vectors_bytes(*state, "device_key", CYAN_DEVICE_KEY_LEN);
    struct cyan_rsa1024 wanted;
    size_t refused = 0;
    assert_int_equal(cyan_keyfile_device_private(blob, CYAN_DEVICE_KEY_LEN, &wanted, NULL), 0);
    for (size_t at = 0; at < CYAN_DEVICE_KEY_LEN; at++) {
        uint8_t damaged[CYAN_DEVICE_KEY_LEN];
        struct cyan_rsa1024 key;
        memcpy(damaged, blob, sizeof damaged);
        damaged[at] ^= (uint8_t)(1U << (at % 8));
        int err = cyan_keyfile_device_private(damaged, sizeof damaged, &key, NULL);
        if (err == 0) {
            assert_memory_equal(&key, &wanted, sizeof key);
        } else {
            refused++;
        }
    }
    /* Only the version's byte can be without meaning. */
    assert_in_range(refused, CYAN_DEVICE_KEY_LEN - 1, CYAN_DEVICE_KEY_LEN);
}

static void keys_of_other_algorithms_are_recognised_and_refused(void **state)
{
    (void)state;
    OPENSSL("ecparam", "-name", "prime256v1", "-genkey", "-out", "ec.pem");
    OPENSSL("ec", "-in", "ec.pem", "-outform", "DER", "-out", "ec.der");
    OPENSSL("pkcs8", "-in", "ec.pem", "-topk8", "-nocrypt", "-out", "ec8.pem");
    OPENSSL("pkcs8", "-in", "ec.pem", "-topk8", "-nocrypt", "-outform", "DER", "-out", "ec8.der");
    OPENSSL("genpkey", "-algorithm", "ed25519", "-out", "ed.pem");
    OPENSSL("genpkey", "-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:1024", "-out",
            "pss.pem");
    static const char *const names[] = {"ec.pem",  "ec.der", "ec8.pem",
                                        "ec8.der", "ed.pem", "pss.pem"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        assert_refused(names[i], CYAN_E_UNSUPPORTED);
    }
    uint8_t spki[CYAN_DEVICE_SPKI_LEN];
    static const char *const sources[] = {"ec.pem", "ed.pem", "pss.pem"};
    for (size_t i = 0; i < COUNT_OF(sources); i++) {
        const char *why = NULL;
        size_t len = 0;
        OPENSSL("pkey", "-in", sources[i], "-pubout", "-out", "public.pem");
        uint8_t *data = scratch_read("public.pem", &len);
        assert_int_equal(cyan_keyfile_device_public(data, len, spki, &why), CYAN_E_UNSUPPORTED);
        assert_non_null(why);
        free(data);
    }
}

static void encrypted_keys_are_refused_without_asking_anybody(void **state)
{
    const struct vector *source = vectors_get(*state, "natural_4");
    make_forms(source->data, source->len);
    OPENSSL("rsa", "-in", "pkcs1.pem", "-traditional", "-aes128", "-passout", "pass:secret", "-out",
            "old.pem");
    OPENSSL("pkcs8", "-in", "pkcs1.pem", "-topk8", "-passout", "pass:secret", "-out", "new.pem");
    OPENSSL("pkcs8", "-in", "pkcs1.pem", "-topk8", "-passout", "pass:secret", "-outform", "DER",
            "-out", "new.der");
    assert_refused("old.pem", CYAN_E_UNSUPPORTED);
    assert_refused("new.pem", CYAN_E_UNSUPPORTED);
    assert_refused("new.der", CYAN_E_UNSUPPORTED);
}

static void rsa_keys_that_a_device_cannot_use_are_refused(void **state)
{
    struct vectors *odd = vectors_open("odd-keys.txt");
    const struct vector *server = vectors_get(*state, "server_key");
    const struct vector *cube = vectors_get(odd, "exponent_3");
    const struct vector *unbalanced = vectors_get(odd, "unbalanced");
    const struct vector *device = vectors_get(*state, "natural_1");
    struct cyan_rsa1024 key;
    uint8_t spki[CYAN_SERVER_SPKI_LEN];
    const char *why = NULL;
    scratch_write("server.der", server->data, server->len);
    assert_refused("server.der", CYAN_E_INVALID);
    scratch_write("cube.der", cube->data, cube->len);
    assert_refused("cube.der", CYAN_E_INVALID);
    assert_int_equal(cyan_keyfile_device_private(unbalanced->data, unbalanced->len, &key, &why),
                     CYAN_E_INVALID);
    assert_non_null(why);
    assert_int_equal(cyan_keyfile_server_public(device->data, device->len, spki, &why),
                     CYAN_E_INVALID);
    OPENSSL("genrsa", "-out", "small.pem", "512");
    assert_refused("small.pem", CYAN_E_INVALID);
    vectors_close(odd);
}

static void a_public_key_is_no_private_one(void **state)
{
    const struct vector *source = vectors_get(*state, "natural_1");
    make_forms(source->data, source->len);
    for (size_t i = 0; i < COUNT_OF(public_forms); i++) {
        struct cyan_rsa1024 key;
        const char *why = NULL;
        assert_int_equal(read_private(public_forms[i], &key, &why), CYAN_E_INVALID);
        assert_non_null(why);
    }
}

static void blank_storage_is_told_from_garbage(void **state)
{
    (void)state;
    uint8_t slot[CYAN_DEVICE_KEY_SLOT];
    memset(slot, 0xFF, sizeof slot);
    scratch_write("blank", slot, sizeof slot);
    assert_refused("blank", CYAN_E_BLANK);
    scratch_write("empty", slot, 0);
    assert_refused("empty", CYAN_E_BLANK);
    for (unsigned value = 0; value < 255; value++) {
        memset(slot, (int)value, sizeof slot);
        scratch_write("garbage", slot, sizeof slot);
        assert_refused("garbage", CYAN_E_MALFORMED);
    }
    static const char certificate[] =
        "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
    scratch_write("certificate", certificate, strlen(certificate));
    assert_refused("certificate", CYAN_E_MALFORMED);
}

static void a_public_modulus_that_cannot_be_one_is_damage(void **state)
{
    struct vectors *public = vectors_open("keys-public.txt");
    uint8_t bad[CYAN_SERVER_SPKI_LEN], spki[CYAN_SERVER_SPKI_LEN];
    const char *why = NULL;
    (void)state;
    memcpy(bad, vectors_bytes(public, "device_spki", CYAN_DEVICE_SPKI_LEN), CYAN_DEVICE_SPKI_LEN);
    bad[CYAN_DEVICE_SPKI_MODULUS + CYAN_RSA1024_LEN - 1] ^= 1;
    assert_int_equal(cyan_keyfile_device_public(bad, CYAN_DEVICE_SPKI_LEN, spki, &why),
                     CYAN_E_KEY_DAMAGED);
    memset(bad + CYAN_DEVICE_SPKI_MODULUS, 0xFF, CYAN_RSA1024_LEN);
    assert_int_equal(cyan_keyfile_device_public(bad, CYAN_DEVICE_SPKI_LEN, spki, &why),
                     CYAN_E_KEY_DAMAGED);
    assert_non_null(why);
    memcpy(bad, vectors_bytes(public, "server_spki", CYAN_SERVER_SPKI_LEN), CYAN_SERVER_SPKI_LEN);
    bad[CYAN_SERVER_SPKI_MODULUS + CYAN_RSA2048_LEN - 1] ^= 1;
    assert_int_equal(cyan_keyfile_server_public(bad, CYAN_SERVER_SPKI_LEN, spki, &why),
                     CYAN_E_KEY_DAMAGED);
    vectors_close(public);
}

static void a_file_longer_than_the_limit_is_refused_and_one_at_it_is_read(void **state)
{
    const struct vector *source = vectors_get(*state, "natural_1");
    uint8_t *data = malloc(CYAN_KEYFILE_MAX + 1);
    struct cyan_rsa1024 key;
    assert_non_null(data);
    memset(data, ' ', CYAN_KEYFILE_MAX + 1);
    memcpy(data, source->data, source->len);
    assert_int_equal(cyan_keyfile_device_private(data, CYAN_KEYFILE_MAX, &key, NULL), 0);
    assert_int_equal(cyan_keyfile_device_private(data, CYAN_KEYFILE_MAX + 1, &key, NULL),
                     CYAN_E_TOO_LONG);
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_common_form_of_a_private_key_gives_the_same_numbers),
        cmocka_unit_test(a_device_slot_is_read_whatever_stands_behind_the_key),
        cmocka_unit_test(every_form_of_either_half_gives_the_spki_that_openssl_writes),
        cmocka_unit_test(a_512_byte_server_blob_gives_its_key),
        cmocka_unit_test(integers_of_any_width_come_out_at_full_width),
        cmocka_unit_test(hundreds_of_new_keys_all_work_as_a_device_reads_them),
        cmocka_unit_test(every_truncation_of_a_key_file_is_refused),
        cmocka_unit_test(a_key_with_any_byte_changed_is_refused_or_reads_as_the_same_key),
        cmocka_unit_test(keys_of_other_algorithms_are_recognised_and_refused),
        cmocka_unit_test(encrypted_keys_are_refused_without_asking_anybody),
        cmocka_unit_test(rsa_keys_that_a_device_cannot_use_are_refused),
        cmocka_unit_test(a_public_key_is_no_private_one),
        cmocka_unit_test(blank_storage_is_told_from_garbage),
        cmocka_unit_test(a_public_modulus_that_cannot_be_one_is_damage),
        cmocka_unit_test(a_file_longer_than_the_limit_is_refused_and_one_at_it_is_read),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
