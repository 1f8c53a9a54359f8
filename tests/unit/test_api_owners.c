/* Claims, releases, claim codes, uploads that are refused, strangers, and who uses which key of the
 * server, over HTTP. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/hex.h"
#include "tests/unit/fake_cloud.h"
#include "tests/unit/http_client.h"
#include "tests/unit/unit.h"

static const struct {
    int status;
    int http;
    const char *code;
} failures[] = {
    {CYAN_E_NOT_FOUND, 404, "NOT_FOUND"}, {CYAN_E_REFUSED, 403, "FORBIDDEN"},
    {CYAN_E_NO_MEMORY, 503, "BUSY"},      {CYAN_E_IO, 503, "STORE_FAILED"},
    {CYAN_E_FULL, 503, "STORE_FAILED"},
};

static void a_claim_names_a_device_by_its_id_and_answers_whose_it_is(void **state)
{
    (void)state;
    uint8_t id[CYAN_ID_LEN];
    struct answer answer = post("/v1/devices", FAKE_ANN, "id=" FAKE_LAMP);
    assert_int_equal(answer.status, 200);
    assert_true(json_is_true(json_object_get(answer.json, "ok")));
    assert_true(json_is_true(json_object_get(answer.json, "claimed")));
    assert_true(json_is_true(json_object_get(answer.json, "connected")));
    assert_string_equal(answer_text(&answer, "user_id"), "ann");
    assert_string_equal(answer_text(&answer, "deviceID"), FAKE_LAMP);
    assert_answer(answer, 200, "id", FAKE_LAMP);
    assert_int_equal(cyan_hex_decode(FAKE_LAMP, 24, id, sizeof id), 0);
    assert_memory_equal(fake.device, id, sizeof id);
    assert_int_equal(fake.asker, 1);
    for (size_t i = 0; i < COUNT_OF(failures); i++) {
        fake.late_status = failures[i].status;
        answer = post("/v1/devices", FAKE_ANN, "id=" FAKE_LAMP);
        if (failures[i].status == CYAN_E_REFUSED) {
            assert_non_null(strstr(answer_text(&answer, "error"), "belongs to someone else"));
        }
        assert_answer(answer, failures[i].http, "code", failures[i].code);
    }
}

static void what_is_no_id_cannot_be_claimed(void **state)
{
    (void)state;
    static const char *const forms[] = {"",
                                        "id=",
                                        "id=lamp",
                                        "id=2f00000000000000000000",
                                        "id=2f00000000000000000000012",
                                        "id=2f000000000000000000000g",
                                        "deviceID=2f0000000000000000000001"};
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        assert_answer(post("/v1/devices", FAKE_ANN, forms[i]), 400, "code", "INVALID");
    }
    assert_int_equal(fake.asker, 0);
    assert_answer(post("/v1/devices", NULL, "id=" FAKE_LAMP), 401, "error", "invalid_token");
}

static void a_release_is_the_owners(void **state)
{
    (void)state;
    struct answer answer = ask("DELETE", "/v1/devices/lamp", FAKE_ANN, NULL, NULL);
    assert_string_equal(answer.body, "{\"ok\":true}");
    assert_answer(answer, 200, "", "");
    assert_int_equal(fake.asker, 1);
    fake.asker = 0;
    assert_answer(ask("DELETE", "/v1/devices/" FAKE_BOBS, FAKE_ANN, NULL, NULL), 403, "code",
                  "FORBIDDEN");
    assert_answer(ask("DELETE", "/v1/devices/none", FAKE_ANN, NULL, NULL), 404, "code",
                  "NOT_FOUND");
    assert_int_equal(fake.asker, 0);
    for (size_t i = 0; i < COUNT_OF(failures); i++) {
        fake.late_status = failures[i].status;
        assert_answer(ask("DELETE", "/v1/devices/lamp", FAKE_ANN, NULL, NULL), failures[i].http,
                      "code", failures[i].code);
    }
}

static void a_claim_code_comes_with_the_ids_of_the_accounts_devices(void **state)
{
    (void)state;
    struct answer answer = post("/v1/device_claims", FAKE_ANN, "");
    assert_int_equal(strlen(FAKE_CODE), CLAIM_CODE_LEN);
    assert_string_equal(answer.body, "{\"claim_code\":\"" FAKE_CODE
                                     "\",\"device_ids\":[\"" FAKE_LAMP "\",\"" FAKE_OFFLINE "\"]}");
    assert_answer(answer, 200, "", "");
    answer = post("/v1/device_claims", FAKE_BOB, "");
    assert_string_equal(answer.body, "{\"claim_code\":\"" FAKE_CODE "\",\"device_ids\":[]}");
    assert_answer(answer, 200, "", "");
    fake.late_status = CYAN_E_IO; /* of the code */
    assert_answer(post("/v1/device_claims", FAKE_ANN, ""), 503, "code", "STORE_FAILED");
    fake.list_status = CYAN_E_IO; /* of the list behind it */
    answer = post("/v1/device_claims", FAKE_ANN, "");
    assert_null(strstr(answer.body, FAKE_CODE));
    assert_answer(answer, 503, "code", "STORE_FAILED");
    assert_answer(post("/v1/device_claims", NULL, ""), 401, "error", "invalid_token");
}

static void the_operator_sees_strangers_in_the_list_and_nobody_else_does(void **state)
{
    (void)state;
    fake.has_stranger = true;
    struct answer answer = get("/v1/devices", FAKE_ANN);
    assert_non_null(strstr(answer.body, FAKE_STRANGER));
    answer_done(&answer);
    answer = get("/v1/devices", FAKE_BOB);
    assert_string_equal(answer.body, "[]");
    answer_done(&answer);
    assert_answer(get("/v1/devices/" FAKE_STRANGER, FAKE_ANN), 200, "id", FAKE_STRANGER);
    assert_answer(get("/v1/devices/" FAKE_STRANGER, FAKE_BOB), 404, "code", "NOT_FOUND");
    assert_answer(get("/v1/devices/" FAKE_STRANGER "/keys", FAKE_BOB), 404, "code", "NOT_FOUND");
}

static void the_operator_alone_sees_who_uses_which_key_of_the_server(void **state)
{
    (void)state;
    assert_answer(get("/v1/system/server-keys", FAKE_BOB), 403, "code", "FORBIDDEN");
    struct answer answer = get("/v1/system/server-keys", FAKE_ANN);
    assert_int_equal(answer.status, 200);
    json_t *keys = json_object_get(answer.json, "keys");
    assert_int_equal(json_array_size(keys), 2);
    char *first = json_dumps(json_array_get(keys, 0), JSON_COMPACT);
    char *second = json_dumps(json_array_get(keys, 1), JSON_COMPACT);
    assert_non_null(strstr(first, "\"short\":\"abab-abab-abab-abab\",\"role\":\"current\","
                                  "\"devices\":[{\"id\":\"" FAKE_LAMP "\",\"name\":\"lamp\","
                                  "\"last_handshake_at\":\"2026-01-02T03:04:05.678Z\"},"
                                  "{\"id\":\"" FAKE_BOBS "\",\"name\":null,"
                                  "\"last_handshake_at\":null}]"));
    assert_non_null(strstr(second, "\"role\":\"previous\",\"devices\":[]"));
    free(first);
    free(second);
    answer_done(&answer);
    fake.late_status = CYAN_E_IO;
    assert_answer(get("/v1/system/server-keys", FAKE_ANN), 503, "code", "STORE_FAILED");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fake_start, fake_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_claim_names_a_device_by_its_id_and_answers_whose_it_is),
        CASE(what_is_no_id_cannot_be_claimed),
        CASE(a_release_is_the_owners),
        CASE(a_claim_code_comes_with_the_ids_of_the_accounts_devices),
        CASE(the_operator_sees_strangers_in_the_list_and_nobody_else_does),
        CASE(the_operator_alone_sees_who_uses_which_key_of_the_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
