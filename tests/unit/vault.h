/* vault.h - a store in memory and the rules of custody over it, without hub and shards: proofs and
 * orders in their transactions, calls of the store that fail when the test says so, and everything
 * stored as one text, to compare.
 *
 * A device or key is named by a number that fills its id, or its fingerprint. The time is
 * vault_now_ms. Two accounts: ann and bob. */
#ifndef CYAN_TESTS_VAULT_H
#define CYAN_TESTS_VAULT_H

#include "server/cloud/custody_apply.h"
#include "server/cloud/custody_rules.h"

enum {
    VAULT_TEXT_MAX = 256 * 1024,
    VAULT_EVENTS_MAX = 16,
    VAULT_PLATFORM = 6,
    VAULT_PRODUCT = 7,
    VAULT_VERSION = 9,
    VAULT_NEVER = -1,
};

#define VAULT_DAY_MS ((int64_t)86400000)
#define VAULT_HOME "192.0.2.7"
#define VAULT_AWAY "198.51.100.9"

extern struct store vault_store; /* what the code under test gets */
extern int64_t vault_now_ms;
extern uint32_t vault_ann, vault_bob;

int vault_set_up(void **state);
int vault_tear_down(void **state);

/* Good until the fourth call after this one. */
const uint8_t *vault_id(uint8_t device);
const uint8_t *vault_print(uint8_t key);

void vault_add_device(uint8_t device, uint32_t owner);
/* Its Hello now, with the numbers above. */
void vault_say_hello(uint8_t device, const char *address);
/* In this state since now and seen now from there; source PROVISIONED where a state has one. */
void vault_put_key(uint8_t device, uint8_t key, enum store_key_state state, const char *address);
void vault_put_row(const struct store_key *row);
void vault_bind(uint32_t account, uint8_t device, uint8_t key, const char *name);

struct store_key vault_key(uint8_t device, uint8_t key); /* it must be there */
bool vault_is(uint8_t device, uint8_t key, enum store_key_state state);
bool vault_has_key(uint8_t device, uint8_t key);
size_t vault_count(uint8_t device, enum store_key_state state);
struct store_device vault_device(uint8_t device);

/* A proof with the numbers above, now. */
struct custody_case vault_case(uint8_t device, uint8_t key, const char *address);

struct vault_result {
    int status;             /* of reading, or of what was applied */
    struct dossier dossier; /* its choice points nowhere */
    struct custody_facts facts;
    unsigned familiar;
    struct custody_ruling ruling;
    struct custody_outcome outcome;
};

/* Reads and rules; changes nothing. */
struct vault_result vault_judge(const struct custody_case *c);
/* The same, and applies it in a transaction that ends with it. */
struct vault_result vault_prove(const struct custody_case *c);
/* An order of ann's, or whoever it names. */
struct custody_order vault_order_of(enum custody_action action, uint8_t device, uint8_t key);
struct vault_result vault_order(const struct custody_order *order);
struct vault_result vault_do(enum custody_action action, uint8_t device, uint8_t key);

/* Rows of the audit and events that were written since the last call of both; the last rows. */
struct vault_told {
    size_t audit_count, event_count;
    struct store_audit audit; /* the last one */
    struct store_outbox events[VAULT_EVENTS_MAX];
};
struct vault_told vault_told(void);
/* One row of the audit with this action, and one event with this name and via (NULL: none). */
void vault_expect_told(const char *action, const char *event, const char *via);
void vault_expect_nothing_told(void);

/* The call of the store with this number (0: the next) fails; VAULT_NEVER: none. */
void vault_fail_at(int call);
/* Whether the call that was to fail has been made. */
bool vault_has_failed(void);

/* Does something; every call of the store is made to fail once: then nothing at all has changed. At
 * last none does, and it succeeds. Returns how many calls there were. */
int vault_fail_everywhere(int (*act)(void));

/* Device 1 of ann, with key 1 trusted, and its Hello from VAULT_HOME now. */
void vault_plain_device(void);
/* The base of its own policy. */
void vault_set_policy(enum policy_value base);
/* A window of ann's account for these devices, open for ten minutes from now. */
void vault_open_window(uint8_t first, uint8_t last);
/* The first event that was told names these keys; 0: none. */
void vault_expect_prints(const struct vault_told *told, uint8_t old, uint8_t new);

/* All that is stored, as text; good until the second call after this one. */
const char *vault_dump(void);

#endif
