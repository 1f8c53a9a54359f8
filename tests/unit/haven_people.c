/* What people do in a haven, and what they get to hear. */
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "server/cloud/events.h"
#include "server/cloud/registry.h"
#include "tests/unit/haven_inner.h"
#include "tests/unit/unit.h"

enum { RING = 1024 * 1024 };

struct custody_outcome haven_outcome;
struct device_record haven_record;
char haven_code[CLAIM_CODE_LEN + 1];
struct policy_view haven_policy_view;
struct key_view haven_key_views[KEYS_VIEW_MAX];
struct keys_view haven_keys_view;

static void on_order(void *arg, int given, const struct custody_outcome *outcome)
{
    assert_ptr_equal(arg, &haven_status);
    assert_int_equal(outcome != NULL, given == 0 || given == CYAN_E_EXISTS);
    haven_status = given;
    if (outcome) {
        haven_outcome = *outcome;
    }
}

int haven_order(const struct account *account, enum custody_action action, uint8_t device,
                uint8_t key)
{
    struct custody_order order = {.account = account->id, .action = action, .via = "api"};
    memcpy(order.by, account->name, sizeof order.by);
    memcpy(order.id, haven_id(device), sizeof order.id);
    memcpy(order.fingerprint, haven_print(key), sizeof order.fingerprint);
    haven_status = HAVEN_NOT_DONE;
    custody_order(&haven, &order, account->is_operator, on_order, &haven_status);
    haven_wait_done();
    return haven_status;
}

static void on_record(void *arg, int given, const struct device_record *record)
{
    assert_ptr_equal(arg, &haven_status);
    assert_int_equal(record != NULL, given == 0);
    haven_status = given;
    if (record) {
        haven_record = *record;
    }
}

int haven_upload(const struct account *account, uint8_t device, uint8_t key)
{
    struct upload upload = {.has_recovery = false};
    memcpy(upload.id, haven_id(device), sizeof upload.id);
    memcpy(upload.spki, haven_spki(key), sizeof upload.spki);
    haven_status = HAVEN_NOT_DONE;
    ownership_upload(&haven, account, &upload, on_record, &haven_status);
    haven_wait_done();
    return haven_status;
}

int haven_claim(const struct account *account, uint8_t device)
{
    haven_status = HAVEN_NOT_DONE;
    ownership_claim(&haven, account, haven_id(device), on_record, &haven_status);
    haven_wait_done();
    return haven_status;
}

static void on_status(void *arg, int given)
{
    assert_ptr_equal(arg, &haven_status);
    haven_status = given;
}

int haven_release(const struct account *account, uint8_t device)
{
    haven_status = HAVEN_NOT_DONE;
    ownership_release(&haven, account, haven_id(device), on_status, &haven_status);
    haven_wait_done();
    return haven_status;
}

int haven_resolve(const struct account *account, uint8_t device)
{
    char text[CYAN_ID_TEXT];
    cyan_hex_encode(haven_id(device), CYAN_ID_LEN, text);
    haven_status = HAVEN_NOT_DONE;
    registry_resolve(haven.registry, account->id, account->is_operator, text, on_record,
                     &haven_status);
    haven_wait_done();
    return haven_status;
}

static void on_code(void *arg, int given, const char *code)
{
    assert_ptr_equal(arg, &haven_status);
    haven_status = given;
    if (given == 0) {
        assert_int_equal(strlen(code), CLAIM_CODE_LEN);
        memcpy(haven_code, code, sizeof haven_code);
    }
}

int haven_make_code(const struct account *account)
{
    haven_status = HAVEN_NOT_DONE;
    ownership_make_code(&haven, account, on_code, &haven_status);
    haven_wait_done();
    return haven_status;
}

void haven_say_code(uint8_t device, uint64_t serial, const char *code)
{
    ownership_code_came(&haven, haven_id(device), serial, code, strlen(code));
    haven_settle();
}

static void on_policy(void *arg, int given, const struct policy_view *view)
{
    assert_ptr_equal(arg, &haven_status);
    assert_int_equal(view != NULL, given == 0);
    haven_status = given;
    if (view) {
        haven_policy_view = *view;
    }
}

int haven_change_policy(const struct account *account, uint8_t device,
                        const struct policy_change *change)
{
    const struct policy_level level = {.account = *account,
                                       .device = device ? haven_id(device) : NULL};
    haven_status = HAVEN_NOT_DONE;
    policies_change(&haven, &level, change, on_policy, &haven_status);
    haven_wait_done();
    return haven_status;
}

int haven_set_policy(const struct account *account, uint8_t device, enum policy_value base,
                     unsigned familiar)
{
    const struct policy_change change = {.value = base, .familiar = familiar};
    return haven_change_policy(account, device, &change);
}

int haven_open_window(const struct account *account, uint8_t device)
{
    uint8_t ids[1][CYAN_ID_LEN];
    memcpy(ids[0], haven_id(device), CYAN_ID_LEN);
    const struct policy_change change = {.value = POLICY_ENROLL,
                                         .until_ms = haven_now() + 600000,
                                         .ids = (const uint8_t(*)[CYAN_ID_LEN])ids,
                                         .id_count = 1};
    return haven_change_policy(account, 0, &change);
}

static void on_keys(void *arg, int given, const struct keys_view *view)
{
    assert_ptr_equal(arg, &haven_status);
    haven_status = given;
    if (view) {
        haven_keys_view = *view;
        memcpy(haven_key_views, view->keys, view->count * sizeof *view->keys);
    }
}

int haven_keys(const struct account *account, uint8_t device)
{
    struct device_record record = {.owner = account->id};
    memcpy(record.id, haven_id(device), sizeof record.id);
    haven_status = HAVEN_NOT_DONE;
    custody_keys(&haven, &record, account->id, on_keys, &haven_status);
    haven_wait_done();
    return haven_status;
}

/* --- what was told --- */

size_t haven_heard(const struct account *account, const char *text)
{
    static char buf[RING];
    size_t count = 0;
    haven_settle();
    ssize_t len = stream_read(haven_streams[account->id - haven_ann.id], buf, sizeof buf - 1);
    assert_true(len >= 0);
    buf[len] = '\0';
    for (const char *at = buf; (at = strstr(at, text)); at++) {
        count++;
    }
    return count;
}

static size_t listed;

static void on_incidents(void *arg, int given, const struct incident_view *views, size_t count,
                         int64_t next)
{
    assert_ptr_equal(arg, &haven_status);
    (void)next;
    assert_int_equal(given, 0);
    haven_status = 0;
    listed = 0;
    for (size_t i = 0; i < count; i++) { /* not those that it may only have caused */
        listed += views[i].row.has_device;
    }
}

size_t haven_incidents(uint8_t device, enum incident_cause cause)
{
    struct incident_filter filter = {
        .cause = cause, .device = haven_id(device), .limit = HAVEN_INCIDENTS_MAX};
    uint32_t owner = haven_knows(device) ? haven_device(device).owner : 0;
    uint32_t account = owner != 0 ? owner : haven_ann.id;
    haven_status = HAVEN_NOT_DONE;
    incidents_list(haven.incidents, account, account == haven_ann.id, &filter, on_incidents,
                   &haven_status);
    haven_settle();
    assert_int_equal(haven_status, 0);
    return listed;
}

static int count_row(void *arg, const struct store_audit *row)
{
    (void)row;
    ++*(size_t *)arg;
    return 0;
}

size_t haven_audit_count(void)
{
    size_t count = 0;
    assert_int_equal(haven_store.audit_each(haven_store.ctx, 0, 10000, count_row, &count), 0);
    return count;
}
