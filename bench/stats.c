#include "bench/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BISECTIONS = 60 };

uint64_t stats_random(uint64_t *state)
{
    /* SplitMix64 (Steele, Lea, Flood 2014). */
    uint64_t z = (*state += 0x9E3779B97F4A7C15U);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31);
}

size_t stats_below(uint64_t *state, size_t bound)
{
    return (size_t)(((stats_random(state) >> 32) * (uint64_t)bound) >> 32);
}

void stats_shuffle(uint64_t *state, size_t *items, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        size_t other = stats_below(state, i);
        size_t held = items[i - 1];
        items[i - 1] = items[other];
        items[other] = held;
    }
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static int by_size(const void *a, const void *b)
{
    double x = fabs(*(const double *)a);
    double y = fabs(*(const double *)b);
    return (x > y) - (x < y);
}

double stats_median(double *values, size_t n)
{
    if (n == 0) {
        return 0;
    }
    qsort(values, n, sizeof *values, by_value);
    return (values[(n - 1) / 2] + values[n / 2]) / 2;
}

double stats_sign_z(const double *d, size_t n, double shift)
{
    double positive = 0;
    double negative = 0;
    for (size_t i = 0; i < n; i++) {
        positive += d[i] > shift;
        negative += d[i] < shift;
    }
    double excess = fabs(positive - negative) - 1; /* the step of a count, halved on either side */
    if (excess <= 0) {
        return 0;
    }
    return copysign(excess / sqrt(positive + negative), positive - negative);
}

double stats_rank_z(const double *d, size_t n, double shift, double *scratch)
{
    size_t used = 0;
    for (size_t i = 0; i < n; i++) {
        if (d[i] != shift) {
            scratch[used++] = d[i] - shift;
        }
    }
    if (used == 0) {
        return 0;
    }
    qsort(scratch, used, sizeof *scratch, by_size);
    double count = (double)used;
    double sum = 0; /* of the ranks of the positive ones */
    double variance = count * (count + 1) * (2 * count + 1) / 24;
    for (size_t from = 0, to; from < used; from = to) {
        double positive = 0;
        for (to = from; to < used && fabs(scratch[to]) == fabs(scratch[from]); to++) {
            positive += scratch[to] > 0;
        }
        double tied = (double)(to - from);
        sum += positive * (double)(from + to + 1) / 2; /* equal sizes share their mean rank */
        variance -= (tied * tied * tied - tied) / 48;
    }
    return (sum - count * (count + 1) / 4) / sqrt(variance);
}

double stats_p(double z)
{
    return erfc(fabs(z) / sqrt(2));
}

double stats_z_of(double p)
{
    double low = 0;
    double high = 38; /* beyond it erfc is 0 */
    for (int i = 0; i < BISECTIONS; i++) {
        double z = (low + high) / 2;
        *(stats_p(z) > p ? &low : &high) = z;
    }
    return high;
}

struct stats_range stats_interval(const double *d, size_t n, double *scratch)
{
    static const double z = 1.959964;
    double spread = z * z / (double)n;
    double off = sqrt(spread / (1 + spread)) / 2 * (double)n;
    double low = floor((double)n / 2 - off);
    double high = ceil((double)n / 2 + off);
    memcpy(scratch, d, n * sizeof *d);
    qsort(scratch, n, sizeof *scratch, by_value);
    return (struct stats_range){scratch[low > 0 ? (size_t)low : 0],
                                scratch[high < (double)n ? (size_t)high : n - 1]};
}

typedef double score_fn(const double *d, size_t n, double shift, double *scratch);

static double sign_score(const double *d, size_t n, double shift, double *scratch)
{
    (void)scratch;
    return stats_sign_z(d, n, shift);
}

/* The shift at which a score, which falls as the shift grows, comes down to z. */
static double shift_for(score_fn *score, const double *d, size_t n, double z, double *scratch)
{
    double low = d[0];
    double high = d[0];
    for (size_t i = 0; i < n; i++) {
        low = fmin(low, d[i]);
        high = fmax(high, d[i]);
    }
    for (int i = 0; i < BISECTIONS; i++) {
        double shift = (low + high) / 2;
        *(score(d, n, shift, scratch) > z ? &low : &high) = shift;
    }
    return high;
}

double stats_visible(const double *d, size_t n, double z, double *scratch)
{
    /* Taking a shift away scores as adding it does, with the other sign. */
    double by_sign =
        shift_for(sign_score, d, n, -z, scratch) - shift_for(sign_score, d, n, 0, scratch);
    double by_rank =
        shift_for(stats_rank_z, d, n, -z, scratch) - shift_for(stats_rank_z, d, n, 0, scratch);
    return fmin(by_sign, by_rank);
}
