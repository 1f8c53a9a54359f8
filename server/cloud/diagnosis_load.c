#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "server/cloud/cloud.h"
#include "server/cloud/diagnosis.h"
#include "server/cloud/dossier.h"
#include "server/cloud/jobs.h"
#include "server/cloud/presence.h"
#include "server/net/log.h"

struct loading {
    struct job job;
    struct cloud *cloud;
    struct device_record record;
    struct store_device row;
    struct diagnosis_facts facts;
    char id_text[CYAN_ID_TEXT];
    char firmware[INCIDENT_FIRMWARE_MAX + 1];
    struct store_incident incidents[DIAGNOSIS_INCIDENTS_MAX];
    struct diagnosis_answer answer;
    diagnosis_fn *done;
    void *arg;
};

/* Of an id that has proven nothing yet, or that nobody knows, only its record is there. */
static void take_record(struct loading *loading)
{
    const struct device_record *record = &loading->record;
    struct diagnosis_facts *facts = &loading->facts;
    struct store_device *row = &loading->row;
    facts->has_announced = record->is_provisional;
    facts->pending_count = record->key_state == DEVICE_KEY_CONTESTED ? 2
                           : record->key_state == DEVICE_KEY_PENDING ? 1
                                                                     : 0;
    memcpy(row->id, record->id, sizeof row->id);
    memcpy(row->name, record->name, sizeof row->name);
    memcpy(row->last_ip, record->last_ip, sizeof row->last_ip);
    row->last_heard_ms = record->last_heard_ms;
}

static int load_from_store(struct job *job, const struct store *store)
{
    struct loading *loading = (struct loading *)job;
    struct diagnosis_facts *facts = &loading->facts;
    struct dossier dossier;
    int status = dossier_read_all(store, loading->record.id, facts->now_ms, &dossier);
    if (status != 0) {
        return status;
    }
    if (!dossier.known) {
        take_record(loading);
        return 0;
    }
    if (dossier.device.owner != loading->record.owner) {
        return CYAN_E_NOT_FOUND; /* it changed hands since the record was made */
    }
    loading->row = dossier.device;
    facts->has_trusted = dossier.has_trusted;
    facts->has_announced = dossier.has_announced;
    facts->has_revoked = dossier.has_revoked;
    facts->pending_count = dossier.pending_count;
    facts->policy = policy_name(dossier.choice.base);
    return 0;
}

static void take_device(struct loading *loading)
{
    const struct store_device *row = &loading->row;
    struct diagnosis_facts *facts = &loading->facts;
    const struct online *online = presence_find(loading->cloud->presence, row->id);
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
    answer->incident_count =
        incidents_about(loading->cloud->incidents, row->id, loading->record.owner, address,
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

void diagnosis_load(struct cloud *cloud, const struct device_record *record, diagnosis_fn *done,
                    void *arg)
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
    loading->record = *record;
    loading->facts.now_ms = clock_now_ms();
    loading->facts.held = record->held;
    jobs_store(cloud->jobs, &loading->job);
}
