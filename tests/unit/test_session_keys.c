/* Two keys of the server: every request is tried with both, and the one that fits answers. */
#include <string.h>

#include "server/session/session.h"
#include "tests/unit/unit.h"
#include "tests/unit/upper.h"

static struct upper upper;
static unsigned operations;                 /* private RSA operations so far */
static const struct cyan_rsa_key *used[16]; /* with which keys, in order */

static int counted_rsa_private(void *ctx, const struct cyan_rsa_key *key, const uint8_t *in,
                               uint8_t *out)
{
    used[operations++ % COUNT_OF(used)] = key;
    return upper.yard.crypto->rsa_private(ctx, key, in, out);
}

static int set_up(void **state)
{
    (void)state;
    operations = 0;
    upper_server_keys = 2;
    upper_open(&upper);
    upper.crypto.rsa_private = counted_rsa_private;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    upper_close(&upper);
    upper_server_keys = 1;
    return 0;
}

/* The whole handshake of a device that has this key of ours. */
static void come_with(const char *server, uint8_t index)
{
    struct peer peer;
    struct cyan_coap hello;
    uint8_t nonce[CYAN_NONCE_LEN];
    unsigned proven = upper.proven;
    upper_peer(&upper, &peer, 0x5A);
    peer.server = server;
    peer_want(&peer, sizeof nonce);
    memcpy(nonce, peer.bytes, sizeof nonce);
    peer_shake(&peer); /* checks the signature with the same key */
    peer_write_hello(&peer, false);
    peer_say(&peer);
    peer_hear(&peer, &hello);
    assert_int_equal(upper.proven, proven + 1);
    assert_int_equal(upper.server_key, index);
    assert_memory_equal(upper.nonce, nonce, sizeof nonce);
    peer_close(&peer);
    yard_settle(&upper.yard);
}

static void a_device_with_either_key_is_answered_with_that_one(void **state)
{
    (void)state;
    come_with("server", 0);
    come_with("other_server", 1);
    come_with("server", 0);
}

static void every_request_is_tried_with_both_in_one_order(void **state)
{
    (void)state;
    const struct cyan_rsa_key *first = upper.yard.server_key;
    const struct cyan_rsa_key *second = upper.yard.other_server_key;
    uint8_t junk[CYAN_REQUEST_LEN] = {0};
    struct peer peer;
    come_with("server", 0);
    assert_int_equal(operations, 3);
    assert_ptr_equal(used[0], first);
    assert_ptr_equal(used[1], second);
    assert_ptr_equal(used[2], first); /* the answer */
    operations = 0;
    come_with("other_server", 1);
    assert_int_equal(operations, 3);
    assert_ptr_equal(used[0], first);
    assert_ptr_equal(used[1], second);
    assert_ptr_equal(used[2], second);
    operations = 0;
    upper_peer(&upper, &peer, 1);
    peer_want(&peer, CYAN_NONCE_LEN);
    peer_send(&peer, junk, sizeof junk);
    yard_settle(&upper.yard);
    assert_int_equal(upper.nobodies, 1);
    assert_int_equal(operations, 2);
    assert_ptr_equal(used[0], first);
    assert_ptr_equal(used[1], second);
    peer_close(&peer);
}

static void no_more_than_two_private_operations_run_in_a_turn(void **state)
{
    (void)state;
    struct peer many[20];
    uint8_t request[CYAN_REQUEST_LEN];
    const uint8_t *spki = vectors_bytes(upper.yard.publics, "device_spki", CYAN_DEVICE_SPKI_LEN);
    for (size_t i = 0; i < COUNT_OF(many); i++) {
        upper_peer(&upper, &many[i], (uint8_t)i);
        many[i].server = i % 2 ? "server" : "other_server";
        peer_make_request(&many[i], spki, request);
        peer_send(&many[i], request, sizeof request);
    }
    while (operations < 3 * COUNT_OF(many)) {
        unsigned before = operations;
        yard_turn(&upper.yard);
        assert_in_range(operations - before, 0, RSA_PER_TURN);
    }
    for (size_t i = 0; i < COUNT_OF(many); i++) {
        peer_accept(&many[i]);
        peer_close(&many[i]);
    }
    assert_int_equal(operations, 3 * COUNT_OF(many));
}

static void a_server_has_one_key_or_two(void **state)
{
    (void)state;
    static struct sessions sessions;
    const struct cyan_rsa_key *keys[SESSION_SERVER_KEYS] = {upper.yard.server_key};
    const struct session_ops ops = {0};
    static const size_t counts[] = {0, SESSION_SERVER_KEYS + 1};
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        assert_int_equal(
            sessions_init(&sessions, upper.yard.shard, &upper.crypto, keys, counts[i], &ops, 1),
            CYAN_E_INVALID);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_device_with_either_key_is_answered_with_that_one),
        CASE(every_request_is_tried_with_both_in_one_order),
        CASE(no_more_than_two_private_operations_run_in_a_turn),
        CASE(a_server_has_one_key_or_two),
    };
    yard_quiet();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
