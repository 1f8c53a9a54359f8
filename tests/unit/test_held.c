/* What a held device may say and be asked (docs/SPEC-custody.md, "Held sessions"). */
#include <string.h>
#include <sys/socket.h>

#include "server/net/log.h"
#include "tests/unit/unit.h"
#include "tests/unit/ward.h"

static struct ward ward;
static struct peer peer;
static struct actor *actor;

static int set_up(void **state)
{
    (void)state;
    ward_open(&ward);
    actor = ward_held_device(&ward, &peer, 0x5A);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    peer_close(&peer);
    ward_close(&ward);
    return 0;
}

static void say(enum cyan_coap_type type, const char *name, const char *data)
{
    ward_say_event(&ward, &peer, type, name, data, true);
}

static void it_is_not_found_by_its_id_and_gone_is_told_when_it_ends(void **state)
{
    (void)state;
    uint64_t serial = ward.upper.session->serial;
    assert_null(actors_find(&ward.actors, peer.id));
    assert_int_equal(actor->owner, 0);
    assert_int_equal(ward.upper.lived, 0);
    assert_int_equal(shutdown(peer.fd, SHUT_WR), 0);
    yard_settle(&ward.upper.yard);
    assert_int_equal(ward.gones, 1);
    assert_int_equal(ward.gone_serial, serial);
    assert_int_equal(ward.upper.failures, 0);
}

static void full_and_held_sessions_of_one_id_do_not_disturb_each_other(void **state)
{
    (void)state;
    struct peer full, newer, held;
    const struct actor *older = ward_device(&ward, &full, 0x5A, false);
    assert_ptr_equal(actors_find(&ward.actors, full.id), older);
    (void)ward_held_device(&ward, &held, 0x5A);
    assert_ptr_equal(actors_find(&ward.actors, full.id), older);
    ward_say_event(&ward, &full, CYAN_COAP_CON, "still", "here", false);
    ward_expect_ack(&full, full.last_id);

    const struct actor *now = ward_device(&ward, &newer, 0x5A, false);
    peer_expect_close(&full); /* the full one alone gives way */
    assert_ptr_equal(actors_find(&ward.actors, full.id), now);
    struct peer *both[] = {&peer, &held};
    for (size_t i = 0; i < COUNT_OF(both); i++) {
        cyan_ping_write(peer_begin(both[i]), ++both[i]->last_id);
        peer_say(both[i]);
        ward_expect_ack(both[i], both[i]->last_id);
    }
    peer_close(&held); /* and its end takes nothing away */
    yard_settle(&ward.upper.yard);
    assert_ptr_equal(actors_find(&ward.actors, full.id), now);
    peer_close(&full);
    peer_close(&newer);
}

static void ping_and_time_are_answered_and_what_we_do_not_know_is_not(void **state)
{
    (void)state;
    static const uint8_t unknown[] = {0x40, 2, 0x20, 2, 0xb1, 'q'};
    struct cyan_coap msg;
    uint32_t seconds = 0;
    cyan_ping_write(peer_begin(&peer), ++peer.last_id);
    peer_say(&peer);
    ward_expect_ack(&peer, peer.last_id);
    cyan_time_request_write(peer_begin(&peer), ++peer.last_id, 7);
    peer_say(&peer);
    ward_hear(&peer, CYAN_MSG_RESPONSE, &msg);
    assert_int_equal(cyan_time_answer_read(&msg, &seconds), 0);
    assert_in_range(seconds, clock_now_ms() / 1000 - 60, clock_now_ms() / 1000 + 60);
    cyan_write_bytes(peer_begin(&peer), unknown, sizeof unknown);
    peer_say(&peer);
    ward_expect_silence(&ward, &peer);
}

static void its_events_are_dropped_counted_and_never_acknowledged(void **state)
{
    (void)state;
    static const char *const names[] = {
        "temp",        "a",         "spar",        "cyan",
        "cyan/",       "cyan/hell", "cyan/proofs", "cyan/key/pending",
        "Spark/hello", "xspark/foo"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        say(CYAN_COAP_CON, names[i], "x");
        say(CYAN_COAP_NON, names[i], "");
        ward_expect_silence(&ward, &peer);
        assert_int_equal(actor->dropped_events, 2 * (i + 1));
        assert_int_equal(ward.actors.dropped_events, 2 * (i + 1));
    }
    assert_int_equal(ward.events + ward.held_events, 0);
}

static void what_custody_wants_to_know_is_read_at_once(void **state)
{
    (void)state;
    static const char *const names[] = {"spark/device/claim/code", "cyan/hello", "cyan/proof",
                                        "spark/device/last_reset"};
    unsigned told = 0;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        for (int con = 0; con <= 1; con++) {
            say(con ? CYAN_COAP_CON : CYAN_COAP_NON, names[i], con ? "con" : "non");
            if (con) {
                ward_expect_ack(&peer, peer.last_id);
            }
            ward_expect_silence(&ward, &peer);
            assert_int_equal(ward.held_events, ++told);
            assert_string_equal(ward.event.name, names[i]);
            assert_int_equal(ward.event.data_len, 3);
            assert_memory_equal(ward.event_data, con ? "con" : "non", 3);
            assert_memory_equal(ward.event_id, peer.id, CYAN_ID_LEN);
        }
    }
    assert_int_equal(ward.events, 0);
    assert_int_equal(actor->dropped_events, 0);
}

static void what_the_hub_cannot_read_now_is_dropped_and_not_acknowledged(void **state)
{
    (void)state;
    ward.hub_is_behind = true;
    say(CYAN_COAP_CON, "cyan/proof", "x");
    say(CYAN_COAP_CON, "spark/device/claim/code", "x");
    ward_expect_silence(&ward, &peer);
    assert_int_equal(actor->dropped_events, 2);
    say(CYAN_COAP_CON, "spark/device/last_reset", "x"); /* it is kept all the same */
    ward_expect_ack(&peer, peer.last_id);
}

static void what_one_session_can_make_the_hub_read_has_an_end(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ACTOR_HELD_READ_MAX; i++) {
        say(CYAN_COAP_CON, "cyan/hello", "again");
        ward_expect_ack(&peer, peer.last_id);
    }
    say(CYAN_COAP_CON, "cyan/proof", "one too many");
    ward_expect_silence(&ward, &peer);
    assert_int_equal(ward.held_events, ACTOR_HELD_READ_MAX);
    assert_int_equal(actor->dropped_events, 1);
}

static void eight_system_events_are_kept_and_a_ninth_is_not_acknowledged(void **state)
{
    (void)state;
    static const char *const names[] = {"spark", "spark/hardware/max_binary", "particle/a",
                                        "particle"};
    for (unsigned i = 0; i < ACTOR_HELD_EVENTS_MAX; i++) {
        bool con = i % 2 == 0;
        say(con ? CYAN_COAP_CON : CYAN_COAP_NON, names[i % COUNT_OF(names)], "x");
        if (con) {
            ward_expect_ack(&peer, peer.last_id);
        }
        ward_expect_silence(&ward, &peer);
    }
    assert_int_equal(actor->dropped_events, 0);
    say(CYAN_COAP_CON, "spark/one/too/many", "x");
    ward_expect_silence(&ward, &peer);
    assert_int_equal(actor->dropped_events, 1);
    assert_int_equal(ward.events + ward.held_events, 0);
}

static void subscribe(const char *filter)
{
    struct cyan_subscribe subscribe = {.filter = "", .scope = CYAN_SUBSCRIBE_ALL};
    memcpy(subscribe.filter, filter, strlen(filter) + 1);
    cyan_subscribe_write(peer_begin(&peer), ++peer.last_id, &subscribe);
    peer_say(&peer);
}

static void sixteen_subscriptions_are_acknowledged_and_nothing_is_delivered(void **state)
{
    (void)state;
    const struct cyan_event event = {.name = "t", .ttl = 60};
    for (unsigned i = 0; i < ACTOR_SUBSCRIPTIONS_MAX; i++) {
        subscribe("t");
        ward_expect_ack(&peer, peer.last_id);
    }
    subscribe("t");
    ward_expect_silence(&ward, &peer);
    actors_deliver(&ward.actors, NULL, 0, &event);
    actors_deliver(&ward.actors, NULL, ward.upper.owner, &event);
    ward_expect_silence(&ward, &peer);
    assert_int_equal(ward.subscribeds, 0);
}

static void the_hub_does_not_hear_that_it_lives(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        ward_stay_alive(&ward, &peer, ACTOR_HEARD_MS);
    }
    assert_int_equal(ward.heards, 0);
}

static void it_is_asked_for_describe_signal_and_ping(void **state)
{
    (void)state;
    struct cyan_coap msg;
    ward_ask(&ward, actor, 1, REQUEST_DESCRIBE, "", "");
    ward_give_description(&ward, &peer);
    ward_expect_reply(&ward, 1, 0);
    assert_int_equal(ward.replies[0].len, strlen(ward_description));
    ward_ask(&ward, actor, 2, REQUEST_SIGNAL, "", "");
    ward_hear(&peer, CYAN_MSG_SIGNAL, &msg);
    ward_answer(&peer, &msg, "");
    ward_expect_reply(&ward, 2, 0);
    ward_ask(&ward, actor, 3, REQUEST_PING, "", "");
    ward_hear(&peer, CYAN_MSG_PING, &msg);
    ward_say(&peer, CYAN_COAP_ACK, CYAN_COAP_EMPTY, msg.id, NULL, NULL, 0);
    ward_expect_reply(&ward, 3, 0);
}

static void it_is_asked_for_no_variable_and_no_function(void **state)
{
    (void)state;
    ward_ask(&ward, actor, 1, REQUEST_VARIABLE, "temp", "");
    ward_expect_reply(&ward, 1, CYAN_E_OFFLINE);
    ward_ask(&ward, actor, 2, REQUEST_FUNCTION, "led", "on");
    ward_expect_reply(&ward, 2, CYAN_E_OFFLINE);
    ward_expect_silence(&ward, &peer);
}

static void expect_reset(struct actor *whom, struct peer *at, uint64_t call, const char *how)
{
    struct cyan_coap msg;
    struct cyan_event event;
    ward_ask(&ward, whom, call, REQUEST_RESET, "", how);
    ward_expect_reply(&ward, call, 0); /* at once */
    ward_hear(at, CYAN_MSG_EVENT, &msg);
    assert_int_equal(cyan_event_read(&msg, &event), 0);
    assert_string_equal(event.name, "spark/device/reset");
    assert_true(event.is_private);
    assert_int_equal(event.data_len, strlen(how));
    assert_memory_equal(event.data, how, event.data_len);
}

static void a_reset_is_an_event_with_one_of_three_words_for_held_and_full_ones(void **state)
{
    (void)state;
    static const char *const others[] = {"", "Reboot", "safe", "dfu ", "network"};
    struct peer full;
    struct actor *other = ward_device(&ward, &full, 7, false);
    uint64_t call = 1;
    for (int i = 0; i <= 1; i++) {
        struct actor *whom = i ? other : actor;
        struct peer *at = i ? &full : &peer;
        expect_reset(whom, at, call++, "reboot");
        expect_reset(whom, at, call++, "safe mode");
        expect_reset(whom, at, call++, "dfu");
        for (size_t k = 0; k < COUNT_OF(others); k++) {
            ward_ask(&ward, whom, call, REQUEST_RESET, "", others[k]);
            ward_expect_reply(&ward, call++, CYAN_E_INVALID);
            ward_expect_silence(&ward, at);
        }
    }
    peer_close(&full);
}

static void what_waits_is_answered_when_it_ends(void **state)
{
    (void)state;
    struct cyan_coap msg;
    ward_ask(&ward, actor, 1, REQUEST_PING, "", "");
    ward_hear(&peer, CYAN_MSG_PING, &msg);
    session_close(ward.upper.session, SESSION_END_KEY_CHANGED);
    ward_expect_reply(&ward, 1, CYAN_E_OFFLINE);
    peer_expect_close(&peer);
}

static void junk_of_a_held_session_is_told_and_its_silence_is_not(void **state)
{
    (void)state;
    peer_send(&peer, (const uint8_t *)"\0\1", 2);
    peer_expect_close(&peer);
    yard_settle(&ward.upper.yard);
    assert_int_equal(ward.upper.failures, 1);
    assert_int_equal(ward.upper.failure.end, SESSION_END_BAD_FRAME);
    assert_int_equal(ward.upper.failure.stage, SESSION_LIVE);
    assert_true(ward.upper.failure.was_live);
    assert_memory_equal(ward.upper.failure.id, peer.id, CYAN_ID_LEN);
    assert_memory_equal(
        ward.upper.failure.fingerprint,
        vectors_bytes(ward.upper.yard.publics, "device_fingerprint", CYAN_SHA256_LEN),
        CYAN_SHA256_LEN);
    assert_string_equal(ward.upper.failure.address, "127.0.0.1");
    peer_close(&peer);

    (void)ward_held_device(&ward, &peer, 0x5A);
    yard_advance(&ward.upper.yard, SESSION_IDLE_MS + 200);
    peer_expect_close(&peer);
    yard_settle(&ward.upper.yard);
    assert_int_equal(ward.upper.end, SESSION_END_TIMEOUT);
    assert_int_equal(ward.upper.failures, 1);
}

static void goodbye_ends_a_held_session(void **state)
{
    (void)state;
    cyan_goodbye_write(peer_begin(&peer), ++peer.last_id);
    peer_say(&peer);
    peer_expect_close(&peer);
    yard_settle(&ward.upper.yard);
    assert_int_equal(ward.upper.end, SESSION_END_PEER);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(it_is_not_found_by_its_id_and_gone_is_told_when_it_ends),
        CASE(full_and_held_sessions_of_one_id_do_not_disturb_each_other),
        CASE(ping_and_time_are_answered_and_what_we_do_not_know_is_not),
        CASE(its_events_are_dropped_counted_and_never_acknowledged),
        CASE(what_custody_wants_to_know_is_read_at_once),
        CASE(what_the_hub_cannot_read_now_is_dropped_and_not_acknowledged),
        CASE(what_one_session_can_make_the_hub_read_has_an_end),
        CASE(eight_system_events_are_kept_and_a_ninth_is_not_acknowledged),
        CASE(sixteen_subscriptions_are_acknowledged_and_nothing_is_delivered),
        CASE(the_hub_does_not_hear_that_it_lives),
        CASE(it_is_asked_for_describe_signal_and_ping),
        CASE(it_is_asked_for_no_variable_and_no_function),
        CASE(a_reset_is_an_event_with_one_of_three_words_for_held_and_full_ones),
        CASE(what_waits_is_answered_when_it_ends),
        CASE(junk_of_a_held_session_is_told_and_its_silence_is_not),
        CASE(goodbye_ends_a_held_session),
    };
    yard_quiet();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
