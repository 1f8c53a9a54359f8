/* apply_inner.h - what custody_apply.c, apply_proof.c and apply_order.c share. Inside cloud/, on
 * the store's worker. */
#ifndef CYAN_SERVER_CLOUD_APPLY_INNER_H
#define CYAN_SERVER_CLOUD_APPLY_INNER_H

#include "server/cloud/custody_apply.h"

/* One transition: its row in the audit and its event. */
struct telling {
    const char *action; /* of the audit */
    const char *event;  /* NULL: none */
    const char *cause, *via, *by, *reason;
    uint32_t account, owner;
    const uint8_t *device;
    const uint8_t *old_print, *new_print;
};

/* Writes both; the event is among those of the outcome. */
int apply_tell(const struct custody_change *change, const struct telling *t,
               struct custody_outcome *out);

/* The key becomes the trusted one, and the old one, if there is one, retires. */
int apply_trust(const struct custody_change *change, struct store_key *key,
                enum store_key_source source, struct store_key *old);

/* Forgets what has expired of an id: rows that strangers can make do not pile up. */
int apply_sweep(const struct custody_change *change, const uint8_t *id);

#endif
