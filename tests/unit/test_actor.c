/* What devices say by themselves, and how one session of a device follows another. */
#include "server/actor/actor.h"

#include <string.h>
#include <sys/socket.h>
#include <time.h>

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

static int tear_down(void **state)
{
    (void)state;
    peer_close(&peer);
    ward_close(&ward);
    return 0;
}

static void say_event(enum cyan_coap_type type, const char *name, const char *data, bool is_private)
{
    ward_say_event(&ward, &peer, type, name, data, is_private);
}

static void an_actor_lives_exactly_as_long_as_its_session(void **state)
{
    (void)state;
    uint64_t serial = ward.upper.session->serial;
    uint8_t other[CYAN_ID_LEN] = {0};
    assert_null(actors_find(&ward.actors, other));
    assert_memory_equal(actor->id, peer.id, CYAN_ID_LEN);
    assert_int_equal(actor->owner, ward.upper.owner);
    assert_int_equal(shutdown(peer.fd, SHUT_WR), 0);
    yard_settle(&ward.upper.yard);
    assert_null(actors_find(&ward.actors, peer.id));
    assert_int_equal(ward.gones, 1);
    assert_int_equal(ward.gone_serial, serial);
}

static void a_newer_session_closes_the_older_one_only_when_it_is_admitted(void **state)
{
    (void)state;
    struct peer newer;
    struct cyan_coap msg;
    uint64_t serial = ward.upper.session->serial;
    ward_ask(&ward, actor, 1, REQUEST_PING, "", "");
    ward_hear(&peer, CYAN_MSG_PING, &msg);

    ward.upper.admit = UPPER_SILENT;
    upper_peer(&ward.upper, &newer, 0x5A);
    peer_shake(&newer);
    peer_write_hello(&newer, true);
    peer_say(&newer);
    yard_settle(&ward.upper.yard);
    assert_int_equal(ward.upper.proven, 2);
    say_event(CYAN_COAP_CON, "still", "there", false);
    ward_expect_ack(&peer, peer.last_id);
    assert_ptr_equal(actors_find(&ward.actors, peer.id), actor);

    ward.upper.admit = UPPER_FULL;
    ward_hear(&newer, CYAN_MSG_HELLO, &msg);
    peer_expect_close(&peer);
    yard_settle(&ward.upper.yard);
    assert_int_equal(ward.upper.end, SESSION_END_DISPLACED);
    assert_int_equal(ward.gones, 1);
    assert_int_equal(ward.gone_serial, serial);
    ward_expect_reply(&ward, 1, CYAN_E_OFFLINE);
    const struct actor *now = actors_find(&ward.actors, peer.id);
    assert_non_null(now);
    assert_ptr_equal(now->session, ward.upper.session);
    assert_true(now->is_b);
    peer_close(&newer);
}

static void a_device_is_of_implementation_b_when_its_hello_says_so(void **state)
{
    (void)state;
    static const struct {
        struct cyan_hello hello;
        bool is_b;
    } table[] = {{{.flags = CYAN_HELLO_UPDATED}, false},
                 {{.flags = CYAN_HELLO_DIAGNOSTICS}, true},
                 {{.flags = CYAN_HELLO_DIAGNOSTICS | CYAN_HELLO_UPDATED}, true},
                 {{.extended = true}, true}};
    assert_false(actor->is_b);
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct peer other;
        struct cyan_coap msg;
        upper_peer(&ward.upper, &other, (uint8_t)(i + 1));
        peer_shake(&other);
        cyan_hello_write(peer_begin(&other), &table[i].hello);
        peer_say(&other);
        peer_hear(&other, &msg);
        assert_int_equal(actors_find(&ward.actors, other.id)->is_b, table[i].is_b);
        peer_close(&other);
    }
}

static void confirmable_events_are_acknowledged_and_others_hear_nothing(void **state)
{
    (void)state;
    static const char *const names[] = {
        "temp", "spark/device/claim/code", "a", "cyan", "cyanide", "cyan/hello", "cyan/proof"};
    unsigned events = 0;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        for (int is_private = 0; is_private <= 1; is_private++) {
            say_event(CYAN_COAP_CON, names[i], "21.5", is_private == 1);
            ward_expect_ack(&peer, peer.last_id);
            say_event(CYAN_COAP_NON, names[i], "", is_private == 1);
            ward_expect_silence(&ward, &peer);
            events += 2;
            assert_int_equal(ward.events, events);
            assert_string_equal(ward.event.name, names[i]);
            assert_int_equal(ward.event.is_private, is_private);
            assert_int_equal(ward.event.data_len, 0);
            assert_int_equal(ward.event_owner, ward.upper.owner);
            assert_memory_equal(ward.event_id, peer.id, CYAN_ID_LEN);
        }
    }
}

static void events_under_cyan_are_dropped_counted_and_never_answered(void **state)
{
    (void)state;
    static const char *const names[] = {"cyan/",       "cyan/key/changed", "cyan/hell",
                                        "cyan/hello2", "cyan/proof/",      "cyan/Hello"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        say_event(CYAN_COAP_CON, names[i], "x", true);
        say_event(CYAN_COAP_NON, names[i], "x", false);
        ward_expect_silence(&ward, &peer);
        assert_int_equal(ward.actors.dropped_events, 2 * (i + 1));
        assert_int_equal(actor->dropped_events, 2 * (i + 1));
    }
    assert_int_equal(ward.events, 0);
}

static void an_event_that_the_hub_cannot_take_is_dropped_counted_and_not_acknowledged(void **state)
{
    (void)state;
    ward.hub_is_behind = true;
    say_event(CYAN_COAP_CON, "temp", "x", true);
    ward_expect_silence(&ward, &peer);
    assert_int_equal(ward.actors.dropped_events, 1);
    assert_int_equal(ward.events, 0);
}

static void an_event_that_cannot_be_read_is_dropped_without_an_answer(void **state)
{
    (void)state;
    /* No name; a control character in it; a Max-Age of five bytes. */
    static const struct {
        size_t len;
        uint8_t bytes[16];
    } table[] = {{6, {0x40, 2, 0x20, 1, 0xb1, 'e'}},
                 {9, {0x40, 2, 0x20, 1, 0xb1, 'e', 2, 'a', 7}},
                 {14, {0x40, 2, 0x20, 1, 0xb1, 'e', 1, 'a', 0x35, 1, 2, 3, 4, 5}}};
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        cyan_write_bytes(peer_begin(&peer), table[i].bytes, table[i].len);
        peer_say(&peer);
        ward_expect_silence(&ward, &peer);
        assert_int_equal(ward.actors.dropped_events, i + 1);
    }
    assert_int_equal(ward.events, 0);
}

static void a_ping_is_acknowledged_and_so_is_what_we_do_not_know(void **state)
{
    (void)state;
    /* A ping; a path that nobody knows; chunk missed; update done; Hello again. */
    static const struct {
        size_t len;
        uint8_t bytes[16];
    } table[] = {{4, {0x40, 0, 0x20, 1}},
                 {6, {0x40, 2, 0x20, 2, 0xb1, 'q'}},
                 {9, {0x40, 1, 0x20, 3, 0xb1, 'c', 0xff, 0, 3}},
                 {6, {0x40, 3, 0x20, 4, 0xb1, 'u'}},
                 {6, {0x40, 2, 0x20, 5, 0xb1, 'h'}},
                 {4, {0x40, 5, 0x20, 6}}};
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        uint8_t bytes[16];
        memcpy(bytes, table[i].bytes, sizeof bytes);
        cyan_write_bytes(peer_begin(&peer), bytes, table[i].len);
        peer_say(&peer);
        ward_expect_ack(&peer, (uint16_t)(0x2000 + bytes[3]));
        bytes[0] |= 0x10; /* the same as NON */
        if (bytes[1] != 0) {
            cyan_write_bytes(peer_begin(&peer), bytes, table[i].len);
            peer_say(&peer);
        }
        ward_expect_silence(&ward, &peer);
    }
}

static void resets_and_stray_answers_change_nothing(void **state)
{
    (void)state;
    static const struct cyan_coap stray = {.token = {9}, .token_len = 1};
    ward_say(&peer, CYAN_COAP_RST, CYAN_COAP_EMPTY, 0x1234, NULL, NULL, 0);
    ward_say(&peer, CYAN_COAP_ACK, CYAN_COAP_EMPTY, 0x1234, NULL, NULL, 0);
    ward_say(&peer, CYAN_COAP_ACK, CYAN_COAP_BAD_REQUEST, 0x1234, NULL, NULL, 0);
    ward_say(&peer, CYAN_COAP_ACK, CYAN_COAP_CONTENT, 0x1234, &stray, "{}", 2);
    ward_say(&peer, CYAN_COAP_NON, CYAN_COAP_CHANGED, 0x1234, &stray, "\0\0\0\1", 4);
    ward_expect_silence(&ward, &peer);
    assert_int_equal(ward.reply_count, 0);
    ward_say(&peer, CYAN_COAP_CON, CYAN_COAP_CONTENT, 0x4321, &stray, "{}", 2);
    ward_expect_ack(&peer, 0x4321);
}

static void the_time_is_told_in_seconds_under_the_same_id_and_token(void **state)
{
    (void)state;
    struct cyan_coap msg;
    uint32_t seconds = 0;
    for (unsigned token = 0; token < 256; token += 51) {
        cyan_time_request_write(peer_begin(&peer), ++peer.last_id, (uint8_t)token);
        peer_say(&peer);
        time_t before = time(NULL);
        ward_hear(&peer, CYAN_MSG_RESPONSE, &msg);
        assert_int_equal(msg.id, peer.last_id);
        assert_int_equal(msg.token_len, 1);
        assert_int_equal(msg.token[0], token);
        assert_int_equal(cyan_time_answer_read(&msg, &seconds), 0);
        assert_in_range(seconds, before, time(NULL));
    }
}

static void goodbye_ends_the_session_at_once(void **state)
{
    (void)state;
    cyan_goodbye_write(peer_begin(&peer), ++peer.last_id);
    peer_say(&peer);
    peer_expect_close(&peer);
    yard_settle(&ward.upper.yard);
    assert_int_equal(ward.upper.end, SESSION_END_PEER);
    assert_int_equal(ward.gones, 1);
}

static void news_of_a_living_device_is_passed_on_every_10_seconds_at_most(void **state)
{
    (void)state;
    for (unsigned second = 1; second <= 35; second++) {
        ward_stay_alive(&ward, &peer, 1000);
        ward_stay_alive(&ward, &peer, 0);
        assert_int_equal(ward.heards, second / 10);
    }
}

static void say_subscribe(const char *filter, enum cyan_subscribe_scope scope, const char *device)
{
    struct cyan_subscribe subscribe = {.scope = scope};
    memcpy(subscribe.filter, filter, strlen(filter) + 1);
    memcpy(subscribe.device, device, strlen(device) + 1);
    cyan_subscribe_write(peer_begin(&peer), ++peer.last_id, &subscribe);
    peer_say(&peer);
    yard_settle(&ward.upper.yard);
}

static void sixteen_subscriptions_are_acknowledged_and_no_more(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) { /* the cloud's own events do not count */
        say_subscribe(i % 2 ? "spark" : "particle/x", CYAN_SUBSCRIBE_ALL, "");
        ward_expect_ack(&peer, peer.last_id);
    }
    assert_int_equal(ward.subscribeds, 0);
    for (int i = 0; i < ACTOR_SUBSCRIPTIONS_MAX; i++) {
        say_subscribe("temp", CYAN_SUBSCRIBE_MINE, "");
        ward_expect_ack(&peer, peer.last_id);
    }
    assert_int_equal(ward.subscribeds, 1);
    say_subscribe("temp", CYAN_SUBSCRIBE_MINE, "");
    ward_expect_silence(&ward, &peer);
    assert_int_equal(actor->subscription_count, ACTOR_SUBSCRIPTIONS_MAX);
}

static void a_subscription_that_cannot_be_read_is_not_acknowledged(void **state)
{
    (void)state;
    say_subscribe("", CYAN_SUBSCRIBE_ALL, "");
    say_subscribe("temp", CYAN_SUBSCRIBE_DEVICE, "12345");
    say_subscribe("temp", CYAN_SUBSCRIBE_DEVICE, "12345678901x");
    ward_expect_silence(&ward, &peer);
    assert_int_equal(actor->subscription_count, 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(an_actor_lives_exactly_as_long_as_its_session),
        CASE(a_newer_session_closes_the_older_one_only_when_it_is_admitted),
        CASE(a_device_is_of_implementation_b_when_its_hello_says_so),
        CASE(confirmable_events_are_acknowledged_and_others_hear_nothing),
        CASE(events_under_cyan_are_dropped_counted_and_never_answered),
        CASE(an_event_that_the_hub_cannot_take_is_dropped_counted_and_not_acknowledged),
        CASE(an_event_that_cannot_be_read_is_dropped_without_an_answer),
        CASE(a_ping_is_acknowledged_and_so_is_what_we_do_not_know),
        CASE(resets_and_stray_answers_change_nothing),
        CASE(the_time_is_told_in_seconds_under_the_same_id_and_token),
        CASE(goodbye_ends_the_session_at_once),
        CASE(news_of_a_living_device_is_passed_on_every_10_seconds_at_most),
        CASE(sixteen_subscriptions_are_acknowledged_and_no_more),
        CASE(a_subscription_that_cannot_be_read_is_not_acknowledged),
    };
    yard_quiet();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
