#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hex.h"
#include "keys/spki.h"
#include "server/cloud/rotation.h"
#include "server/store/sqlite.h"
#include "tests/unit/opened.h"
#include "tests/unit/scratch.h"
#include "tests/unit/spoken.h"
#include "tests/unit/unit.h"
#include "tests/unit/vectors.h"

#define ID_1 "0123456789abcdef01234567"
#define ID_2 "ffffffffffffffffffffffff"

static const char *const words[] = {
    "--data", "data", "--server-key", "default_key.pem", "--device-keys", "core_keys", NULL};
static uint8_t spki[2][CYAN_DEVICE_SPKI_LEN];

static void put_pem(const char *name, int which)
{
    char path[200];
    char pem[CYAN_SPKI_PEM_MAX];
    (void)snprintf(path, sizeof path, "core_keys/%s", name);
    int len = cyan_spki_to_pem(spki[which], sizeof spki[which], pem);
    assert_true(len > 0);
    scratch_write(path, pem, (size_t)len);
}

/* A server's folder with two devices. */
static int set_up(void **state)
{
    static const char *const names[] = {"device_spki", "other_device_spki"};
    struct vectors *publics = vectors_open("keys-public.txt");
    (void)opened_set_up(state);
    for (size_t i = 0; i < 2; i++) {
        memcpy(spki[i], vectors_bytes(publics, names[i], sizeof spki[i]), sizeof spki[i]);
    }
    vectors_close(publics);
    assert_int_equal(cyan_serverkey_save(&opened_keys[0], scratch_path("default_key.pem")), 0);
    assert_int_equal(cyan_serverkey_save(&opened_keys[1], scratch_path("other.pem")), 0);
    assert_int_equal(mkdir(scratch_path("core_keys"), 0700), 0);
    put_pem(ID_1 ".pub.pem", 0);
    put_pem(ID_2 ".pub.pem", 1);
    return 0;
}

static struct spoken import(void)
{
    folder_close(&opened);
    return spoken_run(&command_import, words);
}

static uint64_t count_devices(void)
{
    uint64_t count = 0;
    assert_int_equal(opened.store.device_count(opened.store.ctx, &count), 0);
    return count;
}

/* The device is the operator's, and this is its trusted key. */
static void assert_device(const char *text, int which)
{
    uint8_t id[CYAN_ID_LEN];
    uint8_t fingerprint[CYAN_SHA256_LEN];
    struct store_device device;
    struct store_key key;
    struct store_account owner;
    assert_int_equal(cyan_hex_decode(text, strlen(text), id, sizeof id), 0);
    assert_int_equal(opened.store.device_get(opened.store.ctx, id, &device), 0);
    assert_int_equal(opened.store.account_get(opened.store.ctx, device.owner, &owner), 0);
    assert_true(owner.is_operator);
    assert_string_not_equal(device.name, "");
    assert_int_equal(opened.store.key_trusted(opened.store.ctx, id, &key), 0);
    assert_memory_equal(key.spki, spki[which], sizeof key.spki);
    assert_int_equal(
        opened_crypto->sha256(opened_crypto->ctx, key.spki, sizeof key.spki, fingerprint), 0);
    assert_memory_equal(key.fingerprint, fingerprint, sizeof fingerprint);
    assert_int_equal(key.state, STORE_KEY_TRUSTED);
    assert_int_equal(key.source, STORE_KEY_PROVISIONED);
    assert_int_equal(key.by_account, device.owner);
}

static void assert_imported(void)
{
    assert_int_equal(opened_as_is(), 0);
    assert_memory_equal(opened.key.spki, opened_keys[0].spki, sizeof opened.key.spki);
    assert_int_equal(count_devices(), 2);
    assert_device(ID_1, 0);
    assert_device(ID_2, 1);
}

static void a_fleet_becomes_a_new_folder_with_its_key_and_a_first_account(void **state)
{
    (void)state;
    struct stat info;
    struct spoken spoken = import();
    assert_string_equal(spoken.err, "");
    assert_int_equal(spoken.code, 0);
    assert_non_null(strstr(spoken.out, "2 taken over, 0 known already"));
    assert_imported();
    assert_int_equal(opened_check_login("ann", "a given secret"), 0);
    assert_int_equal(stat(scratch_path("data/server.key"), &info), 0);
    assert_int_equal(info.st_mode & 07777U, 0600);
}

static void an_import_can_be_repeated_and_leaves_known_devices_alone(void **state)
{
    (void)state;
    assert_int_equal(import().code, 0);
    struct spoken spoken = import();
    assert_int_equal(spoken.code, 0);
    assert_non_null(strstr(spoken.out, "0 taken over, 2 known already"));
    assert_imported();
    put_pem(ID_1 ".pub.pem", 1);
    put_pem("0123456789abcdef01234568.pub.pem", 1);
    spoken = import();
    assert_int_equal(spoken.code, 0);
    assert_non_null(strstr(spoken.out, "1 taken over, 2 known already"));
    assert_non_null(strstr(spoken.err, ID_1 " is known with another key, which stays"));
    assert_null(strstr(spoken.err, ID_2));
    assert_int_equal(opened_as_is(), 0);
    assert_int_equal(count_devices(), 3);
    assert_device(ID_1, 0);
}

static void a_folder_with_another_server_key_is_refused_and_left_as_it_is(void **state)
{
    (void)state;
    opened_put_key(&opened_keys[1]);
    assert_int_equal(opened_as_is(), 0);
    struct spoken spoken = import();
    spoken_assert_error(&spoken, COMMAND_FOLDER, "data has another server key");
    assert_int_equal(opened_as_is(), 0);
    assert_int_equal(count_devices(), 0);
    assert_memory_equal(opened.key.spki, opened_keys[1].spki, sizeof opened.key.spki);
    /* In a folder that is open it does nothing either. */
    spoken = spoken_run(&command_import, words);
    spoken_assert_error(&spoken, COMMAND_FOLDER, "in use by another cyand");
}

static void the_key_before_a_rotation_is_one_of_the_folders(void **state)
{
    (void)state;
    const struct rotation rotation = {.folder = &opened, .path = scratch_path("data")};
    opened_put_key(&opened_keys[0]);
    assert_int_equal(opened_as_is(), 0);
    assert_int_equal(rotation_begin(&rotation, &opened_keys[1], &opened_words), 0);
    assert_int_equal(import().code, 0);
    assert_int_equal(opened_as_is(), 0);
    assert_int_equal(count_devices(), 2);
}

static void bad_keys_are_named_and_counted_and_the_rest_goes_in(void **state)
{
    (void)state;
    scratch_write("core_keys/0123456789abcdef01234568.pub.pem", "nonsense", 8);
    struct spoken spoken = import();
    spoken_assert_error(&spoken, COMMAND_FAILED, "1 of the device keys could not be taken over");
    assert_non_null(strstr(spoken.err, "01234568.pub.pem: no key can be read from it"));
    assert_non_null(strstr(spoken.out, "2 taken over, 0 known already and left alone, 1 not"));
    assert_imported();
}

static void a_server_key_alone_makes_a_folder_without_devices(void **state)
{
    (void)state;
    struct spoken spoken = SPOKEN_RUN(command_import, "--data", "data", "--server-key",
                                      "default_key.pem", "--server-key-only");
    assert_int_equal(spoken.code, 0);
    assert_int_equal(opened_as_is(), 0);
    assert_int_equal(count_devices(), 0);
    assert_memory_equal(opened.key.spki, opened_keys[0].spki, sizeof opened.key.spki);
}

static void what_is_no_server_key_is_told_before_a_folder_is_made(void **state)
{
    (void)state;
    static const struct {
        const char *name, *why;
    } bad[] = {{"missing", "no such file"},
               {"core_keys", "Is a directory"},
               {"core_keys/" ID_1 ".pub.pem", "no private key"},
               {"small.pem", "not RSA-2048"},
               {"locked.pem", "encrypted"}};
    assert_int_equal(SCRATCH_RUN("openssl", "genrsa", "-out", "small.pem", "1024"), 0);
    assert_int_equal(SCRATCH_RUN("openssl", "rsa", "-in", "default_key.pem", "-aes128", "-passout",
                                 "pass:secret", "-out", "locked.pem"),
                     0);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct spoken spoken = SPOKEN_RUN(command_import, "--data", "data", "--server-key",
                                          bad[i].name, "--server-key-only");
        spoken_assert_error(&spoken, COMMAND_FAILED, bad[i].why);
    }
    struct spoken spoken = SPOKEN_RUN(command_import, "--data", "data", "--server-key",
                                      "default_key.pem", "--device-keys", "missing");
    spoken_assert_error(&spoken, COMMAND_FAILED, "missing cannot be read");
    assert_int_not_equal(access(scratch_path("data"), F_OK), 0);
}

static void a_server_key_in_der_is_as_good(void **state)
{
    (void)state;
    assert_int_equal(SCRATCH_RUN("openssl", "rsa", "-in", "default_key.pem", "-outform", "DER",
                                 "-out", "key.der"),
                     0);
    struct spoken spoken = SPOKEN_RUN(command_import, "--data", "data", "--server-key", "key.der",
                                      "--device-keys", "core_keys");
    assert_int_equal(spoken.code, 0);
    assert_imported();
}

static void words_that_do_not_fit_are_usage_errors(void **state)
{
    (void)state;
    struct spoken spoken = SPOKEN_RUN(command_import, "--device-keys", "core_keys");
    spoken_assert_error(&spoken, COMMAND_USAGE, "--server-key is missing");
    spoken = SPOKEN_RUN(command_import, "--server-key", "default_key.pem");
    spoken_assert_error(&spoken, COMMAND_USAGE, "either --device-keys or --server-key-only");
    spoken = SPOKEN_RUN(command_import, "--server-key", "default_key.pem", "--server-key-only",
                        "--device-keys", "core_keys");
    spoken_assert_error(&spoken, COMMAND_USAGE, "either --device-keys or --server-key-only");
}

/* All devices or none, and then it can be done again. */
static unsigned sweep(enum steps_fault fault)
{
    for (unsigned n = 0; n < 200; n++) {
        struct spoken spoken = spoken_cut(&command_import, words, n, fault);
        /* Opening a folder without a key would make one. */
        if (access(scratch_path("data/server.key"), F_OK) == 0) {
            assert_int_equal(opened_as_is(), 0);
            uint64_t count = count_devices();
            assert_true(count == 2 || (count == 0 && spoken.code != 0));
        }
        assert_int_equal(import().code, 0);
        assert_imported();
        opened_remove();
        if (!spoken.reached) {
            return n;
        }
    }
    fail_msg("an import without an end");
    return 0;
}

static void an_import_cut_short_at_any_step_has_taken_over_all_or_none(void **state)
{
    (void)state;
    assert_in_range(sweep(STEPS_KILL), 12, 100);
    assert_in_range(sweep(STEPS_FAIL), 12, 100);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, opened_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_fleet_becomes_a_new_folder_with_its_key_and_a_first_account),
        TEST(an_import_can_be_repeated_and_leaves_known_devices_alone),
        TEST(a_folder_with_another_server_key_is_refused_and_left_as_it_is),
        TEST(the_key_before_a_rotation_is_one_of_the_folders),
        TEST(bad_keys_are_named_and_counted_and_the_rest_goes_in),
        TEST(a_server_key_alone_makes_a_folder_without_devices),
        TEST(what_is_no_server_key_is_told_before_a_folder_is_made),
        TEST(a_server_key_in_der_is_as_good),
        TEST(words_that_do_not_fit_are_usage_errors),
        TEST(an_import_cut_short_at_any_step_has_taken_over_all_or_none),
    };
    return cmocka_run_group_tests(tests, opened_make_keys, opened_drop_keys);
}
