/* timing.c - does the time in which a failing handshake is closed tell why it failed?
 *
 * The server's one key decrypts and signs. Whoever can tell bad padding from any other failure can
 * use that key (Bleichenbacher; docs/THREATS.md). So the kinds of failure are compared in pairs, as
 * seen by a client on the same machine: one request after the other, sixteen at once, and so many
 * that most wait longer for their private operation than cyand lets a failure wait. With --leaky
 * the program must be one that leaks on purpose (bench/leak.c), which shows that the test can see;
 * it fails when it does not.
 * usage: timing [--leaky] [--seed N] CYAND */
#include <getopt.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "bench/probe.h"
#include "bench/reader.h"
#include "bench/rig.h"
#include "bench/stats.h"
#include "crypto/openssl.h"

enum {
    MODES = 3,
    PAIRS = PROBE_KINDS * (PROBE_KINDS - 1) / 2,
    TESTS = 2,     /* of each pair: sign and signed rank */
    BLOCKS = 4000, /* a mode, and at most so many seconds */
    SECONDS = 25,
    LEAKY_BLOCKS = 512,
    LEAKY_SECONDS = 5,
    BLOCKS_LEAST = 192,
    ANSWERS = 100,
};

/* A sound program fails by chance once in a hundred thousand runs. */
static const double FALSE_ALARMS = 1e-5;
/* So much above the score that alarms, 95 of 100 differences are found. */
static const double POWER_Z = 2.326;

static const struct mode {
    const char *name;
    size_t at_once;
} modes[MODES] = {{"alone", 1}, {"crowd", 16}, {"flood", PROBE_WAVE}};

struct run {
    const char *program; /* its name, without the folder */
    bool leaky;
    uint64_t random;
    double alarm_z;
    double visible_us;       /* the worst of all pairs */
    bool leak;               /* in any pair */
    bool found[PROBE_KINDS]; /* bad padding against this kind, in any mode */
};

static void compare(struct run *run, size_t mode, const struct probe_samples *samples,
                    enum probe_kind a, enum probe_kind b)
{
    size_t n = samples->blocks;
    double *d = calloc(2 * n, sizeof *d);
    double *scratch = d ? d + n : NULL;
    char name[96];
    if (!scratch) {
        bench_die("there is not enough memory");
    }
    for (size_t i = 0; i < n; i++) {
        d[i] = samples->us[a][i] - samples->us[b][i];
    }
    struct stats_range range = stats_interval(d, n, scratch);
    memcpy(scratch, d, n * sizeof *d);
    double median = stats_median(scratch, n);
    double sign_z = stats_sign_z(d, n, 0);
    double rank_z = stats_rank_z(d, n, 0, scratch);
    double visible = stats_visible(d, n, run->alarm_z + POWER_Z, scratch);
    bool leak = fmax(fabs(sign_z), fabs(rank_z)) >= run->alarm_z;
    (void)fprintf(stderr,
                  "timing:   %-7s - %-7s %+10.2f us [%+.2f, %+.2f]  sign p %.1e, rank p %.1e, "
                  "visible from %.2f us%s\n",
                  probe_kind_name(a), probe_kind_name(b), median, range.low, range.high,
                  stats_p(sign_z), stats_p(rank_z), visible, leak ? "  LEAK" : "");
    (void)snprintf(name, sizeof name, "timing%s_%s_%s_%s_us", run->leaky ? "_leaky" : "",
                   modes[mode].name, probe_kind_name(a), probe_kind_name(b));
    rig_print(name, median, "us", visible);
    run->leak |= leak;
    run->found[b] |= leak && a == PROBE_PADDING;
    run->visible_us = fmax(run->visible_us, visible);
    free(d);
}

static void measure(struct run *run, size_t mode, const struct rig *rig,
                    const struct cyan_crypto *crypto)
{
    const struct probe probe = {.rig = rig,
                                .crypto = crypto,
                                .random = &run->random,
                                .at_once = modes[mode].at_once,
                                .blocks_max = run->leaky ? LEAKY_BLOCKS : BLOCKS,
                                .seconds_max = run->leaky ? LEAKY_SECONDS : SECONDS};
    struct probe_samples samples;
    probe_run(&probe, &samples);
    if (samples.blocks < BLOCKS_LEAST) {
        bench_die("this machine is too slow to tell anything");
    }
    (void)fprintf(stderr, "timing: %s, %zu at once, %zu of each kind; medians", run->program,
                  probe.at_once, samples.blocks);
    for (enum probe_kind kind = 0; kind < PROBE_KINDS; kind++) {
        (void)fprintf(stderr, " %s %.1f", probe_kind_name(kind),
                      stats_median(samples.raw_us[kind], samples.blocks));
    }
    (void)fprintf(stderr, " us\n");
    for (enum probe_kind a = 0; a < PROBE_KINDS; a++) {
        for (enum probe_kind b = a + 1; b < PROBE_KINDS; b++) {
            compare(run, mode, &samples, a, b);
        }
    }
    probe_done(&samples);
}

/* Says the verdict; 0 when it is the one that this program should have. */
static int judge(const struct run *run)
{
    bool planted_found = run->found[PROBE_LENGTH] && run->found[PROBE_NONCE];
    if (run->leak) {
        (void)fprintf(stderr, "timing: %s: LEAK\n", run->program);
    } else {
        (void)fprintf(stderr,
                      "timing: %s: no difference found (smallest that would have been seen: "
                      "%.1f us)\n",
                      run->program, run->visible_us);
    }
    if (run->leaky && !planted_found) {
        (void)fprintf(stderr,
                      "timing: %s leaks on purpose and was not found out, so this test "
                      "proves nothing\n",
                      run->program);
    } else if (!run->leaky && run->leak) {
        (void)fprintf(stderr,
                      "timing: the time of a failure tells strangers why it failed; seen often "
                      "enough, that uses the server's key\n");
    }
    return run->leaky ? !planted_found : run->leak;
}

static const char *read_options(int argc, char **argv, struct run *run)
{
    static const struct option options[] = {{"leaky", no_argument, NULL, 'l'},
                                            {"seed", required_argument, NULL, 's'},
                                            {NULL, 0, NULL, 0}};
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'l') {
            run->leaky = true;
        } else if (option == 's') {
            run->random = strtoull(optarg, NULL, 10);
        } else {
            bench_die("usage: timing [--leaky] [--seed N] CYAND");
        }
    }
    if (optind != argc - 1) {
        bench_die("usage: timing [--leaky] [--seed N] CYAND");
    }
    const char *slash = strrchr(argv[optind], '/');
    run->program = slash ? slash + 1 : argv[optind];
    return argv[optind];
}

/* A wave of connections is more than what is usually allowed. */
static void raise_descriptor_limit(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
}

int main(int argc, char **argv)
{
    struct rig rig;
    struct run run = {.random = (uint64_t)time(NULL),
                      .alarm_z = stats_z_of(FALSE_ALARMS / (MODES * PAIRS * TESTS))};
    const char *cyand = read_options(argc, argv, &run);
    struct cyan_crypto *crypto = cyan_openssl_create();
    if (!crypto) {
        bench_die("OpenSSL cannot be set up");
    }
    raise_descriptor_limit();
    rig_pin(1);
    rig_start(&rig, cyand, crypto, 1);
    (void)fprintf(stderr, "timing: %s, seed %llu; a good handshake is answered in %.1f us\n",
                  run.program, (unsigned long long)run.random,
                  probe_answer_us(&rig, crypto, ANSWERS));
    for (size_t mode = 0; mode < MODES; mode++) {
        measure(&run, mode, &rig, crypto);
    }
    (void)rig_stop(&rig);
    cyan_openssl_destroy(crypto);
    return judge(&run);
}
