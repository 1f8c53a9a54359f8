#include "server/cloud/lru.h"

#include <stdalign.h>
#include <stdbool.h>

#include "base/bytes.h"
#include "tests/unit/unit.h"

enum { KEY_LEN = 12, MAX = 8 };

struct value {
    uint64_t number;
    char rest[32];
};

static struct lru *lru;

static int set_up(void **state)
{
    (void)state;
    lru = lru_create(MAX, KEY_LEN, sizeof(struct value), 1234);
    return lru ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    lru_destroy(lru);
    return 0;
}

static const uint8_t *key_of(uint32_t number)
{
    static uint8_t key[KEY_LEN];
    cyan_put_be32(key, number);
    return key;
}

static void put(uint32_t number)
{
    struct value *value = lru_put(lru, key_of(number));
    assert_non_null(value);
    assert_int_equal((uintptr_t)value % alignof(struct value), 0);
    assert_true(value->number == 0 || value->number == number + 1);
    value->number = number + 1;
}

static bool has(uint32_t number)
{
    const struct value *value = lru_find(lru, key_of(number));
    assert_true(!value || value->number == number + 1);
    return value != NULL;
}

static void the_one_that_was_not_used_longest_is_forgotten(void **state)
{
    (void)state;
    for (uint32_t used = 0; used < MAX; used++) {
        lru_clear(lru);
        for (uint32_t i = 0; i < MAX; i++) {
            put(i);
        }
        assert_true(has(used));
        /* So many new ones that all others go, one after another. */
        for (uint32_t i = 0; i < MAX - 1; i++) {
            put(100 + i);
            assert_int_equal(lru_count(lru), MAX);
        }
        for (uint32_t i = 0; i < MAX; i++) {
            assert_int_equal(has(i), i == used);
        }
    }
}

static void putting_a_key_again_keeps_its_value_and_makes_it_the_newest(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < MAX; i++) {
        put(i);
    }
    put(0);
    assert_int_equal(lru_count(lru), MAX);
    put(50);
    assert_true(has(0));
    assert_false(has(1));
}

static void removed_records_are_gone_and_the_others_stay(void **state)
{
    (void)state;
    for (uint32_t gone = 0; gone < MAX; gone++) {
        lru_clear(lru);
        assert_int_equal(lru_count(lru), 0);
        for (uint32_t i = 0; i < MAX; i++) {
            put(i);
        }
        lru_remove(lru, key_of(gone));
        lru_remove(lru, key_of(gone));
        assert_int_equal(lru_count(lru), MAX - 1);
        for (uint32_t i = 0; i < MAX; i++) {
            assert_int_equal(has(i), i != gone);
        }
        put(60);
        assert_int_equal(lru_count(lru), MAX);
    }
}

struct seen {
    uint32_t numbers[MAX];
    size_t count;
};

static void see(void *arg, const void *key, void *value)
{
    struct seen *seen = arg;
    const struct value *v = value;
    assert_int_equal(cyan_get_be32(key) + 1, v->number);
    seen->numbers[seen->count++] = cyan_get_be32(key);
}

static void a_walk_sees_every_record_newest_first(void **state)
{
    (void)state;
    struct seen seen = {.count = 0};
    for (uint32_t i = 0; i < MAX; i++) {
        put(i);
    }
    assert_true(has(3));
    lru_each(lru, see, &seen);
    static const uint32_t want[MAX] = {3, 7, 6, 5, 4, 2, 1, 0};
    assert_int_equal(seen.count, MAX);
    assert_memory_equal(seen.numbers, want, sizeof want);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_one_that_was_not_used_longest_is_forgotten),
        TEST(putting_a_key_again_keeps_its_value_and_makes_it_the_newest),
        TEST(removed_records_are_gone_and_the_others_stay),
        TEST(a_walk_sees_every_record_newest_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
