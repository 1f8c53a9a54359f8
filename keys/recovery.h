/* recovery.h - the recovery key of a device with our firmware library: P-256, of which the cloud
 * knows the public half, and the proof that a new device key is this device's.
 *
 * docs/SPEC-custody.md, "Recovery". A torn settings write does not reach the recovery key, so a
 * device that lost its key can say with it which new one is its own. */
#ifndef CYAN_KEYS_RECOVERY_H
#define CYAN_KEYS_RECOVERY_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "crypto/crypto.h"
#include "wire/handshake.h"

enum {
    CYAN_RECOVERY_KEY_LEN = 65,   /* 04, x, y */
    CYAN_RECOVERY_PROOF_LEN = 64, /* r, s, each 32 bytes */
};

/* What a proof is about. Everything is borrowed. */
struct cyan_recovery_claim {
    const uint8_t *nonce;        /* of the handshake, CYAN_NONCE_LEN bytes */
    const uint8_t *id;           /* CYAN_ID_LEN bytes */
    const uint8_t *device_print; /* SHA-256 of the new device key's SPKI */
    const uint8_t *server_print; /* SHA-256 of the SPKI of the server's key that was used */
};

/* 0: the proof holds. CYAN_E_SIGNATURE: it does not; CYAN_E_INVALID: key is no point of the curve;
 * CYAN_E_CRYPTO. */
int cyan_recovery_verify(const uint8_t key[static CYAN_RECOVERY_KEY_LEN],
                         const struct cyan_recovery_claim *claim,
                         const uint8_t proof[static CYAN_RECOVERY_PROOF_LEN]) CYAN_MUST_CHECK;

/* The point of a public key in PEM text of len bytes. CYAN_E_MALFORMED, CYAN_E_TOO_LONG;
 * CYAN_E_UNSUPPORTED: another kind of key than P-256. */
int cyan_recovery_from_pem(const char *text, size_t len,
                           uint8_t out_key[static CYAN_RECOVERY_KEY_LEN]) CYAN_MUST_CHECK;

/* Whether these bytes are a point of the curve. */
int cyan_recovery_check(const uint8_t key[static CYAN_RECOVERY_KEY_LEN]) CYAN_MUST_CHECK;

#endif
