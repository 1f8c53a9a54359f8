#include <stdlib.h>
#include <string.h>

#include "server/cloud/incidents_inner.h"
#include "server/cloud/letters.h"
#include "server/cloud/outbox.h"
#include "server/net/log.h"
#include "server/session/session.h"

/* INCIDENT_CAUSES: that says nothing. */
static enum incident_cause cause_of_end(enum session_end end)
{
    switch (end) {
    case SESSION_END_SILENT:
        return CAUSE_SILENT;
    case SESSION_END_TRUNCATED:
        return CAUSE_TRUNCATED;
    case SESSION_END_HUNG_UP:
        return CAUSE_HUNG_UP;
    case SESSION_END_NOT_DECIPHERABLE:
        return CAUSE_NOT_DECIPHERABLE;
    /* A stock 0.7.0 that could not use our answer may send one frame of junk before it hangs up,
     * which nobody can tell from another first message that is no Hello. */
    case SESSION_END_BAD_HELLO:
    case SESSION_END_DROPPED_OUR_KEY:
        return CAUSE_DROPPED_OUR_KEY;
    case SESSION_END_BAD_FRAME:
        return CAUSE_BAD_FRAME;
    case SESSION_END_TIMEOUT:
        return CAUSE_TIMEOUT;
    case SESSION_END_FLOOD:
        return CAUSE_FLOOD;
    default:
        return INCIDENT_CAUSES;
    }
}

static enum incident_stage stage_of(const struct letter_failed *failure)
{
    switch ((enum session_state)failure->stage) {
    case SESSION_REQUEST:
        /* Before its first byte it is the nonce that went wrong, which the cause knows. */
        return failure->end == SESSION_END_TIMEOUT || failure->end == SESSION_END_BAD_FRAME
                   ? STAGE_REQUEST
                   : STAGE_USUAL;
    case SESSION_OPENING:
        return STAGE_REQUEST;
    case SESSION_ANSWERING:
        return STAGE_ANSWER;
    case SESSION_HELLO:
        return failure->end == SESSION_END_DROPPED_OUR_KEY ? STAGE_ANSWER : STAGE_HELLO;
    case SESSION_PROVING:
        return STAGE_HELLO;
    case SESSION_LIVE:
        return STAGE_SESSION;
    case SESSION_CLOSING:
        return STAGE_USUAL;
    default: /* judged, or on the way out after it */
        return failure->end == SESSION_END_NOT_DECIPHERABLE ? STAGE_REQUEST : STAGE_JUDGEMENT;
    }
}

/* A failure of somebody who claims to be a device, and what the store says to that. */
struct claim {
    struct claim_key key;
    struct tally tally;
    bool is_known, has_trusted;
    uint32_t owner;
    uint8_t trusted[CYAN_SHA256_LEN];
    char firmware[INCIDENT_FIRMWARE_MAX + 1];
};

struct looking {
    struct job job;
    struct incidents *incidents;
    size_t count;
    struct claim claims[];
};

/* An upload whose device has proven nothing yet: its account hears of the failure with its key. */
static int take_upload(void *arg, const struct store_binding *binding)
{
    struct claim *claim = arg;
    if (claim->key.has_print &&
        memcmp(binding->fingerprint, claim->key.print, sizeof claim->trusted) == 0) {
        claim->is_known = claim->has_trusted = true;
        claim->owner = binding->account;
        memcpy(claim->trusted, binding->fingerprint, sizeof claim->trusted);
    }
    return 0;
}

static int look_up(const struct store *store, struct claim *claim)
{
    struct store_device device;
    struct store_key key;
    claim->is_known = claim->has_trusted = false;
    int status = store->device_get(store->ctx, claim->key.id, &device);
    if (status == CYAN_E_NOT_FOUND) {
        incident_firmware(&(struct store_device){.has_hello = false}, claim->firmware);
        return store->binding_each(store->ctx, claim->key.id, take_upload, claim);
    }
    if (status != 0) {
        return status;
    }
    claim->is_known = true;
    claim->owner = device.owner;
    incident_firmware(&device, claim->firmware);
    status = store->key_trusted(store->ctx, claim->key.id, &key);
    if (status == 0) {
        claim->has_trusted = true;
        memcpy(claim->trusted, key.fingerprint, sizeof claim->trusted);
    }
    return status == CYAN_E_NOT_FOUND ? 0 : status;
}

static int look_up_all(struct job *job, const struct store *store)
{
    struct looking *looking = (struct looking *)job;
    int status = 0;
    for (size_t i = 0; i < looking->count && status == 0; i++) {
        status = look_up(store, &looking->claims[i]);
    }
    return status;
}

static void note_claim(struct incidents *incidents, const struct claim *claim)
{
    const struct claim_key *key = &claim->key;
    const uint8_t *presented = key->has_print ? key->print : NULL;
    const uint8_t *trusted = claim->has_trusted ? claim->trusted : NULL;
    const struct incident_note note = {.cause = (enum incident_cause)key->cause,
                                       .device = key->id,
                                       .owner = claim->owner,
                                       .address = key->address,
                                       .presented = presented,
                                       .trusted = trusted,
                                       .proven = key->was_live,
                                       .firmware = claim->firmware};
    struct outbox_event event = {.name = "cyan/handshake/failed",
                                 .owner = claim->owner,
                                 .old_print = trusted,
                                 .new_print = presented,
                                 .cause = cause_of(note.cause)->name,
                                 .at_ms = claim->tally.last_ms};
    memcpy(event.device, key->id, sizeof event.device);
    incidents_add(incidents, &note, &claim->tally);
    outbox_tell(incidents->outbox, &event);
}

static void start_looking(struct incidents *incidents);

static void on_looked_up(struct job *job, int status)
{
    struct looking *looking = (struct looking *)job;
    struct incidents *incidents = looking->incidents;
    for (size_t i = 0; i < looking->count; i++) {
        const struct claim *claim = &looking->claims[i];
        if (status == 0 && claim->is_known) {
            note_claim(incidents, claim);
        } else {
            window_count(incidents, (enum incident_cause)claim->key.cause, claim->key.address, NULL,
                         &claim->tally);
        }
    }
    free(looking);
    incidents->is_looking_up = false;
    start_looking(incidents);
}

static void collect(void *arg, const void *key, void *value)
{
    struct looking *looking = arg;
    struct claim *claim = &looking->claims[looking->count++];
    memcpy(&claim->key, key, sizeof claim->key);
    memcpy(&claim->tally, value, sizeof claim->tally);
}

/* One job at a time: what comes meanwhile goes into the next one, all together. */
static void start_looking(struct incidents *incidents)
{
    size_t count = lru_count(incidents->claims);
    if (count == 0 || incidents->is_looking_up) {
        return;
    }
    struct looking *looking = calloc(1, sizeof *looking + count * sizeof looking->claims[0]);
    if (!looking) {
        return; /* with the next failure */
    }
    looking->job = (struct job){.run = look_up_all, .done = on_looked_up};
    looking->incidents = incidents;
    lru_each(incidents->claims, collect, looking);
    lru_clear(incidents->claims);
    incidents->is_looking_up = true;
    jobs_store(incidents->jobs, &looking->job);
}

static void put_address(char out[static STORE_ADDRESS_MAX + 1], const char *address, size_t cap)
{
    size_t len = strnlen(address, cap);
    memcpy(out, address, len < STORE_ADDRESS_MAX ? len : STORE_ADDRESS_MAX);
}

static struct claim_key key_of(const struct letter_failed *failure, enum incident_cause cause)
{
    struct claim_key key = {.cause = (uint8_t)cause,
                            .stage = (uint8_t)stage_of(failure),
                            .has_print = failure->has_fingerprint,
                            .was_live = failure->was_live};
    memcpy(key.id, failure->id, sizeof key.id);
    if (key.has_print) {
        memcpy(key.print, failure->fingerprint, sizeof key.print);
    }
    put_address(key.address, failure->address, sizeof failure->address);
    return key;
}

void incidents_note_failure(struct incidents *incidents, const struct letter_failed *failure)
{
    enum incident_cause cause = cause_of_end((enum session_end)failure->end);
    if (cause == INCIDENT_CAUSES) {
        return;
    }
    const struct claim_key key = key_of(failure, cause);
    int64_t now = clock_now_ms();
    struct tally *tally = NULL;
    if (failure->has_id && (lru_count(incidents->claims) < INCIDENTS_LOOKUPS_MAX ||
                            lru_find(incidents->claims, &key))) {
        tally = lru_put(incidents->claims, &key);
    }
    if (!tally) {
        const struct tally once = {.count = 1, .first_ms = now, .last_ms = now, .stage = key.stage};
        window_count(incidents, cause, key.address, NULL, &once);
        return;
    }
    tally->first_ms = tally->count == 0 ? now : tally->first_ms;
    tally->last_ms = now;
    tally->stage = key.stage;
    tally->count++;
    start_looking(incidents);
}
