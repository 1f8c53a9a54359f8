/* listener.h - bound sockets: for device connections, shared by the shards, and for people. */
#ifndef CYAN_SERVER_NET_LISTENER_H
#define CYAN_SERVER_NET_LISTENER_H

#include <stdint.h>

#include "base/err.h"

/* Whether nobody listens on this address; port 0 always is free. CYAN_E_BUSY, CYAN_E_INVALID (no
 * IP address of this machine), CYAN_E_IO. Sockets of listener_bind would share a port with
 * another cyand without a word, so ask this first. */
int listener_check(const char *host, uint16_t port) CYAN_MUST_CHECK;

/* A socket bound to host and port that shares the port with its brothers (SO_REUSEPORT). Gives
 * the socket and the port, chosen by the kernel when port is 0. Errors as above. */
int listener_bind(const char *host, uint16_t port, int *out_socket,
                  uint16_t *out_port) CYAN_MUST_CHECK;

/* A listening socket that shares its port with nobody. Results and errors as above. */
int listener_open(const char *host, uint16_t port, int *out_socket,
                  uint16_t *out_port) CYAN_MUST_CHECK;

#endif
