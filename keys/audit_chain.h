/* audit_chain.h - the chain of the audit: what a row's hash and a head are made of. Bytes:
 * docs/SPEC-custody.md, section 8. */
#ifndef CYAN_KEYS_AUDIT_CHAIN_H
#define CYAN_KEYS_AUDIT_CHAIN_H

#include <stdint.h>

#include "base/err.h"
#include "crypto/crypto.h"

/* One row. The texts are borrowed; NULL is an empty one, and none may hold a line end. */
struct cyan_audit_row {
    uint64_t seq;       /* from 1 on */
    int64_t at_ms;      /* since 1970 */
    int64_t account;    /* its number; 0: no account */
    const char *device; /* 24 small hexadecimal digits, or empty */
    const char *action;
    const char *by;     /* who did it, or empty */
    const char *detail; /* a JSON object without spaces */
};

/* The hash of the row's canonical text. CYAN_E_INVALID: a line end in a text, so that two rows
 * could have the same one; CYAN_E_CRYPTO. */
int cyan_audit_row(const struct cyan_audit_row *row,
                   uint8_t out[static CYAN_SHA256_LEN]) CYAN_MUST_CHECK;

/* The head after a row, from the head before it; before the first row it is 32 zero bytes. out may
 * be prev. CYAN_E_CRYPTO. */
int cyan_audit_head(const uint8_t prev[static CYAN_SHA256_LEN],
                    const uint8_t row[static CYAN_SHA256_LEN],
                    uint8_t out[static CYAN_SHA256_LEN]) CYAN_MUST_CHECK;

#endif
