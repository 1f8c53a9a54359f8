/* One shard as the hub sees it: the letters that it writes, and what it does when it gets some.
 * The hub is played here. */
#include "server/cloud/link_unit.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/openssl.h"
#include "server/cloud/letters.h"
#include "server/net/listener.h"
#include "tests/unit/peer.h"
#include "tests/unit/unit.h"
#include "tests/unit/yard.h"
#include "wire/event.h"
#include "wire/message.h"

enum { LETTERS_MAX = 64, LETTER_MAX = 1200, OWNER = 42, TURNS = 8 };

static uv_loop_t hub;
static struct link_unit *unit;
static struct cyan_crypto *crypto;
static struct cyan_rsa_key *key;
static struct vectors *keys, *publics;
static uint16_t port;
static struct peer peer;
static enum session_verdict verdict; /* of both questions */
static bool answers;                 /* the second one, at once */

static struct {
    uint32_t kind;
    size_t len;
    _Alignas(8) uint8_t bytes[LETTER_MAX];
} letters[LETTERS_MAX];
static size_t letter_count;

static void answer_judge(const struct letter_judge *question)
{
    const uint8_t *spki = vectors_bytes(publics, "device_spki", CYAN_DEVICE_SPKI_LEN);
    struct letter_judged *body = mail_put(&unit->shard.inbox, LETTER_JUDGED, sizeof *body);
    *body = (struct letter_judged){.serial = question->serial, .verdict = verdict};
    memcpy(body->modulus, spki + CYAN_DEVICE_SPKI_MODULUS, sizeof body->modulus);
    memcpy(body->fingerprint, vectors_bytes(publics, "device_fingerprint", CYAN_SHA256_LEN),
           sizeof body->fingerprint);
}

static void answer_proven(const struct letter_proven *question)
{
    struct letter_admitted *body = mail_put(&unit->shard.inbox, LETTER_ADMITTED, sizeof *body);
    *body =
        (struct letter_admitted){.serial = question->serial, .verdict = verdict, .owner = OWNER};
    memcpy(body->id, question->id, sizeof body->id);
}

static void at_hub(void *arg, uint32_t kind, const void *body, size_t len)
{
    (void)arg;
    assert_true(letter_count < LETTERS_MAX && len <= LETTER_MAX);
    letters[letter_count].kind = kind;
    letters[letter_count].len = len;
    memcpy(letters[letter_count++].bytes, body, len);
    if (kind == LETTER_JUDGE) {
        answer_judge(body);
    } else if (kind == LETTER_PROVEN && answers) {
        answer_proven(body);
    }
}

static void turn(void *arg)
{
    (void)arg;
    (void)uv_run(&unit->shard.loop, UV_RUN_NOWAIT);
    (void)uv_run(&hub, UV_RUN_NOWAIT);
    mail_flush(&unit->shard.inbox);
}

static void settle(void)
{
    for (int i = 0; i < TURNS; i++) {
        turn(NULL);
    }
}

static int set_up(void **state)
{
    (void)state;
    int socket = -1;
    letter_count = 0;
    verdict = SESSION_HELD;
    answers = true;
    port = 0;
    keys = vectors_open("keys.txt");
    publics = vectors_open("keys-public.txt");
    crypto = cyan_openssl_create();
    unit = calloc(1, sizeof *unit);
    assert_non_null(crypto);
    assert_non_null(unit);
    const struct vector *der = vectors_get(keys, "server_key");
    assert_int_equal(cyan_openssl_key_create(der->data, der->len, &key), 0);
    const struct cyan_rsa_key *server_keys[] = {key};
    struct session_ops session_ops = unit_session_ops(unit);
    struct actor_ops actor_ops = unit_actor_ops(unit);
    assert_int_equal(uv_loop_init(&hub), 0);
    assert_int_equal(shard_init(&unit->shard, 0, &hub, at_hub, unit, unit_receive, unit), 0);
    assert_int_equal(
        sessions_init(&unit->sessions, &unit->shard, crypto, server_keys, 1, &session_ops, 100), 0);
    assert_int_equal(actors_init(&unit->actors, &unit->shard, crypto, &actor_ops), 0);
    assert_int_equal(listener_bind("127.0.0.1", 0, &socket, &port), 0);
    assert_int_equal(shard_listen(&unit->shard, socket), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    peer_close(&peer);
    (void)mail_put(&unit->shard.inbox, LETTER_STOP, 0);
    mail_flush(&unit->shard.inbox);
    shard_run(&unit->shard);
    mail_lane_close(&unit->shard.outbox);
    (void)uv_run(&hub, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&hub), 0);
    sessions_done(&unit->sessions);
    actors_done(&unit->actors);
    shard_done(&unit->shard);
    free(unit);
    cyan_openssl_key_destroy(key);
    cyan_openssl_destroy(crypto);
    vectors_close(keys);
    vectors_close(publics);
    return 0;
}

static unsigned count(enum letter kind)
{
    unsigned n = 0;
    for (size_t i = 0; i < letter_count; i++) {
        n += letters[i].kind == (uint32_t)kind;
    }
    return n;
}

/* The only letter of its kind. */
static const void *only(enum letter kind)
{
    const void *found = NULL;
    assert_int_equal(count(kind), 1);
    for (size_t i = 0; i < letter_count; i++) {
        if (letters[i].kind == (uint32_t)kind) {
            found = letters[i].bytes;
        }
    }
    return found;
}

static void open_peer(struct peer *at, uint8_t id_byte)
{
    peer_open(at, crypto, keys, publics, port, id_byte, turn, NULL);
}

/* The whole handshake; gives the serial. */
static uint64_t come(struct peer *at, uint8_t id_byte, enum session_verdict as)
{
    struct cyan_coap hello;
    verdict = as;
    open_peer(at, id_byte);
    peer_shake(at);
    peer_write_hello(at, false);
    peer_say(at);
    peer_hear(at, &hello);
    settle();
    return unit->sessions.next_serial - 1;
}

static void say(struct peer *at, const char *name, const char *data)
{
    struct cyan_event event = {
        .data = (const uint8_t *)data, .data_len = strlen(data), .ttl = 60, .is_private = true};
    memcpy(event.name, name, strlen(name) + 1);
    cyan_event_write(peer_begin(at), CYAN_COAP_NON, ++at->last_id, &event);
    peer_say(at);
    settle();
}

static void promote(uint64_t serial, uint8_t id_byte)
{
    struct letter_promote *body = mail_put(&unit->shard.inbox, LETTER_PROMOTE, sizeof *body);
    *body = (struct letter_promote){.serial = serial, .owner = OWNER};
    memset(body->id, id_byte, sizeof body->id);
    settle();
}

/* A call; gives the reply's status. */
static int call(uint64_t serial, enum request_kind kind, const char *argument)
{
    size_t len = strlen(argument);
    struct letter_call *body =
        mail_put(&unit->shard.inbox, LETTER_CALL, sizeof *body + 1 + len + 1);
    *body = (struct letter_call){
        .call = 9, .serial = serial, .kind = kind, .argument_len = (uint16_t)len};
    memset(body->id, 0x5A, sizeof body->id);
    memcpy((char *)(body + 1), "", 1);
    memcpy((char *)(body + 1) + 1, argument, len + 1);
    letter_count = 0;
    settle();
    const struct letter_reply *reply = only(LETTER_REPLY);
    assert_int_equal(reply->call, 9);
    return reply->status;
}

static void a_proof_names_the_nonce_and_our_key(void **state)
{
    (void)state;
    uint8_t nonce[CYAN_NONCE_LEN];
    open_peer(&peer, 0x5A);
    peer_want(&peer, sizeof nonce);
    memcpy(nonce, peer.bytes, sizeof nonce);
    peer_shake(&peer);
    peer_write_hello(&peer, false);
    peer_say(&peer);
    settle();
    const struct letter_judge *judge = only(LETTER_JUDGE);
    assert_false(judge->is_nobody);
    assert_memory_equal(judge->claim.id, peer.id, CYAN_ID_LEN);
    const struct letter_proven *proven = only(LETTER_PROVEN);
    assert_int_equal(proven->serial, judge->serial);
    assert_int_equal(proven->server_key, 0);
    assert_memory_equal(proven->nonce, nonce, sizeof nonce);
    assert_memory_equal(proven->id, peer.id, CYAN_ID_LEN);
    assert_memory_equal(proven->fingerprint,
                        vectors_bytes(publics, "device_fingerprint", CYAN_SHA256_LEN),
                        CYAN_SHA256_LEN);
    assert_string_equal(proven->address, "127.0.0.1");
}

static void what_cannot_be_deciphered_is_judged_as_nobody_and_fails(void **state)
{
    (void)state;
    uint8_t request[CYAN_REQUEST_LEN] = {0};
    open_peer(&peer, 0x5A);
    peer_want(&peer, CYAN_NONCE_LEN);
    peer_take(&peer, CYAN_NONCE_LEN);
    peer_send(&peer, request, sizeof request);
    peer_expect_close(&peer);
    assert_int_equal(peer.len, 0);
    settle();
    assert_true(((const struct letter_judge *)only(LETTER_JUDGE))->is_nobody);
    const struct letter_failed *failed = only(LETTER_FAILED);
    assert_int_equal(failed->end, SESSION_END_NOT_DECIPHERABLE);
    assert_int_equal(failed->stage, SESSION_OPENING);
    assert_int_equal(failed->serial, unit->sessions.next_serial - 1);
    assert_false(failed->has_id || failed->has_fingerprint || failed->was_live);
    assert_string_equal(failed->address, "127.0.0.1");
    assert_int_equal(count(LETTER_GONE), 0);
}

static void a_failure_says_who_and_with_which_key(void **state)
{
    (void)state;
    uint64_t serial = come(&peer, 0x5A, SESSION_FULL);
    peer_send(&peer, (const uint8_t *)"\0\1", 2);
    peer_expect_close(&peer);
    settle();
    const struct letter_failed *failed = only(LETTER_FAILED);
    assert_int_equal(failed->serial, serial);
    assert_int_equal(failed->end, SESSION_END_BAD_FRAME);
    assert_int_equal(failed->stage, SESSION_LIVE);
    assert_true(failed->has_id && failed->has_fingerprint && failed->was_live);
    assert_memory_equal(failed->id, peer.id, CYAN_ID_LEN);
    assert_memory_equal(failed->fingerprint,
                        vectors_bytes(publics, "device_fingerprint", CYAN_SHA256_LEN),
                        CYAN_SHA256_LEN);
    assert_string_equal(failed->address, "127.0.0.1");
    assert_int_equal(count(LETTER_GONE), 1);
}

static void a_held_session_tells_what_is_read_at_once_and_no_event(void **state)
{
    (void)state;
    uint64_t serial = come(&peer, 0x5A, SESSION_HELD);
    say(&peer, "cyan/proof", "signed");
    say(&peer, "temp", "21");
    say(&peer, "spark/hello", "x");
    assert_int_equal(count(LETTER_EVENT), 0);
    const struct letter_held_event *body = only(LETTER_HELD_EVENT);
    const char *name = (const char *)(body + 1);
    assert_int_equal(body->serial, serial);
    assert_memory_equal(body->id, peer.id, CYAN_ID_LEN);
    assert_int_equal(body->name_len, strlen("cyan/proof"));
    assert_string_equal(name, "cyan/proof");
    assert_int_equal(body->data_len, strlen("signed"));
    assert_memory_equal(name + body->name_len + 1, "signed", body->data_len);
}

static void a_full_session_tells_hello_proof_and_claim_code_as_events(void **state)
{
    (void)state;
    static const char *const names[] = {"cyan/hello", "cyan/proof", "spark/device/claim/code"};
    (void)come(&peer, 0x5A, SESSION_FULL);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        letter_count = 0;
        say(&peer, names[i], "x");
        const struct letter_event *body = only(LETTER_EVENT);
        assert_string_equal((const char *)(body + 1), names[i]);
        assert_int_equal(body->owner, OWNER);
    }
    assert_int_equal(count(LETTER_HELD_EVENT), 0);
}

static void a_promoted_session_tells_what_was_kept_and_is_the_one_of_its_id(void **state)
{
    (void)state;
    uint64_t serial = come(&peer, 0x5A, SESSION_HELD);
    say(&peer, "spark/kept", "x");
    assert_int_equal(call(0, REQUEST_RESET, "dfu"), CYAN_E_OFFLINE);
    promote(serial, 0x5A);
    const struct letter_event *body = only(LETTER_EVENT);
    assert_string_equal((const char *)(body + 1), "spark/kept");
    assert_int_equal(body->owner, OWNER);
    assert_true(body->is_private);
    assert_int_equal(call(0, REQUEST_RESET, "dfu"), 0);
    assert_int_equal(call(serial, REQUEST_RESET, "reboot"), 0);
    promote(serial, 0x5A); /* once more changes nothing */
    assert_int_equal(call(0, REQUEST_RESET, "dfu"), 0);
    assert_int_equal(count(LETTER_GONE), 0);
    peer_close(&peer);
    settle();
    assert_int_equal(((const struct letter_gone *)only(LETTER_GONE))->serial, serial);
}

static void a_promotion_that_overflows_ends_and_is_told_as_gone(void **state)
{
    (void)state;
    uint64_t serial = come(&peer, 0x5A, SESSION_HELD);
    for (int i = 0; i <= ACTOR_HELD_EVENTS_MAX; i++) {
        say(&peer, "spark/kept", "x");
    }
    promote(serial, 0x5A);
    peer_expect_close(&peer);
    settle();
    const struct letter_gone *gone = only(LETTER_GONE);
    assert_int_equal(gone->serial, serial);
    assert_memory_equal(gone->id, peer.id, CYAN_ID_LEN);
    assert_int_equal(count(LETTER_EVENT) + count(LETTER_FAILED), 0);
}

static void a_promotion_of_one_that_is_gone_is_told_as_gone(void **state)
{
    (void)state;
    uint64_t serial = come(&peer, 0x5A, SESSION_HELD);
    peer_close(&peer);
    settle();
    (void)only(LETTER_GONE);
    letter_count = 0;
    promote(serial, 0x5A);
    assert_int_equal(((const struct letter_gone *)only(LETTER_GONE))->serial, serial);
    open_peer(&peer, 1);
}

static void one_that_left_before_it_was_held_is_told_as_gone(void **state)
{
    (void)state;
    answers = false;
    open_peer(&peer, 0x5A);
    peer_shake(&peer);
    peer_write_hello(&peer, false);
    peer_say(&peer);
    settle();
    const struct letter_proven *proven = only(LETTER_PROVEN);
    uint64_t serial = proven->serial;
    session_close(sessions_find(&unit->sessions, serial), SESSION_END_STOPPED);
    settle();
    assert_int_equal(count(LETTER_GONE), 0);
    answer_proven(proven);
    settle();
    assert_int_equal(((const struct letter_gone *)only(LETTER_GONE))->serial, serial);
}

static void a_serial_calls_the_held_session_and_no_other(void **state)
{
    (void)state;
    struct peer full;
    struct cyan_coap msg;
    uint64_t serial = come(&peer, 0x5A, SESSION_HELD);
    (void)come(&full, 0x5A, SESSION_FULL);
    assert_int_equal(call(serial, REQUEST_RESET, "safe mode"), 0);
    peer_hear(&peer, &msg);
    assert_int_equal(cyan_message_kind(&msg), CYAN_MSG_EVENT);
    assert_int_equal(call(0, REQUEST_RESET, "safe mode"), 0);
    peer_hear(&full, &msg);
    peer_look(&peer);
    assert_int_equal(peer.len + full.len, 0);
    assert_int_equal(call(serial, REQUEST_VARIABLE, ""), CYAN_E_OFFLINE);
    assert_int_equal(call(serial, REQUEST_FUNCTION, ""), CYAN_E_OFFLINE);
    assert_int_equal(call(serial + 100, REQUEST_PING, ""), CYAN_E_OFFLINE);
    assert_int_equal(call(serial, REQUEST_RESET, "else"), CYAN_E_INVALID);
    peer_close(&full);
}

static void a_promotion_displaces_the_full_session_of_the_id(void **state)
{
    (void)state;
    struct peer full;
    uint64_t held_serial = come(&peer, 0x5A, SESSION_HELD);
    uint64_t full_serial = come(&full, 0x5A, SESSION_FULL);
    promote(held_serial, 0x5A);
    peer_expect_close(&full);
    settle();
    assert_int_equal(((const struct letter_gone *)only(LETTER_GONE))->serial, full_serial);
    assert_int_equal(call(0, REQUEST_RESET, "dfu"), 0);
    peer_close(&full);
}

static void what_a_device_hears_acknowledged_the_hub_has_in_its_mail(void **state)
{
    (void)state;
    const struct cyan_subscribe filter = {.filter = "t", .scope = CYAN_SUBSCRIBE_MINE};
    struct cyan_coap msg;
    (void)come(&peer, 0x5A, SESSION_FULL);
    cyan_subscribe_write(peer_begin(&peer), ++peer.last_id, &filter);
    peer_say(&peer);
    while (!peer_hears(&peer, &msg)) {
        assert_int_equal(count(LETTER_SUBSCRIBED), 0);
        (void)uv_run(&unit->shard.loop, UV_RUN_NOWAIT);
    }
    (void)uv_run(&hub, UV_RUN_NOWAIT); /* the shard does nothing more */
    assert_int_equal(count(LETTER_SUBSCRIBED), 1);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_proof_names_the_nonce_and_our_key),
        CASE(what_cannot_be_deciphered_is_judged_as_nobody_and_fails),
        CASE(a_failure_says_who_and_with_which_key),
        CASE(a_held_session_tells_what_is_read_at_once_and_no_event),
        CASE(a_full_session_tells_hello_proof_and_claim_code_as_events),
        CASE(a_promoted_session_tells_what_was_kept_and_is_the_one_of_its_id),
        CASE(a_promotion_that_overflows_ends_and_is_told_as_gone),
        CASE(a_promotion_of_one_that_is_gone_is_told_as_gone),
        CASE(one_that_left_before_it_was_held_is_told_as_gone),
        CASE(a_serial_calls_the_held_session_and_no_other),
        CASE(a_promotion_displaces_the_full_session_of_the_id),
        CASE(what_a_device_hears_acknowledged_the_hub_has_in_its_mail),
    };
    yard_quiet();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
