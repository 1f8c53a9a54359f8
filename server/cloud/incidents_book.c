#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/cloud/incidents_inner.h"

void book_init(struct book *book, uint64_t seed)
{
    *book = (struct book){0};
    table_init(&book->open, sizeof(struct incident_key),
               (ptrdiff_t)offsetof(struct incident, key) -
                   (ptrdiff_t)offsetof(struct incident, node),
               seed);
}

static void unlink_incident(struct book *book, struct incident *incident)
{
    *(incident->newer ? &incident->newer->older : &book->newest) = incident->older;
    *(incident->older ? &incident->older->newer : &book->oldest) = incident->newer;
}

static void link_newest(struct book *book, struct incident *incident)
{
    incident->newer = NULL;
    incident->older = book->newest;
    *(book->newest ? &book->newest->newer : &book->oldest) = incident;
    book->newest = incident;
}

static void close_incident(struct book *book, struct incident *incident)
{
    if (incident->is_open) {
        table_remove(&book->open, &incident->node);
        incident->is_open = false;
    }
}

/* Without memory the row stays in the store until the next start, which drops it again. */
static void note_removed(struct book *book, int64_t id)
{
    enum { FIRST = 64 };
    if (book->removed_count == book->removed_cap) {
        size_t cap = book->removed_cap ? book->removed_cap * 2 : FIRST;
        int64_t *removed = realloc(book->removed, cap * sizeof *removed);
        if (!removed) {
            return;
        }
        book->removed = removed;
        book->removed_cap = cap;
    }
    book->removed[book->removed_count++] = id;
}

static void forget(struct book *book, struct incident *incident)
{
    if (incident->is_stored) {
        note_removed(book, incident->row.id);
    }
    close_incident(book, incident);
    unlink_incident(book, incident);
    book->count--;
    book->ownerless -= incident->row.owner == 0;
    free(incident);
}

void book_done(struct book *book)
{
    struct incident *next;
    for (struct incident *incident = book->oldest; incident; incident = next) {
        next = incident->newer;
        close_incident(book, incident);
        free(incident);
    }
    table_done(&book->open);
    free(book->removed);
    *book = (struct book){0};
}

static struct incident *oldest_ownerless(const struct book *book)
{
    struct incident *incident = book->oldest;
    while (incident && incident->row.owner != 0) {
        incident = incident->newer;
    }
    return incident;
}

static void make_room_for_device(struct book *book, const uint8_t *device)
{
    struct incident *oldest = NULL;
    size_t count = 0;
    for (struct incident *i = book->newest; i; i = i->older) {
        if (i->row.has_device && memcmp(i->row.device, device, CYAN_ID_LEN) == 0) {
            oldest = i;
            count++;
        }
    }
    if (count >= INCIDENTS_DEVICE_MAX) {
        forget(book, oldest);
    }
}

/* The oldest goes. But what strangers cause, which nobody owns, makes room for its own kind, and
 * for all while it has more than half: it must not wash out what owners want to know. */
static void make_room(struct book *book, bool for_ownerless)
{
    if (book->count < INCIDENTS_MAX) {
        return;
    }
    bool is_theirs = book->ownerless > 0 && (for_ownerless || book->ownerless > INCIDENTS_MAX / 2);
    forget(book, is_theirs ? oldest_ownerless(book) : book->oldest);
}

static int open_incident(struct book *book, struct incident *incident)
{
    struct table_node *other = table_find(&book->open, &incident->key);
    if (other) {
        close_incident(book, (struct incident *)(void *)other); /* the node comes first */
    }
    int status = table_insert(&book->open, &incident->node);
    incident->is_open = status == 0;
    return status;
}

static bool is_same_month(int64_t a_ms, int64_t b_ms)
{
    struct tm a, b;
    time_t a_s = (time_t)(a_ms / 1000);
    time_t b_s = (time_t)(b_ms / 1000);
    return gmtime_r(&a_s, &a) && gmtime_r(&b_s, &b) && a.tm_mon == b.tm_mon &&
           a.tm_year == b.tm_year;
}

struct incident *book_find(struct book *book, const struct incident_key *key, int64_t now_ms)
{
    struct incident *incident = (struct incident *)(void *)table_find(&book->open, key);
    if (!incident || now_ms - incident->row.last_ms >= INCIDENT_REPEAT_MS ||
        !is_same_month(incident->row.last_ms, now_ms)) {
        return NULL;
    }
    return incident;
}

struct incident *book_add(struct book *book, const struct incident_key *key, uint32_t owner)
{
    struct incident *incident = calloc(1, sizeof *incident);
    if (!incident) {
        return NULL;
    }
    incident->key = *key;
    if (open_incident(book, incident) != 0) {
        free(incident);
        return NULL;
    }
    if (key->has & KEY_HAS_DEVICE) {
        make_room_for_device(book, key->device);
    }
    make_room(book, owner == 0);
    incident->row.id = ++book->last_id;
    incident->row.owner = owner;
    incident->is_new = true;
    link_newest(book, incident);
    book->count++;
    book->ownerless += owner == 0;
    return incident;
}

void book_touch(struct book *book, struct incident *incident)
{
    incident->row.seq = ++book->last_seq;
    incident->is_dirty = true;
    unlink_incident(book, incident);
    link_newest(book, incident);
}

void book_set_owner(struct book *book, struct incident *incident, uint32_t owner)
{
    book->ownerless += owner == 0;
    book->ownerless -= incident->row.owner == 0;
    incident->row.owner = owner;
}

static struct incident_key key_of(const struct store_incident *row)
{
    struct incident_key key = {.cause = (uint8_t)cause_find(row->cause),
                               .has = (uint8_t)((row->has_device ? KEY_HAS_DEVICE : 0) |
                                                (row->has_presented ? KEY_HAS_PRESENTED : 0))};
    memcpy(key.device, row->device, sizeof key.device);
    memcpy(key.presented, row->presented, sizeof key.presented);
    memcpy(key.address, row->address, strnlen(row->address, sizeof key.address - 1));
    return key;
}

int book_load(struct book *book, const struct store_incident *row)
{
    const struct incident_key key = key_of(row);
    book->last_id = row->id > book->last_id ? row->id : book->last_id;
    book->last_seq = row->seq > book->last_seq ? row->seq : book->last_seq;
    if (key.cause == INCIDENT_CAUSES) {
        note_removed(book, row->id); /* of a later version of cyand */
        return 0;
    }
    int64_t last_id = book->last_id;
    struct incident *incident = book_add(book, &key, row->owner);
    book->last_id = last_id;
    if (!incident) {
        return CYAN_E_NO_MEMORY;
    }
    incident->row = *row;
    incident->is_stored = true;
    incident->is_new = false;
    incident->logged_count = row->count;
    return 0;
}
