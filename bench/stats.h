/* stats.h - do paired samples differ, and how small a difference would have been seen?
 *
 * A pair is the difference of two samples that were taken side by side, in random order. If their
 * kinds do not differ, each difference might as well have the other sign. The sign test asks how
 * many are positive, Wilcoxon's signed-rank test weighs each sign with the rank of its size; both
 * give a score that is standard normal when nothing differs and there are a hundred pairs or more.
 * Neither asks how the samples are distributed, so the outliers of a busy machine do no harm.
 *
 * Every array has n elements and belongs to the caller; scratch is overwritten, and d may not be
 * it. What these tests cannot see: kinds that differ in their spread alone. */
#ifndef CYAN_BENCH_STATS_H
#define CYAN_BENCH_STATS_H

#include <stddef.h>
#include <stdint.h>

/* A random sequence that a seed repeats; no secret may come from it. */
uint64_t stats_random(uint64_t *state);
/* From 0 to bound - 1; the bias is below 2^-32 for bounds that fit 32 bits. */
size_t stats_below(uint64_t *state, size_t bound);
void stats_shuffle(uint64_t *state, size_t *items, size_t n);

/* The middle value, or the mean of the two in the middle; sorts values; 0 when n is 0. */
double stats_median(double *values, size_t n);

/* Scores of the differences d, each less shift. Zeroes are left out; 0 when nothing is left. */
double stats_sign_z(const double *d, size_t n, double shift);
double stats_rank_z(const double *d, size_t n, double shift, double *scratch);

/* How likely a score at least this far from 0, on either side, is when nothing differs. */
double stats_p(double z);

/* The score that is passed, on either side, with this probability when nothing differs. */
double stats_z_of(double p);

struct stats_range {
    double low, high;
};

/* Where the median lies, with a confidence of 95 %: the percentile bootstrap. For a median its
 * limit of infinitely many rounds is known (a draw of n falls below the k-th value with the
 * binomial probability of k / n), so no rounds are drawn. */
struct stats_range stats_interval(const double *d, size_t n, double *scratch);

/* The smallest constant difference that would have brought one of the two scores to z, in the
 * noise of these samples; n is not 0. */
double stats_visible(const double *d, size_t n, double z, double *scratch);

#endif
