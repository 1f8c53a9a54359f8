#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "server/cloud/cloud.h"
#include "server/cloud/diagnosis.h"
#include "server/cloud/jobs.h"
#include "server/cloud/presence.h"
#include "server/net/log.h"

struct loading {
    struct job job;
    struct cloud *cloud;
    struct store_device row;
    struct diagnosis_facts facts;
    char id_text[CYAN_ID_TEXT];
    char firmware[INCIDENT_FIRMWARE_MAX + 1];
    struct store_incident incidents[DIAGNOSIS_INCIDENTS_MAX];
    struct diagnosis_answer answer;
    diagnosis_fn *done;
    void *arg;
};

static int take_key(void *arg, const struct store_key *key)
{
    struct diagnosis_facts *facts = arg;
    facts->has_trusted = facts->has_trusted || key->state == STORE_KEY_TRUSTED;
    facts->has_announced = facts->has_announced || key->state == STORE_KEY_ANNOUNCED;
    facts->has_revoked = facts->has_revoked || key->state == STORE_KEY_REVOKED;
    facts->pending_count += key->state == STORE_KEY_PENDING;
    return 0;
}

static int load_from_store(struct job *job, const struct store *store)
{
    struct loading *loading = (struct loading *)job;
    struct diagnosis_facts *facts = &loading->facts;
    struct store_device row;
    int status = store->device_get(store->ctx, loading->row.id, &row);
    if (status != 0) {
        return status;
    }
    loading->row = row;
    facts->has_trusted = facts->has_announced = facts->has_revoked = false;
    facts->pending_count = 0;
    return store->key_each(store->ctx, row.id, take_key, facts);
}

static void take_device(struct loading *loading)
{
    const struct store_device *row = &loading->row;
    struct diagnosis_facts *facts = &loading->facts;
    const struct online *online = presence_find(loading->cloud->presence, row->id);
    facts->now_ms = clock_now_ms();
    facts->online = online != NULL;
    facts->held = facts->held && !facts->online;
    facts->last_heard_ms = row->last_heard_ms;
    if (online && online->last_heard_ms > row->last_heard_ms) {
        facts->last_heard_ms = online->last_heard_ms;
    }
    facts->last_handshake_ms = row->last_handshake_ms;
    facts->address = row->last_ip;
    facts->last_reset = row->last_reset;
    incident_firmware(row, loading->firmware);
    facts->firmware = loading->firmware;
    cyan_hex_encode(row->id, CYAN_ID_LEN, loading->id_text);
    facts->device = row->name[0] != '\0' ? row->name : loading->id_text;
}

static void count_incident(struct diagnosis_facts *facts, const struct store_incident *row)
{
    enum incident_cause cause = cause_find(row->cause);
    struct diagnosis_cause *what = row->has_device ? &facts->own[cause] : &facts->near[cause];
    what->count += row->count;
    if (row->last_ms >= what->last_ms) {
        what->last_ms = row->last_ms;
        what->proven = row->proven;
    }
}

/* What fails at the address of a device that is well is somebody else's. */
static void take_incidents(struct loading *loading)
{
    const struct store_device *row = &loading->row;
    struct diagnosis_answer *answer = &loading->answer;
    const char *address = loading->facts.online || loading->facts.held ? "" : loading->row.last_ip;
    answer->incident_count = incidents_about(loading->cloud->incidents, row->id, address,
                                             loading->incidents, DIAGNOSIS_INCIDENTS_MAX);
    for (size_t i = 0; i < answer->incident_count; i++) {
        struct incident_view *view = &answer->incidents[i];
        view->row = loading->incidents[i];
        if (!view->row.has_device) {
            view->candidate_count = 1;
            memcpy(view->candidates[0], row->id, CYAN_ID_LEN);
        }
        count_incident(&loading->facts, &view->row);
    }
}

static void load_answer(struct job *job, int status)
{
    struct loading *loading = (struct loading *)job;
    struct diagnosis_answer *answer = &loading->answer;
    if (status == 0) {
        take_device(loading);
        take_incidents(loading);
        memcpy(answer->id, loading->row.id, sizeof answer->id);
        memcpy(answer->name, loading->row.name, sizeof answer->name);
        diagnosis_tell(&loading->facts, &answer->diagnosis);
    }
    loading->done(loading->arg, status, status == 0 ? answer : NULL);
    free(loading);
}

void diagnosis_load(struct cloud *cloud, const uint8_t id[static CYAN_ID_LEN],
                    const struct diagnosis_live *live, diagnosis_fn *done, void *arg)
{
    struct loading *loading = calloc(1, sizeof *loading);
    if (!loading) {
        done(arg, CYAN_E_NO_MEMORY, NULL);
        return;
    }
    loading->job = (struct job){.run = load_from_store, .done = load_answer};
    loading->cloud = cloud;
    loading->done = done;
    loading->arg = arg;
    loading->facts.held = live->held;
    loading->facts.policy = live->policy;
    memcpy(loading->row.id, id, CYAN_ID_LEN);
    jobs_store(cloud->jobs, &loading->job);
}
