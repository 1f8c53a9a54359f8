/* takeover.h - devices of another server, with their keys, into the store of this one.
 *
 * They belong to the first account, the operator; their keys are trusted, since that server trusted
 * them. A device that the store knows already is left alone, whatever its key. Before the threads
 * start; blocks. */
#ifndef CYAN_SERVER_CLOUD_TAKEOVER_H
#define CYAN_SERVER_CLOUD_TAKEOVER_H

#include <stddef.h>
#include <stdint.h>

#include "crypto/crypto.h"
#include "server/store/store.h"
#include "wire/keyblob.h"

enum takeover_outcome {
    TAKEOVER_ADDED,
    TAKEOVER_KNOWN,     /* with this trusted key */
    TAKEOVER_OTHER_KEY, /* known, with another trusted key or none */
};

struct takeover_key {
    uint8_t id[CYAN_ID_LEN];
    uint8_t spki[CYAN_DEVICE_SPKI_LEN]; /* already checked with cyan_device_spki_check */
    enum takeover_outcome outcome;      /* set by takeover */
};

/* All of them in one transaction, on disk when this returns; nothing without success.
 * CYAN_E_NOT_FOUND: there is no operator; CYAN_E_CRYPTO, CYAN_E_RANDOM; errors of the store. */
int takeover(const struct store *store, const struct cyan_crypto *crypto, struct takeover_key *keys,
             size_t count) CYAN_MUST_CHECK;

#endif
