/* What a device does with the messages of an established session, byte by byte. */
#include <stdio.h>
#include <string.h>

#include "tests/unit/unit.h"
#include "tests/unit/world.h"
#include "wire/message.h"

static const struct cyan_client_profile *const profiles[] = {&cyan_profile_a, &cyan_profile_b};

#define BYTES(text) (text), sizeof(text) - 1

static struct world *online(const struct cyan_client_profile *profile)
{
    struct world *w = world_open(profile);
    world_connect(w);
    return w;
}

/* Sends one message and hears what comes of it. */
static void ask(struct world *w, const char *message, size_t len)
{
    world_send(w, message, len);
    world_poll(w);
    world_hear(w);
}

static void expect_message(const struct world *w, size_t index, const char *bytes, size_t len)
{
    assert_true(index < w->message_count);
    assert_int_equal(w->messages[index].len, len);
    assert_memory_equal(w->messages[index].bytes, bytes, len);
}

static void describe_tells_the_parts_that_were_asked_for(void **state)
{
    (void)state;
    static const char app[] = "\"f\":[\"led\"],\"v\":{\"temp\":9,\"count\":2,\"name\":4,\"on\":1}";
    static const char system[] = "\"p\":6,\"m\":[]";
    char expected[256];
    for (size_t i = 0; i < COUNT_OF(profiles); i++) {
        struct world *w = online(profiles[i]);
        ask(w, BYTES("\x41\x01\x12\x36\x02\xb1\x64"));
        int len =
            snprintf(expected, sizeof expected, "\x61\x45\x12\x36\x02\xff{%s,%s}", app, system);
        assert_int_equal(w->message_count, 1);
        expect_message(w, 0, expected, (size_t)len);

        ask(w, BYTES("\x41\x01\x12\x37\x02\xb1\x64\x41\x01"));
        len = snprintf(expected, sizeof expected, "\x61\x45\x12\x37\x02\xff{%s}", system);
        expect_message(w, 0, expected, (size_t)len);

        ask(w, BYTES("\x41\x01\x12\x38\x02\xb1\x64\x41\x02"));
        len = snprintf(expected, sizeof expected, "\x61\x45\x12\x38\x02\xff{%s}", app);
        expect_message(w, 0, expected, (size_t)len);
        world_close(w);
    }
}

static void variables_of_all_types_have_the_bytes_of_the_specification(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(profiles); i++) {
        struct world *w = online(profiles[i]);
        ask(w, BYTES("\x41\x01\x12\x38\x04\xb1\x76\x04temp"));
        expect_message(w, 0, BYTES("\x61\x45\x12\x38\x04\xff\x00\x00\x00\x00\x00\x80\x35\x40"));
        ask(w, BYTES("\x41\x01\x12\x39\x04\xb1\x76\x05"
                     "count"));
        expect_message(w, 0, BYTES("\x61\x45\x12\x39\x04\xff\x00\x00\x00\x2a"));
        ask(w, BYTES("\x41\x01\x12\x3a\x04\xb1\x76\x04name"));
        expect_message(w, 0,
                       BYTES("\x61\x45\x12\x3a\x04\xff"
                             "a photon"));
        ask(w, BYTES("\x41\x01\x12\x3b\x04\xb1\x76\x02on"));
        expect_message(w, 0, BYTES("\x61\x45\x12\x3b\x04\xff\x01"));
        ask(w, BYTES("\x41\x01\x12\x3c\x04\xb1\x76\x04nope"));
        expect_message(w, 0, BYTES("\x61\x84\x12\x3c\x04"));
        assert_int_equal(w->message_count, 1);
        world_close(w);
    }
}

static void a_text_that_does_not_fit_into_a_message_is_cut(void **state)
{
    (void)state;
    static char text[2000];
    memset(text, 'x', sizeof text - 1);
    const struct cyan_variable variable = {"name", CYAN_VALUE_STRING, text};
    struct world *w = online(&cyan_profile_a);
    w->application.variables = &variable;
    w->application.variable_count = 1;
    ask(w, BYTES("\x41\x01\x12\x3a\x04\xb1\x76\x04name"));
    assert_int_equal(w->messages[0].len, 782);
    assert_int_equal(w->messages[0].coap.payload_len, 776);
    world_close(w);
}

static void a_function_is_acknowledged_called_and_answered_under_a_new_id(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(profiles); i++) {
        struct world *w = online(profiles[i]);
        char result[] = "\x51\x44\x00\x00\x05\xff\x00\x00\x00\x07";
        uint16_t next = (uint16_t)(w->client.message_id + 1);
        ask(w, BYTES("\x41\x02\x12\x39\x05\xb1\x66\x03led\x42on"));
        assert_int_equal(w->message_count, 2);
        cyan_put_be16((uint8_t *)result + 2, next);
        expect_message(w, 0, BYTES("\x60\x00\x12\x39"));
        expect_message(w, 1, result, 10);
        assert_int_equal(w->calls, 1);
        assert_string_equal(w->argument, "on");
        ask(w, BYTES("\x41\x02\x12\x3a\x05\xb1\x66\x03led\x40"));
        assert_int_equal(w->calls, 2);
        assert_string_equal(w->argument, "");
        world_close(w);
    }
}

static void an_unknown_function_is_acknowledged_and_never_answered(void **state)
{
    (void)state;
    struct world *w = online(&cyan_profile_b);
    ask(w, BYTES("\x41\x02\x12\x39\x05\xb1\x66\x04nope\x42on"));
    assert_int_equal(w->message_count, 1);
    expect_message(w, 0, BYTES("\x60\x00\x12\x39"));
    world_close(w);
}

static void call_with_argument(struct world *w, size_t argument_len)
{
    uint8_t bytes[760];
    char text[701];
    struct cyan_writer writer;
    memset(text, 'a', argument_len);
    text[argument_len] = '\0';
    cyan_writer_init(&writer, bytes, sizeof bytes);
    cyan_function_write(&writer, 0x1239, 5, "led", text);
    assert_false(writer.failed);
    ask(w, (const char *)bytes, writer.len);
}

static void an_argument_above_the_limit_is_refused_and_nothing_called(void **state)
{
    (void)state;
    static const size_t limits[] = {63, 622};
    for (size_t i = 0; i < COUNT_OF(profiles); i++) {
        struct world *w = online(profiles[i]);
        call_with_argument(w, limits[i]);
        assert_int_equal(w->calls, 1);
        assert_int_equal(strlen(w->argument), limits[i]);
        call_with_argument(w, limits[i] + 1);
        assert_int_equal(w->calls, 1);
        assert_int_equal(w->message_count, 1);
        expect_message(w, 0, BYTES("\x60\x80\x12\x39"));
        world_close(w);
    }
}

static void requests_without_exactly_one_byte_of_token_get_no_answer(void **state)
{
    (void)state;
    struct world *w = online(&cyan_profile_b);
    ask(w, BYTES("\x40\x01\x12\x36\xb1\x64"));
    assert_int_equal(w->message_count, 0);
    ask(w, BYTES("\x42\x01\x12\x36\x01\x02\xb1\x64"));
    assert_int_equal(w->message_count, 0);
    ask(w, BYTES("\x40\x02\x12\x39\xb1\x66\x03led\x42on"));
    assert_int_equal(w->message_count, 0);
    assert_int_equal(w->calls, 0);
    world_close(w);
}

static void events_arrive_when_a_filter_is_a_prefix_of_their_name(void **state)
{
    (void)state;
    struct world *w = online(&cyan_profile_a);
    ask(w, BYTES("\x50\x02\x12\x3a\xb1\x65\x08photon/x\xffhi"));
    ask(w, BYTES("\x50\x02\x12\x3b\xb1\x45\x07photon/\x31\x3c\xff"));
    ask(w, BYTES("\x50\x02\x12\x3c\xb1\x65\x06photon"));
    ask(w, BYTES("\x50\x02\x12\x3d\xb1\x65\x04temp\xff"
                 "1"));
    ask(w, BYTES("\x50\x02\x12\x3e\xb1\x45\x05spark\x06"
                 "device\x03key\x07restore"));
    assert_int_equal(w->event_count, 3);
    assert_string_equal(w->events[0].name, "photon/x");
    assert_string_equal(w->event_data[0], "hi");
    assert_false(w->events[0].is_private);
    assert_string_equal(w->events[1].name, "photon/");
    assert_string_equal(w->event_data[1], "");
    assert_true(w->events[1].is_private);
    assert_string_equal(w->events[2].name, "spark/device/key/restore");
    assert_int_equal(w->message_count, 0);
    world_close(w);
}

static void an_event_with_a_token_is_lost_on_a_and_read_by_b(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(profiles); i++) {
        struct world *w = online(profiles[i]);
        ask(w, BYTES("\x51\x02\x12\x3a\x01\xb1\x65\x08photon/x\xffhi"));
        assert_int_equal(w->event_count, i);
        assert_int_equal(world_last_state(w), CYAN_CLIENT_CONNECTED);
        world_close(w);
    }
}

static void a_hangs_up_on_every_code_outside_its_table_and_b_on_none(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(profiles); i++) {
        for (unsigned code = 0; code < 256; code++) {
            struct world *w = online(profiles[i]);
            const char type = code == 0 || code >= 0x40 ? '\x60' : '\x50';
            char message[] = {type, (char)code, 0x12, 0x34};
            bool in_table = code == 0 || code == 0x45;
            w->state_count = 0;
            ask(w, message, sizeof message);
            if (i == 0 && !in_table) {
                /* GET, POST and PUT are known codes; here their path is not. */
                assert_true(w->state_count > 0);
                assert_int_equal(w->end.code, -1);
            } else {
                assert_int_equal(w->state_count, 0);
            }
            world_close(w);
        }
    }
}

static void a_takes_every_path_of_its_table_and_hangs_up_on_the_others(void **state)
{
    (void)state;
    static const char *const known[] = {"vd", "eEhfsuc", "kus"}; /* of GET, POST, PUT */
    for (unsigned code = 1; code <= 3; code++) {
        for (unsigned letter = 'A'; letter <= 'z'; letter++) {
            struct world *w = online(&cyan_profile_a);
            char message[] = {'\x41', (char)code, 0x12, 0x34, 9, '\xb1', (char)letter};
            bool stays = strchr(known[code - 1], (int)letter) != NULL;
            w->state_count = 0;
            ask(w, message, sizeof message);
            assert_int_equal(w->state_count == 0, stays);
            world_close(w);
        }
    }
}

static void pings_are_answered_with_their_id_by_a_and_an_own_one_by_b(void **state)
{
    (void)state;
    struct world *w = online(&cyan_profile_a);
    ask(w, BYTES("\x40\x00\x12\x40"));
    expect_message(w, 0, BYTES("\x60\x00\x12\x40"));
    world_close(w);

    w = online(&cyan_profile_b);
    uint16_t next = (uint16_t)(w->client.message_id + 1);
    ask(w, BYTES("\x40\x00\x12\x40"));
    assert_int_equal(w->messages[0].len, 4);
    assert_int_equal(w->messages[0].coap.type, CYAN_COAP_ACK);
    assert_int_equal(w->messages[0].coap.id, next);
    world_close(w);
}

static void the_signal_hides_everything_else_on_the_light_until_it_is_off(void **state)
{
    (void)state;
    struct world *w = online(&cyan_profile_a);
    ask(w, BYTES("\x41\x03\x12\x3d\x06\xb1s\x41\x01"));
    expect_message(w, 0, BYTES("\x61\x44\x12\x3d\x06"));
    assert_int_equal(cyan_client_led(&w->client), CYAN_LED_SIGNAL);
    ask(w, BYTES("\x41\x03\x12\x3e\x07\xb1s\x41\x00"));
    expect_message(w, 0, BYTES("\x61\x44\x12\x3e\x07"));
    assert_int_equal(cyan_client_led(&w->client), CYAN_LED_CLOUD_CONNECTED);
    /* It does not outlive its session. */
    ask(w, BYTES("\x41\x03\x12\x3d\x06\xb1s\x41\x01"));
    w->connect_result = CYAN_E_AGAIN;
    w->down_error = CYAN_E_CLOSED;
    world_poll(w);
    assert_int_equal(cyan_client_led(&w->client), CYAN_LED_CLOUD_CONNECTING);
    world_close(w);
}

static void an_update_is_refused_and_its_pieces_are_passed_over(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(profiles); i++) {
        struct world *w = online(profiles[i]);
        ask(w, BYTES("\x41\x02\x12\x40\x09\xb1u\xff\x01\x02\x00\x00\x00\x13\x88\x00\x00\x00\x00"
                     "\x00"));
        expect_message(w, 0, BYTES("\x60\x80\x12\x40"));
        ask(w, BYTES("\x41\x02\x12\x41\x0a\xb1"
                     "c\x44\x7c\x9c\xa3\x5a\xff\xde\xad\xbe\xef"));
        ask(w, BYTES("\x41\x03\x12\x60\x20\xb1u"));
        assert_int_equal(w->message_count, 0);
        assert_int_equal(world_last_state(w), CYAN_CLIENT_CONNECTED);
        world_close(w);
    }
}

static void the_time_is_told_once_and_only_for_the_token_that_asked(void **state)
{
    (void)state;
    struct world *w = online(&cyan_profile_a);
    uint8_t token = w->client.time_token;
    char answer[] = "\x61\x45\x20\x28?\xff\x5a\x49\x2f\x00";
    answer[4] = (char)(token + 1);
    ask(w, answer, 10);
    assert_int_equal(w->cloud_time, 0);
    answer[4] = (char)token;
    ask(w, answer, 10);
    assert_int_equal(w->cloud_time, 0x5a492f00);
    answer[6] = 0x11;
    ask(w, answer, 10);
    assert_int_equal(w->cloud_time, 0x5a492f00);
    world_close(w);
}

static int check(const struct cyan_application *app, const struct cyan_client_profile *profile)
{
    return cyan_application_check(app, profile, 6);
}

static void bad_tables_of_an_application_are_refused_at_the_start(void **state)
{
    (void)state;
    int32_t value = 0;
    struct cyan_variable variable = {"count", CYAN_VALUE_INT, &value};
    struct cyan_subscribe subscription = {.filter = "x", .scope = CYAN_SUBSCRIBE_ALL};
    struct cyan_application app = {.variables = &variable,
                                   .variable_count = 1,
                                   .subscriptions = &subscription,
                                   .subscription_count = 1};
    assert_int_equal(check(&app, &cyan_profile_a), 0);
    static const char *const bad[] = {"", "a b", "a\"b", "a\\b", "\x7f", "\x01", "13characters!"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        variable.name = bad[i];
        assert_int_equal(check(&app, &cyan_profile_a), CYAN_E_INVALID);
    }
    assert_int_equal(check(&app, &cyan_profile_b), 0);
    variable.type = (enum cyan_value_type)3;
    assert_int_equal(check(&app, &cyan_profile_b), CYAN_E_INVALID);
    variable.type = CYAN_VALUE_INT;
    subscription.filter[0] = '\0';
    assert_int_equal(check(&app, &cyan_profile_b), CYAN_E_INVALID);
    subscription.scope = CYAN_SUBSCRIBE_MINE;
    assert_int_equal(check(&app, &cyan_profile_b), 0);
}

static void a_description_must_fit_into_one_message_to_the_byte(void **state)
{
    (void)state;
    enum { MANY = 60 };
    int32_t value = 0;
    struct cyan_variable variables[MANY];
    char last[13] = "";
    size_t fits = 0;
    for (size_t i = 0; i < MANY; i++) {
        variables[i] = (struct cyan_variable){"abcdefghijkl", CYAN_VALUE_INT, &value};
    }
    struct cyan_application app = {.variables = variables};
    while (check(&app, &cyan_profile_a) == 0) {
        fits = app.variable_count++;
        assert_true(app.variable_count < MANY);
    }
    assert_true(fits > 40);
    /* The last name grows until the description is one byte too long. */
    variables[app.variable_count - 1].name = last;
    for (size_t len = 1; len <= 12; len++) {
        uint8_t text[1024];
        struct cyan_writer w;
        last[len - 1] = 'x';
        cyan_writer_init(&w, text, sizeof text);
        cyan_application_describe(&w, &app, 6, CYAN_DESCRIBE_ALL);
        assert_int_equal(check(&app, &cyan_profile_a), w.len <= 776 ? 0 : CYAN_E_TOO_LONG);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(describe_tells_the_parts_that_were_asked_for),
        cmocka_unit_test(variables_of_all_types_have_the_bytes_of_the_specification),
        cmocka_unit_test(a_text_that_does_not_fit_into_a_message_is_cut),
        cmocka_unit_test(a_function_is_acknowledged_called_and_answered_under_a_new_id),
        cmocka_unit_test(an_unknown_function_is_acknowledged_and_never_answered),
        cmocka_unit_test(an_argument_above_the_limit_is_refused_and_nothing_called),
        cmocka_unit_test(requests_without_exactly_one_byte_of_token_get_no_answer),
        cmocka_unit_test(events_arrive_when_a_filter_is_a_prefix_of_their_name),
        cmocka_unit_test(an_event_with_a_token_is_lost_on_a_and_read_by_b),
        cmocka_unit_test(a_hangs_up_on_every_code_outside_its_table_and_b_on_none),
        cmocka_unit_test(a_takes_every_path_of_its_table_and_hangs_up_on_the_others),
        cmocka_unit_test(pings_are_answered_with_their_id_by_a_and_an_own_one_by_b),
        cmocka_unit_test(the_signal_hides_everything_else_on_the_light_until_it_is_off),
        cmocka_unit_test(an_update_is_refused_and_its_pieces_are_passed_over),
        cmocka_unit_test(the_time_is_told_once_and_only_for_the_token_that_asked),
        cmocka_unit_test(bad_tables_of_an_application_are_refused_at_the_start),
        cmocka_unit_test(a_description_must_fit_into_one_message_to_the_byte),
    };
    return cmocka_run_group_tests_name("client_session", tests, NULL, NULL);
}
