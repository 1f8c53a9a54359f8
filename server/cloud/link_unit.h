/* link_unit.h - one shard with its sessions and actors, as the link sees it. Inside cloud/. */
#ifndef CYAN_SERVER_CLOUD_LINK_UNIT_H
#define CYAN_SERVER_CLOUD_LINK_UNIT_H

#include "server/actor/actor.h"
#include "server/net/shard.h"
#include "server/session/session.h"

struct link;

struct link_unit {
    struct link *link;
    uv_thread_t thread;
    bool started;
    bool wants_events; /* the hub's: some device there has subscribed */
    struct sessions sessions;
    struct actors actors;
    struct shard shard;
};

/* Both directions' ops for a unit, which is their arg. */
struct session_ops unit_session_ops(struct link_unit *unit);
struct actor_ops unit_actor_ops(struct link_unit *unit);

/* On the shard's thread: a letter from the hub. arg is the unit. */
void unit_receive(void *arg, uint32_t kind, const void *body, size_t len);

#endif
