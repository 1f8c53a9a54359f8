/* custody_rules.h - how a handshake is judged and what may happen to a key, as pure functions.
 *
 * The one place that decides; docs/SPEC-custody.md, "Judgement" and "Transitions", are its tables,
 * and tests/vectors/custody-judgement.txt and custody-transitions.txt hold them to it. */
#ifndef CYAN_SERVER_CLOUD_CUSTODY_RULES_H
#define CYAN_SERVER_CLOUD_CUSTODY_RULES_H

#include <stdbool.h>

#include "server/cloud/causes.h"
#include "server/cloud/policy.h"
#include "server/session/session.h"
#include "server/store/store.h"

/* The key of a handshake, as the device's dossier knows it. */
enum custody_presented {
    PRESENTED_NONE, /* 52 bytes: the server chooses the key */
    PRESENTED_TRUSTED,
    PRESENTED_ANNOUNCED,
    PRESENTED_NEW,
    PRESENTED_PENDING,
    PRESENTED_DENIED, /* within 24 h */
    PRESENTED_RETIRED,
    PRESENTED_REVOKED,
    PRESENTED_MALFORMED,
    PRESENTED_UPLOADED, /* an account uploaded it for an id that has proven nothing yet */
};

/* What becomes of device ids that nobody knows. */
enum custody_unknown { UNKNOWN_REFUSE, UNKNOWN_QUARANTINE, UNKNOWN_ENROLL };

struct custody_facts {
    enum custody_presented presented;
    bool known;               /* the cloud has a device of this id */
    bool has_key;             /* a trusted or announced key, or an upload: for 52 bytes */
    enum policy_value policy; /* POLICY_ENROLL: a window is open for this id, and serves it */
    enum custody_unknown unknown;
    bool denied_by_product;
    bool familiar;   /* under POLICY_HEAL: everything that is asked for holds */
    bool may_return; /* RETIRED: replaced by heal or enroll within 30 days */
};

/* What a proof does. */
enum custody_effect {
    EFFECT_NONE,   /* refused */
    EFFECT_SEEN,   /* the trusted key once more */
    EFFECT_TRUST,  /* announced: becomes trusted */
    EFFECT_ADOPT,  /* uploaded: its account becomes the owner of a new device */
    EFFECT_ENROLL, /* becomes trusted by a window, or by unknown = enroll */
    EFFECT_HEAL,   /* becomes trusted because it is familiar */
    EFFECT_RETURN, /* undoes a heal or an enrolment */
    EFFECT_PEND,   /* held: waits for the owner */
    EFFECT_CLONE,  /* held: a retired key that a person replaced */
};

struct custody_ruling {
    enum session_verdict verdict;
    enum custody_effect effect;
    bool is_incident;
    enum incident_cause cause;
};

void custody_rule(const struct custody_facts *facts, struct custody_ruling *out_ruling);

enum custody_action {
    ACTION_APPROVE,
    ACTION_DENY,
    ACTION_REVOKE,
    ACTION_UNREVOKE,
    ACTION_REVERT,
    ACTION_UPLOAD
};

enum custody_step_kind {
    STEP_REFUSED, /* 409 */
    STEP_SAME,    /* nothing changes */
    STEP_TO,      /* the key gets the state `to` */
    STEP_REMOVED, /* the key is forgotten */
};

struct custody_step {
    enum custody_step_kind kind;
    enum store_key_state to;
    bool drops_announced; /* a waiting announced key is dropped */
};

/* What an action does to a key in a state. */
struct custody_step custody_step(enum store_key_state state, enum custody_action action);

const char *custody_action_name(enum custody_action action);

#endif
