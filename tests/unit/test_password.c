#include "server/cloud/password.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/unit.h"

static const uint8_t salt[PASSWORD_SALT_LEN] = "sixteen bytes!!!";

/* scrypt("pleaseletmein", salt, N 32768, r 8, p 1, 32 bytes), computed by node's crypto. */
static const char golden[] = "scrypt$15$8$1$7369787465656e206279746573212121$"
                             "e549e20f7266c142bb9a33f9926455d639559c7c4a8d72c1a472459df8d9e1c9";

static void a_hash_is_the_one_that_an_independent_tool_computes(void **state)
{
    (void)state;
    char text[PASSWORD_TEXT_MAX + 1];
    assert_int_equal(password_hash("pleaseletmein", salt, text), 0);
    assert_string_equal(text, golden);
}

static void only_the_password_itself_passes(void **state)
{
    (void)state;
    static const char *const others[] = {
        "pleaseletmei", "pleaseletmein ", "Pleaseletmein", "pleaseletmeim", "", "leaseletmein"};
    assert_int_equal(password_check("pleaseletmein", golden), 0);
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        assert_int_equal(password_check(others[i], golden), CYAN_E_REFUSED);
    }
}

static void nobody_has_a_password_that_passes(void **state)
{
    (void)state;
    assert_int_equal(password_check("", NULL), CYAN_E_REFUSED);
    assert_int_equal(password_check("pleaseletmein", NULL), CYAN_E_REFUSED);
}

static void a_text_that_was_cut_is_corrupt_at_every_length(void **state)
{
    (void)state;
    char text[sizeof golden];
    for (size_t len = 0; len < strlen(golden); len++) {
        memcpy(text, golden, len);
        text[len] = '\0';
        assert_int_equal(password_check("pleaseletmein", text), CYAN_E_CORRUPT);
    }
}

static void parameters_that_would_take_all_memory_are_corrupt(void **state)
{
    (void)state;
    static const char *const heads[] = {"scrypt$19$8$1$", "scrypt$0$8$1$",
                                        "scrypt$15$9$1$", "scrypt$15$8$5$",
                                        "scrypt$15$8$0$", "scrypt$-1$8$1$",
                                        "scrypt$15$8$",   "scrypt$15$$8$1$",
                                        "bcrypt$15$8$1$", "scrypt$15$8$99999999999999999999$"};
    char text[256];
    for (size_t i = 0; i < COUNT_OF(heads); i++) {
        snprintf(text, sizeof text, "%s%s", heads[i], golden + strlen("scrypt$15$8$1$"));
        assert_int_equal(password_check("pleaseletmein", text), CYAN_E_CORRUPT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hash_is_the_one_that_an_independent_tool_computes),
        cmocka_unit_test(only_the_password_itself_passes),
        cmocka_unit_test(nobody_has_a_password_that_passes),
        cmocka_unit_test(a_text_that_was_cut_is_corrupt_at_every_length),
        cmocka_unit_test(parameters_that_would_take_all_memory_are_corrupt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
