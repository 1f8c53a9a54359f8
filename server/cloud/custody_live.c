/* Held sessions while they last: what makes them full, what ends them, who is a clone. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "server/cloud/calls.h"
#include "server/cloud/cloud.h"
#include "server/cloud/custody_inner.h"
#include "server/cloud/link.h"
#include "server/cloud/outbox.h"
#include "server/cloud/presence.h"
#include "server/cloud/strangers.h"
#include "server/net/log.h"

static void close_held(struct custody *custody, const struct held *h, enum session_end why)
{
    link_close_session(custody->cloud->link, h->shard, h->serial, why);
}

static void drop(struct custody *custody, struct held *h)
{
    presence_release(custody->cloud->presence, h->c.id);
    held_remove(&custody->held, h);
    if (!custody->held.first) {
        uv_timer_stop(&custody->tick);
    }
}

void custody_drop_held(struct custody *custody, const uint8_t id[static CYAN_ID_LEN],
                       const uint8_t fingerprint[static CYAN_SHA256_LEN], enum session_end why)
{
    struct held *h = held_of(&custody->held, id, fingerprint, NULL);
    if (h) {
        close_held(custody, h, why);
        drop(custody, h);
    }
}

void custody_note_examined(struct custody *custody, const struct custody_case *c,
                           const struct examined *examined)
{
    const struct custody_outcome *outcome = &examined->outcome;
    if (outcome->has_displaced) {
        custody_drop_held(custody, c->id, outcome->displaced, SESSION_END_FLOOD);
    }
    if (!examined->known && examined->ruling.effect == EFFECT_PEND) {
        strangers_note(custody->strangers, &outcome->key);
    }
}

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

static void start_clone_check(struct custody *custody, const struct held *h)
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

static void review(struct custody *custody, struct held *h);

static void keep_module(struct asking *asking, const uint8_t *hash, bool found)
{
    struct custody *custody = asking->cloud->custody;
    struct held *h = asking->held != 0 ? held_find(&custody->held, asking->held) : NULL;
    if (h) {
        h->c.is_described = true;
        h->c.has_module = found;
        memcpy(h->c.module, hash, sizeof h->c.module);
        review(custody, h);
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

/* --- judged again --- */

struct reviewing {
    struct examination examination; /* first */
    uint64_t serial;
};

/* The events of what was stored, and the reviews of the id's other sessions. */
static void follow(struct custody *custody, const uint8_t *id, const struct examined *out)
{
    custody_send(custody, &out->outcome);
    if (custody_is_change(out->ruling.effect)) {
        custody_end_clone_check(custody, id);
        lru_remove(custody->strangers, id);
        custody_review(custody->cloud, id);
    }
}

static void promote(struct custody *custody, struct held *h, const struct examined *out)
{
    uint8_t id[CYAN_ID_LEN];
    memcpy(id, h->c.id, sizeof id);
    custody_end_clone_check(custody, id);
    lru_remove(custody->strangers, id);
    link_promote(custody->cloud->link, h->shard, h->serial, id, out->owner, h->c.fingerprint);
    if (h->reset[0] != '\0') {
        registry_reset(custody->cloud->registry, id, h->reset);
    }
    drop(custody, h);
    follow(custody, id, out);
}

static void stay_held(struct custody *custody, struct held *h, const struct examined *out)
{
    h->owner = out->owner;
    h->review_ms = clock_now_ms() + CUSTODY_REVIEW_MS;
    if (out->absent_from != 0 && out->absent_from < h->review_ms) {
        h->review_ms = out->absent_from;
    }
    if (out->base == POLICY_HEAL && !h->described) {
        h->described = true;
        custody_ask_module(custody, h->c.id, h->shard, h->serial);
    }
}

static void on_reviewed(struct job *job, int status)
{
    struct reviewing *r = (struct reviewing *)job;
    struct custody *custody = r->examination.custody;
    const struct examined *out = &r->examination.examined;
    if (status == 0) {
        custody_note_examined(custody, &r->examination.c, out);
    }
    struct held *h = held_find(&custody->held, r->serial);
    if (!h) {
        /* It ended meanwhile; what its review changed is stored all the same. */
        if (status == 0) {
            follow(custody, r->examination.c.id, out);
        }
        free(r);
        return;
    }
    h->in_review = false;
    if (status != 0) {
        /* A full disk, say: it stays as it is, and is judged again later. */
        log_write(LOG_ERROR, "a held session could not be judged", "cause", cyan_err_text(status),
                  NULL);
        h->review_ms = clock_now_ms() + CUSTODY_TICK_MS * 10;
    } else if (out->ruling.verdict == SESSION_FULL) {
        promote(custody, h, out);
        h = NULL;
    } else if (out->ruling.verdict == SESSION_REFUSE) {
        close_held(custody, h, SESSION_END_KEY_CHANGED);
    } else {
        stay_held(custody, h, out);
    }
    if (h && h->again) {
        h->again = false;
        review(custody, h);
    }
    free(r);
}

static void review(struct custody *custody, struct held *h)
{
    if (h->in_review) {
        h->again = true;
        return;
    }
    struct reviewing *r = calloc(1, sizeof *r);
    if (!r) {
        h->review_ms = clock_now_ms() + CUSTODY_TICK_MS;
        return;
    }
    h->in_review = true;
    h->review_ms = 0;
    r->serial = h->serial;
    r->examination.c = h->c;
    r->examination.is_proof = true;
    custody_examine(custody, &r->examination, on_reviewed);
}

static void review_all_of(struct custody *custody, const uint8_t *id)
{
    for (struct held *h = held_of(&custody->held, id, NULL, NULL), *next; h; h = next) {
        next = held_of(&custody->held, id, NULL, h);
        review(custody, h);
    }
}

/* Whether the full session of an id still has the trusted key. */
struct checking {
    struct job job;
    struct cloud *cloud;
    uint8_t id[CYAN_ID_LEN];
    bool known, has_trusted;
    uint8_t trusted[CYAN_SHA256_LEN];
};

static int check_in_store(struct job *job, const struct store *store)
{
    struct checking *checking = (struct checking *)job;
    struct store_device device;
    struct store_key key;
    int status = store->device_get(store->ctx, checking->id, &device);
    checking->known = status == 0;
    if (status != 0 && status != CYAN_E_NOT_FOUND) {
        return status;
    }
    status = store->key_trusted(store->ctx, checking->id, &key);
    checking->has_trusted = status == 0;
    if (status == 0) {
        memcpy(checking->trusted, key.fingerprint, sizeof checking->trusted);
    }
    return status == CYAN_E_NOT_FOUND ? 0 : status;
}

static void on_checked(struct job *job, int status)
{
    struct checking *checking = (struct checking *)job;
    struct custody *custody = checking->cloud->custody;
    const struct online *online = presence_find(checking->cloud->presence, checking->id);
    if (status == 0 && online &&
        !(checking->has_trusted &&
          memcmp(online->fingerprint, checking->trusted, CYAN_SHA256_LEN) == 0)) {
        link_close_session(checking->cloud->link, online->shard, online->session,
                           SESSION_END_KEY_CHANGED);
    }
    if (status == 0 && checking->known) {
        lru_remove(custody->strangers, checking->id); /* from now on its keys are in the store */
    }
    review_all_of(custody, checking->id);
    free(checking);
}

void custody_review(struct cloud *cloud, const uint8_t id[static CYAN_ID_LEN])
{
    struct checking *checking = calloc(1, sizeof *checking);
    if (!checking) {
        return; /* held ones are judged again by the tick; a full one at its next connect */
    }
    checking->job = (struct job){.run = check_in_store, .done = on_checked};
    checking->cloud = cloud;
    memcpy(checking->id, id, sizeof checking->id);
    jobs_store(cloud->jobs, &checking->job);
}

void custody_review_account(struct cloud *cloud, uint32_t account)
{
    struct custody *custody = cloud->custody;
    for (struct held *h = custody->held.first, *next; h; h = next) {
        next = h->next;
        if (account == 0 || h->owner == account) {
            review(custody, h);
        }
    }
}

void custody_expel(struct cloud *cloud, const uint8_t id[static CYAN_ID_LEN])
{
    struct custody *custody = cloud->custody;
    for (struct held *h = held_of(&custody->held, id, NULL, NULL); h;
         h = held_of(&custody->held, id, NULL, h)) {
        close_held(custody, h, SESSION_END_KEY_CHANGED);
    }
}

/* --- begin and end --- */

static void on_tick(uv_timer_t *timer)
{
    struct custody *custody = timer->data;
    int64_t now = clock_now_ms();
    for (struct held *h = custody->held.first, *next; h; h = next) {
        next = h->next;
        if (h->review_ms != 0 && h->review_ms <= now) {
            review(custody, h);
        }
    }
}

bool custody_hold(struct custody *custody, uint32_t shard, uint64_t serial,
                  const struct examination *examination)
{
    struct held *evicted[2];
    struct presence *presence = custody->cloud->presence;
    struct held *h = calloc(1, sizeof *h);
    if (!h) {
        return false;
    }
    h->serial = serial;
    h->shard = shard;
    h->c = examination->c;
    h->known = examination->examined.known;
    h->owner = examination->examined.owner;
    h->since_ms = clock_now_ms();
    if (presence_hold(presence, h->c.id) < 0) {
        free(h);
        return false;
    }
    if (held_add(&custody->held, h, presence_count(presence), evicted) < 0) {
        presence_release(presence, h->c.id);
        free(h);
        return false;
    }
    for (size_t i = 0; i < 2 && evicted[i]; i++) {
        close_held(custody, evicted[i], SESSION_END_DISPLACED);
        drop(custody, evicted[i]);
    }
    uv_timer_start(&custody->tick, on_tick, CUSTODY_TICK_MS, CUSTODY_TICK_MS);
    start_clone_check(custody, h);
    return true;
}

void custody_begin_held(struct custody *custody, uint64_t serial, const struct examined *examined)
{
    struct held *h = held_find(&custody->held, serial);
    if (h) {
        stay_held(custody, h, examined);
    }
}

void custody_gone(struct cloud *cloud, const uint8_t id[static CYAN_ID_LEN], uint64_t serial)
{
    struct custody *custody = cloud->custody;
    struct held *h = held_find(&custody->held, serial);
    if (h) {
        drop(custody, h);
    } else if (!presence_find(cloud->presence, id) && presence_is_held(cloud->presence, id)) {
        custody_review(cloud, id);
    }
}

void custody_reset_reason(struct cloud *cloud, uint64_t serial,
                          const uint8_t id[static CYAN_ID_LEN], const char *reason)
{
    struct held *h = held_find(&cloud->custody->held, serial);
    if (h) {
        incidents_annotate(cloud->incidents, id, h->c.fingerprint, reason);
        (void)snprintf(h->reset, sizeof h->reset, "%s", reason);
    } else if (serial == 0) {
        /* What one said that was held, and is gone, is nobody's word. */
        incidents_annotate(cloud->incidents, id, NULL, reason);
        registry_reset(cloud->registry, id, reason);
    }
}

const struct held *custody_held(struct cloud *cloud, const uint8_t id[static CYAN_ID_LEN],
                                const uint8_t *fingerprint)
{
    return held_of(&cloud->custody->held, id, fingerprint, NULL);
}

const struct held *custody_held_by_serial(struct cloud *cloud, uint64_t serial)
{
    return held_find(&cloud->custody->held, serial);
}
