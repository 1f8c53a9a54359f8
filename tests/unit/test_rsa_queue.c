#include "server/session/rsa_queue.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

enum { ITEMS = 60 };

static uv_loop_t loop;
static struct rsa_queue queue;
static struct rsa_item items[ITEMS];

/* What ran, in order. */
static struct {
    struct rsa_item *item;
    enum rsa_order order;
} ran[4 * ITEMS];
static size_t ran_count;

/* What the next operation does to the queue, if anything. */
static struct rsa_item *add_while_running, *remove_while_running;

static void run(void *arg, struct rsa_item *item, enum rsa_order order)
{
    assert_ptr_equal(arg, &queue);
    assert_null(item->at);
    assert_true(ran_count < COUNT_OF(ran));
    ran[ran_count].item = item;
    ran[ran_count++].order = order;
    if (add_while_running) {
        struct rsa_item *more = add_while_running;
        add_while_running = NULL;
        rsa_queue_add(&queue, more, RSA_ANSWER);
    }
    if (remove_while_running) {
        rsa_queue_remove(&queue, remove_while_running);
        remove_while_running = NULL;
    }
}

static int set_up(void **state)
{
    (void)state;
    memset(items, 0, sizeof items);
    ran_count = 0;
    add_while_running = remove_while_running = NULL;
    assert_int_equal(uv_loop_init(&loop), 0);
    return rsa_queue_init(&queue, &loop, run, &queue);
}

static int tear_down(void **state)
{
    (void)state;
    rsa_queue_close(&queue);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    return uv_loop_close(&loop);
}

static void turn(void)
{
    (void)uv_run(&loop, UV_RUN_NOWAIT);
}

static void never_more_than_two_operations_run_in_a_turn(void **state)
{
    (void)state;
    for (size_t i = 0; i < ITEMS; i++) {
        rsa_queue_add(&queue, &items[i], i % 3 ? RSA_OPEN : RSA_ANSWER);
    }
    assert_int_equal(queue.length, ITEMS);
    for (size_t turns = 1; turns <= ITEMS / 2; turns++) {
        turn();
        assert_int_equal(ran_count, 2 * turns);
        assert_int_equal(queue.length, ITEMS - 2 * turns);
    }
    turn();
    assert_int_equal(ran_count, ITEMS);
}

static void the_loop_may_sleep_exactly_when_nothing_waits(void **state)
{
    (void)state;
    assert_int_equal(uv_loop_alive(&loop), 0);
    rsa_queue_add(&queue, &items[0], RSA_OPEN);
    assert_int_equal(uv_backend_timeout(&loop), 0);
    turn();
    assert_int_equal(uv_loop_alive(&loop), 0);
    rsa_queue_add(&queue, &items[0], RSA_OPEN);
    turn();
    assert_int_equal(ran_count, 2);
}

static void answers_run_before_requests_and_each_kind_in_its_order(void **state)
{
    (void)state;
    for (size_t i = 0; i < 20; i++) {
        rsa_queue_add(&queue, &items[i], i % 2 ? RSA_ANSWER : RSA_OPEN);
    }
    for (size_t i = 0; i < 10; i++) {
        turn();
    }
    assert_int_equal(ran_count, 20);
    for (size_t i = 0; i < 10; i++) {
        assert_ptr_equal(ran[i].item, &items[2 * i + 1]);
        assert_int_equal(ran[i].order, RSA_ANSWER);
        assert_ptr_equal(ran[10 + i].item, &items[2 * i]);
        assert_int_equal(ran[10 + i].order, RSA_OPEN);
    }
}

static void an_answer_that_comes_up_while_requests_wait_goes_first(void **state)
{
    (void)state;
    for (size_t i = 0; i < 6; i++) {
        rsa_queue_add(&queue, &items[i], RSA_OPEN);
    }
    add_while_running = &items[10];
    turn();
    assert_ptr_equal(ran[0].item, &items[0]);
    assert_ptr_equal(ran[1].item, &items[10]);
    assert_int_equal(ran[1].order, RSA_ANSWER);
}

/* Queues length items, removes one, adds one more behind: it does not run, and all others do. */
static void remove_one(size_t length, size_t gone, enum rsa_order order)
{
    ran_count = 0;
    for (size_t i = 0; i < length; i++) {
        rsa_queue_add(&queue, &items[i], order);
    }
    rsa_queue_remove(&queue, &items[gone]);
    rsa_queue_remove(&queue, &items[gone]);
    assert_int_equal(queue.length, length - 1);
    rsa_queue_add(&queue, &items[length], order);
    for (size_t i = 0; i < length; i++) {
        turn();
    }
    assert_int_equal(ran_count, length);
    for (size_t i = 0, k = 0; i <= length; i++) {
        if (i != gone) {
            assert_ptr_equal(ran[k++].item, &items[i]);
        }
    }
}

static void a_removed_item_does_not_run_and_all_others_do(void **state)
{
    (void)state;
    for (size_t length = 1; length <= 7; length++) {
        for (size_t gone = 0; gone < length; gone++) {
            remove_one(length, gone, RSA_ANSWER);
            remove_one(length, gone, RSA_OPEN);
        }
    }
}

static void an_item_may_be_removed_while_another_runs(void **state)
{
    (void)state;
    rsa_queue_add(&queue, &items[0], RSA_OPEN);
    rsa_queue_add(&queue, &items[1], RSA_OPEN);
    remove_while_running = &items[1];
    turn();
    turn();
    assert_int_equal(ran_count, 1);
    assert_int_equal(queue.length, 0);
    assert_int_equal(uv_loop_alive(&loop), 0);
}

static void an_item_that_ran_may_be_queued_again(void **state)
{
    (void)state;
    add_while_running = &items[0];
    rsa_queue_add(&queue, &items[0], RSA_OPEN);
    turn();
    assert_int_equal(ran_count, 2);
    assert_int_equal(ran[0].order, RSA_OPEN);
    assert_int_equal(ran[1].order, RSA_ANSWER);
    assert_ptr_equal(ran[1].item, &items[0]);
}

static uint64_t now_ms;

static uint64_t test_now(const uv_loop_t *unused)
{
    (void)unused;
    return now_ms;
}

static void it_knows_how_long_its_oldest_item_waits(void **state)
{
    (void)state;
    queue.now = test_now;
    now_ms = 1000;
    assert_int_equal(rsa_queue_waits_ms(&queue), 0);
    rsa_queue_add(&queue, &items[0], RSA_OPEN);
    now_ms = 1010;
    rsa_queue_add(&queue, &items[1], RSA_ANSWER);
    now_ms = 1015;
    rsa_queue_add(&queue, &items[2], RSA_OPEN);
    assert_int_equal(rsa_queue_waits_ms(&queue), 15);
    rsa_queue_remove(&queue, &items[0]);
    assert_int_equal(rsa_queue_waits_ms(&queue), 5);
    rsa_queue_remove(&queue, &items[1]);
    now_ms = 1020;
    assert_int_equal(rsa_queue_waits_ms(&queue), 5);
    rsa_queue_remove(&queue, &items[2]);
    assert_int_equal(rsa_queue_waits_ms(&queue), 0);
}

static void items_that_cost_two_run_alone_in_a_turn(void **state)
{
    (void)state;
    queue.cost[RSA_OPEN] = 2;
    rsa_queue_add(&queue, &items[0], RSA_ANSWER);
    rsa_queue_add(&queue, &items[1], RSA_OPEN);
    rsa_queue_add(&queue, &items[2], RSA_OPEN);
    rsa_queue_add(&queue, &items[3], RSA_ANSWER);
    rsa_queue_add(&queue, &items[4], RSA_ANSWER);
    static const size_t after[] = {2, 3, 4, 5};
    for (size_t i = 0; i < COUNT_OF(after); i++) {
        turn();
        assert_int_equal(ran_count, after[i]);
    }
    static const size_t order[] = {0, 3, 4, 1, 2};
    for (size_t i = 0; i < COUNT_OF(order); i++) {
        assert_ptr_equal(ran[i].item, &items[order[i]]);
    }
}

static struct rsa_item *picked;

static struct rsa_item *pick(void *arg)
{
    assert_ptr_equal(arg, &queue);
    return picked;
}

static void a_request_that_is_picked_runs_before_older_ones_and_after_answers(void **state)
{
    (void)state;
    queue.pick = pick;
    for (size_t i = 0; i < 5; i++) {
        rsa_queue_add(&queue, &items[i], RSA_OPEN);
    }
    rsa_queue_add(&queue, &items[5], RSA_ANSWER);
    picked = &items[3];
    turn();
    assert_ptr_equal(ran[0].item, &items[5]);
    assert_ptr_equal(ran[1].item, &items[3]);
    picked = NULL;
    turn();
    assert_ptr_equal(ran[2].item, &items[0]);
    assert_ptr_equal(ran[3].item, &items[1]);
    picked = &items[4]; /* the last in the list */
    queue.cost[RSA_OPEN] = 2;
    turn();
    assert_ptr_equal(ran[4].item, &items[4]);
    picked = NULL;
    rsa_queue_add(&queue, &items[6], RSA_OPEN);
    turn();
    turn();
    assert_ptr_equal(ran[5].item, &items[2]);
    assert_ptr_equal(ran[6].item, &items[6]);
    assert_int_equal(queue.length, 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(never_more_than_two_operations_run_in_a_turn),
        CASE(the_loop_may_sleep_exactly_when_nothing_waits),
        CASE(answers_run_before_requests_and_each_kind_in_its_order),
        CASE(an_answer_that_comes_up_while_requests_wait_goes_first),
        CASE(a_removed_item_does_not_run_and_all_others_do),
        CASE(an_item_may_be_removed_while_another_runs),
        CASE(an_item_that_ran_may_be_queued_again),
        CASE(it_knows_how_long_its_oldest_item_waits),
        CASE(items_that_cost_two_run_alone_in_a_turn),
        CASE(a_request_that_is_picked_runs_before_older_ones_and_after_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
