#include "server/session/admission.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

enum { TIMES = ADMISSION_JUNK_MAX + 1 };

/* When the last junk of an address came. */
struct junk {
    uint8_t count;
    uint8_t next;       /* the place of the next one; when all are taken, the oldest */
    uint32_t ms[TIMES]; /* wraps around */
};

struct address {
    struct table_node node; /* first: the node is its owner */
    uint8_t key[ADMISSION_KEY_LEN];
    struct address_list *list; /* that it stands in */
    struct address *next, *prev;
    struct admission_item *first, *last; /* its requests */
    struct junk *junk;                   /* NULL: none, or it is good */
    bool is_good;
};

void admission_init(struct admission *admission, uint64_t seed)
{
    memset(admission, 0, sizeof *admission);
    admission->idle_max = ADMISSION_ADDRESSES_MAX;
    table_init(&admission->table, ADMISSION_KEY_LEN, (ptrdiff_t)offsetof(struct address, key),
               seed);
}

void admission_key(const char *text, uint8_t out_key[static ADMISSION_KEY_LEN])
{
    enum { PREFIX = 8, V4_AT = 12 };
    struct in_addr v4;
    struct in6_addr v6;
    memset(out_key, 0, ADMISSION_KEY_LEN);
    if (inet_pton(AF_INET6, text, &v6) == 1) {
        memcpy(out_key, v6.s6_addr, PREFIX);
    } else if (inet_pton(AF_INET, text, &v4) == 1) {
        memset(out_key + V4_AT - 2, 0xFF, 2); /* as IPv6 writes it: no network of its own has it */
        memcpy(out_key + V4_AT, &v4, sizeof v4);
    } else {
        memset(out_key, 0xFF, ADMISSION_KEY_LEN);
    }
}

static struct address *find(const struct admission *admission, const uint8_t *key)
{
    return (struct address *)(void *)table_find(&admission->table, key);
}

static void list_remove(struct address *address)
{
    struct address_list *list = address->list;
    if (!list) {
        return;
    }
    *(address->prev ? &address->prev->next : &list->first) = address->next;
    *(address->next ? &address->next->prev : &list->last) = address->prev;
    list->count--;
    address->list = NULL;
}

static void list_append(struct address_list *list, struct address *address)
{
    address->next = NULL;
    address->prev = list->last;
    *(list->last ? &list->last->next : &list->first) = address;
    list->last = address;
    list->count++;
    address->list = list;
}

static void forget(struct admission *admission, struct address *address)
{
    list_remove(address);
    table_remove(&admission->table, &address->node);
    free(address->junk);
    free(address);
}

/* Puts it at the end of the list where it belongs now, or leaves it where its turn will come. It
 * may be forgotten. */
static void settle(struct admission *admission, struct address *address)
{
    struct address_list *lists = address->first ? admission->turns : admission->idle;
    struct address_list *list = &lists[address->is_good];
    if (!address->first && !address->is_good && !address->junk) {
        forget(admission, address);
        return;
    }
    if (address->first && address->list == list) {
        return;
    }
    list_remove(address);
    list_append(list, address);
    if (!address->first && list->count > admission->idle_max) {
        forget(admission, list->first);
    }
}

/* NULL without memory. The caller settles it. */
static struct address *obtain(struct admission *admission, const uint8_t *key)
{
    struct address *address = find(admission, key);
    if (!address) {
        address = calloc(1, sizeof *address);
        if (!address) {
            return NULL;
        }
        memcpy(address->key, key, sizeof address->key);
        if (table_insert(&admission->table, &address->node) < 0) {
            free(address);
            return NULL;
        }
    }
    return address;
}

void admission_wait(struct admission *admission, struct admission_item *item,
                    const uint8_t key[static ADMISSION_KEY_LEN])
{
    struct address *address = obtain(admission, key);
    if (!address) {
        return;
    }
    item->address = address;
    item->next = NULL;
    item->prev = address->last;
    *(address->last ? &address->last->next : &address->first) = item;
    address->last = item;
    settle(admission, address);
}

void admission_leave(struct admission *admission, struct admission_item *item)
{
    struct address *address = item->address;
    if (!address) {
        return;
    }
    *(item->prev ? &item->prev->next : &address->first) = item->next;
    *(item->next ? &item->next->prev : &address->last) = item->prev;
    item->address = NULL;
    settle(admission, address);
}

struct admission_item *admission_next(struct admission *admission)
{
    struct address_list *list = &admission->turns[admission->turns[true].first != NULL];
    struct address *address = list->first;
    if (!address) {
        return NULL;
    }
    list_remove(address);
    list_append(list, address);
    return address->first;
}

void admission_good(struct admission *admission, const uint8_t key[static ADMISSION_KEY_LEN])
{
    struct address *address = obtain(admission, key);
    if (address) {
        address->is_good = true;
        free(address->junk);
        address->junk = NULL;
        settle(admission, address);
    }
}

void admission_junk(struct admission *admission, const uint8_t key[static ADMISSION_KEY_LEN],
                    uint64_t now_ms)
{
    struct address *address = obtain(admission, key);
    if (!address) {
        return;
    }
    if (!address->junk && !address->is_good) {
        address->junk = calloc(1, sizeof *address->junk);
    }
    struct junk *junk = address->junk;
    if (junk) {
        junk->ms[junk->next] = (uint32_t)now_ms;
        junk->next = (uint8_t)((junk->next + 1) % TIMES);
        junk->count = (uint8_t)(junk->count + (junk->count < TIMES));
    }
    settle(admission, address);
}

bool admission_is_flood(const struct admission *admission,
                        const uint8_t key[static ADMISSION_KEY_LEN], uint64_t now_ms)
{
    const struct address *address = find(admission, key);
    const struct junk *junk = address ? address->junk : NULL;
    if (!junk || junk->count < TIMES) {
        return false;
    }
    uint32_t since = (uint32_t)now_ms - junk->ms[junk->next];
    return since < ADMISSION_JUNK_MS;
}

void admission_done(struct admission *admission)
{
    for (int good = 0; good <= 1; good++) {
        while (admission->idle[good].first) {
            forget(admission, admission->idle[good].first);
        }
    }
    table_done(&admission->table);
}
