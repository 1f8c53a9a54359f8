/* subscriptions.h - what the devices of a shard listen to. Inside actor/. */
#ifndef CYAN_SERVER_ACTOR_SUBSCRIPTIONS_H
#define CYAN_SERVER_ACTOR_SUBSCRIPTIONS_H

#include "server/actor/actor.h"

/* Adds one; one of a held device waits for subscriptions_go_live. CYAN_E_FULL beyond
 * ACTOR_SUBSCRIPTIONS_MAX, CYAN_E_NO_MEMORY. A filter for the cloud's own events (spark, particle)
 * is not kept: those go to the device they concern only. */
int subscriptions_add(struct actors *actors, struct actor *actor,
                      const struct cyan_subscribe *subscribe);

/* The device is full now, and its owner known. */
void subscriptions_go_live(struct actors *actors, struct actor *actor);

/* Drops all of an actor and takes it out of the lists. */
void subscriptions_clear(struct actors *actors, struct actor *actor);

#endif
