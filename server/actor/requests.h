/* requests.h - what a device is asked, from the first byte to the answer. Inside actor/, and for
 * whoever passes users' calls on. */
#ifndef CYAN_SERVER_ACTOR_REQUESTS_H
#define CYAN_SERVER_ACTOR_REQUESTS_H

#include "server/actor/actor.h"

/* Asks the device; ops.reply is called exactly once with call, which is not 0. name and argument
 * may be "". Names are looked up in the device's description first, since old firmware does not
 * survive unknown ones. A held device is asked for no variable or function: CYAN_E_OFFLINE. */
void requests_start(struct actors *actors, struct actor *actor, uint64_t call,
                    enum request_kind kind, const char *name, const char *argument, bool on);

/* A response or an acknowledgement has come from the device. */
void requests_response(struct actors *actors, struct actor *actor, const struct cyan_coap *msg);
void requests_ack(struct actors *actors, struct actor *actor, const struct cyan_coap *msg);

/* The session has ended: everything that waits is answered with CYAN_E_OFFLINE. */
void requests_end(struct actors *actors, struct actor *actor);

#endif
