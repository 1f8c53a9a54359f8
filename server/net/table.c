#include "server/net/table.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

enum { FIRST_BUCKETS = 64 };

static const void *key_of(const struct table *table, const struct table_node *node)
{
    return (const char *)node + table->key_offset;
}

/* FNV-1a from a secret start, then a finisher: short keys, and ids that differ in few bits. */
static uint64_t hash_of(const struct table *table, const void *key)
{
    const uint8_t *bytes = key;
    uint64_t h = 0xcbf29ce484222325u ^ table->seed;
    for (size_t i = 0; i < table->key_len; i++) {
        h = (h ^ bytes[i]) * 0x100000001b3u;
    }
    h ^= table->seed >> 7;
    h = (h ^ h >> 33) * 0xff51afd7ed558ccdu;
    return h ^ h >> 33;
}

static struct table_node **bucket_of(const struct table *table, const void *key)
{
    return &table->buckets[hash_of(table, key) & (table->bucket_count - 1)];
}

void table_init(struct table *table, size_t key_len, ptrdiff_t key_offset, uint64_t seed)
{
    *table = (struct table){.key_len = key_len, .key_offset = key_offset, .seed = seed};
}

void table_done(struct table *table)
{
    free(table->buckets);
    table->buckets = NULL;
    table->bucket_count = 0;
    table->count = 0;
}

struct table_node *table_find(const struct table *table, const void *key)
{
    if (table->count == 0) {
        return NULL;
    }
    struct table_node *node = *bucket_of(table, key);
    while (node && memcmp(key_of(table, node), key, table->key_len) != 0) {
        node = node->next;
    }
    return node;
}

static int grow(struct table *table)
{
    struct table bigger = *table;
    bigger.bucket_count = table->bucket_count ? table->bucket_count * 2 : FIRST_BUCKETS;
    bigger.buckets = calloc(bigger.bucket_count, sizeof(struct table_node *));
    if (!bigger.buckets) {
        return CYAN_E_NO_MEMORY;
    }
    for (size_t i = 0; i < table->bucket_count; i++) {
        struct table_node *node = table->buckets[i];
        while (node) {
            struct table_node *next = node->next;
            struct table_node **bucket = bucket_of(&bigger, key_of(table, node));
            node->next = *bucket;
            *bucket = node;
            node = next;
        }
    }
    free(table->buckets);
    *table = bigger;
    return 0;
}

int table_insert(struct table *table, struct table_node *node)
{
    if (table->count >= table->bucket_count) {
        int err = grow(table);
        if (err < 0) {
            return err;
        }
    }
    struct table_node **bucket = bucket_of(table, key_of(table, node));
    node->next = *bucket;
    *bucket = node;
    table->count++;
    return 0;
}

void table_remove(struct table *table, struct table_node *node)
{
    if (table->count == 0) {
        return;
    }
    struct table_node **at = bucket_of(table, key_of(table, node));
    while (*at && *at != node) {
        at = &(*at)->next;
    }
    if (*at) {
        *at = node->next;
        node->next = NULL;
        table->count--;
    }
}

void table_each(const struct table *table, void (*fn)(struct table_node *node, void *arg),
                void *arg)
{
    for (size_t i = 0; i < table->bucket_count; i++) {
        for (struct table_node *node = table->buckets[i]; node; node = node->next) {
            fn(node, arg);
        }
    }
}
