/* net.h - struct cyan_port over a TCP socket: the Wi-Fi of the virtual Photon. IPv4 only, as on the
 * device. Names are looked up while everybody waits, also as on the device. */
#ifndef CYAN_PHOTON_NET_H
#define CYAN_PHOTON_NET_H

#include <stdbool.h>

#include "device/port.h"
#include "photon/flaw.h"

struct net {
    int fd; /* -1: none */
    bool loses_bytes;
    struct flaw flaw;
    struct cyan_port port;
};

/* loses_bytes: with the flaw of implementation A. port is good as long as net stays in place. */
void net_init(struct net *net, bool loses_bytes);
void net_done(struct net *net);

/* Milliseconds of the clock that never jumps. */
uint32_t net_millis(void);

#endif
