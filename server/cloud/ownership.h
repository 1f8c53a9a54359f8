/* ownership.h - whose a device is: uploads of keys, claims by id and by code, and giving up.
 *
 * docs/SPEC-custody.md; docs/DESIGN.md, "Owners". An upload for an id that has proven nothing yet
 * is provisional: it is the account's own, blocks nobody else's, and the first key that proves
 * itself decides (custody_rules.h, EFFECT_ADOPT). On the hub's thread; callbacks come later, on
 * the same thread, but for CYAN_E_NO_MEMORY. Beside what is named any status may be an error of
 * the store. */
#ifndef CYAN_SERVER_CLOUD_OWNERSHIP_H
#define CYAN_SERVER_CLOUD_OWNERSHIP_H

#include <stdbool.h>
#include <stdint.h>

#include "keys/recovery.h"
#include "server/cloud/accounts.h"
#include "server/cloud/registry.h"

struct cloud;

enum {
    UPLOADS_MAX = 10000, /* of an account, that wait for a first proof */
    CLAIM_CODE_LEN = 63,
    CLAIM_CODES_MAX = 100, /* of an account; the oldest go */
    CLAIM_CODE_LIFE_MS = 24 * 60 * 60 * 1000,
};

struct upload {
    uint8_t id[CYAN_ID_LEN];
    uint8_t spki[CYAN_DEVICE_SPKI_LEN]; /* checked with cyan_device_spki_check */
    bool has_recovery;
    uint8_t recovery[CYAN_RECOVERY_KEY_LEN]; /* a point; replaces the one before */
};

/* An account uploads a device's public key, perhaps with that of its recovery key; durable when
 * done. CYAN_E_REFUSED: somebody else's device, or four other accounts wait for this id;
 * CYAN_E_EXISTS: the key was revoked;
 * CYAN_E_NO_SPACE: UPLOADS_MAX of the account wait. */
void ownership_upload(struct cloud *cloud, const struct account *account,
                      const struct upload *upload, record_fn *done, void *arg);

/* The account claims a known device that nobody owns. Its own once more changes nothing.
 * CYAN_E_NOT_FOUND: unknown; CYAN_E_REFUSED: somebody else's. */
void ownership_claim(struct cloud *cloud, const struct account *account,
                     const uint8_t id[static CYAN_ID_LEN], record_fn *done, void *arg);

/* The account gives up its device, or takes back its upload. Held sessions of it are closed; a
 * full one stays full, without an owner. The device's policy, its announced key and its recovery
 * key go with the owner. CYAN_E_NOT_FOUND; CYAN_E_REFUSED. */
void ownership_release(struct cloud *cloud, const struct account *account,
                       const uint8_t id[static CYAN_ID_LEN], status_fn *done, void *arg);

/* A new claim code, for SoftAP and serial set-up; a secret of CLAIM_CODE_LEN characters. */
typedef void claim_code_fn(void *arg, int status, const char *code);
void ownership_make_code(struct cloud *cloud, const struct account *account, claim_code_fn *done,
                         void *arg);

/* A device says a claim code: from a full session (serial 0), or from a held one. Whether it
 * counts is decided here; nothing is answered. */
void ownership_code_came(struct cloud *cloud, const uint8_t id[static CYAN_ID_LEN],
                         uint64_t held_serial, const char *code, size_t len);

#endif
