/* custody.h - the one place where a device's key is judged, and what follows from it.
 *
 * docs/SPEC-custody.md. The rules are pure functions (custody_rules.h); what is stored changes in
 * jobs, each in one transaction (custody_apply.h); this module keeps what lives in memory: held
 * sessions (held.h), ids that nobody knows (strangers.h), which key a device without one in its
 * handshake is tried with, and the pings that tell a clone from a corpse. After every change of an
 * id's keys or policy its sessions are judged again, by the same rules: so whatever happens at
 * once, what the store holds in the end is what holds. On the hub's thread; callbacks come later,
 * on the same thread. */
#ifndef CYAN_SERVER_CLOUD_CUSTODY_H
#define CYAN_SERVER_CLOUD_CUSTODY_H

#include <stdbool.h>
#include <stdint.h>

#include "server/cloud/custody_apply.h"
#include "server/cloud/letters.h"
#include "server/cloud/registry.h"
#include "server/session/session.h"
#include "wire/handshake.h"

struct cloud;
struct custody;
struct held;

/* NULL without memory. */
struct custody *custody_create(struct cloud *cloud, enum custody_unknown unknown);
/* Closes its handles, in later turns of the loop; with jobs drained. */
void custody_stop(struct custody *custody);
void custody_destroy(struct custody *custody);

/* modulus and fingerprint: the key to encrypt to; NULL when refused. is_nobody: the request could
 * not be deciphered; it is looked up like any other and refused. */
typedef void custody_judged_fn(void *arg, enum session_verdict verdict, const uint8_t *modulus,
                               const uint8_t *fingerprint);
void custody_judge(struct cloud *cloud, bool is_nobody, const struct cyan_claim *claim,
                   const char *address, custody_judged_fn *done, void *arg);

/* A strict Hello has proven a key. When done hears full or held, the fact is stored, but for one:
 * the trusted key is full also when the store has no room to note that it was seen. */
typedef void custody_admitted_fn(void *arg, enum session_verdict verdict, uint32_t owner,
                                 const uint8_t *fingerprint);
void custody_proven(struct cloud *cloud, uint32_t shard, const struct letter_proven *letter,
                    custody_admitted_fn *done, void *arg);

/* A session of an id has ended. Was it a full one, held ones of the id are judged again: a heal may
 * have waited for that. */
void custody_gone(struct cloud *cloud, const uint8_t id[static CYAN_ID_LEN], uint64_t serial);
/* A handshake has failed: a device without a key of its own is tried with another one. */
void custody_failed(struct cloud *cloud, const struct letter_failed *failure);
/* The last reset reason, as a held session or a full one tells it. */
void custody_reset_reason(struct cloud *cloud, uint64_t serial,
                          const uint8_t id[static CYAN_ID_LEN], const char *reason);

/* Judges all sessions of an id again: its keys, its policy or its owner have changed. */
void custody_review(struct cloud *cloud, const uint8_t id[static CYAN_ID_LEN]);
/* The same for all held sessions: of an account's devices, or of any (0). */
void custody_review_account(struct cloud *cloud, uint32_t account);
/* Closes the held sessions of an id: the device was deleted. */
void custody_expel(struct cloud *cloud, const uint8_t id[static CYAN_ID_LEN]);

/* An order of a person (custody_apply.h), carried out. status as custody_apply_order has it;
 * outcome is NULL but for 0 and CYAN_E_EXISTS. Fills in what the hub alone knows: may_found. */
typedef void custody_order_fn(void *arg, int status, const struct custody_outcome *outcome);
void custody_order(struct cloud *cloud, const struct custody_order *order, bool is_operator,
                   custody_order_fn *done, void *arg);

enum key_session { KEY_SESSION_NONE, KEY_SESSION_FULL, KEY_SESSION_HELD };

/* The session of an id with a key now. Of a held one, where it lives and its serial; zeroes of the
 * full one. */
enum key_session custody_session(struct cloud *cloud, const uint8_t id[static CYAN_ID_LEN],
                                 const uint8_t fingerprint[static CYAN_SHA256_LEN],
                                 uint32_t *out_shard, uint64_t *out_serial);

/* The held session with a key, or with any (NULL). NULL: none. */
const struct held *custody_held(struct cloud *cloud, const uint8_t id[static CYAN_ID_LEN],
                                const uint8_t *fingerprint);
const struct held *custody_held_by_serial(struct cloud *cloud, uint64_t serial);

/* Sixty checks of keys a minute and account. */
bool custody_may_check(struct cloud *cloud, uint32_t account);

/* The keys of a device, as its owner sees them. */
struct key_view {
    struct store_key key;
    enum key_session session;
    char by[ACCOUNT_NAME_MAX + 1]; /* who brought it; "" nobody, or a rule */
};
struct keys_view {
    struct policy_choice choice;
    int64_t until_ms; /* of an open window; 0: none */
    bool contested;
    const struct key_view *keys;
    size_t count;
};
enum { KEYS_VIEW_MAX = 64 };
typedef void custody_keys_fn(void *arg, int status, const struct keys_view *view);
void custody_keys(struct cloud *cloud, const struct device_record *device, uint32_t account,
                  custody_keys_fn *done, void *arg);

/* An id that nobody knows and that is held: what the operator sees of it. CYAN_E_NOT_FOUND. */
int custody_stranger(struct cloud *cloud, const uint8_t id[static CYAN_ID_LEN],
                     struct device_record *out_record);
/* Calls fn for each. */
void custody_strangers(struct cloud *cloud, void (*fn)(void *arg, const struct device_record *r),
                       void *arg);

/* A policy with heal exists: full sessions are asked what they are. */
void custody_wants_modules(struct cloud *cloud);

#endif
