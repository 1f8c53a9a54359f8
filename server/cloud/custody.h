/* custody.h - the one place where a device's key is judged.
 *
 * Two answers for now: full or refuse. A session with the trusted key is full; so is one without
 * a key (firmware before 0.4.0), encrypted to the trusted key, since only its owner can go on.
 * On the hub's thread; callbacks come later, on the same thread. */
#ifndef CYAN_SERVER_CLOUD_CUSTODY_H
#define CYAN_SERVER_CLOUD_CUSTODY_H

#include <stdbool.h>
#include <stdint.h>

#include "server/cloud/registry.h"
#include "server/session/session.h"
#include "wire/handshake.h"

struct cloud;

/* Why a handshake was answered as it was; for the log. */
enum custody_reason {
    CUSTODY_TRUSTED,        /* the trusted key was presented */
    CUSTODY_NO_KEY_SENT,    /* none was; the trusted one is used */
    CUSTODY_UNKNOWN_DEVICE, /* refused */
    CUSTODY_NO_TRUSTED_KEY, /* refused */
    CUSTODY_OTHER_KEY,      /* refused: a well-formed key that is not the trusted one */
    CUSTODY_MALFORMED_KEY,  /* refused: damage, never stored */
};

/* The judgement, as a function of what is presented and what is known; known is NULL for an id
 * that the registry does not have. */
enum custody_reason custody_decide(const struct cyan_claim *claim, const struct device_key *known);

enum session_verdict custody_verdict(enum custody_reason reason);

/* "device-key-mismatch" and the like. Static. */
const char *custody_reason_name(enum custody_reason reason);

/* modulus and fingerprint: the key to encrypt to; NULL unless the verdict is full. */
typedef void custody_judged_fn(void *arg, enum session_verdict verdict, const uint8_t *modulus,
                               const uint8_t *fingerprint);
void custody_judge(struct cloud *cloud, const struct cyan_claim *claim, const char *address,
                   custody_judged_fn *done, void *arg);

/* A strict Hello has proven the key with this fingerprint. Full only when it is still trusted
 * and the fact is stored. */
typedef void custody_admitted_fn(void *arg, enum session_verdict verdict, uint32_t owner);
void custody_proven(struct cloud *cloud, const uint8_t id[static CYAN_ID_LEN],
                    const uint8_t fingerprint[static CYAN_SHA256_LEN],
                    const struct cyan_hello *hello, const char *address, custody_admitted_fn *done,
                    void *arg);

#endif
