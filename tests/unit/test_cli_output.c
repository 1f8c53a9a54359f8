#include "cli/output.h"

#include <stdlib.h>
#include <string.h>

#include "cli/table.h"
#include "cli/text.h"
#include "tests/unit/unit.h"

struct capture {
    struct output output;
    char *out, *err;
    size_t out_len, err_len;
};

static void open_capture(struct capture *capture, bool json)
{
    *capture = (struct capture){0};
    capture->output = (struct output){.out = open_memstream(&capture->out, &capture->out_len),
                                      .err = open_memstream(&capture->err, &capture->err_len),
                                      .json = json};
    assert_non_null(capture->output.out);
    assert_non_null(capture->output.err);
}

/* Both streams hold exactly this. */
static void assert_close(struct capture *capture, const char *out, const char *err)
{
    assert_int_equal(fclose(capture->output.out), 0);
    assert_int_equal(fclose(capture->output.err), 0);
    assert_string_equal(capture->out, out);
    assert_string_equal(capture->err, err);
    free(capture->out);
    free(capture->err);
}

static void a_fault_is_said_on_stderr_with_what_to_do(void **state)
{
    (void)state;
    struct capture capture;
    struct fault fault = {0};
    open_capture(&capture, false);
    assert_int_equal(fault_set(&fault, CLI_OFFLINE, "DEVICE_OFFLINE", "%s is offline", "kitchen"),
                     6);
    output_fault(&capture.output, &fault);
    fault_try(&fault, "cyan %s", "list");
    output_fault(&capture.output, &fault);
    assert_close(&capture, "",
                 "cyan: kitchen is offline\ncyan: kitchen is offline\n  try: cyan list\n");
}

static void with_json_a_fault_is_one_document_on_stdout(void **state)
{
    (void)state;
    struct capture capture;
    struct fault fault = {0};
    open_capture(&capture, true);
    (void)fault_set(&fault, CLI_REFUSED, "EXISTS", "\"k.der\" is there");
    output_fault(&capture.output, &fault);
    fault_try(&fault, "--force");
    output_fault(&capture.output, &fault);
    assert_close(&capture,
                 "{\"ok\":false,\"error\":{\"code\":\"EXISTS\",\"message\":\"\\\"k.der\\\" is "
                 "there\"}}\n"
                 "{\"ok\":false,\"error\":{\"code\":\"EXISTS\",\"message\":\"\\\"k.der\\\" is "
                 "there\",\"try\":\"--force\"}}\n",
                 "");
}

static void a_fault_in_a_stream_of_objects_goes_to_stderr(void **state)
{
    (void)state;
    struct capture capture;
    struct fault fault = {0};
    open_capture(&capture, true);
    capture.output.streaming = true;
    (void)fault_set(&fault, CLI_OFFLINE, "TIMED_OUT", "the time is over");
    output_fault(&capture.output, &fault);
    assert_close(&capture, "", "cyan: the time is over\n");
}

static void a_fault_with_any_bytes_in_it_is_still_a_document(void **state)
{
    (void)state;
    for (int byte = 1; byte < 256; byte++) {
        struct capture capture;
        struct fault fault = {0};
        open_capture(&capture, true);
        (void)fault_set(&fault, CLI_USAGE, "USAGE", "no \"%c\" here", byte);
        output_fault(&capture.output, &fault);
        assert_int_equal(fflush(capture.output.out), 0);
        json_t *document = json_loadb(capture.out, capture.out_len, 0, NULL);
        assert_non_null(document);
        assert_true(json_is_false(json_object_get(document, "ok")));
        assert_non_null(json_object_get(json_object_get(document, "error"), "message"));
        json_decref(document);
        (void)fclose(capture.output.out);
        (void)fclose(capture.output.err);
        free(capture.out);
        free(capture.err);
    }
}

static void a_message_too_long_is_cut_and_ended(void **state)
{
    (void)state;
    struct fault fault = {0};
    (void)fault_set(&fault, CLI_FAILED, "X", "%4000s", "end");
    assert_int_equal(strlen(fault.message), sizeof fault.message - 1);
    fault_try(&fault, "%4000s", "end");
    assert_int_equal(strlen(fault.remedy), sizeof fault.remedy - 1);
}

static void success_is_lines_for_people_or_one_document_for_scripts(void **state)
{
    (void)state;
    for (int json = 0; json < 2; json++) {
        struct capture capture;
        struct fault fault = {0};
        open_capture(&capture, json);
        output_say(&capture.output, "done with %d", 3);
        assert_int_equal(output_data(&capture.output, json_pack("{s:i}", "n", 3), &fault), 0);
        output_note(&capture.output, "by the way");
        assert_close(&capture, json ? "{\"ok\":true,\"data\":{\"n\":3}}\n" : "done with 3\n",
                     "cyan: by the way\n");
    }
}

static void values_are_written_as_people_read_them(void **state)
{
    (void)state;
    static const struct {
        const char *json, *text;
    } cases[] = {
        {"21.5", "21.5"}, {"0.1", "0.1"},     {"1e300", "1e+300"},
        {"-7", "-7"},     {"true", "true"},   {"\"a b\"", "a b"},
        {"null", "null"}, {"[1,2]", "[1,2]"}, {"0.30000000000000004", "0.30000000000000004"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        json_t *value = json_loads(cases[i].json, JSON_DECODE_ANY, NULL);
        char *text = output_value_text(value);
        assert_non_null(text);
        assert_string_equal(text, cases[i].text);
        free(text);
        json_decref(value);
    }
}

static void a_terminal_gets_no_orders_from_strangers(void **state)
{
    (void)state;
    static const struct {
        const char *text, *clean;
    } cases[] = {
        {"plain", "plain"},
        {"gr\xC3\xBC\xC3\x9F \xE2\x82\xAC \xF0\x9F\x98\x80",
         "gr\xC3\xBC\xC3\x9F \xE2\x82\xAC \xF0\x9F\x98\x80"},
        {"\x1B[2J", "\\x1b[2J"},
        {"a\nb\tc\x7F", "a\\x0ab\\x09c\\x7f"},
        {"\xC2\x9B[2J", "\\xc2\\x9b[2J"},
        {"\xC2\xA0", "\xC2\xA0"},
        {"\x9B", "\\x9b"},
        {"\xC3", "\\xc3"},
        {"\xE2\x82", "\\xe2\\x82"},
        {"\xC0\xAF", "\\xc0\\xaf"},
        {"\xED\xA0\x80", "\\xed\\xa0\\x80"},
        {"\xF4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char *clean = text_clean(cases[i].text);
        assert_non_null(clean);
        assert_string_equal(clean, cases[i].clean);
        free(clean);
    }
}

static void cleaned_text_is_always_utf_8(void **state)
{
    (void)state;
    for (unsigned first = 1; first < 256; first++) {
        for (unsigned second = 0; second < 256; second++) {
            const char text[] = {(char)first, (char)second, 'x', '\0'};
            char *clean = text_clean(text);
            assert_non_null(clean);
            json_t *string = json_string(clean);
            assert_non_null(string);
            json_decref(string);
            free(clean);
        }
    }
}

static void a_table_is_as_wide_as_its_characters(void **state)
{
    (void)state;
    static const char *const rows[][3] = {{"NAME", "ID", "LAST"},
                                          {"k\xC3\xBC"
                                           "che",
                                           "1", "now"},
                                          {NULL, "22\n", ""}};
    struct table table;
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    table_init(&table, 3);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(table_add(&table, rows[i]), 0);
    }
    table_print(&table, out);
    assert_int_equal(fclose(out), 0);
    assert_string_equal(text, "NAME   ID      LAST\n"
                              "k\xC3\xBC"
                              "che  1       now\n"
                              "       22\\x0a  \n");
    table_done(&table);
    free(text);
}

static void a_full_disk_is_noticed(void **state)
{
    (void)state;
    FILE *full = fopen("/dev/full", "w");
    struct fault fault = {0};
    assert_non_null(full);
    struct output output = {.out = full, .err = stderr};
    output_say(&output, "lost");
    assert_int_equal(output_flush(&output, &fault), CLI_FAILED);
    assert_string_equal(fault.code, "IO");
    (void)fclose(full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fault_is_said_on_stderr_with_what_to_do),
        cmocka_unit_test(with_json_a_fault_is_one_document_on_stdout),
        cmocka_unit_test(a_fault_in_a_stream_of_objects_goes_to_stderr),
        cmocka_unit_test(a_fault_with_any_bytes_in_it_is_still_a_document),
        cmocka_unit_test(a_message_too_long_is_cut_and_ended),
        cmocka_unit_test(success_is_lines_for_people_or_one_document_for_scripts),
        cmocka_unit_test(values_are_written_as_people_read_them),
        cmocka_unit_test(a_terminal_gets_no_orders_from_strangers),
        cmocka_unit_test(cleaned_text_is_always_utf_8),
        cmocka_unit_test(a_table_is_as_wide_as_its_characters),
        cmocka_unit_test(a_full_disk_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
