/* fake_inner.h - what the files of the fake cloud share (fake_cloud.h). */
#ifndef CYAN_TESTS_FAKE_INNER_H
#define CYAN_TESTS_FAKE_INNER_H

#include "server/cloud/audit.h"
#include "server/cloud/ownership.h"
#include "server/cloud/server_keys.h"
#include "tests/unit/fake_cloud.h"
#include "wire/hello.h"

/* One answer on its way. */
struct fake_answer {
    struct fake_answer *next;
    void (*give)(const struct fake_answer *answer);
    int status;
    void *arg;
    union {
        account_fn *account;
        grant_fn *grant;
        status_fn *status;
        record_fn *record;
        record_list_fn *list;
        call_fn *call;
        incidents_fn *incidents;
        diagnosis_fn *diagnosis;
        audit_fn *audit;
        custody_keys_fn *keys;
        custody_order_fn *order;
        policy_fn *policy;
        claim_code_fn *code;
        server_keys_fn *server_keys;
    } done;
    uint32_t account;
    char device[CYAN_ID_TEXT];
};

/* Gives a copy of the answer from the loop. */
void fake_later(const struct fake_answer *template);

/* fake.status, for one use. */
int fake_take_status(void);

/* The record of a device of that name. */
struct device_record fake_record(const char *id);

/* An answer with a record. */
void fake_give_record(const struct fake_answer *answer);

#endif
