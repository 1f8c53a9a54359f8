/* Held sessions while they last: what makes them full, what ends them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/cloud/cloud.h"
#include "server/cloud/custody_inner.h"
#include "server/cloud/link.h"
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
        custody_drop_held(custody, c->id, outcome->displaced, SESSION_END_DISPLACED);
    }
    if (!examined->known && examined->ruling.effect == EFFECT_PEND) {
        strangers_note(custody->strangers, &outcome->key);
    }
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
        custody_review_held(custody, h);
    }
    free(r);
}

void custody_review_held(struct custody *custody, struct held *h)
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

void custody_review_held_of(struct custody *custody, const uint8_t *id)
{
    for (struct held *h = held_of(&custody->held, id, NULL, NULL), *next; h; h = next) {
        next = held_of(&custody->held, id, NULL, h);
        custody_review_held(custody, h);
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
    custody_review_held_of(custody, checking->id);
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
            custody_review_held(custody, h);
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
            custody_review_held(custody, h);
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
    custody_start_clone_check(custody, h);
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
