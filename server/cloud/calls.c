#include "server/cloud/calls.h"

#include <stdlib.h>
#include <string.h>

#include "server/actor/actor.h"
#include "server/cloud/calls_inbox.h"
#include "server/cloud/cloud.h"
#include "server/cloud/link.h"
#include "server/cloud/presence.h"
#include "server/net/table.h"
#include "server/net/wheel.h"

/* A call that waits for its answer. */
struct waiting {
    struct table_node by_number;
    uint64_t number;
    struct calls *calls;
    struct wheel_timer limit; /* beyond the shard's own: a letter may have been lost */
    enum call_kind kind;
    call_fn *done;
    void *arg;
    struct waiting *next; /* in the list of those that fail in the next turn */
    int status;
};

struct calls {
    struct cloud *cloud;
    struct table table;
    uint64_t last_number;
    struct wheel wheel;
    uv_timer_t soon;
    struct waiting *failing;
    bool is_stopped;
};

enum { LIMIT_MS = 30000 };

struct calls *calls_create(struct cloud *cloud)
{
    struct calls *calls = calloc(1, sizeof *calls);
    if (!calls) {
        return NULL;
    }
    calls->cloud = cloud;
    table_init(&calls->table, sizeof(uint64_t),
               (ptrdiff_t)offsetof(struct waiting, number) -
                   (ptrdiff_t)offsetof(struct waiting, by_number),
               0);
    if (wheel_init(&calls->wheel, cloud->loop) < 0) {
        free(calls);
        return NULL;
    }
    (void)uv_timer_init(cloud->loop, &calls->soon);
    calls->soon.data = calls;
    return calls;
}

static struct waiting *waiting_of(struct table_node *node)
{
    return (struct waiting *)((char *)node - offsetof(struct waiting, by_number));
}

static struct waiting *waiting_of_limit(struct wheel_timer *timer)
{
    return (struct waiting *)((char *)timer - offsetof(struct waiting, limit));
}

static void answer(struct waiting *waiting, const struct call_reply *reply)
{
    wheel_stop(&waiting->calls->wheel, &waiting->limit);
    waiting->done(waiting->arg, reply);
    free(waiting);
}

static void on_soon(uv_timer_t *timer)
{
    struct calls *calls = timer->data;
    while (calls->failing) {
        struct waiting *waiting = calls->failing;
        struct call_reply reply = {.status = waiting->status};
        calls->failing = waiting->next;
        answer(waiting, &reply);
    }
}

static void fail_soon(struct calls *calls, struct waiting *waiting, int status)
{
    waiting->status = status;
    waiting->next = calls->failing;
    calls->failing = waiting;
    (void)uv_timer_start(&calls->soon, on_soon, 0, 0);
}

static void on_limit(struct wheel_timer *timer)
{
    struct waiting *waiting = waiting_of_limit(timer);
    struct call_reply reply = {.status = CYAN_E_TIMEOUT};
    table_remove(&waiting->calls->table, &waiting->by_number);
    answer(waiting, &reply);
}

/* Hands the call to the device's shard. */
static int dispatch(struct calls *calls, struct waiting *waiting, const struct call *call)
{
    static const enum request_kind kinds[] = {
        [CALL_DESCRIBE] = REQUEST_DESCRIBE, [CALL_VARIABLE] = REQUEST_VARIABLE,
        [CALL_FUNCTION] = REQUEST_FUNCTION, [CALL_SIGNAL] = REQUEST_SIGNAL,
        [CALL_PING] = REQUEST_PING,         [CALL_RESET] = REQUEST_RESET};
    const struct online *entry = presence_find(calls->cloud->presence, call->device);
    if (!entry && call->held == 0) {
        return CYAN_E_OFFLINE;
    }
    uint32_t shard = call->held != 0 ? call->shard : entry->shard;
    struct letter_call letter = {.call = waiting->number,
                                 .serial = call->held,
                                 .kind = kinds[call->kind],
                                 .name_len = (uint16_t)strlen(call->name),
                                 .argument_len = (uint16_t)strlen(call->argument),
                                 .on = call->on};
    memcpy(letter.id, call->device, sizeof letter.id);
    int err = table_insert(&calls->table, &waiting->by_number);
    if (err == 0) {
        err = link_call(calls->cloud->link, shard, &letter, call->name, call->argument);
        if (err < 0) {
            table_remove(&calls->table, &waiting->by_number);
        }
    }
    if (err == 0) {
        wheel_start(&calls->wheel, &waiting->limit, LIMIT_MS, on_limit);
    }
    return err;
}

void calls_start(struct cloud *cloud, const struct call *call, call_fn *done, void *arg)
{
    struct calls *calls = cloud->calls;
    struct waiting *waiting = calls->is_stopped ? NULL : calloc(1, sizeof *waiting);
    if (!waiting) {
        struct call_reply reply = {.status = calls->is_stopped ? CYAN_E_OFFLINE : CYAN_E_NO_MEMORY};
        done(arg, &reply);
        return;
    }
    waiting->calls = calls;
    waiting->number = ++calls->last_number;
    waiting->kind = call->kind;
    waiting->done = done;
    waiting->arg = arg;
    int err = dispatch(calls, waiting, call);
    if (err < 0) {
        fail_soon(calls, waiting, err);
    }
}

void calls_reply(struct calls *calls, const struct letter_reply *letter)
{
    struct table_node *node = table_find(&calls->table, &letter->call);
    if (!node) {
        return;
    }
    struct waiting *waiting = waiting_of(node);
    const uint8_t *bytes = (const uint8_t *)(letter + 1);
    struct call_reply reply = {.status = letter->status, .result = letter->result};
    if (reply.status == 0 && waiting->kind == CALL_DESCRIBE) {
        reply.description = bytes;
        reply.description_len = letter->len;
    } else if (reply.status == 0 && waiting->kind == CALL_VARIABLE) {
        reply.status =
            cyan_value_read((enum cyan_value_type)letter->type, bytes, letter->len, &reply.value);
    }
    table_remove(&calls->table, node);
    answer(waiting, &reply);
}

static void collect(struct table_node *node, void *arg)
{
    struct calls *calls = arg;
    struct waiting *waiting = waiting_of(node);
    waiting->status = CYAN_E_OFFLINE;
    waiting->next = calls->failing;
    calls->failing = waiting;
}

void calls_stop(struct calls *calls)
{
    table_each(&calls->table, collect, calls);
    table_done(&calls->table);
    on_soon(&calls->soon);
    calls->is_stopped = true; /* jobs that end from now on may still ask */
    wheel_close(&calls->wheel);
    uv_close((uv_handle_t *)&calls->soon, NULL);
}

void calls_destroy(struct calls *calls)
{
    free(calls);
}
