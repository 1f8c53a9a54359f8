/* held.h - what a held device says, until somebody trusts its key. Inside actor/. */
#ifndef CYAN_SERVER_ACTOR_HELD_H
#define CYAN_SERVER_ACTOR_HELD_H

#include "server/actor/actor.h"

/* The actor is held from now on. CYAN_E_NO_MEMORY. */
int held_start(struct actor *actor);

/* An event: kept aside, read at once, or both. false: dropped. */
bool held_event(struct actors *actors, struct actor *actor, const struct cyan_event *event);

/* Something that should have been kept was not. */
void held_overflow(struct actor *actor);

/* It is full from now on: what was kept goes up as events of owner. CYAN_E_FULL when not all of
 * it was kept or could go; the actor is held still. */
int held_release(struct actors *actors, struct actor *actor, uint32_t owner) CYAN_MUST_CHECK;

/* The session has ended; nothing happens to a full one. */
void held_end(struct actor *actor);

#endif
