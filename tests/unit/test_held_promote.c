/* A held device whose key is trusted at last: it becomes full in place. */
#include <stdio.h>
#include <string.h>

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

static void promote(void)
{
    actors_promote(&ward.actors, actor->session, ward.upper.owner);
    yard_settle(&ward.upper.yard);
}

static void expect_full(void)
{
    assert_ptr_equal(actors_find(&ward.actors, peer.id), actor);
    assert_int_equal(actor->owner, ward.upper.owner);
    assert_false(actor->session->held);
    assert_true(actor->session->live);
    ward_say_event(&ward, &peer, CYAN_COAP_CON, "temp", "21.5", false);
    ward_expect_ack(&peer, peer.last_id);
    assert_string_equal(ward.event.name, "temp");
    assert_int_equal(ward.event_owner, ward.upper.owner);
}

static void subscribe(const char *filter)
{
    struct cyan_subscribe subscribe = {.filter = "", .scope = CYAN_SUBSCRIBE_MINE};
    memcpy(subscribe.filter, filter, strlen(filter) + 1);
    cyan_subscribe_write(peer_begin(&peer), ++peer.last_id, &subscribe);
    peer_say(&peer);
    yard_settle(&ward.upper.yard);
}

static void it_is_full_from_then_on_and_sees_nothing_on_the_wire(void **state)
{
    (void)state;
    promote();
    ward_expect_silence(&ward, &peer);
    expect_full();
    ward_stay_alive(&ward, &peer, ACTOR_HEARD_MS);
    assert_int_equal(ward.heards, 1);
}

static void an_older_full_session_of_its_id_ends(void **state)
{
    (void)state;
    struct peer full;
    (void)ward_device(&ward, &full, 0x5A, false);
    uint64_t serial = ward.upper.session->serial;
    promote();
    peer_expect_close(&full);
    yard_settle(&ward.upper.yard);
    assert_int_equal(ward.upper.end, SESSION_END_DISPLACED);
    assert_int_equal(ward.gones, 1);
    assert_int_equal(ward.gone_serial, serial);
    expect_full();
    peer_close(&full);
}

static void kept_subscriptions_go_live(void **state)
{
    (void)state;
    const struct cyan_event event = {.name = "photon/x", .ttl = 60, .is_private = true};
    struct cyan_coap msg;
    subscribe("photon/");
    ward_expect_ack(&peer, peer.last_id);
    subscribe("spark"); /* acknowledged, and kept by nobody, as for a full one */
    ward_expect_ack(&peer, peer.last_id);
    assert_int_equal(ward.subscribeds, 0);
    promote();
    assert_int_equal(ward.subscribeds, 1);
    actors_deliver(&ward.actors, NULL, ward.upper.owner + 1, &event);
    ward_expect_silence(&ward, &peer);
    actors_deliver(&ward.actors, NULL, ward.upper.owner, &event);
    ward_hear(&peer, CYAN_MSG_EVENT, &msg);
    ward_expect_silence(&ward, &peer);
}

static void a_promoted_device_that_subscribed_to_nothing_hears_nothing(void **state)
{
    (void)state;
    const struct cyan_event event = {.name = "photon/x", .ttl = 60};
    promote();
    assert_int_equal(ward.subscribeds, 0);
    actors_deliver(&ward.actors, NULL, ward.upper.owner, &event);
    ward_expect_silence(&ward, &peer);
}

/* Sends system event number i, of a length that differs. */
static void say_system(unsigned i, size_t len)
{
    static uint8_t data[CYAN_EVENT_DATA_MAX];
    struct cyan_event event = {.data = data, .data_len = len, .ttl = 100 + i, .is_private = i % 2};
    (void)snprintf(event.name, sizeof event.name, "spark/kept/%u", i);
    memset(data, (int)i + 1, sizeof data);
    cyan_event_write(peer_begin(&peer), CYAN_COAP_CON, ++peer.last_id, &event);
    peer_say(&peer);
    ward_expect_ack(&peer, peer.last_id);
}

/* What the hub hears, in order. */
static struct {
    char name[CYAN_EVENT_NAME_MAX + 1];
    size_t len;
    uint32_t ttl;
    uint32_t owner;
    uint8_t first, last;
} told[ACTOR_HELD_EVENTS_MAX];
static unsigned told_count;

static bool note_event(void *arg, const uint8_t id[static CYAN_ID_LEN], uint32_t owner,
                       const struct cyan_event *event)
{
    (void)arg;
    assert_memory_equal(id, peer.id, CYAN_ID_LEN);
    assert_true(told_count < COUNT_OF(told));
    memcpy(told[told_count].name, event->name, sizeof event->name);
    told[told_count].len = event->data_len;
    told[told_count].ttl = event->ttl;
    told[told_count].owner = owner;
    if (event->data_len > 0) {
        told[told_count].first = event->data[0];
        told[told_count].last = event->data[event->data_len - 1];
    } else {
        assert_null(event->data);
    }
    told_count++;
    return true;
}

static void kept_system_events_reach_the_owner_whole_and_in_order(void **state)
{
    (void)state;
    static const size_t lens[ACTOR_HELD_EVENTS_MAX] = {0, 1, 15, 16, 255, 622, 863, 864};
    told_count = 0;
    ward.actors.ops.event = note_event;
    for (unsigned i = 0; i < ACTOR_HELD_EVENTS_MAX; i++) {
        say_system(i, lens[i]);
    }
    assert_int_equal(told_count, 0);
    promote();
    assert_int_equal(told_count, ACTOR_HELD_EVENTS_MAX);
    for (unsigned i = 0; i < told_count; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "spark/kept/%u", i);
        assert_string_equal(told[i].name, name);
        assert_int_equal(told[i].len, lens[i]);
        assert_int_equal(told[i].ttl, 100 + i);
        assert_int_equal(told[i].owner, ward.upper.owner);
        if (lens[i] > 0) {
            assert_int_equal(told[i].first, i + 1);
            assert_int_equal(told[i].last, i + 1);
        }
    }
    ward_expect_silence(&ward, &peer);
}

static void the_last_reset_is_told_at_once_and_again_at_promotion(void **state)
{
    (void)state;
    ward_say_event(&ward, &peer, CYAN_COAP_NON, "spark/device/last_reset", "pin_reset", true);
    assert_int_equal(ward.held_events, 1);
    assert_int_equal(ward.events, 0);
    promote();
    assert_int_equal(ward.held_events, 1);
    assert_int_equal(ward.events, 1);
    assert_string_equal(ward.event.name, "spark/device/last_reset");
    assert_memory_equal(ward.event_data, "pin_reset", 9);
}

static void what_custody_has_read_is_not_told_twice(void **state)
{
    (void)state;
    ward_say_event(&ward, &peer, CYAN_COAP_NON, "spark/device/claim/code", "x", true);
    ward_say_event(&ward, &peer, CYAN_COAP_NON, "cyan/proof", "x", true);
    ward_say_event(&ward, &peer, CYAN_COAP_NON, "temp", "x", true);
    promote();
    assert_int_equal(ward.events, 0);
}

/* The session ends instead, nothing is found by its id, and nobody else was displaced. */
static void expect_promoted_end(void)
{
    peer_expect_close(&peer);
    yard_settle(&ward.upper.yard);
    assert_int_equal(ward.upper.end, SESSION_END_PROMOTED);
    assert_int_equal(ward.gones, 1);
    assert_null(actors_find(&ward.actors, peer.id));
    assert_int_equal(ward.upper.failures, 0);
}

static void with_a_subscription_too_many_it_is_closed_instead(void **state)
{
    (void)state;
    for (unsigned i = 0; i <= ACTOR_SUBSCRIPTIONS_MAX; i++) {
        subscribe("t");
        if (i < ACTOR_SUBSCRIPTIONS_MAX) {
            ward_expect_ack(&peer, peer.last_id);
        }
    }
    promote();
    expect_promoted_end();
    assert_int_equal(ward.subscribeds, 0);
}

static void with_a_system_event_too_many_it_is_closed_instead(void **state)
{
    (void)state;
    for (unsigned i = 0; i <= ACTOR_HELD_EVENTS_MAX; i++) {
        ward_say_event(&ward, &peer, CYAN_COAP_NON, "spark/x", "", true);
    }
    promote();
    expect_promoted_end();
    assert_int_equal(ward.events, 0);
}

static void when_the_hub_cannot_take_what_was_kept_it_is_closed_instead(void **state)
{
    (void)state;
    say_system(0, 10);
    ward.hub_is_behind = true;
    promote();
    expect_promoted_end();
}

static void a_request_that_was_begun_is_answered_to_the_full_one(void **state)
{
    (void)state;
    struct cyan_coap msg;
    ward_ask(&ward, actor, 1, REQUEST_DESCRIBE, "", "");
    promote();
    ward_give_description(&ward, &peer);
    ward_expect_reply(&ward, 1, 0);
    ward_call_led(&ward, actor, &peer, 2, "on", &msg);
    cyan_function_result_write(peer_begin(&peer), ++peer.last_id, msg.token[0], 7);
    peer_say(&peer);
    ward_expect_reply(&ward, 2, 0);
    assert_int_equal(ward.replies[1].result, 7);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(it_is_full_from_then_on_and_sees_nothing_on_the_wire),
        CASE(an_older_full_session_of_its_id_ends),
        CASE(kept_subscriptions_go_live),
        CASE(a_promoted_device_that_subscribed_to_nothing_hears_nothing),
        CASE(kept_system_events_reach_the_owner_whole_and_in_order),
        CASE(the_last_reset_is_told_at_once_and_again_at_promotion),
        CASE(what_custody_has_read_is_not_told_twice),
        CASE(with_a_subscription_too_many_it_is_closed_instead),
        CASE(with_a_system_event_too_many_it_is_closed_instead),
        CASE(when_the_hub_cannot_take_what_was_kept_it_is_closed_instead),
        CASE(a_request_that_was_begun_is_answered_to_the_full_one),
    };
    yard_quiet();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
