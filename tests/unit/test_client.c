/* The handshake of both implementations: how it succeeds, every way in which it fails, and when it
 * is tried again. */
#include <string.h>

#include "device/backoff.h"
#include "tests/unit/support.h"
#include "tests/unit/unit.h"
#include "tests/unit/world.h"
#include "wire/hello.h"
#include "wire/message.h"

static const struct cyan_client_profile *const profiles[] = {&cyan_profile_a, &cyan_profile_b};

static void retries_come_after_the_documented_pauses(void **state)
{
    (void)state;
    unsigned failures = 1;
    assert_int_equal(cyan_backoff_ms(0), 0);
    for (uint32_t pause = 1000; pause <= 64000; pause *= 2) {
        for (unsigned i = 0; i < 5; i++) {
            assert_int_equal(cyan_backoff_ms((uint8_t)failures++), pause);
        }
    }
    for (; failures <= UINT8_MAX; failures++) {
        assert_int_equal(cyan_backoff_ms((uint8_t)failures), 128000);
    }
}

/* The state and the light of each step, on the way to breathing cyan. */
static void the_light_follows_the_handshake_to_breathing_cyan(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(profiles); i++) {
        struct world *w = world_open(profiles[i]);
        w->connect_result = CYAN_E_AGAIN;
        world_poll(w);
        assert_int_equal(cyan_client_led(&w->client), CYAN_LED_CLOUD_CONNECTING);
        w->connect_result = 0;
        world_poll(w);
        assert_int_equal(cyan_client_led(&w->client), CYAN_LED_CLOUD_HANDSHAKE);
        world_connect(w);
        assert_int_equal(cyan_client_led(&w->client), CYAN_LED_CLOUD_CONNECTED);
        assert_int_equal(w->handshakes, 1);
        assert_int_equal(w->handshake_code, 0);
        const enum cyan_client_state expected[] = {CYAN_CLIENT_WAITING, CYAN_CLIENT_CONNECTING,
                                                   CYAN_CLIENT_NONCE,   CYAN_CLIENT_ANSWER,
                                                   CYAN_CLIENT_HELLO,   CYAN_CLIENT_CONNECTED};
        assert_int_equal(w->state_count, COUNT_OF(expected));
        assert_memory_equal(w->states, expected, sizeof expected);
        world_close(w);
    }
}

static void the_request_claims_the_id_and_the_key_of_the_slot(void **state)
{
    (void)state;
    for (int is_short = 0; is_short < 2; is_short++) {
        struct world *w = world_open(&cyan_profile_a);
        w->identity.short_handshake = is_short;
        world_connect(w);
        assert_memory_equal(w->claim.id, w->identity.id, CYAN_ID_LEN);
        assert_int_equal(w->claim.has_key, !is_short);
        if (!is_short) {
            assert_memory_equal(w->claim.spki,
                                vectors_bytes(w->publics, "device_spki", CYAN_DEVICE_SPKI_LEN),
                                CYAN_DEVICE_SPKI_LEN);
        }
        world_close(w);
    }
}

static void the_first_messages_are_those_of_stock_firmware_in_its_order(void **state)
{
    (void)state;
    static const char *const expected_a[] = {
        "\x50\x02\x20\x22\xb1h\xff\xff\xff\xff\xff\x00\x00\x00\x06",
        "\x50\x02\x20\x23\xb1\x45\x0d\x0cspark/hardware/max_binary\xff"
        "262144",
        "\x50\x02\x20\x24\xb1\x45\x0d\x10spark/hardware/ota_chunk_size\xff"
        "512",
        "\x50\x02\x20\x25\xb1\x45\x0d\x0aspark/device/last_reset\xffpower_down",
        "\x40\x01\x20\x26\xb1\x65\x05spark",
        "\x40\x01\x20\x27\xb1\x65\x07photon/\x41u",
        "\x41\x01\x20\x28\x23\xb1t",
    };
    static const size_t lengths_a[] = {15, 40, 41, 42, 12, 16, 7};
    struct world *w = world_open(&cyan_profile_a);
    world_connect(w);
    assert_int_equal(w->message_count, COUNT_OF(expected_a));
    for (size_t i = 0; i < COUNT_OF(expected_a); i++) {
        assert_int_equal(w->messages[i].len, lengths_a[i]);
        assert_memory_equal(w->messages[i].bytes, expected_a[i], lengths_a[i]);
    }
    world_close(w);

    w = world_open(&cyan_profile_b);
    world_connect(w);
    assert_int_equal(w->message_count, COUNT_OF(expected_a) + 1);
    assert_memory_equal(w->messages[0].bytes,
                        "\x50\x02\x21\x21\xb1h\xff\xff\xff\xff\xff\x00\x12\x00\x06", 15);
    assert_memory_equal(w->messages[4].bytes, "\x40\x01\x21\x25\xb1\x65\x05spark\x41u", 14);
    assert_memory_equal(w->messages[5].bytes, "\x40\x01\x21\x26\xb1\x65\x08particle\x41u", 17);
    assert_memory_equal(w->messages[7].bytes, "\x41\x01\x21\x28\x01\xb1t", 7);
    world_close(w);
}

static void the_reason_of_the_reset_is_told_once_and_the_rest_in_every_session(void **state)
{
    (void)state;
    struct world *w = world_open(&cyan_profile_a);
    world_connect(w);
    size_t first = w->message_count;
    w->down_error = CYAN_E_CLOSED;
    world_poll(w);
    w->down_error = CYAN_E_AGAIN;
    world_pass_ms(w, 1000);
    world_connect(w);
    assert_int_equal(w->message_count, first - 1);
    for (size_t i = 0; i < w->message_count; i++) {
        assert_null(memmem(w->messages[i].bytes, w->messages[i].len, "last_reset", 10));
    }
    world_close(w);
}

/* What the test's cloud does wrong, and what each implementation logs. */
enum sabotage {
    CLOSE_BEFORE_NONCE,
    RESET_BEFORE_NONCE,
    SILENT_BEFORE_NONCE,
    PART_OF_NONCE,
    EVEN_SERVER_KEY,
    CLOSE_INSTEAD_OF_ANSWER,
    RESET_INSTEAD_OF_ANSWER,
    SILENT_INSTEAD_OF_ANSWER,
    PART_OF_ANSWER,
    FOREIGN_DEVICE_KEY,
    GARBAGE_ANSWER,
    DAMAGED_P,
    EVEN_P,
    FOREIGN_SIGNATURE,
    DAMAGED_SERVER_KEY_ANSWERED,
    NO_HELLO,
    CLOSE_INSTEAD_OF_HELLO,
    RUBBISH_INSTEAD_OF_HELLO,
    SEND_FAILS_WITH_REQUEST,
};

static const struct {
    enum sabotage sabotage;
    int code_a, code_b;
    enum cyan_led_state led;
    uint32_t after_ms[2];
} failures[] = {
    {CLOSE_BEFORE_NONCE, -19, 25, CYAN_LED_HANDSHAKE_FAILED, {0, 0}},
    {RESET_BEFORE_NONCE, -18, 25, CYAN_LED_HANDSHAKE_FAILED, {0, 0}},
    {SILENT_BEFORE_NONCE, -1, 25, CYAN_LED_HANDSHAKE_FAILED, {20000, 20000}},
    {PART_OF_NONCE, -1, 25, CYAN_LED_HANDSHAKE_FAILED, {20000, 20000}},
    {EVEN_SERVER_KEY, -17028, 7, CYAN_LED_HANDSHAKE_FAILED, {0, 0}},
    {CLOSE_INSTEAD_OF_ANSWER, -19, 26, CYAN_LED_HANDSHAKE_FAILED, {0, 0}},
    {RESET_INSTEAD_OF_ANSWER, -18, 26, CYAN_LED_HANDSHAKE_FAILED, {0, 0}},
    {SILENT_INSTEAD_OF_ANSWER, -1, 26, CYAN_LED_HANDSHAKE_FAILED, {20000, 20000}},
    {PART_OF_ANSWER, -1, 26, CYAN_LED_HANDSHAKE_FAILED, {20000, 20000}},
    {FOREIGN_DEVICE_KEY, 6, 6, CYAN_LED_DECRYPTION_FAILED, {0, 0}},
    {GARBAGE_ANSWER, 6, 6, CYAN_LED_DECRYPTION_FAILED, {0, 0}},
    {DAMAGED_P, 6, 6, CYAN_LED_DECRYPTION_FAILED, {0, 0}},
    {EVEN_P, 6, 6, CYAN_LED_DECRYPTION_FAILED, {0, 0}},
    {FOREIGN_SIGNATURE, 8, 8, CYAN_LED_SIGNATURE_FAILED, {0, 0}},
    {DAMAGED_SERVER_KEY_ANSWERED, 8, 8, CYAN_LED_SIGNATURE_FAILED, {0, 0}},
    {NO_HELLO, -1, 10, CYAN_LED_HANDSHAKE_FAILED, {2000, 4000}},
    {CLOSE_INSTEAD_OF_HELLO, -1, 24, CYAN_LED_HANDSHAKE_FAILED, {0, 0}},
    {RUBBISH_INSTEAD_OF_HELLO, -1, 10, CYAN_LED_HANDSHAKE_FAILED, {0, 4000}},
    {SEND_FAILS_WITH_REQUEST, -18, 26, CYAN_LED_HANDSHAKE_FAILED, {0, 0}},
};

/* Up to the nonce; false when nothing is left to do. */
static bool sabotage_nonce(struct world *w, enum sabotage sabotage)
{
    switch (sabotage) {
    case CLOSE_BEFORE_NONCE:
        w->down_error = CYAN_E_CLOSED;
        return false;
    case RESET_BEFORE_NONCE:
        w->down_error = CYAN_E_RESET;
        return false;
    case SILENT_BEFORE_NONCE:
        return false;
    case PART_OF_NONCE:
        world_put(w, w->nonce, CYAN_NONCE_LEN - 1);
        return false;
    case EVEN_SERVER_KEY:
        w->server_key[288] &= 0xFE;
        world_send_nonce(w);
        return false;
    case SEND_FAILS_WITH_REQUEST:
        w->send_error = CYAN_E_RESET;
        w->down_error = CYAN_E_RESET;
        world_send_nonce(w);
        return false;
    case DAMAGED_SERVER_KEY_ANSWERED:
        w->server_key[200] ^= 0x10;
        break;
    case DAMAGED_P:
        w->device_key[330] ^= 0x10; /* in the middle of P */
        break;
    case EVEN_P:
        w->device_key[342] ^= 0x01; /* its last byte */
        break;
    default:
        break;
    }
    world_send_nonce(w);
    return true;
}

static void sabotage_answer(struct world *w, enum sabotage sabotage)
{
    uint8_t answer[CYAN_ANSWER_LEN];
    if (sabotage == DAMAGED_SERVER_KEY_ANSWERED) {
        /* Nobody can open this request; the cloud answers all the same. */
        w->up_len = 0;
    } else {
        world_take_request(w);
    }
    if (sabotage == FOREIGN_DEVICE_KEY) {
        memcpy(w->claim.spki, vectors_bytes(w->publics, "other_device_spki", CYAN_DEVICE_SPKI_LEN),
               CYAN_DEVICE_SPKI_LEN);
    }
    world_make_answer(w, answer);
    switch (sabotage) {
    case CLOSE_INSTEAD_OF_ANSWER:
        w->down_error = CYAN_E_CLOSED;
        return;
    case RESET_INSTEAD_OF_ANSWER:
        w->down_error = CYAN_E_RESET;
        return;
    case SILENT_INSTEAD_OF_ANSWER:
        return;
    case PART_OF_ANSWER:
        world_put(w, answer, sizeof answer - 1);
        return;
    case GARBAGE_ANSWER:
        memset(answer, 0x2A, sizeof answer);
        break;
    case FOREIGN_SIGNATURE:
        answer[200] ^= 1;
        break;
    default:
        break;
    }
    world_put(w, answer, sizeof answer);
}

static void sabotage_hello(struct world *w, enum sabotage sabotage)
{
    uint8_t rubbish[18] = {0, 16, 1, 2, 3};
    if (sabotage == CLOSE_INSTEAD_OF_HELLO) {
        w->down_error = CYAN_E_CLOSED;
    } else if (sabotage == RUBBISH_INSTEAD_OF_HELLO) {
        world_put(w, rubbish, sizeof rubbish);
    }
}

static void carry_out(struct world *w, enum sabotage sabotage)
{
    world_poll(w);
    bool go_on = sabotage_nonce(w, sabotage);
    world_poll(w);
    if (!go_on) {
        return;
    }
    sabotage_answer(w, sabotage);
    world_poll(w);
    if (sabotage >= NO_HELLO) {
        sabotage_hello(w, sabotage);
        world_poll(w);
    }
}

static void every_failure_has_the_code_and_the_light_that_real_firmware_gives_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(failures); i++) {
        for (size_t k = 0; k < COUNT_OF(profiles); k++) {
            struct world *w = world_open(profiles[k]);
            uint32_t after = failures[i].after_ms[k];
            carry_out(w, failures[i].sabotage);
            if (after > 0) {
                assert_int_equal(w->handshakes, 0);
                world_pass_ms(w, after - 1);
                assert_int_equal(w->handshakes, 0);
                world_pass_ms(w, 1);
            }
            assert_int_equal(w->handshakes, 1);
            assert_int_equal(w->handshake_code, k == 0 ? failures[i].code_a : failures[i].code_b);
            assert_int_equal(world_last_state(w), CYAN_CLIENT_WAITING);
            assert_int_equal(w->end.code, w->handshake_code);
            assert_int_equal(cyan_client_led(&w->client), failures[i].led);
            world_pass_ms(w, 249);
            assert_int_equal(cyan_client_led(&w->client), failures[i].led);
            world_pass_ms(w, 1);
            assert_int_equal(cyan_client_led(&w->client), CYAN_LED_CLOUD_CONNECTING);
            assert_true(all_bytes_are(w->client.channel.in, 0, sizeof w->client.channel.in));
            world_close(w);
        }
    }
}

static void damage_in_the_unused_exponent_does_no_harm(void **state)
{
    (void)state;
    struct world *w = world_open(&cyan_profile_a);
    w->device_key[200] ^= 0xFF;
    world_connect(w);
    world_close(w);
}

static void a_failed_handshake_is_repeated_after_each_pause_counted_from_the_failure(void **state)
{
    (void)state;
    struct world *w = world_open(&cyan_profile_a);
    w->down_error = CYAN_E_CLOSED;
    world_poll(w);
    for (unsigned i = 1; i <= 40; i++) {
        uint32_t pause = cyan_backoff_ms((uint8_t)i);
        assert_int_equal(w->handshakes, i);
        assert_int_equal(w->connects, i);
        world_pass_ms(w, 300); /* the flash is over and lies inside the pause */
        assert_int_equal(cyan_client_wait_ms(&w->client), pause - 300);
        world_pass_ms(w, pause - 301);
        assert_int_equal(w->connects, i);
        world_pass_ms(w, 1);
        assert_int_equal(w->connects, i + 1);
    }
    w->down_error = CYAN_E_AGAIN;
    world_pass_ms(w, 128000);
    world_connect(w);
    w->down_error = CYAN_E_CLOSED;
    world_poll(w); /* the session ends, and the try that follows at once fails */
    assert_int_equal(w->handshakes, 43);
    assert_int_equal(cyan_client_wait_ms(&w->client), 250); /* its flash */
    unsigned before = w->connects;
    world_pass_ms(w, 999);
    assert_int_equal(w->connects, before);
    world_pass_ms(w, 1);
    assert_int_equal(w->connects, before + 1);
    world_close(w);
}

static void a_refused_connection_shows_three_orange_blinks_and_no_code(void **state)
{
    (void)state;
    struct world *w = world_open(&cyan_profile_b);
    w->connect_result = CYAN_E_REFUSED;
    world_poll(w);
    assert_int_equal(w->handshakes, 0);
    assert_int_equal(w->end.code, 0);
    assert_int_equal(w->end.step, CYAN_STEP_CONNECT);
    assert_int_equal(w->end.err, CYAN_E_REFUSED);
    assert_int_equal(cyan_client_led(&w->client), CYAN_LED_NO_CLOUD);
    /* The second failure, after one second, does not stretch the three blinks. */
    world_pass_ms(w, 1000);
    assert_int_equal(w->connect_calls, 2);
    world_pass_ms(w, 499);
    assert_int_equal(cyan_client_led(&w->client), CYAN_LED_NO_CLOUD);
    world_pass_ms(w, 1);
    assert_int_equal(cyan_client_led(&w->client), CYAN_LED_CLOUD_CONNECTING);
    world_close(w);
}

static void a_connection_that_does_not_come_about_is_given_up_after_five_seconds(void **state)
{
    (void)state;
    struct world *w = world_open(&cyan_profile_a);
    w->connect_result = CYAN_E_AGAIN;
    world_poll(w);
    assert_true(cyan_client_wants_to_send(&w->client));
    assert_false(cyan_client_wants_to_receive(&w->client));
    world_pass_ms(w, 4999);
    assert_int_equal(w->end.err, 0);
    assert_int_equal(cyan_client_wait_ms(&w->client), 1);
    world_pass_ms(w, 1);
    assert_int_equal(w->end.err, CYAN_E_TIMEOUT);
    assert_true(w->closes > 0);
    world_close(w);
}

static void without_an_address_every_try_fails_and_nothing_is_dialled(void **state)
{
    (void)state;
    struct world *w = world_open(&cyan_profile_a);
    w->identity.address = NULL;
    world_poll(w);
    assert_int_equal(w->connect_calls, 0);
    assert_int_equal(w->end.step, CYAN_STEP_CONNECT);
    assert_int_equal(cyan_client_led(&w->client), CYAN_LED_NO_CLOUD);
    w->identity.address = &w->address;
    world_pass_ms(w, 1000);
    assert_int_equal(w->connects, 1);
    world_close(w);
}

static void repaired_keys_count_from_the_next_try_on(void **state)
{
    (void)state;
    struct world *w = world_open(&cyan_profile_a);
    w->device_key[342] ^= 1;
    carry_out(w, EVEN_P); /* flips it back: sound again */
    assert_int_equal(world_last_state(w), CYAN_CLIENT_HELLO);
    w->device_key[342] ^= 1;
    world_pass_ms(w, 2000);
    assert_int_equal(w->handshake_code, -1);
    w->device_key[342] ^= 1;
    world_pass_ms(w, 1000);
    world_connect(w);
    world_close(w);
}

static void a_confirmable_hello_is_acknowledged_by_b_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(profiles); i++) {
        struct world *w = world_open(profiles[i]);
        world_poll(w);
        world_send_nonce(w);
        world_poll(w);
        world_take_request(w);
        world_send_answer(w);
        world_poll(w);
        world_hear(w);
        world_send(w, "\x41\x02\x12\x35\x01\xb1h", 7);
        world_poll(w);
        assert_int_equal(world_last_state(w), CYAN_CLIENT_CONNECTED);
        world_hear(w);
        bool acked =
            w->messages[0].len == 4 && memcmp(w->messages[0].bytes, "\x60\x00\x12\x35", 4) == 0;
        assert_int_equal(acked, i == 1);
        world_close(w);
    }
}

static void what_comes_before_the_hello_is_no_hello(void **state)
{
    (void)state;
    struct world *w = world_open(&cyan_profile_b);
    world_poll(w);
    world_send_nonce(w);
    world_poll(w);
    world_take_request(w);
    world_send_answer(w);
    world_poll(w);
    world_send(w, "\x60\x00\x21\x21", 4);
    world_send(w, "\x50\x02\x12\x3a\xb1\x65\x08photon/x", 15);
    world_poll(w);
    assert_int_equal(world_last_state(w), CYAN_CLIENT_HELLO);
    assert_int_equal(w->event_count, 0);
    world_send_hello(w);
    world_poll(w);
    assert_int_equal(world_last_state(w), CYAN_CLIENT_CONNECTED);
    world_close(w);
}

static void bytes_that_come_one_by_one_make_the_same_handshake(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(profiles); i++) {
        struct world *w = world_open(profiles[i]);
        w->recv_max = 1;
        w->send_max = 1;
        world_connect(w);
        world_close(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(retries_come_after_the_documented_pauses),
        cmocka_unit_test(the_light_follows_the_handshake_to_breathing_cyan),
        cmocka_unit_test(the_request_claims_the_id_and_the_key_of_the_slot),
        cmocka_unit_test(the_first_messages_are_those_of_stock_firmware_in_its_order),
        cmocka_unit_test(the_reason_of_the_reset_is_told_once_and_the_rest_in_every_session),
        cmocka_unit_test(every_failure_has_the_code_and_the_light_that_real_firmware_gives_it),
        cmocka_unit_test(damage_in_the_unused_exponent_does_no_harm),
        cmocka_unit_test(a_failed_handshake_is_repeated_after_each_pause_counted_from_the_failure),
        cmocka_unit_test(a_refused_connection_shows_three_orange_blinks_and_no_code),
        cmocka_unit_test(a_connection_that_does_not_come_about_is_given_up_after_five_seconds),
        cmocka_unit_test(without_an_address_every_try_fails_and_nothing_is_dialled),
        cmocka_unit_test(repaired_keys_count_from_the_next_try_on),
        cmocka_unit_test(a_confirmable_hello_is_acknowledged_by_b_alone),
        cmocka_unit_test(what_comes_before_the_hello_is_no_hello),
        cmocka_unit_test(bytes_that_come_one_by_one_make_the_same_handshake),
    };
    return cmocka_run_group_tests_name("client", tests, NULL, NULL);
}
