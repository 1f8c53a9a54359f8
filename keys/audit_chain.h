/* audit_chain.h - the hash chain over the audit: who made it and who checks it compute alike.
 *
 * docs/SPEC-custody.md, "Audit": the canonical text of a row, its hash, and the head that each row
 * leaves. */
#ifndef CYAN_KEYS_AUDIT_CHAIN_H
#define CYAN_KEYS_AUDIT_CHAIN_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "crypto/crypto.h"
#include "wire/limits.h"

/* What the canonical text of a row holds; everything is borrowed. */
struct cyan_audit_row {
    int64_t seq;
    int64_t at_ms;         /* since 1970 */
    uint32_t account;      /* who did it; 0: a rule */
    const uint8_t *device; /* CYAN_ID_LEN bytes; NULL: about none */
    const char *action;
    const char *by;     /* the account's name, or "" */
    const char *detail; /* a JSON object without spaces */
};

/* SHA-256 of the canonical text. CYAN_E_INVALID: a field holds a line feed, which would make two
 * rows one text; CYAN_E_CRYPTO. */
int cyan_audit_row_hash(const struct cyan_audit_row *row,
                        uint8_t out_row[static CYAN_SHA256_LEN]) CYAN_MUST_CHECK;

/* The head after a row, from the head before it (zeroes before the first). CYAN_E_CRYPTO. */
int cyan_audit_head(const uint8_t prev[static CYAN_SHA256_LEN],
                    const uint8_t row[static CYAN_SHA256_LEN],
                    uint8_t out_head[static CYAN_SHA256_LEN]) CYAN_MUST_CHECK;

#endif
