/* lru.h - a bounded memory of small records, found by a key: when it is full, the record that was
 * not used for longest is forgotten. On one thread. */
#ifndef CYAN_SERVER_CLOUD_LRU_H
#define CYAN_SERVER_CLOUD_LRU_H

#include <stddef.h>
#include <stdint.h>

struct lru;

/* max: at least 1. seed: a secret of this run, against keys that collide. NULL without memory. */
struct lru *lru_create(size_t max, size_t key_len, size_t value_len, uint64_t seed);
void lru_destroy(struct lru *lru);

/* The value of a key, which is now the newest; NULL: none. Valid until the next put, remove or
 * clear; aligned for anything. */
void *lru_find(struct lru *lru, const void *key);

/* The same; a key that is not there is added with a value of zeroes. NULL without memory. */
void *lru_put(struct lru *lru, const void *key);

void lru_remove(struct lru *lru, const void *key);
void lru_clear(struct lru *lru);
size_t lru_count(const struct lru *lru);

/* Calls fn for every record, the newest first; fn must not change the lru. */
void lru_each(const struct lru *lru, void (*fn)(void *arg, const void *key, void *value),
              void *arg);

#endif
