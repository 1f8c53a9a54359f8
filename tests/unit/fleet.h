/* fleet.h - a registry over hub.h with two accounts, and its answers waited for. */
#ifndef CYAN_TESTS_FLEET_H
#define CYAN_TESTS_FLEET_H

#include "server/cloud/presence.h"
#include "server/cloud/registry.h"

extern struct cyan_crypto *fleet_crypto;
extern struct presence *fleet_presence;
extern struct registry *fleet_registry;
extern uint32_t fleet_ann, fleet_bob;

enum { FLEET_NOT_DONE = 1000, FLEET_LIST_MAX = 64 };

/* What a callback said, for all kinds of them; begins with FLEET_NOT_DONE. */
struct fleet_answer {
    int status;
    struct device_record record;
    struct device_key key;
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
key_fn fleet_on_key;

/* Fails when the answer came from inside the call, or does not come. */
void fleet_wait_for(struct fleet_answer *answer);

/* Device and key of a number; the id is good until the fourth call after this one, the SPKI until
 * the next. */
const uint8_t *fleet_id_of(uint32_t number);
const uint8_t *fleet_spki_of(uint32_t number);
void fleet_fingerprint_of(uint32_t number, uint8_t out[CYAN_SHA256_LEN]);

struct fleet_answer fleet_provision(uint32_t account, uint32_t device, uint32_t key);
struct fleet_answer fleet_resolve(uint32_t account, const char *text);
struct fleet_answer fleet_resolve_id(uint32_t account, uint32_t device);
struct fleet_answer fleet_key_of(uint32_t device);
/* Returns the status; checks that a device proven is one of fleet_ann. */
int fleet_prove(uint32_t device, uint32_t key, uint16_t platform, const char *address);

#endif
