/* custody_apply.h - what a proof or an action changes, in one transaction with its audit row and
 * its event. On the store's worker; decides nothing: custody_rules.h does. */
#ifndef CYAN_SERVER_CLOUD_CUSTODY_APPLY_H
#define CYAN_SERVER_CLOUD_CUSTODY_APPLY_H

#include "server/cloud/accounts.h"
#include "server/cloud/dossier.h"
#include "server/cloud/registry.h"

enum { CUSTODY_EVENTS_MAX = 2, CUSTODY_REASON_MAX = 256 };

/* What a change works with. */
struct custody_change {
    const struct store *store;
    int64_t now_ms;
    uint64_t random; /* of a name, should a device be new */
};

/* What came of it. */
struct custody_outcome {
    uint32_t owner;
    struct store_key key;          /* as it is afterwards */
    char by[ACCOUNT_NAME_MAX + 1]; /* who brought it, when custody_order asked; "" nobody */
    bool is_gone;                  /* the key was forgotten */
    enum store_key_state was;      /* its state before; of a refusal, too */
    bool has_displaced;
    uint8_t displaced[CYAN_SHA256_LEN];             /* a pending key that made room */
    struct store_outbox events[CUSTODY_EVENTS_MAX]; /* to be sent after the commit */
    size_t event_count;
};

/* The effect of a proof, as ruled. An error undoes all of it. */
int custody_apply_proof(const struct custody_change *change, const struct custody_case *c,
                        const struct dossier *dossier, enum custody_effect effect,
                        struct custody_outcome *out);

/* A proof with the recovery key has shown that the key of a held case is the device's: it becomes
 * trusted. CYAN_E_REFUSED: the key was denied, retired or revoked meanwhile, or is trusted. */
int custody_apply_recovery(const struct custody_change *change, const struct custody_case *c,
                           struct custody_outcome *out);

/* Who does something, and how. */
struct custody_order {
    uint32_t account;
    char by[ACCOUNT_NAME_MAX + 1];
    enum custody_action action;
    const char *via;                     /* a word of docs/SPEC-custody.md; static */
    char reason[CUSTODY_REASON_MAX + 1]; /* of unrevoke */
    uint8_t id[CYAN_ID_LEN];
    uint8_t fingerprint[CYAN_SHA256_LEN];
    bool has_spki; /* of an upload, and of a key that only the hub's memory has */
    uint8_t spki[CYAN_DEVICE_SPKI_LEN];
    /* For an id that nobody knows: the key has proven itself, and the account may take it. */
    bool may_found;
};

/* CYAN_E_NOT_FOUND: no such device or key; CYAN_E_EXISTS: the key's state, in out->was, does not
 * allow it; CYAN_E_REFUSED: another account's device. */
int custody_apply_order(const struct custody_change *change, const struct custody_order *order,
                        struct custody_outcome *out);

/* A new device with this key trusted. name: wanted, or "". CYAN_E_EXISTS when it is known. */
int custody_found(const struct custody_change *change, const uint8_t id[static CYAN_ID_LEN],
                  uint32_t owner, const char *name, struct store_key *key);

/* A name that neither a device nor an upload of the account has. */
int custody_free_name(const struct custody_change *change, uint32_t owner, const char *wanted,
                      char out_name[static DEVICE_NAME_MAX + 1]);

#endif
