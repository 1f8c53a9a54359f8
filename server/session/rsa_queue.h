/* rsa_queue.h - a shard's private RSA operations, in slices.
 *
 * At most RSA_PER_TURN operations run in a turn of the loop, so that a storm of handshakes slows
 * handshakes and never live sessions. Answers go before new requests: a handshake that has begun
 * is finished first. Of its kind the oldest is next, unless pick names another one. */
#ifndef CYAN_SERVER_SESSION_RSA_QUEUE_H
#define CYAN_SERVER_SESSION_RSA_QUEUE_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

enum { RSA_PER_TURN = 2 };
enum rsa_order { RSA_ANSWER, RSA_OPEN, RSA_ORDERS };

struct rsa_item {
    struct rsa_item *next;
    struct rsa_item **at; /* NULL when not queued */
    uint64_t since_ms;    /* when it was queued, by the queue's clock */
};

/* Does what the item wants: as many private operations as its order costs. */
typedef void rsa_run_fn(void *arg, struct rsa_item *item, enum rsa_order order);

struct rsa_queue {
    uv_idle_t turn;
    rsa_run_fn *run;
    void *arg;
    uint64_t (*now)(const uv_loop_t *loop); /* uv_now; a test puts its own time here */
    /* Which of the requests that wait is next; it must be queued. NULL: none of them in special.
     * May be NULL itself. */
    struct rsa_item *(*pick)(void *arg);
    unsigned cost[RSA_ORDERS]; /* private operations that an item takes: 1, or what is put here */
    struct rsa_item *first[RSA_ORDERS];
    struct rsa_item **end[RSA_ORDERS];
    size_t length;
};

int rsa_queue_init(struct rsa_queue *queue, uv_loop_t *loop, rsa_run_fn *run, void *arg);
void rsa_queue_close(struct rsa_queue *queue);

void rsa_queue_add(struct rsa_queue *queue, struct rsa_item *item, enum rsa_order order);
/* How long the oldest item has waited; 0 when none waits. */
uint64_t rsa_queue_waits_ms(const struct rsa_queue *queue);
/* Nothing happens when it is not queued. */
void rsa_queue_remove(struct rsa_queue *queue, struct rsa_item *item);

#endif
