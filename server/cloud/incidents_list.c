#include <stdlib.h>
#include <string.h>

#include "server/cloud/incidents_inner.h"
#include "server/cloud/presence.h"

enum { SEEN_AT_MAX = 1024 }; /* devices of one address that are looked through */

struct listing {
    struct job job;
    struct incidents *incidents;
    uint32_t account;
    bool is_operator;
    bool has_device;
    uint8_t device[CYAN_ID_LEN]; /* of the filter */
    struct incident_filter filter;
    struct incident_view *views;
    size_t count;
    incidents_fn *done;
    void *arg;
};

static bool is_about(const struct listing *listing, const uint8_t *id)
{
    return memcmp(listing->device, id, CYAN_ID_LEN) == 0;
}

/* Whether a record may be shown at all; what has no device is decided by its candidates, later. */
static bool may_show(const struct listing *listing, const struct store_incident *row)
{
    const struct incident_filter *f = &listing->filter;
    if (row->seq <= f->after_seq || row->last_ms < f->since_ms ||
        (f->cause != INCIDENT_CAUSES && strcmp(row->cause, cause_of(f->cause)->name) != 0)) {
        return false;
    }
    if (!row->has_device) {
        return true;
    }
    bool is_mine = row->owner == listing->account || (listing->is_operator && row->owner == 0);
    return is_mine && (!listing->has_device || is_about(listing, row->device));
}

static bool needs_candidate(const struct listing *listing, const struct store_incident *row)
{
    return !row->has_device && (!listing->is_operator || listing->has_device);
}

/* Takes records until so many are sure to be shown. Returns how many; views may be NULL. */
static size_t choose(const struct listing *listing, struct incident_view *views)
{
    size_t count = 0;
    size_t sure = 0;
    for (const struct incident *i = listing->incidents->book.oldest;
         i && sure < listing->filter.limit; i = i->newer) {
        if (may_show(listing, &i->row)) {
            sure += !needs_candidate(listing, &i->row);
            if (views) {
                views[count].row = i->row;
            }
            count++;
        }
    }
    return count;
}

struct search {
    const struct listing *listing;
    struct incident_view *view;
};

static int add_candidate(void *arg, const struct store_device *device)
{
    enum { ENOUGH = 1 };
    const struct search *search = arg;
    struct incident_view *view = search->view;
    if (device->owner != search->listing->account) {
        return 0;
    }
    memcpy(view->candidates[view->candidate_count++], device->id, CYAN_ID_LEN);
    return view->candidate_count == INCIDENT_CANDIDATES_MAX ? ENOUGH : 0;
}

static int find_candidates(struct listing *listing, const struct store *store, size_t at,
                           struct lru *known)
{
    struct incident_view *view = &listing->views[at];
    const size_t *same = lru_find(known, view->row.address);
    if (same) {
        const struct incident_view *first = &listing->views[*same];
        view->candidate_count = first->candidate_count;
        memcpy(view->candidates, first->candidates, sizeof view->candidates);
        return 0;
    }
    size_t *index = lru_put(known, view->row.address);
    if (!index) {
        return CYAN_E_NO_MEMORY;
    }
    *index = at;
    struct search search = {.listing = listing, .view = view};
    return store->device_at(store->ctx, view->row.address, SEEN_AT_MAX, add_candidate, &search);
}

static int find_all_candidates(struct job *job, const struct store *store)
{
    struct listing *listing = (struct listing *)job;
    struct lru *known = lru_create(INCIDENTS_MAX, sizeof listing->views[0].row.address,
                                   sizeof(size_t), listing->incidents->seed);
    int status = known ? 0 : CYAN_E_NO_MEMORY;
    for (size_t i = 0; i < listing->count && status >= 0; i++) {
        struct incident_view *view = &listing->views[i];
        view->candidate_count = 0;
        if (!view->row.has_device && view->row.address[0] != '\0') {
            status = find_candidates(listing, store, i, known);
        }
    }
    lru_destroy(known);
    return status < 0 ? status : 0;
}

/* Whoever is online is well. */
static void drop_online(const struct listing *listing, struct incident_view *view)
{
    size_t kept = 0;
    for (size_t i = 0; i < view->candidate_count; i++) {
        if (!presence_find(listing->incidents->presence, view->candidates[i])) {
            memmove(view->candidates[kept++], view->candidates[i], CYAN_ID_LEN);
        }
    }
    view->candidate_count = kept;
}

static bool has_needed_candidate(const struct listing *listing, const struct incident_view *view)
{
    if (!listing->has_device) {
        return view->candidate_count > 0;
    }
    for (size_t i = 0; i < view->candidate_count; i++) {
        if (is_about(listing, view->candidates[i])) {
            return true;
        }
    }
    return false;
}

static void list_answer(struct job *job, int status)
{
    struct listing *listing = (struct listing *)job;
    struct incident_view *views = listing->views;
    size_t kept = 0;
    int64_t next = listing->filter.after_seq;
    for (size_t i = 0; status == 0 && i < listing->count && kept < listing->filter.limit; i++) {
        drop_online(listing, &views[i]);
        if (!needs_candidate(listing, &views[i].row) || has_needed_candidate(listing, &views[i])) {
            next = views[i].row.seq;
            if (kept != i) {
                views[kept] = views[i];
            }
            kept++;
        }
    }
    listing->done(listing->arg, status, status == 0 ? views : NULL, kept, next);
    free(views);
    free(listing);
}

void incidents_list(struct incidents *incidents, uint32_t account, bool is_operator,
                    const struct incident_filter *filter, incidents_fn *done, void *arg)
{
    struct listing *listing = calloc(1, sizeof *listing);
    if (!listing) {
        done(arg, CYAN_E_NO_MEMORY, NULL, 0, filter->after_seq);
        return;
    }
    *listing = (struct listing){.job = {.run = find_all_candidates, .done = list_answer},
                                .incidents = incidents,
                                .account = account,
                                .is_operator = is_operator,
                                .has_device = filter->device != NULL,
                                .filter = *filter,
                                .done = done,
                                .arg = arg};
    listing->filter.device = NULL; /* borrowed no longer */
    if (filter->device) {
        memcpy(listing->device, filter->device, CYAN_ID_LEN);
    }
    listing->count = choose(listing, NULL);
    listing->views = calloc(listing->count > 0 ? listing->count : 1, sizeof *listing->views);
    if (!listing->views) {
        jobs_later(incidents->jobs, &listing->job, CYAN_E_NO_MEMORY);
        return;
    }
    (void)choose(listing, listing->views);
    jobs_store(incidents->jobs, &listing->job);
}

size_t incidents_about(const struct incidents *incidents, const uint8_t id[static CYAN_ID_LEN],
                       uint32_t owner, const char *address, struct store_incident *out, size_t max)
{
    size_t count = 0;
    for (const struct incident *i = incidents->book.newest; i && count < max; i = i->older) {
        const struct store_incident *row = &i->row;
        bool is_here = !row->has_device && address[0] != '\0' && strcmp(row->address, address) == 0;
        bool is_its =
            row->has_device && row->owner == owner && memcmp(row->device, id, CYAN_ID_LEN) == 0;
        if (is_here || is_its) {
            out[count++] = *row;
        }
    }
    return count;
}
