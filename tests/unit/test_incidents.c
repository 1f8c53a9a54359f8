#include "server/cloud/incidents.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/hub.h"
#include "tests/unit/incident_desk.h"
#include "tests/unit/timers.h"
#include "tests/unit/unit.h"

#define HOME "192.0.2.7"

static void a_note_has_everything_that_was_said(void **state)
{
    (void)state;
    uint8_t presented[CYAN_SHA256_LEN], trusted[CYAN_SHA256_LEN];
    memset(presented, 5, sizeof presented);
    memset(trusted, 6, sizeof trusted);
    const struct incident_note note = {.cause = CAUSE_KEY_MISMATCH,
                                       .stage = STAGE_HELLO,
                                       .device = desk_id(1),
                                       .owner = desk_op,
                                       .address = HOME,
                                       .presented = presented,
                                       .trusted = trusted,
                                       .proven = true,
                                       .firmware = "system 3301",
                                       .reset = "power_down",
                                       .note = "absent"};
    incidents_note(desk_incidents, &note);
    const struct store_incident *row = desk_only_one();
    assert_string_equal(row->cause, "device-key-mismatch");
    assert_string_equal(row->stage, "hello");
    assert_true(row->has_device && row->has_presented && row->has_trusted && row->proven);
    assert_memory_equal(row->device, desk_id(1), CYAN_ID_LEN);
    assert_memory_equal(row->presented, presented, sizeof presented);
    assert_memory_equal(row->trusted, trusted, sizeof trusted);
    assert_int_equal(row->owner, desk_op);
    assert_string_equal(row->address, HOME);
    assert_string_equal(row->firmware, "system 3301");
    assert_string_equal(row->reset, "power_down");
    assert_string_equal(row->note, "absent");
    assert_int_equal(row->count, 1);
    assert_int_equal(row->first_ms, hub_now_ms);
    assert_int_equal(row->last_ms, hub_now_ms);
}

static void a_cause_has_its_usual_stage_when_none_is_given(void **state)
{
    (void)state;
    desk_note(CAUSE_KEY_REVOKED, 1, desk_op, HOME);
    assert_string_equal(desk_only_one()->stage, "judgement");
}

static void a_repeat_counts_and_is_new_by_its_seq(void **state)
{
    (void)state;
    desk_note(CAUSE_KEY_MISMATCH, 1, desk_op, HOME);
    desk_note(CAUSE_CONTESTED, 1, desk_op, HOME);
    int64_t first = hub_now_ms;
    desk_list_all(desk_op);
    int64_t after = desk_next;
    hub_now_ms += 5000;
    desk_note(CAUSE_KEY_MISMATCH, 1, desk_op, HOME);
    const struct incident_filter filter = {
        .cause = INCIDENT_CAUSES, .after_seq = after, .limit = 10};
    desk_list(desk_op, &filter);
    assert_int_equal(desk_count, 1);
    const struct store_incident *row = &desk_views[0].row;
    assert_string_equal(row->cause, "device-key-mismatch");
    assert_int_equal(row->count, 2);
    assert_int_equal(row->first_ms, first);
    assert_int_equal(row->last_ms, hub_now_ms);
    assert_true(row->seq > after);
    desk_list_all(desk_op);
    assert_int_equal(desk_count, 2);
    assert_true(desk_views[0].row.seq < desk_views[1].row.seq);
}

/* Each way in which a note can differ from the first. */
static void only_the_same_cause_device_key_and_address_is_a_repeat(void **state)
{
    (void)state;
    uint8_t print[CYAN_SHA256_LEN] = {1};
    uint8_t other[CYAN_SHA256_LEN] = {1, [CYAN_SHA256_LEN - 1] = 1};
    const struct incident_note base = {.cause = CAUSE_KEY_MISMATCH,
                                       .device = desk_id(1),
                                       .owner = desk_op,
                                       .address = HOME,
                                       .presented = print};
    struct incident_note notes[6] = {base, base, base, base, base, base};
    notes[1].cause = CAUSE_CLONE;
    notes[2].device = desk_id(2);
    notes[3].address = HOME "0";
    notes[4].presented = other;
    notes[5].presented = NULL;
    for (size_t round = 0; round < 3; round++) {
        for (size_t i = 0; i < COUNT_OF(notes); i++) {
            incidents_note(desk_incidents, &notes[i]);
        }
    }
    desk_list_all(desk_op);
    assert_int_equal(desk_count, COUNT_OF(notes));
    for (size_t i = 0; i < desk_count; i++) {
        assert_int_equal(desk_views[i].row.count, 3);
    }
}

static void a_day_without_a_repeat_begins_another_one(void **state)
{
    (void)state;
    desk_note(CAUSE_KEY_MISMATCH, 1, desk_op, HOME);
    hub_now_ms += 24 * DESK_HOUR - 1;
    desk_note(CAUSE_KEY_MISMATCH, 1, desk_op, HOME);
    assert_int_equal(desk_only_one()->count, 2);
    hub_now_ms += 24 * DESK_HOUR;
    desk_note(CAUSE_KEY_MISMATCH, 1, desk_op, HOME);
    desk_list_all(desk_op);
    assert_int_equal(desk_count, 2);
    assert_int_equal(desk_views[0].row.count, 2);
    assert_int_equal(desk_views[1].row.count, 1);
}

static void a_new_month_begins_another_one(void **state)
{
    (void)state;
    hub_now_ms = 1775001599999; /* 2026-03-31T23:59:59.999Z */
    desk_note(CAUSE_KEY_MISMATCH, 1, desk_op, HOME);
    desk_note(CAUSE_KEY_MISMATCH, 1, desk_op, HOME);
    assert_int_equal(desk_only_one()->count, 2);
    hub_now_ms += 1;
    desk_note(CAUSE_KEY_MISMATCH, 1, desk_op, HOME);
    desk_list_all(desk_op);
    assert_int_equal(desk_count, 2);
}

static void a_device_has_at_most_32_and_the_oldest_goes(void **state)
{
    (void)state;
    desk_note(CAUSE_CLONE, 2, desk_op, HOME);
    for (unsigned i = 1; i <= 100; i++) {
        char address[16];
        (void)snprintf(address, sizeof address, "192.0.2.%u", i);
        desk_note(CAUSE_KEY_MISMATCH, 1, desk_op, address);
        desk_list_all(desk_op);
        assert_int_equal(desk_count, (i < 32 ? i : 32) + 1);
        assert_string_equal(desk_views[desk_count - 1].row.address, address);
    }
    assert_string_equal(desk_views[0].row.cause, "clone");
    assert_string_equal(desk_views[1].row.address, "192.0.2.69");
}

/* A device of its own each. */
static void note_number(unsigned number, uint32_t owner)
{
    uint8_t id[CYAN_ID_LEN] = {(uint8_t)owner, (uint8_t)(number >> 8), (uint8_t)number};
    const struct incident_note note = {
        .cause = CAUSE_KEY_MISMATCH, .device = id, .owner = owner, .address = HOME};
    incidents_note(desk_incidents, &note);
}

static void there_are_at_most_4096_and_the_oldest_goes(void **state)
{
    (void)state;
    for (unsigned i = 0; i < INCIDENTS_MAX + 40; i++) {
        note_number(i, desk_op);
    }
    desk_list_all(desk_op);
    assert_int_equal(desk_count, INCIDENTS_MAX);
    assert_int_equal(desk_views[0].row.device[2], 40);
}

static void strangers_cannot_wash_out_what_owners_want_to_know(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        note_number(i, desk_ann);
    }
    for (unsigned i = 0; i < 3 * INCIDENTS_MAX; i++) {
        note_number(i, 0);
    }
    desk_list_all(desk_ann);
    assert_int_equal(desk_count, 100);
    desk_list_all(desk_op);
    assert_int_equal(desk_count, INCIDENTS_MAX - 100);
    for (unsigned i = 0; i < 100; i++) {
        note_number(1000 + i, desk_ann); /* while strangers fill more than half they make room */
    }
    desk_list_all(desk_ann);
    assert_int_equal(desk_count, 200);
}

static int count_row(void *arg, const struct store_incident *row)
{
    int64_t *sum = arg;
    *sum += row->count;
    return 0;
}

static int64_t stored_sum(void)
{
    int64_t sum = 0;
    assert_int_equal(hub_store.incident_each(hub_store.ctx, count_row, &sum), 0);
    return sum;
}

static void everything_is_on_disk_within_ten_seconds(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 50; i++) {
        note_number(i, desk_op);
    }
    assert_int_equal(stored_sum(), 0);
    timers_advance(INCIDENTS_WINDOW_MS);
    assert_int_equal(stored_sum(), 50);
    for (unsigned i = 0; i < 50; i++) {
        note_number(i, desk_op);
    }
    desk_restart(); /* what is not on disk yet goes there when cyand ends */
    assert_int_equal(stored_sum(), 100);
    desk_list_all(desk_op);
    assert_int_equal(desk_count, 50);
}

static void a_flush_writes_what_changed_and_removes_what_went(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 40; i++) {
        char address[16];
        (void)snprintf(address, sizeof address, "192.0.2.%u", i);
        desk_note(CAUSE_KEY_MISMATCH, 1, desk_op, address);
        if (i == 20) {
            timers_advance(INCIDENTS_WINDOW_MS);
            assert_int_equal(stored_sum(), 21);
        }
    }
    timers_advance(INCIDENTS_WINDOW_MS - 1);
    assert_int_equal(stored_sum(), 21);
    timers_advance(1);
    assert_int_equal(stored_sum(), 32);
}

static int (*real_put)(void *ctx, const struct store_incident *incident);
static unsigned failures_left;

static int failing_put(void *ctx, const struct store_incident *incident)
{
    if (failures_left > 0) {
        failures_left--;
        return -24; /* the disk is full */
    }
    return real_put(ctx, incident);
}

static void a_flush_that_fails_is_made_up_for_by_the_next(void **state)
{
    (void)state;
    desk_catch_log();
    real_put = hub_store.incident_put;
    hub_store.incident_put = failing_put;
    failures_left = 1;
    note_number(1, desk_op);
    note_number(2, desk_op);
    timers_advance(INCIDENTS_WINDOW_MS);
    assert_int_equal(stored_sum(), 0);
    assert_int_equal(desk_logged("incidents could not be stored"), 1);
    timers_advance(INCIDENTS_WINDOW_MS);
    assert_int_equal(stored_sum(), 2);
}

static void numbers_go_on_after_a_restart_and_repeats_find_what_they_repeat(void **state)
{
    (void)state;
    desk_note(CAUSE_KEY_MISMATCH, 1, desk_op, HOME);
    desk_note(CAUSE_CLONE, 1, desk_op, HOME);
    desk_list_all(desk_op);
    int64_t next = desk_next;
    int64_t id = desk_views[1].row.id;
    desk_restart();
    desk_note(CAUSE_KEY_MISMATCH, 1, desk_op, HOME);
    desk_note(CAUSE_CONTESTED, 1, desk_op, HOME);
    desk_list_all(desk_op);
    assert_int_equal(desk_count, 3);
    assert_string_equal(desk_views[1].row.cause, "device-key-mismatch");
    assert_int_equal(desk_views[1].row.count, 2);
    assert_int_equal(desk_views[1].row.seq, next + 1);
    assert_int_equal(desk_views[2].row.id, id + 1);
}

static void a_cause_of_a_later_version_is_dropped_at_the_start(void **state)
{
    (void)state;
    const struct store_incident row = {.id = 9, .seq = 9, .cause = "alien", .stage = "hello"};
    assert_int_equal(hub_store.incident_put(hub_store.ctx, &row), 0);
    desk_restart();
    desk_list_all(desk_op);
    assert_int_equal(desk_count, 0);
    timers_advance(INCIDENTS_WINDOW_MS);
    int64_t rows = 0;
    assert_int_equal(hub_store.incident_each(hub_store.ctx, count_row, &rows), 0);
    desk_note(CAUSE_CLONE, 1, desk_op, HOME);
    assert_int_equal(desk_only_one()->id, 10);
}

static void a_reset_reason_explains_the_last_hour_and_nothing_twice(void **state)
{
    (void)state;
    desk_note(CAUSE_KEY_MISMATCH, 1, desk_op, "192.0.2.1");
    hub_now_ms += 1;
    desk_note(CAUSE_KEY_MISMATCH, 1, desk_op, "192.0.2.2");
    desk_note(CAUSE_KEY_MISMATCH, 2, desk_op, "192.0.2.3");
    hub_now_ms += DESK_HOUR;
    desk_list_all(desk_op);
    int64_t next = desk_next;
    incidents_annotate(desk_incidents, desk_id(1), NULL, "power_down");
    incidents_annotate(desk_incidents, desk_id(1), NULL, "user");
    desk_list_all(desk_op);
    assert_string_equal(desk_views[0].row.reset, "");
    assert_string_equal(desk_views[1].row.address, "192.0.2.3");
    assert_string_equal(desk_views[1].row.reset, "");
    assert_string_equal(desk_views[2].row.reset, "power_down");
    assert_int_equal(desk_views[2].row.seq, next + 1); /* changed once */
    desk_restart();
    desk_list_all(desk_op);
    assert_string_equal(desk_views[2].row.reset, "power_down");
}

static void what_a_held_session_tells_explains_its_own_key_alone(void **state)
{
    (void)state;
    uint8_t keys[2][CYAN_SHA256_LEN] = {{1}, {2}};
    for (size_t i = 0; i < 2; i++) {
        const struct incident_note note = {.cause = CAUSE_KEY_MISMATCH,
                                           .device = desk_id(1),
                                           .owner = desk_op,
                                           .address = HOME,
                                           .presented = keys[i]};
        incidents_note(desk_incidents, &note);
    }
    desk_note(CAUSE_BAD_FRAME, 1, desk_op, HOME); /* of no known key */
    incidents_annotate(desk_incidents, desk_id(1), keys[1], "power_down");
    desk_list_all(desk_op);
    assert_int_equal(desk_count, 3);
    for (size_t i = 0; i < desk_count; i++) {
        const struct store_incident *row = &desk_views[i].row;
        bool is_its_own = row->has_presented && row->presented[0] == 2;
        assert_string_equal(row->reset, is_its_own ? "power_down" : "");
    }
}

static void incidents_follow_the_device_to_its_next_owner(void **state)
{
    (void)state;
    desk_note(CAUSE_KEY_MISMATCH, 1, desk_ann, HOME);
    desk_note(CAUSE_CLONE, 1, desk_ann, HOME);
    desk_note(CAUSE_CLONE, 2, desk_ann, HOME);
    incidents_owner(desk_incidents, desk_id(1), desk_bob);
    desk_list_all(desk_ann);
    assert_int_equal(desk_count, 1);
    desk_list_all(desk_bob);
    assert_int_equal(desk_count, 2);
    incidents_owner(desk_incidents, desk_id(1), 0);
    desk_list_all(desk_bob);
    assert_int_equal(desk_count, 0);
    desk_list_all(desk_op);
    assert_int_equal(desk_count, 2);
}

static void firmware_is_told_in_words(void **state)
{
    (void)state;
    static const struct {
        bool has_hello;
        uint16_t flags, system, application;
        const char *words;
    } cases[] = {
        {false, 2, 3301, 1, "unknown"},
        {true, 0, 0, 0xFFFF, "A (0.7.0 or earlier)"},
        {true, 1, 0, 12, "A (0.7.0 or earlier), application 12"},
        {true, 2, 0, 0xFFFF, "B (0.8.0 or later)"},
        {true, 0x16, 0, 0, "B (0.8.0 or later), application 0"},
        {true, 2, 3301, 0xFFFF, "system 3301"},
        {true, 0xFFFF, 65535, 65534, "system 65535, application 65534"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char words[INCIDENT_FIRMWARE_MAX + 1];
        const struct store_device device = {.has_hello = cases[i].has_hello,
                                            .flags = cases[i].flags,
                                            .system_version = cases[i].system,
                                            .product_version = cases[i].application};
        incident_firmware(&device, words);
        assert_string_equal(words, cases[i].words);
    }
}

static void the_log_has_a_line_when_it_is_new_and_when_its_count_grew(void **state)
{
    (void)state;
    desk_catch_log();
    desk_note(CAUSE_KEY_MISMATCH, 1, desk_op, HOME);
    assert_int_equal(desk_logged("handshake failed cause=device-key-mismatch "
                                 "claimed_device=010101010101010101010101 address=" HOME
                                 " count=1"),
                     1);
    desk_note(CAUSE_KEY_MISMATCH, 1, desk_op, HOME);
    desk_note(CAUSE_KEY_MISMATCH, 1, desk_op, HOME);
    assert_int_equal(desk_logged("handshake failed"), 0);
    timers_advance(INCIDENTS_WINDOW_MS);
    assert_int_equal(desk_logged(" count=3"), 1);
    timers_advance(INCIDENTS_WINDOW_MS);
    assert_int_equal(desk_logged("handshake failed"), 0);
}

static void a_stranger_cannot_fill_the_log(void **state)
{
    (void)state;
    desk_catch_log();
    for (unsigned i = 0; i < 5000; i++) {
        note_number(i % 3000, 0);
    }
    timers_advance(INCIDENTS_WINDOW_MS);
    assert_int_equal(desk_logged("handshake failed cause="), INCIDENTS_LINES_MAX);
    for (unsigned i = 0; i < 3000; i++) {
        note_number(i, 0);
    }
    timers_advance(INCIDENTS_WINDOW_MS);
    /* one of which counts the others */
    assert_int_equal(desk_logged("failed"), INCIDENTS_LINES_MAX + 1);
    timers_advance(INCIDENTS_WINDOW_MS);
    assert_int_equal(desk_logged("failed"), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, desk_set_up, desk_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_note_has_everything_that_was_said),
        CASE(a_cause_has_its_usual_stage_when_none_is_given),
        CASE(a_repeat_counts_and_is_new_by_its_seq),
        CASE(only_the_same_cause_device_key_and_address_is_a_repeat),
        CASE(a_day_without_a_repeat_begins_another_one),
        CASE(a_new_month_begins_another_one),
        CASE(a_device_has_at_most_32_and_the_oldest_goes),
        CASE(there_are_at_most_4096_and_the_oldest_goes),
        CASE(strangers_cannot_wash_out_what_owners_want_to_know),
        CASE(everything_is_on_disk_within_ten_seconds),
        CASE(a_flush_writes_what_changed_and_removes_what_went),
        CASE(a_flush_that_fails_is_made_up_for_by_the_next),
        CASE(numbers_go_on_after_a_restart_and_repeats_find_what_they_repeat),
        CASE(a_cause_of_a_later_version_is_dropped_at_the_start),
        CASE(a_reset_reason_explains_the_last_hour_and_nothing_twice),
        CASE(what_a_held_session_tells_explains_its_own_key_alone),
        CASE(incidents_follow_the_device_to_its_next_owner),
        CASE(firmware_is_told_in_words),
        CASE(the_log_has_a_line_when_it_is_new_and_when_its_count_grew),
        CASE(a_stranger_cannot_fill_the_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
