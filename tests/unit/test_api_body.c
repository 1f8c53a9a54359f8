#include "server/api/body.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "tests/unit/support.h"
#include "tests/unit/unit.h"

#define FORM "application/x-www-form-urlencoded"
#define JSON "application/json"
#define MULTIPART "multipart/form-data; boundary=XyZ"

/* Reads from an exact copy, so that a sanitizer sees a read behind the text. */
static int read_body(struct fields *fields, const char *type, const void *text, size_t len)
{
    uint8_t *copy = copy_of(text, len);
    *fields = (struct fields){0};
    int err = fields_read_body(fields, type, (const char *)copy, len);
    free(copy);
    return err;
}

static int read_text(struct fields *fields, const char *type, const char *text)
{
    return read_body(fields, type, text, strlen(text));
}

static void assert_field(const char *type, const char *text, const char *name, const char *value)
{
    struct fields fields;
    assert_int_equal(read_text(&fields, type, text), 0);
    const char *found = fields_text(&fields, name);
    assert_non_null(found);
    assert_string_equal(found, value);
    fields_done(&fields);
}

static void assert_refused(const char *type, const char *text, int wanted)
{
    struct fields fields;
    int err = read_text(&fields, type, text);
    if (err != wanted) {
        fail_msg("%s: %s, not %s", text, cyan_err_name(err), cyan_err_name(wanted));
    }
    fields_done(&fields);
}

static void every_byte_comes_back_from_a_form_with_digits_of_either_case(void **state)
{
    (void)state;
    for (unsigned c = 1; c < 256; c++) {
        char text[32], value[4] = {'<', (char)c, '>', '\0'};
        (void)snprintf(text, sizeof text, "%%%02x=1&vv=<%%%02X>", c, c);
        assert_field(FORM, text, "vv", value);
        value[0] = (char)c;
        value[1] = '\0';
        assert_field(FORM, text, value, "1");
    }
}

static void a_form_is_read_as_browsers_write_it(void **state)
{
    (void)state;
    assert_field(FORM, "a=1+2%2B3&b=", "a", "1 2+3");
    assert_field(FORM, "a=1+2%2B3&b=", "b", "");
    assert_field(FORM, "&&a=x=y&", "a", "x=y");
    assert_field(FORM, "a", "a", "");
    assert_field(FORM, "a=first&a=second", "a", "first");
    assert_field(FORM "; charset=utf-8", "a=1", "a", "1");
    assert_field(NULL, "a=1", "a", "1");
    assert_field("APPLICATION/X-WWW-FORM-URLENCODED", "a=1", "a", "1");
}

static void an_escape_that_is_none_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"a=%", "a=%4",  "a=%4g", "a=%g4",   "a=%%41",
                                        "%=1", "a=%00", "%00=1", "a=1&b=%", "a=% 41"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        assert_refused(FORM, texts[i], CYAN_E_MALFORMED);
    }
    struct fields fields;
    assert_int_equal(read_body(&fields, FORM, "a=1\0b", 5), CYAN_E_MALFORMED);
    fields_done(&fields);
}

static void values_of_json_are_read_as_text(void **state)
{
    (void)state;
    static const char text[] = "{\"s\":\"x\\ny\\u00e4\",\"i\":-42,\"big\":9223372036854775807,"
                               "\"r\":1.5,\"t\":true,\"f\":false,\"n\":null,\"o\":{\"s\":1},"
                               "\"l\":[],\"e\":\"\",\"last\":\"z\"}";
    assert_field(JSON, text, "s", "x\ny\xC3\xA4");
    assert_field(JSON, text, "i", "-42");
    assert_field(JSON, text, "big", "9223372036854775807");
    assert_field(JSON, text, "r", "1.5");
    assert_field(JSON, text, "t", "true");
    assert_field(JSON, text, "f", "false");
    assert_field(JSON, text, "e", "");
    assert_field("application/json; charset=utf-8", text, "last", "z");
    struct fields fields;
    assert_int_equal(read_text(&fields, JSON, text), 0);
    assert_null(fields_find(&fields, "n"));
    assert_true(fields_find(&fields, "o")->is_nested);
    assert_true(fields_find(&fields, "l")->is_nested);
    assert_null(fields_text(&fields, "o"));
    fields_done(&fields);
}

static void json_that_is_none_is_refused_and_so_is_what_is_no_object(void **state)
{
    (void)state;
    static const char *const broken[] = {"{",
                                         "}",
                                         "{\"a\"}",
                                         "{\"a\":}",
                                         "{\"a\":1,}",
                                         "{a:1}",
                                         "{\"a\":1}{}",
                                         "{'a':1}",
                                         "\xFF",
                                         "{\"a\":\"\xFF\"}",
                                         "nul",
                                         "{\"a\":\"\\u0000\"}",
                                         "{\"a\":1,\"a\":2}",
                                         "{\"a\":\"\\ud800\"}",
                                         " "};
    static const char *const other[] = {"[]", "1", "\"a\"", "null", "true", "[{\"a\":1}]"};
    for (size_t i = 0; i < COUNT_OF(broken); i++) {
        assert_refused(JSON, broken[i], CYAN_E_MALFORMED);
    }
    for (size_t i = 0; i < COUNT_OF(other); i++) {
        assert_refused(JSON, other[i], CYAN_E_INVALID);
    }
}

static void json_that_is_cut_anywhere_is_refused(void **state)
{
    (void)state;
    static const char text[] =
        "{\"name\":\"va\\u00e4lue\",\"n\":[1,2.5e3,{\"x\":null}],\"b\":true}";
    struct fields fields;
    for (size_t len = 1; len < sizeof text - 1; len++) {
        assert_int_equal(read_body(&fields, JSON, text, len), CYAN_E_MALFORMED);
        fields_done(&fields);
    }
    assert_int_equal(read_body(&fields, JSON, text, sizeof text - 1), 0);
    fields_done(&fields);
}

static void json_nested_as_deep_as_a_body_can_be_is_refused(void **state)
{
    (void)state;
    enum { LEN = 65536 };
    char *text = malloc(LEN);
    struct fields fields;
    assert_non_null(text);
    memset(text, '[', LEN);
    assert_int_equal(read_body(&fields, JSON, text, LEN), CYAN_E_MALFORMED);
    fields_done(&fields);
    free(text);
}

static const char two_parts[] = "--XyZ\r\n"
                                "Content-Disposition: form-data; name=\"a\"\r\n"
                                "\r\n"
                                "one\r\n"
                                "--XyZ\r\n"
                                "content-type: text/plain\r\n"
                                "content-disposition: form-data; filename=\"f\"; name=\"b\"\r\n"
                                "\r\n"
                                "\r\n"
                                "--XyZ--\r\n";

static void parts_of_a_multipart_form_are_read(void **state)
{
    (void)state;
    assert_field(MULTIPART, two_parts, "a", "one");
    assert_field(MULTIPART, two_parts, "b", "");
    assert_field("Multipart/Form-Data; charset=x; boundary=\"XyZ\"", two_parts, "a", "one");
    assert_field(MULTIPART,
                 "words before\r\n--XyZ\r\nContent-Disposition: form-data; name=a\r\n\r\n"
                 "--Xy\r\n--XyZ--",
                 "a", "--Xy");
    assert_field(MULTIPART,
                 "--XyZ\r\nContent-Disposition: form-data; name=\"a\\\"b\"\r\n\r\nv\r\n--XyZ--",
                 "a\"b", "v");
}

static void every_byte_may_stand_in_a_part(void **state)
{
    (void)state;
    char text[512];
    uint8_t value[256];
    static const char head[] = "--XyZ\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n";
    for (size_t i = 0; i < sizeof value; i++) {
        value[i] = (uint8_t)i;
    }
    memcpy(text, head, sizeof head - 1);
    memcpy(text + sizeof head - 1, value, sizeof value);
    memcpy(text + sizeof head - 1 + sizeof value, "\r\n--XyZ--", 9);
    struct fields fields;
    assert_int_equal(read_body(&fields, MULTIPART, text, sizeof head - 1 + sizeof value + 9), 0);
    const struct field *field = fields_find(&fields, "a");
    assert_non_null(field);
    assert_int_equal(field->value_len, sizeof value);
    assert_memory_equal(field->value, value, sizeof value);
    assert_null(fields_text(&fields, "a"));
    fields_done(&fields);
}

static void a_multipart_form_that_is_cut_anywhere_is_refused(void **state)
{
    (void)state;
    struct fields fields;
    /* The line end behind the last boundary and the words after it mean nothing. */
    for (size_t len = 1; len < sizeof two_parts - 3; len++) {
        assert_int_equal(read_body(&fields, MULTIPART, two_parts, len), CYAN_E_MALFORMED);
        fields_done(&fields);
    }
    assert_int_equal(read_body(&fields, MULTIPART, two_parts, sizeof two_parts - 3), 0);
    fields_done(&fields);
}

static void any_byte_of_a_multipart_form_may_be_wrong_without_harm(void **state)
{
    (void)state;
    char text[sizeof two_parts];
    size_t refused = 0;
    for (size_t at = 0; at < sizeof two_parts - 1; at++) {
        for (unsigned c = 0; c < 256; c += 5) {
            struct fields fields;
            memcpy(text, two_parts, sizeof text);
            text[at] = (char)c;
            int err = read_body(&fields, MULTIPART, text, sizeof text - 1);
            assert_true(err == 0 || err == CYAN_E_MALFORMED);
            refused += err < 0;
            fields_done(&fields);
        }
    }
    assert_true(refused > 1000);
}

static void a_multipart_type_without_a_usable_boundary_is_refused(void **state)
{
    (void)state;
    static const char *const types[] = {
        "multipart/form-data",
        "multipart/form-data; boundary",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=\"XyZ",
        "multipart/form-data; xboundary=XyZ",
        "multipart/form-data; boundary=\"\"",
    };
    char type[1024];
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        assert_refused(types[i], two_parts, CYAN_E_MALFORMED);
    }
    /* 71 characters: one too many; then more than a header of this kind ever has. */
    static const size_t lens[] = {71, 900};
    for (size_t i = 0; i < COUNT_OF(lens); i++) {
        size_t at = (size_t)snprintf(type, sizeof type, "multipart/form-data; boundary=");
        memset(type + at, 'x', lens[i]);
        type[at + lens[i]] = '\0';
        assert_refused(type, two_parts, CYAN_E_MALFORMED);
    }
}

static void other_types_are_told_apart_from_broken_ones(void **state)
{
    (void)state;
    static const char *const types[] = {"text/plain",
                                        "application/jsonx",
                                        "application/xml",
                                        "",
                                        "application/x-www-form-urlencodedx",
                                        "multipart/mixed"};
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        assert_refused(types[i], "a=1", CYAN_E_UNSUPPORTED);
    }
}

static void one_field_too_many_is_refused_in_every_form(void **state)
{
    (void)state;
    for (size_t count = FIELDS_MAX; count <= FIELDS_MAX + 1; count++) {
        char form[4096] = "", json[4096] = "{", multi[8192] = "";
        for (size_t i = 0; i < count; i++) {
            char part[96];
            (void)snprintf(part, sizeof part, "n%zu=1&", i);
            strncat(form, part, sizeof form - strlen(form) - 1);
            (void)snprintf(part, sizeof part, "%s\"n%zu\":1", i ? "," : "", i);
            strncat(json, part, sizeof json - strlen(json) - 1);
            (void)snprintf(part, sizeof part,
                           "--XyZ\r\nContent-Disposition: form-data; name=n%zu\r\n\r\n1\r\n", i);
            strncat(multi, part, sizeof multi - strlen(multi) - 1);
        }
        strncat(json, "}", sizeof json - strlen(json) - 1);
        strncat(multi, "--XyZ--", sizeof multi - strlen(multi) - 1);
        int wanted = count > FIELDS_MAX ? CYAN_E_TOO_LONG : 0;
        assert_refused(FORM, form, wanted);
        assert_refused(JSON, json, wanted);
        assert_refused(MULTIPART, multi, wanted);
    }
}

static void an_empty_body_has_no_fields_whatever_its_type(void **state)
{
    (void)state;
    struct fields fields;
    assert_int_equal(read_text(&fields, "text/plain", ""), 0);
    assert_int_equal(fields.count, 0);
    assert_null(fields_find(&fields, ""));
    fields_done(&fields);
}

static void truth_is_read_in_all_its_spellings_and_nothing_else(void **state)
{
    (void)state;
    struct fields fields;
    assert_int_equal(read_text(&fields, FORM,
                               "a=true&b=TRUE&c=1&d=on&e=yes&f=false&g=False&h=0&i=off&j=no&"
                               "k=&l=2&m=truee&n=-1&o=tru"),
                     0);
    for (char name[2] = "a"; name[0] <= 'o'; name[0]++) {
        bool value = name[0] > 'e';
        int err = fields_bool(&fields, name, &value);
        assert_int_equal(err, name[0] <= 'j' ? 0 : CYAN_E_INVALID);
        assert_int_equal(value, name[0] <= 'e' || name[0] > 'j');
    }
    bool value;
    assert_int_equal(fields_bool(&fields, "z", &value), CYAN_E_NOT_FOUND);
    fields_done(&fields);
}

static void numbers_are_read_up_to_the_maximum_and_no_further(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t max;
        int64_t value; /* -1: refused */
    } cases[] = {
        {"n=0", 0, 0},
        {"n=1", 0, -1},
        {"n=255", 255, 255},
        {"n=256", 255, -1},
        {"n=00255", 255, 255},
        {"n=9223372036854775807", INT64_MAX, INT64_MAX},
        {"n=9223372036854775808", INT64_MAX, -1},
        {"n=99999999999999999999999", INT64_MAX, -1},
        {"n=", 9, -1},
        {"n=-1", 9, -1},
        {"n=%2B1", 9, -1},
        {"n=1.0", 9, -1},
        {"n=1e0", 9, -1},
        {"n= 1", 9, -1},
        {"n=0x1", 9, -1},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fields fields;
        int64_t value = -1;
        assert_int_equal(read_text(&fields, FORM, cases[i].text), 0);
        int err = fields_number(&fields, "n", cases[i].max, &value);
        assert_int_equal(err, cases[i].value < 0 ? CYAN_E_INVALID : 0);
        assert_true(value == cases[i].value);
        assert_int_equal(fields_number(&fields, "m", 9, &value), CYAN_E_NOT_FOUND);
        fields_done(&fields);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_comes_back_from_a_form_with_digits_of_either_case),
        cmocka_unit_test(a_form_is_read_as_browsers_write_it),
        cmocka_unit_test(an_escape_that_is_none_is_refused),
        cmocka_unit_test(values_of_json_are_read_as_text),
        cmocka_unit_test(json_that_is_none_is_refused_and_so_is_what_is_no_object),
        cmocka_unit_test(json_that_is_cut_anywhere_is_refused),
        cmocka_unit_test(json_nested_as_deep_as_a_body_can_be_is_refused),
        cmocka_unit_test(parts_of_a_multipart_form_are_read),
        cmocka_unit_test(every_byte_may_stand_in_a_part),
        cmocka_unit_test(a_multipart_form_that_is_cut_anywhere_is_refused),
        cmocka_unit_test(any_byte_of_a_multipart_form_may_be_wrong_without_harm),
        cmocka_unit_test(a_multipart_type_without_a_usable_boundary_is_refused),
        cmocka_unit_test(other_types_are_told_apart_from_broken_ones),
        cmocka_unit_test(one_field_too_many_is_refused_in_every_form),
        cmocka_unit_test(an_empty_body_has_no_fields_whatever_its_type),
        cmocka_unit_test(truth_is_read_in_all_its_spellings_and_nothing_else),
        cmocka_unit_test(numbers_are_read_up_to_the_maximum_and_no_further),
    };
    fields_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
