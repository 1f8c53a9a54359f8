/* The keys of a device over HTTP: the list, orders, the check, signal and reset of a session by its
 * key. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/hex.h"
#include "keys/fingerprint.h"
#include "keys/spki.h"
#include "tests/unit/fake_cloud.h"
#include "tests/unit/http_client.h"
#include "tests/unit/unit.h"

#define PRINT_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define PRINT_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define KEYS "/v1/devices/lamp/keys"

static const struct {
    const char *path;
    enum custody_action action;
    const char *via; /* without one in the body */
} orders[] = {
    {"approve", ACTION_APPROVE, "api"},        {"deny", ACTION_DENY, "api"},
    {"revoke", ACTION_REVOKE, "api"},          {"revert", ACTION_REVERT, "revert"},
    {"unrevoke", ACTION_UNREVOKE, "unrevoke"},
};

static const struct {
    int status;
    int http;
    const char *code;
} failures[] = {
    {CYAN_E_NOT_FOUND, 404, "NOT_FOUND"}, {CYAN_E_REFUSED, 403, "FORBIDDEN"},
    {CYAN_E_NO_MEMORY, 503, "BUSY"},      {CYAN_E_IO, 503, "STORE_FAILED"},
    {CYAN_E_FULL, 503, "STORE_FAILED"},
};

static struct answer order(const char *print, const char *what, const char *form)
{
    char path[256];
    (void)snprintf(path, sizeof path, KEYS "/%s/%s", print, what);
    return post(path, FAKE_ANN, form);
}

static const char *form_of(enum custody_action action)
{
    return action == ACTION_UNREVOKE ? "reason=found+again" : "";
}

static void put_keys(void)
{
    fake.keys[0].key = (struct store_key){.state = STORE_KEY_TRUSTED,
                                          .source = STORE_KEY_APPROVED,
                                          .first_seen_ms = 1767323045678,
                                          .last_seen_ms = 1767323046789,
                                          .last_ip = "192.0.2.7",
                                          .changed_ms = 1767323045000};
    memset(fake.keys[0].key.fingerprint, 0xAA, CYAN_SHA256_LEN);
    fake.keys[0].session = KEY_SESSION_FULL;
    memcpy(fake.keys[0].by, "ann", sizeof "ann");
    fake.keys[1].key = (struct store_key){.state = STORE_KEY_PENDING};
    memset(fake.keys[1].key.fingerprint, 0xBB, CYAN_SHA256_LEN);
    fake.keys[1].session = KEY_SESSION_HELD;
    fake.key_count = 2;
    fake.keys_view = (struct keys_view){.choice = {.value = POLICY_ENROLL, .from = "account"},
                                        .until_ms = 1767323045678};
}

static void the_list_has_the_policy_and_every_key_with_all_its_members(void **state)
{
    (void)state;
    put_keys();
    struct answer answer = get(KEYS, FAKE_ANN);
    assert_int_equal(answer.status, 200);
    char *text = json_dumps(answer.json, JSON_COMPACT);
    assert_string_equal(
        text, "{\"device\":\"" FAKE_LAMP "\",\"policy\":{\"value\":\"enroll\",\"from\":\"account\","
              "\"until\":\"2026-01-02T03:04:05.678Z\"},\"contested\":false,\"keys\":["
              "{\"fingerprint\":\"" PRINT_A "\",\"short\":\"aaaa-aaaa-aaaa-aaaa\","
              "\"state\":\"trusted\",\"source\":\"approved\",\"algorithm\":\"rsa\","
              "\"first_seen\":\"2026-01-02T03:04:05.678Z\","
              "\"last_seen\":\"2026-01-02T03:04:06.789Z\",\"last_ip\":\"192.0.2.7\","
              "\"online\":true,\"session\":\"full\",\"by\":\"ann\"},"
              "{\"fingerprint\":\"" PRINT_B "\",\"short\":\"bbbb-bbbb-bbbb-bbbb\","
              "\"state\":\"pending\",\"source\":null,\"algorithm\":\"rsa\",\"first_seen\":null,"
              "\"last_seen\":null,\"last_ip\":null,\"online\":false,\"session\":\"held\","
              "\"by\":null}]}");
    free(text);
    answer_done(&answer);
    assert_int_equal(fake.asker, 1);
}

static void the_keys_of_a_device_are_for_its_owner_alone(void **state)
{
    (void)state;
    assert_answer(get("/v1/devices/" FAKE_BOBS "/keys", FAKE_ANN), 403, "code", "FORBIDDEN");
    assert_answer(get("/v1/devices/none/keys", FAKE_ANN), 404, "code", "NOT_FOUND");
    assert_answer(get(KEYS, NULL), 401, "error", "invalid_token");
    for (size_t i = 0; i < COUNT_OF(orders); i++) {
        char path[256];
        (void)snprintf(path, sizeof path, "/v1/devices/%s/keys/%s/%s", FAKE_BOBS, PRINT_A,
                       orders[i].path);
        assert_answer(post(path, FAKE_ANN, "reason=x"), 403, "code", "FORBIDDEN");
    }
    assert_int_equal(fake.orders, 0);
    assert_answer(post("/v1/devices/" FAKE_BOBS "/keys/check", FAKE_ANN, "fingerprint=" PRINT_A),
                  403, "code", "FORBIDDEN");
}

static void a_failing_store_is_told_for_the_list_and_the_check(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(failures); i++) {
        fake.late_status = failures[i].status;
        assert_answer(get(KEYS, FAKE_ANN), failures[i].http, "code", failures[i].code);
        fake.late_status = failures[i].status;
        assert_answer(post(KEYS "/check", FAKE_ANN, "fingerprint=" PRINT_A), failures[i].http,
                      "code", failures[i].code);
    }
}

static void an_order_names_who_and_what_and_answers_with_the_key(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(orders); i++) {
        uint8_t print[CYAN_SHA256_LEN];
        uint8_t id[CYAN_ID_LEN];
        fake.outcome = (struct custody_outcome){.key.state = STORE_KEY_RETIRED, .by = "bob"};
        struct answer answer = order(PRINT_A, orders[i].path, form_of(orders[i].action));
        assert_string_equal(answer_text(&answer, "fingerprint"), PRINT_A);
        assert_string_equal(answer_text(&answer, "state"), "retired");
        assert_string_equal(answer_text(&answer, "session"), "none");
        assert_string_equal(answer_text(&answer, "by"), "bob");
        assert_answer(answer, 200, "takes_effect", "next-connect");
        memset(print, 0xAA, sizeof print);
        assert_int_equal(cyan_hex_decode(FAKE_LAMP, 24, id, sizeof id), 0);
        assert_int_equal(fake.order.action, orders[i].action);
        assert_int_equal(fake.order.account, 1);
        assert_string_equal(fake.order.by, "ann");
        assert_true(fake.is_operator);
        assert_string_equal(fake.order.via, orders[i].via);
        assert_memory_equal(fake.order.id, id, sizeof id);
        assert_memory_equal(fake.order.fingerprint, print, sizeof print);
        assert_string_equal(fake.order.reason,
                            orders[i].action == ACTION_UNREVOKE ? "found again" : "");
    }
    assert_int_equal(fake.orders, COUNT_OF(orders));
}

static void an_order_takes_effect_now_when_a_session_stands(void **state)
{
    (void)state;
    assert_int_equal(cyan_hex_decode(FAKE_LAMP, 24, fake.held.c.id, CYAN_ID_LEN), 0);
    memset(fake.held.c.fingerprint, 0xAA, CYAN_SHA256_LEN);
    fake.held.serial = 5;
    struct answer answer = order(PRINT_A, "approve", "via=blink");
    assert_string_equal(answer_text(&answer, "session"), "held");
    assert_answer(answer, 200, "takes_effect", "now");
    assert_answer(order(PRINT_B, "approve", ""), 200, "takes_effect", "next-connect");
    fake.session = KEY_SESSION_FULL;
    answer = order(PRINT_B, "approve", "");
    assert_string_equal(answer_text(&answer, "session"), "full");
    assert_answer(answer, 200, "takes_effect", "now");
    fake.outcome.is_gone = true;
    assert_answer(order(PRINT_B, "deny", ""), 200, "state", "none");
}

static void every_failure_of_an_order_has_its_own_status(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(orders); i++) {
        for (size_t f = 0; f < COUNT_OF(failures); f++) {
            fake.late_status = failures[f].status;
            assert_answer(order(PRINT_A, orders[i].path, form_of(orders[i].action)),
                          failures[f].http, "code", failures[f].code);
        }
        for (int was = 0; was < STORE_KEY_STATES; was++) {
            fake.late_status = CYAN_E_EXISTS;
            fake.outcome = (struct custody_outcome){.was = (enum store_key_state)was};
            struct answer answer = order(PRINT_A, orders[i].path, form_of(orders[i].action));
            assert_true(json_is_false(json_object_get(answer.json, "ok")));
            assert_string_equal(answer_text(&answer, "code"), "KEY_STATE");
            assert_non_null(answer_text(&answer, "error"));
            assert_answer(answer, 409, "state", store_key_state_name((enum store_key_state)was));
        }
    }
}

static void a_key_is_named_by_all_of_its_digits(void **state)
{
    (void)state;
    static const char *const prints[] = {"aaaa-aaaa-aaaa-aaaa", "aaaaaaaaaaaaaaaa", PRINT_A "a",
                                         PRINT_A "aa", "pending"};
    char cut[65];
    for (size_t i = 0; i < COUNT_OF(prints); i++) {
        assert_answer(order(prints[i], "approve", ""), 400, "code", "INVALID");
    }
    for (size_t len = 1; len < 64; len++) {
        (void)snprintf(cut, sizeof cut, "%.*s", (int)len, PRINT_A);
        assert_answer(order(cut, "deny", ""), 400, "code", "INVALID");
    }
    (void)snprintf(cut, sizeof cut, "%s", PRINT_A);
    cut[63] = 'g';
    assert_answer(order(cut, "revoke", ""), 400, "code", "INVALID");
    assert_int_equal(fake.orders, 0);
    cut[63] = 'A'; /* of either case */
    assert_answer(order(cut, "revoke", ""), 200, "fingerprint", PRINT_A);
}

static void via_is_one_of_four_words(void **state)
{
    (void)state;
    static const char *const good[] = {"blink", "fingerprint", "claim", "remote"};
    static const char *const bad[] = {"api", "upload", "", "Blink", "blink%20", "recovery"};
    char form[64];
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        (void)snprintf(form, sizeof form, "via=%s", good[i]);
        assert_answer(order(PRINT_A, "approve", form), 200, "", "");
        assert_string_equal(fake.order.via, good[i]);
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        (void)snprintf(form, sizeof form, "via=%s", bad[i]);
        assert_answer(order(PRINT_A, "approve", form), 400, "code", "INVALID");
    }
    assert_int_equal(fake.orders, COUNT_OF(good));
}

static void a_reason_is_wanted_for_unrevoke_and_has_128_bytes_at_most(void **state)
{
    (void)state;
    char form[256] = "reason=";
    assert_answer(order(PRINT_A, "unrevoke", ""), 400, "code", "INVALID");
    assert_answer(order(PRINT_A, "unrevoke", "reason="), 400, "code", "INVALID");
    memset(form + 7, 'x', 129);
    assert_answer(order(PRINT_A, "unrevoke", form), 400, "code", "INVALID");
    assert_int_equal(fake.orders, 0);
    form[7 + 128] = '\0';
    assert_answer(order(PRINT_A, "unrevoke", form), 200, "", "");
    assert_int_equal(strlen(fake.order.reason), 128);
}

/* --- check --- */

static void a_check_tells_the_state_and_since_when_and_a_denied_key_is_unknown(void **state)
{
    (void)state;
    for (int s = 0; s < STORE_KEY_STATES; s++) {
        put_keys();
        fake.checks = 0;
        fake.keys[0].key.state = (enum store_key_state)s;
        bool told = s != STORE_KEY_DENIED;
        struct answer answer = post(KEYS "/check", FAKE_ANN, "fingerprint=" PRINT_A);
        assert_int_equal(json_object_size(answer.json), 2);
        if (told) {
            assert_string_equal(answer_text(&answer, "since"), "2026-01-02T03:04:05.000Z");
        } else {
            assert_true(json_is_null(json_object_get(answer.json, "since")));
        }
        assert_answer(answer, 200, "status",
                      told ? store_key_state_name((enum store_key_state)s) : "unknown");
    }
    assert_answer(post(KEYS "/check", FAKE_ANN,
                       "fingerprint="
                       "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"),
                  200, "status", "unknown");
}

static void a_check_takes_the_public_key_as_well(void **state)
{
    (void)state;
    uint8_t modulus[CYAN_RSA1024_LEN], spki[CYAN_DEVICE_SPKI_LEN];
    char pem[CYAN_SPKI_PEM_MAX], print[CYAN_FINGERPRINT_TEXT], form[4096] = "public_key=";
    for (size_t i = 0; i < sizeof modulus; i++) {
        modulus[i] = (uint8_t)(0xC1 + i * 2);
    }
    cyan_device_spki_write(modulus, spki);
    assert_true(cyan_spki_to_pem(spki, sizeof spki, pem) > 0);
    assert_true(cyan_fingerprint_make(spki, sizeof spki, print) >= 0);
    size_t len = strlen(form);
    for (const char *c = pem; *c; c++) {
        len += (size_t)snprintf(form + len, sizeof form - len, "%%%02x", (unsigned char)*c);
    }
    put_keys();
    assert_int_equal(cyan_hex_decode(print, 64, fake.keys[1].key.fingerprint, CYAN_SHA256_LEN), 0);
    assert_answer(post(KEYS "/check", FAKE_ANN, form), 200, "status", "pending");
    (void)snprintf(form + len, sizeof form - len, "&fingerprint=%s", print);
    assert_answer(post(KEYS "/check", FAKE_ANN, form), 400, "code", "INVALID"); /* one of the two */
    assert_answer(post(KEYS "/check", FAKE_ANN, ""), 400, "code", "INVALID");
    assert_answer(post(KEYS "/check", FAKE_ANN, "public_key=words"), 400, "code", "INVALID");
    assert_answer(post(KEYS "/check", FAKE_ANN, "fingerprint=aa"), 400, "code", "INVALID");
    assert_answer(post(KEYS "/check", FAKE_ANN, "fingerprint=" PRINT_A "a"), 400, "code",
                  "INVALID");
    assert_int_equal(fake.checks, 1); /* what makes no sense is not counted */
}

static void the_sixty_first_check_is_too_many(void **state)
{
    (void)state;
    put_keys();
    for (int i = 0; i < FAKE_CHECKS_MAX; i++) {
        assert_answer(post(KEYS "/check", FAKE_ANN, "fingerprint=" PRINT_A), 200, "status",
                      "trusted");
    }
    assert_answer(post(KEYS "/check", FAKE_ANN, "fingerprint=" PRINT_A), 429, "code", "TOO_MANY");
}

/* --- signal and reset by key --- */

static struct answer put(const char *form)
{
    return ask("PUT", "/v1/devices/lamp", FAKE_ANN, "application/x-www-form-urlencoded", form);
}

static void signal_and_reset_reach_the_session_of_that_very_key_or_none(void **state)
{
    (void)state;
    assert_int_equal(cyan_hex_decode(FAKE_LAMP, 24, fake.held.c.id, CYAN_ID_LEN), 0);
    memset(fake.held.c.fingerprint, 0xAA, CYAN_SHA256_LEN);
    fake.held.serial = 77;
    fake.held.shard = 3;
    fake.reply = (struct call_reply){.status = 0};
    static const struct {
        const char *form;
        enum call_kind kind;
    } asked[] = {{"signal=1&key=", CALL_SIGNAL}, {"reset=reboot&key=", CALL_RESET}};
    for (size_t i = 0; i < COUNT_OF(asked); i++) {
        char form[256];
        (void)snprintf(form, sizeof form, "%s%s", asked[i].form, PRINT_A);
        assert_answer(put(form), 200, "", "");
        assert_int_equal(fake.call.kind, asked[i].kind);
        assert_int_equal(fake.call.held, 77);
        assert_int_equal(fake.call.shard, 3);
        fake.call = (struct call){.held = 1};
        (void)snprintf(form, sizeof form, "%s%s", asked[i].form, PRINT_B);
        assert_answer(put(form), 404, "code", "DEVICE_OFFLINE");
        assert_int_equal(fake.call.held, 1); /* nobody was asked */
        fake.session = KEY_SESSION_FULL;
        assert_answer(put(form), 200, "", "");
        assert_int_equal(fake.call.held, 0);
        fake.session = KEY_SESSION_NONE;
        (void)snprintf(form, sizeof form, "%saaaa-aaaa-aaaa-aaaa", asked[i].form);
        assert_answer(put(form), 400, "code", "INVALID");
    }
}

static void a_reset_is_one_of_three_and_says_how_it_went(void **state)
{
    (void)state;
    static const char *const words[] = {"reboot", "safe+mode", "dfu"};
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        char form[64];
        (void)snprintf(form, sizeof form, "reset=%s", words[i]);
        fake.reply = (struct call_reply){.status = 0};
        assert_answer(put(form), 200, "", "");
        assert_int_equal(fake.call.kind, CALL_RESET);
        assert_int_equal(fake.call.held, 0);
    }
    assert_string_equal(fake.call.argument, "dfu");
    fake.reply = (struct call_reply){.status = CYAN_E_INVALID};
    assert_answer(put("reset=twice"), 400, "code", "INVALID");
    fake.reply = (struct call_reply){.status = CYAN_E_OFFLINE};
    assert_answer(put("reset=dfu"), 404, "code", "DEVICE_OFFLINE");
    fake.reply = (struct call_reply){.status = CYAN_E_TIMEOUT};
    assert_answer(put("reset=dfu"), 408, "code", "TIMED_OUT");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fake_start, fake_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_list_has_the_policy_and_every_key_with_all_its_members),
        CASE(the_keys_of_a_device_are_for_its_owner_alone),
        CASE(a_failing_store_is_told_for_the_list_and_the_check),
        CASE(an_order_names_who_and_what_and_answers_with_the_key),
        CASE(an_order_takes_effect_now_when_a_session_stands),
        CASE(every_failure_of_an_order_has_its_own_status),
        CASE(a_key_is_named_by_all_of_its_digits),
        CASE(via_is_one_of_four_words),
        CASE(a_reason_is_wanted_for_unrevoke_and_has_128_bytes_at_most),
        CASE(a_check_tells_the_state_and_since_when_and_a_denied_key_is_unknown),
        CASE(a_check_takes_the_public_key_as_well),
        CASE(the_sixty_first_check_is_too_many),
        CASE(signal_and_reset_reach_the_session_of_that_very_key_or_none),
        CASE(a_reset_is_one_of_three_and_says_how_it_went),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
