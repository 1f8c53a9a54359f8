/* fake_cloud.h - a cloud for tests of the HTTP face: two accounts, three devices, answers to order.
 *
 * It stands in for accounts, registry, custody, owners, policies, calls, log and clock; the event
 * ring is the real one. As the contracts demand, every answer comes later, from the loop, unless
 * fake.hold keeps it back. There is one of it at a time.
 *
 * ann (account 1, operator, token aaa…) owns 2f…01 "lamp", online, and 2f…02, offline and without
 * a name. bob (account 2, token bbb…) owns 2f…03. The token ccc… has expired, with ddd… the store
 * fails; eee… is nobody's. 2f…09 is held, and nobody knows it. */
#ifndef CYAN_TESTS_FAKE_CLOUD_H
#define CYAN_TESTS_FAKE_CLOUD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "server/bus/bus.h"
#include "server/cloud/accounts.h"
#include "server/cloud/audit.h"
#include "server/cloud/calls.h"
#include "server/cloud/cloud.h"
#include "server/cloud/custody.h"
#include "server/cloud/diagnosis.h"
#include "server/cloud/events.h"
#include "server/cloud/held.h"
#include "server/cloud/incidents.h"
#include "server/cloud/ownership.h"
#include "server/cloud/policies.h"
#include "server/cloud/registry.h"

struct http;

enum { FAKE_ROWS_MAX = 4, FAKE_CHECKS_MAX = 60 };

#define FAKE_ANN "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define FAKE_BOB "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define FAKE_EXPIRED "cccccccccccccccccccccccccccccccccccccccc"
#define FAKE_BROKEN "dddddddddddddddddddddddddddddddddddddddd"
#define FAKE_UNKNOWN "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"
#define FAKE_LAMP "2f0000000000000000000001"
#define FAKE_OFFLINE "2f0000000000000000000002"
#define FAKE_BOBS "2f0000000000000000000003"
#define FAKE_STRANGER "2f0000000000000000000009"
#define FAKE_CODE "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+"

struct fake_answer;

struct fake_cloud {
    struct cloud cloud;
    struct bus bus;
    uv_loop_t loop;
    uv_timer_t timer;
    struct http *http;
    struct fake_answer *answers; /* oldest first */
    bool hold;                   /* answers wait for fake_release */
    size_t waiting;
    bool revoked; /* no token counts any more */
    int64_t now_ms;

    int status;      /* of what is asked next, instead of success */
    int list_status; /* of the next list of devices */
    int late_status; /* the same of custody, owners and policies: after the device was found */
    struct call_reply reply;
    struct incident_view incidents[FAKE_ROWS_MAX];
    size_t incident_count;
    struct store_audit audit[FAKE_ROWS_MAX];
    size_t audit_count;
    struct diagnosis_answer diagnosis;
    struct key_view keys[FAKE_ROWS_MAX];
    size_t key_count;
    struct keys_view keys_view; /* but for keys and count */
    struct custody_outcome outcome;
    struct held held;         /* serial 0: there is none */
    enum key_session session; /* of every other key */
    struct policy_view policy_view;
    bool has_stranger; /* the operator sees FAKE_STRANGER in the list */

    /* What was asked last. */
    char name[ACCOUNT_NAME_MAX + 2];
    char password[ACCOUNT_PASSWORD_MAX + 2];
    char address[ADDRESS_TEXT_MAX + 1];
    char client[65];
    int64_t expires_in;
    char token[TOKEN_LEN + 1];
    uint8_t spki[CYAN_DEVICE_SPKI_LEN];
    uint8_t device[CYAN_ID_LEN];
    struct call call;
    struct incident_filter filter;
    bool has_device; /* the filter had one: device */
    uint32_t asker;
    struct upload upload;
    struct custody_order order;
    unsigned orders, checks, policy_asked;
    bool has_change;
    struct policy_change change;
    uint8_t change_ids[POLICY_IDS_MAX][CYAN_ID_LEN];
    char change_networks[POLICY_NETWORKS_MAX][POLICY_NETWORK_TEXT];
    bool is_operator;
    int64_t after_seq;
    uint32_t max;
    uint32_t streamer; /* who opened a stream */
    size_t streams;
    size_t to_devices; /* events that devices may have */
};

extern struct fake_cloud fake;

/* cmocka's setup and teardown: the cloud, and the HTTP face on 127.0.0.1 at a free port. Teardown
 * fails when something is left on the loop. */
int fake_start(void **state);
int fake_stop(void **state);

/* Without the HTTP face: the ring alone. */
void fake_events_start(size_t ring_len);
void fake_events_stop(void);

/* Answers what waits. */
void fake_release(void);

/* Publishes as a device of ann's does. */
void fake_publish(const char *name, const char *data);

#endif
