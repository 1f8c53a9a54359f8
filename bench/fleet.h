/* fleet.h - many devices in one process: real handshakes, made of wire/, and little else. */
#ifndef CYAN_BENCH_FLEET_H
#define CYAN_BENCH_FLEET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/rig.h"
#include "wire/cipher.h"

enum fleet_state { FLEET_NONCE, FLEET_ANSWER, FLEET_HELLO, FLEET_LIVE, FLEET_GONE };

struct fleet_device {
    int socket;
    enum fleet_state state;
    size_t index; /* which device of the rig */
    size_t got;   /* bytes of what the state waits for */
    uint16_t message_id;
    struct cyan_cipher cipher;
    uint8_t in[512];
    uint64_t acknowledged; /* frames that came while live */
};

struct fleet {
    const struct rig *rig;
    const struct cyan_crypto *crypto;
    int epoll;
    struct fleet_device *devices;
    size_t count;
    size_t live, gone;
    /* Called when a device becomes live, and for every frame after; may be NULL. */
    void (*on_live)(struct fleet *fleet, struct fleet_device *device);
    void (*on_frame)(struct fleet *fleet, struct fleet_device *device);
    void *arg;
};

/* Makes room for count devices; none is connected. */
void fleet_init(struct fleet *fleet, const struct rig *rig, const struct cyan_crypto *crypto,
                size_t count);
void fleet_done(struct fleet *fleet);

/* Device at place i dials, as device number index of the rig. */
void fleet_dial(struct fleet *fleet, size_t i, size_t index);
void fleet_hang_up(struct fleet *fleet, struct fleet_device *device);

/* Sends one frame. */
void fleet_send(struct fleet *fleet, struct fleet_device *device, const uint8_t *message,
                size_t len);

/* Waits for something to happen, at most ms, and handles it; false: nothing did. */
bool fleet_turn(struct fleet *fleet, int ms);

#endif
