/* custody_inner.h - what custody.c (judgement, proof), custody_live.c (held sessions, reviews),
 * custody_ask.c (clones, modules) and custody_people.c (orders, views) share. Inside cloud/. */
#ifndef CYAN_SERVER_CLOUD_CUSTODY_INNER_H
#define CYAN_SERVER_CLOUD_CUSTODY_INNER_H

#include <uv.h>

#include "server/cloud/causes.h"
#include "server/cloud/custody.h"
#include "server/cloud/held.h"
#include "server/cloud/incidents.h"
#include "server/cloud/jobs.h"
#include "server/cloud/lru.h"

enum { CUSTODY_TICK_MS = 1000, CUSTODY_REVIEW_MS = 3600000, CUSTODY_CLONE_MS = 600000 };

struct custody {
    struct cloud *cloud;
    enum custody_unknown unknown;
    bool wants_modules;
    int64_t started_ms;
    struct held_list held;
    struct lru *strangers;
    struct lru *tries;  /* id: uint32_t, whose turn it is when the device sends no key */
    struct lru *clones; /* id: struct clone_check */
    struct lru *checks; /* account: struct key_checks */
    uv_timer_t tick;    /* runs while somebody is held */
};

/* Checks of keys by an account in a minute. */
struct key_checks {
    int64_t since_ms;
    unsigned count;
};

/* When an id's full session was last pinged, and whether that ping still counts. */
struct clone_check {
    int64_t started_ms;
    bool is_open;
    bool is_clone; /* the full session answered; nothing of this id is healed for a while */
};

/* What an examination of a case came to. */
struct examined {
    struct custody_ruling ruling;
    unsigned familiar;
    bool is_retired; /* the presented key was trusted before */
    bool known;
    uint32_t owner;
    enum policy_value base;
    bool has_trusted;
    uint8_t trusted[CYAN_SHA256_LEN]; /* before the change */
    size_t pending_count;             /* of the id, after the change */
    int64_t absent_from;
    bool was_pending; /* the presented key was so before */
    bool has_target;
    uint8_t target[CYAN_DEVICE_SPKI_LEN];
    uint8_t target_print[CYAN_SHA256_LEN];
    char firmware[STORE_DEVICE_NAME_MAX + 1];
    struct custody_outcome outcome;
};

/* A job that reads the dossier of a case, rules, and, when it is a proof, applies the effect. */
struct examination {
    struct job job;
    struct custody *custody;
    struct custody_case c;
    bool is_proof;
    uint64_t random;
    struct examined examined;
};

/* Fills in the job; its done is the caller's. Fills what the hub's memory knows into the case. */
void custody_examine(struct custody *custody, struct examination *examination,
                     void (*done)(struct job *job, int status));

/* The events of a committed change, and the reviews that follow when a key became trusted. */
void custody_send(struct custody *custody, const struct custody_outcome *outcome);

/* Whether the effect makes another key trusted. */
bool custody_is_change(enum custody_effect effect);

/* custody_live.c: a session has been proven and is held; whoever made room is closed. False: there
 * is no room, or no memory. */
bool custody_hold(struct custody *custody, uint32_t shard, uint64_t serial,
                  const struct examination *examination);
/* Closes the held session with a key and forgets it at once, so that no review finds it again. */
void custody_drop_held(struct custody *custody, const uint8_t id[static CYAN_ID_LEN],
                       const uint8_t fingerprint[static CYAN_SHA256_LEN], enum session_end why);
/* What follows from a proof or a review that has been committed, whatever became of the session: a
 * pending key that had to make room loses its session, and an id that nobody knows is kept. */
void custody_note_examined(struct custody *custody, const struct custody_case *c,
                           const struct examined *examined);
/* The session has been told that it is held: from now on it can be asked things. */
void custody_begin_held(struct custody *custody, uint64_t serial, const struct examined *examined);
/* Judges one again, or all of an id. */
void custody_review_held(struct custody *custody, struct held *h);
void custody_review_held_of(struct custody *custody, const uint8_t *id);

/* custody_ask.c: pings the full session of an id that has just been held, if it may be a clone. */
void custody_start_clone_check(struct custody *custody, const struct held *h);
/* The check for a clone of an id ends: somebody has decided. */
void custody_end_clone_check(struct custody *custody, const uint8_t id[static CYAN_ID_LEN]);
/* Asks a session what it is: the module's hash. held: its serial, 0: the full one. */
void custody_ask_module(struct custody *custody, const uint8_t id[static CYAN_ID_LEN],
                        uint32_t shard, uint64_t held);

#endif
