#include "keys/recovery.h"

#include <string.h>

#include "tests/unit/unit.h"
#include "tests/unit/vectors.h"

static struct vectors *v;

static int set_up(void **state)
{
    (void)state;
    v = vectors_open("recovery.txt");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    vectors_close(v);
    return 0;
}

static const struct vector *get(const char *name, size_t len)
{
    const struct vector *vector = vectors_get(v, name);
    assert_int_equal(vector->len, len);
    return vector;
}

/* Everything that a proof is checked with, one behind the other. */
struct inputs {
    uint8_t key[CYAN_RECOVERY_KEY_LEN];
    uint8_t nonce[CYAN_NONCE_LEN];
    uint8_t id[CYAN_ID_LEN];
    uint8_t device_print[CYAN_SHA256_LEN];
    uint8_t server_print[CYAN_SHA256_LEN];
    uint8_t proof[CYAN_RECOVERY_PROOF_LEN];
};

static struct inputs inputs_of_vectors(void)
{
    struct inputs in;
    memcpy(in.key, get("key", sizeof in.key)->data, sizeof in.key);
    memcpy(in.nonce, get("nonce", sizeof in.nonce)->data, sizeof in.nonce);
    memcpy(in.id, get("id", sizeof in.id)->data, sizeof in.id);
    memcpy(in.device_print, get("device_print", sizeof in.device_print)->data,
           sizeof in.device_print);
    memcpy(in.server_print, get("server_print", sizeof in.server_print)->data,
           sizeof in.server_print);
    memcpy(in.proof, get("proof", sizeof in.proof)->data, sizeof in.proof);
    return in;
}

static int verify(const struct inputs *in)
{
    const struct cyan_recovery_claim claim = {.nonce = in->nonce,
                                              .id = in->id,
                                              .device_print = in->device_print,
                                              .server_print = in->server_print};
    return cyan_recovery_verify(in->key, &claim, in->proof);
}

static void a_proof_made_elsewhere_holds(void **state)
{
    (void)state;
    struct inputs in = inputs_of_vectors();
    assert_int_equal(verify(&in), 0);
    assert_int_equal(cyan_recovery_check(in.key), 0);
}

static void a_proof_with_any_bit_flipped_does_not_hold(void **state)
{
    (void)state;
    for (size_t bit = 0; bit < 8 * sizeof(struct inputs); bit++) {
        struct inputs in = inputs_of_vectors();
        uint8_t *bytes = (uint8_t *)&in;
        bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        assert_true(verify(&in) < 0);
    }
}

static void a_signature_of_zeroes_or_of_ones_does_not_hold(void **state)
{
    (void)state;
    static const uint8_t fills[] = {0x00, 0xFF};
    for (size_t i = 0; i < sizeof fills; i++) {
        for (size_t part = 0; part < 3; part++) {
            struct inputs in = inputs_of_vectors();
            size_t half = sizeof in.proof / 2;
            size_t from = part == 1 ? half : 0;
            size_t to = part == 0 ? half : sizeof in.proof;
            memset(in.proof + from, fills[i], to - from);
            assert_true(verify(&in) < 0);
        }
    }
}

static void a_point_that_is_not_on_the_curve_is_no_key(void **state)
{
    (void)state;
    for (size_t bit = 0; bit < 8 * CYAN_RECOVERY_KEY_LEN; bit++) {
        struct inputs in = inputs_of_vectors();
        in.key[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        assert_int_equal(cyan_recovery_check(in.key), CYAN_E_INVALID);
    }
    uint8_t zeroes[CYAN_RECOVERY_KEY_LEN] = {0};
    assert_int_equal(cyan_recovery_check(zeroes), CYAN_E_INVALID);
}

static void a_pem_text_gives_its_point_and_a_cut_one_gives_none(void **state)
{
    (void)state;
    const struct vector *pem = vectors_get(v, "pem");
    const struct vector *key = get("key", CYAN_RECOVERY_KEY_LEN);
    uint8_t point[CYAN_RECOVERY_KEY_LEN];
    static const char end[] = "-----END PUBLIC KEY-----";
    assert_int_equal(cyan_recovery_from_pem((const char *)pem->data, pem->len, point), 0);
    assert_memory_equal(point, key->data, sizeof point);
    size_t whole = (size_t)((const uint8_t *)memmem(pem->data, pem->len, end, strlen(end)) -
                            (const uint8_t *)pem->data) +
                   strlen(end);
    for (size_t len = 0; len < whole; len++) {
        assert_int_equal(cyan_recovery_from_pem((const char *)pem->data, len, point),
                         CYAN_E_MALFORMED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_proof_made_elsewhere_holds),
        cmocka_unit_test(a_proof_with_any_bit_flipped_does_not_hold),
        cmocka_unit_test(a_signature_of_zeroes_or_of_ones_does_not_hold),
        cmocka_unit_test(a_point_that_is_not_on_the_curve_is_no_key),
        cmocka_unit_test(a_pem_text_gives_its_point_and_a_cut_one_gives_none),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
