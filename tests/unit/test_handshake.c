#include "wire/handshake.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "crypto/openssl.h"
#include "tests/unit/support.h"
#include "tests/unit/unit.h"
#include "tests/unit/vectors.h"
#include "wire/pkcs1.h"

enum { SHORT_LEN = 52, LONG_LEN = 214, MESSAGE_MAX = 245, UNTOUCHED = 0x6B };

static struct cyan_crypto *crypto;
static struct cyan_crypto fixed; /* the same with the fixed random source */
static struct cyan_rsa_key *server_key;
static struct vectors *keys, *publics, *v;
static const uint8_t *server_modulus, *device_modulus, *nonce, *id, *spki;

static int set_up(void **state)
{
    (void)state;
    crypto = cyan_openssl_create();
    if (!crypto) {
        return -1;
    }
    fixed = *crypto;
    fixed.random = fixed_random;
    keys = vectors_open("keys.txt");
    publics = vectors_open("keys-public.txt");
    v = vectors_open("handshake.txt");
    spki = vectors_bytes(publics, "device_spki", CYAN_DEVICE_SPKI_LEN);
    device_modulus = spki + CYAN_DEVICE_SPKI_MODULUS;
    server_modulus =
        vectors_bytes(publics, "server_spki", CYAN_SERVER_SPKI_LEN) + CYAN_SERVER_SPKI_MODULUS;
    nonce = vectors_bytes(v, "nonce", CYAN_NONCE_LEN);
    id = vectors_bytes(v, "id", CYAN_ID_LEN);
    const struct vector *der = vectors_get(keys, "server_key");
    return cyan_openssl_key_create(der->data, der->len, &server_key);
}

static int tear_down(void **state)
{
    (void)state;
    cyan_openssl_key_destroy(server_key);
    cyan_openssl_destroy(crypto);
    vectors_close(keys);
    vectors_close(publics);
    vectors_close(v);
    return 0;
}

/* Encrypts a block for the server as it is, well padded or not. */
static void encrypt_block(const uint8_t *block, uint8_t request[static CYAN_REQUEST_LEN])
{
    assert_int_equal(
        crypto->rsa_public(crypto->ctx, server_modulus, CYAN_RSA2048_LEN, block, request), 0);
}

static void expect_refused(const uint8_t *server_nonce, const uint8_t *request)
{
    struct cyan_claim claim;
    memset(&claim, UNTOUCHED, sizeof claim);
    assert_int_equal(cyan_handshake_open(crypto, server_key, server_nonce, request, &claim),
                     CYAN_E_NOT_DECIPHERABLE);
    assert_true(all_bytes_are((const uint8_t *)&claim, UNTOUCHED, sizeof claim));
}

static void requests_of_an_independent_tool_open_with_and_without_a_key(void **state)
{
    (void)state;
    struct cyan_claim claim;
    memset(&claim, UNTOUCHED, sizeof claim);
    assert_int_equal(cyan_handshake_open(crypto, server_key, nonce,
                                         vectors_bytes(v, "long_request", CYAN_REQUEST_LEN),
                                         &claim),
                     0);
    assert_true(claim.has_key);
    assert_memory_equal(claim.id, id, CYAN_ID_LEN);
    assert_memory_equal(claim.spki, spki, CYAN_DEVICE_SPKI_LEN);

    memset(&claim, UNTOUCHED, sizeof claim);
    assert_int_equal(cyan_handshake_open(crypto, server_key, nonce,
                                         vectors_bytes(v, "short_request", CYAN_REQUEST_LEN),
                                         &claim),
                     0);
    assert_false(claim.has_key);
    assert_memory_equal(claim.id, id, CYAN_ID_LEN);
    assert_true(all_bytes_are(claim.spki, 0, sizeof claim.spki));
}

static void requests_are_made_byte_for_byte(void **state)
{
    (void)state;
    uint8_t request[CYAN_REQUEST_LEN];
    const struct vector *padding = vectors_get(v, "long_padding");
    fixed_random_start(padding->data, padding->len);
    assert_int_equal(cyan_handshake_request(&fixed, server_modulus, nonce, id, spki, request), 0);
    assert_memory_equal(request, vectors_bytes(v, "long_request", sizeof request), sizeof request);

    padding = vectors_get(v, "short_padding");
    fixed_random_start(padding->data, padding->len);
    assert_int_equal(cyan_handshake_request(&fixed, server_modulus, nonce, id, NULL, request), 0);
    assert_memory_equal(request, vectors_bytes(v, "short_request", sizeof request), sizeof request);
}

static void any_flipped_bit_of_the_nonce_is_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"long_request", "short_request"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        const uint8_t *request = vectors_bytes(v, names[i], CYAN_REQUEST_LEN);
        uint8_t *other = copy_of(nonce, CYAN_NONCE_LEN);
        for (size_t bit = 0; bit < CYAN_NONCE_LEN * 8; bit++) {
            other[bit / 8] ^= (uint8_t)(1U << bit % 8);
            expect_refused(other, request);
            other[bit / 8] ^= (uint8_t)(1U << bit % 8);
        }
        free(other);
    }
}

static void any_flipped_bit_of_a_request_is_refused(void **state)
{
    (void)state;
    uint8_t *request =
        copy_of(vectors_bytes(v, "long_request", CYAN_REQUEST_LEN), CYAN_REQUEST_LEN);
    for (size_t bit = 0; bit < CYAN_REQUEST_LEN * 8; bit++) {
        request[bit / 8] ^= (uint8_t)(1U << bit % 8);
        expect_refused(nonce, request);
        request[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    free(request);
}

static void every_length_but_52_and_214_is_refused(void **state)
{
    (void)state;
    uint8_t message[MESSAGE_MAX], block[CYAN_REQUEST_LEN], request[CYAN_REQUEST_LEN];
    struct cyan_writer w;
    cyan_writer_init(&w, message, sizeof message);
    cyan_write_bytes(&w, nonce, CYAN_NONCE_LEN);
    cyan_write_bytes(&w, id, CYAN_ID_LEN);
    cyan_write_bytes(&w, spki, CYAN_DEVICE_SPKI_LEN);
    cyan_write_fill(&w, 1, MESSAGE_MAX - LONG_LEN);
    for (size_t len = 0; len <= MESSAGE_MAX; len++) {
        assert_int_equal(cyan_pkcs1_seal(crypto, message, len, block, sizeof block), 0);
        encrypt_block(block, request);
        if (len == SHORT_LEN || len == LONG_LEN) {
            struct cyan_claim claim;
            assert_int_equal(cyan_handshake_open(crypto, server_key, nonce, request, &claim), 0);
        } else {
            expect_refused(nonce, request);
        }
    }
}

static void every_wrong_byte_of_the_padding_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *block;
        size_t separator;
    } rows[] = {{"long_block", CYAN_REQUEST_LEN - LONG_LEN - 1},
                {"short_block", CYAN_REQUEST_LEN - SHORT_LEN - 1}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const uint8_t *good = vectors_bytes(v, rows[i].block, CYAN_REQUEST_LEN);
        for (size_t place = 0; place <= rows[i].separator; place++) {
            uint8_t block[CYAN_REQUEST_LEN], request[CYAN_REQUEST_LEN];
            memcpy(block, good, sizeof block);
            /* A zero ends the padding too early; elsewhere any other value is wrong. */
            block[place] = place >= 2 && place < rows[i].separator ? 0 : (uint8_t)(good[place] + 1);
            encrypt_block(block, request);
            expect_refused(nonce, request);
        }
    }
}

static void a_request_that_is_no_number_below_the_modulus_is_refused_like_the_others(void **state)
{
    (void)state;
    uint8_t request[CYAN_REQUEST_LEN];
    for (unsigned value = 0; value < 256; value++) {
        memset(request, (int)value, sizeof request);
        expect_refused(nonce, request);
    }
    memcpy(request, server_modulus, sizeof request);
    expect_refused(nonce, request);
    request[sizeof request - 1]--;
    expect_refused(nonce, request);
}

static void start_answer_script(uint8_t *script, size_t len)
{
    struct cyan_writer w;
    cyan_writer_init(&w, script, 125);
    cyan_write_bytes(&w, vectors_bytes(v, "credentials", 40), 40);
    cyan_write_bytes(&w, vectors_bytes(v, "answer_padding", 85), 85);
    fixed_random_start(script, len);
}

static void an_answer_is_made_byte_for_byte(void **state)
{
    (void)state;
    uint8_t script[125], credentials[CYAN_CREDENTIALS_LEN], answer[CYAN_ANSWER_LEN];
    start_answer_script(script, sizeof script);
    assert_int_equal(cyan_handshake_answer(&fixed, server_key, device_modulus, credentials, answer),
                     0);
    assert_int_equal(fixed_random_left(), 0);
    assert_memory_equal(credentials, vectors_bytes(v, "credentials", 40), 40);
    assert_memory_equal(answer, vectors_bytes(v, "answer", sizeof answer), sizeof answer);
}

static void expect_no_answer(const struct cyan_crypto *with, const uint8_t *modulus, int err)
{
    uint8_t credentials[CYAN_CREDENTIALS_LEN], answer[CYAN_ANSWER_LEN];
    memset(credentials, UNTOUCHED, sizeof credentials);
    memset(answer, UNTOUCHED, sizeof answer);
    assert_int_equal(cyan_handshake_answer(with, server_key, modulus, credentials, answer), err);
    assert_true(all_bytes_are(credentials, UNTOUCHED, sizeof credentials));
    assert_true(all_bytes_are(answer, UNTOUCHED, sizeof answer));
}

static void an_answer_without_enough_randomness_is_not_made(void **state)
{
    (void)state;
    uint8_t script[125];
    for (size_t len = 0; len < sizeof script; len++) {
        start_answer_script(script, len);
        expect_no_answer(&fixed, device_modulus, CYAN_E_RANDOM);
    }
}

static void a_modulus_that_cannot_encrypt_gets_no_answer(void **state)
{
    (void)state;
    uint8_t modulus[CYAN_RSA1024_LEN];
    memset(modulus, 0, sizeof modulus);
    expect_no_answer(crypto, modulus, CYAN_E_KEY_UNUSABLE);
    modulus[sizeof modulus - 1] = 1;
    expect_no_answer(crypto, modulus, CYAN_E_KEY_UNUSABLE);
    memcpy(modulus, device_modulus, sizeof modulus);
    modulus[sizeof modulus - 1] ^= 1;
    expect_no_answer(crypto, modulus, CYAN_E_KEY_UNUSABLE);
    modulus[sizeof modulus - 1] ^= 1;
    modulus[0] = 0; /* below every padded block */
    modulus[1] = 1;
    expect_no_answer(crypto, modulus, CYAN_E_KEY_UNUSABLE);
}

static void a_server_key_that_cannot_encrypt_gives_no_request(void **state)
{
    (void)state;
    uint8_t modulus[CYAN_RSA2048_LEN], request[CYAN_REQUEST_LEN];
    for (unsigned damage = 0; damage < 4; damage++) {
        memcpy(modulus, server_modulus, sizeof modulus);
        if (damage == 0) {
            modulus[sizeof modulus - 1] ^= 1; /* even */
        } else if (damage == 1) {
            memset(modulus, 0, sizeof modulus);
        } else {
            modulus[0] = 0; /* below every padded block */
            modulus[1] = (uint8_t)(damage - 2);
        }
        memset(request, UNTOUCHED, sizeof request);
        assert_int_equal(cyan_handshake_request(crypto, modulus, nonce, id, spki, request),
                         CYAN_E_KEY_UNUSABLE);
        assert_true(all_bytes_are(request, UNTOUCHED, sizeof request));
    }
}

static int accept_answer(const uint8_t *slot, const uint8_t *answer, uint8_t *credentials)
{
    struct cyan_rsa_crt crt;
    cyan_keyblob_crt(slot, &crt);
    memset(credentials, UNTOUCHED, CYAN_CREDENTIALS_LEN);
    return cyan_handshake_accept(crypto, &crt, server_modulus, answer, credentials);
}

static void expect_not_accepted(const uint8_t *slot, const uint8_t *answer, int err)
{
    uint8_t credentials[CYAN_CREDENTIALS_LEN];
    assert_int_equal(accept_answer(slot, answer, credentials), err);
    assert_true(all_bytes_are(credentials, UNTOUCHED, sizeof credentials));
}

static void device_slot(uint8_t slot[static CYAN_DEVICE_KEY_SLOT], const char *name)
{
    memcpy(slot, vectors_bytes(keys, name, CYAN_DEVICE_KEY_LEN), CYAN_DEVICE_KEY_LEN);
    slot[CYAN_DEVICE_KEY_LEN] = 0xFF;
}

static void the_answer_of_an_independent_tool_gives_its_credentials(void **state)
{
    (void)state;
    uint8_t slot[CYAN_DEVICE_KEY_SLOT], credentials[CYAN_CREDENTIALS_LEN];
    device_slot(slot, "device_key");
    assert_int_equal(accept_answer(slot, vectors_bytes(v, "answer", CYAN_ANSWER_LEN), credentials),
                     0);
    assert_memory_equal(credentials, vectors_bytes(v, "credentials", 40), 40);
}

static void any_flipped_bit_of_an_answer_is_refused_with_the_error_of_its_part(void **state)
{
    (void)state;
    uint8_t slot[CYAN_DEVICE_KEY_SLOT];
    uint8_t *answer = copy_of(vectors_bytes(v, "answer", CYAN_ANSWER_LEN), CYAN_ANSWER_LEN);
    device_slot(slot, "device_key");
    for (size_t bit = 0; bit < CYAN_ANSWER_LEN * 8; bit++) {
        answer[bit / 8] ^= (uint8_t)(1U << bit % 8);
        expect_not_accepted(
            slot, answer, bit / 8 < CYAN_RSA1024_LEN ? CYAN_E_NOT_DECIPHERABLE : CYAN_E_SIGNATURE);
        answer[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    free(answer);
}

static void the_answer_of_another_server_is_a_wrong_signature(void **state)
{
    (void)state;
    uint8_t slot[CYAN_DEVICE_KEY_SLOT];
    device_slot(slot, "device_key");
    expect_not_accepted(slot, vectors_bytes(v, "answer_foreign_signature", CYAN_ANSWER_LEN),
                        CYAN_E_SIGNATURE);
}

static void an_answer_for_another_device_cannot_be_deciphered(void **state)
{
    (void)state;
    uint8_t slot[CYAN_DEVICE_KEY_SLOT];
    device_slot(slot, "other_device_key");
    expect_not_accepted(slot, vectors_bytes(v, "answer", CYAN_ANSWER_LEN), CYAN_E_NOT_DECIPHERABLE);
    memset(slot, 0xFF, sizeof slot);
    expect_not_accepted(slot, vectors_bytes(v, "answer", CYAN_ANSWER_LEN), CYAN_E_NOT_DECIPHERABLE);
    memset(slot, 0, sizeof slot);
    expect_not_accepted(slot, vectors_bytes(v, "answer", CYAN_ANSWER_LEN), CYAN_E_NOT_DECIPHERABLE);
}

static void a_flipped_bit_of_a_prime_or_crt_value_is_seen_and_one_of_d_is_not(void **state)
{
    (void)state;
    enum { D_BEGIN = 148, D_END = 276, P_BEGIN = 279, HALF_STRIDE = 67 };
    const uint8_t *answer = vectors_bytes(v, "answer", CYAN_ANSWER_LEN);
    uint8_t slot[CYAN_DEVICE_KEY_SLOT], credentials[CYAN_CREDENTIALS_LEN];
    device_slot(slot, "device_key");
    for (size_t at = P_BEGIN; at < CYAN_DEVICE_KEY_LEN; at++) {
        if ((at - P_BEGIN) % HALF_STRIDE >= CYAN_RSA1024_HALF) {
            continue; /* the header of the next value */
        }
        for (unsigned bit = 0; bit < 8; bit++) {
            slot[at] ^= (uint8_t)(1U << bit);
            expect_not_accepted(slot, answer, CYAN_E_NOT_DECIPHERABLE);
            slot[at] ^= (uint8_t)(1U << bit);
        }
    }
    for (size_t at = D_BEGIN; at < D_END; at++) {
        slot[at] ^= 0x10;
        assert_int_equal(accept_answer(slot, answer, credentials), 0);
        slot[at] ^= 0x10;
    }
}

static void every_damage_of_the_server_key_is_a_wrong_signature_for_the_device(void **state)
{
    (void)state;
    uint8_t slot[CYAN_DEVICE_KEY_SLOT], modulus[CYAN_RSA2048_LEN];
    uint8_t credentials[CYAN_CREDENTIALS_LEN];
    struct cyan_rsa_crt crt;
    device_slot(slot, "device_key");
    cyan_keyblob_crt(slot, &crt);
    memcpy(modulus, server_modulus, sizeof modulus);
    for (size_t bit = 0; bit < sizeof modulus * 8; bit++) {
        modulus[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_equal(cyan_handshake_accept(crypto, &crt, modulus,
                                               vectors_bytes(v, "answer", CYAN_ANSWER_LEN),
                                               credentials),
                         CYAN_E_SIGNATURE);
        modulus[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
}

static void both_ends_meet_with_real_randomness_and_fresh_credentials(void **state)
{
    (void)state;
    uint8_t slot[CYAN_DEVICE_KEY_SLOT], request[CYAN_REQUEST_LEN], answer[CYAN_ANSWER_LEN];
    uint8_t server[2][CYAN_CREDENTIALS_LEN], device[CYAN_CREDENTIALS_LEN];
    struct cyan_claim claim;
    device_slot(slot, "device_key");
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(
            cyan_handshake_request(crypto, server_modulus, nonce, id, i ? spki : NULL, request), 0);
        assert_int_equal(cyan_handshake_open(crypto, server_key, nonce, request, &claim), 0);
        assert_int_equal(claim.has_key, i);
        assert_int_equal(
            cyan_handshake_answer(crypto, server_key, device_modulus, server[i], answer), 0);
        assert_int_equal(accept_answer(slot, answer, device), 0);
        assert_memory_equal(device, server[i], sizeof device);
    }
    assert_memory_not_equal(server[0], server[1], CYAN_CREDENTIALS_LEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_of_an_independent_tool_open_with_and_without_a_key),
        cmocka_unit_test(requests_are_made_byte_for_byte),
        cmocka_unit_test(any_flipped_bit_of_the_nonce_is_refused),
        cmocka_unit_test(any_flipped_bit_of_a_request_is_refused),
        cmocka_unit_test(every_length_but_52_and_214_is_refused),
        cmocka_unit_test(every_wrong_byte_of_the_padding_is_refused),
        cmocka_unit_test(a_request_that_is_no_number_below_the_modulus_is_refused_like_the_others),
        cmocka_unit_test(an_answer_is_made_byte_for_byte),
        cmocka_unit_test(an_answer_without_enough_randomness_is_not_made),
        cmocka_unit_test(a_modulus_that_cannot_encrypt_gets_no_answer),
        cmocka_unit_test(a_server_key_that_cannot_encrypt_gives_no_request),
        cmocka_unit_test(the_answer_of_an_independent_tool_gives_its_credentials),
        cmocka_unit_test(any_flipped_bit_of_an_answer_is_refused_with_the_error_of_its_part),
        cmocka_unit_test(the_answer_of_another_server_is_a_wrong_signature),
        cmocka_unit_test(an_answer_for_another_device_cannot_be_deciphered),
        cmocka_unit_test(a_flipped_bit_of_a_prime_or_crt_value_is_seen_and_one_of_d_is_not),
        cmocka_unit_test(every_damage_of_the_server_key_is_a_wrong_signature_for_the_device),
        cmocka_unit_test(both_ends_meet_with_real_randomness_and_fresh_credentials),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
