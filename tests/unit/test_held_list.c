/* The places in quarantine, and who loses one (server/cloud/held.h). */
#include "server/cloud/held.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "tests/unit/unit.h"

static struct held_list list;
static uint64_t serial;

static int set_up(void **state)
{
    (void)state;
    serial = 0;
    held_init(&list, 42);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    held_done(&list);
    return 0;
}

/* Numbers name ids and keys. */
static struct held *make(uint32_t id, uint32_t key, bool known, const char *address)
{
    struct held *h = calloc(1, sizeof *h);
    assert_non_null(h);
    h->serial = ++serial;
    h->known = known;
    cyan_put_be32(h->c.id, id);
    cyan_put_be32(h->c.fingerprint, key);
    (void)snprintf(h->c.address, sizeof h->c.address, "%s", address);
    return h;
}

/* Adds one beside so many full sessions; returns the serial of the one that had to go, 0: none. It
 * is removed. */
static uint64_t add(struct held *h, size_t full)
{
    struct held *evicted[2];
    assert_int_equal(held_add(&list, h, full, evicted), 0);
    assert_null(evicted[1]);
    uint64_t gone = evicted[0] ? evicted[0]->serial : 0;
    if (evicted[0]) {
        held_remove(&list, evicted[0]);
    }
    return gone;
}

static void a_session_is_found_by_serial_and_by_id_and_key(void **state)
{
    (void)state;
    add(make(1, 10, true, "a"), 0);
    add(make(1, 11, true, "a"), 0);
    add(make(2, 10, false, "a"), 0);
    const uint8_t id[CYAN_ID_LEN] = {0, 0, 0, 1};
    const uint8_t other[CYAN_ID_LEN] = {0, 0, 0, 3};
    const uint8_t key[CYAN_SHA256_LEN] = {0, 0, 0, 11};
    const uint8_t no_key[CYAN_SHA256_LEN] = {0, 0, 0, 12};
    assert_int_equal(held_find(&list, 2)->serial, 2);
    assert_null(held_find(&list, 9));
    assert_int_equal(held_of(&list, id, key, NULL)->serial, 2);
    assert_null(held_of(&list, id, no_key, NULL));
    assert_null(held_of(&list, other, NULL, NULL));
    struct held *first = held_of(&list, id, NULL, NULL);
    assert_int_equal(first->serial, 1);
    struct held *second = held_of(&list, id, NULL, first);
    assert_int_equal(second->serial, 2);
    assert_null(held_of(&list, id, NULL, second));
    held_remove(&list, first);
    assert_null(held_find(&list, 1));
    assert_int_equal(held_of(&list, id, NULL, NULL)->serial, 2);
    assert_int_equal(list.count, 2);
    assert_int_equal(list.known_count, 1);
}

static void one_session_of_an_id_and_key_is_held_even_when_there_is_room(void **state)
{
    (void)state;
    add(make(1, 10, true, "a"), 0);
    assert_int_equal(add(make(1, 10, true, "b"), 0), 1);
    assert_int_equal(add(make(1, 11, true, "b"), 0), 0);
    assert_int_equal(add(make(2, 10, true, "b"), 0), 0);
    assert_int_equal(list.count, 3);
}

/* max(64, 1 %), for every number of full sessions around where the one hands over to the other. */
static void sixty_four_or_one_per_cent_are_held(void **state)
{
    (void)state;
    static const size_t fulls[] = {0, 1, 6399, 6400, 6499, 6500, 6599, 6600, 10000, 100000};
    for (size_t i = 0; i < COUNT_OF(fulls); i++) {
        size_t max = fulls[i] / 100 > 64 ? fulls[i] / 100 : 64;
        tear_down(NULL);
        set_up(NULL);
        for (uint32_t k = 0; k < max; k++) {
            assert_int_equal(add(make(k, 1, true, "a"), fulls[i]), 0);
        }
        assert_int_equal(add(make(1000000, 1, true, "b"), fulls[i]), 1); /* the oldest */
        assert_int_equal(list.count, max);
    }
}

static void the_oldest_of_the_address_that_holds_most_goes(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 64; i++) {
        const char *address = i < 10 ? "a" : i < 40 ? "b" : i < 60 ? "c" : "d";
        add(make(i, 1, true, address), 0);
    }
    /* b holds 30: ten of its oldest go until c, with 20, is as crowded. */
    for (uint32_t i = 0; i < 10; i++) {
        char address[16];
        (void)snprintf(address, sizeof address, "new %u", (unsigned)i);
        assert_int_equal(add(make(100 + i, 1, true, address), 0), 11 + i);
    }
    assert_int_equal(list.count, 64);
}

/* Whoever floods from one address displaces himself. */
static void a_flood_from_one_address_displaces_nobody_elses(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 30; i++) {
        char address[16];
        (void)snprintf(address, sizeof address, "10.0.0.%u", (unsigned)i);
        add(make(i, 1, true, address), 0);
    }
    for (uint32_t i = 0; i < 10000; i++) {
        add(make(1, 1000 + i, true, "203.0.113.1"), 0);
    }
    for (uint64_t s = 1; s <= 30; s++) {
        assert_non_null(held_find(&list, s));
    }
    assert_int_equal(list.count, 64);
}

static size_t strangers(void)
{
    return list.count - list.known_count;
}

/* Half of the places are for known ids, whatever the strangers do, and the other way round. */
static void neither_strangers_nor_known_ids_take_more_than_the_other_half_leaves(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 64; i++) {
        add(make(i, 1, false, "s"), 0);
    }
    assert_int_equal(strangers(), 64); /* nobody else wants them */
    for (uint32_t i = 0; i < 64; i++) {
        add(make(1000 + i, 1, true, "k"), 0);
        assert_int_equal(list.known_count, i < 32 ? i + 1 : 32);
        assert_int_equal(list.count, 64);
    }
    for (uint32_t i = 0; i < 200; i++) {
        add(make(2000 + i, 1, false, "s"), 0);
        assert_int_equal(list.known_count, 32);
    }
    tear_down(NULL);
    set_up(NULL);
    for (uint32_t i = 0; i < 64; i++) {
        add(make(i, 1, true, "k"), 0);
    }
    for (uint32_t i = 0; i < 200; i++) {
        add(make(1000 + i, 1, false, "s"), 0);
        assert_int_equal(strangers(), i < 32 ? i + 1 : 32);
    }
    for (uint32_t i = 0; i < 200; i++) {
        add(make(2000 + i, 1, true, "k"), 0);
        assert_int_equal(list.known_count, 32);
    }
}

/* The full sessions went away, and with them places: one goes for each that comes. */
static void more_than_may_be_held_never_grow(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 200; i++) {
        add(make(i, 1, i % 2, "a"), 20000);
    }
    for (uint32_t i = 0; i < 50; i++) {
        assert_int_not_equal(add(make(1000 + i, 1, i % 3 == 0, "b"), 0), 0);
        assert_int_equal(list.count, 200);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_session_is_found_by_serial_and_by_id_and_key),
        TEST(one_session_of_an_id_and_key_is_held_even_when_there_is_room),
        TEST(sixty_four_or_one_per_cent_are_held),
        TEST(the_oldest_of_the_address_that_holds_most_goes),
        TEST(a_flood_from_one_address_displaces_nobody_elses),
        TEST(neither_strangers_nor_known_ids_take_more_than_the_other_half_leaves),
        TEST(more_than_may_be_held_never_grow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
