#include "server/net/wheel.h"

#include <string.h>

#include "tests/unit/unit.h"

enum { START_MS = 7000123, LAP_MS = WHEEL_SLOTS * WHEEL_TICK_MS };

static uv_loop_t loop;
static struct wheel wheel;
static uint64_t now_ms;

/* A timer that notes when it fired. */
struct alarm {
    struct wheel_timer timer; /* first */
    uint64_t fired_ms;
    unsigned count;
    struct alarm *other; /* for the two below */
};

static uint64_t test_now(const uv_loop_t *ignored)
{
    (void)ignored;
    return now_ms;
}

static int set_up(void **state)
{
    (void)state;
    now_ms = START_MS;
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(wheel_init(&wheel, &loop), 0);
    wheel.now = test_now;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    wheel_close(&wheel);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    return uv_loop_close(&loop);
}

static void pass(uint64_t ms)
{
    now_ms += ms;
    wheel_run(&wheel);
}

static void note(struct wheel_timer *timer)
{
    struct alarm *alarm = (struct alarm *)timer;
    alarm->fired_ms = now_ms;
    alarm->count++;
}

static void a_timer_fires_once_never_early_and_at_most_a_tick_late(void **state)
{
    (void)state;
    static const uint64_t delays[] = {
        0,     1,     99,     100,        101,    999,    1000,           20000,          31000,
        51100, 51200, 102300, LAP_MS - 1, LAP_MS, 102500, 3 * LAP_MS - 1, 3 * LAP_MS + 57};
    for (size_t i = 0; i < COUNT_OF(delays); i++) {
        for (uint64_t phase = 0; phase < WHEEL_TICK_MS; phase += 7) {
            struct alarm alarm = {0};
            pass(phase);
            uint64_t start = now_ms;
            wheel_start(&wheel, &alarm.timer, delays[i], note);
            while (alarm.count == 0 && now_ms < start + delays[i] + 1000) {
                pass(1);
            }
            assert_int_equal(alarm.count, 1);
            assert_in_range(alarm.fired_ms - start, delays[i], delays[i] + WHEEL_TICK_MS);
            pass(2 * LAP_MS);
            assert_int_equal(alarm.count, 1);
            assert_int_equal(wheel.armed, 0);
        }
    }
}

static void timers_fire_after_a_jump_of_many_laps_too(void **state)
{
    (void)state;
    struct alarm alarms[50] = {0};
    for (size_t i = 0; i < COUNT_OF(alarms); i++) {
        wheel_start(&wheel, &alarms[i].timer, i * 9973, note);
    }
    pass(10 * LAP_MS);
    for (size_t i = 0; i < COUNT_OF(alarms); i++) {
        assert_int_equal(alarms[i].count, 1);
    }
}

static void timers_of_one_slot_fire_each_in_its_own_lap(void **state)
{
    (void)state;
    struct alarm alarms[4] = {0};
    for (size_t i = 0; i < COUNT_OF(alarms); i++) {
        wheel_start(&wheel, &alarms[i].timer, 500 + i * LAP_MS, note);
    }
    pass(600);
    for (size_t i = 0; i < COUNT_OF(alarms); i++) {
        for (size_t k = 0; k < COUNT_OF(alarms); k++) {
            assert_int_equal(alarms[k].count, k <= i ? 1 : 0);
        }
        pass(LAP_MS);
    }
}

static void a_stopped_timer_does_not_fire_and_its_neighbours_do(void **state)
{
    (void)state;
    for (size_t stopped = 0; stopped < 3; stopped++) {
        struct alarm alarms[3] = {0};
        for (size_t i = 0; i < COUNT_OF(alarms); i++) {
            wheel_start(&wheel, &alarms[i].timer, 300, note);
        }
        wheel_stop(&wheel, &alarms[stopped].timer);
        wheel_stop(&wheel, &alarms[stopped].timer);
        assert_int_equal(wheel.armed, 2);
        pass(1000);
        for (size_t i = 0; i < COUNT_OF(alarms); i++) {
            assert_int_equal(alarms[i].count, i == stopped ? 0 : 1);
        }
    }
}

static void a_timer_that_is_armed_anew_keeps_only_the_new_time(void **state)
{
    (void)state;
    struct alarm alarm = {0};
    wheel_start(&wheel, &alarm.timer, 300, note);
    wheel_start(&wheel, &alarm.timer, 5000, note);
    assert_int_equal(wheel.armed, 1);
    pass(4900);
    assert_int_equal(alarm.count, 0);
    wheel_start(&wheel, &alarm.timer, 100, note);
    pass(200);
    assert_int_equal(alarm.count, 1);
    pass(10000);
    assert_int_equal(alarm.count, 1);
}

static void stop_other(struct wheel_timer *timer)
{
    note(timer);
    wheel_stop(&wheel, &((struct alarm *)timer)->other->timer);
}

static void arm_self(struct wheel_timer *timer)
{
    note(timer);
    wheel_start(&wheel, timer, 0, arm_self);
}

static void a_timer_may_stop_its_neighbour_while_it_fires(void **state)
{
    (void)state;
    struct alarm first = {0}, second = {0};
    first.other = &second;
    second.other = &first;
    wheel_start(&wheel, &first.timer, 300, stop_other);
    wheel_start(&wheel, &second.timer, 300, stop_other);
    pass(1000);
    assert_int_equal(first.count + second.count, 1);
    assert_int_equal(wheel.armed, 0);
}

static void a_timer_may_arm_itself_while_it_fires_and_fires_once_a_tick(void **state)
{
    (void)state;
    struct alarm alarm = {0};
    wheel_start(&wheel, &alarm.timer, 0, arm_self);
    for (unsigned i = 1; i <= 30; i++) {
        pass(WHEEL_TICK_MS);
        assert_int_equal(alarm.count, i);
    }
    wheel_stop(&wheel, &alarm.timer);
}

static void the_clock_stands_still_while_nothing_is_armed_and_goes_while_something_is(void **state)
{
    (void)state;
    struct alarm alarm = {0};
    assert_false(uv_is_active((uv_handle_t *)&wheel.clock));
    wheel_start(&wheel, &alarm.timer, 300, note);
    assert_true(uv_is_active((uv_handle_t *)&wheel.clock));
    now_ms += 400;
    /* The uv_timer itself: it is wound for the rest of a tick of real time. */
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(alarm.count, 1);
    assert_false(uv_is_active((uv_handle_t *)&wheel.clock));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_timer_fires_once_never_early_and_at_most_a_tick_late,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(timers_fire_after_a_jump_of_many_laps_too, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(timers_of_one_slot_fire_each_in_its_own_lap, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_stopped_timer_does_not_fire_and_its_neighbours_do, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_timer_that_is_armed_anew_keeps_only_the_new_time, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_timer_may_stop_its_neighbour_while_it_fires, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_timer_may_arm_itself_while_it_fires_and_fires_once_a_tick,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            the_clock_stands_still_while_nothing_is_armed_and_goes_while_something_is, set_up,
            tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
