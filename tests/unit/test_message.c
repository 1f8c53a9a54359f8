#include "wire/message.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/support.h"
#include "tests/unit/unit.h"
#include "tests/unit/vectors.h"
#include "wire/event.h"
#include "wire/hello.h"
#include "wire/request.h"

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

static const struct {
    const char *vector;
    enum cyan_message kind;
} kinds[] = {
    {"device_hello", CYAN_MSG_HELLO},
    {"device_hello_extended", CYAN_MSG_HELLO},
    {"server_hello", CYAN_MSG_HELLO},
    {"server_hello_with_token", CYAN_MSG_HELLO},
    {"describe_request", CYAN_MSG_DESCRIBE},
    {"describe_request_parts", CYAN_MSG_DESCRIBE},
    {"describe_answer", CYAN_MSG_RESPONSE},
    {"describe_answer_metrics", CYAN_MSG_RESPONSE},
    {"variable_request", CYAN_MSG_VARIABLE},
    {"variable_answer_bool", CYAN_MSG_RESPONSE},
    {"variable_answer_int", CYAN_MSG_RESPONSE},
    {"variable_answer_double", CYAN_MSG_RESPONSE},
    {"variable_answer_string", CYAN_MSG_RESPONSE},
    {"function_request", CYAN_MSG_FUNCTION},
    {"function_ack", CYAN_MSG_ACK},
    {"function_ack_refused", CYAN_MSG_ACK},
    {"function_result", CYAN_MSG_RESPONSE},
    {"event_public", CYAN_MSG_EVENT},
    {"event_private_ttl_300", CYAN_MSG_EVENT},
    {"event_private_long_name", CYAN_MSG_EVENT},
    {"event_max_binary", CYAN_MSG_EVENT},
    {"event_key_error", CYAN_MSG_EVENT},
    {"event_ack", CYAN_MSG_ACK},
    {"event_to_device", CYAN_MSG_EVENT},
    {"event_reset_dfu", CYAN_MSG_EVENT},
    {"event_four_path_options", CYAN_MSG_EVENT},
    {"subscribe_all", CYAN_MSG_SUBSCRIBE},
    {"subscribe_mine", CYAN_MSG_SUBSCRIBE},
    {"subscribe_device", CYAN_MSG_SUBSCRIBE},
    {"subscribe_ack", CYAN_MSG_ACK},
    {"time_request", CYAN_MSG_TIME},
    {"time_answer", CYAN_MSG_RESPONSE},
    {"ping", CYAN_MSG_PING},
    {"ping_ack", CYAN_MSG_ACK},
    {"signal_on", CYAN_MSG_SIGNAL},
    {"signal_off", CYAN_MSG_SIGNAL},
    {"signal_answer", CYAN_MSG_RESPONSE},
    {"update_begin", CYAN_MSG_UPDATE_BEGIN},
    {"update_ack", CYAN_MSG_ACK},
    {"update_refused", CYAN_MSG_ACK},
    {"update_ready", CYAN_MSG_RESPONSE},
    {"chunk_fast", CYAN_MSG_CHUNK},
    {"chunk_slow", CYAN_MSG_CHUNK},
    {"chunk_ack", CYAN_MSG_ACK},
    {"chunk_good", CYAN_MSG_RESPONSE},
    {"chunk_bad", CYAN_MSG_RESPONSE},
    {"update_done", CYAN_MSG_UPDATE_DONE},
    {"update_done_good", CYAN_MSG_RESPONSE},
    {"update_done_missing", CYAN_MSG_RESPONSE},
    {"chunk_missed", CYAN_MSG_CHUNK_MISSED},
    {"chunk_missed_ack", CYAN_MSG_ACK},
    {"update_done_by_device", CYAN_MSG_UPDATE_DONE},
    {"key_change", CYAN_MSG_KEY_CHANGE},
    {"goodbye", CYAN_MSG_GOODBYE},
};

static void every_message_of_the_specification_is_of_its_kind(void **state)
{
    (void)state;
    assert_int_equal(COUNT_OF(kinds), v->count);
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        const struct vector *vector = vectors_get(v, kinds[i].vector);
        struct cyan_coap msg;
        assert_int_equal(cyan_coap_parse(vector->data, vector->len, &msg), 0);
        if (cyan_message_kind(&msg) != kinds[i].kind) {
            fail_msg("%s is of another kind: %d", kinds[i].vector, (int)cyan_message_kind(&msg));
        }
    }
}

static void an_empty_message_is_a_ping_when_confirmable_and_else_an_answer_to_one(void **state)
{
    (void)state;
    for (uint8_t type = 0; type < 4; type++) {
        const struct cyan_coap msg = {.type = type, .code = CYAN_COAP_EMPTY};
        assert_int_equal(cyan_message_kind(&msg),
                         type == CYAN_COAP_CON ? CYAN_MSG_PING : CYAN_MSG_ACK);
    }
}

static void every_code_and_letter_outside_the_table_is_unknown(void **state)
{
    (void)state;
    static const struct {
        uint8_t code;
        const char *letters;
    } known[] = {{CYAN_COAP_GET, "eEtcdv"}, {CYAN_COAP_POST, "heExfusc"}, {CYAN_COAP_PUT, "usk"}};
    for (unsigned code = 1; code < 0x40; code++) {
        for (unsigned letter = 0; letter < 256; letter++) {
            uint8_t data[] = {0x40, (uint8_t)code, 0, 1, 0xB1, (uint8_t)letter};
            struct cyan_coap msg;
            bool listed = false;
            for (size_t i = 0; i < COUNT_OF(known); i++) {
                listed |= code == known[i].code && letter != 0 &&
                          strchr(known[i].letters, (int)letter) != NULL;
            }
            assert_int_equal(cyan_coap_parse(data, sizeof data, &msg), 0);
            assert_int_equal(cyan_message_kind(&msg) == CYAN_MSG_UNKNOWN, !listed);
        }
    }
}

/* Writes one of the small messages into a buffer of exactly cap bytes. */
static void write_small(unsigned which, struct cyan_writer *w)
{
    const struct cyan_coap request = {.id = 0x2037, .token = {0x25}, .token_len = 1};
    switch (which) {
    case 0:
        cyan_ping_write(w, 0x2038);
        break;
    case 1:
        cyan_ack_write(w, 0x2038);
        break;
    case 2:
        cyan_time_request_write(w, 0x2037, 0x25);
        break;
    case 3:
        cyan_time_answer_write(w, &request, 0x5A492F00);
        break;
    default:
        cyan_goodbye_write(w, 0x2140);
        break;
    }
}

static void small_messages_are_written_byte_for_byte_and_never_past_the_buffer(void **state)
{
    (void)state;
    static const char *const names[] = {"ping", "ping_ack", "time_request", "time_answer", NULL};
    static const uint8_t goodbye[] = {0x50, 0x02, 0x21, 0x40, 0xB1, 0x78,
                                      0xD0, 0xEA, 0xFF, 0x01, 0x02};
    for (unsigned i = 0; i < COUNT_OF(names); i++) {
        const uint8_t *expected = names[i] ? vectors_get(v, names[i])->data : goodbye;
        size_t expected_len = names[i] ? vectors_get(v, names[i])->len : sizeof goodbye;
        for (size_t cap = 0; cap <= expected_len; cap++) {
            uint8_t *exact = malloc(cap ? cap : 1);
            struct cyan_writer w;
            assert_non_null(exact);
            cyan_writer_init(&w, exact, cap);
            write_small(i, &w);
            assert_int_equal(w.failed, cap < expected_len);
            assert_memory_equal(exact, expected, w.len);
            free(exact);
        }
    }
}

static void a_time_answer_has_four_bytes(void **state)
{
    (void)state;
    static const uint8_t payload[8] = {0x5A, 0x49, 0x2F, 0x00};
    for (size_t len = 0; len <= sizeof payload; len++) {
        const struct cyan_coap msg = {.payload = len ? payload : NULL, .payload_len = len};
        uint32_t seconds = 77;
        assert_int_equal(cyan_time_answer_read(&msg, &seconds), len == 4 ? 0 : CYAN_E_MALFORMED);
        assert_int_equal(seconds, len == 4 ? 0x5A492F00 : 77);
    }
}

/* What an accepted message says, written anew, must be accepted again and say the same. */
static void expect_event_again(const struct cyan_event *event)
{
    uint8_t back[CYAN_FRAME_MAX_FROM_DEVICE];
    struct cyan_writer w;
    struct cyan_coap msg;
    struct cyan_event again;
    cyan_writer_init(&w, back, sizeof back);
    cyan_event_write(&w, CYAN_COAP_NON, 1, event);
    assert_false(w.failed);
    assert_int_equal(cyan_coap_parse(back, w.len, &msg), 0);
    assert_int_equal(cyan_message_kind(&msg), CYAN_MSG_EVENT);
    assert_int_equal(cyan_event_read(&msg, &again), 0);
    assert_string_equal(again.name, event->name);
    assert_int_equal(again.ttl, event->ttl);
    assert_int_equal(again.is_private, event->is_private);
    assert_int_equal(again.data_len, event->data_len);
    if (event->data_len > 0) {
        assert_memory_equal(again.data, event->data, event->data_len);
    }
}

static void expect_subscribe_again(const struct cyan_subscribe *subscribe)
{
    uint8_t back[256];
    struct cyan_writer w;
    struct cyan_coap msg;
    struct cyan_subscribe again;
    cyan_writer_init(&w, back, sizeof back);
    cyan_subscribe_write(&w, 1, subscribe);
    assert_false(w.failed);
    assert_int_equal(cyan_coap_parse(back, w.len, &msg), 0);
    assert_int_equal(cyan_subscribe_read(&msg, &again), 0);
    assert_string_equal(again.filter, subscribe->filter);
    assert_string_equal(again.device, subscribe->device);
    assert_int_equal(again.scope, subscribe->scope);
}

static void expect_hello_again(const struct cyan_hello *hello)
{
    uint8_t back[64];
    struct cyan_writer w;
    struct cyan_coap msg;
    struct cyan_hello again;
    cyan_writer_init(&w, back, sizeof back);
    cyan_hello_write(&w, hello);
    assert_false(w.failed);
    assert_int_equal(cyan_coap_parse(back, w.len, &msg), 0);
    assert_int_equal(cyan_hello_read(&msg, &again), 0);
    assert_int_equal(again.message_id, hello->message_id);
    assert_int_equal(again.product_id, hello->product_id);
    assert_int_equal(again.product_version, hello->product_version);
    assert_int_equal(again.flags, hello->flags);
    assert_int_equal(again.platform_id, hello->platform_id);
    assert_int_equal(again.extended, hello->extended);
    assert_int_equal(again.max_binary, hello->max_binary);
}

static void expect_values_in_bounds(const struct cyan_coap *msg)
{
    static const enum cyan_value_type types[] = {CYAN_VALUE_BOOL, CYAN_VALUE_INT, CYAN_VALUE_STRING,
                                                 CYAN_VALUE_DOUBLE};
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        uint8_t back[CYAN_FRAME_MAX_FROM_DEVICE];
        struct cyan_writer w;
        struct cyan_value value;
        if (cyan_value_read(types[i], msg->payload, msg->payload_len, &value) == 0) {
            cyan_writer_init(&w, back, sizeof back);
            cyan_value_answer_write(&w, msg, &value);
            assert_false(w.failed);
        }
    }
}

/* Every parser over these bytes, which lie in exactly len bytes of heap. Returns how many of them
 * accepted something. */
static unsigned parse_all(const uint8_t *data, size_t len)
{
    unsigned accepted = 0;
    struct cyan_coap msg;
    uint8_t *copy = copy_of(data, len);
    if (cyan_coap_parse(copy, len, &msg) == 0) {
        struct cyan_event event;
        struct cyan_subscribe subscribe;
        struct cyan_hello hello;
        struct cyan_request request;
        uint32_t seconds;
        int32_t result;
        assert_in_range(cyan_message_kind(&msg), CYAN_MSG_PING, CYAN_MSG_UNKNOWN);
        if (cyan_event_read(&msg, &event) == 0) {
            expect_event_again(&event);
            accepted++;
        }
        if (cyan_subscribe_read(&msg, &subscribe) == 0) {
            expect_subscribe_again(&subscribe);
            accepted++;
        }
        if (cyan_hello_read(&msg, &hello) == 0) {
            expect_hello_again(&hello);
            accepted++;
        }
        if (cyan_request_read(&msg, &request) == 0) {
            assert_true(strlen(request.name) <= CYAN_NAME_MAX);
            assert_true(strlen(request.argument) <= CYAN_FUNCTION_ARG_MAX);
            accepted++;
        }
        accepted += cyan_time_answer_read(&msg, &seconds) == 0;
        accepted += cyan_function_result_read(&msg, &result) == 0;
        expect_values_in_bounds(&msg);
    }
    free(copy);
    return accepted;
}

static void every_message_cut_anywhere_is_read_in_bounds_by_every_parser(void **state)
{
    (void)state;
    unsigned accepted = 0;
    for (size_t i = 0; i < v->count; i++) {
        for (size_t len = 0; len <= v->items[i].len; len++) {
            accepted += parse_all(v->items[i].data, len);
        }
    }
    assert_true(accepted > v->count);
}

static void every_message_with_any_one_or_two_flipped_bits_is_read_in_bounds(void **state)
{
    (void)state;
    unsigned accepted = 0;
    for (size_t i = 0; i < v->count; i++) {
        size_t len = v->items[i].len;
        uint8_t *data = copy_of(v->items[i].data, len);
        for (size_t bit = 0; bit < len * 8; bit++) {
            data[bit / 8] ^= (uint8_t)(1U << bit % 8);
            accepted += parse_all(data, len);
            /* The second one in the first 16 bytes, where headers and options are. */
            for (size_t other = 0; other < bit && other < 128; other++) {
                data[other / 8] ^= (uint8_t)(1U << other % 8);
                accepted += parse_all(data, len);
                data[other / 8] ^= (uint8_t)(1U << other % 8);
            }
            data[bit / 8] ^= (uint8_t)(1U << bit % 8);
        }
        free(data);
    }
    assert_true(accepted > v->count);
}

static void every_byte_of_a_message_may_have_any_value(void **state)
{
    (void)state;
    unsigned accepted = 0;
    for (size_t i = 0; i < v->count; i++) {
        size_t len = v->items[i].len;
        uint8_t *data = copy_of(v->items[i].data, len);
        for (size_t at = 0; at < len; at++) {
            uint8_t origin = data[at];
            for (unsigned value = 0; value < 256; value++) {
                data[at] = (uint8_t)value;
                accepted += parse_all(data, len);
            }
            data[at] = origin;
        }
        free(data);
    }
    assert_true(accepted > v->count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_of_the_specification_is_of_its_kind),
        cmocka_unit_test(an_empty_message_is_a_ping_when_confirmable_and_else_an_answer_to_one),
        cmocka_unit_test(every_code_and_letter_outside_the_table_is_unknown),
        cmocka_unit_test(small_messages_are_written_byte_for_byte_and_never_past_the_buffer),
        cmocka_unit_test(a_time_answer_has_four_bytes),
        cmocka_unit_test(every_message_cut_anywhere_is_read_in_bounds_by_every_parser),
        cmocka_unit_test(every_message_with_any_one_or_two_flipped_bits_is_read_in_bounds),
        cmocka_unit_test(every_byte_of_a_message_may_have_any_value),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
