/* Custody with real devices and shards: quarantine and promotion on the wire, the alternation of
 * keys, clones, healing by time, return. */
#include "server/cloud/custody.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "server/cloud/presence.h"
#include "server/net/log.h"
#include "tests/unit/haven.h"
#include "tests/unit/unit.h"
#include "wire/message.h"

enum { A = HAVEN_KEY_A, B = HAVEN_KEY_B };

#define LOOPBACK "127.0.0.1"

static void add_device(void)
{
    haven_add_device(1, haven_bob.id, A);
}

static bool is_offline(void)
{
    return presence_find(haven.presence, haven_id(1)) == NULL;
}

/* Its device has been online and left. */
static void was_online(void)
{
    struct peer peer;
    haven_go_live(&peer, 1, A);
    peer_close(&peer);
    HAVEN_TURN_UNTIL(is_offline());
    haven_settle();
}

static bool is_held(uint8_t key)
{
    return custody_held(&haven, haven_id(1), haven_print(key)) != NULL;
}

static void a_held_device_hears_our_hello_and_becomes_full_without_connecting_again(void **state)
{
    (void)state;
    struct peer peer;
    struct cyan_coap msg;
    add_device();
    haven_go_live(&peer, 1, B);
    assert_true(is_held(B));
    assert_true(is_offline());
    assert_int_equal(haven_order(&haven_bob, ACTION_APPROVE, 1, B), 0);
    assert_true(haven_is_full(1, B));
    HAVEN_TURN_UNTIL(haven_heard(&haven_bob, "event: spark/status") > 0);
    cyan_ping_write(peer_begin(&peer), ++peer.last_id);
    peer_say(&peer);
    peer_hear(&peer, &msg);
    assert_int_equal(cyan_message_kind(&msg), CYAN_MSG_ACK);
    peer_close(&peer);
    HAVEN_TURN_UNTIL(is_offline());
}

static void a_denied_device_is_hung_up_on_and_then_not_answered(void **state)
{
    (void)state;
    struct peer peer;
    uint8_t request[CYAN_REQUEST_LEN];
    add_device();
    haven_go_live(&peer, 1, B);
    assert_int_equal(haven_order(&haven_bob, ACTION_DENY, 1, B), 0);
    peer_expect_close(&peer);
    HAVEN_TURN_UNTIL(!is_held(B));
    peer_close(&peer);
    haven_open_peer(&peer, 1, B);
    peer_make_request(&peer, haven_spki(B), request);
    peer_send(&peer, request, sizeof request);
    peer_expect_close(&peer);
    assert_int_equal(peer.len, 0);
    peer_close(&peer);
}

static void a_revoked_key_ends_its_full_session_and_no_other(void **state)
{
    (void)state;
    struct peer peer, other;
    struct cyan_coap msg;
    add_device();
    haven_add_device(2, haven_bob.id, A);
    haven_go_live(&peer, 1, A);
    haven_go_live(&other, 2, A);
    assert_int_equal(haven_order(&haven_bob, ACTION_REVOKE, 1, A), 0);
    peer_expect_close(&peer);
    cyan_ping_write(peer_begin(&other), ++other.last_id);
    peer_say(&other);
    peer_hear(&other, &msg);
    assert_int_equal(cyan_message_kind(&msg), CYAN_MSG_ACK);
    peer_close(&peer);
    peer_close(&other);
}

/* One try with 52 bytes. The answer is for the announced key at first, and for the other one after
 * each that was dropped: true when it is for the device's own. */
static bool try_short(struct peer *peer, uint8_t own, uint32_t dropped)
{
    uint8_t request[CYAN_REQUEST_LEN];
    haven_open_peer(peer, 1, own);
    peer_make_request(peer, NULL, request);
    peer_send(peer, request, sizeof request);
    peer_want(peer, CYAN_ANSWER_LEN);
    if ((dropped % 2 == 0) == (own == B)) {
        peer_accept(peer); /* fails the test when it cannot be read */
        return true;
    }
    peer_close(peer); /* as a Photon does that cannot read it */
    HAVEN_TURN_UNTIL(haven_turn_of(1) == dropped + 1);
    return false;
}

/* It tries until the answer is for it, and becomes full. */
static void connect_short(uint8_t own)
{
    struct peer peer;
    struct cyan_coap msg;
    if (!try_short(&peer, own, 0)) {
        assert_true(try_short(&peer, own, 1));
    }
    peer_write_hello(&peer, false);
    peer_say(&peer);
    peer_hear(&peer, &msg);
    assert_int_equal(cyan_message_kind(&msg), CYAN_MSG_HELLO);
    assert_true(haven_is_full(1, own));
    assert_true(haven_is(1, own, STORE_KEY_TRUSTED));
    peer_close(&peer);
    HAVEN_TURN_UNTIL(is_offline());
}

static void a_device_that_sends_no_key_finds_the_right_one_by_trying(void **state)
{
    (void)state;
    add_device();
    assert_int_equal(haven_upload(&haven_bob, 1, B), 0);
    connect_short(A);
    connect_short(B);
    assert_true(haven_is(1, A, STORE_KEY_RETIRED));
}

/* The device that is online answers the ping: then whoever knocks is a clone, and nothing heals. */
static void a_full_session_that_answers_makes_the_other_one_a_clone(void **state)
{
    (void)state;
    struct peer real, clone;
    struct cyan_coap msg;
    add_device();
    assert_int_equal(haven_set_policy(&haven_bob, 0, POLICY_HEAL, FAMILIAR_ADDRESS), 0);
    haven_go_live(&real, 1, A);
    haven_go_live(&clone, 1, B);
    assert_true(is_held(B)); /* nothing but the address is asked for, and yet it waits */
    /* Describe, for a policy that heals, and the ping. */
    bool pinged = false;
    while (!pinged) {
        peer_hear(&real, &msg);
        pinged = msg.type == CYAN_COAP_CON && msg.code == CYAN_COAP_EMPTY;
    }
    cyan_ack_write(peer_begin(&real), msg.id);
    peer_say(&real);
    HAVEN_TURN_UNTIL(haven_incidents(1, CAUSE_CLONE) == 1);
    assert_int_equal(haven_heard(&haven_bob, "event: cyan/key/clone"), 1);
    haven_pass(60000);
    peer_close(&real);
    HAVEN_TURN_UNTIL(is_offline());
    assert_int_equal(haven_set_policy(&haven_bob, 1, POLICY_HEAL, FAMILIAR_ADDRESS), 0);
    assert_true(is_held(B));
    assert_true(haven_is(1, A, STORE_KEY_TRUSTED));
    /* A person may still say that it is the device. */
    assert_int_equal(haven_order(&haven_bob, ACTION_APPROVE, 1, B), 0);
    assert_true(haven_is_full(1, B));
    peer_close(&clone);
}

/* Pings that a device hears for a while; it answers them. */
static unsigned answer_pings(struct peer *peer)
{
    struct cyan_coap msg;
    unsigned pings = 0;
    for (int i = 0; i < 200; i++) {
        haven_turn(NULL);
        if (peer_hears(peer, &msg) && msg.type == CYAN_COAP_CON && msg.code == CYAN_COAP_EMPTY) {
            pings++;
            cyan_ack_write(peer_begin(peer), msg.id);
            peer_say(peer);
        }
    }
    return pings;
}

/* Somebody with another key comes and goes. */
static void knock(void)
{
    struct peer peer;
    haven_go_live(&peer, 1, B);
    peer_close(&peer);
    HAVEN_TURN_UNTIL(!is_held(B));
    haven_settle();
}

static void an_id_is_pinged_once_in_ten_minutes(void **state)
{
    (void)state;
    struct peer real;
    unsigned pings = 0;
    add_device();
    haven_go_live(&real, 1, A);
    for (int minute = 0; minute <= 10; minute++) {
        knock();
        pings += answer_pings(&real);
        assert_true(pings <= (minute < 10 ? 1 : 2));
        haven_pass(60000);
    }
    assert_int_equal(pings, 2);
    assert_true(haven_is_full(1, A));
    peer_close(&real);
}

static void absence_heals_when_its_time_has_come_and_not_before(void **state)
{
    (void)state;
    struct peer peer;
    unsigned wanted = FAMILIAR_ALL & ~(unsigned)FAMILIAR_MODULE;
    add_device();
    assert_int_equal(haven_set_policy(&haven_bob, 0, POLICY_HEAL, wanted), 0);
    was_online();
    haven_pass(300000);
    haven_go_live(&peer, 1, B);
    assert_true(is_held(B));
    haven_pass(299000);
    haven_settle();
    custody_review(&haven, haven_id(1));
    haven_settle();
    assert_true(is_held(B));
    haven_pass(1000);
    HAVEN_TURN_UNTIL(haven_is_full(1, B)); /* by the clock alone */
    assert_int_equal(haven_key(1, B).source, STORE_KEY_HEALED);
    assert_int_equal(haven_heard(&haven_bob, "\\\"via\\\":\\\"heal\\\""), 1);
    peer_close(&peer);
    HAVEN_TURN_UNTIL(is_offline());
}

static void the_old_key_comes_back_and_the_healed_one_is_hung_up_on(void **state)
{
    (void)state;
    struct peer peer, old;
    add_device();
    was_online();
    haven_pass(1000);
    assert_int_equal(haven_open_window(&haven_bob, 1), 0);
    haven_go_live(&peer, 1, B);
    assert_true(haven_is_full(1, B));
    haven_pass(29 * HAVEN_DAY_MS);
    haven_go_live(&old, 1, A);
    peer_expect_close(&peer);
    assert_true(haven_is_full(1, A));
    assert_true(haven_is(1, B, STORE_KEY_PENDING));
    assert_int_equal(haven_heard(&haven_bob, "event: cyan/key/reverted"), 1);
    peer_close(&peer);
    haven_go_live(&peer, 1, B);
    assert_true(is_held(B));
    peer_close(&peer);
    peer_close(&old);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, haven_set_up_running, haven_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_held_device_hears_our_hello_and_becomes_full_without_connecting_again),
        TEST(a_denied_device_is_hung_up_on_and_then_not_answered),
        TEST(a_revoked_key_ends_its_full_session_and_no_other),
        TEST(a_device_that_sends_no_key_finds_the_right_one_by_trying),
        TEST(a_full_session_that_answers_makes_the_other_one_a_clone),
        TEST(an_id_is_pinged_once_in_ten_minutes),
        TEST(absence_heals_when_its_time_has_come_and_not_before),
        TEST(the_old_key_comes_back_and_the_healed_one_is_hung_up_on),
    };
    log_setup(false, LOG_ERROR + 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
