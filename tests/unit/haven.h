/* haven.h - the whole hub over a store in memory, with time in the test's hands: custody, owners,
 * policies, incidents, events. Two accounts, ann (the operator) and bob.
 *
 * Handshakes and proofs come in two ways: as letters that the test writes itself (haven_judge,
 * haven_prove), with as many devices and keys as it likes, or from real peers through two shards
 * with threads of their own (haven_set_up_running). A device or key is named by a number; peers
 * have the keys HAVEN_KEY_A and HAVEN_KEY_B. */
#ifndef CYAN_TESTS_HAVEN_H
#define CYAN_TESTS_HAVEN_H

#include "server/cloud/cloud.h"
#include "server/cloud/custody.h"
#include "server/cloud/incidents.h"
#include "server/cloud/letters.h"
#include "server/cloud/ownership.h"
#include "server/cloud/policies.h"
#include "tests/unit/peer.h"

enum {
    HAVEN_SHARDS = 2,
    HAVEN_NOT_DONE = 1000,
    HAVEN_KEY_A = 250, /* "device" and "other_device" of the vectors */
    HAVEN_KEY_B = 251,
    HAVEN_INCIDENTS_MAX = 64,
};

#define HAVEN_HOME "192.0.2.7"
#define HAVEN_AWAY "198.51.100.9"
#define HAVEN_DAY_MS ((int64_t)86400000)

extern struct cloud haven;
extern struct store haven_store;
extern struct account haven_ann, haven_bob;

int haven_set_up(void **state);
int haven_set_up_running(void **state);
int haven_tear_down(void **state);

int64_t haven_now(void);
void haven_pass(int64_t ms);
/* Of ids that nobody knows; before the first one comes. */
void haven_unknown(enum custody_unknown unknown);

/* One turn of the loop; and turns until every job is done and every answer given. */
void haven_turn(void *arg);
void haven_settle(void);

#define HAVEN_TURN_UNTIL(cond)                                                                     \
    do {                                                                                           \
        time_t end_s = time(NULL) + 20;                                                            \
        while (!(cond)) {                                                                          \
            if (time(NULL) > end_s) {                                                              \
                fail_msg("waited in vain for %s", #cond);                                          \
            }                                                                                      \
            haven_turn(NULL);                                                                      \
        }                                                                                          \
    } while (0)

/* Good until the fourth call after this one. */
const uint8_t *haven_id(uint8_t device);
const uint8_t *haven_spki(uint8_t key);
const uint8_t *haven_print(uint8_t key);

/* A device with a trusted key that has proven nothing yet. owner 0: nobody's. */
void haven_add_device(uint8_t device, uint32_t owner, uint8_t number);
struct store_key haven_key(uint8_t device, uint8_t key); /* it must be there */
bool haven_is(uint8_t device, uint8_t key, enum store_key_state state);
bool haven_knows(uint8_t device);
struct store_device haven_device(uint8_t device);

/* A handshake; key 0: 52 bytes. Returns the verdict; the key to encrypt to is haven_answered. */
enum session_verdict haven_judge(uint8_t device, uint8_t key, const char *address);
extern uint8_t haven_answered[CYAN_SHA256_LEN];
/* With a bit flipped in this byte of key A. */
enum session_verdict haven_judge_damaged(uint8_t device, size_t at, const char *address);
/* A proof. Its session has the serial haven_serial, until haven_leave. */
enum session_verdict haven_prove(uint8_t device, uint8_t key, const char *address);
/* The same after 52 bytes. */
enum session_verdict haven_prove_short(uint8_t device, uint8_t key, const char *address);
extern uint64_t haven_serial;
extern uint32_t haven_owner;
/* The session of this serial has ended. */
void haven_leave(uint8_t device, uint64_t serial);
/* The device dropped our answer. */
void haven_drop(uint8_t device);
/* How often in a row it has. */
uint32_t haven_turn_of(uint8_t device);
/* Whether custody has closed that session; it stays until haven_leave. */
bool haven_closed(uint64_t serial);
/* Whether custody still holds that session. */
bool haven_holds(uint64_t serial);
/* The id has a full session, with that key. */
bool haven_is_full(uint8_t device, uint8_t key);

/* Orders, uploads, claims: their status; haven_outcome or haven_record are what they gave. */
int haven_order(const struct account *account, enum custody_action action, uint8_t device,
                uint8_t key);
extern struct custody_outcome haven_outcome;
int haven_upload(const struct account *account, uint8_t device, uint8_t key);
int haven_claim(const struct account *account, uint8_t device);
int haven_release(const struct account *account, uint8_t device);
int haven_resolve(const struct account *account, uint8_t device);
extern struct device_record haven_record;
/* A new claim code; it is haven_code. */
int haven_make_code(const struct account *account);
extern char haven_code[CLAIM_CODE_LEN + 1];
/* A device says one; serial 0: from its full session. */
void haven_say_code(uint8_t device, uint64_t serial, const char *code);

/* Policies: device 0 is the account's own. change NULL reads. The answer is haven_policy_view. */
int haven_change_policy(const struct account *account, uint8_t device,
                        const struct policy_change *change);
extern struct policy_view haven_policy_view;
int haven_set_policy(const struct account *account, uint8_t device, enum policy_value base,
                     unsigned familiar);
int haven_open_window(const struct account *account, uint8_t device);

/* The keys that an account sees of a device. */
int haven_keys(const struct account *account, uint8_t device);
extern struct key_view haven_key_views[KEYS_VIEW_MAX];
extern struct keys_view haven_keys_view;

/* Events with this text in name or data that the account heard since the last call. */
size_t haven_heard(const struct account *account, const char *text);
/* Incidents of this cause about a device, as the operator sees them. */
size_t haven_incidents(uint8_t device, enum incident_cause cause);
size_t haven_audit_count(void);

void haven_open_peer(struct peer *peer, uint8_t device, uint8_t key);
/* Handshake and Hello; ours is taken. */
void haven_go_live(struct peer *peer, uint8_t device, uint8_t key);

#endif
