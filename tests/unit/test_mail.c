#include "server/net/mail.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

enum { MESSAGES = 1000000, LONG_LEN = 100 * 1024, LONG_EVERY = 50000, KINDS = 7 };

static uv_loop_t loop;
static struct mail_lane lane;

/* What the receiver has seen. cmocka's assertions belong to the main thread, which receives. */
static uint64_t received, expected, wrong, bytes;

static int set_up(void **state)
{
    (void)state;
    received = expected = wrong = bytes = 0;
    return uv_loop_init(&loop);
}

static int tear_down(void **state)
{
    (void)state;
    mail_lane_close(&lane);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    mail_lane_done(&lane);
    return uv_loop_close(&loop);
}

/* Every length from 8 to 300 or so, and now and then one longer than a block. */
static size_t len_of(uint64_t number)
{
    return number % LONG_EVERY == LONG_EVERY - 1 ? LONG_LEN : sizeof number + number % 293;
}

/* The body is the number, then bytes that follow from it. */
static void fill(uint64_t number, void *body, size_t len)
{
    memcpy(body, &number, sizeof number);
    memset((char *)body + sizeof number, (int)(number & 0xFF), len - sizeof number);
}

static void check(void *arg, uint32_t kind, const void *body, size_t len)
{
    uint64_t number = 0;
    const uint8_t *last = (const uint8_t *)body + len - 1;
    assert_ptr_equal(arg, &received);
    received++;
    bytes += len;
    memcpy(&number, body, sizeof number);
    wrong += number != expected || kind != number % KINDS || len != len_of(number) ||
             (uintptr_t)body % 8 != 0 || (len > sizeof number && *last != (uint8_t)number);
    expected++;
}

static void put(uint64_t number)
{
    size_t len = len_of(number);
    void *body = mail_put(&lane, (uint32_t)(number % KINDS), len);
    if (body) {
        fill(number, body, len);
    }
}

/* Bursts of every size, so that blocks are handed over full and almost empty. */
static void send_many(void *arg)
{
    uint64_t number = 0;
    (void)arg;
    for (uint64_t burst = 1; number < MESSAGES; burst = burst * 7 % 3001) {
        for (uint64_t i = 0; i < burst && number < MESSAGES; i++) {
            put(number++);
        }
        mail_flush(&lane);
    }
}

static void a_million_messages_cross_threads_in_order_and_whole(void **state)
{
    (void)state;
    uv_thread_t sender;
    assert_int_equal(mail_lane_init(&lane, &loop, check, &received), 0);
    assert_int_equal(uv_thread_create(&sender, send_many, NULL), 0);
    while (received < MESSAGES) {
        (void)uv_run(&loop, UV_RUN_ONCE);
    }
    assert_int_equal(uv_thread_join(&sender), 0);
    (void)uv_run(&loop, UV_RUN_NOWAIT);
    assert_int_equal(received, MESSAGES);
    assert_int_equal(wrong, 0);
}

static void nothing_is_delivered_before_the_flush(void **state)
{
    (void)state;
    assert_int_equal(mail_lane_init(&lane, &loop, check, &received), 0);
    put(0);
    put(1);
    (void)uv_run(&loop, UV_RUN_NOWAIT);
    assert_int_equal(received, 0);
    mail_flush(&lane);
    (void)uv_run(&loop, UV_RUN_NOWAIT);
    assert_int_equal(received, 2);
    assert_int_equal(wrong, 0);
}

static void a_lane_is_behind_while_its_receiver_sleeps_and_not_when_it_has_caught_up(void **state)
{
    (void)state;
    uint64_t number = 0;
    assert_int_equal(mail_lane_init(&lane, &loop, check, &received), 0);
    assert_false(mail_is_behind(&lane));
    for (size_t sent = 0; sent <= MAIL_BACKLOG_MAX; sent += len_of(number++)) {
        put(number);
        mail_flush(&lane);
    }
    assert_true(mail_is_behind(&lane));
    (void)uv_run(&loop, UV_RUN_NOWAIT);
    assert_false(mail_is_behind(&lane));
    assert_int_equal(received, number);
    assert_int_equal(wrong, 0);
}

static void several_flushes_are_delivered_in_their_order(void **state)
{
    (void)state;
    assert_int_equal(mail_lane_init(&lane, &loop, check, &received), 0);
    for (uint64_t i = 0; i < 1000; i++) {
        put(i);
        mail_flush(&lane);
        mail_flush(&lane);
    }
    (void)uv_run(&loop, UV_RUN_NOWAIT);
    assert_int_equal(received, 1000);
    assert_int_equal(wrong, 0);
}

static void count_only(void *arg, uint32_t kind, const void *body, size_t len)
{
    (void)kind;
    assert_non_null(body);
    *(size_t *)arg += len;
}

static void messages_of_every_length_around_a_block_arrive(void **state)
{
    (void)state;
    size_t sum = 0, sent = 0;
    assert_int_equal(mail_lane_init(&lane, &loop, count_only, &sum), 0);
    for (size_t len = 0; len < 80000; len += len < 200 || (len > 32600 && len < 32900) ? 1 : 501) {
        uint8_t *body = mail_put(&lane, 0, len);
        assert_non_null(body);
        memset(body, 0xA5, len); /* a sanitizer sees whether there is room */
        sent += len;
        if (len % 3 == 0) {
            mail_flush(&lane);
        }
    }
    mail_flush(&lane);
    (void)uv_run(&loop, UV_RUN_NOWAIT);
    assert_int_equal(sum, sent);
}

static void what_was_not_delivered_is_freed(void **state)
{
    (void)state;
    assert_int_equal(mail_lane_init(&lane, &loop, check, &received), 0);
    for (uint64_t i = 0; i < 5000; i++) {
        put(i);
        if (i == 4000) {
            mail_flush(&lane);
        }
    }
    /* The leak check at the end of the program sees the rest. */
    assert_int_equal(received, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_is_delivered_before_the_flush, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_lane_is_behind_while_its_receiver_sleeps_and_not_when_it_has_caught_up, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(several_flushes_are_delivered_in_their_order, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(messages_of_every_length_around_a_block_arrive, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_million_messages_cross_threads_in_order_and_whole, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_was_not_delivered_is_freed, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
