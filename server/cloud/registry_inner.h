/* registry_inner.h - what registry.c (devices) and registry_keys.c share. */
#ifndef CYAN_SERVER_CLOUD_REGISTRY_INNER_H
#define CYAN_SERVER_CLOUD_REGISTRY_INNER_H

#include <uv.h>

#include "server/cloud/jobs.h"
#include "server/cloud/lru.h"
#include "server/cloud/registry.h"
#include "server/store/store.h"

struct registry {
    struct jobs *jobs;
    struct presence *presence;
    const struct cyan_crypto *crypto;
    struct lru *heard; /* id: int64_t, not yet given to the store */
    uv_timer_t timer;  /* runs while there is something in heard */
    bool closed;
    key_changed_fn *key_changed;
    void *key_changed_arg;
};

/* Joins a row with what is live. */
void registry_record(struct registry *registry, const struct store_device *row,
                     struct device_record *out_record);

#endif
