/* The statistics of the bench: known data, how often they cry wolf, what they find. */
#include "bench/stats.h"

#include <math.h>

#include "tests/unit/unit.h"

enum { PAIRS = 300, RUNS = 1000 };

static double samples[PAIRS];
static double scratch[PAIRS];

static void assert_near(double found, double expected, double within)
{
    if (!(fabs(found - expected) <= within)) {
        fail_msg("%f is not within %f of %f", found, within, expected);
    }
}

static double uniform(uint64_t *state)
{
    return ((double)(stats_random(state) >> 11) + 0.5) / 9007199254740992.0;
}

static double normal(uint64_t *state)
{
    double size = sqrt(-2 * log(uniform(state)));
    return size * cos(6.283185307179586 * uniform(state));
}

/* Noise as a machine makes it: mostly narrow, sometimes a hundred times as wide. */
static double noise(uint64_t *state)
{
    double value = normal(state);
    return stats_below(state, 20) == 0 ? 100 * value : value;
}

static void fill(uint64_t seed, double shift)
{
    uint64_t state = seed;
    for (size_t i = 0; i < PAIRS; i++) {
        samples[i] = shift + noise(&state);
    }
}

static void the_scores_of_known_pairs_are_those_worked_out_by_hand(void **state)
{
    (void)state;
    /* One zero is left out, two fives share the ranks 1 and 2: positive ranks 27 of 45, mean 22.5,
     * variance 9 * 10 * 19 / 24 - (8 - 2) / 48 = 71.125. Five are positive, four negative. */
    static const double known[] = {15, -7, 5, 20, 0, -9, 17, -12, 5, -10};
    assert_near(stats_rank_z(known, COUNT_OF(known), 0, scratch), 4.5 / sqrt(71.125), 1e-12);
    assert_near(stats_sign_z(known, COUNT_OF(known), 0), 0, 0);
    /* Less 5, three zeroes go: 10 -12 15 -5 -14 12 -17 -15; ranks 1 to 8 of sizes 5 10 12 12 14
     * 15 15 17: positive 2 + 3.5 + 6.5 = 12 of 36, variance 8 * 9 * 17 / 24 - 12 / 48 = 50.75. */
    assert_near(stats_rank_z(known, COUNT_OF(known), 5, scratch), (12 - 18) / sqrt(50.75), 1e-12);
    assert_near(stats_sign_z(known, COUNT_OF(known), 5), -1 / sqrt(8), 1e-12);
    static const double rising[] = {1, 2, 3, 4, 5, 6, 7, 8};
    assert_near(stats_sign_z(rising, COUNT_OF(rising), 0), 7 / sqrt(8), 1e-12);
    assert_near(stats_sign_z(rising, COUNT_OF(rising), 9), -7 / sqrt(8), 1e-12);
    assert_near(stats_rank_z(rising, COUNT_OF(rising), 0, scratch), 18 / sqrt(51), 1e-12);
}

static void without_a_difference_left_the_scores_are_zero(void **state)
{
    (void)state;
    static const double same[] = {3, 3, 3, 3};
    assert_near(stats_sign_z(same, COUNT_OF(same), 3), 0, 0);
    assert_near(stats_rank_z(same, COUNT_OF(same), 3, scratch), 0, 0);
    assert_near(stats_rank_z(same, 0, 0, scratch), 0, 0);
    assert_near(stats_median(scratch, 0), 0, 0);
}

static void the_median_is_the_middle_of_odd_and_even_counts(void **state)
{
    (void)state;
    double odd[] = {9, 1, 5};
    double even[] = {9, 1, 5, 4};
    assert_near(stats_median(odd, 3), 5, 0);
    assert_near(stats_median(even, 4), 4.5, 0);
    assert_near(stats_median(odd, 1), 1, 0);
}

static void scores_and_probabilities_are_those_of_the_tables(void **state)
{
    (void)state;
    assert_near(stats_p(0), 1, 0);
    assert_near(stats_p(1.959963985), 0.05, 1e-9);
    assert_near(stats_p(-2.575829304), 0.01, 1e-9);
    assert_near(stats_z_of(0.05), 1.959963985, 1e-8);
    assert_near(stats_z_of(1e-5), 4.417173413, 1e-8);
    assert_near(stats_z_of(4e-7), 5.068957750, 1e-6);
}

static void shuffling_gives_every_order_equally_often(void **state)
{
    (void)state;
    enum { ORDERS = 6, EACH = 1000, ROUNDS = ORDERS * EACH };
    size_t seen[3 * 3 * 3] = {0};
    size_t orders = 0;
    uint64_t seed = 7;
    for (int i = 0; i < ROUNDS; i++) {
        size_t items[] = {0, 1, 2};
        stats_shuffle(&seed, items, 3);
        seen[items[0] * 9 + items[1] * 3 + items[2]]++;
    }
    for (size_t i = 0; i < COUNT_OF(seen); i++) {
        orders += seen[i] > 0;
        if (seen[i] > 0) {
            assert_near((double)seen[i], EACH, 150); /* five standard deviations */
        }
    }
    assert_int_equal(orders, ORDERS);
}

static void equal_kinds_are_called_different_as_seldom_as_promised(void **state)
{
    (void)state;
    static const double alphas[] = {0.1, 0.01};
    for (size_t a = 0; a < COUNT_OF(alphas); a++) {
        double sign_alarms = 0;
        double rank_alarms = 0;
        for (uint64_t seed = 1; seed <= RUNS; seed++) {
            fill(seed, 0);
            sign_alarms += stats_p(stats_sign_z(samples, PAIRS, 0)) < alphas[a];
            rank_alarms += stats_p(stats_rank_z(samples, PAIRS, 0, scratch)) < alphas[a];
        }
        double slack = 4 * sqrt(RUNS * alphas[a]);
        assert_near(rank_alarms, RUNS * alphas[a], slack);
        assert_true(sign_alarms > 0);
        assert_true(sign_alarms < RUNS * alphas[a] + slack); /* rounded to the safe side */
    }
}

static void the_interval_holds_the_median_nineteen_times_of_twenty(void **state)
{
    (void)state;
    double held = 0;
    for (uint64_t seed = 1; seed <= RUNS; seed++) {
        fill(seed, 3);
        struct stats_range range = stats_interval(samples, PAIRS, scratch);
        held += range.low <= 3 && 3 <= range.high;
        assert_true(range.high - range.low < 0.6);
    }
    assert_near(held, 0.95 * RUNS, 28); /* four standard deviations */
}

static void the_interval_of_few_samples_stays_among_them(void **state)
{
    (void)state;
    static const double few[] = {2, 1, 3};
    for (size_t n = 1; n <= COUNT_OF(few); n++) {
        struct stats_range range = stats_interval(few, n, scratch);
        assert_true(range.low >= 1 && range.low <= range.high && range.high <= 3);
    }
}

/* With 2.326 more than the score that alarms 95 of 100 such shifts are found: 1.645, widened by the
 * square root of two, since what was measured and what is found each have noise of their own. */
static void a_shift_as_large_as_said_to_be_visible_is_found(void **state)
{
    (void)state;
    double alarm = stats_z_of(1e-6);
    double found = 0;
    double found_small = 0;
    for (uint64_t seed = 1; seed <= RUNS / 5; seed++) {
        fill(seed, 0);
        double visible = stats_visible(samples, PAIRS, alarm + 2.326, scratch);
        /* The sign test alone needs 2 Phi(shift) - 1 = 7.2 / sqrt(300), a shift of half a width. */
        assert_near(visible, 0.55, 0.2);
        fill(seed + RUNS, visible);
        found += stats_rank_z(samples, PAIRS, 0, scratch) > alarm ||
                 stats_sign_z(samples, PAIRS, 0) > alarm;
        fill(seed + RUNS, visible / 10);
        found_small += stats_rank_z(samples, PAIRS, 0, scratch) > alarm;
    }
    assert_in_range((uintmax_t)found, RUNS / 5 * 9 / 10, RUNS / 5);
    assert_near(found_small, 0, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_scores_of_known_pairs_are_those_worked_out_by_hand),
        cmocka_unit_test(without_a_difference_left_the_scores_are_zero),
        cmocka_unit_test(the_median_is_the_middle_of_odd_and_even_counts),
        cmocka_unit_test(scores_and_probabilities_are_those_of_the_tables),
        cmocka_unit_test(shuffling_gives_every_order_equally_often),
        cmocka_unit_test(equal_kinds_are_called_different_as_seldom_as_promised),
        cmocka_unit_test(the_interval_holds_the_median_nineteen_times_of_twenty),
        cmocka_unit_test(the_interval_of_few_samples_stays_among_them),
        cmocka_unit_test(a_shift_as_large_as_said_to_be_visible_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
