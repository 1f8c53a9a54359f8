/* policies.h - reading and setting the policies of an account and of its devices.
 *
 * Every change is a row of the audit, durable when done, and judges the held sessions that it
 * concerns again at once. On the hub's thread; callbacks come later, but for CYAN_E_NO_MEMORY. */
#ifndef CYAN_SERVER_CLOUD_POLICIES_H
#define CYAN_SERVER_CLOUD_POLICIES_H

#include "server/cloud/accounts.h"
#include "server/cloud/policy.h"

struct cloud;

/* Whose policy: the account's, or that of one of its devices. */
struct policy_level {
    struct account account;
    const uint8_t *device; /* NULL: the account's */
};

struct policy_change {
    bool removes;            /* an open window, else the base; the rest is not read */
    enum policy_value value; /* POLICY_ENROLL opens a window; the others set the base */
    int64_t until_ms;        /* of a window */
    const uint8_t (*ids)[CYAN_ID_LEN];
    size_t id_count;
    unsigned familiar; /* of a base */
    const char (*networks)[POLICY_NETWORK_TEXT];
    size_t network_count;
};

/* What holds at the level. policy: that of the level where choice comes from, or an empty one. */
struct policy_view {
    struct policy_choice choice;
    struct policy own;
    struct policy account; /* for a device, too */
};

typedef void policy_fn(void *arg, int status, const struct policy_view *view);

/* change NULL: only reads. CYAN_E_REFUSED: another account's device; CYAN_E_NOT_FOUND: a change for
 * an id that has proven nothing yet. */
void policies_change(struct cloud *cloud, const struct policy_level *level,
                     const struct policy_change *change, policy_fn *done, void *arg);

/* At the start: whether any policy was ever `heal`, so that devices are asked what they run. */
void policies_start(struct cloud *cloud);

#endif
