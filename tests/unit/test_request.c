#include "wire/request.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/support.h"
#include "tests/unit/unit.h"
#include "tests/unit/vectors.h"

enum { BUFFER = 2048, UNTOUCHED = 0x6B };

static struct vectors *v;
static uint8_t buffer[BUFFER];
static struct cyan_writer w;

static int set_up(void **state)
{
    (void)state;
    v = vectors_open("spec-messages.txt");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    vectors_close(v);
    return 0;
}

static void start_writing(void)
{
    cyan_writer_init(&w, buffer, sizeof buffer);
}

static void expect_written(const char *name)
{
    const struct vector *expected = vectors_get(v, name);
    assert_false(w.failed);
    assert_int_equal(w.len, expected->len);
    assert_memory_equal(buffer, expected->data, w.len);
}

static struct cyan_coap parsed(const char *name)
{
    const struct vector *vector = vectors_get(v, name);
    struct cyan_coap msg;
    assert_int_equal(cyan_coap_parse(vector->data, vector->len, &msg), 0);
    return msg;
}

static void requests_of_the_specification_are_written_byte_for_byte(void **state)
{
    (void)state;
    start_writing();
    cyan_describe_write(&w, 0x1236, 2, 0);
    expect_written("describe_request");
    start_writing();
    cyan_describe_write(&w, 0x1236, 2, CYAN_DESCRIBE_SYSTEM);
    expect_written("describe_request_parts");
    start_writing();
    cyan_variable_write(&w, 0x1238, 4, "temp");
    expect_written("variable_request");
    start_writing();
    cyan_function_write(&w, 0x1239, 5, "led", "on");
    expect_written("function_request");
    start_writing();
    cyan_signal_write(&w, 0x123D, 6, true);
    expect_written("signal_on");
    start_writing();
    cyan_signal_write(&w, 0x123E, 7, false);
    expect_written("signal_off");
}

static int read_vector(const char *name, struct cyan_request *out)
{
    struct cyan_coap msg = parsed(name);
    return cyan_request_read(&msg, out);
}

static void requests_of_the_specification_are_read(void **state)
{
    (void)state;
    struct cyan_request request;
    assert_int_equal(read_vector("describe_request", &request), 0);
    assert_int_equal(request.parts, CYAN_DESCRIBE_ALL);
    assert_int_equal(read_vector("describe_request_parts", &request), 0);
    assert_int_equal(request.parts, CYAN_DESCRIBE_SYSTEM);
    assert_int_equal(read_vector("variable_request", &request), 0);
    assert_string_equal(request.name, "temp");
    assert_int_equal(read_vector("function_request", &request), 0);
    assert_string_equal(request.name, "led");
    assert_string_equal(request.argument, "on");
    assert_int_equal(read_vector("signal_on", &request), 0);
    assert_true(request.on);
    assert_int_equal(read_vector("signal_off", &request), 0);
    assert_false(request.on);
}

static int read_written(struct cyan_request *out)
{
    struct cyan_coap msg;
    uint8_t *copy = copy_of(buffer, w.len);
    assert_false(w.failed);
    assert_int_equal(cyan_coap_parse(copy, w.len, &msg), 0);
    int err = cyan_request_read(&msg, out);
    free(copy);
    return err;
}

static void names_and_arguments_of_every_length_come_back_or_are_too_long(void **state)
{
    (void)state;
    char name[CYAN_NAME_MAX + 3], argument[CYAN_FUNCTION_ARG_MAX + 3];
    struct cyan_request request;
    for (size_t len = 1; len < sizeof name; len++) {
        memset(name, 'n', len);
        name[len] = '\0';
        start_writing();
        cyan_variable_write(&w, 1, 1, name);
        assert_int_equal(read_written(&request), len <= CYAN_NAME_MAX ? 0 : CYAN_E_TOO_LONG);
        if (len <= CYAN_NAME_MAX) {
            assert_string_equal(request.name, name);
        }
    }
    for (size_t len = 0; len < sizeof argument; len++) {
        memset(argument, 'a', len);
        argument[len] = '\0';
        start_writing();
        cyan_function_write(&w, 1, 1, "f", argument);
        assert_int_equal(read_written(&request),
                         len <= CYAN_FUNCTION_ARG_MAX ? 0 : CYAN_E_TOO_LONG);
        if (len <= CYAN_FUNCTION_ARG_MAX) {
            assert_string_equal(request.argument, argument);
        }
    }
}

static void an_empty_argument_has_an_option_of_its_own(void **state)
{
    (void)state;
    static const uint8_t expected[] = {0x41, 0x02, 0, 1, 9, 0xB1, 'f', 0x01, 'n', 0x40};
    start_writing();
    cyan_function_write(&w, 1, 9, "n", "");
    assert_int_equal(w.len, sizeof expected);
    assert_memory_equal(buffer, expected, sizeof expected);
}

static void a_variable_or_function_without_a_name_is_malformed(void **state)
{
    (void)state;
    static const struct {
        const char *letter;
        uint8_t code;
        bool empty_name;
    } rows[] = {{"v", CYAN_COAP_GET, false},
                {"v", CYAN_COAP_GET, true},
                {"f", CYAN_COAP_POST, false},
                {"f", CYAN_COAP_POST, true}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct cyan_request request;
        struct cyan_coap_writer cw;
        start_writing();
        cyan_coap_begin(&cw, &w, CYAN_COAP_CON, rows[i].code, 1, (const uint8_t *)"t", 1);
        cyan_coap_option(&cw, CYAN_COAP_URI_PATH, rows[i].letter, 1);
        if (rows[i].empty_name) {
            cyan_coap_option(&cw, CYAN_COAP_URI_PATH, "", 0);
        }
        cyan_coap_option(&cw, CYAN_COAP_URI_QUERY, "arg", 3);
        memset(&request, UNTOUCHED, sizeof request);
        assert_int_equal(read_written(&request), CYAN_E_MALFORMED);
        assert_true(all_bytes_are((uint8_t *)&request, UNTOUCHED, sizeof request));
    }
}

static void a_name_or_argument_with_a_zero_inside_is_malformed(void **state)
{
    (void)state;
    for (size_t place = 0; place < 3; place++) {
        uint8_t name[] = {0x41, 0x01, 0, 1, 9, 0xB1, 'v', 0x03, 'a', 'b', 'c'};
        uint8_t argument[] = {0x41, 0x02, 0, 1, 9, 0xB1, 'f', 0x01, 'n', 0x43, 'a', 'b', 'c'};
        struct cyan_coap msg;
        struct cyan_request request;
        name[8 + place] = 0;
        argument[10 + place] = 0;
        assert_int_equal(cyan_coap_parse(name, sizeof name, &msg), 0);
        assert_int_equal(cyan_request_read(&msg, &request), CYAN_E_MALFORMED);
        assert_int_equal(cyan_coap_parse(argument, sizeof argument, &msg), 0);
        assert_int_equal(cyan_request_read(&msg, &request), CYAN_E_MALFORMED);
    }
}

static void a_query_byte_selects_parts_1_to_3_and_any_but_0_starts_the_signal(void **state)
{
    (void)state;
    for (unsigned value = 0; value < 256; value++) {
        uint8_t describe[] = {0x41, 0x01, 0, 1, 9, 0xB1, 'd', 0x41, (uint8_t)value};
        uint8_t signal[] = {0x41, 0x03, 0, 1, 9, 0xB1, 's', 0x41, (uint8_t)value};
        struct cyan_coap msg;
        struct cyan_request request;
        assert_int_equal(cyan_coap_parse(describe, sizeof describe, &msg), 0);
        assert_int_equal(cyan_request_read(&msg, &request), 0);
        assert_int_equal(request.parts, value >= 1 && value <= 3 ? value : CYAN_DESCRIBE_ALL);
        assert_int_equal(cyan_coap_parse(signal, sizeof signal, &msg), 0);
        assert_int_equal(cyan_request_read(&msg, &request), 0);
        assert_int_equal(request.on, value != 0);
    }
}

static void answer(const char *request_name, const struct cyan_value *value)
{
    struct cyan_coap request = parsed(request_name);
    start_writing();
    cyan_value_answer_write(&w, &request, value);
}

static void values_of_the_specification_are_written_and_read_byte_for_byte(void **state)
{
    (void)state;
    static const struct {
        const char *vector;
        struct cyan_value value;
    } rows[] = {
        {"variable_answer_bool", {.type = CYAN_VALUE_BOOL, .boolean = true}},
        {"variable_answer_int", {.type = CYAN_VALUE_INT, .integer = 42}},
        {"variable_answer_double", {.type = CYAN_VALUE_DOUBLE, .number = 1.5}},
        {"variable_answer_string",
         {.type = CYAN_VALUE_STRING, .text = (const uint8_t *)"hi", .text_len = 2}},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct cyan_value value;
        answer("variable_request", &rows[i].value);
        expect_written(rows[i].vector);
        struct cyan_coap msg = parsed(rows[i].vector);
        assert_int_equal(cyan_value_read(rows[i].value.type, msg.payload, msg.payload_len, &value),
                         0);
        assert_int_equal(value.type, rows[i].value.type);
        assert_int_equal(value.boolean, rows[i].value.boolean);
        assert_int_equal(value.integer, rows[i].value.integer);
        assert_true(value.number == rows[i].value.number);
        assert_int_equal(value.text_len, rows[i].value.text_len);
    }
}

static void a_value_of_any_other_length_than_its_type_has_is_malformed(void **state)
{
    (void)state;
    static const struct {
        enum cyan_value_type type;
        size_t len;
    } rows[] = {{CYAN_VALUE_BOOL, 1}, {CYAN_VALUE_INT, 4}, {CYAN_VALUE_DOUBLE, 8}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (size_t len = 0; len <= 16; len++) {
            uint8_t *payload = calloc(1, len ? len : 1);
            struct cyan_value value;
            memset(&value, UNTOUCHED, sizeof value);
            assert_non_null(payload);
            int err = cyan_value_read(rows[i].type, len ? payload : NULL, len, &value);
            assert_int_equal(err, len == rows[i].len ? 0 : CYAN_E_MALFORMED);
            assert_int_equal(all_bytes_are((uint8_t *)&value, UNTOUCHED, sizeof value), err < 0);
            free(payload);
        }
    }
    for (int type = -1; type < 20; type++) {
        struct cyan_value value;
        bool known = type == 1 || type == 2 || type == 4 || type == 9;
        if (!known) {
            assert_int_equal(cyan_value_read((enum cyan_value_type)type, NULL, 0, &value),
                             CYAN_E_MALFORMED);
        }
    }
}

static void numbers_at_their_limits_come_back(void **state)
{
    (void)state;
    static const int32_t integers[] = {INT32_MIN, INT32_MIN + 1, -1, 0, 1, INT32_MAX};
    static const double doubles[] = {0.0,  -0.0,     1e-308,   5e-324, 1.7976931348623157e308,
                                     -1.5, INFINITY, -INFINITY};
    for (size_t i = 0; i < COUNT_OF(integers); i++) {
        struct cyan_value value = {.type = CYAN_VALUE_INT, .integer = integers[i]};
        answer("variable_request", &value);
        value.integer = 7;
        assert_int_equal(cyan_value_read(CYAN_VALUE_INT, buffer + w.len - 4, 4, &value), 0);
        assert_int_equal(value.integer, integers[i]);
    }
    for (size_t i = 0; i < COUNT_OF(doubles); i++) {
        struct cyan_value value = {.type = CYAN_VALUE_DOUBLE, .number = doubles[i]};
        answer("variable_request", &value);
        assert_int_equal(cyan_value_read(CYAN_VALUE_DOUBLE, buffer + w.len - 8, 8, &value), 0);
        assert_memory_equal(&value.number, &doubles[i], sizeof value.number);
    }
    struct cyan_value nan = {.type = CYAN_VALUE_DOUBLE, .number = NAN};
    answer("variable_request", &nan);
    nan.number = 0;
    assert_int_equal(cyan_value_read(CYAN_VALUE_DOUBLE, buffer + w.len - 8, 8, &nan), 0);
    assert_true(isnan(nan.number));
}

static void a_function_answers_with_four_bytes_and_nothing_else(void **state)
{
    (void)state;
    static const int32_t results[] = {INT32_MIN, -1, 0, 1, INT32_MAX};
    int32_t result = 0;
    start_writing();
    cyan_function_result_write(&w, 0x2030, 5, 1);
    expect_written("function_result");
    for (size_t i = 0; i < COUNT_OF(results); i++) {
        struct cyan_coap msg;
        start_writing();
        cyan_function_result_write(&w, 1, 2, results[i]);
        assert_int_equal(cyan_coap_parse(buffer, w.len, &msg), 0);
        assert_int_equal(cyan_function_result_read(&msg, &result), 0);
        assert_int_equal(result, results[i]);
    }
    for (size_t len = 0; len <= 8; len++) {
        static const uint8_t payload[8] = {0};
        const struct cyan_coap msg = {.payload = len ? payload : NULL, .payload_len = len};
        result = 77;
        assert_int_equal(cyan_function_result_read(&msg, &result), len == 4 ? 0 : CYAN_E_MALFORMED);
        assert_int_equal(result, len == 4 ? 0 : 77);
    }
}

static void a_signal_is_answered_with_its_own_id_and_token(void **state)
{
    (void)state;
    struct cyan_coap request = parsed("signal_on");
    start_writing();
    cyan_signal_answer_write(&w, &request);
    expect_written("signal_answer");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_of_the_specification_are_written_byte_for_byte),
        cmocka_unit_test(requests_of_the_specification_are_read),
        cmocka_unit_test(names_and_arguments_of_every_length_come_back_or_are_too_long),
        cmocka_unit_test(an_empty_argument_has_an_option_of_its_own),
        cmocka_unit_test(a_variable_or_function_without_a_name_is_malformed),
        cmocka_unit_test(a_name_or_argument_with_a_zero_inside_is_malformed),
        cmocka_unit_test(a_query_byte_selects_parts_1_to_3_and_any_but_0_starts_the_signal),
        cmocka_unit_test(values_of_the_specification_are_written_and_read_byte_for_byte),
        cmocka_unit_test(a_value_of_any_other_length_than_its_type_has_is_malformed),
        cmocka_unit_test(numbers_at_their_limits_come_back),
        cmocka_unit_test(a_function_answers_with_four_bytes_and_nothing_else),
        cmocka_unit_test(a_signal_is_answered_with_its_own_id_and_token),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
