/* How a device keeps a session alive, publishes in it, and ends it. */
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

static void a_ping_goes_out_15_s_after_the_last_message_that_came(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(profiles); i++) {
        struct world *w = online(profiles[i]);
        world_pass_ms(w, 9000);
        ask(w, BYTES("\x60\x00\x20\x22"));
        assert_int_equal(cyan_client_wait_ms(&w->client), 15000);
        world_pass_ms(w, 14999);
        world_hear(w);
        assert_int_equal(w->message_count, 0);
        world_pass_ms(w, 1);
        world_hear(w);
        assert_int_equal(w->message_count, 1);
        assert_int_equal(w->messages[0].len, 4);
        assert_int_equal(w->messages[0].bytes[0], 0x40);
        assert_int_equal(w->messages[0].bytes[1], 0);
        /* An answer keeps the session for another 15 s. */
        world_pass_ms(w, 9999);
        ask(w, BYTES("\x60\x00\x00\x00"));
        world_pass_ms(w, 14999);
        world_hear(w);
        assert_int_equal(w->message_count, 0);
        assert_int_equal(world_last_state(w), CYAN_CLIENT_CONNECTED);
        world_close(w);
    }
}

static void a_ping_without_any_answer_for_10_s_ends_the_session(void **state)
{
    (void)state;
    static const int codes[] = {-1, 1};
    for (size_t i = 0; i < COUNT_OF(profiles); i++) {
        struct world *w = online(profiles[i]);
        world_pass_ms(w, 15000);
        assert_int_equal(cyan_client_wait_ms(&w->client), 10000);
        world_pass_ms(w, 9999);
        assert_int_equal(world_last_state(w), CYAN_CLIENT_CONNECTED);
        w->connect_result = CYAN_E_AGAIN;
        world_pass_ms(w, 1);
        assert_int_equal(w->end.code, codes[i]);
        assert_int_equal(w->end.err, CYAN_E_TIMEOUT);
        /* Sought again at once. */
        assert_int_equal(world_last_state(w), CYAN_CLIENT_CONNECTING);
        world_close(w);
    }
}

static void every_own_message_has_the_next_id_and_answers_spend_none(void **state)
{
    (void)state;
    struct world *w = online(&cyan_profile_a);
    const struct cyan_event event = {.name = "tick", .ttl = 60, .is_private = true};
    uint16_t id = w->client.message_id;
    for (unsigned i = 0; i < 70000; i += 500) {
        w->client.message_id = (uint16_t)(id + i);
        ask(w, BYTES("\x41\x01\x12\x38\x04\xb1\x76\x04temp"));
        assert_int_equal(w->messages[0].coap.id, 0x1238);
        assert_int_equal(cyan_client_publish(&w->client, &event, false, NULL), 0);
        assert_int_equal(cyan_client_publish(&w->client, &event, false, NULL), 0);
        world_poll(w);
        world_hear(w);
        assert_int_equal(w->messages[0].coap.id, (uint16_t)(id + i + 1));
        assert_int_equal(w->messages[1].coap.id, (uint16_t)(id + i + 2));
    }
    world_close(w);
}

static void publishing_has_the_limits_of_the_implementation(void **state)
{
    (void)state;
    static const size_t data_limits[] = {255, 622}, name_limits[] = {63, 64};
    static const uint8_t data[700];
    for (size_t i = 0; i < COUNT_OF(profiles); i++) {
        struct world *w = world_open(profiles[i]);
        struct cyan_event event = {.name = "x", .data = data, .data_len = 1, .ttl = 60};
        assert_int_equal(cyan_client_publish(&w->client, &event, false, NULL), CYAN_E_OFFLINE);
        world_connect(w);
        event.data_len = data_limits[i];
        memset(event.name, 'n', name_limits[i]);
        assert_int_equal(cyan_client_publish(&w->client, &event, false, NULL), 0);
        world_poll(w);
        world_hear(w);
        const struct world_message *m = world_find(w, CYAN_MSG_EVENT);
        assert_int_equal(m->coap.payload_len, data_limits[i]);
        event.data_len++;
        assert_int_equal(cyan_client_publish(&w->client, &event, false, NULL), CYAN_E_TOO_LONG);
        event.data_len = 0;
        event.name[0] = '\n';
        assert_int_equal(cyan_client_publish(&w->client, &event, false, NULL), CYAN_E_INVALID);
        event.name[0] = '\0';
        assert_int_equal(cyan_client_publish(&w->client, &event, false, NULL), CYAN_E_INVALID);
        world_close(w);
    }
}

static uint16_t publish_confirmed(struct world *w)
{
    const struct cyan_event event = {.name = "x", .ttl = 300, .is_private = true};
    uint16_t id = 0;
    assert_int_equal(cyan_client_publish(&w->client, &event, true, &id), 0);
    return id;
}

static void a_confirmed_event_ends_in_exactly_one_word_to_the_application(void **state)
{
    (void)state;
    struct world *w = online(&cyan_profile_b);
    char ack[] = "\x60\x00??";
    uint16_t id = publish_confirmed(w);
    world_poll(w);
    world_hear(w);
    assert_int_equal(w->messages[0].bytes[0], 0x40);
    cyan_put_be16((uint8_t *)ack + 2, (uint16_t)(id + 1));
    ask(w, ack, 4);
    assert_int_equal(w->published, 0);
    cyan_put_be16((uint8_t *)ack + 2, id);
    ask(w, ack, 4);
    ask(w, ack, 4);
    assert_int_equal(w->published, 1);
    assert_int_equal(w->published_id, id);
    assert_int_equal(w->published_err, 0);

    id = publish_confirmed(w);
    ack[1] = '\x80';
    cyan_put_be16((uint8_t *)ack + 2, id);
    ask(w, ack, 4);
    assert_int_equal(w->published_err, CYAN_E_REFUSED);

    id = publish_confirmed(w);
    world_pass_ms(w, 14000);
    ask(w, BYTES("\x60\x00\x00\x00"));
    world_pass_ms(w, 5999);
    assert_int_equal(w->published, 2);
    world_pass_ms(w, 1);
    assert_int_equal(w->published, 3);
    assert_int_equal(w->published_id, id);
    assert_int_equal(w->published_err, CYAN_E_TIMEOUT);
    world_close(w);
}

static void unconfirmed_events_are_bounded_and_told_when_the_session_ends(void **state)
{
    (void)state;
    const struct cyan_event event = {.name = "x", .ttl = 60};
    struct world *w = online(&cyan_profile_a);
    for (int i = 0; i < CYAN_CLIENT_UNCONFIRMED; i++) {
        publish_confirmed(w);
        world_poll(w);
    }
    assert_int_equal(cyan_client_publish(&w->client, &event, true, NULL), CYAN_E_FULL);
    assert_int_equal(cyan_client_publish(&w->client, &event, false, NULL), 0);
    w->down_error = CYAN_E_RESET;
    world_poll(w);
    assert_int_equal(w->published, CYAN_CLIENT_UNCONFIRMED);
    assert_int_equal(w->published_err, CYAN_E_CLOSED);
    world_close(w);
}

/* Hello, events, requests and a ping in one stream. */
static void send_a_bit_of_everything(struct world *w)
{
    world_send(w, BYTES("\x50\x02\x12\x3a\xb1\x65\x08photon/x\xffhi"));
    world_send(w, BYTES("\x41\x01\x12\x36\x02\xb1\x64"));
    world_send(w, BYTES("\x41\x01\x12\x38\x04\xb1\x76\x04temp"));
    world_send(w, BYTES("\x41\x02\x12\x39\x05\xb1\x66\x03led\x42on"));
    world_send(w, BYTES("\x40\x00\x12\x40"));
}

static void the_stream_may_be_cut_at_every_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(profiles); i++) {
        size_t total = 1;
        for (size_t cut = 0; cut <= total; cut++) {
            struct world *w = online(profiles[i]);
            send_a_bit_of_everything(w);
            total = w->down_len;
            size_t behind = total - cut;
            w->down_len = cut;
            uint8_t rest[1024];
            assert_true(behind <= sizeof rest);
            memcpy(rest, w->down + cut, behind);
            world_poll(w);
            world_put(w, rest, behind);
            world_poll(w);
            world_hear(w);
            assert_int_equal(w->event_count, 1);
            assert_int_equal(w->message_count, 5);
            assert_int_equal(w->calls, 1);
            world_close(w);
        }
        assert_true(total > 100);
    }
}

static void a_frame_of_a_wrong_length_ends_the_session(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(profiles); i++) {
        for (unsigned len = 0; len <= UINT16_MAX; len += len < 820 ? 1 : 4099) {
            struct world *w = online(profiles[i]);
            uint8_t header[2];
            cyan_put_be16(header, (uint16_t)len);
            bool good = len > 0 && len % 16 == 0 && len <= (i == 0 ? 800U : 782U);
            w->state_count = 0;
            world_put(w, header, sizeof header);
            world_poll(w);
            assert_int_equal(w->state_count == 0, good);
            if (!good && i == 1) {
                assert_int_equal(w->end.code, len > 782 && len % 16 == 0 ? 4 : 5);
            }
            world_close(w);
        }
    }
}

static void a_frame_that_deciphers_to_rubbish_ends_the_session(void **state)
{
    (void)state;
    static const int codes[] = {-1, 5};
    static const uint8_t frame[18] = {0, 16, 0x5A};
    for (size_t i = 0; i < COUNT_OF(profiles); i++) {
        struct world *w = online(profiles[i]);
        w->connect_result = CYAN_E_AGAIN;
        world_put(w, frame, sizeof frame);
        world_poll(w);
        assert_int_equal(w->end.code, codes[i]);
        assert_int_equal(world_last_state(w), CYAN_CLIENT_CONNECTING);
        world_close(w);
    }
}

static void a_frame_that_holds_no_message_ends_the_session(void **state)
{
    (void)state;
    static const int codes[] = {-1, 5};
    static const char *const rubbish[] = {"x", "\x10\x02\x12\x34", "\x49\x02\x12\x34",
                                          "\x50\x02\x12\x34\xb5"};
    for (size_t i = 0; i < COUNT_OF(profiles); i++) {
        for (size_t k = 0; k < COUNT_OF(rubbish); k++) {
            struct world *w = online(profiles[i]);
            w->connect_result = CYAN_E_AGAIN;
            world_send(w, rubbish[k], strlen(rubbish[k]));
            world_poll(w);
            assert_int_equal(w->end.code, codes[i]);
            assert_int_equal(world_last_state(w), CYAN_CLIENT_CONNECTING);
            world_close(w);
        }
    }
}

static void a_cloud_that_does_not_read_loses_no_answer_and_is_not_read_on(void **state)
{
    (void)state;
    struct world *w = online(&cyan_profile_b);
    w->send_error = CYAN_E_AGAIN;
    for (unsigned i = 0; i < 40; i++) {
        world_send(w, BYTES("\x41\x01\x12\x36\x02\xb1\x64"));
    }
    world_poll(w);
    assert_true(w->down_len > 0);
    assert_false(cyan_client_wants_to_receive(&w->client));
    assert_true(cyan_client_wants_to_send(&w->client));
    w->send_error = 0;
    for (unsigned i = 0; i < 40 && w->down_len > 0; i++) {
        world_poll(w);
    }
    world_hear(w);
    assert_int_equal(w->message_count, 40);
    world_close(w);
}

static void a_cloud_that_takes_nothing_for_20_s_is_left(void **state)
{
    (void)state;
    static const int codes[] = {-1, 22};
    for (size_t i = 0; i < COUNT_OF(profiles); i++) {
        struct world *w = online(profiles[i]);
        world_pass_ms(w, 10000);
        w->send_error = CYAN_E_AGAIN;
        world_send(w, BYTES("\x40\x00\x12\x40"));
        world_poll(w);
        world_pass_ms(w, 12000);
        world_send(w, BYTES("\x60\x00\x00\x00"));
        world_pass_ms(w, 7999);
        assert_int_equal(world_last_state(w), CYAN_CLIENT_CONNECTED);
        assert_int_equal(cyan_client_wait_ms(&w->client), 1);
        w->connect_result = CYAN_E_AGAIN;
        world_pass_ms(w, 1);
        assert_int_equal(w->end.step, CYAN_STEP_SEND);
        assert_int_equal(w->end.code, codes[i]);
        world_close(w);
    }
}

static void stopping_says_goodbye_on_b_and_waits_for_the_end_of_the_stream(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(profiles); i++) {
        struct world *w = online(profiles[i]);
        cyan_client_stop(&w->client);
        world_poll(w);
        world_hear(w);
        assert_int_equal(w->message_count, i);
        if (i == 1) {
            assert_memory_equal(w->messages[0].bytes + 4, "\xb1x\xd0\xea\xff\x01\x02", 7);
        }
        assert_int_equal(w->finishes, 1);
        assert_int_equal(world_last_state(w), CYAN_CLIENT_STOPPING);
        w->down_error = CYAN_E_CLOSED;
        world_poll(w);
        assert_int_equal(world_last_state(w), CYAN_CLIENT_STOPPED);
        assert_int_equal(w->finishes, 1);
        world_close(w);
    }
}

static void stopping_ends_after_two_seconds_whatever_the_cloud_does(void **state)
{
    (void)state;
    struct world *w = online(&cyan_profile_b);
    cyan_client_stop(&w->client);
    world_pass_ms(w, 1999);
    world_put(w, "still talking", 13);
    world_poll(w);
    assert_int_equal(world_last_state(w), CYAN_CLIENT_STOPPING);
    world_pass_ms(w, 1);
    assert_int_equal(world_last_state(w), CYAN_CLIENT_STOPPED);
    assert_int_equal(cyan_client_wait_ms(&w->client), UINT32_MAX);
    cyan_client_start(&w->client);
    world_connect(w);
    world_close(w);
}

static void stopping_a_try_that_is_under_way_ends_it_at_once(void **state)
{
    (void)state;
    struct world *w = world_open(&cyan_profile_a);
    world_poll(w);
    world_send_nonce(w);
    world_poll(w);
    cyan_client_stop(&w->client);
    assert_int_equal(world_last_state(w), CYAN_CLIENT_STOPPED);
    assert_int_equal(w->closes, 1);
    world_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ping_goes_out_15_s_after_the_last_message_that_came),
        cmocka_unit_test(a_ping_without_any_answer_for_10_s_ends_the_session),
        cmocka_unit_test(every_own_message_has_the_next_id_and_answers_spend_none),
        cmocka_unit_test(publishing_has_the_limits_of_the_implementation),
        cmocka_unit_test(a_confirmed_event_ends_in_exactly_one_word_to_the_application),
        cmocka_unit_test(unconfirmed_events_are_bounded_and_told_when_the_session_ends),
        cmocka_unit_test(the_stream_may_be_cut_at_every_byte),
        cmocka_unit_test(a_frame_of_a_wrong_length_ends_the_session),
        cmocka_unit_test(a_frame_that_deciphers_to_rubbish_ends_the_session),
        cmocka_unit_test(a_frame_that_holds_no_message_ends_the_session),
        cmocka_unit_test(a_cloud_that_does_not_read_loses_no_answer_and_is_not_read_on),
        cmocka_unit_test(a_cloud_that_takes_nothing_for_20_s_is_left),
        cmocka_unit_test(stopping_says_goodbye_on_b_and_waits_for_the_end_of_the_stream),
        cmocka_unit_test(stopping_ends_after_two_seconds_whatever_the_cloud_does),
        cmocka_unit_test(stopping_a_try_that_is_under_way_ends_it_at_once),
    };
    return cmocka_run_group_tests_name("client_link", tests, NULL, NULL);
}
