/* Hub and shards, each on its own thread. The registry and the events of the hub are this file, and
 * the devices are peers on its thread. */
#include "server/cloud/link.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "crypto/openssl.h"
#include "server/cloud/calls_inbox.h"
#include "server/cloud/cloud.h"
#include "server/cloud/events.h"
#include "server/cloud/presence.h"
#include "server/cloud/registry.h"
#include "server/net/listener.h"
#include "tests/unit/peer.h"
#include "tests/unit/unit.h"
#include "tests/unit/yard.h"
#include "wire/event.h"
#include "wire/message.h"
#include "wire/request.h"

enum { SHARDS = 2, OWNER = 42, NOTES_MAX = 4096, WAITING_MAX = 256, PATIENCE_S = 20 };

static uv_loop_t loop;
static struct cloud cloud;
static struct vectors *keys, *publics;
static struct cyan_crypto *crypto;
static struct cyan_crypto *shard_crypto[SHARDS];
static struct cyan_rsa_key *shard_key[SHARDS];
static uint16_t port;
static bool stopped;

/* The registry: every device has the key "device" and the same owner. */
static struct {
    struct device_key key;
    key_fn *done[WAITING_MAX];
    void *args[WAITING_MAX];
    bool proofs[WAITING_MAX];
    size_t waiting;
    bool hold_proofs; /* no answer to registry_proven now */
    int proven_status;
    unsigned heard;
    key_changed_fn *changed;
    void *changed_arg;
} registry;

/* What was published, in order. */
static struct {
    char name[CYAN_EVENT_NAME_MAX + 1], data[64];
    struct bus_event event;
} notes[NOTES_MAX];
static size_t note_count;

static void wait_for(key_fn *done, void *arg, bool proof)
{
    assert_true(registry.waiting < WAITING_MAX);
    registry.done[registry.waiting] = done;
    registry.args[registry.waiting] = arg;
    registry.proofs[registry.waiting++] = proof;
}

void registry_key(struct registry *unused, const uint8_t id[static CYAN_ID_LEN], key_fn *done,
                  void *arg)
{
    (void)unused;
    (void)id;
    wait_for(done, arg, false);
}

void registry_proven(struct registry *unused, const uint8_t id[static CYAN_ID_LEN],
                     const uint8_t fingerprint[static CYAN_SHA256_LEN],
                     const struct cyan_hello *hello, const char *address, key_fn *done, void *arg)
{
    (void)unused;
    (void)id;
    assert_memory_equal(fingerprint, registry.key.fingerprint, CYAN_SHA256_LEN);
    assert_int_equal(hello->platform_id, CYAN_PLATFORM_PHOTON);
    assert_string_equal(address, "127.0.0.1");
    wait_for(done, arg, true);
}

void registry_heard(struct registry *unused, const uint8_t id[static CYAN_ID_LEN], int64_t heard_ms)
{
    (void)unused;
    (void)id;
    assert_true(heard_ms > 0);
    registry.heard++;
}

void registry_on_key_changed(struct registry *unused, key_changed_fn *fn, void *arg)
{
    (void)unused;
    registry.changed = fn;
    registry.changed_arg = arg;
}

int events_publish(struct events *events, const struct bus_event *event)
{
    (void)events;
    assert_true(note_count < NOTES_MAX);
    memcpy(notes[note_count].name, event->name, event->name_len);
    notes[note_count].name[event->name_len] = '\0';
    assert_true(event->data_len < sizeof notes[0].data);
    if (event->data_len > 0) {
        memcpy(notes[note_count].data, event->data, event->data_len);
    }
    notes[note_count].data[event->data_len] = '\0';
    notes[note_count++].event = *event;
    return 0;
}

static void registry_answers(void)
{
    size_t kept = 0;
    for (size_t i = 0; i < registry.waiting; i++) {
        bool proof = registry.proofs[i];
        if (proof && registry.hold_proofs) {
            registry.done[kept] = registry.done[i];
            registry.args[kept] = registry.args[i];
            registry.proofs[kept++] = proof;
            continue;
        }
        int status = proof ? registry.proven_status : 0;
        registry.done[i](registry.args[i], status, status == 0 ? &registry.key : NULL);
    }
    registry.waiting = kept;
}

/* One turn of the hub; the shards turn by themselves. */
static void turn(void *arg)
{
    (void)arg;
    (void)uv_run(&loop, UV_RUN_NOWAIT);
    registry_answers();
    (void)sched_yield();
}

#define TURN_UNTIL(cond)                                                                           \
    do {                                                                                           \
        time_t end_s = time(NULL) + PATIENCE_S;                                                    \
        while (!(cond)) {                                                                          \
            if (time(NULL) > end_s) {                                                              \
                fail_msg("waited in vain for %s", #cond);                                          \
            }                                                                                      \
            turn(NULL);                                                                            \
        }                                                                                          \
    } while (0)

static int set_up(void **state)
{
    (void)state;
    struct link_tools tools[SHARDS];
    memset(&registry, 0, sizeof registry);
    note_count = 0;
    stopped = false;
    keys = vectors_open("keys.txt");
    publics = vectors_open("keys-public.txt");
    crypto = cyan_openssl_create();
    assert_non_null(crypto);
    registry.key = (struct device_key){.owner = OWNER, .has_key = true};
    memcpy(registry.key.spki, vectors_get(publics, "device_spki")->data, CYAN_DEVICE_SPKI_LEN);
    memcpy(registry.key.fingerprint, vectors_get(publics, "device_fingerprint")->data,
           CYAN_SHA256_LEN);
    assert_int_equal(uv_loop_init(&loop), 0);
    cloud = (struct cloud){.loop = &loop, .presence = presence_create()};
    cloud.calls = calls_create(&cloud);
    assert_non_null(cloud.calls);
    const struct vector *der = vectors_get(keys, "server_key");
    for (size_t i = 0; i < SHARDS; i++) {
        shard_crypto[i] = cyan_openssl_create();
        assert_non_null(shard_crypto[i]);
        assert_int_equal(cyan_openssl_key_create(der->data, der->len, &shard_key[i]), 0);
        tools[i] = (struct link_tools){.crypto = shard_crypto[i], .server_key = shard_key[i]};
    }
    assert_int_equal(link_create(&cloud, tools, SHARDS, &cloud.link), 0);
    port = 0;
    assert_int_equal(link_listen(cloud.link, "127.0.0.1", &port), 0);
    return 0;
}

static int set_up_running(void **state)
{
    return set_up(state) == 0 ? link_start(cloud.link) : -1;
}

static void stop(void)
{
    if (!stopped) {
        stopped = true;
        link_stop(cloud.link);
        calls_stop(cloud.calls);
        registry.hold_proofs = false;
        registry_answers();
        (void)uv_run(&loop, UV_RUN_DEFAULT);
    }
}

static int tear_down(void **state)
{
    (void)state;
    stop();
    assert_int_equal(presence_count(cloud.presence), 0);
    link_destroy(cloud.link);
    calls_destroy(cloud.calls);
    presence_destroy(cloud.presence);
    for (size_t i = 0; i < SHARDS; i++) {
        cyan_openssl_key_destroy(shard_key[i]);
        cyan_openssl_destroy(shard_crypto[i]);
    }
    cyan_openssl_destroy(crypto);
    vectors_close(keys);
    vectors_close(publics);
    return uv_loop_close(&loop);
}

static void open_peer(struct peer *peer, uint8_t id_byte)
{
    peer_open(peer, crypto, keys, publics, port, id_byte, turn, NULL);
}

static void say_hello(struct peer *peer)
{
    peer_shake(peer);
    peer_write_hello(peer, false);
    peer_say(peer);
}

static void go_online(struct peer *peer, uint8_t id_byte)
{
    struct cyan_coap msg;
    open_peer(peer, id_byte);
    say_hello(peer);
    peer_hear(peer, &msg);
    assert_int_equal(cyan_message_kind(&msg), CYAN_MSG_HELLO);
}

static bool is_online(const struct peer *peer)
{
    return presence_find(cloud.presence, peer->id) != NULL;
}

/* How many notes about a device have this name and data. */
static unsigned noted(const uint8_t *id, const char *name, const char *data)
{
    unsigned count = 0;
    for (size_t i = 0; i < note_count; i++) {
        count += memcmp(notes[i].event.device, id, CYAN_ID_LEN) == 0 &&
                 strcmp(notes[i].name, name) == 0 && strcmp(notes[i].data, data) == 0;
    }
    return count;
}

static void say_event(struct peer *peer, const char *name, const char *data, bool is_private)
{
    struct cyan_event event = {.name = "",
                               .data = (const uint8_t *)data,
                               .data_len = strlen(data),
                               .ttl = 60,
                               .is_private = is_private};
    memcpy(event.name, name, strlen(name) + 1);
    cyan_event_write(peer_begin(peer), CYAN_COAP_CON, ++peer->last_id, &event);
    peer_say(peer);
}

static void devices_on_several_shards_go_online_publish_and_go_offline(void **state)
{
    (void)state;
    struct peer peers[24];
    unsigned on_shard[SHARDS] = {0};
    for (size_t i = 0; i < COUNT_OF(peers); i++) {
        go_online(&peers[i], (uint8_t)(i + 1));
        assert_true(is_online(&peers[i]));
        on_shard[presence_find(cloud.presence, peers[i].id)->shard]++;
    }
    assert_int_equal(presence_count(cloud.presence), COUNT_OF(peers));
    assert_int_equal(on_shard[0] + on_shard[1], COUNT_OF(peers));
    for (size_t i = 0; i < COUNT_OF(peers); i++) {
        struct cyan_coap ack;
        say_event(&peers[i], "temp", "21.5", true);
        say_event(&peers[i], "empty", "", false);
        say_event(&peers[i], "spark/device/ident/0", "x", false);
        for (int k = 0; k < 3; k++) {
            peer_hear(&peers[i], &ack);
            assert_int_equal(cyan_message_kind(&ack), CYAN_MSG_ACK);
        }
    }
    TURN_UNTIL(note_count == 4 * COUNT_OF(peers));
    for (size_t i = 0; i < COUNT_OF(peers); i++) {
        assert_int_equal(noted(peers[i].id, "spark/status", "online"), 1);
        assert_int_equal(noted(peers[i].id, "temp", "21.5"), 1);
        assert_int_equal(noted(peers[i].id, "empty", ""), 1);
    }
    for (size_t i = 0; i < note_count; i++) {
        bool public = strcmp(notes[i].name, "empty") == 0;
        bool ours = strcmp(notes[i].name, "spark/status") == 0;
        assert_int_equal(notes[i].event.owner, OWNER);
        assert_true(notes[i].event.about_device);
        assert_int_equal(notes[i].event.is_private, !public);
        assert_int_equal(notes[i].event.origin, ours ? BUS_FROM_CLOUD : BUS_FROM_DEVICE);
    }
    for (size_t i = 0; i < COUNT_OF(peers); i++) {
        peer_close(&peers[i]);
    }
    TURN_UNTIL(presence_count(cloud.presence) == 0);
    assert_int_equal(registry.heard, COUNT_OF(peers));
    for (size_t i = 0; i < COUNT_OF(peers); i++) {
        assert_int_equal(noted(peers[i].id, "spark/status", "offline"), 1);
    }
}

static void a_newer_session_takes_over_when_its_proof_is_stored_and_not_before(void **state)
{
    (void)state;
    struct peer older, newer;
    struct cyan_coap msg;
    go_online(&older, 7);
    uint64_t session = presence_find(cloud.presence, older.id)->session;
    registry.hold_proofs = true;
    open_peer(&newer, 7);
    say_hello(&newer);
    TURN_UNTIL(registry.waiting == 1);
    say_event(&older, "still", "here", false);
    peer_hear(&older, &msg);
    assert_int_equal(cyan_message_kind(&msg), CYAN_MSG_ACK);
    assert_int_equal(newer.len, 0);
    assert_int_equal(presence_find(cloud.presence, older.id)->session, session);

    registry.hold_proofs = false;
    peer_hear(&newer, &msg);
    peer_expect_close(&older);
    assert_int_not_equal(presence_find(cloud.presence, older.id)->session, session);
    assert_int_equal(noted(older.id, "spark/status", "online"), 2);
    assert_int_equal(noted(older.id, "spark/status", "offline"), 1);
    say_event(&newer, "now", "me", false);
    peer_hear(&newer, &msg);
    TURN_UNTIL(noted(older.id, "now", "me") == 1);
    assert_true(is_online(&newer)); /* the old one's end has taken nothing away */
    peer_close(&older);
    peer_close(&newer);
    TURN_UNTIL(presence_count(cloud.presence) == 0);
    assert_int_equal(noted(newer.id, "spark/status", "offline"), 2);
}

static void a_proof_that_is_not_stored_leaves_everything_as_it_was(void **state)
{
    (void)state;
    struct peer older, newer;
    struct cyan_coap msg;
    go_online(&older, 7);
    registry.proven_status = CYAN_E_REFUSED;
    open_peer(&newer, 7);
    say_hello(&newer);
    peer_expect_close(&newer);
    assert_int_equal(newer.len, 0);
    say_event(&older, "still", "here", false);
    peer_hear(&older, &msg);
    assert_true(is_online(&older));
    peer_close(&older);
    peer_close(&newer);
}

static void a_device_that_leaves_while_its_proof_is_stored_is_offline_in_the_end(void **state)
{
    (void)state;
    for (int round = 0; round < 10; round++) {
        struct peer peer;
        struct linger now = {.l_onoff = 1};
        registry.hold_proofs = true;
        open_peer(&peer, (uint8_t)(round + 1));
        say_hello(&peer);
        TURN_UNTIL(registry.waiting == 1);
        if (round % 2) {
            assert_int_equal(setsockopt(peer.fd, SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
        }
        peer_close(&peer);
        registry.hold_proofs = false;
        TURN_UNTIL(noted(peer.id, "spark/status", "offline") == 1);
        assert_int_equal(noted(peer.id, "spark/status", "online"), 1);
        assert_int_equal(presence_count(cloud.presence), 0);
    }
}

static void a_replaced_key_ends_the_session_of_its_device_and_no_other(void **state)
{
    (void)state;
    struct peer changed, other;
    struct cyan_coap msg;
    static const uint8_t nobody[CYAN_ID_LEN] = {9};
    go_online(&changed, 1);
    go_online(&other, 2);
    registry.changed(registry.changed_arg, changed.id);
    registry.changed(registry.changed_arg, nobody);
    peer_expect_close(&changed);
    TURN_UNTIL(!is_online(&changed));
    say_event(&other, "still", "here", false);
    peer_hear(&other, &msg);
    assert_true(is_online(&other));
    peer_close(&changed);
    peer_close(&other);
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
                              .owner = OWNER,
                              .ttl = 60,
                              .origin = BUS_FROM_API,
                              .is_private = true};
    link_event(cloud.link, &event);
}

static void events_reach_subscribers_on_every_shard_whole_and_in_order(void **state)
{
    (void)state;
    struct peer peers[16];
    static const char data[] = "some data of an event";
    for (size_t i = 0; i < COUNT_OF(peers); i++) {
        go_online(&peers[i], (uint8_t)(i + 1));
        subscribe(&peers[i], i % 4 ? "room/" : "hall/");
    }
    for (int k = 0; k < 20; k++) { /* the shards tell the hub that they want events */
        turn(NULL);
    }
    size_t notes_before = note_count;
    publish("hall/first", "", 0);
    TURN_UNTIL((peer_look(&peers[0]), peers[0].len > 0));
    for (size_t n = 0; n < 50; n++) {
        publish(n % 2 ? "room/a" : "room/b", data, n % sizeof data);
    }
    publish("hall/last", "x", 1);
    for (size_t i = 0; i < COUNT_OF(peers); i++) {
        struct cyan_coap msg;
        struct cyan_event event;
        if (i % 4 == 0) {
            peer_hear(&peers[i], &msg);
            assert_int_equal(cyan_event_read(&msg, &event), 0);
            assert_string_equal(event.name, "hall/first");
            assert_int_equal(event.data_len, 0);
            peer_hear(&peers[i], &msg);
            assert_int_equal(cyan_event_read(&msg, &event), 0);
            assert_string_equal(event.name, "hall/last");
        } else {
            for (size_t n = 0; n < 50; n++) {
                peer_hear(&peers[i], &msg);
                assert_int_equal(cyan_event_read(&msg, &event), 0);
                assert_string_equal(event.name, n % 2 ? "room/a" : "room/b");
                assert_int_equal(event.data_len, n % sizeof data);
                assert_true(event.is_private);
            }
        }
        peer_close(&peers[i]);
    }
    assert_int_equal(note_count, notes_before);
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
    calls_start(&cloud, &call, on_reply, NULL);
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
    go_online(&peer, 5);

    start_call(CALL_DESCRIBE, peer.id, "", "");
    peer_hear(&peer, &msg);
    assert_int_equal(cyan_message_kind(&msg), CYAN_MSG_DESCRIBE);
    answer(&peer, &msg, description, strlen(description));
    TURN_UNTIL(replies == 1);
    assert_int_equal(last_reply.status, 0);
    assert_string_equal(reply_text, description);

    start_call(CALL_VARIABLE, peer.id, "n", "");
    peer_hear(&peer, &msg);
    assert_int_equal(cyan_message_kind(&msg), CYAN_MSG_VARIABLE);
    answer(&peer, &msg, "\0\0\1\0", 4);
    TURN_UNTIL(replies == 1);
    assert_int_equal(last_reply.status, 0);
    assert_int_equal(last_reply.value.integer, 256);

    start_call(CALL_FUNCTION, peer.id, "led", "on");
    peer_hear(&peer, &msg);
    assert_int_equal(cyan_request_read(&msg, &request), 0);
    assert_string_equal(request.name, "led");
    assert_string_equal(request.argument, "on");
    cyan_function_result_write(peer_begin(&peer), ++peer.last_id, msg.token[0], -7);
    peer_say(&peer);
    TURN_UNTIL(replies == 1);
    assert_int_equal(last_reply.status, 0);
    assert_int_equal(last_reply.result, -7);

    start_call(CALL_VARIABLE, peer.id, "none", "");
    TURN_UNTIL(replies == 1);
    assert_int_equal(last_reply.status, CYAN_E_NOT_FOUND);

    /* The device goes while it is asked; then it is not there. */
    start_call(CALL_FUNCTION, peer.id, "led", "off");
    peer_hear(&peer, &msg);
    peer_close(&peer);
    TURN_UNTIL(replies == 1);
    assert_int_equal(last_reply.status, CYAN_E_OFFLINE);
    TURN_UNTIL(!is_online(&peer));
    start_call(CALL_PING, peer.id, "", "");
    TURN_UNTIL(replies == 1);
    assert_int_equal(last_reply.status, CYAN_E_OFFLINE);
}

static void stopping_ends_all_sessions_and_hears_of_each_end(void **state)
{
    (void)state;
    struct peer peers[12], silent;
    for (size_t i = 0; i < COUNT_OF(peers); i++) {
        go_online(&peers[i], (uint8_t)(i + 1));
    }
    open_peer(&silent, 99);
    peer_want(&silent, CYAN_NONCE_LEN);
    start_call(CALL_PING, peers[0].id, "", "");
    turn(NULL);
    stop();
    assert_int_equal(replies, 1);
    assert_int_equal(last_reply.status, CYAN_E_OFFLINE);
    assert_int_equal(registry.heard, COUNT_OF(peers));
    for (size_t i = 0; i < COUNT_OF(peers); i++) {
        assert_int_equal(noted(peers[i].id, "spark/status", "offline"), 1);
        peer_expect_close(&peers[i]);
        peer_close(&peers[i]);
    }
    peer_expect_close(&silent);
    peer_close(&silent);
}

static void what_was_never_started_can_be_stopped(void **state)
{
    (void)state;
    stop();
    assert_int_equal(note_count, 0);
}

static void a_port_that_is_taken_is_refused(void **state)
{
    (void)state;
    uint16_t same = port;
    assert_int_equal(link_listen(cloud.link, "127.0.0.1", &same), CYAN_E_BUSY);
    assert_int_equal(link_listen(cloud.link, "no address", &same), CYAN_E_INVALID);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up_running, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(devices_on_several_shards_go_online_publish_and_go_offline),
        CASE(a_newer_session_takes_over_when_its_proof_is_stored_and_not_before),
        CASE(a_proof_that_is_not_stored_leaves_everything_as_it_was),
        CASE(a_device_that_leaves_while_its_proof_is_stored_is_offline_in_the_end),
        CASE(a_replaced_key_ends_the_session_of_its_device_and_no_other),
        CASE(events_reach_subscribers_on_every_shard_whole_and_in_order),
        CASE(calls_go_to_the_device_and_their_answers_come_back),
        CASE(stopping_ends_all_sessions_and_hears_of_each_end),
        cmocka_unit_test_setup_teardown(what_was_never_started_can_be_stopped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_port_that_is_taken_is_refused, set_up, tear_down),
    };
    yard_quiet();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
