#include "server/cloud/presence.h"

#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"
#include "tests/unit/unit.h"

enum { COUNT = 5000 };

static struct presence *presence;

static int set_up(void **state)
{
    (void)state;
    presence = presence_create();
    return presence ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    presence_destroy(presence);
    return 0;
}

/* Ids that differ in their last bytes only, as those of one batch do. */
static struct online online_of(uint32_t number)
{
    struct online online = {.owner = number % 7, .shard = number % 3, .session = number + 1};
    memset(online.id, 0x2f, sizeof online.id);
    cyan_put_be32(online.id + sizeof online.id - 4, number);
    return online;
}

static void put(uint32_t number)
{
    struct online online = online_of(number);
    assert_int_equal(presence_put(presence, &online), 0);
}

static void assert_online(uint32_t number, bool expected)
{
    struct online want = online_of(number);
    const struct online *found = presence_find(presence, want.id);
    assert_int_equal(found != NULL, expected);
    if (found) {
        assert_memory_equal(found->id, want.id, sizeof want.id);
        assert_int_equal(found->owner, want.owner);
        assert_int_equal(found->shard, want.shard);
        assert_int_equal(found->session, want.session);
    }
}

static void each_of_many_devices_is_found_until_it_is_removed(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_online(i, false);
        put(i);
        assert_int_equal(presence_count(presence), i + 1);
    }
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_online(i, true);
    }
    /* Every third goes; the others stay where they can be found. */
    for (uint32_t i = 0; i < COUNT; i += 3) {
        presence_remove(presence, online_of(i).id);
    }
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_online(i, i % 3 != 0);
    }
    assert_int_equal(presence_count(presence), COUNT - (COUNT + 2) / 3);
}

static void a_second_entry_of_an_id_replaces_the_first(void **state)
{
    (void)state;
    struct online online = online_of(1);
    put(1);
    online.session = 77;
    online.last_heard_ms = 5;
    assert_int_equal(presence_put(presence, &online), 0);
    assert_int_equal(presence_count(presence), 1);
    const struct online *found = presence_find(presence, online.id);
    assert_non_null(found);
    assert_int_equal(found->session, 77);
    assert_int_equal(found->last_heard_ms, 5);
}

static void an_entry_can_be_changed_in_place(void **state)
{
    (void)state;
    put(1);
    struct online *found = presence_find(presence, online_of(1).id);
    assert_non_null(found);
    found->last_heard_ms = 99;
    assert_int_equal(presence_find(presence, online_of(1).id)->last_heard_ms, 99);
}

static void removing_what_is_not_there_changes_nothing(void **state)
{
    (void)state;
    presence_remove(presence, online_of(1).id);
    put(1);
    presence_remove(presence, online_of(2).id);
    assert_int_equal(presence_count(presence), 1);
    presence_remove(presence, online_of(1).id);
    presence_remove(presence, online_of(1).id);
    assert_int_equal(presence_count(presence), 0);
}

static void destroying_nothing_is_fine(void **state)
{
    (void)state;
    struct presence *none = NULL;
    presence_destroy(none);
    assert_int_equal(presence_count(presence), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_of_many_devices_is_found_until_it_is_removed),
        TEST(a_second_entry_of_an_id_replaces_the_first),
        TEST(an_entry_can_be_changed_in_place),
        TEST(removing_what_is_not_there_changes_nothing),
        TEST(destroying_nothing_is_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
