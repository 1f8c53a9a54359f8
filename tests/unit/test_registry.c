#include "server/cloud/registry.h"

#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "server/cloud/device_names.h"
#include "server/cloud/presence.h"
#include "tests/unit/fleet.h"
#include "tests/unit/hub.h"
#include "tests/unit/unit.h"

static void a_text_means_an_id_in_any_case_or_a_name_of_ones_own(void **state)
{
    (void)state;
    char id[CYAN_ID_TEXT];
    char name[DEVICE_NAME_MAX + 2];
    struct fleet_answer lamp = fleet_provision(fleet_ann, 0xCDEF01, 10);
    cyan_hex_encode(lamp.record.id, CYAN_ID_LEN, id);
    assert_int_equal(fleet_resolve(fleet_ann, id).status, 0);
    for (char *c = id; *c; c++) {
        *c = *c >= 'a' && *c <= 'f' ? (char)(*c - 'a' + 'A') : *c;
    }
    struct fleet_answer found = fleet_resolve(fleet_ann, id);
    assert_int_equal(found.status, 0);
    assert_string_equal(found.record.name, lamp.record.name);
    assert_int_equal(fleet_resolve(fleet_bob, id).status, CYAN_E_REFUSED);
    found = fleet_resolve(fleet_ann, lamp.record.name);
    assert_int_equal(found.status, 0);
    assert_memory_equal(found.record.id, lamp.record.id, CYAN_ID_LEN);
    lamp.record.name[0] = (char)(lamp.record.name[0] - 'a' + 'A');
    assert_int_equal(fleet_resolve(fleet_ann, lamp.record.name).status, 0);
    assert_int_equal(fleet_resolve(fleet_bob, lamp.record.name).status, CYAN_E_NOT_FOUND);
    id[0] = '0';
    assert_int_equal(fleet_resolve(fleet_ann, id).status, CYAN_E_NOT_FOUND);
    id[23] = '\0';
    assert_int_equal(fleet_resolve(fleet_ann, id).status, CYAN_E_NOT_FOUND);
    for (size_t len = 0; len < sizeof name; len++) {
        memset(name, 'x', len);
        name[len] = '\0';
        assert_int_equal(fleet_resolve(fleet_ann, name).status, CYAN_E_NOT_FOUND);
    }
}

static void a_device_of_nobody_is_the_operators_alone(void **state)
{
    (void)state;
    assert_int_equal(fleet_provision(0, 2, 10).status, 0);
    assert_int_equal(fleet_provision(fleet_bob, 3, 10).status, 0);
    assert_int_equal(fleet_resolve_id(fleet_ann, 2).status, CYAN_E_REFUSED);
    assert_int_equal(fleet_resolve_as_operator(fleet_ann, 2).status, 0);
    assert_int_equal(fleet_resolve_as_operator(fleet_ann, 2).record.owner, 0);
    assert_int_equal(fleet_resolve_as_operator(fleet_ann, 3).status, CYAN_E_REFUSED);
    assert_int_equal(fleet_resolve_as_operator(fleet_ann, 4).status, CYAN_E_NOT_FOUND);
}

/* By its keys that still count: the first of contested, pending, trusted, revoked and none. */
static void the_key_state_is_the_first_that_applies(void **state)
{
    (void)state;
    uint32_t device = 0;
    for (unsigned trusted = 0; trusted < 2; trusted++) {
        for (unsigned revoked = 0; revoked < 2; revoked++) {
            for (unsigned pending = 0; pending < 4; pending++) {
                struct store_device row = {.owner = fleet_ann};
                memcpy(row.id, fleet_id_of(++device), sizeof row.id);
                (void)snprintf(row.name, sizeof row.name, "d%u", (unsigned)device);
                assert_int_equal(hub_store.device_add(hub_store.ctx, &row), 0);
                fleet_add_key(device, 1, STORE_KEY_DENIED);
                fleet_add_key(device, 2, STORE_KEY_ANNOUNCED);
                fleet_add_key(device, 3, STORE_KEY_RETIRED);
                if (trusted) {
                    fleet_add_key(device, 4, STORE_KEY_TRUSTED);
                }
                if (revoked) {
                    fleet_add_key(device, 5, STORE_KEY_REVOKED);
                }
                for (uint32_t i = 0; i < pending; i++) {
                    fleet_add_key(device, 6 + i, STORE_KEY_PENDING);
                }
                enum device_key_state settled = trusted   ? DEVICE_KEY_TRUSTED
                                                : revoked ? DEVICE_KEY_REVOKED
                                                          : DEVICE_KEY_NONE;
                assert_int_equal(fleet_resolve_id(fleet_ann, device).record.key_state,
                                 pending > 1    ? DEVICE_KEY_CONTESTED
                                 : pending == 1 ? DEVICE_KEY_PENDING
                                                : settled);
                hub_now_ms += 24LL * 3600 * 1000;
                assert_int_equal(fleet_resolve_id(fleet_ann, device).record.key_state, settled);
            }
        }
    }
}

/* An upload is its account's own for seven days, by id and by name, and nobody else sees it. */
static void an_upload_is_a_device_to_its_account_alone_and_for_seven_days(void **state)
{
    (void)state;
    fleet_bind(fleet_ann, 5, 50, "waiting");
    fleet_bind(fleet_bob, 6, 50, "waiting");
    const int64_t ages[] = {0, 7LL * 24 * 3600 * 1000 - 1, 7LL * 24 * 3600 * 1000};
    int64_t start = hub_now_ms;
    for (size_t i = 0; i < COUNT_OF(ages); i++) {
        struct fleet_answer list = {.status = FLEET_NOT_DONE};
        int want = i < 2 ? 0 : CYAN_E_NOT_FOUND;
        hub_now_ms = start + ages[i];
        struct fleet_answer found = fleet_resolve_id(fleet_ann, 5);
        assert_int_equal(found.status, want);
        assert_int_equal(fleet_resolve(fleet_ann, "WAITING").status, want);
        assert_int_equal(fleet_resolve_id(fleet_ann, 6).status, CYAN_E_NOT_FOUND);
        registry_list(fleet_registry, fleet_ann, false, fleet_on_list, &list);
        fleet_wait_for(&list);
        assert_int_equal(list.count, want == 0 ? 1 : 0);
        if (want == 0) {
            assert_memory_equal(found.record.id, fleet_id_of(5), CYAN_ID_LEN);
            assert_true(found.record.is_provisional);
            assert_int_equal(found.record.key_state, DEVICE_KEY_TRUSTED);
            assert_string_equal(list.list[0].name, "waiting");
        }
    }
}

static void devices_of_one_account_get_different_names_and_are_listed_by_them(void **state)
{
    (void)state;
    enum { COUNT = 60 };
    struct fleet_answer answer = {.status = FLEET_NOT_DONE};
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_int_equal(fleet_provision(fleet_ann, i, i).status, 0);
    }
    fleet_provision(fleet_bob, 1000, 1000);
    registry_list(fleet_registry, fleet_ann, false, fleet_on_list, &answer);
    fleet_wait_for(&answer);
    assert_int_equal(answer.status, 0);
    assert_int_equal(answer.count, COUNT);
    for (size_t i = 1; i < COUNT; i++) {
        assert_true(strcmp(answer.list[i - 1].name, answer.list[i].name) < 0);
        assert_int_equal(answer.list[i].owner, fleet_ann);
    }
    answer = (struct fleet_answer){.status = FLEET_NOT_DONE};
    registry_list(fleet_registry, 999, false, fleet_on_list, &answer);
    fleet_wait_for(&answer);
    assert_int_equal(answer.status, 0);
    assert_int_equal(answer.count, 0);
}

static void a_name_that_is_taken_is_not_given_twice_though_chance_repeats(void **state)
{
    (void)state;
    char names[DEVICE_NAMES_ATTEMPTS][DEVICE_NAME_MAX + 1];
    fleet_random = 0x1111111111111111;
    for (uint32_t i = 0; i < COUNT_OF(names); i++) {
        struct fleet_answer made = fleet_provision(fleet_ann, i, i);
        assert_int_equal(made.status, 0);
        memcpy(names[i], made.record.name, sizeof names[i]);
        for (uint32_t j = 0; j < i; j++) {
            assert_string_not_equal(names[i], names[j]);
        }
    }
    assert_int_equal(fleet_provision(fleet_ann, 100, 1).status, CYAN_E_EXISTS);
    assert_int_equal(fleet_resolve_id(fleet_ann, 100).status, CYAN_E_NOT_FOUND);
    assert_string_equal(fleet_provision(fleet_bob, 101, 1).record.name, names[0]);
    /* A name of an upload is taken as well. */
    fleet_random = 0x2222222222222222;
    struct fleet_answer other = fleet_provision(fleet_bob, 102, 1);
    fleet_bind(fleet_ann, 103, 1, other.record.name);
    assert_string_not_equal(fleet_provision(fleet_ann, 104, 1).record.name, other.record.name);
}

static void a_record_joins_what_is_live(void **state)
{
    (void)state;
    struct online online = {.owner = fleet_ann, .session = 1, .last_heard_ms = 9000};
    memcpy(online.id, fleet_id_of(1), sizeof online.id);
    fleet_provision(fleet_ann, 1, 10);
    hub_now_ms = 5000;
    fleet_prove(1, 6, "");
    assert_int_equal(presence_put(fleet_presence, &online), 0);
    assert_true(fleet_resolve_id(fleet_ann, 1).record.connected);
    assert_int_equal(fleet_resolve_id(fleet_ann, 1).record.last_heard_ms, 9000);
    presence_remove(fleet_presence, fleet_id_of(1));
    assert_false(fleet_resolve_id(fleet_ann, 1).record.connected);
    assert_int_equal(fleet_resolve_id(fleet_ann, 1).record.last_heard_ms, 5000);
}

static int64_t stored_heard(uint32_t device)
{
    struct store_device row;
    assert_int_equal(hub_store.device_get(hub_store.ctx, fleet_id_of(device), &row), 0);
    return row.last_heard_ms;
}

static void what_was_heard_is_seen_at_once_and_stored_at_the_end(void **state)
{
    (void)state;
    fleet_provision(fleet_ann, 1, 10);
    registry_heard(fleet_registry, fleet_id_of(1), 7000);
    registry_heard(fleet_registry, fleet_id_of(1), 6000);
    assert_int_equal(fleet_resolve_id(fleet_ann, 1).record.last_heard_ms, 7000);
    assert_int_equal(stored_heard(1), 0);
    registry_destroy(fleet_registry);
    assert_int_equal(stored_heard(1), 7000);
    fleet_registry = registry_create(hub_jobs, fleet_presence, fleet_crypto);
    assert_non_null(fleet_registry);
}

static void find_timer(uv_handle_t *handle, void *arg)
{
    if (handle->type == UV_TIMER) {
        *(uv_timer_t **)arg = (uv_timer_t *)handle;
    }
}

static void what_was_heard_is_stored_within_ten_seconds(void **state)
{
    (void)state;
    uv_timer_t *timer = NULL;
    fleet_provision(fleet_ann, 1, 10);
    uv_walk(&hub_loop, find_timer, &timer);
    assert_non_null(timer);
    assert_false(uv_is_active((uv_handle_t *)timer));
    for (int round = 1; round <= 3; round++) {
        registry_heard(fleet_registry, fleet_id_of(1), round * 1000);
        assert_true(uv_is_active((uv_handle_t *)timer));
        assert_in_range(uv_timer_get_due_in(timer), 1, 10000);
        /* The test's time is not libuv's: bring the moment near. */
        uv_timer_set_repeat(timer, 1);
        assert_int_equal(uv_timer_again(timer), 0);
        uv_timer_set_repeat(timer, 0);
        uv_ref((uv_handle_t *)timer);
        uv_run(&hub_loop, UV_RUN_DEFAULT);
        uv_unref((uv_handle_t *)timer);
        assert_int_equal(stored_heard(1), round * 1000);
        assert_false(uv_is_active((uv_handle_t *)timer));
    }
}

static void more_news_than_fit_are_stored_before_their_time(void **state)
{
    (void)state;
    enum { MANY = 10000 };
    fleet_provision(fleet_ann, 0, 10);
    fleet_provision(fleet_ann, MANY - 1, 10);
    for (uint32_t i = 0; i < MANY; i++) {
        registry_heard(fleet_registry, fleet_id_of(i), 1000 + i);
    }
    assert_int_equal(fleet_resolve_id(fleet_ann, MANY - 1).record.last_heard_ms, 1000 + MANY - 1);
    assert_int_equal(stored_heard(0), 1000);
}

static void destroying_answers_all_that_was_asked(void **state)
{
    (void)state;
    struct fleet_answer answers[3];
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        answers[i].status = FLEET_NOT_DONE;
    }
    registry_resolve(fleet_registry, fleet_ann, false, "x", fleet_on_record, &answers[0]);
    registry_list(fleet_registry, fleet_ann, false, fleet_on_list, &answers[1]);
    registry_resolve(fleet_registry, fleet_ann, true, "", fleet_on_record, &answers[2]);
    registry_destroy(fleet_registry);
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        assert_int_not_equal(answers[i].status, FLEET_NOT_DONE);
    }
    fleet_registry = registry_create(hub_jobs, fleet_presence, fleet_crypto);
    assert_non_null(fleet_registry);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fleet_set_up, fleet_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_text_means_an_id_in_any_case_or_a_name_of_ones_own),
        TEST(a_device_of_nobody_is_the_operators_alone),
        TEST(the_key_state_is_the_first_that_applies),
        TEST(an_upload_is_a_device_to_its_account_alone_and_for_seven_days),
        TEST(devices_of_one_account_get_different_names_and_are_listed_by_them),
        TEST(a_name_that_is_taken_is_not_given_twice_though_chance_repeats),
        TEST(a_record_joins_what_is_live),
        TEST(what_was_heard_is_seen_at_once_and_stored_at_the_end),
        TEST(what_was_heard_is_stored_within_ten_seconds),
        TEST(more_news_than_fit_are_stored_before_their_time),
        TEST(destroying_answers_all_that_was_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
