/* port.h - all that a board supplies for a session with the cloud.
 *
 * No call may block for longer than the caller of cyan_client_poll can spare. A board has one
 * connection at a time. Random numbers come through struct cyan_crypto. */
#ifndef CYAN_DEVICE_PORT_H
#define CYAN_DEVICE_PORT_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "wire/address.h"

struct cyan_port {
    void *ctx;

    /* Called again and again until it does not return CYAN_E_AGAIN: 0 means connected. After any
     * other error the client calls close before it connects again. */
    int (*connect)(void *ctx, const struct cyan_address *address);

    /* Bytes taken or given, 1 to len. CYAN_E_AGAIN: none now. CYAN_E_CLOSED: the other end will
     * send no more. CYAN_E_RESET, CYAN_E_IO. The client asks for exactly what it can use: after
     * the handshake for the two bytes of a frame's length, then for the rest of that frame. */
    int (*send)(void *ctx, const uint8_t *data, size_t len);
    int (*recv)(void *ctx, uint8_t *out, size_t len);

    /* Tells the other end that no more will be sent; receiving goes on. */
    void (*finish)(void *ctx);

    /* Ends the connection, also one that is not yet up. Harmless without one. */
    void (*close)(void *ctx);

    /* Milliseconds since any moment; wraps. */
    uint32_t (*millis)(void *ctx);

    /* One line for the developer, without secrets. NULL: nobody reads it. */
    void (*log)(void *ctx, const char *text);
};

#endif
