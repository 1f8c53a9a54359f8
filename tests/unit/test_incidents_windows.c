/* Failures as the shards tell them: of devices, and of nobody known. */
#include <stdio.h>
#include <string.h>

#include "server/cloud/incidents.h"
#include "tests/unit/hub.h"
#include "tests/unit/incident_desk.h"
#include "tests/unit/timers.h"
#include "tests/unit/unit.h"

#define HOME "192.0.2.7"

/* The window that counts, and the one after it. */
static void wait_until_told(void)
{
    jobs_drain(hub_jobs); /* who claims to be a device is looked up */
    timers_advance(2 * INCIDENTS_WINDOW_MS);
}

static void each_end_has_its_cause_and_stage(void **state)
{
    (void)state;
    static const struct {
        enum session_end end;
        enum session_state state;
        bool has_id;
        const char *cause, *stage; /* NULL: no incident */
    } cases[] = {
        {SESSION_END_PEER, SESSION_LIVE, true, NULL, NULL},
        {SESSION_END_SILENT, SESSION_REQUEST, false, "silent", "nonce"},
        {SESSION_END_HUNG_UP, SESSION_REQUEST, false, "hung-up-after-nonce", "nonce"},
        {SESSION_END_FLOOD, SESSION_REQUEST, false, "flood", "nonce"},
        {SESSION_END_TRUNCATED, SESSION_REQUEST, false, "truncated", "request"},
        {SESSION_END_TIMEOUT, SESSION_REQUEST, false, "timeout", "request"},
        {SESSION_END_BAD_FRAME, SESSION_REQUEST, false, "bad-frame", "request"},
        {SESSION_END_BAD_FRAME, SESSION_OPENING, false, "bad-frame", "request"},
        {SESSION_END_NOT_DECIPHERABLE, SESSION_OPENING, false, "not-decipherable", "request"},
        {SESSION_END_NOT_DECIPHERABLE, SESSION_JUDGING, false, "not-decipherable", "request"},
        {SESSION_END_BAD_FRAME, SESSION_JUDGING, true, "bad-frame", "judgement"},
        {SESSION_END_BAD_FRAME, SESSION_ANSWERING, true, "bad-frame", "answer"},
        {SESSION_END_DROPPED_OUR_KEY, SESSION_HELLO, true, "dropped-our-key", "answer"},
        {SESSION_END_BAD_HELLO, SESSION_HELLO, true, "dropped-our-key", "hello"},
        {SESSION_END_TIMEOUT, SESSION_HELLO, true, "timeout", "hello"},
        {SESSION_END_BAD_FRAME, SESSION_PROVING, true, "bad-frame", "hello"},
        {SESSION_END_BAD_FRAME, SESSION_LIVE, true, "bad-frame", "session"},
        {SESSION_END_REFUSED, SESSION_JUDGING, true, NULL, NULL},
        {SESSION_END_DISPLACED, SESSION_LIVE, true, NULL, NULL},
        {SESSION_END_KEY_CHANGED, SESSION_LIVE, true, NULL, NULL},
        {SESSION_END_STOPPED, SESSION_LIVE, true, NULL, NULL},
        {SESSION_END_SLOW, SESSION_LIVE, true, NULL, NULL},
        {SESSION_END_INTERNAL, SESSION_LIVE, true, NULL, NULL},
    };
    desk_add_device(1, desk_op, HOME);
    size_t known = 0;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char address[16];
        (void)snprintf(address, sizeof address, "198.51.100.%zu", i);
        desk_fail(cases[i].end, cases[i].state, cases[i].has_id ? desk_id(1) : NULL, address);
        wait_until_told();
        desk_list_all(desk_op);
        known += cases[i].cause != NULL;
        assert_int_equal(desk_count, known);
        if (cases[i].cause) {
            const struct store_incident *row = &desk_views[desk_count - 1].row;
            assert_string_equal(row->address, address);
            assert_string_equal(row->cause, cases[i].cause);
            assert_string_equal(row->stage, cases[i].stage);
            assert_int_equal(row->has_device, cases[i].has_id);
        }
    }
}

static void a_failure_of_a_device_is_told_at_once_with_what_is_known_of_it(void **state)
{
    (void)state;
    struct store_key key = {.state = STORE_KEY_TRUSTED, .source = STORE_KEY_PROVISIONED};
    struct letter_failed failure = {.end = SESSION_END_DROPPED_OUR_KEY,
                                    .stage = SESSION_HELLO,
                                    .has_id = true,
                                    .has_fingerprint = true,
                                    .address = "198.51.100.1"};
    desk_add_device(1, desk_ann, HOME);
    memcpy(key.device, desk_id(1), sizeof key.device);
    memset(key.fingerprint, 7, sizeof key.fingerprint);
    assert_int_equal(hub_store.key_put(hub_store.ctx, &key), 0);
    memcpy(failure.id, desk_id(1), sizeof failure.id);
    memset(failure.fingerprint, 8, sizeof failure.fingerprint);
    incidents_note_failure(desk_incidents, &failure);
    desk_list_all(desk_ann);
    desk_list_all(desk_ann); /* the first one asked the store behind the failure */
    assert_int_equal(desk_count, 1);
    const struct store_incident *row = &desk_views[0].row;
    assert_true(row->has_device && row->has_trusted && row->has_presented && !row->proven);
    assert_memory_equal(row->trusted, key.fingerprint, sizeof key.fingerprint);
    assert_memory_equal(row->presented, failure.fingerprint, sizeof failure.fingerprint);
    assert_string_equal(row->firmware, "A (0.7.0 or earlier)");
    assert_string_equal(row->address, "198.51.100.1");
    assert_int_equal(desk_heard(desk_ann, "event: cyan/handshake/failed\n"), 1);
    incidents_note_failure(desk_incidents, &failure);
    assert_int_equal(desk_heard(desk_ann, "event:"), 0); /* once in ten minutes */
    desk_list_all(desk_ann);
    assert_int_equal(desk_views[0].row.count, 2);
}

static void a_live_session_that_fails_was_proven(void **state)
{
    (void)state;
    struct letter_failed failure = {.end = SESSION_END_BAD_FRAME,
                                    .stage = SESSION_LIVE,
                                    .has_id = true,
                                    .was_live = true,
                                    .address = HOME};
    desk_add_device(1, desk_op, HOME);
    memcpy(failure.id, desk_id(1), sizeof failure.id);
    incidents_note_failure(desk_incidents, &failure);
    wait_until_told();
    assert_true(desk_only_one()->proven);
}

static void claims_of_ids_that_no_device_has_fill_no_memory(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        uint8_t id[CYAN_ID_LEN] = {0xEE, (uint8_t)(i >> 8), (uint8_t)i};
        desk_fail(SESSION_END_DROPPED_OUR_KEY, SESSION_HELLO, id, HOME);
    }
    wait_until_told();
    const struct store_incident *row = desk_only_one();
    assert_string_equal(row->cause, "dropped-our-key");
    assert_false(row->has_device);
    assert_string_equal(row->address, HOME);
    assert_int_equal(row->count, 20000);
}

static int (*real_get)(void *ctx, const uint8_t id[CYAN_ID_LEN], struct store_device *out_device);
static unsigned lookups;

static int counting_get(void *ctx, const uint8_t id[CYAN_ID_LEN], struct store_device *out_device)
{
    lookups++;
    return real_get(ctx, id, out_device);
}

static void a_thousand_failures_of_one_device_ask_the_store_a_few_times(void **state)
{
    (void)state;
    desk_add_device(1, desk_op, HOME);
    real_get = hub_store.device_get;
    hub_store.device_get = counting_get;
    lookups = 0;
    for (unsigned i = 0; i < 1000; i++) {
        desk_fail(SESSION_END_DROPPED_OUR_KEY, SESSION_HELLO, desk_id(1), HOME);
    }
    wait_until_told();
    assert_int_equal(desk_only_one()->count, 1000);
    assert_true(lookups <= 2);
}

/* Every moment within the first window and the one after it: nothing may show. */
static void what_has_no_device_is_told_in_no_way_before_ten_seconds(void **state)
{
    (void)state;
    desk_catch_log();
    desk_add_device(1, desk_ann, HOME);
    for (int64_t at = 0; at < INCIDENTS_WINDOW_MS; at += 999) {
        int64_t begin = hub_now_ms;
        timers_advance(at);
        desk_note_nobody(CAUSE_NOT_DECIPHERABLE, HOME);
        int64_t noted = hub_now_ms;
        desk_list_all(desk_op);
        size_t before = desk_count;
        assert_true(before == 0 || desk_views[0].row.last_ms < noted);
        int64_t count = before == 0 ? 0 : desk_views[0].row.count;
        while (hub_now_ms - noted < INCIDENTS_WINDOW_MS) {
            desk_list_all(desk_op);
            assert_int_equal(desk_count == 0 ? 0 : desk_views[0].row.count, count);
            desk_list_all(desk_ann);
            assert_int_equal(desk_count == 0 ? 0 : desk_views[0].row.count, count);
            assert_int_equal(desk_logged("not-decipherable"), 0);
            assert_int_equal(desk_heard(desk_ann, "not-decipherable"), 0);
            timers_advance(500);
        }
        timers_advance(begin + 3 * INCIDENTS_WINDOW_MS - hub_now_ms);
        desk_list_all(desk_op);
        assert_int_equal(desk_views[0].row.count, count + 1);
        assert_int_equal(desk_logged("not-decipherable"), 1);
        (void)desk_heard(desk_ann, "\n");
    }
}

/* How many requests failed, and when, is all that a window tells: not in which order they came. */
static void a_window_tells_one_count_for_an_address(void **state)
{
    (void)state;
    desk_catch_log();
    for (unsigned i = 0; i < 500; i++) {
        desk_note_nobody(CAUSE_NOT_DECIPHERABLE, i % 2 == 0 ? HOME : "2001:db8::1");
        hub_now_ms += 10;
    }
    wait_until_told();
    desk_list_all(desk_op);
    assert_int_equal(desk_count, 2);
    assert_int_equal(desk_views[0].row.count, 250);
    assert_int_equal(desk_views[1].row.count, 250);
    assert_int_equal(desk_logged("handshake failed"), 2);
}

static void a_stranger_with_many_addresses_gets_1024_of_them_counted_apart(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3000; i++) {
        char address[24];
        (void)snprintf(address, sizeof address, "2001:db8::%x", i);
        desk_note_nobody(CAUSE_NOT_DECIPHERABLE, address);
        desk_note_nobody(CAUSE_HUNG_UP, address);
    }
    desk_note_nobody(CAUSE_NOT_DECIPHERABLE, "2001:db8::0"); /* still counted apart */
    wait_until_told();
    desk_list_all(desk_op);
    assert_int_equal(desk_count, 2 * (INCIDENTS_ADDRESSES_MAX + 1));
    int64_t rest = 0;
    for (size_t i = 0; i < desk_count; i++) {
        rest += desk_views[i].row.address[0] == '\0' ? desk_views[i].row.count : 0;
        assert_true(strcmp(desk_views[i].row.address, "2001:db8::0") != 0 ||
                    desk_views[i].row.count ==
                        1 + (strcmp(desk_views[i].row.cause, "not-decipherable") == 0));
    }
    assert_int_equal(rest, 2 * (3000 - INCIDENTS_ADDRESSES_MAX));
}

static void what_still_waits_is_told_and_stored_when_cyand_ends(void **state)
{
    (void)state;
    desk_note_nobody(CAUSE_NOT_DECIPHERABLE, HOME);
    timers_advance(INCIDENTS_WINDOW_MS);
    desk_note_nobody(CAUSE_NOT_DECIPHERABLE, HOME);
    desk_fail(SESSION_END_DROPPED_OUR_KEY, SESSION_HELLO, desk_id(9), HOME);
    desk_restart();
    desk_list_all(desk_op);
    assert_int_equal(desk_count, 2);
    assert_int_equal(desk_views[0].row.count + desk_views[1].row.count, 3);
}

static void candidates_hear_of_it_unless_they_are_online(void **state)
{
    (void)state;
    desk_add_device(1, desk_ann, HOME);
    desk_add_device(2, desk_ann, HOME);
    desk_add_device(3, desk_bob, HOME);
    desk_add_device(4, desk_bob, "192.0.2.8");
    desk_add_device(5, 0, HOME);
    desk_go_online(2, desk_ann);
    desk_note_nobody(CAUSE_HUNG_UP, HOME);
    desk_note_nobody(CAUSE_NOT_DECIPHERABLE, HOME);
    desk_note_nobody(CAUSE_SILENT, "192.0.2.8"); /* a port scan's cause wakes nobody */
    wait_until_told();
    assert_int_equal(desk_heard(desk_ann, "event: cyan/handshake/failed\n"), 1);
    assert_int_equal(desk_heard(desk_bob, "\\\"cause\\\":\\\"not-decipherable\\\""), 1);
    assert_int_equal(desk_heard(desk_op, "event:"), 0);
}

static void at_most_eight_candidates_of_an_address_hear_of_it(void **state)
{
    (void)state;
    for (uint8_t i = 1; i <= 20; i++) {
        desk_add_device(i, desk_ann, HOME);
    }
    desk_note_nobody(CAUSE_TRUNCATED, HOME);
    wait_until_told();
    assert_int_equal(desk_heard(desk_ann, "event: cyan/handshake/failed\n"), INCIDENT_TOLD_MAX);
}

static void an_owner_sees_what_his_devices_may_have_caused_and_only_those(void **state)
{
    (void)state;
    desk_add_device(1, desk_ann, HOME);
    desk_add_device(2, desk_ann, HOME);
    desk_add_device(3, desk_bob, HOME);
    desk_add_device(4, desk_bob, "192.0.2.8");
    desk_go_online(2, desk_ann);
    desk_note_nobody(CAUSE_NOT_DECIPHERABLE, HOME);
    desk_note_nobody(CAUSE_NOT_DECIPHERABLE, "192.0.2.8");
    desk_note_nobody(CAUSE_NOT_DECIPHERABLE, "192.0.2.9");
    wait_until_told();
    desk_list_all(desk_ann);
    assert_int_equal(desk_count, 1);
    assert_int_equal(desk_views[0].candidate_count, 1);
    assert_memory_equal(desk_views[0].candidates[0], desk_id(1), CYAN_ID_LEN);
    desk_list_all(desk_bob);
    assert_int_equal(desk_count, 2);
    for (size_t i = 0; i < 2; i++) {
        bool is_home = strcmp(desk_views[i].row.address, HOME) == 0;
        assert_int_equal(desk_views[i].candidate_count, 1);
        assert_memory_equal(desk_views[i].candidates[0], desk_id(is_home ? 3 : 4), CYAN_ID_LEN);
    }
    desk_list_all(desk_op);
    assert_int_equal(desk_count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(desk_views[i].candidate_count, 0);
    }
    desk_go_online(1, desk_ann);
    desk_list_all(desk_ann);
    assert_int_equal(desk_count, 0);
}

static void the_list_keeps_accounts_apart(void **state)
{
    (void)state;
    desk_note(CAUSE_KEY_MISMATCH, 1, desk_ann, HOME);
    desk_note(CAUSE_KEY_MISMATCH, 2, desk_bob, HOME);
    desk_note(CAUSE_UNKNOWN_DEVICE, 3, 0, HOME);
    const struct {
        uint32_t account;
        uint8_t device;
    } cases[] = {{desk_ann, 1}, {desk_bob, 2}, {desk_op, 3}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        desk_list_all(cases[i].account);
        assert_int_equal(desk_count, 1);
        assert_memory_equal(desk_views[0].row.device, desk_id(cases[i].device), CYAN_ID_LEN);
    }
}

static void filters_and_pages_find_what_they_name(void **state)
{
    (void)state;
    desk_add_device(1, desk_ann, HOME);
    desk_add_device(2, desk_ann, HOME);
    int64_t begin = hub_now_ms;
    desk_note(CAUSE_KEY_MISMATCH, 1, desk_ann, HOME);
    desk_note(CAUSE_CLONE, 1, desk_ann, HOME);
    hub_now_ms += 1000;
    desk_note(CAUSE_CLONE, 2, desk_ann, HOME);
    desk_note_nobody(CAUSE_NOT_DECIPHERABLE, HOME);
    wait_until_told();
    uint8_t one[CYAN_ID_LEN];
    memcpy(one, desk_id(1), sizeof one);
    const struct {
        struct incident_filter filter;
        size_t count;
    } cases[] = {
        {{.cause = INCIDENT_CAUSES, .limit = 10}, 4},
        {{.cause = CAUSE_CLONE, .limit = 10}, 2},
        {{.cause = CAUSE_FLOOD, .limit = 10}, 0},
        {{.device = one, .cause = INCIDENT_CAUSES, .limit = 10}, 3}, /* one of which it may be */
        {{.device = one, .cause = CAUSE_CLONE, .limit = 10}, 1},
        {{.cause = INCIDENT_CAUSES, .since_ms = begin + 1, .limit = 10}, 2},
        {{.cause = INCIDENT_CAUSES, .since_ms = begin, .limit = 10}, 4},
        {{.cause = INCIDENT_CAUSES, .since_ms = begin + 100000, .limit = 10}, 0},
        {{.cause = INCIDENT_CAUSES, .after_seq = 1 << 30, .limit = 10}, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        desk_list(desk_ann, &cases[i].filter);
        assert_int_equal(desk_count, cases[i].count);
        if (desk_count == 0) {
            assert_int_equal(desk_next, cases[i].filter.after_seq);
        }
    }
    for (size_t limit = 1; limit <= 5; limit++) {
        struct incident_filter filter = {.cause = INCIDENT_CAUSES, .limit = limit};
        size_t seen = 0;
        int64_t last = 0;
        do {
            desk_list(desk_ann, &filter);
            assert_true(desk_count <= limit);
            for (size_t i = 0; i < desk_count; i++) {
                assert_true(desk_views[i].row.seq > last);
                last = desk_views[i].row.seq;
            }
            seen += desk_count;
            filter.after_seq = desk_next;
        } while (desk_count > 0);
        assert_int_equal(seen, 4);
    }
}

static void a_device_knows_of_itself_and_of_its_address(void **state)
{
    (void)state;
    struct store_incident rows[8];
    desk_note(CAUSE_KEY_MISMATCH, 1, desk_ann, "192.0.2.200");
    desk_note(CAUSE_KEY_MISMATCH, 2, desk_ann, HOME);
    desk_note_nobody(CAUSE_HUNG_UP, HOME);
    desk_note_nobody(CAUSE_HUNG_UP, "192.0.2.8");
    wait_until_told();
    assert_int_equal(incidents_about(desk_incidents, desk_id(1), desk_ann, HOME, rows, 8), 2);
    assert_string_equal(rows[0].cause, "hung-up-after-nonce");
    assert_string_equal(rows[1].address, "192.0.2.200");
    assert_int_equal(incidents_about(desk_incidents, desk_id(1), desk_ann, HOME, rows, 1), 1);
    assert_int_equal(incidents_about(desk_incidents, desk_id(1), desk_ann, "", rows, 8), 1);
    assert_int_equal(incidents_about(desk_incidents, desk_id(1), desk_bob, "", rows, 8), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, desk_set_up, desk_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(each_end_has_its_cause_and_stage),
        CASE(a_failure_of_a_device_is_told_at_once_with_what_is_known_of_it),
        CASE(a_live_session_that_fails_was_proven),
        CASE(claims_of_ids_that_no_device_has_fill_no_memory),
        CASE(a_thousand_failures_of_one_device_ask_the_store_a_few_times),
        CASE(what_has_no_device_is_told_in_no_way_before_ten_seconds),
        CASE(a_window_tells_one_count_for_an_address),
        CASE(a_stranger_with_many_addresses_gets_1024_of_them_counted_apart),
        CASE(what_still_waits_is_told_and_stored_when_cyand_ends),
        CASE(candidates_hear_of_it_unless_they_are_online),
        CASE(at_most_eight_candidates_of_an_address_hear_of_it),
        CASE(an_owner_sees_what_his_devices_may_have_caused_and_only_those),
        CASE(the_list_keeps_accounts_apart),
        CASE(filters_and_pages_find_what_they_name),
        CASE(a_device_knows_of_itself_and_of_its_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
