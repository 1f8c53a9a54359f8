/* probe.h - how long cyand takes to close handshakes that must fail, seen from the other end.
 *
 * A block has one request of each kind, sent one right behind the other in random order. So, if
 * cyand treats all kinds alike, any two samples of a block might as well be each other's, however
 * the machine's mood changes between blocks: that is what bench/stats.h builds on. Connections and
 * requests are made a wave at a time, before the first of them is sent. */
#ifndef CYAN_BENCH_PROBE_H
#define CYAN_BENCH_PROBE_H

#include <stddef.h>
#include <stdint.h>

#include "bench/rig.h"

enum probe_kind {
    PROBE_PADDING, /* deciphers to a random block: what an attacker on the padding asks */
    PROBE_LENGTH,  /* well padded, the nonce in front, neither 52 nor 214 bytes */
    PROBE_NONCE,   /* a known device in every byte, for another nonce */
    PROBE_UNKNOWN, /* well formed, the short form of an id that nobody knows: custody refuses it
                      under every policy */
    PROBE_KINDS
};

/* Requests of a wave: cyand needs longer for their private operations than it lets a failure wait.
 */
enum { PROBE_WAVE = 2048 };

struct probe {
    const struct rig *rig;
    const struct cyan_crypto *crypto;
    uint64_t *random; /* the order; see stats_random */
    size_t at_once;   /* requests sent in one go: 1, 16 or PROBE_WAVE */
    size_t blocks_max;
    double seconds_max; /* the wave that is under way is finished */
};

struct probe_samples {
    size_t blocks;
    /* Microseconds from before the last byte of the request was sent until the end of the
     * connection was seen; of a kind one for each block. */
    double *raw_us[PROBE_KINDS];
    /* The same without what all kinds share: the middle of those sent together, 4 or 16 (cyand
     * closes on a tick of its clock), and what being the first or the last of them makes. */
    double *us[PROBE_KINDS];
};

/* Ends the program when cyand answers one of the requests, or does not close within seconds. */
void probe_run(const struct probe *probe, struct probe_samples *out_samples);
void probe_done(struct probe_samples *samples);

/* Median time to the answer of a good handshake, in microseconds, of this many one by one. */
double probe_answer_us(const struct rig *rig, const struct cyan_crypto *crypto, size_t rounds);

/* One word. Static. */
const char *probe_kind_name(enum probe_kind kind);

#endif
