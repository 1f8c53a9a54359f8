/* Turns, good addresses and floods, without a connection. */
#include "server/session/admission.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/unit.h"

enum { ITEMS = 40 };

static struct admission admission;
static struct admission_item items[ITEMS];

static int set_up(void **state)
{
    (void)state;
    memset(items, 0, sizeof items);
    admission_init(&admission, 0x1234);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < ITEMS; i++) {
        admission_leave(&admission, &items[i]);
    }
    assert_int_equal(admission.turns[0].count + admission.turns[1].count, 0);
    admission_done(&admission);
    return 0;
}

/* The key of 10.0.x.y. */
static const uint8_t *place(unsigned number)
{
    static uint8_t key[ADMISSION_KEY_LEN];
    char text[32];
    (void)snprintf(text, sizeof text, "10.0.%u.%u", number / 256, number % 256);
    admission_key(text, key);
    return key;
}

static void wait_at(size_t item, unsigned number)
{
    admission_wait(&admission, &items[item], place(number));
}

/* The next one is this, and it is served. */
static void expect_next(size_t item)
{
    struct admission_item *next = admission_next(&admission);
    assert_non_null(next);
    assert_int_equal(next - items, item);
    admission_leave(&admission, next);
}

static void expect_nothing(void)
{
    assert_null(admission_next(&admission));
}

static void addresses_take_turns_and_each_serves_its_oldest_first(void **state)
{
    (void)state;
    expect_nothing();
    for (size_t i = 0; i < 5; i++) {
        wait_at(i, 1);
    }
    wait_at(5, 2);
    wait_at(6, 3);
    wait_at(7, 3);
    static const size_t order[] = {0, 5, 6, 1, 7, 2, 3, 4};
    for (size_t i = 0; i < COUNT_OF(order); i++) {
        expect_next(order[i]);
    }
    expect_nothing();
    assert_int_equal(admission.table.count, 0); /* nothing is remembered of them */
}

static void one_that_comes_late_waits_one_round_at_most(void **state)
{
    (void)state;
    for (size_t i = 0; i < 30; i++) {
        wait_at(i, (unsigned)i % 3);
    }
    expect_next(0);
    wait_at(30, 9);
    expect_next(1);
    expect_next(2);
    expect_next(3);
    expect_next(30);
}

static void one_that_leaves_is_skipped_and_all_others_are_served(void **state)
{
    (void)state;
    for (size_t gone = 0; gone < 6; gone++) {
        for (size_t i = 0; i < 6; i++) {
            wait_at(i, (unsigned)i / 3);
        }
        admission_leave(&admission, &items[gone]);
        admission_leave(&admission, &items[gone]);
        unsigned served = 0;
        for (size_t i = 0; i < 5; i++) {
            struct admission_item *next = admission_next(&admission);
            assert_non_null(next);
            served |= 1U << (next - items);
            admission_leave(&admission, next);
        }
        assert_int_equal(served, 0x3FU & ~(1U << gone));
        expect_nothing();
    }
}

static void good_addresses_go_first_and_take_turns_among_themselves(void **state)
{
    (void)state;
    admission_good(&admission, place(7));
    wait_at(0, 1);
    wait_at(1, 2);
    wait_at(2, 7);
    wait_at(3, 7);
    wait_at(4, 8);
    wait_at(5, 8);
    admission_good(&admission, place(8)); /* while it waits */
    static const size_t order[] = {2, 4, 3, 5, 0, 1};
    for (size_t i = 0; i < COUNT_OF(order); i++) {
        expect_next(order[i]);
    }
    expect_nothing();
    wait_at(6, 1);
    wait_at(7, 8); /* it is good still */
    expect_next(7);
    expect_next(6);
}

static void note_junk(unsigned number, unsigned times, uint64_t now_ms)
{
    for (unsigned i = 0; i < times; i++) {
        admission_junk(&admission, place(number), now_ms);
    }
}

static void more_than_32_pieces_of_junk_in_10_seconds_are_a_flood(void **state)
{
    (void)state;
    /* The clock starts where 32 bits of it are about to wrap around. */
    const uint64_t start = 0xFFFFFFFFULL - 4000;
    for (unsigned times = 0; times <= 100; times++) {
        unsigned number = 1000 + times;
        note_junk(number, times, start);
        bool is_flood = times > ADMISSION_JUNK_MAX;
        assert_int_equal(admission_is_flood(&admission, place(number), start), is_flood);
        assert_int_equal(
            admission_is_flood(&admission, place(number), start + ADMISSION_JUNK_MS - 1), is_flood);
        assert_false(admission_is_flood(&admission, place(number), start + ADMISSION_JUNK_MS));
    }
    assert_false(admission_is_flood(&admission, place(1), start));
}

static void the_ten_seconds_slide(void **state)
{
    (void)state;
    /* One every 400 ms: never more than 25 in 10 s, for ever. */
    for (uint64_t ms = 0; ms < 100000; ms += 400) {
        note_junk(1, 1, ms);
        assert_false(admission_is_flood(&admission, place(1), ms));
    }
    /* One every 300 ms: from the 33rd on there are more than 32. */
    for (unsigned i = 1; i <= 100; i++) {
        note_junk(2, 1, i * 300);
        assert_int_equal(admission_is_flood(&admission, place(2), i * 300), i > ADMISSION_JUNK_MAX);
    }
    /* 20 late in one stretch of 10 s and 20 early in the next. */
    note_junk(3, 20, 9000);
    note_junk(3, 20, 11000);
    assert_true(admission_is_flood(&admission, place(3), 11000));
    assert_false(admission_is_flood(&admission, place(3), 19000));
}

static void a_good_address_is_never_a_flood(void **state)
{
    (void)state;
    note_junk(1, 100, 5);
    admission_good(&admission, place(1));
    assert_false(admission_is_flood(&admission, place(1), 5));
    admission_good(&admission, place(2));
    note_junk(2, 100, 5);
    assert_false(admission_is_flood(&admission, place(2), 5));
}

static void what_is_remembered_is_bounded_and_the_oldest_is_forgotten(void **state)
{
    (void)state;
    admission.idle_max = 10;
    for (unsigned i = 0; i < 100; i++) {
        note_junk(1000 + i, ADMISSION_JUNK_MAX + 1, 5);
        admission_good(&admission, place(2000 + i));
        assert_in_range(admission.idle[0].count, 0, 10);
        assert_in_range(admission.idle[1].count, 0, 10);
    }
    assert_int_equal(admission.table.count, 20);
    for (unsigned i = 0; i < 100; i++) { /* junk does not push out what is good */
        assert_int_equal(admission_is_flood(&admission, place(1000 + i), 5), i >= 90);
        wait_at(0, 3000);
        wait_at(1, 2000 + i);
        expect_next(i >= 90 ? 1 : 0);
        expect_next(i >= 90 ? 0 : 1);
    }
    /* One that was used again is not the oldest. */
    admission_good(&admission, place(2090));
    admission_good(&admission, place(5000));
    wait_at(0, 3000);
    wait_at(1, 2090);
    expect_next(1);
}

static void addresses_that_wait_are_not_forgotten_for_others(void **state)
{
    (void)state;
    admission.idle_max = 1;
    for (size_t i = 0; i < ITEMS; i++) {
        wait_at(i, (unsigned)i);
        note_junk(100 + (unsigned)i, 1, 5);
    }
    for (size_t i = 0; i < ITEMS; i++) {
        expect_next(i);
    }
    expect_nothing();
}

static void ipv6_counts_by_64_bits_and_ipv4_by_all(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool same;
    } table[] = {
        {"192.0.2.1", "192.0.2.1", true},
        {"192.0.2.1", "192.0.2.2", false},
        {"192.0.2.1", "193.0.2.1", false},
        {"2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", true},
        {"2001:db8:1:2::1", "2001:db8:1:3::1", false},
        {"::1", "0.0.0.1", false},
        {"::1", "0.0.0.0", false},
        {"", "0.0.0.0", false},
        {"", "nonsense", true},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        uint8_t a[ADMISSION_KEY_LEN], b[ADMISSION_KEY_LEN];
        admission_key(table[i].a, a);
        admission_key(table[i].b, b);
        assert_int_equal(memcmp(a, b, sizeof a) == 0, table[i].same);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(addresses_take_turns_and_each_serves_its_oldest_first),
        CASE(one_that_comes_late_waits_one_round_at_most),
        CASE(one_that_leaves_is_skipped_and_all_others_are_served),
        CASE(good_addresses_go_first_and_take_turns_among_themselves),
        CASE(more_than_32_pieces_of_junk_in_10_seconds_are_a_flood),
        CASE(the_ten_seconds_slide),
        CASE(a_good_address_is_never_a_flood),
        CASE(what_is_remembered_is_bounded_and_the_oldest_is_forgotten),
        CASE(addresses_that_wait_are_not_forgotten_for_others),
        CASE(ipv6_counts_by_64_bits_and_ipv4_by_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
