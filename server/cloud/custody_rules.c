#include "server/cloud/custody_rules.h"

static struct custody_ruling full(enum custody_effect effect)
{
    return (struct custody_ruling){.verdict = SESSION_FULL, .effect = effect};
}

static struct custody_ruling refuse(enum incident_cause cause)
{
    return (struct custody_ruling){.verdict = SESSION_REFUSE, .is_incident = true, .cause = cause};
}

static struct custody_ruling hold(enum custody_effect effect, enum incident_cause cause)
{
    return (struct custody_ruling){
        .verdict = SESSION_HELD, .effect = effect, .is_incident = true, .cause = cause};
}

static struct custody_ruling rule_unknown(const struct custody_facts *f)
{
    if (f->presented == PRESENTED_UPLOADED || (f->presented == PRESENTED_NONE && f->has_key)) {
        return full(EFFECT_ADOPT);
    }
    if (f->presented == PRESENTED_DENIED) {
        return (struct custody_ruling){.verdict = SESSION_REFUSE};
    }
    if (f->presented == PRESENTED_NONE || f->unknown == UNKNOWN_REFUSE) {
        return refuse(CAUSE_UNKNOWN_DEVICE);
    }
    return f->unknown == UNKNOWN_ENROLL ? full(EFFECT_ENROLL)
                                        : hold(EFFECT_PEND, CAUSE_UNKNOWN_DEVICE);
}

static struct custody_ruling rule_other_key(const struct custody_facts *f)
{
    switch (f->policy) {
    case POLICY_STRICT:
        return refuse(CAUSE_KEY_MISMATCH);
    case POLICY_HEAL:
        return f->familiar ? full(EFFECT_HEAL) : hold(EFFECT_PEND, CAUSE_KEY_MISMATCH);
    case POLICY_ENROLL:
        return full(EFFECT_ENROLL);
    default:
        return hold(EFFECT_PEND, CAUSE_KEY_MISMATCH);
    }
}

static struct custody_ruling rule_retired(const struct custody_facts *f)
{
    if (f->policy == POLICY_STRICT) {
        return refuse(CAUSE_KEY_MISMATCH);
    }
    return f->may_return ? full(EFFECT_RETURN) : hold(EFFECT_CLONE, CAUSE_CLONE);
}

void custody_rule(const struct custody_facts *f, struct custody_ruling *out_ruling)
{
    if (f->presented == PRESENTED_MALFORMED) {
        *out_ruling = refuse(CAUSE_KEY_MALFORMED);
        return;
    }
    if (f->denied_by_product) {
        *out_ruling = (struct custody_ruling){.verdict = SESSION_REFUSE};
        return;
    }
    if (!f->known) {
        *out_ruling = rule_unknown(f);
        return;
    }
    switch (f->presented) {
    case PRESENTED_NONE:
        *out_ruling = f->has_key ? full(EFFECT_SEEN) : refuse(CAUSE_KEY_MISMATCH);
        break;
    case PRESENTED_TRUSTED:
        *out_ruling = full(EFFECT_SEEN);
        break;
    case PRESENTED_ANNOUNCED:
        *out_ruling = full(EFFECT_TRUST);
        break;
    case PRESENTED_DENIED:
        *out_ruling = (struct custody_ruling){.verdict = SESSION_REFUSE};
        break;
    case PRESENTED_REVOKED:
        *out_ruling = refuse(CAUSE_KEY_REVOKED);
        break;
    case PRESENTED_RETIRED:
        *out_ruling = rule_retired(f);
        break;
    default:
        *out_ruling = rule_other_key(f);
        break;
    }
}

#define TO(state)                                                                                  \
    {                                                                                              \
        STEP_TO, STORE_KEY_##state, false                                                          \
    }
#define REFUSED                                                                                    \
    {                                                                                              \
        STEP_REFUSED, STORE_KEY_TRUSTED, false                                                     \
    }
#define SAME                                                                                       \
    {                                                                                              \
        STEP_SAME, STORE_KEY_TRUSTED, false                                                        \
    }
#define REMOVED                                                                                    \
    {                                                                                              \
        STEP_REMOVED, STORE_KEY_TRUSTED, false                                                     \
    }

/* Columns: approve, deny, revoke, unrevoke, revert, upload. */
static const struct custody_step steps[STORE_KEY_STATES][ACTION_UPLOAD + 1] = {
    [STORE_KEY_TRUSTED] =
        {SAME, REFUSED, TO(REVOKED), REFUSED, REFUSED, {STEP_SAME, STORE_KEY_TRUSTED, true}},
    [STORE_KEY_ANNOUNCED] = {TO(TRUSTED), REMOVED, TO(REVOKED), REFUSED, REFUSED, TO(ANNOUNCED)},
    [STORE_KEY_PENDING] = {TO(TRUSTED), TO(DENIED), TO(REVOKED), REFUSED, REFUSED, TO(TRUSTED)},
    [STORE_KEY_DENIED] = {TO(TRUSTED), SAME, TO(REVOKED), REFUSED, REFUSED, TO(ANNOUNCED)},
    [STORE_KEY_RETIRED] = {TO(TRUSTED), REFUSED, TO(REVOKED), REFUSED, TO(TRUSTED), TO(ANNOUNCED)},
    [STORE_KEY_REVOKED] = {REFUSED, REFUSED, SAME, TO(RETIRED), REFUSED, REFUSED},
};

struct custody_step custody_step(enum store_key_state state, enum custody_action action)
{
    return steps[state][action];
}

const char *custody_action_name(enum custody_action action)
{
    static const char *const action_names[] = {
        [ACTION_APPROVE] = "approve",   [ACTION_DENY] = "deny",     [ACTION_REVOKE] = "revoke",
        [ACTION_UNREVOKE] = "unrevoke", [ACTION_REVERT] = "revert", [ACTION_UPLOAD] = "upload",
    };
    return action_names[action];
}
