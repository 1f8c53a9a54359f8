/* cloud.h - the hub: everything that the cloud decides, on one loop and one thread.
 *
 * The shards (server/actor) hold the devices; the hub holds accounts, registry, custody, events
 * and calls, and the HTTP face runs on its loop. Hub and shards share nothing: they exchange
 * mail (server/net/mail.h). */
#ifndef CYAN_SERVER_CLOUD_CLOUD_H
#define CYAN_SERVER_CLOUD_CLOUD_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "crypto/crypto.h"

struct accounts;
struct bus;
struct calls;
struct events;
struct jobs;
struct link;
struct presence;
struct registry;
struct store;

struct cloud {
    uv_loop_t *loop;
    const struct cyan_crypto *crypto; /* the hub thread's own */
    struct jobs *jobs;
    struct accounts *accounts;
    struct presence *presence;
    struct registry *registry;
    struct events *events;
    struct calls *calls;
    struct link *link;        /* to the shards */
    uint8_t server_spki[294]; /* the public half of the server's key */
    bool signup;              /* POST /v1/users is open */
};

#endif
