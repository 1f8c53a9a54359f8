#include "crypto/openssl.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/support.h"
#include "tests/unit/unit.h"
#include "tests/unit/vectors.h"
#include "wire/keyblob.h"

enum { UNTOUCHED = 0x6B };

static struct cyan_crypto *crypto;
static struct vectors *keys, *publics, *handshake;

static int set_up(void **state)
{
    (void)state;
    crypto = cyan_openssl_create();
    keys = vectors_open("keys.txt");
    publics = vectors_open("keys-public.txt");
    handshake = vectors_open("handshake.txt");
    return crypto ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    cyan_openssl_destroy(crypto);
    vectors_close(keys);
    vectors_close(publics);
    vectors_close(handshake);
    return 0;
}

static void sha256_is_that_of_an_independent_tool(void **state)
{
    (void)state;
    static const char *const names[][2] = {{"device_spki", "device_fingerprint"},
                                           {"server_spki", "server_fingerprint"},
                                           {"other_device_spki", "other_device_fingerprint"}};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        const struct vector *data = vectors_get(publics, names[i][0]);
        uint8_t hash[CYAN_SHA256_LEN];
        assert_int_equal(crypto->sha256(crypto->ctx, data->data, data->len, hash), 0);
        assert_memory_equal(hash, vectors_bytes(publics, names[i][1], sizeof hash), sizeof hash);
    }
}

static void hmac_sha1_is_that_of_the_specification_and_of_an_independent_tool(void **state)
{
    (void)state;
    struct vectors *spec = vectors_open("spec-session.txt");
    uint8_t mac[CYAN_SHA1_LEN];
    assert_int_equal(crypto->hmac_sha1(crypto->ctx, vectors_bytes(spec, "credentials", 40), 40,
                                       vectors_bytes(spec, "ciphertext", 128), 128, mac),
                     0);
    assert_memory_equal(mac, vectors_bytes(spec, "hmac", sizeof mac), sizeof mac);
    assert_int_equal(crypto->hmac_sha1(crypto->ctx, vectors_bytes(handshake, "credentials", 40), 40,
                                       vectors_bytes(handshake, "answer_ciphertext", 128), 128,
                                       mac),
                     0);
    assert_memory_equal(mac, vectors_bytes(handshake, "answer_mac", sizeof mac), sizeof mac);
    vectors_close(spec);
}

static void aes_takes_whole_blocks_only_and_undoes_itself(void **state)
{
    (void)state;
    static const uint8_t key[CYAN_AES_KEY_LEN] = {1}, iv[CYAN_AES_BLOCK_LEN] = {2};
    for (size_t len = 0; len <= 80; len++) {
        uint8_t *data = malloc(len ? len : 1);
        assert_non_null(data);
        memset(data, UNTOUCHED, len);
        int expected = len % CYAN_AES_BLOCK_LEN == 0 ? 0 : CYAN_E_INVALID;
        assert_int_equal(crypto->aes128_cbc_encrypt(crypto->ctx, key, iv, data, len), expected);
        assert_int_equal(all_bytes_are(data, UNTOUCHED, len), expected < 0 || len == 0);
        assert_int_equal(crypto->aes128_cbc_decrypt(crypto->ctx, key, iv, data, len), expected);
        assert_true(all_bytes_are(data, UNTOUCHED, len));
        free(data);
    }
}

static void random_bytes_fill_exactly_what_is_asked_and_never_repeat(void **state)
{
    (void)state;
    uint8_t first[64], second[64];
    for (size_t len = 16; len < sizeof first; len++) {
        memset(first, UNTOUCHED, sizeof first);
        memset(second, UNTOUCHED, sizeof second);
        assert_int_equal(crypto->random(crypto->ctx, first, len), 0);
        assert_int_equal(crypto->random(crypto->ctx, second, len), 0);
        assert_memory_not_equal(first, second, len);
        assert_true(all_bytes_are(first + len, UNTOUCHED, sizeof first - len));
    }
}

static void the_public_operation_is_that_of_an_independent_tool(void **state)
{
    (void)state;
    const uint8_t *server = vectors_bytes(publics, "server_spki", 294) + CYAN_SERVER_SPKI_MODULUS;
    const uint8_t *device = vectors_bytes(publics, "device_spki", 162) + CYAN_DEVICE_SPKI_MODULUS;
    uint8_t out[CYAN_RSA2048_LEN];
    assert_int_equal(crypto->rsa_public(crypto->ctx, server, 256,
                                        vectors_bytes(handshake, "long_block", 256), out),
                     0);
    assert_memory_equal(out, vectors_bytes(handshake, "long_request", 256), 256);
    assert_int_equal(crypto->rsa_public(crypto->ctx, device, 128,
                                        vectors_bytes(handshake, "answer_block", 128), out),
                     0);
    assert_memory_equal(out, vectors_bytes(handshake, "answer_ciphertext", 128), 128);
}

static void the_public_operation_refuses_what_a_device_refuses(void **state)
{
    (void)state;
    const uint8_t *good = vectors_bytes(publics, "server_spki", 294) + CYAN_SERVER_SPKI_MODULUS;
    uint8_t n[CYAN_RSA2048_LEN], in[CYAN_RSA2048_LEN] = {0}, out[CYAN_RSA2048_LEN];
    memset(out, UNTOUCHED, sizeof out);
    for (size_t bit = 0; bit < sizeof n * 8; bit++) { /* zero, and even ones of every size */
        memset(n, 0, sizeof n);
        n[bit / 8] = (uint8_t)(1U << bit % 8);
        n[sizeof n - 1] &= 0xFE;
        assert_int_equal(crypto->rsa_public(crypto->ctx, n, sizeof n, in, out),
                         CYAN_E_KEY_UNUSABLE);
    }
    memcpy(n, good, sizeof n);
    memcpy(in, good, sizeof in); /* equal to the modulus, then above it, then below */
    assert_int_equal(crypto->rsa_public(crypto->ctx, n, sizeof n, in, out), CYAN_E_KEY_UNUSABLE);
    memset(in, 0xFF, sizeof in);
    assert_int_equal(crypto->rsa_public(crypto->ctx, n, sizeof n, in, out), CYAN_E_KEY_UNUSABLE);
    assert_int_equal(crypto->rsa_public(crypto->ctx, n, 0, in, out), CYAN_E_KEY_UNUSABLE);
    assert_true(all_bytes_are(out, UNTOUCHED, sizeof out));
    memcpy(in, good, sizeof in);
    in[sizeof in - 1]--;
    assert_int_equal(crypto->rsa_public(crypto->ctx, n, sizeof n, in, out), 0);
}

static struct cyan_rsa_key *load(const char *name)
{
    const struct vector *der = vectors_get(keys, name);
    struct cyan_rsa_key *key = NULL;
    assert_int_equal(cyan_openssl_key_create(der->data, der->len, &key), 0);
    return key;
}

static void the_private_operation_of_a_server_key_is_that_of_an_independent_tool(void **state)
{
    (void)state;
    struct cyan_rsa_key *key = load("server_key");
    uint8_t out[CYAN_RSA2048_LEN];
    assert_int_equal(cyan_openssl_key_size(key), CYAN_RSA2048_LEN);
    assert_int_equal(
        crypto->rsa_private(crypto->ctx, key, vectors_bytes(handshake, "long_request", 256), out),
        0);
    assert_memory_equal(out, vectors_bytes(handshake, "long_block", 256), 256);
    memset(out, UNTOUCHED, sizeof out);
    uint8_t above[CYAN_RSA2048_LEN];
    memset(above, 0xFF, sizeof above);
    assert_int_equal(crypto->rsa_private(crypto->ctx, key, above, out), CYAN_E_CRYPTO);
    assert_true(all_bytes_are(out, UNTOUCHED, sizeof out));
    cyan_openssl_key_destroy(key);
}

static void the_private_operation_by_crt_is_that_of_an_independent_tool(void **state)
{
    (void)state;
    uint8_t slot[CYAN_DEVICE_KEY_SLOT] = {0}, out[CYAN_RSA1024_LEN];
    struct cyan_rsa_crt crt;
    memcpy(slot, vectors_bytes(keys, "device_key", CYAN_DEVICE_KEY_LEN), CYAN_DEVICE_KEY_LEN);
    cyan_keyblob_crt(slot, &crt);
    assert_int_equal(crypto->rsa_private_crt(crypto->ctx, &crt,
                                             vectors_bytes(handshake, "answer_ciphertext", 128),
                                             out),
                     0);
    assert_memory_equal(out, vectors_bytes(handshake, "answer_block", 128), 128);
}

/* Values that a damaged slot may hold; whatever they are, the operation ends and says so. */
static void the_private_operation_by_crt_survives_any_values(void **state)
{
    (void)state;
    static const uint8_t fills[] = {0x00, 0x01, 0x7F, 0x80, 0xFE, 0xFF};
    uint8_t values[5][CYAN_RSA1024_HALF], in[CYAN_RSA1024_LEN], out[CYAN_RSA1024_LEN];
    const struct cyan_rsa_crt crt = {.p = values[0],
                                     .q = values[1],
                                     .dp = values[2],
                                     .dq = values[3],
                                     .qinv = values[4],
                                     .half_len = CYAN_RSA1024_HALF};
    memset(in, 0xAB, sizeof in);
    for (size_t p = 0; p < COUNT_OF(fills); p++) {
        for (size_t q = 0; q < COUNT_OF(fills); q++) {
            for (size_t rest = 0; rest < COUNT_OF(fills); rest++) {
                memset(values[0], fills[p], CYAN_RSA1024_HALF);
                memset(values[1], fills[q], CYAN_RSA1024_HALF);
                memset(values[2], fills[rest], 3 * (size_t)CYAN_RSA1024_HALF);
                memset(out, UNTOUCHED, sizeof out);
                int err = crypto->rsa_private_crt(crypto->ctx, &crt, in, out);
                if (fills[p] % 2 == 0 || fills[q] % 2 == 0) {
                    assert_int_equal(err, CYAN_E_KEY_UNUSABLE);
                    assert_true(all_bytes_are(out, UNTOUCHED, sizeof out));
                } else {
                    assert_int_equal(err, 0);
                }
            }
        }
    }
}

static void a_prime_of_one_is_a_value_like_the_others(void **state)
{
    (void)state;
    uint8_t values[5][CYAN_RSA1024_HALF] = {{0}}, in[CYAN_RSA1024_LEN], out[CYAN_RSA1024_LEN];
    const struct cyan_rsa_crt crt = {.p = values[0],
                                     .q = values[1],
                                     .dp = values[2],
                                     .dq = values[3],
                                     .qinv = values[4],
                                     .half_len = CYAN_RSA1024_HALF};
    memset(in, 0xAB, sizeof in);
    values[0][CYAN_RSA1024_HALF - 1] = 1;
    values[1][CYAN_RSA1024_HALF - 1] = 1;
    memset(out, UNTOUCHED, sizeof out);
    assert_int_equal(crypto->rsa_private_crt(crypto->ctx, &crt, in, out), 0);
    assert_true(all_bytes_are(out, 0, sizeof out));
}

static void
a_key_that_is_cut_anywhere_is_malformed_and_one_of_another_kind_unsupported(void **state)
{
    (void)state;
    const struct vector *der = vectors_get(keys, "server_key");
    struct cyan_rsa_key *key = NULL;
    for (size_t len = 0; len < der->len; len++) {
        uint8_t *cut = copy_of(der->data, len);
        assert_int_equal(cyan_openssl_key_create(cut, len, &key), CYAN_E_MALFORMED);
        free(cut);
    }
    const struct vector *ec = vectors_get(keys, "ec_key");
    assert_int_equal(cyan_openssl_key_create(ec->data, ec->len, &key), CYAN_E_UNSUPPORTED);
    assert_null(key);
    cyan_openssl_key_destroy(NULL);
    cyan_openssl_destroy(NULL);
}

static void generated_keys_differ_and_have_their_product_as_modulus(void **state)
{
    (void)state;
    struct cyan_rsa1024 first, second;
    assert_int_equal(crypto->rsa1024_generate(crypto->ctx, &first), 0);
    assert_int_equal(crypto->rsa1024_generate(crypto->ctx, &second), 0);
    assert_memory_not_equal(first.n, second.n, sizeof first.n);
    assert_true((first.n[0] & 0x80) != 0);
    /* p * q = n, digit by digit in base 256. */
    uint8_t product[CYAN_RSA1024_LEN] = {0};
    for (int i = CYAN_RSA1024_HALF - 1; i >= 0; i--) {
        unsigned carry = 0;
        for (int k = CYAN_RSA1024_HALF - 1; k >= 0; k--) {
            unsigned sum = product[i + k + 1] + (unsigned)first.p[i] * first.q[k] + carry;
            product[i + k + 1] = (uint8_t)sum;
            carry = sum >> 8;
        }
        product[i] = (uint8_t)carry;
    }
    assert_memory_equal(product, first.n, sizeof product);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_is_that_of_an_independent_tool),
        cmocka_unit_test(hmac_sha1_is_that_of_the_specification_and_of_an_independent_tool),
        cmocka_unit_test(aes_takes_whole_blocks_only_and_undoes_itself),
        cmocka_unit_test(random_bytes_fill_exactly_what_is_asked_and_never_repeat),
        cmocka_unit_test(the_public_operation_is_that_of_an_independent_tool),
        cmocka_unit_test(the_public_operation_refuses_what_a_device_refuses),
        cmocka_unit_test(the_private_operation_of_a_server_key_is_that_of_an_independent_tool),
        cmocka_unit_test(the_private_operation_by_crt_is_that_of_an_independent_tool),
        cmocka_unit_test(the_private_operation_by_crt_survives_any_values),
        cmocka_unit_test(a_prime_of_one_is_a_value_like_the_others),
        cmocka_unit_test(
            a_key_that_is_cut_anywhere_is_malformed_and_one_of_another_kind_unsupported),
        cmocka_unit_test(generated_keys_differ_and_have_their_product_as_modulus),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
