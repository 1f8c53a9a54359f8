/* policy.h - what an owner wants done with another key than the trusted one: of an account, or of
 * a device; the nearest counts.
 *
 * A policy has a base and perhaps a window: the policy `enroll` for named ids until a time. All of
 * it is one JSON text in the store. Pure functions over a struct; docs/SPEC-custody.md,
 * "Judgement". */
#ifndef CYAN_SERVER_CLOUD_POLICY_H
#define CYAN_SERVER_CLOUD_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "server/store/store.h"

enum policy_value { POLICY_NONE, POLICY_STRICT, POLICY_QUARANTINE, POLICY_HEAL, POLICY_ENROLL };

/* What makes a healed device familiar; each can be switched off. */
enum {
    FAMILIAR_ABSENT = 1,
    FAMILIAR_FIRMWARE = 2,
    FAMILIAR_MODULE = 4,
    FAMILIAR_ADDRESS = 8,
    FAMILIAR_ALL = 15,
};

enum {
    POLICY_IDS_MAX = 256,
    POLICY_NETWORKS_MAX = 16,
    POLICY_NETWORK_TEXT = 50, /* an address, a slash, a number */
    POLICY_WINDOW_S = 600,
    POLICY_WINDOW_MAX_S = 86400,
};

struct policy {
    enum policy_value base; /* POLICY_NONE: none at this level; never POLICY_ENROLL */
    unsigned familiar;      /* FAMILIAR_* that are asked for */
    char networks[POLICY_NETWORKS_MAX][POLICY_NETWORK_TEXT];
    size_t network_count;
    int64_t opened_ms, until_ms;              /* of the window; 0: none */
    uint8_t ids[POLICY_IDS_MAX][CYAN_ID_LEN]; /* that it has not served yet */
    size_t id_count;
};

/* An empty policy: no base, no window. */
void policy_init(struct policy *policy);

/* Text of the store, and back. CYAN_E_CORRUPT; CYAN_E_NO_SPACE. */
int policy_parse(const char *text, struct policy *out_policy) CYAN_MUST_CHECK;
int policy_format(const struct policy *policy, char *out_text, size_t cap) CYAN_MUST_CHECK;

/* On the worker: of an account, of a device. An empty one where nothing is stored. put removes
 * what has become empty. */
int policy_of_account(const struct store *store, uint32_t account, struct policy *out_policy);
int policy_of_device(const struct store *store, const uint8_t id[static CYAN_ID_LEN],
                     struct policy *out_policy);
int policy_put_account(const struct store *store, uint32_t account, const struct policy *policy);
int policy_put_device(const struct store *store, const uint8_t id[static CYAN_ID_LEN],
                      const struct policy *policy);

bool policy_is_open(const struct policy *policy, int64_t now_ms);
bool policy_names(const struct policy *policy, const uint8_t id[static CYAN_ID_LEN]);
/* The window has served this id. */
void policy_serve(struct policy *policy, const uint8_t id[static CYAN_ID_LEN]);

/* Whether a text is an IPv4 or IPv6 network such as 10.0.0.0/8, or one address. */
bool policy_network_ok(const char *text);
/* Whether an address lies in one of the policy's networks. */
bool policy_covers(const struct policy *policy, const char *address);

/* What holds for a device. */
struct policy_choice {
    enum policy_value value;          /* POLICY_ENROLL: a window is open and names the id */
    enum policy_value base;           /* what holds where the window does not serve */
    const char *from;                 /* "device", "account", "default" */
    const struct policy *of;          /* the level it comes from; NULL for the default */
    const struct policy *familiar_of; /* the level base comes from; NULL for the default */
};
void policy_choose(const struct policy *device, const struct policy *account,
                   const uint8_t id[static CYAN_ID_LEN], int64_t now_ms,
                   struct policy_choice *out_choice);

/* "strict" and the like; "none". policy_value_of: POLICY_NONE for other words. */
const char *policy_name(enum policy_value value);
enum policy_value policy_value_of(const char *name);

#endif
