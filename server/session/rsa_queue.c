#include "server/session/rsa_queue.h"

#include <string.h>

#include "base/err.h"

/* Which order is next; RSA_ORDERS: none waits. */
static enum rsa_order next_order(const struct rsa_queue *queue)
{
    int order = 0;
    while (order < RSA_ORDERS && !queue->first[order]) {
        order++;
    }
    return (enum rsa_order)order;
}

static struct rsa_item *next_item(struct rsa_queue *queue, enum rsa_order order)
{
    struct rsa_item *picked = order == RSA_OPEN && queue->pick ? queue->pick(queue->arg) : NULL;
    return picked ? picked : queue->first[order];
}

uint64_t rsa_queue_waits_ms(const struct rsa_queue *queue)
{
    uint64_t now = queue->now(queue->turn.loop), oldest = now;
    for (int order = 0; order < RSA_ORDERS; order++) {
        const struct rsa_item *item = queue->first[order];
        if (item && item->since_ms < oldest) {
            oldest = item->since_ms;
        }
    }
    return now - oldest;
}

static void on_turn(uv_idle_t *idle)
{
    struct rsa_queue *queue = idle->data;
    unsigned done = 0;
    for (;;) {
        enum rsa_order order = next_order(queue);
        if (order == RSA_ORDERS || done + queue->cost[order] > RSA_PER_TURN) {
            break;
        }
        struct rsa_item *item = next_item(queue, order);
        done += queue->cost[order];
        rsa_queue_remove(queue, item);
        queue->run(queue->arg, item, order);
    }
    if (queue->length == 0) {
        uv_idle_stop(idle);
    }
}

int rsa_queue_init(struct rsa_queue *queue, uv_loop_t *loop, rsa_run_fn *run, void *arg)
{
    memset(queue, 0, sizeof *queue);
    queue->run = run;
    queue->arg = arg;
    queue->now = uv_now;
    for (int order = 0; order < RSA_ORDERS; order++) {
        queue->end[order] = &queue->first[order];
        queue->cost[order] = 1;
    }
    if (uv_idle_init(loop, &queue->turn) < 0) {
        return CYAN_E_IO;
    }
    queue->turn.data = queue;
    return 0;
}

void rsa_queue_close(struct rsa_queue *queue)
{
    uv_close((uv_handle_t *)&queue->turn, NULL);
}

void rsa_queue_add(struct rsa_queue *queue, struct rsa_item *item, enum rsa_order order)
{
    item->next = NULL;
    item->since_ms = queue->now(queue->turn.loop);
    item->at = queue->end[order];
    *queue->end[order] = item;
    queue->end[order] = &item->next;
    if (queue->length++ == 0) {
        (void)uv_idle_start(&queue->turn, on_turn);
    }
}

void rsa_queue_remove(struct rsa_queue *queue, struct rsa_item *item)
{
    if (!item->at) {
        return;
    }
    *item->at = item->next;
    if (item->next) {
        item->next->at = item->at;
    } else {
        for (int order = 0; order < RSA_ORDERS; order++) {
            if (queue->end[order] == &item->next) {
                queue->end[order] = item->at;
            }
        }
    }
    item->next = NULL;
    item->at = NULL;
    queue->length--;
}
