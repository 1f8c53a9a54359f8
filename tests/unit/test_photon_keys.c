/* Power-on: which keys the firmware finds, when it makes one, and what power loss leaves behind. */
#include "photon/keys.h"

#include <string.h>

#include "crypto/openssl.h"
#include "photon/boot.h"
#include "tests/unit/scratch.h"
#include "tests/unit/support.h"
#include "tests/unit/unit.h"
#include "tests/unit/vectors.h"

static const uint8_t id[CYAN_ID_LEN] = {0x2f, 0x00, 0x30, 0x00, 0x04, 0x47,
                                        0x35, 0x31, 0x38, 0x31, 0x38, 0x31};
static struct cyan_crypto *crypto;
static struct vectors *vectors, *publics;
static struct flash flash;
static struct options options;

/* What boot_photon told, as letters: L led, K key, F flash. */
static char told[64];
static char last_what[64];

static void tell(void *owner, struct news *news)
{
    static const char letters[] = {[NEWS_LED] = 'L', [NEWS_KEY] = 'K', [NEWS_FLASH] = 'F'};
    size_t len = strlen(told);
    (void)owner;
    assert_true(len < sizeof told - 1);
    told[len] = letters[news->kind];
    if (news->what) {
        assert_true(strlen(news->what) < sizeof last_what);
        memcpy(last_what, news->what, strlen(news->what) + 1);
    }
    if (news->led) {
        assert_ptr_equal(news->led, cyan_led_of(CYAN_LED_KEY_GENERATION));
    }
}

static int boot(struct keys *out_keys)
{
    const struct boot b = {
        .options = &options, .crypto = crypto, .id = id, .flash = &flash, .tell = tell};
    memset(told, 0, sizeof told);
    return boot_photon(&b, out_keys);
}

static int set_up(void **state)
{
    (void)state;
    scratch_init();
    crypto = cyan_openssl_create();
    assert_non_null(crypto);
    vectors = vectors_open("keys.txt");
    publics = vectors_open("keys-public.txt");
    options = (struct options){0};
    assert_int_equal(flash_create(scratch_path("flash.bin")), 0);
    assert_int_equal(flash_open(&flash, scratch_path("flash.bin")), 0);
    assert_int_equal(cyan_settings_format(&flash.face), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    flash_close(&flash);
    cyan_openssl_destroy(crypto);
    vectors_close(vectors);
    vectors_close(publics);
    scratch_done();
    return 0;
}

static void store_known_key(void)
{
    const uint8_t *key = vectors_bytes(vectors, "device_key", CYAN_DEVICE_KEY_LEN);
    assert_int_equal(
        cyan_settings_write(&flash.face, CYAN_SETTING_DEVICE_KEY, key, CYAN_DEVICE_KEY_LEN), 0);
}

static void a_key_is_made_if_and_only_if_the_first_byte_is_ff(void **state)
{
    (void)state;
    store_known_key();
    for (unsigned first = 0; first < 256; first++) {
        uint8_t byte = (uint8_t)first;
        assert_int_equal(cyan_settings_write(&flash.face, CYAN_SETTING_DEVICE_KEY, &byte, 1), 0);
        assert_int_equal(keys_need_new(&flash.face), first == 0xFF);
    }
}

static void a_made_key_has_the_fixed_width_form_and_is_kept(void **state)
{
    (void)state;
    struct keys keys, again;
    assert_int_equal(boot(&keys), 0);
    assert_string_equal(told, "LKF"); /* white light, the key, and the missing address */
    assert_int_equal(cyan_keyblob_check(keys.device_key), 0);
    assert_int_equal(keys.device_key[CYAN_DEVICE_KEY_LEN], 0xFF);
    uint64_t ops = flash.ops;
    assert_int_equal(boot(&again), 0);
    assert_string_equal(told, "KF");
    assert_memory_equal(again.device_key, keys.device_key, sizeof keys.device_key);
    assert_string_equal(again.fingerprint, keys.fingerprint);
    assert_int_equal(flash.ops, ops);
}

static void the_fingerprint_is_that_of_the_key_that_the_device_sends(void **state)
{
    (void)state;
    struct keys keys;
    uint8_t expected[CYAN_SHA256_LEN];
    char text[KEYS_FINGERPRINT_TEXT];
    store_known_key();
    assert_int_equal(boot(&keys), 0);
    memcpy(expected, vectors_bytes(publics, "device_fingerprint", sizeof expected),
           sizeof expected);
    for (size_t i = 0; i < sizeof expected; i++) {
        static const char digits[] = "0123456789abcdef";
        text[2 * i] = digits[expected[i] >> 4];
        text[2 * i + 1] = digits[expected[i] & 15];
    }
    text[sizeof text - 1] = '\0';
    assert_string_equal(keys.fingerprint, text);
}

static void the_stored_public_key_follows_the_private_one(void **state)
{
    (void)state;
    struct keys keys;
    uint8_t stored[CYAN_SETTING_DEVICE_PUBLIC_SPACE];
    store_known_key();
    assert_int_equal(boot(&keys), 0);
    assert_int_equal(cyan_settings_read(&flash.face, 1250, stored, sizeof stored), 0);
    assert_memory_equal(stored, vectors_bytes(publics, "device_spki", CYAN_DEVICE_SPKI_LEN),
                        CYAN_DEVICE_SPKI_LEN);
    assert_true(all_bytes_are(stored + CYAN_DEVICE_SPKI_LEN, 0, sizeof stored - 162));
}

static void settings_whose_copies_are_both_gone_begin_blank_with_a_new_key(void **state)
{
    (void)state;
    struct keys keys;
    uint8_t zeros[2] = {0};
    store_known_key();
    assert_int_equal(flash_damage(&flash, CYAN_DCT_SECTOR_1 + 12, zeros, 2), 0);
    assert_int_equal(flash_damage(&flash, CYAN_DCT_SECTOR_2 + 12, zeros, 2), 0);
    assert_int_equal(boot(&keys), 0);
    assert_string_equal(told, "FLKF");
    assert_int_equal(cyan_keyblob_check(keys.device_key), 0);
    assert_true(all_bytes_are(keys.server_key, 0xFF, sizeof keys.server_key));
}

/* A key takes two writes of settings, and each takes 8,194 operations; whatever is left after a
 * cut, the next power-on ends with a whole key. */
static void power_cut_while_a_key_is_made_leaves_a_device_that_starts(void **state)
{
    (void)state;
    enum { WRITE_OPS = 1 + CYAN_DCT_SECTOR_SIZE / 2 + 1 };
    static const uint64_t cuts[] = {0,
                                    1,
                                    2,
                                    4000,
                                    WRITE_OPS - 2,
                                    WRITE_OPS - 1,
                                    WRITE_OPS,
                                    WRITE_OPS + 1,
                                    2 * WRITE_OPS - 2,
                                    2 * WRITE_OPS - 1};
    for (size_t i = 0; i < COUNT_OF(cuts); i++) {
        struct keys keys;
        flash.power_lost = false;
        flash.limited = false;
        assert_int_equal(cyan_settings_format(&flash.face), 0);
        flash_cut_after(&flash, cuts[i]);
        assert_int_equal(boot(&keys), CYAN_E_OFFLINE);
        assert_true(flash.power_lost);
        assert_string_equal(last_what, "power-cut");
        flash.power_lost = false;
        flash.limited = false;
        assert_int_equal(boot(&keys), 0);
        assert_int_equal(cyan_keyblob_check(keys.device_key), 0);
    }
}

static void the_address_comes_from_the_settings_unless_another_is_given(void **state)
{
    (void)state;
    struct keys keys;
    struct cyan_address address;
    assert_int_equal(cyan_address_parse("127.0.0.1", 5683, &address), 0);
    assert_int_equal(keys_store_address(&flash.face, &address), 0);
    assert_int_equal(boot(&keys), 0);
    assert_true(keys.has_address);
    assert_string_equal(keys.address.host, "127.0.0.1");

    options.has_server = true;
    assert_int_equal(cyan_address_parse("localhost", 1234, &options.server), 0);
    assert_int_equal(boot(&keys), 0);
    assert_string_equal(keys.address.host, "localhost");
    assert_int_equal(keys.address.port, 1234);
    options.has_server = false;
    assert_int_equal(boot(&keys), 0);
    assert_string_equal(keys.address.host, "127.0.0.1");
}

static void faults_are_done_before_the_keys_are_read(void **state)
{
    (void)state;
    struct keys before, after;
    store_known_key();
    assert_int_equal(boot(&before), 0);
    options.fault_count = 2;
    assert_int_equal(fault_parse("device-key:60", &options.faults[0]), 0);
    assert_int_equal(fault_parse("server-key:5", &options.faults[1]), 0);
    assert_int_equal(boot(&after), 0);
    assert_int_equal(after.device_key[60], before.device_key[60] ^ 1);
    assert_int_equal(after.server_key[5], before.server_key[5] ^ 1);
    assert_string_not_equal(after.fingerprint, before.fingerprint);
}

static void the_id_takes_the_place_of_its_name_in_a_host(void **state)
{
    (void)state;
    struct cyan_address address;
    assert_int_equal(cyan_address_parse("$id.devices.example", 5683, &address), 0);
    assert_int_equal(keys_expand_host(&address, id), 0);
    assert_string_equal(address.host, "2f0030000447353138313831.devices.example");
    assert_int_equal(cyan_address_parse("plain.example", 5683, &address), 0);
    assert_int_equal(keys_expand_host(&address, id), 0);
    assert_string_equal(address.host, "plain.example");
    /* 39 more characters fit beside the 24 digits. */
    char host[64] = "$id";
    for (size_t extra = 0; extra < 45; extra++) {
        memset(host + 3, 'x', extra);
        host[3 + extra] = '\0';
        assert_int_equal(cyan_address_parse(host, 5683, &address), 0);
        assert_int_equal(keys_expand_host(&address, id), extra <= 39 ? 0 : CYAN_E_TOO_LONG);
    }
}

int main(void)
{
#define WITH_FLASH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_FLASH(a_key_is_made_if_and_only_if_the_first_byte_is_ff),
        WITH_FLASH(a_made_key_has_the_fixed_width_form_and_is_kept),
        WITH_FLASH(the_fingerprint_is_that_of_the_key_that_the_device_sends),
        WITH_FLASH(the_stored_public_key_follows_the_private_one),
        WITH_FLASH(settings_whose_copies_are_both_gone_begin_blank_with_a_new_key),
        WITH_FLASH(power_cut_while_a_key_is_made_leaves_a_device_that_starts),
        WITH_FLASH(the_address_comes_from_the_settings_unless_another_is_given),
        WITH_FLASH(faults_are_done_before_the_keys_are_read),
        WITH_FLASH(the_id_takes_the_place_of_its_name_in_a_host),
    };
    return cmocka_run_group_tests_name("photon_keys", tests, NULL, NULL);
}
