#include "server/cloud/presence.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/err.h"
#include "server/net/table.h"

struct entry {
    struct table_node node;
    struct online online; /* begins with the id, the table's key */
};

struct held_id {
    struct table_node node;
    uint8_t id[CYAN_ID_LEN];
    size_t count;
};

struct presence {
    struct table table;
    struct table held;
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
    table_init(&presence->held, CYAN_ID_LEN,
               (ptrdiff_t)(offsetof(struct held_id, id) - offsetof(struct held_id, node)), ~seed);
    return presence;
}

static struct entry *entry_of(struct table_node *node)
{
    return (struct entry *)(void *)node; /* it comes first */
}

/* In both tables the node is the first member of what it belongs to. */
static void free_all(struct table *table)
{
    for (size_t i = 0; i < table->bucket_count; i++) {
        struct table_node *node = table->buckets[i];
        while (node) {
            struct table_node *next = node->next;
            free(node);
            node = next;
        }
    }
    table_done(table);
}

void presence_destroy(struct presence *presence)
{
    if (!presence) {
        return;
    }
    free_all(&presence->table);
    free_all(&presence->held);
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

static struct held_id *held_find(struct presence *presence, const uint8_t *id)
{
    return (struct held_id *)(void *)table_find(&presence->held, id);
}

int presence_hold(struct presence *presence, const uint8_t id[static CYAN_ID_LEN])
{
    struct held_id *held = held_find(presence, id);
    if (!held) {
        held = calloc(1, sizeof *held);
        if (!held) {
            return CYAN_E_NO_MEMORY;
        }
        memcpy(held->id, id, sizeof held->id);
        int err = table_insert(&presence->held, &held->node);
        if (err < 0) {
            free(held);
            return err;
        }
    }
    held->count++;
    return 0;
}

void presence_release(struct presence *presence, const uint8_t id[static CYAN_ID_LEN])
{
    struct held_id *held = held_find(presence, id);
    if (held && --held->count == 0) {
        table_remove(&presence->held, &held->node);
        free(held);
    }
}

bool presence_is_held(struct presence *presence, const uint8_t id[static CYAN_ID_LEN])
{
    return held_find(presence, id) != NULL;
}
