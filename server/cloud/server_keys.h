/* server_keys.h - which devices used which of the server's keys last: who still needs the one
 * before. On the hub's thread. */
#ifndef CYAN_SERVER_CLOUD_SERVER_KEYS_H
#define CYAN_SERVER_CLOUD_SERVER_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "server/store/store.h"

struct cloud;

struct server_key_use {
    uint8_t fingerprint[CYAN_SHA256_LEN];
    bool is_previous;
    const struct store_device *devices; /* by name */
    size_t count;
};

/* The present key first, then the one before when there is one; borrowed. */
typedef void server_keys_fn(void *arg, int status, const struct server_key_use *uses, size_t count);
void server_keys_list(struct cloud *cloud, server_keys_fn *done, void *arg);

#endif
