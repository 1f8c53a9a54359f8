/* audit.h - the hash chain over every change that a person or a rule made.
 *
 * Rows are written inside the transaction of the change itself, on the store's worker; what they
 * hold and how they are chained is docs/SPEC-custody.md, "Audit". */
#ifndef CYAN_SERVER_CLOUD_AUDIT_H
#define CYAN_SERVER_CLOUD_AUDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/crypto.h"
#include "server/store/store.h"

struct jobs;

struct audit_entry {
    uint32_t account;      /* who did it; 0: a rule */
    uint32_t owner;        /* whose device it is about; 0: nobody's */
    const uint8_t *device; /* NULL: about no device */
    const char *action;    /* "approve", "policy", "claim", ... */
    const char *by;        /* the account's name, or "" */
    const char *detail;    /* a JSON object without spaces, at most STORE_DETAIL_MAX bytes */
    int64_t at_ms;
};

/* On the worker: adds a row. CYAN_E_TOO_LONG and errors of the store. */
int audit_append(const struct store *store, const struct audit_entry *entry,
                 uint8_t out_head[static CYAN_SHA256_LEN]);

/* On the worker: the chain's head now; zeroes when it is empty. */
int audit_head(const struct store *store, int64_t *out_seq,
               uint8_t out_head[static CYAN_SHA256_LEN]);

/* On the hub: rows after a seq, at most max, by rising seq; rows is NULL without success. */
typedef void audit_fn(void *arg, int status, const struct store_audit *rows, size_t count,
                      int64_t head_seq, const uint8_t *head);
void audit_list(struct jobs *jobs, int64_t after_seq, uint32_t max, audit_fn *done, void *arg);

/* Whether an account may read a row whole. */
bool audit_is_mine(const struct store_audit *row, uint32_t account, bool is_operator);

#endif
