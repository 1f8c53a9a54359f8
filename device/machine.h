/* machine.h - the states of a session and what leads from one to the next; a part of client.h's
 * machine, for device/ alone. */
#ifndef CYAN_DEVICE_MACHINE_H
#define CYAN_DEVICE_MACHINE_H

#include "device/client.h"

enum { /* how long each may last, in milliseconds */
       CYAN_CONNECT_MS = 5000,
       CYAN_HANDSHAKE_MS = 20000, /* for the nonce, and again for the answer */
       CYAN_SEND_MS = 20000,      /* without the port taking anything */
       CYAN_STOP_MS = 2000,
};

/* One step; false when there is nothing more to do now. */
bool cyan_machine_advance(struct cyan_client *c);

/* What waits in the send buffer cannot be sent. */
void cyan_machine_fail_sending(struct cyan_client *c, int err);

void cyan_machine_enter(struct cyan_client *c, enum cyan_client_state state,
                        const struct cyan_client_end *end);

/* Ends at once and enters STOPPED. */
void cyan_machine_stopped(struct cyan_client *c);

/* How long the present state has lasted. */
uint32_t cyan_machine_state_ms(const struct cyan_client *c);

#endif
