/* What travels between the hub and its shards: events both ways, calls and their answers. */
#include <string.h>

#include "server/cloud/calls.h"
#include "server/cloud/presence.h"
#include "tests/unit/harbour.h"
#include "tests/unit/unit.h"
#include "tests/unit/yard.h"
#include "wire/message.h"
#include "wire/request.h"

static void devices_on_several_shards_go_online_publish_and_go_offline(void **state)
{
    (void)state;
    struct peer peers[24];
    unsigned on_shard[HARBOUR_SHARDS] = {0};
    for (size_t i = 0; i < COUNT_OF(peers); i++) {
        harbour_go_online(&peers[i], (uint8_t)(i + 1));
        assert_true(harbour_is_online(&peers[i]));
        on_shard[presence_find(harbour_cloud.presence, peers[i].id)->shard]++;
    }
    assert_int_equal(presence_count(harbour_cloud.presence), COUNT_OF(peers));
    assert_int_equal(on_shard[0] + on_shard[1], COUNT_OF(peers));
    for (size_t i = 0; i < COUNT_OF(peers); i++) {
        struct cyan_coap ack;
        harbour_say_event(&peers[i], "temp", "21.5", true);
        harbour_say_event(&peers[i], "empty", "", false);
        harbour_say_event(&peers[i], "spark/device/ident/0", "x", false);
        for (int k = 0; k < 3; k++) {
            peer_hear(&peers[i], &ack);
            assert_int_equal(cyan_message_kind(&ack), CYAN_MSG_ACK);
        }
    }
    HARBOUR_TURN_UNTIL(harbour_note_count == 4 * COUNT_OF(peers));
    for (size_t i = 0; i < COUNT_OF(peers); i++) {
        assert_int_equal(harbour_noted(peers[i].id, "spark/status", "online"), 1);
        assert_int_equal(harbour_noted(peers[i].id, "temp", "21.5"), 1);
        assert_int_equal(harbour_noted(peers[i].id, "empty", ""), 1);
    }
    for (size_t i = 0; i < harbour_note_count; i++) {
        bool public = strcmp(harbour_notes[i].name, "empty") == 0;
        bool ours = strcmp(harbour_notes[i].name, "spark/status") == 0;
        assert_int_equal(harbour_notes[i].event.owner, HARBOUR_OWNER);
        assert_true(harbour_notes[i].event.about_device);
        assert_int_equal(harbour_notes[i].event.is_private, !public);
        assert_int_equal(harbour_notes[i].event.origin, ours ? BUS_FROM_CLOUD : BUS_FROM_DEVICE);
    }
    for (size_t i = 0; i < COUNT_OF(peers); i++) {
        peer_close(&peers[i]);
    }
    HARBOUR_TURN_UNTIL(presence_count(harbour_cloud.presence) == 0);
    assert_int_equal(harbour_custody.heard, COUNT_OF(peers));
    for (size_t i = 0; i < COUNT_OF(peers); i++) {
        assert_int_equal(harbour_noted(peers[i].id, "spark/status", "offline"), 1);
    }
}

static void subscribe(struct peer *peer, const char *filter)
{
    struct cyan_subscribe s = {.scope = CYAN_SUBSCRIBE_MINE};
    struct cyan_coap ack;
    memcpy(s.filter, filter, strlen(filter) + 1);
    cyan_subscribe_write(peer_begin(peer), ++peer->last_id, &s);
    peer_say(peer);
    peer_hear(peer, &ack);
}

static void publish(const char *name, const char *data, size_t data_len)
{
    struct bus_event event = {.name = name,
                              .name_len = strlen(name),
                              .data = (const uint8_t *)data,
                              .data_len = data_len,
                              .owner = HARBOUR_OWNER,
                              .ttl = 60,
                              .origin = BUS_FROM_API,
                              .is_private = true};
    link_event(harbour_cloud.link, &event);
}

/* The next message of the device is an event of this name with so many bytes. */
static void expect_event(struct peer *peer, const char *name, size_t data_len)
{
    struct cyan_coap msg;
    struct cyan_event event;
    peer_hear(peer, &msg);
    assert_int_equal(cyan_event_read(&msg, &event), 0);
    assert_string_equal(event.name, name);
    assert_int_equal(event.data_len, data_len);
    assert_true(event.is_private);
}

/* Its shard has told the hub that it wants events before it passes this one on. */
static void subscribe_for_sure(struct peer *peer, const char *filter)
{
    struct cyan_coap ack;
    subscribe(peer, filter);
    harbour_say_event(peer, "ready", "", true);
    peer_hear(peer, &ack);
    HARBOUR_TURN_UNTIL(harbour_noted(peer->id, "ready", "") == 1);
}

static void events_reach_subscribers_on_every_shard_whole_and_in_order(void **state)
{
    (void)state;
    enum { ROOM_EVENTS = 50 };
    struct peer peers[16];
    static const char data[] = "some data of an event";
    for (size_t i = 0; i < COUNT_OF(peers); i++) {
        harbour_go_online(&peers[i], (uint8_t)(i + 1));
        subscribe_for_sure(&peers[i], i % 4 ? "room/" : "hall/");
    }
    size_t notes_before = harbour_note_count;
    publish("hall/first", "", 0);
    for (size_t n = 0; n < ROOM_EVENTS; n++) {
        publish(n % 2 ? "room/a" : "room/b", data, n % sizeof data);
    }
    publish("hall/last", "x", 1);
    for (size_t i = 0; i < COUNT_OF(peers); i++) {
        if (i % 4 == 0) {
            expect_event(&peers[i], "hall/first", 0);
            expect_event(&peers[i], "hall/last", 1);
            continue;
        }
        for (size_t n = 0; n < ROOM_EVENTS; n++) {
            expect_event(&peers[i], n % 2 ? "room/a" : "room/b", n % sizeof data);
        }
    }
    assert_int_equal(harbour_note_count, notes_before);
    for (size_t i = 0; i < COUNT_OF(peers); i++) {
        peer_close(&peers[i]);
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

static void answer(struct peer *peer, const struct cyan_coap *request, const char *payload,
                   size_t len)
{
    struct cyan_coap_writer cw;
    cyan_coap_begin(&cw, peer_begin(peer), CYAN_COAP_ACK, CYAN_COAP_CONTENT, request->id,
                    request->token, request->token_len);
    cyan_coap_payload(&cw, payload, len);
    peer_say(peer);
}

static void calls_go_to_the_device_and_their_answers_come_back(void **state)
{
    (void)state;
    static const char description[] = "{\"f\":[\"led\"],\"v\":{\"n\":2}}";
    struct peer peer;
    struct cyan_coap msg;
    struct cyan_request request;
    harbour_go_online(&peer, 5);

    start_call(CALL_DESCRIBE, peer.id, "", "");
    peer_hear(&peer, &msg);
    assert_int_equal(cyan_message_kind(&msg), CYAN_MSG_DESCRIBE);
    answer(&peer, &msg, description, strlen(description));
    HARBOUR_TURN_UNTIL(replies == 1);
    assert_int_equal(last_reply.status, 0);
    assert_string_equal(reply_text, description);

    start_call(CALL_VARIABLE, peer.id, "n", "");
    peer_hear(&peer, &msg);
    assert_int_equal(cyan_message_kind(&msg), CYAN_MSG_VARIABLE);
    answer(&peer, &msg, "\0\0\1\0", 4);
    HARBOUR_TURN_UNTIL(replies == 1);
    assert_int_equal(last_reply.status, 0);
    assert_int_equal(last_reply.value.integer, 256);

    start_call(CALL_FUNCTION, peer.id, "led", "on");
    peer_hear(&peer, &msg);
    assert_int_equal(cyan_request_read(&msg, &request), 0);
    assert_string_equal(request.name, "led");
    assert_string_equal(request.argument, "on");
    cyan_function_result_write(peer_begin(&peer), ++peer.last_id, msg.token[0], -7);
    peer_say(&peer);
    HARBOUR_TURN_UNTIL(replies == 1);
    assert_int_equal(last_reply.status, 0);
    assert_int_equal(last_reply.result, -7);

    start_call(CALL_VARIABLE, peer.id, "none", "");
    HARBOUR_TURN_UNTIL(replies == 1);
    assert_int_equal(last_reply.status, CYAN_E_NOT_FOUND);

    /* The device goes while it is asked; then it is not there. */
    start_call(CALL_FUNCTION, peer.id, "led", "off");
    peer_hear(&peer, &msg);
    peer_close(&peer);
    HARBOUR_TURN_UNTIL(replies == 1);
    assert_int_equal(last_reply.status, CYAN_E_OFFLINE);
    HARBOUR_TURN_UNTIL(!harbour_is_online(&peer));
    start_call(CALL_PING, peer.id, "", "");
    HARBOUR_TURN_UNTIL(replies == 1);
    assert_int_equal(last_reply.status, CYAN_E_OFFLINE);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, harbour_set_up_running, harbour_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(devices_on_several_shards_go_online_publish_and_go_offline),
        CASE(events_reach_subscribers_on_every_shard_whole_and_in_order),
        CASE(calls_go_to_the_device_and_their_answers_come_back),
    };
    yard_quiet();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
