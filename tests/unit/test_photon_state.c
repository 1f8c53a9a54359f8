#include "photon/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/openssl.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

static struct cyan_crypto *crypto;
static struct state made;

static int set_up(void **state)
{
    (void)state;
    scratch_init();
    crypto = cyan_openssl_create();
    assert_non_null(crypto);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    cyan_openssl_destroy(crypto);
    scratch_done();
    return 0;
}

static void make(const char *name, const char *firmware)
{
    assert_int_equal(state_create(&made, scratch_path(name), firmware, crypto), 0);
}

static void a_made_state_opens_with_the_same_id(void **state)
{
    (void)state;
    struct state opened;
    make("p", "0.7.0");
    assert_int_equal(made.platform, 6);
    state_close(&made);
    assert_int_equal(state_open(&opened, scratch_path("p")), 0);
    assert_memory_equal(opened.id, made.id, sizeof made.id);
    assert_string_equal(opened.firmware, "0.7.0");
    assert_int_equal(opened.platform, 6);
    assert_false(opened.claimed);
    assert_true(state_is_old_firmware(&opened));
    state_close(&opened);
}

static void two_states_have_different_ids(void **state)
{
    (void)state;
    make("p", "0.7.0");
    struct state first = made;
    make("q", "0.7.0");
    assert_memory_not_equal(first.id, made.id, sizeof made.id);
    state_close(&first);
    state_close(&made);
}

static void a_state_in_use_is_busy_until_it_is_closed(void **state)
{
    (void)state;
    struct state second;
    make("p", "0.7.0");
    assert_int_equal(state_open(&second, scratch_path("p")), CYAN_E_BUSY);
    state_close(&made);
    assert_int_equal(state_open(&second, scratch_path("p")), 0);
    state_close(&second);
}

static void an_existing_state_is_not_made_again(void **state)
{
    (void)state;
    struct state second;
    uint8_t *before, *after;
    size_t before_len = 0, after_len = 0;
    make("p", "0.7.0");
    state_close(&made);
    before = scratch_read("p/photon.json", &before_len);
    assert_int_equal(state_create(&second, scratch_path("p"), "1.2", crypto), CYAN_E_EXISTS);
    after = scratch_read("p/photon.json", &after_len);
    assert_int_equal(after_len, before_len);
    assert_memory_equal(after, before, before_len);
    free(before);
    free(after);
}

static void an_abandoned_state_keeps_its_id_for_the_next_attempt(void **state)
{
    (void)state;
    struct state opened;
    make("p", "0.7.0");
    struct state first = made;
    state_abandon(&made);
    assert_int_equal(state_open(&opened, scratch_path("p")), CYAN_E_NOT_FOUND);
    make("p", "0.7.0");
    assert_memory_equal(made.id, first.id, sizeof made.id);
    state_close(&made);
}

static void folders_are_made_and_closed_to_others(void **state)
{
    (void)state;
    struct stat st;
    static const char *const files[] = {"p/flash.bin", "p/photon.json", "p/lock"};
    make("p/", "0.7.0");
    state_close(&made);
    assert_int_equal(stat(scratch_path("p"), &st), 0);
    assert_int_equal(st.st_mode & 0777U, 0700);
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        assert_int_equal(stat(scratch_path(files[i]), &st), 0);
        assert_int_equal(st.st_mode & 0777U, 0600);
    }
}

static void where_there_is_no_state_nothing_is_made_by_opening(void **state)
{
    (void)state;
    struct state opened;
    static char long_name[STATE_PATH_MAX + 10];
    assert_int_equal(state_open(&opened, scratch_path("none")), CYAN_E_NOT_FOUND);
    assert_int_equal(mkdir(scratch_path("empty"), 0700), 0);
    assert_int_equal(state_open(&opened, scratch_path("empty")), CYAN_E_NOT_FOUND);
    assert_int_equal(rmdir(scratch_path("empty")), 0); /* still empty */
    scratch_write("file", "x", 1);
    assert_int_equal(state_open(&opened, scratch_path("file")), CYAN_E_NOT_FOUND);
    assert_int_equal(state_create(&opened, scratch_path("file/p"), "1.2", crypto), CYAN_E_IO);
    memset(long_name, 'x', sizeof long_name - 1);
    assert_int_equal(state_open(&opened, long_name), CYAN_E_TOO_LONG);
    assert_int_equal(state_open(&opened, ""), CYAN_E_TOO_LONG);
    assert_int_equal(state_create(&opened, "", "1.2", crypto), CYAN_E_TOO_LONG);
}

static void a_description_that_cannot_be_read_is_said_to_be_corrupt(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "{",
        "[]",
        "{\"id\":1}",
        "{\"id\":\"2f0030000447353138313831\"}",
        "{\"id\":\"2f00\",\"platform\":6,\"firmware\":\"0.7.0\"}",
        "{\"id\":\"2f003000044735313831383g\",\"platform\":6,\"firmware\":\"0.7.0\"}",
        "{\"id\":\"2f0030000447353138313831\",\"platform\":-1,\"firmware\":\"0.7.0\"}",
        "{\"id\":\"2f0030000447353138313831\",\"platform\":65536,\"firmware\":\"0.7.0\"}",
        "{\"id\":\"2f0030000447353138313831\",\"platform\":6,\"firmware\":\"0123456789abcdef\"}",
    };
    struct state opened;
    make("p", "0.7.0");
    state_close(&made);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        scratch_write("p/photon.json", bad[i], strlen(bad[i]));
        assert_int_equal(state_open(&opened, scratch_path("p")), CYAN_E_CORRUPT);
    }
    /* Nothing stays locked after a failure, and the rest of the file does not matter. */
    static const char good[] = "{\"id\":\"2F0030000447353138313831\",\"platform\":8,\"firmware\":"
                               "\"3.3\",\"claimed\":true,\"more\":[1]}";
    scratch_write("p/photon.json", good, sizeof good - 1);
    assert_int_equal(state_open(&opened, scratch_path("p")), 0);
    assert_int_equal(opened.platform, 8);
    assert_true(opened.claimed);
    assert_false(state_is_old_firmware(&opened));
    state_close(&opened);
}

static void firmware_before_0_8_is_old(void **state)
{
    (void)state;
    static const struct {
        const char *version;
        bool old;
    } versions[] = {{"0.4.9", true}, {"0.6.3", true}, {"0.7.0", true}, {"0.8.0", false},
                    {"1.2", false},  {"3.3", false},  {"0.70", false}, {"cyan", false}};
    for (size_t i = 0; i < COUNT_OF(versions); i++) {
        struct state s = {.lock_fd = -1};
        memcpy(s.firmware, versions[i].version, strlen(versions[i].version) + 1);
        assert_int_equal(state_is_old_firmware(&s), versions[i].old);
    }
}

int main(void)
{
#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(a_made_state_opens_with_the_same_id),
        IN_SCRATCH(two_states_have_different_ids),
        IN_SCRATCH(a_state_in_use_is_busy_until_it_is_closed),
        IN_SCRATCH(an_existing_state_is_not_made_again),
        IN_SCRATCH(an_abandoned_state_keeps_its_id_for_the_next_attempt),
        IN_SCRATCH(folders_are_made_and_closed_to_others),
        IN_SCRATCH(where_there_is_no_state_nothing_is_made_by_opening),
        IN_SCRATCH(a_description_that_cannot_be_read_is_said_to_be_corrupt),
        cmocka_unit_test(firmware_before_0_8_is_old),
    };
    return cmocka_run_group_tests_name("photon_state", tests, NULL, NULL);
}
