/* link.h - the hub's link to the shards: their threads, and the mail both ways. */
#ifndef CYAN_SERVER_CLOUD_LINK_H
#define CYAN_SERVER_CLOUD_LINK_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "server/bus/bus.h"
#include "server/session/session.h"

struct cloud;
struct link;
struct letter_call;

/* What one shard's thread may use alone; borrowed until link_stop. */
struct link_tools {
    const struct cyan_crypto *crypto;
    const struct cyan_rsa_key *server_keys[SESSION_SERVER_KEYS]; /* the present one first */
    size_t server_key_count;
};

/* Makes count shards, one for each element of tools; they do not run yet. */
int link_create(struct cloud *cloud, const struct link_tools *tools, size_t count,
                struct link **out_link) CYAN_MUST_CHECK;

/* Listens on an address with every shard; *port 0 becomes the port that was chosen.
 * CYAN_E_BUSY, CYAN_E_INVALID, CYAN_E_IO. */
int link_listen(struct link *link, const char *host, uint16_t *port) CYAN_MUST_CHECK;

int link_start(struct link *link) CYAN_MUST_CHECK;

/* Ends every session and every thread, waits for them and hears their last letters (the hub's
 * loop runs once, so call it from outside); its handles close in the next turns of that loop. */
void link_stop(struct link *link);
/* After those turns. */
void link_destroy(struct link *link);

/* Hands an event to the shards that have subscribers; a bus_handler, arg is the link. */
void link_event(void *arg, const struct bus_event *event);

/* Ends the session of this serial on a shard. */
void link_close_session(struct link *link, uint32_t shard, uint64_t serial, enum session_end why);

/* The held session of this serial becomes full; the device counts as online from now on. */
void link_promote(struct link *link, uint32_t shard, uint64_t serial,
                  const uint8_t id[static CYAN_ID_LEN], uint32_t owner,
                  const uint8_t fingerprint[static CYAN_SHA256_LEN]);

/* The full session of a device, if it has one, belongs to another account, or to nobody (0). */
void link_set_owner(struct link *link, const uint8_t id[static CYAN_ID_LEN], uint32_t owner);

/* Sends a call to a shard; body as letter_call says. CYAN_E_NO_MEMORY. */
int link_call(struct link *link, uint32_t shard, const struct letter_call *call, const char *name,
              const char *argument);

/* The longest turn of any shard's loop so far, in nanoseconds; while no shard runs. */
uint64_t link_longest_turn_ns(const struct link *link);

#endif
