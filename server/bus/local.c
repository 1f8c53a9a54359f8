#include <stdlib.h>

#include "base/err.h"
#include "server/bus/bus.h"

struct local {
    bus_handler *handler;
    void *arg;
};

static int local_publish(void *ctx, const struct bus_event *event)
{
    struct local *local = ctx;
    if (local->handler) {
        local->handler(local->arg, event);
    }
    return 0;
}

static void local_listen(void *ctx, bus_handler *handler, void *arg)
{
    struct local *local = ctx;
    local->handler = handler;
    local->arg = arg;
}

int bus_local_create(struct bus *out_bus)
{
    struct local *local = calloc(1, sizeof *local);
    if (!local) {
        return CYAN_E_NO_MEMORY;
    }
    *out_bus = (struct bus){
        .ctx = local, .publish = local_publish, .listen = local_listen, .destroy = free};
    return 0;
}
