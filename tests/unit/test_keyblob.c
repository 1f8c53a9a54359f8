#include "wire/keyblob.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/openssl.h"
#include "tests/unit/support.h"
#include "tests/unit/unit.h"
#include "tests/unit/vectors.h"

static const char *const natural[] = {"natural_1",        "natural_2",       "natural_3",
                                      "natural_4",        "natural_short_d", "natural_short_dp",
                                      "natural_short_dq", "natural_short_qi"};
static const char *const halves[] = {"p", "q", "dp", "dq", "qi"};

static struct vectors *keys, *blobs, *publics;

static int set_up(void **state)
{
    (void)state;
    keys = vectors_open("keys.txt");
    blobs = vectors_open("keyblob.txt");
    publics = vectors_open("keys-public.txt");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    vectors_close(keys);
    vectors_close(blobs);
    vectors_close(publics);
    return 0;
}

/* A blob as it lies in a device: FF behind it. */
static void load_slot(uint8_t slot[static CYAN_DEVICE_KEY_SLOT], const struct vector *blob)
{
    assert_true(blob->len <= CYAN_DEVICE_KEY_SLOT);
    memset(slot, 0xFF, CYAN_DEVICE_KEY_SLOT);
    memcpy(slot, blob->data, blob->len);
}

static const struct vector *part_of(const char *key, const char *part)
{
    char name[VECTOR_NAME_MAX];
    (void)snprintf(name, sizeof name, "%s_%s", key, part);
    return vectors_get(blobs, name);
}

static const uint8_t *half_of(const struct cyan_rsa_crt *crt, size_t i)
{
    const uint8_t *const values[] = {crt->p, crt->q, crt->dp, crt->dq, crt->qinv};
    return values[i];
}

static void the_walk_finds_what_the_firmware_finds_also_when_that_is_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(natural); i++) {
        uint8_t slot[CYAN_DEVICE_KEY_SLOT];
        struct cyan_rsa_crt crt;
        load_slot(slot, vectors_get(keys, natural[i]));
        cyan_keyblob_crt(slot, &crt);
        assert_int_equal(crt.half_len, CYAN_RSA1024_HALF);
        for (size_t k = 0; k < COUNT_OF(halves); k++) {
            char walk[16];
            (void)snprintf(walk, sizeof walk, "walk_%s", halves[k]);
            assert_memory_equal(half_of(&crt, k), part_of(natural[i], walk)->data,
                                CYAN_RSA1024_HALF);
        }
    }
}

static void a_short_integer_breaks_the_walk_and_the_fixed_width_form_mends_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(natural); i++) {
        uint8_t slot[CYAN_DEVICE_KEY_SLOT];
        struct cyan_rsa_crt crt;
        unsigned differences = 0;
        load_slot(slot, vectors_get(keys, natural[i]));
        cyan_keyblob_crt(slot, &crt);
        for (size_t k = 0; k < COUNT_OF(halves); k++) {
            differences += memcmp(half_of(&crt, k), part_of(natural[i], halves[k])->data,
                                  CYAN_RSA1024_HALF) != 0;
        }
        assert_int_equal(differences > 0, strstr(natural[i], "short") != NULL);

        load_slot(slot, part_of(natural[i], "fixed"));
        cyan_keyblob_crt(slot, &crt);
        for (size_t k = 0; k < COUNT_OF(halves); k++) {
            assert_memory_equal(half_of(&crt, k), part_of(natural[i], halves[k])->data,
                                CYAN_RSA1024_HALF);
        }
    }
}

static void copy_part(uint8_t *out, size_t len, const char *key, const char *part)
{
    const struct vector *value = part_of(key, part);
    assert_int_equal(value->len, len);
    memcpy(out, value->data, len);
}

static void the_fixed_width_form_is_written_byte_for_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(natural); i++) {
        struct cyan_rsa1024 key;
        uint8_t blob[CYAN_DEVICE_KEY_LEN];
        copy_part(key.n, sizeof key.n, natural[i], "n");
        copy_part(key.d, sizeof key.d, natural[i], "d");
        copy_part(key.p, sizeof key.p, natural[i], "p");
        copy_part(key.q, sizeof key.q, natural[i], "q");
        copy_part(key.dp, sizeof key.dp, natural[i], "dp");
        copy_part(key.dq, sizeof key.dq, natural[i], "dq");
        copy_part(key.qinv, sizeof key.qinv, natural[i], "qi");
        cyan_keyblob_write(&key, blob);
        const struct vector *expected = part_of(natural[i], "fixed");
        assert_int_equal(expected->len, sizeof blob);
        assert_memory_equal(blob, expected->data, sizeof blob);
    }
}

static void any_content_of_a_slot_is_walked_inside_the_slot(void **state)
{
    (void)state;
    /* Only bit 0 of seven length octets steers the walk: all 128 combinations. */
    for (unsigned choice = 0; choice < 128; choice++) {
        uint8_t slot[CYAN_DEVICE_KEY_SLOT];
        struct cyan_rsa_crt crt = {0};
        size_t at = 9;
        memset(slot, 0, sizeof slot);
        for (unsigned i = 0; i < 7; i++) {
            uint8_t odd = choice >> i & 1;
            slot[at] = odd;
            at += 1U + odd + (i < 2 ? 128U : 64U) + (i == 0 ? 7U : 1U);
        }
        cyan_keyblob_crt(slot, &crt);
        for (size_t k = 0; k < COUNT_OF(halves); k++) {
            assert_true(half_of(&crt, k) > slot);
            assert_true(half_of(&crt, k) + crt.half_len <= slot + sizeof slot);
        }
    }
}

/* The bytes of the fixed-width form that are no digits of a number. */
static bool is_header(size_t at)
{
    static const struct {
        size_t begin, end;
    } spans[] = {{0, 11},    {139, 144}, {144, 148}, {276, 279},
                 {343, 346}, {410, 413}, {477, 480}, {544, 547}};
    for (size_t i = 0; i < COUNT_OF(spans); i++) {
        if (at >= spans[i].begin && at < spans[i].end) {
            return true;
        }
    }
    return false;
}

static void the_check_sees_every_flipped_bit_of_a_header_and_none_of_a_number(void **state)
{
    (void)state;
    uint8_t slot[CYAN_DEVICE_KEY_SLOT];
    load_slot(slot, vectors_get(keys, "device_key"));
    assert_int_equal(cyan_keyblob_check(slot), 0);
    for (size_t bit = 0; bit < sizeof slot * 8; bit++) {
        slot[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_equal(cyan_keyblob_check(slot), is_header(bit / 8) ? CYAN_E_KEY_DAMAGED : 0);
        slot[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
}

static void a_slot_is_blank_by_its_first_byte_alone(void **state)
{
    (void)state;
    uint8_t slot[CYAN_DEVICE_KEY_SLOT];
    memset(slot, 0xFF, sizeof slot);
    assert_int_equal(cyan_keyblob_check(slot), CYAN_E_BLANK);
    slot[0] = 0x30;
    assert_int_equal(cyan_keyblob_check(slot), CYAN_E_KEY_DAMAGED);
    load_slot(slot, vectors_get(keys, "device_key"));
    slot[0] = 0xFF;
    assert_int_equal(cyan_keyblob_check(slot), CYAN_E_BLANK);
}

static void a_form_with_short_integers_is_no_fixed_width_form(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(natural); i++) {
        uint8_t slot[CYAN_DEVICE_KEY_SLOT];
        const struct vector *blob = vectors_get(keys, natural[i]);
        load_slot(slot, blob);
        assert_int_equal(cyan_keyblob_check(slot),
                         blob->len == CYAN_DEVICE_KEY_LEN ? 0 : CYAN_E_KEY_DAMAGED);
        load_slot(slot, part_of(natural[i], "fixed"));
        assert_int_equal(cyan_keyblob_check(slot), 0);
    }
}

static void the_public_key_of_a_slot_is_that_of_an_independent_tool(void **state)
{
    (void)state;
    uint8_t slot[CYAN_DEVICE_KEY_SLOT], spki[CYAN_DEVICE_SPKI_LEN];
    const uint8_t *expected = vectors_bytes(publics, "device_spki", CYAN_DEVICE_SPKI_LEN);
    load_slot(slot, vectors_get(keys, "device_key"));
    cyan_keyblob_spki(slot, spki);
    assert_memory_equal(spki, expected, sizeof spki);
    cyan_device_spki_write(slot + CYAN_DEVICE_KEY_MODULUS, spki);
    assert_memory_equal(spki, expected, sizeof spki);
}

static void an_erased_slot_gives_a_well_formed_key_that_the_check_calls_damaged(void **state)
{
    (void)state;
    struct vectors *spec = vectors_open("spec-keys.txt");
    for (unsigned value = 0; value < 256; value++) {
        uint8_t slot[CYAN_DEVICE_KEY_SLOT], spki[CYAN_DEVICE_SPKI_LEN];
        memset(slot, (int)value, sizeof slot);
        cyan_keyblob_spki(slot, spki);
        assert_memory_equal(spki, vectors_bytes(spec, "device_spki_header", 29), 29);
        assert_true(all_bytes_are(spki + 29, (uint8_t)value, 128));
        assert_memory_equal(spki + 157, vectors_bytes(spec, "spki_tail", 5), 5);
        assert_int_equal(cyan_device_spki_check(spki, sizeof spki), CYAN_E_KEY_DAMAGED);
    }
    vectors_close(spec);
}

/* Cuts it everywhere and flips every bit. modulus_top: whether the top bit must be set. */
static void sweep_spki(int (*check)(const uint8_t *, size_t), const struct vector *good,
                       size_t modulus, bool modulus_top)
{
    size_t tail = good->len - 5;
    assert_int_equal(check(good->data, good->len), 0);
    for (size_t len = 0; len < good->len; len++) {
        uint8_t *shorter = copy_of(good->data, len);
        assert_int_equal(check(shorter, len), CYAN_E_KEY_DAMAGED);
        free(shorter);
    }
    uint8_t *changed = copy_of(good->data, good->len);
    for (size_t bit = 0; bit < good->len * 8; bit++) {
        size_t at = bit / 8;
        bool fixed = at < modulus || at >= tail || (at == tail - 1 && bit % 8 == 0) ||
                     (modulus_top && at == modulus && bit % 8 == 7);
        changed[at] ^= (uint8_t)(1U << bit % 8);
        assert_int_equal(check(changed, good->len), fixed ? CYAN_E_KEY_DAMAGED : 0);
        changed[at] ^= (uint8_t)(1U << bit % 8);
    }
    for (unsigned value = 0; value < 256; value++) {
        memset(changed + modulus, (int)value, tail - modulus);
        assert_int_equal(check(changed, good->len), CYAN_E_KEY_DAMAGED);
    }
    free(changed);
}

static void public_keys_are_refused_for_every_flaw_that_shows(void **state)
{
    (void)state;
    sweep_spki(cyan_device_spki_check, vectors_get(publics, "device_spki"),
               CYAN_DEVICE_SPKI_MODULUS, false);
    sweep_spki(cyan_server_spki_check, vectors_get(publics, "server_spki"),
               CYAN_SERVER_SPKI_MODULUS, true);
}

static void a_modulus_with_one_byte_unlike_the_others_is_no_constant_one(void **state)
{
    (void)state;
    uint8_t spki[CYAN_DEVICE_SPKI_LEN];
    memcpy(spki, vectors_bytes(publics, "device_spki", sizeof spki), sizeof spki);
    for (size_t at = 0; at < CYAN_RSA1024_LEN; at++) {
        memset(spki + CYAN_DEVICE_SPKI_MODULUS, 0xC5, CYAN_RSA1024_LEN);
        spki[CYAN_DEVICE_SPKI_MODULUS + at] = 0xC7;
        assert_int_equal(cyan_device_spki_check(spki, sizeof spki), 0);
    }
}

static void a_public_key_with_one_byte_behind_it_is_refused(void **state)
{
    (void)state;
    uint8_t longer[CYAN_SERVER_SPKI_LEN + 1] = {0};
    memcpy(longer, vectors_bytes(publics, "device_spki", CYAN_DEVICE_SPKI_LEN),
           CYAN_DEVICE_SPKI_LEN);
    assert_int_equal(cyan_device_spki_check(longer, CYAN_DEVICE_SPKI_LEN + 1), CYAN_E_KEY_DAMAGED);
    memcpy(longer, vectors_bytes(publics, "server_spki", CYAN_SERVER_SPKI_LEN),
           CYAN_SERVER_SPKI_LEN);
    assert_int_equal(cyan_server_spki_check(longer, CYAN_SERVER_SPKI_LEN + 1), CYAN_E_KEY_DAMAGED);
    assert_int_equal(cyan_device_spki_check(longer, CYAN_SERVER_SPKI_LEN), CYAN_E_KEY_DAMAGED);
}

static void a_hundred_new_keys_pass_the_check_and_work_where_the_walk_finds_them(void **state)
{
    (void)state;
    enum { COUNT = 100 };
    struct cyan_crypto *crypto = cyan_openssl_create();
    assert_non_null(crypto);
    for (unsigned i = 0; i < COUNT; i++) {
        struct cyan_rsa1024 key;
        struct cyan_rsa_crt crt;
        uint8_t slot[CYAN_DEVICE_KEY_SLOT], spki[CYAN_DEVICE_SPKI_LEN];
        uint8_t plain[CYAN_RSA1024_LEN], sealed[CYAN_RSA1024_LEN], back[CYAN_RSA1024_LEN];
        assert_int_equal(crypto->rsa1024_generate(crypto->ctx, &key), 0);
        slot[CYAN_DEVICE_KEY_LEN] = 0xFF;
        cyan_keyblob_write(&key, slot);
        assert_int_equal(cyan_keyblob_check(slot), 0);
        cyan_keyblob_spki(slot, spki);
        assert_int_equal(cyan_device_spki_check(spki, sizeof spki), 0);
        cyan_keyblob_crt(slot, &crt);
        memset(plain, (int)(i + 1), sizeof plain);
        plain[0] = 0;
        assert_int_equal(crypto->rsa_public(crypto->ctx, key.n, sizeof key.n, plain, sealed), 0);
        assert_int_equal(crypto->rsa_private_crt(crypto->ctx, &crt, sealed, back), 0);
        assert_memory_equal(back, plain, sizeof plain);
    }
    cyan_openssl_destroy(crypto);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_walk_finds_what_the_firmware_finds_also_when_that_is_wrong),
        cmocka_unit_test(a_short_integer_breaks_the_walk_and_the_fixed_width_form_mends_it),
        cmocka_unit_test(the_fixed_width_form_is_written_byte_for_byte),
        cmocka_unit_test(any_content_of_a_slot_is_walked_inside_the_slot),
        cmocka_unit_test(the_check_sees_every_flipped_bit_of_a_header_and_none_of_a_number),
        cmocka_unit_test(a_slot_is_blank_by_its_first_byte_alone),
        cmocka_unit_test(a_form_with_short_integers_is_no_fixed_width_form),
        cmocka_unit_test(the_public_key_of_a_slot_is_that_of_an_independent_tool),
        cmocka_unit_test(an_erased_slot_gives_a_well_formed_key_that_the_check_calls_damaged),
        cmocka_unit_test(public_keys_are_refused_for_every_flaw_that_shows),
        cmocka_unit_test(a_modulus_with_one_byte_unlike_the_others_is_no_constant_one),
        cmocka_unit_test(a_public_key_with_one_byte_behind_it_is_refused),
        cmocka_unit_test(a_hundred_new_keys_pass_the_check_and_work_where_the_walk_finds_them),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
