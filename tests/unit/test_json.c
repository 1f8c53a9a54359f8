#include "server/json.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "tests/unit/support.h"
#include "tests/unit/unit.h"

/* What jansson, which refuses text that is not UTF-8, reads back from data as a string. */
static json_t *read_back(const void *data, size_t len)
{
    struct json json;
    jsonw_init_heap(&json, 4096);
    jsonw_bytes(&json, data, len);
    assert_false(jsonw_failed(&json));
    json_t *value = json_loadb(json.data, json.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    assert_non_null(value);
    assert_true(json_is_string(value));
    jsonw_done(&json);
    return value;
}

static void assert_reads_back_as(const void *data, size_t len, const void *wanted, size_t want_len)
{
    json_t *value = read_back(data, len);
    assert_int_equal(json_string_length(value), want_len);
    assert_memory_equal(json_string_value(value), wanted, want_len);
    json_decref(value);
}

/* The bits of a code point in the form of so many bytes, also where that form is not allowed. */
static size_t encode(uint32_t point, size_t len, uint8_t out[static 4])
{
    static const uint8_t lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    if (len == 1) {
        out[0] = (uint8_t)point;
        return 1;
    }
    for (size_t i = len; i-- > 1;) {
        out[i] = (uint8_t)(0x80 | (point & 0x3F));
        point >>= 6;
    }
    out[0] = (uint8_t)(lead[len] | point);
    return len;
}

static size_t shortest(uint32_t point)
{
    return point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
}

static void every_character_of_unicode_comes_back_as_it_went(void **state)
{
    (void)state;
    uint8_t text[4];
    for (uint32_t point = 0; point <= 0x10FFFF; point++) {
        if (point >= 0xD800 && point <= 0xDFFF) {
            continue;
        }
        size_t len = encode(point, shortest(point), text);
        assert_reads_back_as(text, len, text, len);
    }
}

static void assert_is_replaced(const uint8_t *text, size_t len)
{
    static const char marks[] = "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD";
    assert_reads_back_as(text, len, marks, 3 * len);
}

static void surrogates_and_what_lies_beyond_unicode_are_replaced(void **state)
{
    (void)state;
    uint8_t text[4];
    for (uint32_t point = 0xD800; point <= 0xDFFF; point++) {
        assert_is_replaced(text, encode(point, 3, text));
    }
    for (uint32_t point = 0x110000; point <= 0x1FFFFF; point += 61) {
        assert_is_replaced(text, encode(point, 4, text));
    }
}

static void a_form_that_is_longer_than_needed_is_replaced(void **state)
{
    (void)state;
    uint8_t text[4];
    for (uint32_t point = 0; point < 0x10000; point += 7) {
        for (size_t len = shortest(point) + 1; len <= 4; len++) {
            if (len > 1) {
                assert_is_replaced(text, encode(point, len, text));
            }
        }
    }
}

static void any_two_bytes_become_text_that_can_be_read(void **state)
{
    (void)state;
    for (unsigned a = 0; a < 256; a++) {
        for (unsigned b = 0; b < 256; b++) {
            uint8_t pair[2] = {(uint8_t)a, (uint8_t)b};
            uint8_t *exact = copy_of(pair, 2);
            json_decref(read_back(exact, 2));
            free(exact);
        }
    }
}

static void a_character_cut_anywhere_is_replaced_and_not_read_past(void **state)
{
    (void)state;
    static const uint8_t text[] = "\xF0\x9F\x8C\x88"; /* U+1F308 */
    for (size_t len = 1; len < 4; len++) {
        uint8_t *cut = copy_of(text, len);
        assert_is_replaced(cut, len);
        free(cut);
    }
}

static void raw_text_keeps_everything_but_bytes_that_are_no_text(void **state)
{
    (void)state;
    char out[32];
    struct json json;
    jsonw_init(&json, out, sizeof out);
    jsonw_raw_utf8(&json, "a\"\\\n\xFF\xC3\xA4", 7);
    assert_false(jsonw_failed(&json));
    assert_int_equal(json.len, 9);
    assert_memory_equal(out, "a\"\\\n\xEF\xBF\xBD\xC3\xA4", 9);
}

static void write_all_kinds(struct json *json)
{
    jsonw_object(json);
    jsonw_key(json, "list");
    jsonw_array(json);
    jsonw_int(json, INT64_MIN);
    jsonw_int(json, INT64_MAX);
    jsonw_bool(json, true);
    jsonw_null(json);
    jsonw_array(json);
    jsonw_array_end(json);
    jsonw_object(json);
    jsonw_object_end(json);
    jsonw_array_end(json);
    jsonw_put_null(json, "none");
    jsonw_put_bool(json, "no", false);
    jsonw_put_int(json, "n", -1);
    jsonw_put_text(json, "t", "x");
    jsonw_put_text(json, "u", NULL);
    jsonw_put_time(json, "w", 1);
    jsonw_key_escaped(json, "a\"b");
    jsonw_double(json, 0.5);
    jsonw_object_end(json);
}

static const char all_kinds[] =
    "{\"list\":[-9223372036854775808,9223372036854775807,true,null,[],{}],\"none\":null,"
    "\"no\":false,\"n\":-1,\"t\":\"x\",\"u\":null,\"w\":\"1970-01-01T00:00:00.001Z\","
    "\"a\\\"b\":0.5}";

static void commas_stand_where_json_wants_them(void **state)
{
    (void)state;
    struct json json;
    jsonw_init_heap(&json, 4096);
    write_all_kinds(&json);
    assert_false(jsonw_failed(&json));
    assert_int_equal(json.len, sizeof all_kinds - 1);
    assert_memory_equal(json.data, all_kinds, json.len);
    jsonw_done(&json);
}

static void room_that_is_too_small_by_any_number_of_bytes_fails_and_is_not_left(void **state)
{
    (void)state;
    for (size_t cap = 0; cap < sizeof all_kinds; cap++) {
        struct json json;
        char *exact = malloc(cap + 1);
        assert_non_null(exact);
        exact[cap] = 'x';
        jsonw_init(&json, exact, cap);
        write_all_kinds(&json);
        assert_int_equal(jsonw_failed(&json), cap < sizeof all_kinds - 1);
        assert_int_equal(exact[cap], 'x');
        free(exact);
        jsonw_init_heap(&json, cap);
        write_all_kinds(&json);
        assert_int_equal(jsonw_failed(&json), cap < sizeof all_kinds - 1);
        jsonw_done(&json);
    }
}

static void the_heap_grows_up_to_the_maximum_and_no_further(void **state)
{
    (void)state;
    enum { MAX = 100000 };
    struct json json;
    jsonw_init_heap(&json, MAX);
    for (size_t i = 0; i < MAX; i++) {
        jsonw_raw(&json, "x", 1);
    }
    assert_false(jsonw_failed(&json));
    assert_int_equal(json.len, MAX);
    assert_true(all_bytes_are((const uint8_t *)json.data, 'x', MAX));
    jsonw_raw(&json, "x", 1);
    assert_true(jsonw_failed(&json));
    assert_true(json.cap <= MAX);
    jsonw_done(&json);
}

static double read_double(double value)
{
    char text[64];
    struct json json;
    jsonw_init(&json, text, sizeof text - 1);
    jsonw_double(&json, value);
    assert_false(jsonw_failed(&json));
    text[json.len] = '\0';
    json_t *read = json_loads(text, JSON_DECODE_ANY, NULL);
    assert_non_null(read);
    double back = json_is_null(read) ? NAN : json_number_value(read);
    json_decref(read);
    return back;
}

static void every_number_comes_back_as_it_went(void **state)
{
    (void)state;
    static const double special[] = {0, 0.1, 1, -1, 1.5, 1e300, 5e-324, 2.2250738585072014e-308};
    uint64_t bits = 88172645463325252u;
    for (size_t i = 0; i < COUNT_OF(special); i++) {
        assert_true(read_double(special[i]) == special[i]);
    }
    for (size_t i = 0; i < 100000; i++) {
        double value;
        bits ^= bits << 13;
        bits ^= bits >> 7;
        bits ^= bits << 17;
        memcpy(&value, &bits, sizeof value);
        if (isfinite(value)) {
            assert_true(read_double(value) == value);
        }
    }
}

static void what_is_no_number_is_null(void **state)
{
    (void)state;
    assert_true(isnan(read_double(NAN)));
    assert_true(isnan(read_double(INFINITY)));
    assert_true(isnan(read_double(-INFINITY)));
}

static void times_are_written_as_iso_8601(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {
        {0, "null"},
        {-1, "null"},
        {1, "\"1970-01-01T00:00:00.001Z\""},
        {951827696789, "\"2000-02-29T12:34:56.789Z\""},
        {1767323045678, "\"2026-01-02T03:04:05.678Z\""},
        {253402300799999, "\"9999-12-31T23:59:59.999Z\""},
        {253402300800000, "null"},
        {INT64_MAX, "null"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[64];
        struct json json;
        jsonw_init(&json, text, sizeof text - 1);
        jsonw_time(&json, cases[i].ms);
        text[json.len] = '\0';
        assert_string_equal(text, cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_character_of_unicode_comes_back_as_it_went),
        cmocka_unit_test(surrogates_and_what_lies_beyond_unicode_are_replaced),
        cmocka_unit_test(a_form_that_is_longer_than_needed_is_replaced),
        cmocka_unit_test(any_two_bytes_become_text_that_can_be_read),
        cmocka_unit_test(a_character_cut_anywhere_is_replaced_and_not_read_past),
        cmocka_unit_test(raw_text_keeps_everything_but_bytes_that_are_no_text),
        cmocka_unit_test(commas_stand_where_json_wants_them),
        cmocka_unit_test(room_that_is_too_small_by_any_number_of_bytes_fails_and_is_not_left),
        cmocka_unit_test(the_heap_grows_up_to_the_maximum_and_no_further),
        cmocka_unit_test(every_number_comes_back_as_it_went),
        cmocka_unit_test(what_is_no_number_is_null),
        cmocka_unit_test(times_are_written_as_iso_8601),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
