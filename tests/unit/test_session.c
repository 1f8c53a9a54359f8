/* The handshake of a session, from the nonce to the moment before it is live; what comes after is
 * in test_session_live.c. */
#include "server/session/session.h"

#include <string.h>

#include "tests/unit/support.h"
#include "tests/unit/unit.h"
#include "tests/unit/upper.h"
#include "wire/pkcs1.h"

enum { SHORT_LEN = 52, LONG_LEN = 214, WRITES_MAX = 64 };

int __real_uv_try_write(uv_stream_t *stream, const uv_buf_t bufs[], unsigned count);
int __wrap_uv_try_write(uv_stream_t *stream, const uv_buf_t bufs[], unsigned count);

static size_t write_lens[WRITES_MAX], write_count;

int __wrap_uv_try_write(uv_stream_t *stream, const uv_buf_t bufs[], unsigned count)
{
    write_lens[write_count++ % WRITES_MAX] = bufs[0].len;
    return __real_uv_try_write(stream, bufs, count);
}

static struct upper upper;
static struct peer peer;
static unsigned operations; /* private RSA operations so far */

static int counted_rsa_private(void *ctx, const struct cyan_rsa_key *key, const uint8_t *in,
                               uint8_t *out)
{
    operations++;
    return upper.yard.crypto->rsa_private(ctx, key, in, out);
}

static int set_up(void **state)
{
    (void)state;
    write_count = operations = 0;
    upper_open(&upper);
    upper.crypto.rsa_private = counted_rsa_private;
    upper_peer(&upper, &peer, 0x5A);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    peer_close(&peer);
    upper_close(&upper);
    return 0;
}

static void next_peer(void)
{
    peer_close(&peer);
    upper_peer(&upper, &peer, 0x5A);
}

static const uint8_t *spki_of(const char *name)
{
    return vectors_bytes(upper.yard.publics, name, CYAN_DEVICE_SPKI_LEN);
}

/* Sends the request for the nonce that came, but nothing else yet. */
static void send_request(void)
{
    uint8_t request[CYAN_REQUEST_LEN];
    peer_make_request(&peer, spki_of("device_spki"), request);
    peer_send(&peer, request, sizeof request);
}

/* The connection ends, and after the nonce not one byte came. */
static void expect_close_without_an_answer(void)
{
    peer_expect_close(&peer);
    assert_int_equal(peer.len, 0);
    yard_settle(&upper.yard);
    assert_int_equal(upper.sessions.table.count, 0);
    assert_int_equal(upper.sessions.handshakes, 0);
}

static void the_nonce_comes_first_has_40_bytes_and_is_never_the_same(void **state)
{
    (void)state;
    uint8_t seen[20][CYAN_NONCE_LEN];
    for (size_t i = 0; i < COUNT_OF(seen); i++) {
        yard_settle(&upper.yard);
        peer_look(&peer);
        assert_int_equal(peer.len, CYAN_NONCE_LEN);
        memcpy(seen[i], peer.bytes, CYAN_NONCE_LEN);
        for (size_t k = 0; k < i; k++) {
            assert_memory_not_equal(seen[i], seen[k], CYAN_NONCE_LEN);
        }
        next_peer();
    }
    assert_int_equal(upper.judged, 0);
}

static void a_request_split_at_any_byte_is_answered(void **state)
{
    (void)state;
    for (size_t cut = 1; cut < CYAN_REQUEST_LEN; cut++) {
        uint8_t request[CYAN_REQUEST_LEN];
        peer_make_request(&peer, spki_of("device_spki"), request);
        peer_send(&peer, request, cut);
        yard_settle(&upper.yard);
        assert_int_equal(upper.judged, cut - 1);
        peer_send(&peer, request + cut, sizeof request - cut);
        peer_accept(&peer);
        next_peer();
    }
}

static void a_request_that_comes_byte_by_byte_is_answered(void **state)
{
    (void)state;
    uint8_t request[CYAN_REQUEST_LEN];
    peer_make_request(&peer, spki_of("device_spki"), request);
    for (size_t i = 0; i < sizeof request; i++) {
        peer_send(&peer, request + i, 1);
        yard_turn(&upper.yard);
    }
    peer_accept(&peer);
}

static void the_answer_is_384_bytes_in_one_write(void **state)
{
    (void)state;
    send_request();
    peer_accept(&peer);
    yard_settle(&upper.yard);
    peer_look(&peer);
    assert_int_equal(peer.len, 0);
    assert_int_equal(write_count, 2);
    assert_int_equal(write_lens[0], CYAN_NONCE_LEN);
    assert_int_equal(write_lens[1], CYAN_ANSWER_LEN);
}

static void custody_hears_the_claim_as_it_was_made(void **state)
{
    (void)state;
    uint8_t request[CYAN_REQUEST_LEN];
    send_request();
    peer_accept(&peer);
    assert_int_equal(upper.judged, 1);
    assert_true(upper.claim.has_key);
    assert_memory_equal(upper.claim.id, peer.id, CYAN_ID_LEN);
    assert_memory_equal(upper.claim.spki, spki_of("device_spki"), CYAN_DEVICE_SPKI_LEN);
    assert_string_equal(upper.address, "127.0.0.1");

    next_peer();
    peer_make_request(&peer, NULL, request);
    peer_send(&peer, request, sizeof request);
    peer_accept(&peer);
    assert_int_equal(upper.judged, 2);
    assert_false(upper.claim.has_key);
    assert_memory_equal(upper.claim.id, peer.id, CYAN_ID_LEN);
}

/* A request with this message, for this server key, with type 2 padding before it. */
static void seal_request(const char *server, const uint8_t *message, size_t len, uint8_t type,
                         uint8_t out_request[static CYAN_REQUEST_LEN])
{
    uint8_t block[CYAN_REQUEST_LEN];
    const struct cyan_crypto *crypto = upper.yard.crypto;
    assert_int_equal(cyan_pkcs1_seal(crypto, message, len, block, sizeof block), 0);
    block[1] = type;
    const uint8_t *modulus =
        vectors_bytes(upper.yard.publics, server, CYAN_SERVER_SPKI_LEN) + CYAN_SERVER_SPKI_MODULUS;
    assert_int_equal(crypto->rsa_public(crypto->ctx, modulus, sizeof block, block, out_request), 0);
}

/* nonce, id and key as far as len goes, then ones. */
static void fill_message(uint8_t *message, size_t len)
{
    memset(message, 1, len);
    memcpy(message, peer.bytes, CYAN_NONCE_LEN);
    memcpy(message + CYAN_NONCE_LEN, peer.id, CYAN_ID_LEN);
    if (len >= LONG_LEN) {
        memcpy(message + SHORT_LEN, spki_of("device_spki"), CYAN_DEVICE_SPKI_LEN);
    }
}

static void refuse_request(const uint8_t *request)
{
    peer_take(&peer, CYAN_NONCE_LEN);
    peer_send(&peer, request, CYAN_REQUEST_LEN);
    expect_close_without_an_answer();
    assert_int_equal(upper.judged, 0);
    next_peer();
    peer_want(&peer, CYAN_NONCE_LEN);
}

static void what_does_not_decipher_is_closed_without_an_answer(void **state)
{
    (void)state;
    static const size_t lens[] = {SHORT_LEN - 1, SHORT_LEN + 1, LONG_LEN - 1, LONG_LEN + 1, 245};
    uint8_t request[CYAN_REQUEST_LEN], message[245];
    peer_want(&peer, CYAN_NONCE_LEN);
    for (int byte = 0; byte <= 255; byte += 51) { /* 0 and FF among them */
        memset(request, byte, sizeof request);
        refuse_request(request);
    }
    for (size_t i = 0; i < COUNT_OF(lens); i++) {
        fill_message(message, lens[i]);
        seal_request("server_spki", message, lens[i], 2, request);
        refuse_request(request);
    }
    for (size_t bit = 0; bit < CYAN_NONCE_LEN * 8; bit += 37) {
        fill_message(message, LONG_LEN);
        message[bit / 8] ^= (uint8_t)(1U << bit % 8);
        seal_request("server_spki", message, LONG_LEN, 2, request);
        refuse_request(request);
    }
    fill_message(message, LONG_LEN);
    seal_request("other_server_spki", message, LONG_LEN, 2, request);
    refuse_request(request);
    fill_message(message, LONG_LEN);
    seal_request("server_spki", message, LONG_LEN, 1, request);
    refuse_request(request);
}

static void the_nonce_of_another_connection_is_no_good(void **state)
{
    (void)state;
    struct peer other;
    uint8_t request[CYAN_REQUEST_LEN];
    upper_peer(&upper, &other, 0x5A);
    peer_make_request(&other, spki_of("device_spki"), request);
    peer_want(&peer, CYAN_NONCE_LEN);
    peer_take(&peer, CYAN_NONCE_LEN);
    peer_send(&peer, request, sizeof request);
    peer_expect_close(&peer);
    assert_int_equal(peer.len, 0);
    assert_int_equal(upper.judged, 0);
    peer_close(&other);
}

static void a_byte_behind_the_request_closes_unless_we_have_answered(void **state)
{
    (void)state;
    uint8_t request[CYAN_REQUEST_LEN + 1];
    peer_make_request(&peer, spki_of("device_spki"), request);
    request[CYAN_REQUEST_LEN] = 0;
    peer_send(&peer, request, sizeof request);
    expect_close_without_an_answer();
    assert_int_equal(operations, 0); /* and costs no RSA */

    upper.judge = UPPER_SILENT;
    next_peer();
    send_request();
    yard_settle(&upper.yard);
    assert_int_equal(upper.judged, 1);
    peer_send(&peer, request, 1);
    expect_close_without_an_answer();
}

static void a_refused_device_gets_no_answer_and_costs_one_operation(void **state)
{
    (void)state;
    upper.judge = UPPER_REFUSE;
    send_request();
    expect_close_without_an_answer();
    assert_int_equal(upper.judged, 1);
    assert_int_equal(operations, 1);
    assert_int_equal(upper.proven + upper.lived, 0);
}

static void an_answer_for_another_session_or_at_another_time_is_ignored(void **state)
{
    (void)state;
    const uint8_t *modulus = spki_of("device_spki") + CYAN_DEVICE_SPKI_MODULUS;
    uint8_t fingerprint[CYAN_SHA256_LEN] = {0};
    yard_settle(&upper.yard);
    session_judged(&upper.sessions, UPPER_SERIAL_BASE + 1, SESSION_FULL, modulus, fingerprint);
    session_admitted(&upper.sessions, UPPER_SERIAL_BASE + 1, SESSION_FULL, upper.owner);
    session_judged(&upper.sessions, 0, SESSION_REFUSE, NULL, NULL);
    upper.judge = UPPER_SILENT;
    send_request();
    yard_settle(&upper.yard);
    assert_int_equal(upper.serial, UPPER_SERIAL_BASE + 1);
    session_judged(&upper.sessions, upper.serial + 1, SESSION_REFUSE, NULL, NULL);
    session_admitted(&upper.sessions, upper.serial, SESSION_FULL, upper.owner);
    yard_settle(&upper.yard);
    peer_look(&peer);
    assert_int_equal(peer.len, 0);
    session_judged(&upper.sessions, upper.serial, SESSION_FULL, modulus, fingerprint);
    session_judged(&upper.sessions, upper.serial, SESSION_REFUSE, NULL, NULL);
    peer_accept(&peer);
    assert_int_equal(upper.lived, 0);
}

static void a_device_key_that_cannot_encrypt_ends_the_session_without_an_answer(void **state)
{
    (void)state;
    uint8_t even[CYAN_RSA1024_LEN], fingerprint[CYAN_SHA256_LEN] = {0};
    memset(even, 0xFE, sizeof even);
    upper.judge = UPPER_SILENT;
    send_request();
    yard_settle(&upper.yard);
    session_judged(&upper.sessions, upper.serial, SESSION_FULL, even, fingerprint);
    expect_close_without_an_answer();
}

static int no_random(void *ctx, uint8_t *out, size_t len)
{
    (void)ctx;
    memset(out, 0, len);
    return CYAN_E_RANDOM;
}

static void without_randomness_there_is_no_nonce(void **state)
{
    (void)state;
    upper.crypto.random = no_random;
    peer_expect_close(&peer);
    assert_int_equal(peer.len, 0);
}

static void no_more_than_two_private_operations_run_in_a_turn(void **state)
{
    (void)state;
    struct peer many[20];
    uint8_t request[CYAN_REQUEST_LEN];
    for (size_t i = 0; i < COUNT_OF(many); i++) {
        upper_peer(&upper, &many[i], (uint8_t)i);
    }
    for (size_t i = 0; i < COUNT_OF(many); i++) {
        peer_make_request(&many[i], spki_of("device_spki"), request);
        peer_send(&many[i], request, sizeof request);
    }
    while (operations < 2 * COUNT_OF(many)) {
        unsigned before = operations;
        yard_turn(&upper.yard);
        assert_in_range(operations - before, 0, RSA_PER_TURN);
    }
    for (size_t i = 0; i < COUNT_OF(many); i++) {
        peer_accept(&many[i]);
        peer_close(&many[i]);
    }
    assert_int_equal(operations, 2 * COUNT_OF(many));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_nonce_comes_first_has_40_bytes_and_is_never_the_same),
        CASE(a_request_split_at_any_byte_is_answered),
        CASE(a_request_that_comes_byte_by_byte_is_answered),
        CASE(the_answer_is_384_bytes_in_one_write),
        CASE(custody_hears_the_claim_as_it_was_made),
        CASE(what_does_not_decipher_is_closed_without_an_answer),
        CASE(the_nonce_of_another_connection_is_no_good),
        CASE(a_byte_behind_the_request_closes_unless_we_have_answered),
        CASE(a_refused_device_gets_no_answer_and_costs_one_operation),
        CASE(an_answer_for_another_session_or_at_another_time_is_ignored),
        CASE(a_device_key_that_cannot_encrypt_ends_the_session_without_an_answer),
        CASE(without_randomness_there_is_no_nonce),
        CASE(no_more_than_two_private_operations_run_in_a_turn),
    };
    yard_quiet();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
