/* Which device hears which event. */
#include "server/actor/names.h"
#include "server/actor/subscriptions.h"

#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "tests/unit/unit.h"
#include "tests/unit/ward.h"

enum { MINE = 42, OTHERS = 43, COLLIDING = MINE + ACTOR_BUCKETS, NOBODY = 0 };

/* The id of a device that publishes, and its text. */
static const uint8_t sender[CYAN_ID_LEN] = {0x3a, 0, 0x24, 0, 4, 0x47, 0x34, 0x31, 1, 2, 3, 4};
static const char sender_text[] = "3a0024000447343101020304";

static struct ward ward;
static struct peer peer;
static struct actor *actor;

static int set_up(void **state)
{
    (void)state;
    ward_open(&ward);
    ward.upper.owner = MINE;
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

static void subscribe(const char *filter, enum cyan_subscribe_scope scope, const char *device)
{
    struct cyan_subscribe s = {.scope = scope};
    memcpy(s.filter, filter, strlen(filter) + 1);
    memcpy(s.device, device, strlen(device) + 1);
    assert_int_equal(subscriptions_add(&ward.actors, actor, &s), 0);
}

static void forget(void)
{
    subscriptions_clear(&ward.actors, actor);
    actor->to_all = false;
}

static struct cyan_event event_named(const char *name, bool is_private)
{
    struct cyan_event event = {
        .data = (const uint8_t *)"data", .data_len = 4, .ttl = 60, .is_private = is_private};
    memcpy(event.name, name, strlen(name) + 1);
    return event;
}

/* Delivers, and says how often the device heard it. */
static unsigned deliver(const uint8_t *device, uint32_t owner, const char *name, bool is_private)
{
    struct cyan_event event = event_named(name, is_private), heard;
    struct cyan_coap msg;
    unsigned count = 0;
    actors_deliver(&ward.actors, device, owner, &event);
    yard_settle(&ward.upper.yard);
    while (peer_hears(&peer, &msg)) {
        count++;
        assert_int_equal(cyan_message_kind(&msg), CYAN_MSG_EVENT);
        assert_int_equal(msg.type, CYAN_COAP_NON);
        assert_int_equal(msg.token_len, 0);
        assert_int_equal(cyan_event_read(&msg, &heard), 0);
        assert_string_equal(heard.name, name);
        assert_int_equal(heard.is_private, is_private);
        assert_int_equal(heard.data_len, 4);
    }
    return count;
}

static const uint8_t elsewhere[CYAN_ID_LEN] = {0x3a, 0, 0x24, 0, 4, 0x48};

/* An event of this owner and sender, to a device that has subscribed in this scope. */
static void expect_hearing(enum cyan_subscribe_scope scope, uint32_t owner, const uint8_t *device,
                           bool is_private)
{
    bool mine = owner == MINE;
    bool visible = mine || !is_private;
    bool wanted = scope == CYAN_SUBSCRIBE_ALL    ? visible
                  : scope == CYAN_SUBSCRIBE_MINE ? mine
                                                 : visible && device == sender;
    if (deliver(device, owner, "temp", is_private) != wanted) {
        fail_msg("scope %d, owner %u, private %d: wanted %d", (int)scope, owner, is_private,
                 wanted);
    }
    assert_int_equal(deliver(device, owner, "tamp", is_private), 0);
}

/* Every scope against every owner, kind and sender of an event. */
static void scopes_decide_who_hears_what(void **state)
{
    (void)state;
    static const uint32_t owners[] = {MINE, OTHERS, COLLIDING, NOBODY};
    static const uint8_t *const devices[] = {sender, elsewhere, NULL};
    for (int n = CYAN_SUBSCRIBE_ALL; n <= CYAN_SUBSCRIBE_DEVICE; n++) {
        enum cyan_subscribe_scope scope = (enum cyan_subscribe_scope)n;
        forget();
        subscribe("te", scope, scope == CYAN_SUBSCRIBE_DEVICE ? sender_text : "");
        for (size_t o = 0; o < COUNT_OF(owners); o++) {
            for (size_t d = 0; d < COUNT_OF(devices); d++) {
                expect_hearing(scope, owners[o], devices[d], false);
                expect_hearing(scope, owners[o], devices[d], true);
            }
        }
    }
}

static void a_filter_is_a_prefix(void **state)
{
    (void)state;
    subscribe("room/te", CYAN_SUBSCRIBE_MINE, "");
    assert_int_equal(deliver(sender, MINE, "room/te", true), 1);
    assert_int_equal(deliver(sender, MINE, "room/temp", true), 1);
    assert_int_equal(deliver(sender, MINE, "room/t", true), 0);
    assert_int_equal(deliver(sender, MINE, "room/Temp", true), 0);
    assert_int_equal(deliver(sender, MINE, "a/room/te", true), 0);
    forget();
    subscribe("", CYAN_SUBSCRIBE_MINE, "");
    assert_int_equal(deliver(sender, MINE, "anything", true), 1);
}

static void the_id_of_a_device_may_be_cut_to_12_digits(void **state)
{
    (void)state;
    for (size_t digits = 12; digits <= 24; digits++) {
        char text[CYAN_ID_TEXT] = "";
        memcpy(text, sender_text, digits);
        forget();
        subscribe("t", CYAN_SUBSCRIBE_DEVICE, text);
        assert_int_equal(deliver(sender, OTHERS, "temp", false), 1);
        uint8_t other[CYAN_ID_LEN];
        memcpy(other, sender, sizeof other);
        other[(digits - 1) / 2] ^= digits % 2 ? 0x10 : 1; /* its last digit */
        assert_int_equal(deliver(other, OTHERS, "temp", false), 0);
        memcpy(other, sender, sizeof other);
        if (digits < 23) {
            other[11] ^= 1; /* a digit behind it */
            assert_int_equal(deliver(other, OTHERS, "temp", false), 1);
        }
    }
}

static void an_event_is_heard_once_however_many_filters_match(void **state)
{
    (void)state;
    subscribe("t", CYAN_SUBSCRIBE_MINE, "");
    subscribe("te", CYAN_SUBSCRIBE_ALL, "");
    subscribe("tem", CYAN_SUBSCRIBE_DEVICE, sender_text);
    subscribe("t", CYAN_SUBSCRIBE_MINE, "");
    assert_int_equal(deliver(sender, MINE, "temp", true), 1);
    assert_int_equal(deliver(sender, MINE, "t", false), 1);
    assert_int_equal(deliver(sender, OTHERS, "temp", false), 1);
    assert_int_equal(deliver(sender, OTHERS, "temp", true), 0);
}

static void the_clouds_own_events_are_never_delivered(void **state)
{
    (void)state;
    static const char *const names[] = {
        "spark",           "spark/status", "sparkle", "particle", "particle/device/updates/pending",
        "cyan/key/changed"};
    static const char *const filters[] = {"s", "p", "c", "cyan", "cyan/key"};
    for (size_t i = 0; i < COUNT_OF(filters); i++) {
        subscribe(filters[i], CYAN_SUBSCRIBE_MINE, "");
        subscribe(filters[i], CYAN_SUBSCRIBE_ALL, "");
    }
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        assert_true(names_system(names[i]) || names_cloud(names[i]));
        assert_int_equal(deliver(sender, MINE, names[i], false), 0);
    }
    assert_false(names_cloud("cyan"));
    assert_false(names_system("spar"));
    assert_int_equal(deliver(sender, MINE, "cyanide", false), 1);
    assert_int_equal(deliver(sender, MINE, "spar", false), 1);
}

static void an_account_that_is_nobody_has_no_devices(void **state)
{
    (void)state;
    struct peer orphan;
    struct cyan_coap msg;
    ward.upper.owner = NOBODY;
    struct actor *nobodys = ward_device(&ward, &orphan, 0x77, false);
    struct cyan_subscribe s = {.filter = "t", .scope = CYAN_SUBSCRIBE_MINE};
    assert_int_equal(subscriptions_add(&ward.actors, nobodys, &s), 0);
    struct cyan_event event = event_named("temp", false);
    actors_deliver(&ward.actors, sender, NOBODY, &event);
    yard_settle(&ward.upper.yard);
    assert_false(peer_hears(&orphan, &msg));
    peer_close(&orphan);
}

static void an_event_too_long_for_a_device_is_left_out_and_the_next_one_comes(void **state)
{
    (void)state;
    static uint8_t data[CYAN_EVENT_DATA_MAX];
    struct cyan_event event = event_named("temp", false);
    subscribe("t", CYAN_SUBSCRIBE_MINE, "");
    event.data = data;
    event.data_len = sizeof data;
    actors_deliver(&ward.actors, sender, MINE, &event);
    ward_expect_silence(&ward, &peer);
    assert_int_equal(deliver(sender, MINE, "temp", false), 1);
}

static void who_has_gone_hears_nothing_and_the_others_still_do(void **state)
{
    (void)state;
    struct peer others[6];
    struct cyan_coap msg;
    static const enum cyan_subscribe_scope scopes[] = {CYAN_SUBSCRIBE_MINE, CYAN_SUBSCRIBE_ALL};
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        struct actor *other = ward_device(&ward, &others[i], (uint8_t)i, i % 2);
        struct cyan_subscribe s = {.filter = "t", .scope = scopes[i % 2]};
        assert_int_equal(subscriptions_add(&ward.actors, other, &s), 0);
    }
    /* From the middle, the ends and out of both lists. */
    static const size_t leaving[] = {2, 5, 0, 3, 1, 4};
    for (size_t n = 0; n < COUNT_OF(leaving); n++) {
        struct cyan_event event = event_named("temp", true);
        actors_deliver(&ward.actors, sender, MINE, &event);
        yard_settle(&ward.upper.yard);
        for (size_t k = n; k < COUNT_OF(leaving); k++) {
            assert_true(peer_hears(&others[leaving[k]], &msg));
            assert_false(peer_hears(&others[leaving[k]], &msg));
        }
        peer_close(&others[leaving[n]]);
        yard_settle(&ward.upper.yard);
    }
    struct cyan_event event = event_named("temp", true);
    actors_deliver(&ward.actors, sender, MINE, &event);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(scopes_decide_who_hears_what),
        CASE(a_filter_is_a_prefix),
        CASE(the_id_of_a_device_may_be_cut_to_12_digits),
        CASE(an_event_is_heard_once_however_many_filters_match),
        CASE(the_clouds_own_events_are_never_delivered),
        CASE(an_account_that_is_nobody_has_no_devices),
        CASE(an_event_too_long_for_a_device_is_left_out_and_the_next_one_comes),
        CASE(who_has_gone_hears_nothing_and_the_others_still_do),
    };
    yard_quiet();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
