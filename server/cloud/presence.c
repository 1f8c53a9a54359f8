#include "server/cloud/presence.h"

#include <stdlib.h>
#include <sys/random.h>

#include "base/err.h"
#include "server/net/table.h"

struct entry {
    struct table_node node;
    struct online online; /* begins with the id, the table's key */
};

struct presence {
    struct table table;
};

struct presence *presence_create(void)
{
    uint64_t seed = 0;
    struct presence *presence = calloc(1, sizeof *presence);
    if (!presence) {
        return NULL;
    }
    if (getrandom(&seed, sizeof seed, 0) != (ssize_t)sizeof seed) {
        free(presence);
        return NULL;
    }
    ptrdiff_t key_offset =
        (ptrdiff_t)(offsetof(struct entry, online) - offsetof(struct entry, node));
    table_init(&presence->table, CYAN_ID_LEN, key_offset, seed);
    return presence;
}

static struct entry *entry_of(struct table_node *node)
{
    return (struct entry *)(void *)node; /* it comes first */
}

void presence_destroy(struct presence *presence)
{
    if (!presence) {
        return;
    }
    for (size_t i = 0; i < presence->table.bucket_count; i++) {
        struct table_node *node = presence->table.buckets[i];
        while (node) {
            struct table_node *next = node->next;
            free(entry_of(node));
            node = next;
        }
    }
    table_done(&presence->table);
    free(presence);
}

struct online *presence_find(struct presence *presence, const uint8_t id[static CYAN_ID_LEN])
{
    struct table_node *node = table_find(&presence->table, id);
    return node ? &entry_of(node)->online : NULL;
}

int presence_put(struct presence *presence, const struct online *entry)
{
    struct online *old = presence_find(presence, entry->id);
    if (old) {
        *old = *entry;
        return 0;
    }
    struct entry *added = calloc(1, sizeof *added);
    if (!added) {
        return CYAN_E_NO_MEMORY;
    }
    added->online = *entry;
    int status = table_insert(&presence->table, &added->node);
    if (status != 0) {
        free(added);
    }
    return status;
}

void presence_remove(struct presence *presence, const uint8_t id[static CYAN_ID_LEN])
{
    struct table_node *node = table_find(&presence->table, id);
    if (node) {
        table_remove(&presence->table, node);
        free(entry_of(node));
    }
}

size_t presence_count(const struct presence *presence)
{
    return presence->table.count;
}
