#include "server/net/mail.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/err.h"

enum {
    BLOCK_LEN = 4 * 1024, /* small, since every flush hands over one that may be almost empty */
    SPARE_MAX = 64,       /* blocks that a sender keeps */
    ALIGNMENT = 8,
};

struct mail_block {
    struct mail_block *next;
    size_t cap;
    size_t used;
    _Alignas(ALIGNMENT) uint8_t bytes[];
};

struct header {
    uint32_t kind;
    uint32_t len;
};
_Static_assert(sizeof(struct header) % ALIGNMENT == 0, "bodies stay aligned");

static size_t rounded(size_t len)
{
    return (len + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
}

static void free_list(struct mail_block *block)
{
    while (block) {
        struct mail_block *next = block->next;
        free(block);
        block = next;
    }
}

static struct mail_block *reversed(struct mail_block *newest)
{
    struct mail_block *oldest = NULL;
    while (newest) {
        struct mail_block *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    return oldest;
}

/* One thread pushes and the other takes everything, so a plain exchange loop is enough. */
static void push(struct mail_block *_Atomic *list, struct mail_block *first,
                 struct mail_block *last)
{
    struct mail_block *head = atomic_load_explicit(list, memory_order_relaxed);
    do {
        last->next = head;
    } while (!atomic_compare_exchange_weak_explicit(list, &head, first, memory_order_release,
                                                    memory_order_relaxed));
}

static struct mail_block *take_all(struct mail_block *_Atomic *list)
{
    return atomic_exchange_explicit(list, NULL, memory_order_acquire);
}

static void deliver(struct mail_lane *lane, const struct mail_block *block)
{
    size_t pos = 0;
    while (pos < block->used) {
        const struct header *header = (const void *)(block->bytes + pos);
        pos += sizeof *header;
        lane->fn(lane->arg, header->kind, block->bytes + pos, header->len);
        pos += rounded(header->len);
    }
}

static void on_wake(uv_async_t *async)
{
    struct mail_lane *lane = async->data;
    struct mail_block *block = reversed(take_all(&lane->handed));
    while (block) {
        struct mail_block *next = block->next;
        deliver(lane, block);
        push(&lane->empty, block, block);
        block = next;
    }
}

int mail_lane_init(struct mail_lane *lane, uv_loop_t *receiver, mail_fn *fn, void *arg)
{
    *lane = (struct mail_lane){.fn = fn, .arg = arg};
    if (uv_async_init(receiver, &lane->wake, on_wake) < 0) {
        return CYAN_E_IO;
    }
    lane->wake.data = lane;
    return 0;
}

static void collect_empty(struct mail_lane *lane)
{
    struct mail_block *block = take_all(&lane->empty);
    while (block) {
        struct mail_block *next = block->next;
        lane->under_way -= block->cap;
        if (block->cap == BLOCK_LEN && lane->spare_count < SPARE_MAX) {
            block->next = lane->spare;
            lane->spare = block;
            lane->spare_count++;
        } else {
            free(block);
        }
        block = next;
    }
}

static struct mail_block *new_block(struct mail_lane *lane, size_t need)
{
    if (need <= BLOCK_LEN) {
        if (!lane->spare) {
            collect_empty(lane);
        }
        if (lane->spare) {
            struct mail_block *block = lane->spare;
            lane->spare = block->next;
            lane->spare_count--;
            block->used = 0;
            lane->under_way += block->cap;
            return block;
        }
        need = BLOCK_LEN;
    }
    struct mail_block *block = malloc(sizeof *block + need);
    if (block) {
        block->cap = need;
        block->used = 0;
        lane->under_way += need;
    }
    return block;
}

bool mail_is_behind(struct mail_lane *lane)
{
    if (lane->under_way > MAIL_BACKLOG_MAX) {
        collect_empty(lane);
    }
    return lane->under_way > MAIL_BACKLOG_MAX;
}

void *mail_put(struct mail_lane *lane, uint32_t kind, size_t len)
{
    size_t need = sizeof(struct header) + rounded(len);
    if (len > UINT32_MAX - ALIGNMENT) {
        return NULL;
    }
    struct mail_block *block = lane->open;
    if (!block || block->cap - block->used < need) {
        block = new_block(lane, need);
        if (!block) {
            return NULL;
        }
        block->next = lane->open;
        lane->open = block;
    }
    struct header *header = (void *)(block->bytes + block->used);
    *header = (struct header){.kind = kind, .len = (uint32_t)len};
    void *body = block->bytes + block->used + sizeof *header;
    block->used += need;
    return body;
}

void mail_flush(struct mail_lane *lane)
{
    struct mail_block *newest = lane->open;
    if (!newest) {
        return;
    }
    struct mail_block *oldest = newest;
    while (oldest->next) {
        oldest = oldest->next;
    }
    lane->open = NULL;
    push(&lane->handed, newest, oldest);
    (void)uv_async_send(&lane->wake);
}

void mail_lane_close(struct mail_lane *lane)
{
    uv_close((uv_handle_t *)&lane->wake, NULL);
}

void mail_lane_done(struct mail_lane *lane)
{
    free_list(lane->open);
    free_list(take_all(&lane->handed));
    free_list(take_all(&lane->empty));
    free_list(lane->spare);
    *lane = (struct mail_lane){0};
}
