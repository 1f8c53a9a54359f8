#include "server/cloud/held.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/secret.h"

static struct held *held_of_node(struct table_node *node)
{
    return (struct held *)((char *)node - offsetof(struct held, by_serial));
}

void held_init(struct held_list *list, uint64_t seed)
{
    *list = (struct held_list){0};
    table_init(&list->table, sizeof(uint64_t),
               (ptrdiff_t)offsetof(struct held, serial) -
                   (ptrdiff_t)offsetof(struct held, by_serial),
               seed);
}

void held_done(struct held_list *list)
{
    while (list->first) {
        held_remove(list, list->first);
    }
    table_done(&list->table);
}

static size_t from_address(const struct held_list *list, const char *address, bool known)
{
    size_t count = 0;
    for (const struct held *h = list->first; h; h = h->next) {
        count += h->known == known && strcmp(h->c.address, address) == 0;
    }
    return count;
}

/* The oldest one of the address that holds most, among those of known or unknown ids. */
static struct held *crowded(const struct held_list *list, bool known)
{
    struct held *best = NULL;
    size_t most = 0;
    for (struct held *h = list->first; h; h = h->next) {
        if (h->known != known || (best && strcmp(best->c.address, h->c.address) == 0)) {
            continue;
        }
        size_t count = from_address(list, h->c.address, known);
        if (count > most) {
            best = h;
            most = count;
        }
    }
    return best;
}

/* Who makes room for a newcomer when all places are taken: strangers beyond their half, else the
 * newcomer's own kind. */
static struct held *victim(const struct held_list *list, const struct held *newcomer, size_t max)
{
    bool strangers_overflow = list->count - list->known_count > max / 2;
    bool take_known = !strangers_overflow && newcomer->known && list->known_count > 0;
    if (!newcomer->known && list->count - list->known_count < max / 2 && list->known_count > 0) {
        take_known = true; /* known ids have more than their half */
    }
    return crowded(list, take_known);
}

int held_add(struct held_list *list, struct held *held, size_t full_count,
             struct held *out_evicted[static 2])
{
    enum { PER_CENT = 100 };
    size_t max = full_count / PER_CENT > HELD_MIN ? full_count / PER_CENT : HELD_MIN;
    size_t evicted = 0;
    out_evicted[0] = out_evicted[1] = NULL;
    struct held *same = held_of(list, held->c.id, held->c.fingerprint, NULL);
    if (same) {
        out_evicted[evicted++] = same;
    } else if (list->count >= max) {
        struct held *old = victim(list, held, max);
        if (!old) {
            return CYAN_E_FULL;
        }
        out_evicted[evicted++] = old;
    }
    int err = table_insert(&list->table, &held->by_serial);
    if (err < 0) {
        out_evicted[0] = NULL;
        return err;
    }
    held->next = NULL;
    held->prev = list->last;
    if (list->last) {
        list->last->next = held;
    } else {
        list->first = held;
    }
    list->last = held;
    list->count++;
    list->known_count += held->known;
    return 0;
}

struct held *held_find(struct held_list *list, uint64_t serial)
{
    struct table_node *node = table_find(&list->table, &serial);
    return node ? held_of_node(node) : NULL;
}

struct held *held_of(struct held_list *list, const uint8_t id[static CYAN_ID_LEN],
                     const uint8_t *fingerprint, const struct held *after)
{
    for (struct held *h = after ? after->next : list->first; h; h = h->next) {
        if (memcmp(h->c.id, id, CYAN_ID_LEN) == 0 &&
            (!fingerprint || memcmp(h->c.fingerprint, fingerprint, CYAN_SHA256_LEN) == 0)) {
            return h;
        }
    }
    return NULL;
}

void held_remove(struct held_list *list, struct held *held)
{
    table_remove(&list->table, &held->by_serial);
    if (held->prev) {
        held->prev->next = held->next;
    } else {
        list->first = held->next;
    }
    if (held->next) {
        held->next->prev = held->prev;
    } else {
        list->last = held->prev;
    }
    list->count--;
    list->known_count -= held->known;
    free(held);
}
