/* rig.h - the real cyand as a process of its own on core 0, over a store that was filled before it
 * started, and what it costs. Everything here ends the program when it cannot go on. */
#ifndef CYAN_BENCH_RIG_H
#define CYAN_BENCH_RIG_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "crypto/crypto.h"
#include "wire/keyblob.h"
#include "wire/limits.h"

struct rig {
    char folder[64];
    pid_t pid;
    uint16_t port; /* for devices */
    int log;       /* what cyand writes to standard error */
    uint8_t server_spki[CYAN_SERVER_SPKI_LEN];
    struct cyan_rsa1024 key;            /* one key for all devices; their ids differ */
    uint8_t slot[CYAN_DEVICE_KEY_SLOT]; /* the same as a device stores it */
    uint8_t device_spki[CYAN_DEVICE_SPKI_LEN];
};

/* The id of the i-th device. */
void rig_id(size_t i, uint8_t out_id[static CYAN_ID_LEN]);

/* Makes a data folder that knows this many devices and starts cyand on it, with one shard. */
void rig_start(struct rig *rig, const char *cyand, const struct cyan_crypto *crypto,
               size_t devices);

/* Kills cyand and starts it again, on the same folder and port. */
void rig_restart(struct rig *rig, const char *cyand);

/* Ends cyand and removes the folder. Returns the longest turn of its shard's loop in
 * microseconds, as it said in its log. */
double rig_stop(struct rig *rig);

/* CPU seconds of all its threads so far, and its resident memory in bytes. */
double rig_cpu_s(const struct rig *rig);
size_t rig_resident(const struct rig *rig);

/* Binds the calling process to a core, when there are two. */
void rig_pin(int core);

/* Prints one result; limit 0: none. */
void rig_print(const char *name, double value, const char *unit, double limit);

/* Seconds of the monotonic clock, and CPU seconds of this process. */
double rig_now_s(void);
double rig_own_cpu_s(void);

#endif
