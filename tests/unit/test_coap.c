#include "wire/coap.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/support.h"
#include "tests/unit/unit.h"
#include "tests/unit/vectors.h"

enum { BUFFER = 70000, UNTOUCHED = 0x6B };

/* Lengths and deltas around each change of an option's header. */
static const size_t edges[] = {0, 1, 12, 13, 14, 268, 269, 270, 1000, 65535};

static int parse_exact(const uint8_t *data, size_t len, struct cyan_coap *out_msg, uint8_t **copy)
{
    *copy = copy_of(data, len);
    return cyan_coap_parse(*copy, len, out_msg);
}

static void every_vector_comes_back_byte_for_byte_through_the_writer(void **state)
{
    (void)state;
    struct vectors *v = vectors_open("spec-messages.txt");
    for (size_t i = 0; i < v->count; i++) {
        const struct vector *vector = &v->items[i];
        struct cyan_coap msg;
        struct cyan_coap_cursor cursor;
        struct cyan_coap_option option;
        struct cyan_coap_writer cw;
        struct cyan_writer w;
        uint8_t back[256];
        assert_int_equal(cyan_coap_parse(vector->data, vector->len, &msg), 0);
        cyan_writer_init(&w, back, sizeof back);
        cyan_coap_begin(&cw, &w, (enum cyan_coap_type)msg.type, msg.code, msg.id, msg.token,
                        msg.token_len);
        cyan_coap_options(&msg, &cursor);
        while (cyan_coap_next(&cursor, &option)) {
            cyan_coap_option(&cw, option.number, option.value, option.len);
        }
        cyan_coap_payload(&cw, msg.payload, msg.payload_len);
        assert_false(w.failed);
        assert_int_equal(w.len, vector->len);
        assert_memory_equal(back, vector->data, w.len);
    }
    vectors_close(v);
}

static void options_of_every_edge_length_and_delta_come_back(void **state)
{
    (void)state;
    uint8_t *buffer = malloc(BUFFER);
    uint8_t *value = calloc(1, BUFFER);
    assert_non_null(buffer);
    assert_non_null(value);
    for (size_t d = 0; d < COUNT_OF(edges); d++) {
        for (size_t l = 0; l < COUNT_OF(edges); l++) {
            struct cyan_writer w;
            struct cyan_coap_writer cw;
            struct cyan_coap msg;
            struct cyan_coap_cursor cursor;
            struct cyan_coap_option option;
            cyan_writer_init(&w, buffer, BUFFER);
            cyan_coap_begin(&cw, &w, CYAN_COAP_NON, CYAN_COAP_POST, 1, NULL, 0);
            cyan_coap_option(&cw, (uint32_t)edges[d], value, edges[l]);
            cyan_coap_option(&cw, (uint32_t)edges[d], "x", 1);
            assert_false(w.failed);
            assert_int_equal(cyan_coap_parse(buffer, w.len, &msg), 0);
            cyan_coap_options(&msg, &cursor);
            assert_true(cyan_coap_next(&cursor, &option));
            assert_int_equal(option.number, edges[d]);
            assert_int_equal(option.len, edges[l]);
            assert_true(cyan_coap_next(&cursor, &option));
            assert_int_equal(option.number, edges[d]);
            assert_int_equal(option.value[0], 'x');
            assert_false(cyan_coap_next(&cursor, &option));
            assert_null(msg.payload);
        }
    }
    free(value);
    free(buffer);
}

static void an_empty_option_at_the_very_end_is_walked_too(void **state)
{
    (void)state;
    static const uint8_t data[] = {0x50, 0x02, 0x00, 0x01, 0xB1, 'e', 0x00, 0x40};
    for (size_t len = 6; len <= sizeof data; len++) {
        struct cyan_coap msg;
        struct cyan_coap_cursor cursor;
        struct cyan_coap_option option = {0};
        uint8_t *copy;
        size_t count = 0;
        assert_int_equal(parse_exact(data, len, &msg, &copy), 0);
        cyan_coap_options(&msg, &cursor);
        while (cyan_coap_next(&cursor, &option)) {
            count++;
        }
        assert_int_equal(count, len - 5);
        assert_int_equal(option.len, len == 6 ? 1 : 0);
        free(copy);
    }
}

static void options_that_go_back_or_are_too_large_are_never_written(void **state)
{
    (void)state;
    static const struct {
        uint32_t first, second;
        size_t len;
    } rows[] = {{11, 10, 1}, {1, 0, 0}, {0, 65536, 0}, {0, UINT32_MAX, 0}, {0, 1, 65536}};
    uint8_t *buffer = malloc(BUFFER);
    uint8_t *value = calloc(1, BUFFER);
    assert_non_null(buffer);
    assert_non_null(value);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct cyan_writer w;
        struct cyan_coap_writer cw;
        cyan_writer_init(&w, buffer, BUFFER);
        cyan_coap_begin(&cw, &w, CYAN_COAP_NON, CYAN_COAP_POST, 1, NULL, 0);
        cyan_coap_option(&cw, rows[i].first, value, 0);
        assert_false(w.failed);
        size_t len = w.len;
        cyan_coap_option(&cw, rows[i].second, value, rows[i].len);
        assert_true(w.failed);
        assert_int_equal(w.len, len);
    }
    free(value);
    free(buffer);
}

static void only_version_1_with_a_token_of_at_most_8_bytes_is_a_message(void **state)
{
    (void)state;
    uint8_t data[4 + 15];
    for (unsigned first = 0; first < 256; first++) {
        for (size_t len = 0; len <= sizeof data; len++) {
            struct cyan_coap msg;
            uint8_t *copy;
            memset(data, 0, sizeof data);
            data[0] = (uint8_t)first;
            data[1] = CYAN_COAP_GET;
            size_t token_len = first & 15;
            bool good = first >> 6 == 1 && token_len <= 8 && len >= 4 + token_len;
            int err = parse_exact(data, len, &msg, &copy);
            assert_int_equal(err, good ? 0 : CYAN_E_MALFORMED);
            if (good) {
                assert_int_equal(msg.token_len, token_len);
                assert_int_equal(msg.type, first >> 4 & 3);
            }
            free(copy);
        }
    }
}

static void an_empty_message_has_nothing_behind_its_header(void **state)
{
    (void)state;
    static const uint8_t data[] = {0x40, 0x00, 0x12, 0x34, 0xFF, 0x00};
    for (size_t len = 0; len <= sizeof data; len++) {
        struct cyan_coap msg;
        uint8_t *copy;
        assert_int_equal(parse_exact(data, len, &msg, &copy), len == 4 ? 0 : CYAN_E_MALFORMED);
        free(copy);
    }
    static const uint8_t with_token[] = {0x41, 0x00, 0x12, 0x34, 0x07};
    struct cyan_coap msg;
    assert_int_equal(cyan_coap_parse(with_token, sizeof with_token, &msg), CYAN_E_MALFORMED);
}

static void a_reserved_option_header_is_malformed_in_either_half(void **state)
{
    (void)state;
    for (unsigned head = 0; head < 256; head++) {
        uint8_t data[4 + 1 + 4 + 400] = {0x50, 0x02, 0, 1};
        struct cyan_coap msg;
        data[4] = (uint8_t)head;
        unsigned delta = head >> 4, length = head & 15;
        bool marker = head == 0xFF;
        bool good = marker || (delta != 15 && length != 15);
        /* Behind the option come zeroes: options of number 0 more, without a value. */
        assert_int_equal(cyan_coap_parse(data, sizeof data, &msg), good ? 0 : CYAN_E_MALFORMED);
    }
}

static void an_option_is_refused_for_every_byte_that_it_lacks(void **state)
{
    (void)state;
    uint8_t *buffer = malloc(BUFFER);
    uint8_t *value = calloc(1, BUFFER);
    assert_non_null(buffer);
    assert_non_null(value);
    for (size_t l = 0; l < COUNT_OF(edges) && edges[l] <= 1000; l++) {
        struct cyan_writer w;
        struct cyan_coap_writer cw;
        cyan_writer_init(&w, buffer, BUFFER);
        cyan_coap_begin(&cw, &w, CYAN_COAP_NON, CYAN_COAP_POST, 1, NULL, 0);
        cyan_coap_option(&cw, 300, value, edges[l]);
        for (size_t len = CYAN_COAP_HEADER_LEN + 1; len < w.len; len++) {
            struct cyan_coap msg;
            uint8_t *copy;
            memset(&msg, UNTOUCHED, sizeof msg);
            assert_int_equal(parse_exact(buffer, len, &msg, &copy), CYAN_E_MALFORMED);
            assert_true(all_bytes_are((const uint8_t *)&msg, UNTOUCHED, sizeof msg));
            free(copy);
        }
    }
    free(value);
    free(buffer);
}

static void a_payload_marker_with_nothing_behind_it_is_no_payload(void **state)
{
    (void)state;
    static const uint8_t data[] = {0x50, 0x02, 0x00, 0x01, 0xB1, 0x65, 0xFF, 0xFF, 0xFF};
    for (size_t len = 6; len <= sizeof data; len++) {
        struct cyan_coap msg;
        uint8_t *copy;
        assert_int_equal(parse_exact(data, len, &msg, &copy), 0);
        assert_int_equal(msg.options_len, 2);
        assert_int_equal(msg.payload_len, len > 7 ? len - 7 : 0);
        assert_int_equal(msg.payload == NULL, msg.payload_len == 0);
        free(copy);
    }
}

static void a_token_longer_than_8_is_never_written(void **state)
{
    (void)state;
    static const uint8_t token[16] = {0};
    for (size_t len = 0; len <= sizeof token; len++) {
        uint8_t buffer[32];
        struct cyan_writer w;
        struct cyan_coap_writer cw;
        cyan_writer_init(&w, buffer, sizeof buffer);
        cyan_coap_begin(&cw, &w, CYAN_COAP_CON, CYAN_COAP_GET, 1, token, len);
        assert_int_equal(w.failed, len > CYAN_COAP_TOKEN_MAX);
        assert_int_equal(w.len, w.failed ? 0 : 4 + len);
    }
}

static void writing_stops_cleanly_at_every_capacity(void **state)
{
    (void)state;
    for (size_t cap = 0; cap <= 40; cap++) {
        uint8_t *exact = malloc(cap ? cap : 1);
        struct cyan_writer w;
        struct cyan_coap_writer cw;
        assert_non_null(exact);
        cyan_writer_init(&w, exact, cap);
        cyan_coap_begin(&cw, &w, CYAN_COAP_CON, CYAN_COAP_POST, 1, (const uint8_t *)"t", 1);
        cyan_coap_option(&cw, CYAN_COAP_URI_PATH, "e", 1);
        cyan_coap_option(&cw, CYAN_COAP_URI_PATH, "a name of 20 letters", 20);
        cyan_coap_payload(&cw, "data", 4);
        assert_int_equal(w.failed, cap < 5 + 2 + 22 + 5);
        free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_vector_comes_back_byte_for_byte_through_the_writer),
        cmocka_unit_test(options_of_every_edge_length_and_delta_come_back),
        cmocka_unit_test(an_empty_option_at_the_very_end_is_walked_too),
        cmocka_unit_test(options_that_go_back_or_are_too_large_are_never_written),
        cmocka_unit_test(only_version_1_with_a_token_of_at_most_8_bytes_is_a_message),
        cmocka_unit_test(an_empty_message_has_nothing_behind_its_header),
        cmocka_unit_test(a_reserved_option_header_is_malformed_in_either_half),
        cmocka_unit_test(an_option_is_refused_for_every_byte_that_it_lacks),
        cmocka_unit_test(a_payload_marker_with_nothing_behind_it_is_no_payload),
        cmocka_unit_test(a_token_longer_than_8_is_never_written),
        cmocka_unit_test(writing_stops_cleanly_at_every_capacity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
