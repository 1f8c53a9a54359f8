/* What a device is asked, and how its answers come back. */
#include "server/actor/requests.h"

#include <string.h>
#include <sys/socket.h>

#include "server/actor/description.h"
#include "tests/unit/unit.h"
#include "tests/unit/ward.h"

static struct ward ward;
static struct peer peer;
static struct actor *actor;

static int set_up(void **state)
{
    (void)state;
    ward_open(&ward);
    actor = ward_device(&ward, &peer, 0x5A, false);
    return 0;
}

static int set_up_b(void **state)
{
    (void)state;
    ward_open(&ward);
    actor = ward_device(&ward, &peer, 0x5A, true);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    peer_close(&peer);
    ward_close(&ward);
    return 0;
}

static void a_variable_is_asked_for_after_the_description(void **state)
{
    (void)state;
    struct cyan_coap msg;
    ward_ask(&ward, actor, 1, REQUEST_VARIABLE, "temp", "");
    ward_hear(&peer, CYAN_MSG_DESCRIBE, &msg);
    assert_int_equal(msg.options_len, 2); /* implementation A: no query */
    ward_expect_silence(&ward, &peer);
    ward_answer(&peer, &msg, ward_description);
    ward_hear(&peer, CYAN_MSG_VARIABLE, &msg);
    ward_expect_option(&msg, 1, CYAN_COAP_URI_PATH, "temp");
    assert_int_equal(ward.reply_count, 0);
    ward_answer(&peer, &msg, "12345678");
    ward_expect_reply(&ward, 1, 0);
    assert_int_equal(ward.replies[0].type, CYAN_VALUE_DOUBLE);
    assert_int_equal(ward.replies[0].len, 8);
    assert_memory_equal(ward.replies[0].bytes, "12345678", 8);
}

static void implementation_b_is_asked_for_all_parts(void **state)
{
    (void)state;
    struct cyan_coap msg;
    ward_ask(&ward, actor, 1, REQUEST_DESCRIBE, "", "");
    ward_hear(&peer, CYAN_MSG_DESCRIBE, &msg);
    ward_expect_option(&msg, 1, CYAN_COAP_URI_QUERY, "\3");
    ward_answer(&peer, &msg, ward_description);
    ward_expect_reply(&ward, 1, 0);
    assert_int_equal(ward.replies[0].len, strlen(ward_description));
    assert_memory_equal(ward.replies[0].bytes, ward_description, strlen(ward_description));
}

static void every_type_of_variable_is_passed_on_as_described(void **state)
{
    (void)state;
    static const struct {
        const char *name, *payload;
        enum cyan_value_type type;
    } table[] = {{"on", "\1", CYAN_VALUE_BOOL},
                 {"n", "1234", CYAN_VALUE_INT},
                 {"s", "some text", CYAN_VALUE_STRING},
                 {"s", "", CYAN_VALUE_STRING},
                 {"temp", "12345678", CYAN_VALUE_DOUBLE}};
    struct cyan_coap msg;
    ward_ask(&ward, actor, 99, REQUEST_DESCRIBE, "", "");
    ward_give_description(&ward, &peer);
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        ward_ask(&ward, actor, i + 1, REQUEST_VARIABLE, table[i].name, "");
        ward_hear(&peer, CYAN_MSG_VARIABLE, &msg);
        ward_answer(&peer, &msg, table[i].payload);
        ward_expect_reply(&ward, i + 1, 0);
        assert_int_equal(ward.replies[i + 1].type, table[i].type);
        assert_int_equal(ward.replies[i + 1].len, strlen(table[i].payload));
    }
}

static void names_that_the_device_does_not_have_are_never_asked_for(void **state)
{
    (void)state;
    static const char *const variables[] = {"Temp", "tem", "temp2", "led", "odd", "f", ""};
    static const char *const functions[] = {"LED", "le", "led2", "temp", ""};
    uint64_t call = 1;
    ward_ask(&ward, actor, call, REQUEST_VARIABLE, "nothing", "");
    ward_give_description(&ward, &peer);
    ward_expect_reply(&ward, call, CYAN_E_NOT_FOUND);
    for (size_t i = 0; i < COUNT_OF(variables); i++) {
        ward_ask(&ward, actor, ++call, REQUEST_VARIABLE, variables[i], "");
        ward_expect_reply(&ward, call, CYAN_E_NOT_FOUND);
    }
    for (size_t i = 0; i < COUNT_OF(functions); i++) {
        ward_ask(&ward, actor, ++call, REQUEST_FUNCTION, functions[i], "x");
        ward_expect_reply(&ward, call, CYAN_E_NOT_FOUND);
    }
    ward_expect_silence(&ward, &peer);
    assert_int_equal(ward.reply_count, call);
}

static void a_description_that_is_none_fails_all_who_wait_for_it(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int status;
    } table[] = {{"", CYAN_E_MALFORMED},
                 {"{", CYAN_E_MALFORMED},
                 {"[]", CYAN_E_MALFORMED},
                 {"7", CYAN_E_MALFORMED},
                 {"{\"f\":[\"led\"],\"v\":{\"te", CYAN_E_MALFORMED},
                 {"{\"v\":{},\"v\":{}}", CYAN_E_MALFORMED},
                 {"{\"f\":[\"\xff\"]}", CYAN_E_MALFORMED}};
    struct cyan_coap msg;
    uint64_t call = 0;
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        size_t before = ward.reply_count;
        ward_ask(&ward, actor, ++call, REQUEST_DESCRIBE, "", "");
        ward_ask(&ward, actor, ++call, REQUEST_VARIABLE, "temp", "");
        ward_hear(&peer, CYAN_MSG_DESCRIBE, &msg);
        ward_answer(&peer, &msg, table[i].text);
        yard_settle(&ward.upper.yard);
        assert_int_equal(ward.reply_count, before + 2);
        assert_int_equal(ward.replies[before].status, table[i].status);
        assert_int_equal(ward.replies[before + 1].status, table[i].status);
    }
    ward_ask(&ward, actor, ++call, REQUEST_FUNCTION, "led", "");
    ward_hear(&peer, CYAN_MSG_DESCRIBE, &msg);
    ward_say(&peer, CYAN_COAP_ACK, CYAN_COAP_BAD_REQUEST, msg.id, &msg, NULL, 0);
    ward_expect_reply(&ward, call, CYAN_E_REFUSED);
    ward_expect_silence(&ward, &peer);
}

static void odd_descriptions_have_no_names_and_break_nothing(void **state)
{
    (void)state;
    static const char *const texts[] = {"{}",
                                        "{\"f\":{},\"v\":[]}",
                                        "{\"f\":[1,null,[]],\"v\":7}",
                                        "{\"f\":\"led\",\"v\":{\"temp\":\"9\"}}",
                                        "{\"v\":{\"temp\":9.5}}",
                                        "{\"v\":{\"temp\":-9}}"};
    struct cyan_coap msg;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        ward_ask(&ward, actor, 10 + i, REQUEST_VARIABLE, "temp", "");
        ward_hear(&peer, CYAN_MSG_DESCRIBE, &msg);
        ward_answer(&peer, &msg, texts[i]);
        ward_expect_reply(&ward, 10 + i, CYAN_E_NOT_FOUND);
        ward_ask(&ward, actor, 20 + i, REQUEST_FUNCTION, "led", "");
        ward_expect_reply(&ward, 20 + i, CYAN_E_NOT_FOUND);
        description_drop(actor);
    }
}

static void a_separate_response_is_acknowledged_and_counts(void **state)
{
    (void)state;
    struct cyan_coap request, ack;
    ward_ask(&ward, actor, 1, REQUEST_DESCRIBE, "", "");
    ward_hear(&peer, CYAN_MSG_DESCRIBE, &request);
    uint8_t token = request.token[0];
    ward_say(&peer, CYAN_COAP_ACK, CYAN_COAP_EMPTY, request.id, NULL, NULL, 0);
    ward_expect_silence(&ward, &peer);
    assert_int_equal(ward.reply_count, 0);
    struct cyan_coap later = {.token = {token}, .token_len = 1};
    ward_say(&peer, CYAN_COAP_CON, CYAN_COAP_CONTENT, 0x7777, &later, ward_description,
             strlen(ward_description));
    ward_hear(&peer, CYAN_MSG_ACK, &ack);
    assert_int_equal(ack.id, 0x7777);
    ward_expect_reply(&ward, 1, 0);
}

static void the_result_of_a_function_comes_after_its_acknowledgement(void **state)
{
    (void)state;
    struct cyan_coap request;
    ward_call_led(&ward, actor, &peer, 1, "on", &request);
    struct cyan_coap copy = request;
    ward_say(&peer, CYAN_COAP_ACK, CYAN_COAP_EMPTY, copy.id, NULL, NULL, 0);
    ward_expect_silence(&ward, &peer);
    assert_int_equal(ward.reply_count, 0);
    ward_say(&peer, CYAN_COAP_NON, CYAN_COAP_CHANGED, 0x3030, &copy, "\xff\xff\xff\xfe", 4);
    ward_expect_reply(&ward, 1, 0);
    assert_int_equal(ward.replies[0].result, -2);
    /* A second result, and one without a token or with another length, change nothing. */
    ward_say(&peer, CYAN_COAP_NON, CYAN_COAP_CHANGED, 0x3031, &copy, "\0\0\0\1", 4);
    ward_say(&peer, CYAN_COAP_NON, CYAN_COAP_CHANGED, 0x3032, NULL, "\0\0\0\1", 4);
    ward_expect_silence(&ward, &peer);
    assert_int_equal(ward.reply_count, 1);
    ward_call_led(&ward, actor, &peer, 2, "", &request);
    copy = request;
    ward_say(&peer, CYAN_COAP_NON, CYAN_COAP_CHANGED, 0x3033, &copy, "\0\0\1", 3);
    ward_expect_reply(&ward, 2, CYAN_E_MALFORMED);
}

static void signal_says_on_and_off_and_hears_the_answer(void **state)
{
    (void)state;
    struct cyan_coap msg;
    for (int on = 0; on <= 1; on++) {
        requests_start(&ward.actors, actor, 5, REQUEST_SIGNAL, "", "", on == 1);
        ward_hear(&peer, CYAN_MSG_SIGNAL, &msg);
        ward_expect_option(&msg, 0, CYAN_COAP_URI_PATH, "s");
        struct cyan_coap_cursor cursor;
        struct cyan_coap_option option = {0};
        cyan_coap_options(&msg, &cursor);
        assert_true(cyan_coap_next(&cursor, &option) && cyan_coap_next(&cursor, &option));
        assert_int_equal(option.number, CYAN_COAP_URI_QUERY);
        assert_int_equal(option.len, 1);
        assert_int_equal(option.value[0], on);
        ward_say(&peer, CYAN_COAP_ACK, CYAN_COAP_CHANGED, msg.id, &msg, NULL, 0);
        ward_expect_reply(&ward, 5, 0);
    }
}

/* Firmware acknowledges a ping with an id of its own. */
static void a_ping_is_answered_by_an_acknowledgement_with_any_id(void **state)
{
    (void)state;
    struct cyan_coap ping, request;
    ward_call_led(&ward, actor, &peer, 1, "", &request);
    uint16_t function_id = request.id;
    ward_ask(&ward, actor, 2, REQUEST_PING, "", "");
    ward_ask(&ward, actor, 3, REQUEST_PING, "", "");
    ward_hear(&peer, CYAN_MSG_PING, &ping);
    ward_hear(&peer, CYAN_MSG_PING, &ping);
    ward_say(&peer, CYAN_COAP_ACK, CYAN_COAP_EMPTY, function_id, NULL, NULL, 0);
    ward_expect_silence(&ward, &peer);
    assert_int_equal(ward.reply_count, 0); /* that was the function's */
    ward_say(&peer, CYAN_COAP_ACK, CYAN_COAP_EMPTY, 0x4321, NULL, NULL, 0);
    ward_expect_reply(&ward, 2, 0);
    ward_say(&peer, CYAN_COAP_ACK, CYAN_COAP_EMPTY, 0x4322, NULL, NULL, 0);
    ward_expect_reply(&ward, 3, 0);
    ward_say(&peer, CYAN_COAP_ACK, CYAN_COAP_EMPTY, 0x4323, NULL, NULL, 0);
    ward_expect_silence(&ward, &peer);
    assert_int_equal(ward.reply_count, 2);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define CASE_B(name) cmocka_unit_test_setup_teardown(name, set_up_b, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_variable_is_asked_for_after_the_description),
        CASE_B(implementation_b_is_asked_for_all_parts),
        CASE(every_type_of_variable_is_passed_on_as_described),
        CASE(names_that_the_device_does_not_have_are_never_asked_for),
        CASE(a_description_that_is_none_fails_all_who_wait_for_it),
        CASE(odd_descriptions_have_no_names_and_break_nothing),
        CASE(a_separate_response_is_acknowledged_and_counts),
        CASE(the_result_of_a_function_comes_after_its_acknowledgement),
        CASE(signal_says_on_and_off_and_hears_the_answer),
        CASE(a_ping_is_answered_by_an_acknowledgement_with_any_id),
    };
    yard_quiet();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
