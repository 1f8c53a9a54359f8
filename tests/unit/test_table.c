#include "server/net/table.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

enum { MANY = 10000 };

struct item {
    char before; /* so that node and key do not stand at the start */
    uint32_t key;
    struct table_node node;
    unsigned seen;
};

static struct table table;
static struct item *items;

static int set_up(void **state)
{
    (void)state;
    items = calloc(MANY, sizeof *items);
    table_init(&table, sizeof(uint32_t),
               (ptrdiff_t)offsetof(struct item, key) - (ptrdiff_t)offsetof(struct item, node),
               0x1234567890abcdef);
    for (uint32_t i = 0; i < MANY; i++) {
        items[i].key = i * 256;
    }
    return items ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    table_done(&table);
    free(items);
    return 0;
}

static struct item *item_of(struct table_node *node)
{
    return (struct item *)((char *)node - offsetof(struct item, node));
}

static struct item *find(uint32_t key)
{
    struct table_node *node = table_find(&table, &key);
    return node ? item_of(node) : NULL;
}

static void count_node(struct table_node *node, void *arg)
{
    item_of(node)->seen++;
    (*(size_t *)arg)++;
}

static void an_empty_table_finds_nothing_and_removes_nothing(void **state)
{
    (void)state;
    assert_null(find(0));
    table_remove(&table, &items[0].node);
    assert_int_equal(table.count, 0);
}

static void every_key_is_found_while_the_table_grows(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < MANY; i++) {
        assert_null(find(items[i].key));
        assert_int_equal(table_insert(&table, &items[i].node), 0);
        assert_int_equal(table.count, i + 1);
        assert_ptr_equal(find(items[i].key), &items[i]);
        assert_ptr_equal(find(items[i / 2].key), &items[i / 2]);
    }
    for (uint32_t i = 0; i < MANY; i++) {
        assert_ptr_equal(find(items[i].key), &items[i]);
        assert_null(find(items[i].key + 1));
    }
}

static void a_removed_key_is_gone_and_all_others_stay(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < MANY; i++) {
        assert_int_equal(table_insert(&table, &items[i].node), 0);
    }
    for (uint32_t i = 0; i < MANY; i += 3) {
        table_remove(&table, &items[i].node);
        table_remove(&table, &items[i].node);
    }
    assert_int_equal(table.count, MANY - (MANY + 2) / 3);
    for (uint32_t i = 0; i < MANY; i++) {
        assert_ptr_equal(find(items[i].key), i % 3 ? &items[i] : NULL);
    }
}

static void a_node_that_is_not_there_cannot_be_removed_by_its_key(void **state)
{
    (void)state;
    struct item twin = {.key = items[7].key};
    assert_int_equal(table_insert(&table, &items[7].node), 0);
    table_remove(&table, &twin.node);
    assert_int_equal(table.count, 1);
    assert_ptr_equal(find(items[7].key), &items[7]);
}

static void each_visits_every_node_once(void **state)
{
    (void)state;
    size_t visits = 0;
    table_each(&table, count_node, &visits);
    assert_int_equal(visits, 0);
    for (uint32_t i = 0; i < MANY; i++) {
        assert_int_equal(table_insert(&table, &items[i].node), 0);
    }
    table_each(&table, count_node, &visits);
    assert_int_equal(visits, MANY);
    for (uint32_t i = 0; i < MANY; i++) {
        assert_int_equal(items[i].seen, 1);
    }
}

/* Ids of one batch of chips differ in a few bits; no chain may grow long by that. */
static void keys_that_differ_in_few_bits_do_not_pile_up(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < MANY; i++) {
        assert_int_equal(table_insert(&table, &items[i].node), 0);
    }
    size_t longest = 0;
    for (size_t i = 0; i < table.bucket_count; i++) {
        size_t chain = 0;
        for (const struct table_node *node = table.buckets[i]; node; node = node->next) {
            chain++;
        }
        longest = chain > longest ? chain : longest;
    }
    assert_in_range(longest, 1, 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_empty_table_finds_nothing_and_removes_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(every_key_is_found_while_the_table_grows, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_removed_key_is_gone_and_all_others_stay, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_node_that_is_not_there_cannot_be_removed_by_its_key,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_visits_every_node_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keys_that_differ_in_few_bits_do_not_pile_up, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
