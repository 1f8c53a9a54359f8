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
#include "server/cloud/custody_rules.h"
#include "server/session/session.h"
#include "wire/keyblob.h"

struct accounts;
struct bus;
struct calls;
struct custody;
struct events;
struct incidents;
struct jobs;
struct link;
struct outbox;
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
    struct outbox *outbox;
    struct incidents *incidents;
    struct calls *calls;
    struct custody *custody;
    struct link *link;                         /* to the shards */
    uint8_t server_spki[CYAN_SERVER_SPKI_LEN]; /* the public half of the server's key */
    /* Fingerprints of the server's present key and of the one before; zeroes: none. */
    uint8_t server_prints[SESSION_SERVER_KEYS][CYAN_SHA256_LEN];
    bool signup; /* POST /v1/users is open */
};

struct link_tools;

/* What a cloud is made of; everything is borrowed until cloud_destroy. */
struct cloud_parts {
    uv_loop_t *loop;
    const struct cyan_crypto *crypto; /* the hub thread's own */
    const struct store *store;
    struct bus *bus;
    const struct link_tools *tools; /* one for each shard */
    size_t shard_count;
    const uint8_t *server_spki;
    const uint8_t *server_prev_spki; /* of the key before; NULL: there is none */
    enum custody_unknown unknown;    /* what becomes of ids that nobody knows */
    bool signup;
};

/* Makes the hub and its shards; they run after link_start. CYAN_E_NO_MEMORY, CYAN_E_IO; then the
 * program ends and nothing is given back. */
int cloud_create(const struct cloud_parts *parts, struct cloud *out_cloud) CYAN_MUST_CHECK;

/* Ends every session and the shards' threads. From outside the loop, with the HTTP face stopped. */
void cloud_stop(struct cloud *cloud);

/* Stores what is still to be stored and gives everything back; after cloud_stop. */
void cloud_destroy(struct cloud *cloud);

#endif
