/* bus.h - events between the nodes of one cloud; within one process by default.
 *
 * A struct of functions that main.c fills in. Whoever publishes, every node's handler hears it,
 * its own included, once and in the order of one publisher. Only server/cloud uses it. */
#ifndef CYAN_SERVER_BUS_BUS_H
#define CYAN_SERVER_BUS_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/limits.h"

enum bus_origin { BUS_FROM_DEVICE, BUS_FROM_API, BUS_FROM_CLOUD };

struct bus_event {
    const char *name; /* name_len bytes; no NUL inside; borrowed for the call */
    size_t name_len;
    const uint8_t *data; /* NULL: none */
    size_t data_len;
    uint32_t owner; /* account; 0: nobody */
    uint32_t ttl;   /* seconds */
    int64_t published_ms;
    enum bus_origin origin;
    bool about_device;           /* device holds an id */
    uint8_t device[CYAN_ID_LEN]; /* whose event it is, or whom it is about */
    bool is_private;
};

typedef void bus_handler(void *arg, const struct bus_event *event);

struct bus {
    void *ctx;
    int (*publish)(void *ctx, const struct bus_event *event);
    /* One handler; set before the first publish. */
    void (*listen)(void *ctx, bus_handler *handler, void *arg);
    void (*destroy)(void *ctx);
};

/* The bus of one process: publish calls the handler. */
int bus_local_create(struct bus *out_bus);

#endif
