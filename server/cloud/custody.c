#include "server/cloud/custody.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "server/cloud/cloud.h"
#include "server/cloud/custody_inner.h"
#include "server/cloud/link.h"
#include "server/cloud/outbox.h"
#include "server/cloud/presence.h"
#include "server/cloud/strangers.h"
#include "server/net/log.h"

enum { TRIES_MAX = 4096, CLONES_MAX = 4096, CHECKS_MAX = 1024 };

static const char pending_words[] = "held: the LED breathes cyan, but the device is not trusted";

bool custody_is_change(enum custody_effect effect)
{
    return effect == EFFECT_TRUST || effect == EFFECT_ADOPT || effect == EFFECT_ENROLL ||
           effect == EFFECT_HEAL || effect == EFFECT_RETURN;
}

static void keep_target(const struct dossier *d, const struct custody_case *c, struct examined *out)
{
    struct dossier_target target = dossier_target(d, c);
    out->has_target = target.spki != NULL;
    if (target.spki) {
        memcpy(out->target, target.spki, sizeof out->target);
        memcpy(out->target_print, target.fingerprint, sizeof out->target_print);
    }
}

static void keep_facts(const struct dossier *d, const struct custody_case *c, struct examined *out)
{
    out->known = d->known;
    out->owner = d->known ? d->device.owner : 0;
    out->base = d->choice.base;
    out->has_trusted = d->has_trusted;
    memcpy(out->trusted, d->trusted.fingerprint, sizeof out->trusted);
    out->pending_count = d->pending_count;
    out->was_pending = d->has_presented && d->presented.state == STORE_KEY_PENDING;
    out->absent_from = dossier_absent_from(d, c);
    incident_firmware(&d->device, out->firmware);
}

/* The platform of the first proven Hello stays that of the device. */
static bool is_other_platform(const struct dossier *d, const struct custody_case *c)
{
    return d->known && d->device.has_hello && d->device.platform_id != c->hello.platform_id;
}

static int apply(struct examination *examination, const struct store *store,
                 const struct dossier *d)
{
    struct examined *out = &examination->examined;
    const struct custody_case *c = &examination->c;
    const struct custody_change change = {
        .store = store, .now_ms = c->now_ms, .random = examination->random};
    int status = custody_apply_proof(&change, c, d, out->ruling.effect, &out->outcome);
    if (status == 0) {
        out->owner = out->outcome.owner;
        out->pending_count +=
            out->ruling.effect == EFFECT_PEND && !out->was_pending && !out->outcome.has_displaced;
    }
    return status;
}

/* A device that sent no key of its own has proven one that was stored. CYAN_E_NOT_FOUND: it is so
 * no longer, and nobody has its other half to store it anew. */
static int find_chosen(struct custody_case *c, const struct dossier *d)
{
    if (!c->is_chosen) {
        return 0;
    }
    if (!d->has_presented && !d->has_binding) {
        return CYAN_E_NOT_FOUND;
    }
    memcpy(c->spki, d->has_presented ? d->presented.spki : d->binding.spki, sizeof c->spki);
    c->is_chosen = false;
    return 0;
}

/* On the worker. */
static int examine_in_store(struct job *job, const struct store *store)
{
    struct examination *examination = (struct examination *)job;
    struct examined *out = &examination->examined;
    struct custody_facts facts;
    struct dossier d;
    memset(out, 0, sizeof *out);
    int status = dossier_read(store, &examination->c, &d);
    if (status == 0) {
        status = find_chosen(&examination->c, &d);
    }
    if (status != 0) {
        return status;
    }
    dossier_facts(&d, &examination->c, &facts, &out->familiar);
    custody_rule(&facts, &out->ruling);
    out->is_retired = facts.presented == PRESENTED_RETIRED;
    keep_facts(&d, &examination->c, out);
    keep_target(&d, &examination->c, out);
    if (!examination->is_proof || out->ruling.verdict == SESSION_REFUSE) {
        return 0;
    }
    return is_other_platform(&d, &examination->c) ? CYAN_E_INVALID : apply(examination, store, &d);
}

/* What only the hub's memory knows of an id. */
static void fill_in(struct custody *custody, struct custody_case *c)
{
    struct cloud *cloud = custody->cloud;
    const struct online *online = presence_find(cloud->presence, c->id);
    const uint32_t *turn = lru_find(custody->tries, c->id);
    const struct clone_check *check = lru_find(custody->clones, c->id);
    const struct store_key *stranger =
        c->has_key ? strangers_key(custody->strangers, c->id, c->fingerprint, c->now_ms) : NULL;
    c->unknown = custody->unknown;
    c->wants_policy = custody->wants_modules;
    c->is_online = online != NULL;
    c->heard_ms = online ? online->last_heard_ms : registry_heard_ms(cloud->registry, c->id);
    c->listening_ms = custody->started_ms;
    c->turn = turn ? *turn : 0;
    c->is_clone = c->is_clone ||
                  (check && check->is_clone && c->now_ms - check->started_ms < CUSTODY_CLONE_MS);
    c->was_denied = stranger && stranger->state == STORE_KEY_DENIED;
    c->live_count = 0;
    for (const struct held *h = held_of(&custody->held, c->id, NULL, NULL);
         h && c->live_count < DOSSIER_LIVE_MAX; h = held_of(&custody->held, c->id, NULL, h)) {
        memcpy(c->live[c->live_count++], h->c.fingerprint, CYAN_SHA256_LEN);
    }
}

void custody_examine(struct custody *custody, struct examination *examination,
                     void (*done)(struct job *job, int status))
{
    const struct cyan_crypto *crypto = custody->cloud->crypto;
    examination->job = (struct job){.run = examine_in_store, .done = done};
    examination->custody = custody;
    examination->c.now_ms = clock_now_ms();
    fill_in(custody, &examination->c);
    if (examination->is_proof && crypto->random(crypto->ctx, (uint8_t *)&examination->random,
                                                sizeof examination->random) < 0) {
        jobs_later(custody->cloud->jobs, &examination->job, CYAN_E_RANDOM);
        return;
    }
    jobs_store(custody->cloud->jobs, &examination->job);
}

void custody_send(struct custody *custody, const struct custody_outcome *outcome)
{
    for (size_t i = 0; i < outcome->event_count; i++) {
        outbox_send(custody->cloud->outbox, &outcome->events[i]);
    }
}

/* What an incident adds to its cause. NULL: nothing. */
static const char *note_of(const struct examined *out, char words[static STORE_DEVICE_NAME_MAX + 1])
{
    static const char *const names[] = {"absent", "firmware", "module", "address"};
    if (out->is_retired) {
        return INCIDENT_NOTE_RETIRED;
    }
    if (out->base != POLICY_HEAL || !out->known) {
        return NULL;
    }
    int len = snprintf(words, STORE_DEVICE_NAME_MAX + 1, "familiar in:");
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        if ((out->familiar & (1U << i)) != 0) {
            len +=
                snprintf(words + len, (size_t)(STORE_DEVICE_NAME_MAX + 1 - len), " %s", names[i]);
        }
    }
    return out->familiar != 0 ? words : "familiar in nothing";
}

/* An incident, and the event that tells the owner of it, if there is one. */
static void note(struct custody *custody, const struct examination *examination,
                 const struct examined *out, enum incident_cause cause, const char *event,
                 const char *words)
{
    const struct custody_case *c = &examination->c;
    char words_of_it[STORE_DEVICE_NAME_MAX + 1];
    const struct incident_note incident = {
        .cause = cause,
        .stage = examination->is_proof ? STAGE_HELLO : STAGE_JUDGEMENT,
        /* Ids that nobody knows are free to invent: they are counted by address. */
        .device = out->known ? c->id : NULL,
        .claimed = c->id,
        .note = note_of(out, words_of_it),
        .owner = out->owner,
        .address = c->address,
        .presented = c->has_key ? c->fingerprint : NULL,
        .trusted = out->has_trusted ? out->trusted : NULL,
        .proven = examination->is_proof,
        .firmware = out->firmware,
    };
    incidents_note(custody->cloud->incidents, &incident);
    if (event && out->known) {
        struct outbox_event tell = {.name = event,
                                    .owner = out->owner,
                                    .old_print = out->has_trusted ? out->trusted : NULL,
                                    .new_print = c->has_key ? c->fingerprint : NULL,
                                    .cause = words,
                                    .at_ms = c->now_ms};
        memcpy(tell.device, c->id, sizeof tell.device);
        outbox_tell(custody->cloud->outbox, &tell);
    }
}

/* A judgement that waits for the store. */
struct judgement {
    struct examination examination; /* first */
    bool is_nobody;
    custody_judged_fn *done;
    void *arg;
};

static void on_judged(struct job *job, int status)
{
    struct judgement *j = (struct judgement *)job;
    struct custody *custody = j->examination.custody;
    const struct examined *out = &j->examination.examined;
    if (status == 0 && !j->is_nobody && out->ruling.verdict != SESSION_REFUSE && out->has_target) {
        j->done(j->arg, out->ruling.verdict, out->target + CYAN_DEVICE_SPKI_MODULUS,
                out->target_print);
        free(j);
        return;
    }
    if (status != 0) {
        log_write(LOG_ERROR, "a handshake could not be judged", "cause", cyan_err_text(status),
                  NULL);
    } else if (!j->is_nobody && out->ruling.is_incident) {
        bool mismatch = out->ruling.cause == CAUSE_KEY_MISMATCH;
        note(custody, &j->examination, out, out->ruling.cause,
             mismatch ? "cyan/key/mismatch" : "cyan/handshake/failed",
             cause_of(out->ruling.cause)->name);
    }
    j->done(j->arg, SESSION_REFUSE, NULL, NULL);
    free(j);
}

void custody_judge(struct cloud *cloud, bool is_nobody, const struct cyan_claim *claim,
                   const char *address, custody_judged_fn *done, void *arg)
{
    const struct cyan_crypto *crypto = cloud->crypto;
    struct judgement *j = calloc(1, sizeof *j);
    if (!j) {
        done(arg, SESSION_REFUSE, NULL, NULL);
        return;
    }
    struct custody_case *c = &j->examination.c;
    j->is_nobody = is_nobody;
    j->done = done;
    j->arg = arg;
    memcpy(c->id, claim->id, sizeof c->id);
    c->has_key = claim->has_key;
    memcpy(c->spki, claim->spki, sizeof c->spki);
    memcpy(c->address, address, strnlen(address, sizeof c->address - 1));
    if (crypto->sha256(crypto->ctx, c->spki, sizeof c->spki, c->fingerprint) < 0) {
        done(arg, SESSION_REFUSE, NULL, NULL);
        free(j);
        return;
    }
    c->is_malformed =
        claim->has_key && !is_nobody && cyan_device_spki_check(claim->spki, sizeof claim->spki) < 0;
    custody_examine(cloud->custody, &j->examination, on_judged);
}

/* A proof that waits for the commit. */
struct proof {
    struct examination examination; /* first */
    uint32_t shard;
    uint64_t serial;
    custody_admitted_fn *done;
    void *arg;
};

static void tell_held(struct custody *custody, const struct examination *examination)
{
    const struct examined *out = &examination->examined;
    bool clone = out->ruling.effect == EFFECT_CLONE;
    note(custody, examination, out, out->ruling.cause,
         clone ? "cyan/key/clone" : "cyan/key/pending", clone ? "clone" : pending_words);
    if (out->pending_count > 1) {
        note(custody, examination, out, CAUSE_CONTESTED, NULL, NULL);
    }
}

static void log_problem(const struct proof *proof, enum session_verdict verdict, int status)
{
    char id[CYAN_ID_TEXT];
    cyan_hex_encode(proof->examination.c.id, CYAN_ID_LEN, id);
    log_write(LOG_WARN, verdict == SESSION_REFUSE ? "proof not accepted" : "proof not stored",
              "device", id, "cause",
              status == CYAN_E_INVALID ? "another platform than before" : cyan_err_text(status),
              NULL);
}

/* The trusted key once more: all that could not be stored is when it was seen. A full disk must not
 * turn away what needs no room. */
static bool is_only_seen(const struct examined *out, int status)
{
    return out->ruling.effect == EFFECT_SEEN && (status == CYAN_E_FULL || status == CYAN_E_IO);
}

static void on_proven(struct job *job, int status)
{
    struct proof *proof = (struct proof *)job;
    struct custody *custody = proof->examination.custody;
    const struct custody_case *c = &proof->examination.c;
    const struct examined *out = &proof->examination.examined;
    enum session_verdict verdict =
        status == 0 || is_only_seen(out, status) ? out->ruling.verdict : SESSION_REFUSE;
    if (status != 0) {
        log_problem(proof, verdict, status);
    } else {
        custody_note_examined(custody, c, out);
    }
    if (verdict == SESSION_FULL) {
        /* What it held before it is trusted ends, as does every older session of a full one. */
        custody_drop_held(custody, c->id, c->fingerprint, SESSION_END_DISPLACED);
    }
    if (verdict == SESSION_HELD) {
        if (!custody_hold(custody, proof->shard, proof->serial, &proof->examination)) {
            verdict = SESSION_REFUSE;
        }
    }
    proof->done(proof->arg, verdict, out->owner, c->fingerprint);
    if (verdict == SESSION_HELD) {
        custody_begin_held(custody, proof->serial, out);
        tell_held(custody, &proof->examination);
    } else if (verdict == SESSION_FULL) {
        custody_send(custody, &out->outcome);
        lru_remove(custody->tries, c->id);
        if (custody_is_change(out->ruling.effect)) {
            custody_end_clone_check(custody, c->id);
            lru_remove(custody->strangers, c->id);
            custody_review(custody->cloud, c->id);
        }
        if (out->base == POLICY_HEAL) {
            custody_ask_module(custody, c->id, proof->shard, 0);
        }
    } else if (status == 0 && out->ruling.is_incident) {
        note(custody, &proof->examination, out, out->ruling.cause, "cyan/key/mismatch",
             cause_of(out->ruling.cause)->name);
    }
    free(proof);
}

void custody_proven(struct cloud *cloud, uint32_t shard, const struct letter_proven *letter,
                    custody_admitted_fn *done, void *arg)
{
    struct proof *proof = calloc(1, sizeof *proof);
    if (!proof) {
        done(arg, SESSION_REFUSE, 0, letter->fingerprint);
        return;
    }
    struct custody_case *c = &proof->examination.c;
    proof->shard = shard;
    proof->serial = letter->serial;
    proof->done = done;
    proof->arg = arg;
    proof->examination.is_proof = true;
    memcpy(c->id, letter->id, sizeof c->id);
    c->has_key = true; /* the one that was used is the one that is proven */
    c->is_chosen = !letter->claim.has_key;
    memcpy(c->spki, letter->claim.spki, sizeof c->spki);
    memcpy(c->fingerprint, letter->fingerprint, sizeof c->fingerprint);
    memcpy(c->address, letter->address, sizeof c->address);
    memcpy(c->server_key, cloud->server_prints[letter->server_key], sizeof c->server_key);
    memcpy(c->nonce, letter->nonce, sizeof c->nonce);
    c->hello = letter->hello;
    custody_examine(cloud->custody, &proof->examination, on_proven);
}

void custody_failed(struct cloud *cloud, const struct letter_failed *failure)
{
    struct custody *custody = cloud->custody;
    /* Some firmware first sends a frame that it enciphers with whatever it made of our answer. */
    bool dropped =
        failure->end == SESSION_END_DROPPED_OUR_KEY || failure->end == SESSION_END_BAD_HELLO;
    if (!dropped || !failure->has_id) {
        return;
    }
    uint32_t *turn = lru_put(custody->tries, failure->id);
    if (turn) {
        ++*turn;
    }
}

void custody_wants_modules(struct cloud *cloud)
{
    cloud->custody->wants_modules = true;
}

struct custody *custody_create(struct cloud *cloud, enum custody_unknown unknown)
{
    uint64_t seeds[5];
    struct custody *custody = calloc(1, sizeof *custody);
    if (!custody || cloud->crypto->random(cloud->crypto->ctx, (uint8_t *)seeds, sizeof seeds) < 0) {
        free(custody);
        return NULL;
    }
    custody->cloud = cloud;
    custody->unknown = unknown;
    custody->started_ms = clock_now_ms();
    held_init(&custody->held, seeds[0]);
    custody->strangers = strangers_create(seeds[1]);
    custody->tries = lru_create(TRIES_MAX, CYAN_ID_LEN, sizeof(uint32_t), seeds[2]);
    custody->clones = lru_create(CLONES_MAX, CYAN_ID_LEN, sizeof(struct clone_check), seeds[3]);
    custody->checks = lru_create(CHECKS_MAX, sizeof(uint32_t), sizeof(struct key_checks), seeds[4]);
    if (!custody->strangers || !custody->tries || !custody->clones || !custody->checks) {
        custody_destroy(custody);
        return NULL;
    }
    (void)uv_timer_init(cloud->loop, &custody->tick);
    uv_unref((uv_handle_t *)&custody->tick);
    custody->tick.data = custody;
    return custody;
}

void custody_stop(struct custody *custody)
{
    uv_close((uv_handle_t *)&custody->tick, NULL);
}

void custody_destroy(struct custody *custody)
{
    if (!custody) {
        return;
    }
    held_done(&custody->held);
    strangers_destroy(custody->strangers);
    lru_destroy(custody->tries);
    lru_destroy(custody->clones);
    lru_destroy(custody->checks);
    free(custody);
}
