/* registry.h - what the cloud knows of devices.
 *
 * Runs on the hub's thread over the store's jobs, like accounts.h: callbacks come later, on the
 * same thread (but for CYAN_E_NO_MEMORY, which comes at once), and borrow; without success they
 * get NULL. A record joins what is stored with what is live (presence.h). Beside what is named
 * below any status may be an error of the store (server/store/store.h). */
#ifndef CYAN_SERVER_CLOUD_REGISTRY_H
#define CYAN_SERVER_CLOUD_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/crypto.h"
#include "wire/handshake.h"
#include "wire/hello.h"

struct jobs;
struct store;
struct store_binding;
struct store_device;
struct presence;
struct registry;

enum { DEVICE_NAME_MAX = 64, ADDRESS_TEXT_MAX = 45 };

/* The first that applies; docs/SPEC-custody.md, "HTTP". */
enum device_key_state {
    DEVICE_KEY_NONE,
    DEVICE_KEY_REVOKED,
    DEVICE_KEY_TRUSTED,
    DEVICE_KEY_PENDING,
    DEVICE_KEY_CONTESTED
};

struct device_record {
    uint8_t id[CYAN_ID_LEN];
    uint32_t owner; /* account; 0: nobody */
    enum device_key_state key_state;
    bool held;           /* a session of it is held */
    bool is_provisional; /* only uploaded: it has proven nothing yet */
    bool is_stranger;    /* nobody knows it: the operator sees what is held */
    char name[DEVICE_NAME_MAX + 1];
    char last_ip[ADDRESS_TEXT_MAX + 1]; /* "" when never connected */
    int64_t last_heard_ms;              /* 0: never */
    int64_t last_handshake_ms;          /* 0: never */
    uint16_t platform_id;
    uint16_t product_id;
    uint16_t product_version;
    bool has_hello; /* the three above are known from a proven Hello */
    bool connected; /* has a full session now */
};

typedef void record_fn(void *arg, int status, const struct device_record *record);
typedef void record_list_fn(void *arg, int status, const struct device_record *records,
                            size_t count);

/* Borrows all; crypto is the hub's own. */
struct registry *registry_create(struct jobs *jobs, struct presence *presence,
                                 const struct cyan_crypto *crypto);
/* Stores what registry_heard has kept, and drains the jobs, first. */
void registry_destroy(struct registry *registry);

/* The device that an account means by text: 24 hexadecimal digits, or one of its own names; what
 * it has uploaded counts as its own. The operator may mean devices of nobody, too.
 * CYAN_E_NOT_FOUND: unknown; CYAN_E_REFUSED: exists but belongs to somebody else or nobody. */
void registry_resolve(struct registry *registry, uint32_t account, bool is_operator,
                      const char *text, record_fn *done, void *arg);

/* All devices of an account, by name, then what it has uploaded; and with_nobodys: those that
 * nobody owns, for the operator. */
void registry_list(struct registry *registry, uint32_t account, bool with_nobodys,
                   record_list_fn *done, void *arg);

/* On the worker: the key state of a device, from its keys that still count. */
int registry_key_state(const struct store *store, const uint8_t id[static CYAN_ID_LEN],
                       int64_t now_ms, enum device_key_state *out_state);

/* Joins a row with what is live. */
void registry_record(struct registry *registry, const struct store_device *row,
                     enum device_key_state key_state, struct device_record *out_record);
/* The same for an upload. */
void registry_binding_record(const struct store_binding *binding, struct device_record *out_record);

/* Keeps when a device was last heard, in bulk and without waiting: on disk within some 10 s. */
void registry_heard(struct registry *registry, const uint8_t id[static CYAN_ID_LEN],
                    int64_t heard_ms);
/* What registry_heard keeps that is not stored yet; 0: nothing. */
int64_t registry_heard_ms(struct registry *registry, const uint8_t id[static CYAN_ID_LEN]);

/* Stores a device's last reset reason, without waiting. */
void registry_reset(struct registry *registry, const uint8_t id[static CYAN_ID_LEN],
                    const char *reason);

#endif
