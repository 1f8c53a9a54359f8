/* fleet.h - a registry over hub.h with two accounts and devices that are simply there, and its
 * answers waited for. */
#ifndef CYAN_TESTS_FLEET_H
#define CYAN_TESTS_FLEET_H

#include "server/cloud/presence.h"
#include "server/cloud/registry.h"
#include "server/store/store.h"

extern struct cyan_crypto *fleet_crypto;
extern struct presence *fleet_presence;
extern struct registry *fleet_registry;
extern uint32_t fleet_ann, fleet_bob;

enum { FLEET_NOT_DONE = 1000, FLEET_LIST_MAX = 64 };

/* What a callback said, for all kinds of them; begins with FLEET_NOT_DONE. */
struct fleet_answer {
    int status;
    struct device_record record;
    struct device_record list[FLEET_LIST_MAX];
    size_t count;
};

/* Of a test: the scratch folder, and all of this. */
int fleet_set_up(void **state);
int fleet_tear_down(void **state);
/* The same without folder and accounts, to open it again. */
void fleet_open(void);
void fleet_close(void);

record_fn fleet_on_record;
record_list_fn fleet_on_list;

/* Fails when the answer came from inside the call, or does not come. */
void fleet_wait_for(struct fleet_answer *answer);

/* Device and key of a number; the id is good until the fourth call after this one, the SPKI until
 * the next. */
const uint8_t *fleet_id_of(uint32_t number);
const uint8_t *fleet_spki_of(uint32_t number);
void fleet_fingerprint_of(uint32_t number, uint8_t out[CYAN_SHA256_LEN]);

/* A new device of an account (0: nobody) with a trusted key that has proven nothing yet. The status
 * is that of custody_found; with success the record is what the registry gives. */
struct fleet_answer fleet_provision(uint32_t account, uint32_t device, uint32_t number);
/* The device says a Hello from there. */
void fleet_prove(uint32_t device, uint16_t platform, const char *address);
/* Another key of the device, in this state since now. */
void fleet_add_key(uint32_t device, uint32_t number, enum store_key_state state);
/* An account's upload for an id that has proven nothing, made now. */
void fleet_bind(uint32_t account, uint32_t device, uint32_t number, const char *name);
/* What randomness gives to names. */
extern uint64_t fleet_random;

struct fleet_answer fleet_resolve(uint32_t account, const char *text);
struct fleet_answer fleet_resolve_id(uint32_t account, uint32_t device);
/* The same for the operator. */
struct fleet_answer fleet_resolve_as_operator(uint32_t account, uint32_t device);

#endif
