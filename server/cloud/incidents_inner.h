/* incidents_inner.h - what the parts of incidents share. Inside cloud/.
 *
 *   incidents.c         what is noted becomes records; storing them
 *   incidents_book.c    the records in memory: found by what they repeat, bounded, in order of seq
 *   incidents_window.c  what has no device, counted by address until it may be told
 *   incidents_claims.c  failures of those who claim to be a device: looked up, then noted
 *   incidents_list.c    who may see what */
#ifndef CYAN_SERVER_CLOUD_INCIDENTS_INNER_H
#define CYAN_SERVER_CLOUD_INCIDENTS_INNER_H

#include <uv.h>

#include "server/cloud/incidents.h"
#include "server/cloud/jobs.h"
#include "server/cloud/lru.h"
#include "server/net/table.h"

enum { KEY_HAS_DEVICE = 1, KEY_HAS_PRESENTED = 2 };

/* What a repeat has in common; zeroes fill it, so that it is compared as bytes. */
struct incident_key {
    uint8_t device[CYAN_ID_LEN];
    uint8_t presented[CYAN_SHA256_LEN];
    char address[STORE_ADDRESS_MAX + 1];
    uint8_t cause;
    uint8_t has; /* KEY_HAS_... */
};

struct incident {
    struct table_node node; /* first: by key, while it may be repeated */
    struct incident_key key;
    bool is_open;                   /* in the table */
    bool is_dirty;                  /* not stored as it is */
    bool is_stored;                 /* some row of this id may be */
    bool is_new;                    /* its first line of the log is not written */
    int64_t logged_count;           /* what the log said last */
    struct incident *older, *newer; /* by seq */
    struct store_incident row;
};

struct book {
    struct table open;
    struct incident *oldest, *newest;
    size_t count, ownerless;
    int64_t last_id, last_seq;
    int64_t *removed; /* ids whose rows are to go */
    size_t removed_count, removed_cap;
};

void book_init(struct book *book, uint64_t seed);
void book_done(struct book *book);
/* A row of the store, by rising seq. CYAN_E_NO_MEMORY. */
int book_load(struct book *book, const struct store_incident *row);
/* The record that a note of now repeats, NULL: none. */
struct incident *book_find(struct book *book, const struct incident_key *key, int64_t now_ms);
/* A new one; makes room. NULL without memory. */
struct incident *book_add(struct book *book, const struct incident_key *key, uint32_t owner);
/* It changed: it is the newest now. */
void book_touch(struct book *book, struct incident *incident);
void book_set_owner(struct book *book, struct incident *incident, uint32_t owner);

/* One cause at one address within a window. */
struct tally {
    int64_t count;
    int64_t first_ms, last_ms;
    uint8_t stage;
};

struct tallies {
    struct tally of[INCIDENT_CAUSES];
    bool has_claimed;
    uint8_t claimed[CYAN_ID_LEN]; /* of the last unknown device */
};

struct window {
    struct lru *addresses; /* text of an address: struct tallies */
    struct tallies rest;   /* of further addresses */
};

/* Failures of one claim that wait for the store; zeroes fill it. */
struct claim_key {
    uint8_t id[CYAN_ID_LEN];
    uint8_t print[CYAN_SHA256_LEN]; /* of the key that was answered */
    char address[STORE_ADDRESS_MAX + 1];
    uint8_t cause;
    uint8_t stage;
    bool has_print;
    bool was_live;
};

int window_init(struct window *window, uint64_t seed);
void window_done(struct window *window);

struct incidents {
    struct jobs *jobs;
    struct presence *presence;
    struct outbox *outbox;
    uint64_t seed; /* of tables */
    struct book book;
    struct window windows[2]; /* the one that counts, and the one that waits */
    unsigned counting;        /* which */
    struct lru *claims;       /* struct claim_key: struct tally */
    bool is_looking_up;
    unsigned lines;     /* of the log since the last flush */
    int64_t more_lines; /* that were not written */
    uv_timer_t timer;   /* every window */
    bool is_timer_open;
};

/* Several at once; first and last as they happened. */
void incidents_add(struct incidents *incidents, const struct incident_note *note,
                   const struct tally *tally);
/* Into the window that counts. claimed: NULL when no id was. */
void window_count(struct incidents *incidents, enum incident_cause cause, const char *address,
                  const uint8_t *claimed, const struct tally *tally);
/* The window that waited is told, the one that counted waits. */
void windows_turn(struct incidents *incidents);

#endif
