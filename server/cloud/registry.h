/* registry.h - what the cloud knows of devices and their keys.
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
struct presence;
struct registry;

enum { DEVICE_NAME_MAX = 64, ADDRESS_TEXT_MAX = 45 };

struct device_record {
    uint8_t id[CYAN_ID_LEN];
    uint32_t owner; /* account; 0: nobody */
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

/* The key with which a device's sessions are full. */
struct device_key {
    uint32_t owner;
    bool has_key;
    uint8_t spki[CYAN_DEVICE_SPKI_LEN];
    uint8_t fingerprint[CYAN_SHA256_LEN]; /* SHA-256 of the SPKI */
};

typedef void record_fn(void *arg, int status, const struct device_record *record);
typedef void record_list_fn(void *arg, int status, const struct device_record *records,
                            size_t count);
typedef void key_fn(void *arg, int status, const struct device_key *key);

/* Borrows all; crypto is the hub's own. */
struct registry *registry_create(struct jobs *jobs, struct presence *presence,
                                 const struct cyan_crypto *crypto);
/* Stores what registry_heard has kept, and drains the jobs, first. */
void registry_destroy(struct registry *registry);

/* Called after a commit that replaced a device's trusted key, so that sessions with the old one
 * can be ended. At most one; set once. */
typedef void key_changed_fn(void *arg, const uint8_t id[static CYAN_ID_LEN]);
void registry_on_key_changed(struct registry *registry, key_changed_fn *fn, void *arg);

/* The device that an account means by text: 24 hexadecimal digits, or one of its own names.
 * CYAN_E_NOT_FOUND: unknown; CYAN_E_REFUSED: exists but belongs to somebody else or nobody. */
void registry_resolve(struct registry *registry, uint32_t account, const char *text,
                      record_fn *done, void *arg);

/* All devices of an account, by name. */
void registry_list(struct registry *registry, uint32_t account, record_list_fn *done, void *arg);

/* The account uploads a device's public key (already checked with cyan_device_spki_check). An
 * unknown id is created and bound to the account; for its own device the key becomes the trusted
 * one and the one before is retired; CYAN_E_REFUSED for somebody else's. Durable when done. */
void registry_provision(struct registry *registry, uint32_t account,
                        const uint8_t id[static CYAN_ID_LEN],
                        const uint8_t spki[static CYAN_DEVICE_SPKI_LEN], record_fn *done,
                        void *arg);

/* For custody: the trusted key of an id, as the store has it. CYAN_E_NOT_FOUND. */
void registry_key(struct registry *registry, const uint8_t id[static CYAN_ID_LEN], key_fn *done,
                  void *arg);

/* Records a proven Hello with this key: time of handshake, address, platform, product, version;
 * first_seen and last_seen of the key. Durable when done, which gets the key and its owner; a later
 * replacement of the key is told by key_changed after that, never before. CYAN_E_REFUSED when the
 * key is no longer the trusted one, or when the platform differs from that of the first proven
 * Hello. */
void registry_proven(struct registry *registry, const uint8_t id[static CYAN_ID_LEN],
                     const uint8_t fingerprint[static CYAN_SHA256_LEN],
                     const struct cyan_hello *hello, const char *address, key_fn *done, void *arg);

/* Keeps when a device was last heard, in bulk and without waiting: on disk within some 10 s. */
void registry_heard(struct registry *registry, const uint8_t id[static CYAN_ID_LEN],
                    int64_t heard_ms);

#endif
