#include "cli/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

static int set_up(void **state)
{
    (void)state;
    scratch_init();
    assert_int_equal(setenv("XDG_CONFIG_HOME", scratch_path("xdg"), 1), 0);
    assert_int_equal(setenv("HOME", scratch_path("home"), 1), 0);
    assert_int_equal(unsetenv("CYAN_API"), 0);
    assert_int_equal(unsetenv("CYAN_TOKEN"), 0);
    assert_int_equal(unsetenv("CYAN_PROFILE"), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    assert_int_equal(SCRATCH_RUN("rm", "-rf", "xdg", "home"), 0);
    scratch_done();
    return 0;
}

static void write_profile(const char *text)
{
    assert_int_equal(SCRATCH_RUN("mkdir", "-p", "xdg/cyan"), 0);
    scratch_write("xdg/cyan/default.json", text, strlen(text));
}

static void without_a_profile_the_default_cloud_and_no_token_are_used(void **state)
{
    (void)state;
    struct config config;
    struct fault fault;
    assert_int_equal(config_load(&config, NULL, NULL, &fault), 0);
    assert_string_equal(config.profile, "default");
    assert_string_equal(config.api, "http://127.0.0.1:8080");
    assert_string_equal(config.token, "");
    assert_int_equal(scratch_count(""), 0);
}

static void a_saved_profile_comes_back_and_is_for_its_owner_alone(void **state)
{
    (void)state;
    struct config config, back;
    struct fault fault;
    struct stat info;
    mode_t before = umask(0);
    assert_int_equal(config_load(&config, "work", "https://cloud.example:8443/", &fault), 0);
    assert_int_equal(config_set_token(&config, "abc", &fault), 0);
    assert_int_equal(config_save(&config, &fault), 0);
    (void)umask(before);
    assert_int_equal(stat(scratch_path("xdg/cyan/work.json"), &info), 0);
    assert_int_equal(info.st_mode & 07777U, 0600);
    assert_int_equal(stat(scratch_path("xdg/cyan"), &info), 0);
    assert_int_equal(info.st_mode & 07777U, 0700);
    size_t len = 0;
    uint8_t *text = scratch_read("xdg/cyan/work.json", &len);
    static const char wanted[] = "{\"api\":\"https://cloud.example:8443\",\"token\":\"abc\"}";
    assert_int_equal(len, strlen(wanted));
    assert_memory_equal(text, wanted, len);
    free(text);

    assert_int_equal(config_load(&back, "work", NULL, &fault), 0);
    assert_string_equal(back.api, "https://cloud.example:8443");
    assert_string_equal(back.token, "abc");
    assert_int_equal(setenv("CYAN_PROFILE", "work", 1), 0);
    assert_int_equal(config_load(&back, NULL, NULL, &fault), 0);
    assert_string_equal(back.token, "abc");
    assert_int_equal(config_load(&back, "default", NULL, &fault), 0);
    assert_string_equal(back.token, "");
    config_done(&config);
    assert_string_equal(config.token, "");
}

static void without_xdg_the_profile_is_in_the_home_folder(void **state)
{
    (void)state;
    struct config config;
    struct fault fault;
    struct stat info;
    assert_int_equal(unsetenv("XDG_CONFIG_HOME"), 0);
    assert_int_equal(config_load(&config, NULL, NULL, &fault), 0);
    assert_int_equal(config_save(&config, &fault), 0);
    assert_int_equal(stat(scratch_path("home/.config/cyan/default.json"), &info), 0);
    assert_int_equal(setenv("XDG_CONFIG_HOME", "relative", 1), 0);
    assert_int_equal(config_load(&config, NULL, NULL, &fault), 0);
    assert_string_equal(config.api, "http://127.0.0.1:8080");
}

static void the_environment_overrides_the_file_and_options_the_environment(void **state)
{
    (void)state;
    struct config config;
    struct fault fault;
    write_profile("{\"api\":\"http://file\",\"token\":\"file-token\"}");
    assert_int_equal(setenv("CYAN_API", "http://environment/", 1), 0);
    assert_int_equal(setenv("CYAN_TOKEN", "environment-token", 1), 0);
    assert_int_equal(config_load(&config, NULL, NULL, &fault), 0);
    assert_string_equal(config.api, "http://environment");
    assert_string_equal(config.token, "environment-token");
    assert_true(config.token_from_environment);
    assert_int_equal(config_load(&config, NULL, "http://option", &fault), 0);
    assert_string_equal(config.api, "http://option");
    /* Empty is as good as unset. */
    assert_int_equal(setenv("CYAN_API", "", 1), 0);
    assert_int_equal(setenv("CYAN_TOKEN", "", 1), 0);
    assert_int_equal(config_load(&config, NULL, NULL, &fault), 0);
    assert_string_equal(config.api, "http://file");
    assert_string_equal(config.token, "file-token");
}

static void a_stored_token_goes_to_no_other_cloud(void **state)
{
    (void)state;
    struct config config;
    struct fault fault;
    write_profile("{\"api\":\"http://file\",\"token\":\"file-token\"}");
    assert_int_equal(config_load(&config, NULL, "http://other", &fault), 0);
    assert_string_equal(config.token, "");
    assert_int_equal(setenv("CYAN_API", "http://file:80", 1), 0);
    assert_int_equal(config_load(&config, NULL, NULL, &fault), 0);
    assert_string_equal(config.token, "");
    assert_int_equal(config_load(&config, NULL, "http://file/", &fault), 0);
    assert_string_equal(config.token, "file-token");
}

static void with_all_in_the_environment_no_home_is_needed(void **state)
{
    (void)state;
    struct config config;
    struct fault fault;
    assert_int_equal(unsetenv("XDG_CONFIG_HOME"), 0);
    assert_int_equal(unsetenv("HOME"), 0);
    assert_int_equal(config_load(&config, NULL, NULL, &fault), CLI_FAILED);
    assert_string_equal(fault.code, "NO_HOME");
    assert_int_equal(setenv("CYAN_API", "http://x", 1), 0);
    assert_int_equal(setenv("CYAN_TOKEN", "t", 1), 0);
    assert_int_equal(config_load(&config, NULL, NULL, &fault), 0);
    assert_string_equal(config.token, "t");
}

static void a_damaged_profile_is_told_with_its_path_and_leaves_a_usable_rest(void **state)
{
    (void)state;
    static const char *const damaged[] = {"",
                                          "{",
                                          "[]",
                                          "{}",
                                          "{\"api\":5}",
                                          "{\"api\":\"ftp://x\"}",
                                          "{\"api\":\"http://x\",\"token\":\"a b\"}",
                                          "{\"api\":\"http://x\",\"token\":\"\"}"};
    for (size_t i = 0; i < COUNT_OF(damaged); i++) {
        struct config config;
        struct fault fault;
        write_profile(damaged[i]);
        assert_int_equal(config_load(&config, NULL, NULL, &fault), CLI_FAILED);
        assert_string_equal(fault.code, "CONFIG_DAMAGED");
        assert_non_null(strstr(fault.message, "xdg/cyan/default.json"));
        assert_string_equal(config.api, "http://127.0.0.1:8080");
        assert_string_equal(config.token, "");
        assert_int_equal(config_load(&config, NULL, "http://option", &fault), CLI_FAILED);
        assert_string_equal(config.api, "http://option");
    }
}

static void names_and_addresses_that_cannot_be_are_refused(void **state)
{
    (void)state;
    static const char *const profiles[] = {"", ".", "../x", "a/b", ".hidden", "a b", "\xC3\xBC"};
    static const char *const apis[] = {"",           "127.0.0.1:8080", "ftp://x",    "http://",
                                       "http://a b", "http://x?y",     "http://u@h", "file:///etc",
                                       "http://x#",  "http://x\n",     "http:///"};
    struct config config;
    struct fault fault;
    for (size_t i = 0; i < COUNT_OF(profiles); i++) {
        assert_int_equal(config_load(&config, profiles[i], NULL, &fault), CLI_USAGE);
    }
    for (size_t i = 0; i < COUNT_OF(apis); i++) {
        assert_int_equal(config_load(&config, NULL, apis[i], &fault), CLI_USAGE);
    }
    char name[CONFIG_PROFILE_MAX + 2], api[CONFIG_API_MAX + 2] = "http://";
    for (size_t over = 0; over < 2; over++) {
        size_t name_len = CONFIG_PROFILE_MAX + over, api_len = CONFIG_API_MAX + over;
        memset(name, 'n', name_len);
        name[name_len] = '\0';
        memset(api + 7, 'h', api_len - 7);
        api[api_len] = '\0';
        assert_int_equal(config_load(&config, name, NULL, &fault), over ? CLI_USAGE : 0);
        assert_int_equal(config_load(&config, NULL, api, &fault), over ? CLI_USAGE : 0);
    }
}

static void a_token_is_printable_and_bounded(void **state)
{
    (void)state;
    struct config config = {0};
    struct fault fault;
    char token[CONFIG_TOKEN_MAX + 2];
    for (int byte = 0; byte < 256; byte++) {
        const char text[] = {'a', (char)byte, 'b', '\0'};
        bool good = byte == 0 || (byte > ' ' && byte <= '~');
        assert_int_equal(config_set_token(&config, text, &fault), good ? 0 : CLI_USAGE);
    }
    assert_int_equal(config_set_token(&config, "", &fault), CLI_USAGE);
    memset(token, 't', sizeof token);
    token[CONFIG_TOKEN_MAX + 1] = '\0';
    assert_int_equal(config_set_token(&config, token, &fault), CLI_USAGE);
    assert_int_equal(config_set_token(&config, token + 1, &fault), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(without_a_profile_the_default_cloud_and_no_token_are_used),
        TEST(a_saved_profile_comes_back_and_is_for_its_owner_alone),
        TEST(without_xdg_the_profile_is_in_the_home_folder),
        TEST(the_environment_overrides_the_file_and_options_the_environment),
        TEST(a_stored_token_goes_to_no_other_cloud),
        TEST(with_all_in_the_environment_no_home_is_needed),
        TEST(a_damaged_profile_is_told_with_its_path_and_leaves_a_usable_rest),
        TEST(names_and_addresses_that_cannot_be_are_refused),
        TEST(a_token_is_printable_and_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
