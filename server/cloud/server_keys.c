#include "server/cloud/server_keys.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "server/cloud/cloud.h"
#include "server/cloud/jobs.h"

struct rows {
    struct store_device *list;
    size_t count, cap;
};

struct using
{
    struct job job;
    struct cloud *cloud;
    struct rows rows[SESSION_SERVER_KEYS];
    server_keys_fn *done;
    void *arg;
};

static int add(void *arg, const struct store_device *device)
{
    enum { FIRST = 16 };
    struct rows *rows = arg;
    if (rows->count == rows->cap) {
        size_t cap = rows->cap ? rows->cap * 2 : FIRST;
        struct store_device *list = realloc(rows->list, cap * sizeof *list);
        if (!list) {
            return CYAN_E_NO_MEMORY;
        }
        rows->list = list;
        rows->cap = cap;
    }
    rows->list[rows->count++] = *device;
    return 0;
}

static int run(struct job *job, const struct store *store)
{
    struct using *u = (struct using *)job;
    int status = 0;
    for (size_t i = 0; i < SESSION_SERVER_KEYS && status == 0; i++) {
        u->rows[i].count = 0;
        status =
            store->device_by_server_key(store->ctx, u->cloud->server_prints[i], add, &u->rows[i]);
    }
    return status;
}

static void answer(struct job *job, int status)
{
    static const uint8_t none[CYAN_SHA256_LEN];
    struct using *u = (struct using *)job;
    struct server_key_use uses[SESSION_SERVER_KEYS];
    size_t count = 0;
    for (size_t i = 0; i < SESSION_SERVER_KEYS; i++) {
        if (memcmp(u->cloud->server_prints[i], none, sizeof none) != 0) {
            uses[count] = (struct server_key_use){
                .is_previous = i > 0, .devices = u->rows[i].list, .count = u->rows[i].count};
            memcpy(uses[count++].fingerprint, u->cloud->server_prints[i], CYAN_SHA256_LEN);
        }
    }
    u->done(u->arg, status, status == 0 ? uses : NULL, status == 0 ? count : 0);
    for (size_t i = 0; i < SESSION_SERVER_KEYS; i++) {
        free(u->rows[i].list);
    }
    free(u);
}

void server_keys_list(struct cloud *cloud, server_keys_fn *done, void *arg)
{
    struct using *u = calloc(1, sizeof *u);
    if (!u) {
        done(arg, CYAN_E_NO_MEMORY, NULL, 0);
        return;
    }
    u->job = (struct job){.run = run, .done = answer};
    u->cloud = cloud;
    u->done = done;
    u->arg = arg;
    jobs_store(cloud->jobs, &u->job);
}
