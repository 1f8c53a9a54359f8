#include "server/cloud/lru.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "server/net/table.h"

struct record {
    struct table_node node;
    struct record *newer, *older;
    alignas(max_align_t) uint8_t bytes[]; /* the key, then at value_offset the value */
};

struct lru {
    struct table table;
    struct record *newest, *oldest;
    size_t max;
    size_t key_len;
    size_t value_offset;
    size_t value_len;
};

struct lru *lru_create(size_t max, size_t key_len, size_t value_len, uint64_t seed)
{
    struct lru *lru = calloc(1, sizeof *lru);
    if (!lru) {
        return NULL;
    }
    size_t align = alignof(max_align_t);
    lru->max = max;
    lru->key_len = key_len;
    lru->value_offset = (key_len + align - 1) / align * align;
    lru->value_len = value_len;
    table_init(&lru->table, key_len, (ptrdiff_t)offsetof(struct record, bytes), seed);
    return lru;
}

void lru_destroy(struct lru *lru)
{
    if (lru) {
        lru_clear(lru);
        table_done(&lru->table);
        free(lru);
    }
}

static struct record *find(const struct lru *lru, const void *key)
{
    return (struct record *)(void *)table_find(&lru->table, key); /* the node comes first */
}

static void unlink_record(struct lru *lru, struct record *record)
{
    *(record->newer ? &record->newer->older : &lru->newest) = record->older;
    *(record->older ? &record->older->newer : &lru->oldest) = record->newer;
}

static void link_newest(struct lru *lru, struct record *record)
{
    record->newer = NULL;
    record->older = lru->newest;
    *(lru->newest ? &lru->newest->newer : &lru->oldest) = record;
    lru->newest = record;
}

static void forget(struct lru *lru, struct record *record)
{
    table_remove(&lru->table, &record->node);
    unlink_record(lru, record);
    free(record);
}

void *lru_find(struct lru *lru, const void *key)
{
    struct record *record = find(lru, key);
    if (!record) {
        return NULL;
    }
    unlink_record(lru, record);
    link_newest(lru, record);
    return record->bytes + lru->value_offset;
}

void *lru_put(struct lru *lru, const void *key)
{
    void *value = lru_find(lru, key);
    if (value) {
        return value;
    }
    struct record *record = calloc(1, sizeof *record + lru->value_offset + lru->value_len);
    if (!record) {
        return NULL;
    }
    memcpy(record->bytes, key, lru->key_len);
    if (lru->oldest && lru->table.count >= lru->max) {
        forget(lru, lru->oldest);
    }
    if (table_insert(&lru->table, &record->node) != 0) {
        free(record);
        return NULL;
    }
    link_newest(lru, record);
    return record->bytes + lru->value_offset;
}

void lru_remove(struct lru *lru, const void *key)
{
    struct record *record = find(lru, key);
    if (record) {
        forget(lru, record);
    }
}

void lru_clear(struct lru *lru)
{
    while (lru->newest) {
        forget(lru, lru->newest);
    }
}

size_t lru_count(const struct lru *lru)
{
    return lru->table.count;
}

void lru_each(const struct lru *lru, void (*fn)(void *arg, const void *key, void *value), void *arg)
{
    for (struct record *record = lru->newest; record; record = record->older) {
        fn(arg, record->bytes, record->bytes + lru->value_offset);
    }
}
