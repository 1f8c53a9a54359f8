/* outbox.h - the events cyan/key/... and cyan/handshake/failed: written with the change that they
 * tell of, sent after its commit, sent again after a crash.
 *
 * docs/SPEC-custody.md, "Events". What a stranger can cause comes at most once in 10 minutes for
 * an id and a name. */
#ifndef CYAN_SERVER_CLOUD_OUTBOX_H
#define CYAN_SERVER_CLOUD_OUTBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/crypto.h"
#include "server/store/store.h"

struct events;
struct jobs;
struct outbox;

struct outbox_event {
    const char *name; /* "cyan/key/approved" */
    uint8_t device[CYAN_ID_LEN];
    uint32_t owner;           /* 0: nobody hears it, nothing is written */
    const uint8_t *old_print; /* fingerprints; NULL: none */
    const uint8_t *new_print;
    const char *cause, *via, *by; /* NULL: none */
    int64_t at_ms;
};

/* Borrows both; reads what was left unsent when cyand ended last. NULL without memory. */
struct outbox *outbox_create(struct jobs *jobs, struct events *events, uint64_t seed);
/* Drains the jobs first. */
void outbox_destroy(struct outbox *outbox);

/* On the worker, inside the change's transaction: writes the event. out_row.seq is 0 when nothing
 * was to be written; else give it to outbox_send after the commit. */
int outbox_write(const struct store *store, const struct outbox_event *event,
                 const uint8_t head[static CYAN_SHA256_LEN], struct store_outbox *out_row);

/* On the hub, after the commit: sends it and has it marked. */
void outbox_send(struct outbox *outbox, const struct store_outbox *row);

/* On the hub: whether an event that a stranger can cause may be told now; true at most once in 10
 * minutes for an id and a name. */
bool outbox_may_tell(struct outbox *outbox, const uint8_t id[static CYAN_ID_LEN], const char *name);

/* On the hub: writes and sends an event that belongs to no other change, if it may be told. */
void outbox_tell(struct outbox *outbox, const struct outbox_event *event);

/* On the hub: an account has opened a stream; what was left unsent for it goes out now. */
void outbox_stream_opened(struct outbox *outbox, uint32_t account);

#endif
