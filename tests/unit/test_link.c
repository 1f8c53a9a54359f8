/* Sessions of devices between the hub and its shards: who is online, and who follows whom. */
#include <string.h>
#include <sys/socket.h>

#include "server/cloud/calls.h"
#include "server/cloud/presence.h"
#include "tests/unit/harbour.h"
#include "tests/unit/unit.h"
#include "tests/unit/yard.h"
#include "wire/message.h"

static void a_newer_session_takes_over_when_its_proof_is_stored_and_not_before(void **state)
{
    (void)state;
    struct peer older, newer;
    struct cyan_coap msg;
    harbour_go_online(&older, 7);
    uint64_t session = presence_find(harbour_cloud.presence, older.id)->session;
    harbour_custody.hold_proofs = true;
    harbour_open_peer(&newer, 7);
    harbour_say_hello(&newer);
    HARBOUR_TURN_UNTIL(harbour_custody.waiting == 1);
    harbour_say_event(&older, "still", "here", false);
    peer_hear(&older, &msg);
    assert_int_equal(cyan_message_kind(&msg), CYAN_MSG_ACK);
    assert_int_equal(newer.len, 0);
    assert_int_equal(presence_find(harbour_cloud.presence, older.id)->session, session);

    harbour_custody.hold_proofs = false;
    peer_hear(&newer, &msg);
    peer_expect_close(&older);
    assert_int_not_equal(presence_find(harbour_cloud.presence, older.id)->session, session);
    assert_int_equal(harbour_noted(older.id, "spark/status", "online"), 2);
    assert_int_equal(harbour_noted(older.id, "spark/status", "offline"), 1);
    harbour_say_event(&newer, "now", "me", false);
    peer_hear(&newer, &msg);
    HARBOUR_TURN_UNTIL(harbour_noted(older.id, "now", "me") == 1);
    assert_true(harbour_is_online(&newer)); /* the old one's end has taken nothing away */
    peer_close(&older);
    peer_close(&newer);
    HARBOUR_TURN_UNTIL(presence_count(harbour_cloud.presence) == 0);
    assert_int_equal(harbour_noted(newer.id, "spark/status", "offline"), 2);
}

static void a_proof_that_is_not_stored_leaves_everything_as_it_was(void **state)
{
    (void)state;
    struct peer older, newer;
    struct cyan_coap msg;
    harbour_go_online(&older, 7);
    harbour_custody.admit = SESSION_REFUSE;
    harbour_open_peer(&newer, 7);
    harbour_say_hello(&newer);
    peer_expect_close(&newer);
    assert_int_equal(newer.len, 0);
    harbour_say_event(&older, "still", "here", false);
    peer_hear(&older, &msg);
    assert_true(harbour_is_online(&older));
    peer_close(&older);
    peer_close(&newer);
}

/* It closes, or resets the connection, before it is admitted. */
static void leave_while_proving(uint8_t id_byte, bool reset)
{
    struct peer peer;
    struct linger now = {.l_onoff = 1};
    harbour_custody.hold_proofs = true;
    harbour_open_peer(&peer, id_byte);
    harbour_say_hello(&peer);
    HARBOUR_TURN_UNTIL(harbour_custody.waiting == 1);
    if (reset) {
        assert_int_equal(setsockopt(peer.fd, SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
    }
    peer_close(&peer);
    harbour_custody.hold_proofs = false;
    HARBOUR_TURN_UNTIL(harbour_noted(peer.id, "spark/status", "offline") == 1);
    assert_int_equal(harbour_noted(peer.id, "spark/status", "online"), 1);
    assert_int_equal(presence_count(harbour_cloud.presence), 0);
}

static void a_device_that_leaves_while_its_proof_is_stored_is_offline_in_the_end(void **state)
{
    (void)state;
    for (uint8_t round = 1; round <= 10; round++) {
        leave_while_proving(round, round % 2);
    }
}

static struct call_reply last_reply;
static char reply_text[128];
static unsigned replies;

static void on_reply(void *arg, const struct call_reply *reply)
{
    (void)arg;
    replies++;
    last_reply = *reply;
    if (reply->status == 0 && reply->description) {
        memcpy(reply_text, reply->description, reply->description_len);
        reply_text[reply->description_len] = '\0';
    }
}

static void start_call(enum call_kind kind, const uint8_t *id, const char *name,
                       const char *argument)
{
    struct call call = {.kind = kind};
    memcpy(call.device, id, sizeof call.device);
    memcpy(call.name, name, strlen(name) + 1);
    memcpy(call.argument, argument, strlen(argument) + 1);
    replies = 0;
    calls_start(&harbour_cloud, &call, on_reply, NULL);
}

static void stopping_ends_all_sessions_and_hears_of_each_end(void **state)
{
    (void)state;
    struct peer peers[12], silent;
    for (size_t i = 0; i < COUNT_OF(peers); i++) {
        harbour_go_online(&peers[i], (uint8_t)(i + 1));
    }
    harbour_open_peer(&silent, 99);
    peer_want(&silent, CYAN_NONCE_LEN);
    start_call(CALL_PING, peers[0].id, "", "");
    harbour_turn(NULL);
    harbour_stop();
    assert_int_equal(replies, 1);
    assert_int_equal(last_reply.status, CYAN_E_OFFLINE);
    assert_int_equal(harbour_custody.heard, COUNT_OF(peers));
    for (size_t i = 0; i < COUNT_OF(peers); i++) {
        assert_int_equal(harbour_noted(peers[i].id, "spark/status", "offline"), 1);
        peer_expect_close(&peers[i]);
        peer_close(&peers[i]);
    }
    peer_expect_close(&silent);
    peer_close(&silent);
}

static void what_was_never_started_can_be_stopped(void **state)
{
    (void)state;
    harbour_stop();
    assert_int_equal(harbour_note_count, 0);
}

static void a_port_that_is_taken_is_refused(void **state)
{
    (void)state;
    uint16_t same = harbour_port;
    assert_int_equal(link_listen(harbour_cloud.link, "127.0.0.1", &same), CYAN_E_BUSY);
    assert_int_equal(link_listen(harbour_cloud.link, "no address", &same), CYAN_E_INVALID);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, harbour_set_up_running, harbour_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_newer_session_takes_over_when_its_proof_is_stored_and_not_before),
        CASE(a_proof_that_is_not_stored_leaves_everything_as_it_was),
        CASE(a_device_that_leaves_while_its_proof_is_stored_is_offline_in_the_end),
        CASE(stopping_ends_all_sessions_and_hears_of_each_end),
        cmocka_unit_test_setup_teardown(what_was_never_started_can_be_stopped, harbour_set_up,
                                        harbour_tear_down),
        cmocka_unit_test_setup_teardown(a_port_that_is_taken_is_refused, harbour_set_up,
                                        harbour_tear_down),
    };
    yard_quiet();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
