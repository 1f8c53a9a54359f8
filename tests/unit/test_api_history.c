/* Incidents, diagnosis and audit over HTTP: what is asked of the cloud and how it is shown. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/hex.h"
#include "server/api/when.h"
#include "tests/unit/fake_cloud.h"
#include "tests/unit/http_client.h"
#include "tests/unit/unit.h"

#define SIXTY_FOUR_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define SIXTY_FOUR_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static void put_incidents(void)
{
    struct incident_view *known = &fake.incidents[0];
    known->row = (struct store_incident){.id = 3,
                                         .seq = 5,
                                         .cause = "device-key-mismatch",
                                         .stage = "judgement",
                                         .has_device = true,
                                         .has_presented = true,
                                         .has_trusted = true,
                                         .address = "192.0.2.7",
                                         .count = 2,
                                         .first_ms = 1767323045678,
                                         .last_ms = 1767323046789,
                                         .firmware = "system 3301",
                                         .reset = "power_down",
                                         .note = "absent address"};
    assert_int_equal(cyan_hex_decode(FAKE_LAMP, 24, known->row.device, CYAN_ID_LEN), 0);
    memset(known->row.presented, 0xAA, CYAN_SHA256_LEN);
    memset(known->row.trusted, 0xBB, CYAN_SHA256_LEN);
    struct incident_view *nobody = &fake.incidents[1];
    nobody->row = (struct store_incident){.id = 4,
                                          .seq = 6,
                                          .cause = "not-decipherable",
                                          .stage = "request",
                                          .address = "192.0.2.8",
                                          .count = 1,
                                          .first_ms = 1,
                                          .last_ms = 2};
    nobody->candidate_count = 1;
    memcpy(nobody->candidates[0], known->row.device, CYAN_ID_LEN);
    fake.incident_count = 2;
}

static void assert_text(const json_t *object, const char *key, const char *text)
{
    const char *found = json_string_value(json_object_get(object, key));
    assert_true(text || json_is_null(json_object_get(object, key)));
    if (text) {
        assert_non_null(found);
        assert_string_equal(found, text);
    }
}

static void an_incident_has_every_key_of_the_specification(void **state)
{
    (void)state;
    static const char *const keys[] = {"id",         "seq",      "cause",     "stage",   "device",
                                       "candidates", "address",  "presented", "trusted", "proven",
                                       "count",      "first",    "last",      "led",     "advice",
                                       "command",    "firmware", "reset",     "note"};
    put_incidents();
    struct answer answer = get("/v1/incidents", FAKE_ANN);
    assert_int_equal(answer.status, 200);
    assert_int_equal(json_integer_value(json_object_get(answer.json, "next")), 7);
    const json_t *list = json_object_get(answer.json, "incidents");
    assert_int_equal(json_array_size(list), 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(json_object_size(json_array_get(list, i)), COUNT_OF(keys));
        for (size_t k = 0; k < COUNT_OF(keys); k++) {
            assert_non_null(json_object_get(json_array_get(list, i), keys[k]));
        }
    }
    const json_t *known = json_array_get(list, 0);
    assert_text(known, "device", FAKE_LAMP);
    assert_text(known, "presented", SIXTY_FOUR_A);
    assert_text(known, "trusted", SIXTY_FOUR_B);
    assert_text(known, "first", "2026-01-02T03:04:05.678Z");
    assert_text(known, "last", "2026-01-02T03:04:06.789Z");
    assert_text(known, "led", "rapid cyan, one red flash");
    assert_text(known, "command", "cyan keys list " FAKE_LAMP);
    assert_text(known, "firmware", "system 3301");
    assert_text(known, "reset", "power_down");
    assert_true(json_is_false(json_object_get(known, "proven")));
    assert_int_equal(json_array_size(json_object_get(known, "candidates")), 0);
    assert_non_null(strstr(json_string_value(json_object_get(known, "advice")),
                           "Somebody who says it is " FAKE_LAMP));
    const json_t *nobody = json_array_get(list, 1);
    static const char *const nulls[] = {"device", "presented", "trusted", "firmware", "reset"};
    for (size_t i = 0; i < COUNT_OF(nulls); i++) {
        assert_text(nobody, nulls[i], NULL);
    }
    const json_t *candidates = json_object_get(nobody, "candidates");
    assert_int_equal(json_array_size(candidates), 1);
    assert_string_equal(json_string_value(json_array_get(candidates, 0)), FAKE_LAMP);
    answer_done(&answer);
}

static void what_is_asked_for_reaches_the_incidents(void **state)
{
    (void)state;
    assert_answer(get("/v1/incidents", FAKE_BOB), 200, "", "");
    assert_int_equal(fake.asker, 2);
    assert_false(fake.is_operator);
    assert_false(fake.has_device);
    assert_int_equal(fake.filter.cause, INCIDENT_CAUSES);
    assert_int_equal(fake.filter.limit, 100);
    assert_int_equal(fake.filter.after_seq, 0);
    assert_int_equal(fake.filter.since_ms, 0);
    assert_answer(get("/v1/incidents?cause=clone&since=2026-01-02T03:04:05.678Z&after=9007199254740"
                      "991&limit=1000",
                      FAKE_ANN),
                  200, "", "");
    assert_int_equal(fake.asker, 1);
    assert_true(fake.is_operator);
    assert_int_equal(fake.filter.cause, CAUSE_CLONE);
    assert_int_equal(fake.filter.limit, 1000);
    assert_int_equal(fake.filter.after_seq, 9007199254740991);
    assert_int_equal(fake.filter.since_ms, 1767323045678);
}

static void a_device_is_meant_by_its_id_or_by_a_name_of_ones_own(void **state)
{
    (void)state;
    uint8_t lamp[CYAN_ID_LEN];
    assert_int_equal(cyan_hex_decode(FAKE_LAMP, 24, lamp, sizeof lamp), 0);
    static const char *const paths[] = {"/v1/incidents?device=" FAKE_LAMP,
                                        "/v1/incidents?device=lamp"};
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        fake.has_device = false;
        assert_answer(get(paths[i], FAKE_ANN), 200, "", "");
        assert_true(fake.has_device);
        assert_memory_equal(fake.device, lamp, sizeof lamp);
    }
    assert_answer(get("/v1/incidents?device=lamp", FAKE_BOB), 404, "code", "NOT_FOUND");
    assert_answer(get("/v1/incidents?device=lamp&limit=0", FAKE_ANN), 400, "code", "INVALID");
}

static void what_cannot_be_meant_is_400_with_a_sentence(void **state)
{
    (void)state;
    static const char *const queries[] = {
        "limit=0",
        "limit=1001",
        "limit=-1",
        "limit=x",
        "limit=",
        "after=-1",
        "after=x",
        "after=1.5",
        "after=99999999999999999999",
        "cause=clones",
        "cause=",
        "since=yesterday",
        "since=",
        "since=2026-13-01",
        "since=2026-02-29",
        "since=1",
        "since=2026-01-02T",
        "since=2026-01-02T03:04:05",
        "since=2026-01-02T24:00:00Z",
        "since=1969-12-31",
    };
    for (size_t i = 0; i < COUNT_OF(queries); i++) {
        char path[128];
        (void)snprintf(path, sizeof path, "/v1/incidents?%s", queries[i]);
        fake.asker = 0;
        struct answer answer = get(path, FAKE_ANN);
        assert_true(strlen(answer_text(&answer, "error")) > 10);
        assert_answer(answer, 400, "code", "INVALID");
        assert_int_equal(fake.asker, 0);
    }
}

static void a_time_is_read_as_it_is_written(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms; /* -1: no time */
    } cases[] = {
        {"1970-01-01", 0},
        {"1970-01-01T00:00:00.001Z", 1},
        {"2000-02-29", 951782400000},
        {"2026-01-02T03:04:05Z", 1767323045000},
        {"2026-01-02T03:04:05.6Z", 1767323045600},
        {"2026-01-02T03:04:05.67Z", 1767323045670},
        {"2026-01-02T03:04:05.678Z", 1767323045678},
        {"9999-12-31T23:59:59.999Z", 253402300799999},
        {"2100-02-29", -1},
        {"2026-1-2", -1},
        {"2026-04-31", -1},
        {"2026-00-01", -1},
        {"2026-01-00", -1},
        {"2026-01-02T03:04:05.Z", -1},
        {"2026-01-02T03:04:05.6789Z", -1},
        {"2026-01-02T03:60:05Z", -1},
        {"2026-01-02T03:04:60Z", -1},
        {"2026-01-02T03:04:05Zx", -1},
        {"2026-01-02x", -1},
        {"+026-01-02", -1},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t ms = -1;
        assert_int_equal(when_read(cases[i].text, &ms), cases[i].ms < 0 ? CYAN_E_INVALID : 0);
        assert_int_equal(ms, cases[i].ms);
    }
    /* Of a whole time only the day in front is a time, too. */
    static const char whole[] = "2026-01-02T03:04:05.678Z";
    for (size_t len = 0; len < sizeof whole - 1; len++) {
        char part[sizeof whole] = "";
        int64_t ms = -1;
        memcpy(part, whole, len);
        assert_int_equal(when_read(part, &ms), len == 10 ? 0 : CYAN_E_INVALID);
    }
}

static void a_diagnosis_has_every_key_of_the_specification(void **state)
{
    (void)state;
    static const char *const keys[] = {"device", "name",    "headline",  "story",   "led",
                                       "fault",  "command", "key_state", "session", "incidents"};
    put_incidents();
    fake.diagnosis = (struct diagnosis_answer){
        .name = "lamp",
        .diagnosis = {.headline = "all is well",
                      .story = {"One.", "Two."},
                      .story_count = 2,
                      .led = "breathing cyan",
                      .fault = "nobody's",
                      .command = "cyan incidents lamp",
                      .key_state = "trusted",
                      .session = "full"},
        .incident_count = 1,
    };
    fake.diagnosis.incidents[0] = fake.incidents[0];
    struct answer answer = get("/v1/devices/lamp/diagnosis", FAKE_ANN);
    assert_int_equal(answer.status, 200);
    assert_int_equal(json_object_size(answer.json), COUNT_OF(keys));
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        assert_non_null(json_object_get(answer.json, keys[i]));
    }
    assert_text(answer.json, "device", FAKE_LAMP);
    assert_text(answer.json, "headline", "all is well");
    assert_text(answer.json, "fault", "nobody's");
    const json_t *story = json_object_get(answer.json, "story");
    assert_int_equal(json_array_size(story), 2);
    assert_string_equal(json_string_value(json_array_get(story, 1)), "Two.");
    assert_int_equal(json_array_size(json_object_get(answer.json, "incidents")), 1);
    answer_done(&answer);
    assert_answer(get("/v1/devices/" FAKE_BOBS "/diagnosis", FAKE_ANN), 403, "code", "FORBIDDEN");
    assert_answer(get("/v1/devices/nobody/diagnosis", FAKE_ANN), 404, "code", "NOT_FOUND");
}

static void put_audit(void)
{
    for (size_t i = 0; i < 2; i++) {
        fake.audit[i] = (struct store_audit){.seq = (int64_t)i + 8,
                                             .at_ms = 1767323045678,
                                             .account = (uint32_t)i + 1,
                                             .has_device = true,
                                             .action = "approve",
                                             .by = "ann",
                                             .detail = "{\"via\":\"blink\"}"};
        memset(fake.audit[i].row, 0xAA, CYAN_SHA256_LEN);
    }
    fake.audit_count = 2;
}

static void the_audit_shows_its_own_rows_whole_and_of_others_the_hash(void **state)
{
    (void)state;
    put_audit();
    struct answer answer = get("/v1/audit?after=7&limit=2", FAKE_ANN);
    assert_int_equal(answer.status, 200);
    assert_int_equal(fake.after_seq, 7);
    assert_int_equal(fake.max, 2);
    assert_true(fake.is_operator);
    assert_int_equal(json_integer_value(json_object_get(answer.json, "head_seq")), 9);
    assert_text(answer.json, "head",
                "abcd000000000000000000000000000000000000000000000000000000000000");
    const json_t *rows = json_object_get(answer.json, "rows");
    assert_int_equal(json_array_size(rows), 2);
    const json_t *mine = json_array_get(rows, 0);
    assert_int_equal(json_object_size(mine), 10);
    assert_int_equal(json_integer_value(json_object_get(mine, "seq")), 8);
    assert_text(mine, "row", SIXTY_FOUR_A);
    assert_true(json_is_true(json_object_get(mine, "mine")));
    assert_text(mine, "at", "2026-01-02T03:04:05.678Z");
    assert_int_equal(json_integer_value(json_object_get(mine, "at_ms")), 1767323045678);
    assert_int_equal(json_integer_value(json_object_get(mine, "account")), 1);
    assert_text(mine, "action", "approve");
    assert_text(mine, "by", "ann");
    assert_text(mine, "detail", "{\"via\":\"blink\"}");
    const json_t *other = json_array_get(rows, 1);
    assert_int_equal(json_object_size(other), 3);
    assert_int_equal(json_integer_value(json_object_get(other, "seq")), 9);
    assert_text(other, "row", SIXTY_FOUR_A);
    assert_true(json_is_false(json_object_get(other, "mine")));
    answer_done(&answer);
}

static void the_audit_gives_a_thousand_rows_at_most(void **state)
{
    (void)state;
    assert_answer(get("/v1/audit", FAKE_ANN), 200, "", "");
    assert_int_equal(fake.max, 1000);
    assert_int_equal(fake.after_seq, 0);
    assert_answer(get("/v1/audit?limit=1001", FAKE_ANN), 400, "code", "INVALID");
    assert_answer(get("/v1/audit?limit=0", FAKE_ANN), 400, "code", "INVALID");
    assert_answer(get("/v1/audit?after=x", FAKE_ANN), 400, "code", "INVALID");
}

static void nothing_of_it_is_told_without_a_token(void **state)
{
    (void)state;
    static const char *const paths[] = {"/v1/incidents", "/v1/audit",
                                        "/v1/devices/" FAKE_LAMP "/diagnosis"};
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        assert_answer(get(paths[i], NULL), 401, "error", "invalid_token");
        assert_answer(get(paths[i], FAKE_EXPIRED), 401, "error", "expired_token");
    }
}

static void a_failing_store_is_503_and_history_is_not_written(void **state)
{
    (void)state;
    static const char *const paths[] = {"/v1/incidents", "/v1/audit"};
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        assert_answer(post(paths[i], FAKE_ANN, ""), 405, "code", "INVALID");
        fake.status = CYAN_E_IO;
        assert_answer(get(paths[i], FAKE_ANN), 503, "code", "STORE_FAILED");
        fake.status = CYAN_E_NO_MEMORY;
        assert_answer(get(paths[i], FAKE_ANN), 503, "code", "BUSY");
    }
}

static void an_open_stream_lets_the_outbox_know(void **state)
{
    (void)state;
    static const char *const paths[] = {"/v1/events", "/v1/devices/events",
                                        "/v1/devices/" FAKE_BOBS "/events"};
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        char request[256];
        int len = snprintf(request, sizeof request,
                           "GET %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n",
                           paths[i], FAKE_BOB);
        int fd = client_open();
        client_send(fd, request, (size_t)len);
        assert_non_null(client_wait(fd, ":ok\n\n"));
        assert_int_equal(fake.streams, i + 1);
        assert_int_equal(fake.streamer, 2);
        client_close(fd);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fake_start, fake_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(an_incident_has_every_key_of_the_specification),
        CASE(what_is_asked_for_reaches_the_incidents),
        CASE(a_device_is_meant_by_its_id_or_by_a_name_of_ones_own),
        CASE(what_cannot_be_meant_is_400_with_a_sentence),
        cmocka_unit_test(a_time_is_read_as_it_is_written),
        CASE(a_diagnosis_has_every_key_of_the_specification),
        CASE(the_audit_shows_its_own_rows_whole_and_of_others_the_hash),
        CASE(the_audit_gives_a_thousand_rows_at_most),
        CASE(nothing_of_it_is_told_without_a_token),
        CASE(a_failing_store_is_503_and_history_is_not_written),
        CASE(an_open_stream_lets_the_outbox_know),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
