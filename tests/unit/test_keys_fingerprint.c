#include "keys/fingerprint.h"

#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "tests/unit/unit.h"
#include "tests/unit/vectors.h"

static void it_is_the_sha_256_that_another_tool_computed(void **state)
{
    (void)state;
    static const char *const names[] = {"server", "other_server", "device", "other_device"};
    struct vectors *public = vectors_open("keys-public.txt");
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char spki[VECTOR_NAME_MAX + 1], digest[VECTOR_NAME_MAX + 1];
        char text[CYAN_FINGERPRINT_TEXT], wanted[CYAN_FINGERPRINT_TEXT];
        (void)snprintf(spki, sizeof spki, "%s_spki", names[i]);
        (void)snprintf(digest, sizeof digest, "%s_fingerprint", names[i]);
        const struct vector *key = vectors_get(public, spki);
        cyan_hex_encode(vectors_bytes(public, digest, 32), 32, wanted);
        assert_int_equal(cyan_fingerprint_make(key->data, key->len, text), 0);
        assert_string_equal(text, wanted);
    }
    vectors_close(public);
}

static void the_short_form_is_its_first_sixteen_digits_in_fours(void **state)
{
    (void)state;
    static const char full[CYAN_FINGERPRINT_TEXT] =
        "0123456789abcdeffedcba98765432100123456789abcdeffedcba9876543210";
    char text[CYAN_FINGERPRINT_SHORT];
    cyan_fingerprint_shorten(full, text);
    assert_string_equal(text, "0123-4567-89ab-cdef");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_the_sha_256_that_another_tool_computed),
        cmocka_unit_test(the_short_form_is_its_first_sixteen_digits_in_fours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
