/* What limits the requests of one device: their number, their time, their length. */
#include "server/actor/requests.h"

#include <string.h>
#include <sys/socket.h>

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

static void sixteen_requests_wait_with_tokens_of_their_own_and_the_17th_is_refused(void **state)
{
    (void)state;
    struct cyan_coap requests[ACTOR_REQUESTS_MAX];
    /* All sixteen wait for the description first. */
    for (uint64_t call = 1; call <= ACTOR_REQUESTS_MAX; call++) {
        ward_ask(&ward, actor, call, call % 2 ? REQUEST_VARIABLE : REQUEST_FUNCTION,
                 call % 2 ? "s" : "led", "");
    }
    ward_ask(&ward, actor, 17, REQUEST_PING, "", "");
    ward_expect_reply(&ward, 17, CYAN_E_FULL);
    ward_give_description(&ward, &peer);
    assert_int_equal(ward.reply_count, 1);
    for (size_t i = 0; i < COUNT_OF(requests); i++) {
        peer_hear(&peer, &requests[i]);
        for (size_t k = 0; k < i; k++) {
            assert_int_not_equal(requests[i].token[0], requests[k].token[0]);
            assert_int_not_equal(requests[i].id, requests[k].id);
        }
    }
    ward_ask(&ward, actor, 18, REQUEST_VARIABLE, "s", "");
    ward_expect_reply(&ward, 18, CYAN_E_FULL);
    /* Answered in any order, each answer finds its own. */
    for (size_t n = 0; n < COUNT_OF(requests); n++) {
        const struct cyan_coap *r = &requests[n * 7 % COUNT_OF(requests)];
        ward_say(&peer, CYAN_COAP_NON, CYAN_COAP_CHANGED, ++peer.last_id, r,
                 (const uint8_t[]){0, 0, 1, r->token[0]}, 4);
        yard_settle(&ward.upper.yard);
        const struct ward_reply *reply = &ward.replies[2 + n];
        assert_int_equal(ward.reply_count, 3 + n);
        assert_int_equal(reply->status, 0);
        assert_int_equal(reply->call % 2 ? reply->bytes[3] : reply->result - 256, r->token[0]);
    }
    ward_ask(&ward, actor, 19, REQUEST_PING, "", "");
    ward_say(&peer, CYAN_COAP_ACK, CYAN_COAP_EMPTY, 1, NULL, NULL, 0);
    ward_expect_reply(&ward, 19, 0);
}

static void tokens_stay_unique_when_they_wrap_around_a_request_that_waits(void **state)
{
    (void)state;
    struct cyan_coap first, msg;
    ward_call_led(&ward, actor, &peer, 1, "", &first);
    uint8_t waiting = first.token[0];
    for (uint64_t call = 2; call < 600; call++) {
        requests_start(&ward.actors, actor, call, REQUEST_SIGNAL, "", "", false);
        ward_hear(&peer, CYAN_MSG_SIGNAL, &msg);
        assert_int_not_equal(msg.token[0], waiting);
        ward_say(&peer, CYAN_COAP_ACK, CYAN_COAP_CHANGED, msg.id, &msg, NULL, 0);
        ward_expect_reply(&ward, call, 0);
        ward.reply_count = 0;
    }
}

static void a_request_without_an_answer_times_out_after_20_seconds_once(void **state)
{
    (void)state;
    struct cyan_coap request;
    ward_call_led(&ward, actor, &peer, 1, "", &request);
    struct cyan_coap copy = request;
    ward_stay_alive(&ward, &peer, ACTOR_REQUEST_MS - 200);
    assert_int_equal(ward.reply_count, 0);
    ward_stay_alive(&ward, &peer, 400);
    ward_expect_reply(&ward, 1, CYAN_E_TIMEOUT);
    ward_say(&peer, CYAN_COAP_NON, CYAN_COAP_CHANGED, 0x3030, &copy, "\0\0\0\1", 4);
    ward_stay_alive(&ward, &peer, 20000);
    assert_int_equal(ward.reply_count, 1);
}

static void without_a_description_all_who_wait_time_out_and_the_next_asks_again(void **state)
{
    (void)state;
    struct cyan_coap msg;
    for (uint64_t call = 1; call <= 5; call++) {
        ward_ask(&ward, actor, call, REQUEST_VARIABLE, "temp", "");
    }
    ward_hear(&peer, CYAN_MSG_DESCRIBE, &msg);
    ward_stay_alive(&ward, &peer, ACTOR_REQUEST_MS + 200);
    assert_int_equal(ward.reply_count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(ward.replies[i].status, CYAN_E_TIMEOUT);
    }
    ward_ask(&ward, actor, 6, REQUEST_DESCRIBE, "", "");
    ward_give_description(&ward, &peer);
    ward_expect_reply(&ward, 6, 0);
}

static void all_that_waits_is_offline_once_when_the_session_ends(void **state)
{
    (void)state;
    struct cyan_coap msg;
    ward_ask(&ward, actor, 1, REQUEST_PING, "", "");
    ward_ask(&ward, actor, 2, REQUEST_SIGNAL, "", "");
    ward_ask(&ward, actor, 3, REQUEST_DESCRIBE, "", "");
    ward_ask(&ward, actor, 4, REQUEST_VARIABLE, "temp", "");
    ward_hear(&peer, CYAN_MSG_PING, &msg);
    assert_int_equal(shutdown(peer.fd, SHUT_RDWR), 0);
    yard_settle(&ward.upper.yard);
    assert_int_equal(ward.reply_count, 4);
    unsigned seen = 0;
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(ward.replies[i].status, CYAN_E_OFFLINE);
        seen |= 1U << ward.replies[i].call;
    }
    assert_int_equal(seen, 2 + 4 + 8 + 16);
    yard_advance(&ward.upper.yard, 60000);
    assert_int_equal(ward.reply_count, 4);
}

static void one_description_serves_all_until_nobody_used_it_for_a_minute(void **state)
{
    (void)state;
    for (uint64_t call = 1; call <= 3; call++) {
        ward_ask(&ward, actor, call, REQUEST_DESCRIBE, "", "");
    }
    ward_give_description(&ward, &peer);
    ward_expect_silence(&ward, &peer);
    assert_int_equal(ward.reply_count, 3);
    for (uint64_t call = 4; call <= 8; call++) {
        ward_stay_alive(&ward, &peer, 25000);
        if (call % 2) {
            ward_ask(&ward, actor, call, REQUEST_DESCRIBE, "", "");
            ward_expect_reply(&ward, call, 0);
        }
    }
    ward_expect_silence(&ward, &peer);
    /* It was last used 25 seconds ago. */
    ward_stay_alive(&ward, &peer, 20000);
    ward_stay_alive(&ward, &peer, ACTOR_DESCRIPTION_KEEP_MS - 45000 - 200);
    assert_non_null(actor->description);
    ward_stay_alive(&ward, &peer, 400);
    assert_null(actor->description);
    ward_ask(&ward, actor, 9, REQUEST_DESCRIBE, "", "");
    ward_give_description(&ward, &peer);
    ward_expect_reply(&ward, 9, 0);
}

static void an_argument_that_the_device_refuses_is_too_long(void **state)
{
    (void)state;
    struct cyan_coap request;
    ward_call_led(&ward, actor, &peer, 1, "on", &request);
    struct cyan_coap copy = request;
    ward_say(&peer, CYAN_COAP_ACK, CYAN_COAP_BAD_REQUEST, copy.id, NULL, NULL, 0);
    ward_expect_reply(&ward, 1, CYAN_E_TOO_LONG);
    ward_say(&peer, CYAN_COAP_NON, CYAN_COAP_CHANGED, 0x3030, &copy, "\0\0\0\1", 4);
    ward_expect_silence(&ward, &peer);
    assert_int_equal(ward.reply_count, 1);
}

static void implementation_a_is_never_sent_an_argument_above_63_bytes(void **state)
{
    (void)state;
    struct cyan_coap request;
    char argument[65];
    memset(argument, 'a', sizeof argument);
    argument[63] = '\0';
    ward_call_led(&ward, actor, &peer, 1, argument, &request);
    argument[63] = 'a';
    argument[64] = '\0';
    ward_ask(&ward, actor, 2, REQUEST_FUNCTION, "led", argument);
    ward_expect_reply(&ward, 2, CYAN_E_TOO_LONG);
    ward_expect_silence(&ward, &peer);
}

static void implementation_b_is_sent_622_bytes_and_nothing_that_does_not_fit_a_frame(void **state)
{
    (void)state;
    struct cyan_coap request;
    char argument[801];
    memset(argument, 'a', sizeof argument);
    argument[CYAN_FUNCTION_ARG_MAX] = '\0';
    ward_call_led(&ward, actor, &peer, 1, argument, &request);
    memset(argument, 'a', sizeof argument);
    argument[800] = '\0';
    ward_ask(&ward, actor, 2, REQUEST_FUNCTION, "led", argument);
    ward_expect_reply(&ward, 2, CYAN_E_TOO_LONG);
    ward_expect_silence(&ward, &peer);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define CASE_B(name) cmocka_unit_test_setup_teardown(name, set_up_b, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(sixteen_requests_wait_with_tokens_of_their_own_and_the_17th_is_refused),
        CASE(tokens_stay_unique_when_they_wrap_around_a_request_that_waits),
        CASE(a_request_without_an_answer_times_out_after_20_seconds_once),
        CASE(without_a_description_all_who_wait_time_out_and_the_next_asks_again),
        CASE(all_that_waits_is_offline_once_when_the_session_ends),
        CASE(one_description_serves_all_until_nobody_used_it_for_a_minute),
        CASE(an_argument_that_the_device_refuses_is_too_long),
        CASE(implementation_a_is_never_sent_an_argument_above_63_bytes),
        CASE_B(implementation_b_is_sent_622_bytes_and_nothing_that_does_not_fit_a_frame),
    };
    yard_quiet();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
