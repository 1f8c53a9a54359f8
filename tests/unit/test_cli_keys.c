/* The key commands on files and on the state of a virtual Photon. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/state.h"
#include "keys/keyfile.h"
#include "tests/unit/run_cli.h"
#include "tests/unit/scratch.h"
#include "tests/unit/scripted.h"
#include "tests/unit/support.h"
#include "tests/unit/unit.h"
#include "tests/unit/vectors.h"
#include "wire/address.h"

#define PATH(name) scratch_path(name)

static struct {
    struct vectors *keys, *public;
    const uint8_t *server_spki;
} vectors;

static int set_up(void **state)
{
    static struct ran ran;
    vectors.keys = vectors_open("keys.txt");
    vectors.public = vectors_open("keys-public.txt");
    vectors.server_spki = vectors_bytes(vectors.public, "server_spki", CYAN_SERVER_SPKI_LEN);
    scratch_init();
    make_state("ph");
    assert_int_equal(unsetenv("CYAN_API"), 0);
    assert_int_equal(setenv("CYAN_TOKEN", "token", 1), 0);
    *state = &ran;
    return 0;
}

static int tear_down(void **state)
{
    ran_done(*state);
    vectors_close(vectors.keys);
    vectors_close(vectors.public);
    scratch_done();
    return 0;
}

static void setting(uint32_t at, void *out, size_t len)
{
    struct state state;
    struct fault fault;
    assert_int_equal(state_open(&state, PATH("ph"), &fault), 0);
    assert_int_equal(state_read(&state, at, out, len, &fault), 0);
    state_close(&state);
}

static void put_setting(uint32_t at, const void *data, size_t len)
{
    struct state state;
    struct fault fault;
    char backup[STATE_PATH_MAX];
    assert_int_equal(state_open(&state, PATH("ph"), &fault), 0);
    assert_int_equal(state_write(&state, at, data, len, "test", backup, &fault), 0);
    state_close(&state);
}

static unsigned mode_of(const char *name)
{
    struct stat info;
    assert_int_equal(stat(PATH(name), &info), 0);
    return info.st_mode & 07777U;
}

static void a_new_key_is_two_files_that_openssl_takes_for_one_sound_key(void **state)
{
    struct ran *ran = *state;
    uint8_t spki[CYAN_DEVICE_SPKI_LEN];
    size_t len = 0;
    RUN_CLI(ran, "keys", "new", PATH("k"), "--json");
    assert_int_equal(ran->exit, 0);
    assert_string_equal(RAN_STRING(ran, "data", "private"), PATH("k.der"));
    assert_string_equal(RAN_STRING(ran, "data", "public"), PATH("k.pub.pem"));
    assert_int_equal(mode_of("k.der"), 0600);
    assert_int_equal(
        SCRATCH_RUN("openssl", "rsa", "-in", "k.der", "-inform", "DER", "-check", "-noout"), 0);
    assert_int_equal(SCRATCH_RUN("openssl", "rsa", "-in", "k.der", "-inform", "DER", "-pubout",
                                 "-out", "by-openssl.pem"),
                     0);
    assert_int_equal(SCRATCH_RUN("cmp", "k.pub.pem", "by-openssl.pem"), 0);
    uint8_t *der = scratch_read("k.der", &len);
    assert_int_equal(len, CYAN_DEVICE_KEY_LEN);
    assert_int_equal(cyan_keyfile_device_public(der, len, spki, NULL), 0);
    free(der);
    assert_int_equal(strlen(RAN_STRING(ran, "data", "fingerprint")), 64);
    assert_int_equal(strlen(RAN_STRING(ran, "data", "short")), 19);
}

static void a_key_that_is_there_is_kept_unless_forced(void **state)
{
    struct ran *ran = *state;
    static const char *const taken[] = {"k.der", "k.pub.pem"};
    for (size_t i = 0; i < COUNT_OF(taken); i++) {
        size_t len = 0;
        scratch_write(taken[i], "precious", 8);
        size_t before = scratch_count("");
        RUN_CLI(ran, "keys", "new", PATH("k"), "--json");
        assert_ran_fault(ran, 5, "EXISTS");
        uint8_t *data = scratch_read(taken[i], &len);
        assert_int_equal(len, 8);
        assert_memory_equal(data, "precious", 8);
        free(data);
        assert_int_equal(scratch_count(""), before);
        RUN_CLI(ran, "keys", "new", PATH("k"), "--json", "--force");
        assert_int_equal(ran->exit, 0);
        assert_int_equal(mode_of("k.der"), 0600);
        assert_int_equal(unlink(PATH("k.der")), 0);
        assert_int_equal(unlink(PATH("k.pub.pem")), 0);
    }
    RUN_CLI(ran, "keys", "new", PATH("no/k"), "--json");
    assert_ran_fault(ran, 1, "IO");
}

static void a_new_key_in_a_state_is_in_its_slot_and_the_old_one_in_a_back_up(void **state)
{
    struct ran *ran = *state;
    uint8_t slot[CYAN_DEVICE_KEY_SLOT], first[CYAN_DEVICE_KEY_SLOT];
    RUN_CLI(ran, "keys", "new", "--state", PATH("ph"), "--json");
    assert_int_equal(ran->exit, 0);
    assert_string_equal(RAN_STRING(ran, "data", "device"), MADE_STATE_ID);
    setting(CYAN_SETTING_DEVICE_KEY, first, sizeof first);
    assert_int_equal(cyan_keyblob_check(first), 0);
    assert_int_equal(first[CYAN_DEVICE_KEY_LEN], 0xFF);

    RUN_CLI(ran, "keys", "new", "--state", PATH("ph"), "--json");
    assert_int_equal(ran->exit, 0);
    setting(CYAN_SETTING_DEVICE_KEY, slot, sizeof slot);
    assert_memory_not_equal(slot, first, sizeof slot);
    const char *backup = strrchr(RAN_STRING(ran, "data", "backup"), '/');
    assert_non_null(backup);
    char name[128];
    size_t len = 0;
    (void)snprintf(name, sizeof name, "ph%s", backup);
    uint8_t *old = scratch_read(name, &len);
    assert_int_equal(len, sizeof first);
    assert_memory_equal(old, first, len);
    free(old);
    assert_non_null(strstr(name, "-device-key"));
}

/* The uploaded JSON of the only request. */
static json_t *uploaded(const struct scripted *cloud, const char *id)
{
    char line[64];
    int len = snprintf(line, sizeof line, "POST /v1/provisioning/%s HTTP/1.1\r\n", id);
    assert_int_equal(scripted_count(cloud), 1);
    const char *request = scripted_request(cloud, 0);
    assert_memory_equal(request, line, (size_t)len);
    json_t *json = json_loads(strstr(request, "\r\n\r\n") + 4, 0, NULL);
    assert_non_null(json);
    assert_string_equal(json_string_value(json_object_get(json, "deviceID")), id);
    assert_string_equal(json_string_value(json_object_get(json, "algorithm")), "rsa");
    assert_string_equal(json_string_value(json_object_get(json, "filename")), "cyan");
    assert_memory_equal(json_string_value(json_object_get(json, "order")), "manual_1", 8);
    return json;
}

static const struct scripted_answer accepted[] = {
    {.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 11\r\nConnection: close\r\n\r\n{\"ok\":true}"}};

static void only_the_public_half_of_a_key_file_is_sent(void **state)
{
    struct ran *ran = *state;
    const struct vector *source = vectors_get(vectors.keys, "natural_short_d");
    scratch_write("a.der", source->data, source->len);
    assert_int_equal(
        SCRATCH_RUN("openssl", "rsa", "-in", "a.der", "-inform", "DER", "-out", "b.pem"), 0);
    assert_int_equal(SCRATCH_RUN("openssl", "rsa", "-in", "b.pem", "-pubout", "-out", "c.pem"), 0);
    size_t len = 0;
    uint8_t *pem = scratch_read("c.pem", &len);
    static const char *const files[] = {"a.der", "b.pem", "c.pem"};
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        struct scripted *cloud = scripted_start(accepted, 1);
        RUN_CLI(ran, "keys", "send", "ABCDEF000000000000000001", PATH(files[i]), "--json", "--api",
                scripted_url(cloud));
        assert_int_equal(ran->exit, 0);
        assert_string_equal(RAN_STRING(ran, "data", "device"), "abcdef000000000000000001");
        scripted_stop(cloud);
        json_t *json = uploaded(cloud, "abcdef000000000000000001");
        const char *sent = json_string_value(json_object_get(json, "publicKey"));
        assert_int_equal(strlen(sent), len);
        assert_memory_equal(sent, pem, len);
        json_decref(json);
        scripted_destroy(cloud);
    }
    free(pem);
}

static void the_key_of_a_state_is_sent_as_its_firmware_would_send_it(void **state)
{
    struct ran *ran = *state;
    const uint8_t *blob = vectors_bytes(vectors.keys, "device_key", CYAN_DEVICE_KEY_LEN);
    put_setting(CYAN_SETTING_DEVICE_KEY, blob, CYAN_DEVICE_KEY_LEN);
    static const char *const ids[] = {NULL, "00000000000000000000000a"};
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        struct scripted *cloud = scripted_start(accepted, 1);
        RUN_CLI(ran, "keys", "send", "--json", "--state", PATH("ph"), "--api", scripted_url(cloud),
                ids[i]);
        assert_int_equal(ran->exit, 0);
        scripted_stop(cloud);
        json_decref(uploaded(cloud, ids[i] ? ids[i] : MADE_STATE_ID));
        scripted_destroy(cloud);
    }
    char wanted[65];
    const struct vector *print = vectors_get(vectors.public, "device_fingerprint");
    for (size_t i = 0; i < print->len; i++) {
        (void)snprintf(wanted + 2 * i, 3, "%02x", print->data[i]);
    }
    assert_string_equal(RAN_STRING(ran, "data", "fingerprint"), wanted);
}

static void a_key_that_the_device_cannot_use_is_never_sent(void **state)
{
    struct ran *ran = *state;
    const struct vector *natural = vectors_get(vectors.keys, "natural_short_qi");
    struct scripted *cloud = scripted_start(accepted, 1);
    uint8_t slot[CYAN_DEVICE_KEY_SLOT];
    RUN_CLI(ran, "keys", "send", "--json", "--state", PATH("ph"), "--api", scripted_url(cloud));
    assert_ran_fault(ran, 1, "BLANK");

    memset(slot, 0xFF, sizeof slot);
    memcpy(slot, natural->data, natural->len);
    put_setting(CYAN_SETTING_DEVICE_KEY, slot, sizeof slot);
    RUN_CLI(ran, "keys", "send", "--json", "--state", PATH("ph"), "--api", scripted_url(cloud));
    assert_ran_fault(ran, 1, "KEY_DAMAGED");

    /* P alone is damaged: the modulus that would be sent is right, and yet of no use. */
    memcpy(slot, vectors_bytes(vectors.keys, "device_key", CYAN_DEVICE_KEY_LEN),
           CYAN_DEVICE_KEY_LEN);
    slot[300] ^= 2;
    put_setting(CYAN_SETTING_DEVICE_KEY, slot, sizeof slot);
    RUN_CLI(ran, "keys", "send", "--json", "--state", PATH("ph"), "--api", scripted_url(cloud));
    assert_ran_fault(ran, 1, "KEY_DAMAGED");

    static const char *const files[] = {"server.der", "garbage", "none"};
    static const char *const codes[] = {"INVALID", "MALFORMED", "NOT_FOUND"};
    const struct vector *server = vectors_get(vectors.keys, "server_key");
    scratch_write("server.der", server->data, server->len);
    scratch_write("garbage", "garbage", 7);
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        RUN_CLI(ran, "keys", "send", "--json", "00000000000000000000000a", PATH(files[i]), "--api",
                scripted_url(cloud));
        assert_ran_fault(ran, i == 2 ? 4 : 1, codes[i]);
    }
    scripted_stop(cloud);
    assert_int_equal(scripted_count(cloud), 0);
    scripted_destroy(cloud);
}

static void a_server_key_of_any_form_becomes_spki_and_ff_and_leaves_the_address(void **state)
{
    struct ran *ran = *state;
    const struct vector *server = vectors_get(vectors.keys, "server_key");
    static const uint8_t address[CYAN_ADDRESS_LEN] = {1, 3, 'o', 'l', 'd'};
    uint8_t blob[CYAN_SETTING_SERVER_BLOB_LEN];
    put_setting(CYAN_SETTING_SERVER_ADDRESS, address, sizeof address);
    scratch_write("a", vectors.server_spki, CYAN_SERVER_SPKI_LEN);
    scratch_write("b", server->data, server->len);
    assert_int_equal(
        SCRATCH_RUN("openssl", "rsa", "-in", "b", "-inform", "DER", "-pubout", "-out", "c"), 0);
    assert_int_equal(SCRATCH_RUN("openssl", "rsa", "-in", "b", "-inform", "DER",
                                 "-RSAPublicKey_out", "-out", "d"),
                     0);
    static const char *const files[] = {"a", "b", "c", "d"};
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        uint8_t zeroes[CYAN_SETTING_SERVER_KEY_SPACE] = {0};
        put_setting(CYAN_SETTING_SERVER_KEY, zeroes, sizeof zeroes);
        RUN_CLI(ran, "keys", "server", PATH(files[i]), "--state", PATH("ph"), "--json");
        assert_int_equal(ran->exit, 0);
        setting(CYAN_SETTING_SERVER_KEY, blob, sizeof blob);
        assert_memory_equal(blob, vectors.server_spki, CYAN_SERVER_SPKI_LEN);
        assert_true(all_bytes_are(blob + CYAN_SERVER_SPKI_LEN, 0xFF,
                                  CYAN_SETTING_SERVER_KEY_SPACE - CYAN_SERVER_SPKI_LEN));
        assert_memory_equal(blob + CYAN_SETTING_SERVER_KEY_SPACE, address, sizeof address);
    }
    /* Once more is no write: there is no back-up to name. */
    RUN_CLI(ran, "keys", "server", PATH("a"), "--state", PATH("ph"), "--json");
    assert_int_equal(ran->exit, 0);
    assert_true(json_is_null(json_object_get(json_object_get(ran->json, "data"), "backup")));
}

static void with_a_host_the_address_is_written_behind_the_key(void **state)
{
    struct ran *ran = *state;
    uint8_t blob[CYAN_SETTING_SERVER_BLOB_LEN];
    static const uint8_t wanted[] = {0, 4, 192, 168, 1, 10, 0xFF};
    size_t len = 0;
    scratch_write("server", vectors.server_spki, CYAN_SERVER_SPKI_LEN);
    RUN_CLI(ran, "keys", "server", PATH("server"), "--state", PATH("ph"), "--host", "192.168.1.10",
            "--json");
    assert_string_equal(RAN_STRING(ran, "data", "address"), "192.168.1.10:5683");
    setting(CYAN_SETTING_SERVER_KEY, blob, sizeof blob);
    assert_memory_equal(blob + 384, wanted, sizeof wanted);
    assert_memory_equal(blob + 450, "\x16\x33\xFF", 3);

    RUN_CLI(ran, "keys", "server", PATH("server"), "--out", PATH("blob"), "--host", "192.168.1.10");
    assert_int_equal(ran->exit, 0);
    uint8_t *out = scratch_read("blob", &len);
    assert_int_equal(len, 512);
    assert_memory_equal(out, blob, len);
    free(out);
    RUN_CLI(ran, "keys", "server", PATH("blob"), "--out", PATH("again"), "--host", "a.example",
            "--port", "1234", "--json");
    assert_string_equal(RAN_STRING(ran, "data", "address"), "a.example:1234");
    RUN_CLI(ran, "keys", "server", PATH("blob"), "--out", PATH("again"), "--host", "a.example",
            "--port", "0", "--json");
    assert_ran_fault(ran, 2, "USAGE");
    RUN_CLI(ran, "keys", "server", PATH("blob"), "--out", PATH("again"), "--port", "1", "--json");
    assert_ran_fault(ran, 2, "USAGE");
}

static void without_a_file_the_cloud_is_asked_for_its_key(void **state)
{
    struct ran *ran = *state;
    uint8_t key[CYAN_SERVER_SPKI_LEN], bytes[512];
    int head = snprintf((char *)bytes, sizeof bytes,
                        "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", CYAN_SERVER_SPKI_LEN);
    memcpy(bytes + head, vectors.server_spki, CYAN_SERVER_SPKI_LEN);
    for (int damaged = 0; damaged < 2; damaged++) {
        struct scripted_answer answer = {.bytes = (const char *)bytes,
                                         .len = (size_t)head + CYAN_SERVER_SPKI_LEN};
        struct scripted *cloud = scripted_start(&answer, 1);
        RUN_CLI(ran, "keys", "server", "--state", PATH("ph"), "--json", "--api",
                scripted_url(cloud));
        scripted_stop(cloud);
        static const char line[] = "GET /v1/system/server-key.der HTTP/1.1\r\n";
        assert_memory_equal(scripted_request(cloud, 0), line, strlen(line));
        assert_null(strstr(scripted_request(cloud, 0), "Authorization"));
        scripted_destroy(cloud);
        if (damaged) {
            assert_ran_fault(ran, 1, "KEY_DAMAGED");
        } else {
            assert_int_equal(ran->exit, 0);
        }
        setting(CYAN_SETTING_SERVER_KEY, key, sizeof key);
        assert_memory_equal(key, vectors.server_spki, sizeof key);
        bytes[head + CYAN_SERVER_SPKI_MODULUS + CYAN_RSA2048_LEN - 1] ^= 1; /* even now */
    }
}

static void an_address_that_is_set_is_shown_and_a_blank_one_is_told(void **state)
{
    struct ran *ran = *state;
    static const char *const cases[][2] = {{"127.0.0.1:1234", "127.0.0.1:1234"},
                                           {"cloud.example", "cloud.example:5683"},
                                           {"$id.example:65534", "$id.example:65534"}};
    RUN_CLI(ran, "keys", "address", "--state", PATH("ph"));
    assert_string_equal(ran->out, "none: firmware dials device.spark.io:5683\n");
    assert_int_equal(ran->exit, 0);
    RUN_CLI(ran, "keys", "address", "--state", PATH("ph"), "--json");
    assert_true(json_is_null(json_object_get(json_object_get(ran->json, "data"), "address")));
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        RUN_CLI(ran, "keys", "address", "--state", PATH("ph"), cases[i][0]);
        assert_int_equal(ran->exit, 0);
        RUN_CLI(ran, "keys", "address", "--state", PATH("ph"), "--json");
        assert_string_equal(RAN_STRING(ran, "data", "address"), cases[i][1]);
    }
    uint8_t record[CYAN_ADDRESS_LEN] = {0, 5};
    put_setting(CYAN_SETTING_SERVER_ADDRESS, record, sizeof record);
    RUN_CLI(ran, "keys", "address", "--state", PATH("ph"), "--json");
    assert_ran_fault(ran, 1, "ADDRESS_DAMAGED");
}

static void a_state_in_use_is_code_5_for_every_command(void **state)
{
    struct ran *ran = *state;
    int fd = open(PATH("ph/lock"), O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
    scratch_write("server", vectors.server_spki, CYAN_SERVER_SPKI_LEN);
    const char *const lines[][3] = {
        {"new", NULL}, {"send", NULL}, {"server", PATH("server")}, {"address", NULL}};
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        RUN_CLI(ran, "keys", lines[i][0], "--json", "--state", PATH("ph"), lines[i][1]);
        assert_ran_fault(ran, 5, "STATE_IN_USE");
        RUN_CLI(ran, "keys", lines[i][0], "--json", "--state", PATH("none"), lines[i][1]);
        assert_ran_fault(ran, 4, "NOT_FOUND");
    }
    assert_int_equal(close(fd), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_new_key_is_two_files_that_openssl_takes_for_one_sound_key),
        TEST(a_key_that_is_there_is_kept_unless_forced),
        TEST(a_new_key_in_a_state_is_in_its_slot_and_the_old_one_in_a_back_up),
        TEST(only_the_public_half_of_a_key_file_is_sent),
        TEST(the_key_of_a_state_is_sent_as_its_firmware_would_send_it),
        TEST(a_key_that_the_device_cannot_use_is_never_sent),
        TEST(a_server_key_of_any_form_becomes_spki_and_ff_and_leaves_the_address),
        TEST(with_a_host_the_address_is_written_behind_the_key),
        TEST(without_a_file_the_cloud_is_asked_for_its_key),
        TEST(an_address_that_is_set_is_shown_and_a_blank_one_is_told),
        TEST(a_state_in_use_is_code_5_for_every_command),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
