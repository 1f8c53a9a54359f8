#include "server/cloud/recovery.h"

#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "keys/recovery.h"
#include "server/cloud/audit.h"
#include "server/cloud/cloud.h"
#include "server/cloud/custody.h"
#include "server/cloud/held.h"
#include "server/cloud/jobs.h"
#include "server/cloud/outbox.h"
#include "server/net/log.h"

_Static_assert((int)STORE_RECOVERY_LEN == (int)CYAN_RECOVERY_KEY_LEN, "the store keeps a point");

/* Both events begin with this byte. */
enum { FORM = 1 };

struct registering {
    struct job job;
    struct cloud *cloud;
    int64_t now_ms;
    uint8_t id[CYAN_ID_LEN];
    uint8_t key[CYAN_RECOVERY_KEY_LEN];
};

static int register_in_store(struct job *job, const struct store *store)
{
    struct registering *r = (struct registering *)job;
    struct store_device device;
    int status = store->device_get(store->ctx, r->id, &device);
    if (status != 0 || device.has_recovery) {
        return status;
    }
    status = cyan_recovery_check(r->key);
    if (status == 0) {
        status = store->device_recovery(store->ctx, r->id, r->key);
    }
    uint8_t head[CYAN_SHA256_LEN];
    const struct audit_entry entry = {.owner = device.owner,
                                      .device = r->id,
                                      .action = "recovery-key",
                                      .by = "",
                                      .detail = "{}",
                                      .at_ms = r->now_ms};
    return status != 0 ? status : audit_append(store, &entry, head);
}

static void registered(struct job *job, int status)
{
    if (status != 0) {
        log_write(LOG_WARN, "a recovery key was not registered", "cause", cyan_err_text(status),
                  NULL);
    }
    free(job);
}

void recovery_hello(struct cloud *cloud, const uint8_t id[static CYAN_ID_LEN], const uint8_t *data,
                    size_t len)
{
    struct registering *r;
    if (len != 1 + CYAN_RECOVERY_KEY_LEN || data[0] != FORM || !(r = calloc(1, sizeof *r))) {
        return;
    }
    r->job = (struct job){.run = register_in_store, .done = registered};
    r->cloud = cloud;
    r->now_ms = clock_now_ms();
    memcpy(r->id, id, sizeof r->id);
    memcpy(r->key, data + 1, sizeof r->key);
    jobs_store(cloud->jobs, &r->job);
}

struct recovering {
    struct job job;
    struct cloud *cloud;
    struct custody_case c; /* of the held session */
    uint8_t proof[CYAN_RECOVERY_PROOF_LEN];
    int64_t now_ms;
    struct custody_outcome outcome;
};

static int recover_in_store(struct job *job, const struct store *store)
{
    struct recovering *r = (struct recovering *)job;
    const struct custody_change change = {.store = store, .now_ms = r->now_ms};
    const struct cyan_recovery_claim claim = {.nonce = r->c.nonce,
                                              .id = r->c.id,
                                              .device_print = r->c.fingerprint,
                                              .server_print = r->c.server_key};
    struct store_device device;
    int status = store->device_get(store->ctx, r->c.id, &device);
    if (status == 0 && !device.has_recovery) {
        status = CYAN_E_NOT_FOUND;
    }
    if (status == 0) {
        status = cyan_recovery_verify(device.recovery, &claim, r->proof);
    }
    return status != 0 ? status : custody_apply_recovery(&change, &r->c, &r->outcome);
}

static void recovered(struct job *job, int status)
{
    struct recovering *r = (struct recovering *)job;
    char id[CYAN_ID_TEXT];
    cyan_hex_encode(r->c.id, CYAN_ID_LEN, id);
    if (status == 0) {
        for (size_t i = 0; i < r->outcome.event_count; i++) {
            outbox_send(r->cloud->outbox, &r->outcome.events[i]);
        }
        custody_review(r->cloud, r->c.id);
    } else {
        log_write(LOG_WARN, "a recovery proof did not count", "device", id, "cause",
                  cyan_err_text(status), NULL);
    }
    free(r);
}

void recovery_proof(struct cloud *cloud, uint64_t held_serial, const uint8_t *data, size_t len)
{
    const struct held *h = custody_held_by_serial(cloud, held_serial);
    struct recovering *r;
    if (!h || len != 1 + CYAN_RECOVERY_PROOF_LEN || data[0] != FORM ||
        !(r = calloc(1, sizeof *r))) {
        return;
    }
    r->job = (struct job){.run = recover_in_store, .done = recovered};
    r->cloud = cloud;
    r->c = h->c;
    r->now_ms = clock_now_ms();
    memcpy(r->proof, data + 1, sizeof r->proof);
    jobs_store(cloud->jobs, &r->job);
}
