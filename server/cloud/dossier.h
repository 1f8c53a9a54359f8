/* dossier.h - what the store knows of an id when one of its keys is judged. On the worker.
 *
 * Whatever has expired is not in it: an announcement after 7 days, a pending key that was idle for
 * a day, a denial after a day, an upload for an unproven id after 7 days. */
#ifndef CYAN_SERVER_CLOUD_DOSSIER_H
#define CYAN_SERVER_CLOUD_DOSSIER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/cloud/custody_rules.h"
#include "server/cloud/policy.h"
#include "server/net/conn.h"
#include "server/store/store.h"
#include "wire/handshake.h"
#include "wire/hello.h"

enum {
    DOSSIER_PENDING_MAX = 4,
    DOSSIER_DENIED_MAX = 16,
    DOSSIER_BINDINGS_MAX = 4,
    DOSSIER_LIVE_MAX = 8,
};

#define DOSSIER_DAY_MS ((int64_t)86400000)
#define DOSSIER_ANNOUNCED_MS (7 * DOSSIER_DAY_MS)
#define DOSSIER_PENDING_MS DOSSIER_DAY_MS /* idle */
#define DOSSIER_DENIED_MS DOSSIER_DAY_MS
#define DOSSIER_BINDING_MS (7 * DOSSIER_DAY_MS)
#define DOSSIER_RETURN_MS (30 * DOSSIER_DAY_MS)
#define DOSSIER_HEAL_MS DOSSIER_DAY_MS /* one heal in this time */
#define DOSSIER_ABSENT_MS ((int64_t)600000)

/* One handshake, or a held session that is judged again: what it shows, and what the hub alone
 * knows of its id. */
struct custody_case {
    uint8_t id[CYAN_ID_LEN];
    bool has_key;                       /* false: 52 bytes */
    bool is_malformed;                  /* damage: never stored */
    bool is_chosen;                     /* of a proof: the server chose the key, spki is unknown */
    uint8_t spki[CYAN_DEVICE_SPKI_LEN]; /* of the key */
    uint8_t fingerprint[CYAN_SHA256_LEN];
    char address[CONN_ADDRESS_TEXT];
    int64_t now_ms;
    bool wants_policy; /* read it even where the trusted key decides */
    uint32_t turn;     /* 52 bytes: how often a key that was tried has been dropped in a row */

    struct cyan_hello hello;             /* of a proof */
    uint8_t nonce[CYAN_NONCE_LEN];       /* of the handshake that proved it */
    uint8_t server_key[CYAN_SHA256_LEN]; /* which one the device used; of a proof */

    enum custody_unknown unknown;
    bool is_online;   /* a full session stands */
    int64_t heard_ms; /* when the trusted key was heard, as far as the hub knows; 0: it does not */
    /* Since when cyand runs: a full session may have stood until a crash, and nobody wrote down
     * when it was heard last. */
    int64_t listening_ms;
    bool is_clone;     /* the full session answered while this one was held */
    bool was_denied;   /* a key of an unknown id, in memory */
    bool is_described; /* the held session was asked what it is; the two below are its answer */
    bool has_module;
    uint8_t module[CYAN_SHA256_LEN];                 /* as the held session describes itself */
    uint8_t live[DOSSIER_LIVE_MAX][CYAN_SHA256_LEN]; /* keys of its held sessions */
    size_t live_count;
};

struct dossier {
    bool known;
    struct store_device device;
    bool has_trusted, has_announced, has_presented, has_binding;
    struct store_key trusted;
    struct store_key announced;
    struct store_key presented; /* in whatever state it is */
    struct store_key pending[DOSSIER_PENDING_MAX];
    size_t pending_count; /* those beside it are counted, too */
    size_t denied_count;
    bool has_revoked;
    struct store_binding binding; /* with the presented key, or for 52 bytes the one to try */
    struct policy_choice choice;  /* zeroes unless the policies were read */
    struct policy of_device, of_account; /* last: dossier.c sets them only when it reads them */
};

/* Reads it for a case. The trusted key alone is read when that is the presented one, as on every
 * ordinary connect. Errors of the store. */
int dossier_read(const struct store *store, const struct custody_case *c,
                 struct dossier *out_dossier);

/* The same without a key in question: all of it. */
int dossier_read_all(const struct store *store, const uint8_t id[static CYAN_ID_LEN],
                     int64_t now_ms, struct dossier *out_dossier);

/* Whether a stored key still counts. */
bool dossier_is_alive(const struct store_key *key, int64_t now_ms);

/* Custody's facts of a case. out_familiar: the FAMILIAR_* that hold. */
void dossier_facts(const struct dossier *dossier, const struct custody_case *c,
                   struct custody_facts *out_facts, unsigned *out_familiar);

/* When a held case could be familiar for absence alone: the time from which the trusted key has
 * been absent long enough; 0: never, or it is already. */
int64_t dossier_absent_from(const struct dossier *dossier, const struct custody_case *c);

/* Key to encrypt an answer to. */
struct dossier_target {
    const uint8_t *spki;
    const uint8_t *fingerprint;
};
/* For a case that is not refused. NULL spki: none fits. */
struct dossier_target dossier_target(const struct dossier *dossier, const struct custody_case *c);

#endif
