/* table.h - a hash table of nodes that live inside their owners.
 *
 * The table holds pointers only; it doubles as it fills and never shrinks. A key is bytes of one
 * length for the whole table, at one place in every owner: the caller gives both. */
#ifndef CYAN_SERVER_NET_TABLE_H
#define CYAN_SERVER_NET_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct table_node {
    struct table_node *next;
};

struct table {
    struct table_node **buckets;
    size_t bucket_count; /* a power of two, or 0 */
    size_t count;
    size_t key_len;
    ptrdiff_t key_offset; /* from the node to the key */
    uint64_t seed;        /* so that a stranger cannot choose ids that collide */
};

void table_init(struct table *table, size_t key_len, ptrdiff_t key_offset, uint64_t seed);
void table_done(struct table *table);

/* NULL when there is none. */
struct table_node *table_find(const struct table *table, const void *key);

/* The key must not be in the table yet. CYAN_E_NO_MEMORY. */
int table_insert(struct table *table, struct table_node *node);

/* Nothing happens when it is not there. */
void table_remove(struct table *table, struct table_node *node);

/* Calls fn for every node, in no order; fn must not change the table. */
void table_each(const struct table *table, void (*fn)(struct table_node *node, void *arg),
                void *arg);

#endif
