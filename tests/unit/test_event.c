#include "wire/event.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/support.h"
#include "tests/unit/unit.h"
#include "tests/unit/vectors.h"

enum { BUFFER = 2048, UNTOUCHED = 0x6B };

static struct vectors *v;

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

static int read_event(const uint8_t *data, size_t len, struct cyan_event *out)
{
    struct cyan_coap msg;
    int err = cyan_coap_parse(data, len, &msg);
    return err < 0 ? err : cyan_event_read(&msg, out);
}

static int read_subscribe(const uint8_t *data, size_t len, struct cyan_subscribe *out)
{
    struct cyan_coap msg;
    int err = cyan_coap_parse(data, len, &msg);
    return err < 0 ? err : cyan_subscribe_read(&msg, out);
}

static const struct {
    const char *vector, *name, *data;
    uint32_t ttl;
    bool is_private;
    enum cyan_coap_type type;
    uint16_t id;
    bool same; /* is it what we write ourselves? */
} events[] = {
    {"event_public", "temp", "21.5", 60, false, CYAN_COAP_NON, 0x2031, true},
    {"event_private_ttl_300", "temp", "21.5", 300, true, CYAN_COAP_CON, 0x2032, true},
    {"event_private_long_name", "spark/device/safemode", "", 60, true, CYAN_COAP_NON, 0x2033, true},
    {"event_max_binary", "spark/hardware/max_binary", "262144", 60, true, CYAN_COAP_NON, 0x2023,
     true},
    {"event_key_error", "spark/device/key/error", "5", 60, true, CYAN_COAP_NON, 0x2036, true},
    {"event_to_device", "temp", "21.5", 60, false, CYAN_COAP_NON, 0x123A, false},
    {"event_reset_dfu", "spark/device/reset", "dfu", 60, true, CYAN_COAP_NON, 0x123C, true},
    {"event_four_path_options", "spark/device/key/restore", "", 60, true, CYAN_COAP_NON, 0x123B,
     false},
};

static void the_events_of_the_specification_are_read_and_written_byte_for_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(events); i++) {
        const struct vector *vector = vectors_get(v, events[i].vector);
        struct cyan_event event = {0};
        uint8_t back[BUFFER];
        struct cyan_writer w;
        assert_int_equal(read_event(vector->data, vector->len, &event), 0);
        assert_string_equal(event.name, events[i].name);
        assert_int_equal(event.data_len, strlen(events[i].data));
        assert_int_equal(event.data == NULL, event.data_len == 0);
        if (event.data) {
            assert_memory_equal(event.data, events[i].data, event.data_len);
        }
        assert_int_equal(event.ttl, events[i].ttl);
        assert_int_equal(event.is_private, events[i].is_private);

        cyan_writer_init(&w, back, sizeof back);
        cyan_event_write(&w, events[i].type, events[i].id, &event);
        assert_false(w.failed);
        if (events[i].same) {
            assert_int_equal(w.len, vector->len);
            assert_memory_equal(back, vector->data, w.len);
        }
    }
}

static void an_event_has_no_token_since_old_devices_read_its_name_at_a_fixed_place(void **state)
{
    (void)state;
    const struct cyan_event event = {.name = "n", .ttl = 60};
    uint8_t back[BUFFER];
    struct cyan_writer w;
    cyan_writer_init(&w, back, sizeof back);
    cyan_event_write(&w, CYAN_COAP_NON, 7, &event);
    assert_int_equal(back[0] & 15, 0);
    assert_int_equal(back[6], 0x01); /* the name's option header */
    assert_int_equal(back[7], 'n');
    assert_int_equal(w.len, 8);
}

static void names_of_1_to_64_characters_come_back_and_others_are_refused(void **state)
{
    (void)state;
    for (size_t len = 0; len <= 300; len++) {
        uint8_t data[BUFFER];
        char name[301];
        struct cyan_event event = {0};
        struct cyan_writer w;
        struct cyan_coap_writer cw;
        memset(name, 'n', len);
        bool good = len >= 1 && len <= CYAN_EVENT_NAME_MAX;
        assert_int_equal(cyan_event_name_ok(name, len), good);
        cyan_writer_init(&w, data, sizeof data);
        cyan_coap_begin(&cw, &w, CYAN_COAP_NON, CYAN_COAP_POST, 1, NULL, 0);
        cyan_coap_option(&cw, CYAN_COAP_URI_PATH, "E", 1);
        cyan_coap_option(&cw, CYAN_COAP_URI_PATH, name, len);
        memset(&event, UNTOUCHED, sizeof event);
        assert_int_equal(read_event(data, w.len, &event), good ? 0 : CYAN_E_MALFORMED);
        if (good) {
            assert_int_equal(strlen(event.name), len);
        } else {
            assert_true(all_bytes_are((uint8_t *)&event, UNTOUCHED, sizeof event));
        }
    }
}

static void every_control_character_in_a_name_is_refused(void **state)
{
    (void)state;
    for (unsigned c = 0; c < 256; c++) {
        uint8_t data[] = {0x50, 0x02, 0, 1, 0xB1, 'e', 0x03, 'a', (uint8_t)c, 'b'};
        char name[] = {'a', (char)c, 'b'};
        struct cyan_event event = {0};
        bool good = c >= 0x20 && c != 0x7F;
        assert_int_equal(cyan_event_name_ok(name, sizeof name), good);
        assert_int_equal(read_event(data, sizeof data, &event), good ? 0 : CYAN_E_MALFORMED);
    }
}

static void path_options_are_joined_and_bounded_wherever_they_are_cut(void **state)
{
    (void)state;
    /* Two parts of every pair of lengths: with their slash they may have 64 characters. */
    char text[80];
    memset(text, 'p', sizeof text);
    for (size_t first = 0; first <= 70; first++) {
        for (size_t second = 0; second <= 70; second++) {
            uint8_t data[BUFFER];
            struct cyan_event event = {0};
            struct cyan_writer w;
            struct cyan_coap_writer cw;
            cyan_writer_init(&w, data, sizeof data);
            cyan_coap_begin(&cw, &w, CYAN_COAP_NON, CYAN_COAP_POST, 1, NULL, 0);
            cyan_coap_option(&cw, CYAN_COAP_URI_PATH, "e", 1);
            cyan_coap_option(&cw, CYAN_COAP_URI_PATH, text, first);
            cyan_coap_option(&cw, CYAN_COAP_URI_PATH, text, second);
            bool good = first + 1 + second <= CYAN_EVENT_NAME_MAX;
            assert_int_equal(read_event(data, w.len, &event), good ? 0 : CYAN_E_MALFORMED);
            if (good) {
                assert_int_equal(strlen(event.name), first + 1 + second);
                assert_int_equal(event.name[first], '/');
            }
        }
    }
}

static void every_lifetime_comes_back_up_to_the_most_that_three_bytes_hold(void **state)
{
    (void)state;
    static const uint32_t edges[] = {0,          1,          59,    60,       61,
                                     255,        256,        65535, 65536,    0x00FFFFFE,
                                     0x00FFFFFF, 0x01000000, 86400, 1U << 31, UINT32_MAX};
    for (size_t i = 0; i < COUNT_OF(edges); i++) {
        for (size_t bytes = 0; bytes <= 6; bytes++) {
            uint8_t data[BUFFER], ttl[8] = {0};
            struct cyan_event event = {0}, again = {0};
            struct cyan_writer w;
            struct cyan_coap_writer cw;
            cyan_put_be32(ttl + 2, edges[i]);
            cyan_writer_init(&w, data, sizeof data);
            cyan_coap_begin(&cw, &w, CYAN_COAP_NON, CYAN_COAP_POST, 1, NULL, 0);
            cyan_coap_option(&cw, CYAN_COAP_URI_PATH, "e", 1);
            cyan_coap_option(&cw, CYAN_COAP_URI_PATH, "n", 1);
            cyan_coap_option(&cw, CYAN_COAP_MAX_AGE, ttl + 6 - bytes, bytes);
            int err = read_event(data, w.len, &event);
            assert_int_equal(err, bytes <= 4 ? 0 : CYAN_E_MALFORMED);
            if (err < 0) {
                continue;
            }
            uint32_t mask = bytes == 4 ? UINT32_MAX : (UINT32_C(1) << 8 * bytes) - 1;
            uint32_t sent = edges[i] & mask;
            assert_int_equal(event.ttl, sent > CYAN_EVENT_TTL_MAX ? CYAN_EVENT_TTL_MAX : sent);
            cyan_writer_init(&w, data, sizeof data);
            cyan_event_write(&w, CYAN_COAP_NON, 1, &event);
            assert_int_equal(read_event(data, w.len, &again), 0);
            assert_int_equal(again.ttl, event.ttl);
        }
    }
}

static void data_up_to_864_bytes_is_read_and_longer_data_refused(void **state)
{
    (void)state;
    for (size_t len = 0; len <= CYAN_EVENT_DATA_MAX + 2; len++) {
        uint8_t data[BUFFER] = {0x50, 0x02, 0, 1, 0xB1, 'e', 0x01, 'n', 0xFF};
        struct cyan_event event = {0};
        uint8_t *copy = copy_of(data, 9 + len);
        int err = read_event(copy, 9 + len, &event);
        assert_int_equal(err, len <= CYAN_EVENT_DATA_MAX ? 0 : CYAN_E_TOO_LONG);
        if (err == 0) {
            assert_int_equal(event.data_len, len);
        }
        free(copy);
    }
}

static void the_letter_of_an_event_is_e_or_e_in_upper_case_and_alone(void **state)
{
    (void)state;
    for (unsigned letter = 0; letter < 256; letter++) {
        uint8_t data[] = {0x50, 0x02, 0, 1, 0xB1, (uint8_t)letter, 0x01, 'n'};
        struct cyan_event event = {0};
        bool good = letter == 'e' || letter == 'E';
        assert_int_equal(read_event(data, sizeof data, &event), good ? 0 : CYAN_E_MALFORMED);
        if (good) {
            assert_int_equal(event.is_private, letter == 'E');
        }
    }
    static const uint8_t two_letters[] = {0x50, 0x02, 0, 1, 0xB2, 'e', 'e', 0x01, 'n'};
    static const uint8_t no_path[] = {0x50, 0x02, 0, 1, 0xFF, 'n'};
    struct cyan_event event = {0};
    assert_int_equal(read_event(two_letters, sizeof two_letters, &event), CYAN_E_MALFORMED);
    assert_int_equal(read_event(no_path, sizeof no_path, &event), CYAN_E_MALFORMED);
}

static const struct {
    const char *vector, *filter, *device;
    enum cyan_subscribe_scope scope;
    uint16_t id;
} subscriptions[] = {
    {"subscribe_all", "spark", "", CYAN_SUBSCRIBE_ALL, 0x2034},
    {"subscribe_mine", "temp", "", CYAN_SUBSCRIBE_MINE, 0x2035},
    {"subscribe_device", "temp", "3a0024000447", CYAN_SUBSCRIBE_DEVICE, 0x2036},
};

static void the_subscriptions_of_the_specification_are_read_and_written_byte_for_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(subscriptions); i++) {
        const struct vector *vector = vectors_get(v, subscriptions[i].vector);
        struct cyan_subscribe s = {0};
        uint8_t back[BUFFER];
        struct cyan_writer w;
        assert_int_equal(read_subscribe(vector->data, vector->len, &s), 0);
        assert_string_equal(s.filter, subscriptions[i].filter);
        assert_string_equal(s.device, subscriptions[i].device);
        assert_int_equal(s.scope, subscriptions[i].scope);
        cyan_writer_init(&w, back, sizeof back);
        cyan_subscribe_write(&w, subscriptions[i].id, &s);
        assert_int_equal(w.len, vector->len);
        assert_memory_equal(back, vector->data, w.len);
    }
}

static void an_empty_filter_is_refused_for_all_devices_only(void **state)
{
    (void)state;
    static const uint8_t all[] = {0x40, 0x01, 0, 1, 0xB1, 'e'};
    static const uint8_t all_empty_option[] = {0x40, 0x01, 0, 1, 0xB1, 'e', 0x00};
    static const uint8_t mine[] = {0x40, 0x01, 0, 1, 0xB1, 'e', 0x41, 'u'};
    static const uint8_t other_query[] = {0x40, 0x01, 0, 1, 0xB1, 'e', 0x41, 'v'};
    struct cyan_subscribe s = {0};
    assert_int_equal(read_subscribe(all, sizeof all, &s), CYAN_E_MALFORMED);
    assert_int_equal(read_subscribe(all_empty_option, sizeof all_empty_option, &s),
                     CYAN_E_MALFORMED);
    assert_int_equal(read_subscribe(other_query, sizeof other_query, &s), CYAN_E_MALFORMED);
    assert_int_equal(read_subscribe(mine, sizeof mine, &s), 0);
    assert_int_equal(s.scope, CYAN_SUBSCRIBE_MINE);
    assert_string_equal(s.filter, "");
}

static void a_device_id_has_12_to_24_hexadecimal_digits(void **state)
{
    (void)state;
    for (size_t len = 1; len <= 40; len++) {
        for (size_t bad = 0; bad <= len; bad++) { /* bad == len: none of them */
            uint8_t data[64] = {0x40, 0x01, 0, 1, 0xB1, 'e', 0x01, 'n', 0xFF};
            struct cyan_subscribe s = {0};
            memset(data + 9, 'A', len);
            if (bad < len) {
                data[9 + bad] = 'g';
            }
            bool good = bad == len && len >= 12 && len <= 24;
            uint8_t *copy = copy_of(data, 9 + len);
            assert_int_equal(read_subscribe(copy, 9 + len, &s), good ? 0 : CYAN_E_MALFORMED);
            if (good) {
                assert_int_equal(strlen(s.device), len);
                assert_true(all_bytes_are((const uint8_t *)s.device, 'a', len));
            }
            free(copy);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_events_of_the_specification_are_read_and_written_byte_for_byte),
        cmocka_unit_test(an_event_has_no_token_since_old_devices_read_its_name_at_a_fixed_place),
        cmocka_unit_test(names_of_1_to_64_characters_come_back_and_others_are_refused),
        cmocka_unit_test(every_control_character_in_a_name_is_refused),
        cmocka_unit_test(path_options_are_joined_and_bounded_wherever_they_are_cut),
        cmocka_unit_test(every_lifetime_comes_back_up_to_the_most_that_three_bytes_hold),
        cmocka_unit_test(data_up_to_864_bytes_is_read_and_longer_data_refused),
        cmocka_unit_test(the_letter_of_an_event_is_e_or_e_in_upper_case_and_alone),
        cmocka_unit_test(the_subscriptions_of_the_specification_are_read_and_written_byte_for_byte),
        cmocka_unit_test(an_empty_filter_is_refused_for_all_devices_only),
        cmocka_unit_test(a_device_id_has_12_to_24_hexadecimal_digits),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
