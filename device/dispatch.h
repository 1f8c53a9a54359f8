/* dispatch.h - what a device does with the messages of the cloud; a part of client.h's machine, for
 * device/ alone. */
#ifndef CYAN_DEVICE_DISPATCH_H
#define CYAN_DEVICE_DISPATCH_H

#include "device/client.h"

/* Looks at a message while the cloud's Hello is awaited: 1 when this is it, 0 to wait on,
 * CYAN_E_MALFORMED to hang up. */
int cyan_dispatch_hello(struct cyan_client *c, const uint8_t *data, size_t len) CYAN_MUST_CHECK;

/* Does what a message of an established session asks. CYAN_E_MALFORMED: not a message, or one that
 * this implementation hangs up on. */
int cyan_dispatch(struct cyan_client *c, const uint8_t *data, size_t len) CYAN_MUST_CHECK;

#endif
