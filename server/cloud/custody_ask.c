/* What custody asks sessions: whether the old one still lives, and what a new one is. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "server/cloud/calls.h"
#include "server/cloud/cloud.h"
#include "server/cloud/custody_inner.h"
#include "server/cloud/outbox.h"
#include "server/cloud/presence.h"
#include "server/net/log.h"

/* --- who is the clone: the one that answers, or the one that waits --- */

struct clone_ping {
    struct cloud *cloud;
    uint8_t id[CYAN_ID_LEN];
    int64_t started_ms;
};

static void tell_clone(struct custody *custody, const struct held *h)
{
    const struct online *online = presence_find(custody->cloud->presence, h->c.id);
    const struct incident_note incident = {
        .cause = CAUSE_CLONE,
        .device = h->c.id,
        .owner = h->owner,
        .address = h->c.address,
        .presented = h->c.fingerprint,
        .trusted = online ? online->fingerprint : NULL,
        .proven = true,
    };
    struct outbox_event event = {.name = "cyan/key/clone",
                                 .owner = h->owner,
                                 .old_print = online ? online->fingerprint : NULL,
                                 .new_print = h->c.fingerprint,
                                 .cause = "clone",
                                 .at_ms = clock_now_ms()};
    memcpy(event.device, h->c.id, sizeof event.device);
    incidents_note(custody->cloud->incidents, &incident);
    outbox_tell(custody->cloud->outbox, &event);
}

/* Silence is no alarm: the old session ends by its idle limit. */
static void on_clone_pong(void *arg, const struct call_reply *reply)
{
    enum { ANSWER_MS = 10000 };
    struct clone_ping *ping = arg;
    struct custody *custody = ping->cloud->custody;
    struct clone_check *check = lru_find(custody->clones, ping->id);
    bool counts = check && check->is_open && check->started_ms == ping->started_ms &&
                  reply->status == 0 && clock_now_ms() - ping->started_ms <= ANSWER_MS;
    if (check) {
        check->is_open = false;
    }
    struct held *h = counts ? held_of(&custody->held, ping->id, NULL, NULL) : NULL;
    if (h) {
        check->is_clone = true;
        tell_clone(custody, h);
    }
    for (; h; h = held_of(&custody->held, ping->id, NULL, h)) {
        h->c.is_clone = true;
    }
    free(ping);
}

void custody_start_clone_check(struct custody *custody, const struct held *h)
{
    struct cloud *cloud = custody->cloud;
    int64_t now = clock_now_ms();
    if (!h->known || !presence_find(cloud->presence, h->c.id)) {
        return;
    }
    struct clone_check *check = lru_put(custody->clones, h->c.id);
    if (!check || (check->started_ms != 0 && now - check->started_ms < CUSTODY_CLONE_MS)) {
        return;
    }
    struct clone_ping *ping = malloc(sizeof *ping);
    if (!ping) {
        return;
    }
    *check = (struct clone_check){.started_ms = now, .is_open = true};
    *ping = (struct clone_ping){.cloud = cloud, .started_ms = now};
    memcpy(ping->id, h->c.id, sizeof ping->id);
    struct call call = {.kind = CALL_PING};
    memcpy(call.device, h->c.id, sizeof call.device);
    calls_start(cloud, &call, on_clone_pong, ping);
}

void custody_end_clone_check(struct custody *custody, const uint8_t id[static CYAN_ID_LEN])
{
    struct clone_check *check = lru_find(custody->clones, id);
    if (check) {
        check->is_open = check->is_clone = false;
    }
}

/* --- what a session is: the hash of its user module --- */

struct asking {
    struct cloud *cloud;
    uint8_t id[CYAN_ID_LEN];
    uint64_t held;
};

struct module_job {
    struct job job;
    uint8_t id[CYAN_ID_LEN];
    uint8_t hash[CYAN_SHA256_LEN];
};

static int module_in_store(struct job *job, const struct store *store)
{
    struct module_job *m = (struct module_job *)job;
    return store->device_module(store->ctx, m->id, m->hash);
}

static void module_stored(struct job *job, int status)
{
    if (status != 0 && status != CYAN_E_NOT_FOUND) {
        log_write(LOG_WARN, "what a device runs could not be stored", "cause",
                  cyan_err_text(status), NULL);
    }
    free(job);
}

/* The hash of the user part among a description's modules. */
static bool module_hash(const uint8_t *text, size_t len, uint8_t out[static CYAN_SHA256_LEN])
{
    json_t *root = json_loadb((const char *)text, len, 0, NULL);
    size_t i;
    json_t *module;
    bool found = false;
    json_array_foreach(json_object_get(root, "m"), i, module)
    {
        const char *kind = json_string_value(json_object_get(module, "f"));
        const char *hash = json_string_value(json_object_get(module, "u"));
        if (!found && kind && hash && strcmp(kind, "u") == 0) {
            found = cyan_hex_decode(hash, strlen(hash), out, CYAN_SHA256_LEN) == 0;
        }
    }
    json_decref(root);
    return found;
}

static void keep_module(struct asking *asking, const uint8_t *hash, bool found)
{
    struct custody *custody = asking->cloud->custody;
    struct held *h = asking->held != 0 ? held_find(&custody->held, asking->held) : NULL;
    if (h) {
        h->c.is_described = true;
        h->c.has_module = found;
        memcpy(h->c.module, hash, sizeof h->c.module);
        custody_review_held(custody, h);
    } else if (asking->held == 0 && found) {
        struct module_job *m = calloc(1, sizeof *m);
        if (m) {
            m->job = (struct job){.run = module_in_store, .done = module_stored};
            memcpy(m->id, asking->id, sizeof m->id);
            memcpy(m->hash, hash, sizeof m->hash);
            jobs_store(asking->cloud->jobs, &m->job);
        }
    }
}

static void on_description(void *arg, const struct call_reply *reply)
{
    struct asking *asking = arg;
    uint8_t hash[CYAN_SHA256_LEN] = {0};
    if (reply->status == 0) {
        bool found = module_hash(reply->description, reply->description_len, hash);
        keep_module(asking, hash, found);
    }
    free(asking);
}

void custody_ask_module(struct custody *custody, const uint8_t id[static CYAN_ID_LEN],
                        uint32_t shard, uint64_t held)
{
    struct asking *asking = malloc(sizeof *asking);
    if (!asking) {
        return;
    }
    *asking = (struct asking){.cloud = custody->cloud, .held = held};
    memcpy(asking->id, id, sizeof asking->id);
    struct call call = {.kind = CALL_DESCRIBE, .held = held, .shard = shard};
    memcpy(call.device, id, sizeof call.device);
    calls_start(custody->cloud, &call, on_description, asking);
}
