#include "server/cloud/events.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/hex.h"
#include "server/json.h"
#include "server/net/log.h"
#include "wire/event.h"

enum {
    ACCOUNT_BUCKETS = 256,
    SLOT_ALIGN = 8,
    /* Of an event's text, what is neither name nor data: both line beginnings, the keys, a time,
     * a ttl, an id. */
    FRAME_MAX = 192,
};

/* Slots lie one behind the other in the ring, each with its event's text behind it, never around
 * the ring's end: there a slot without text fills the rest, of which only head is there. */
struct slot_head {
    uint32_t size; /* bytes to the next slot, a multiple of SLOT_ALIGN */
    uint32_t len;  /* of the text; 0: none */
};

struct about {
    uint32_t owner;
    bool is_private;
    bool has_device;
    uint8_t name_len;
    uint8_t device[CYAN_ID_LEN];
    char name[CYAN_EVENT_NAME_MAX];
};

struct slot {
    struct slot_head head;
    struct about about;
    char text[];
};

/* Streams that a publish must look at, as a list through a node in each. */
struct node {
    struct node *next;
    struct node **link; /* what points here; NULL: in no list */
    struct stream *stream;
};

struct stream {
    struct events *events;
    struct stream_filter filter;
    size_t prefix_len;
    uint64_t cursor;
    size_t part; /* bytes of the event at the cursor that were read */
    bool is_idle;
    stream_wake_fn *wake;
    void *arg;
    struct node of_account;
    struct node of_everybody;
};

struct events {
    struct bus *bus;
    bus_handler *to_devices;
    void *arg;
    uint8_t *ring;
    size_t ring_len;
    /* Bytes ever written before the newest and the oldest slot; modulo ring_len they are places. */
    uint64_t head;
    uint64_t tail;
    struct node *accounts[ACCOUNT_BUCKETS];
    struct node *everybody; /* those that see public events of others */
};

static void node_insert(struct node *node, struct node **list, struct stream *stream)
{
    *node = (struct node){.next = *list, .link = list, .stream = stream};
    if (node->next) {
        node->next->link = &node->next;
    }
    *list = node;
}

static void node_remove(struct node *node)
{
    if (node->link) {
        *node->link = node->next;
        if (node->next) {
            node->next->link = node->link;
        }
    }
}

static struct slot *slot_at(const struct events *events, uint64_t place)
{
    return (struct slot *)(void *)(events->ring + place % events->ring_len);
}

static void forget_until(struct events *events, uint64_t end)
{
    while (end - events->tail > events->ring_len) {
        events->tail += slot_at(events, events->tail)->head.size;
    }
}

/* A slot at head with need bytes in one piece; need is at most half the ring. */
static struct slot *reserve(struct events *events, size_t need)
{
    size_t rest = events->ring_len - events->head % events->ring_len;
    if (rest < need) {
        forget_until(events, events->head + rest);
        slot_at(events, events->head)->head = (struct slot_head){.size = (uint32_t)rest};
        events->head += rest;
    }
    forget_until(events, events->head + need);
    return slot_at(events, events->head);
}

static void write_text(struct json *out, const struct bus_event *event)
{
    char id[CYAN_ID_TEXT];
    const char *from = event->origin == BUS_FROM_API ? "api" : "particle-internal";
    if (event->about_device) {
        cyan_hex_encode(event->device, CYAN_ID_LEN, id);
        from = id;
    }
    jsonw_raw(out, "event: ", 7);
    jsonw_raw_utf8(out, event->name, event->name_len);
    jsonw_raw(out, "\ndata: ", 7);
    jsonw_object(out);
    jsonw_key(out, "data");
    if (event->data) {
        jsonw_bytes(out, event->data, event->data_len);
    } else {
        jsonw_null(out);
    }
    jsonw_put_int(out, "ttl", event->ttl);
    jsonw_put_time(out, "published_at", event->published_ms);
    jsonw_put_text(out, "coreid", from);
    jsonw_object_end(out);
    jsonw_raw(out, "\n\n", 2);
}

static size_t room_for(const struct bus_event *event)
{
    size_t need =
        sizeof(struct slot) + FRAME_MAX + JSON_GROWTH_MAX * (event->name_len + event->data_len);
    return (need + SLOT_ALIGN - 1) / SLOT_ALIGN * SLOT_ALIGN;
}

/* Formats the event into the ring and returns where it begins. */
static uint64_t write_slot(struct events *events, const struct bus_event *event,
                           const struct about *about)
{
    size_t need = room_for(event);
    struct slot *slot = reserve(events, need);
    uint64_t place = events->head;
    struct json out;
    jsonw_init(&out, slot->text, need - sizeof *slot);
    write_text(&out, event);
    assert(!jsonw_failed(&out));
    size_t size = (sizeof *slot + out.len + SLOT_ALIGN - 1) / SLOT_ALIGN * SLOT_ALIGN;
    slot->head = (struct slot_head){.size = (uint32_t)size, .len = (uint32_t)out.len};
    slot->about = *about;
    events->head += size;
    return place;
}

static bool matches(const struct stream *stream, const struct about *about)
{
    const struct stream_filter *f = &stream->filter;
    bool is_own = about->owner == f->account;
    if (!is_own && (about->is_private || f->scope != STREAM_MINE_AND_PUBLIC)) {
        return false;
    }
    if (f->scope == STREAM_DEVICE &&
        !(about->has_device && memcmp(about->device, f->device, CYAN_ID_LEN) == 0)) {
        return false;
    }
    return about->name_len >= stream->prefix_len &&
           memcmp(about->name, f->prefix, stream->prefix_len) == 0;
}

struct publish {
    struct events *events;
    const struct bus_event *event;
    struct about about;
    bool is_written;
    uint64_t place;
};

/* skip: an account whose streams are served by another list. */
static void publish_to(struct publish *p, struct node *list, uint32_t skip)
{
    for (struct node *node = list; node; node = node->next) {
        struct stream *stream = node->stream;
        if (stream->filter.account == skip || !matches(stream, &p->about)) {
            continue;
        }
        if (!p->is_written) {
            p->place = write_slot(p->events, p->event, &p->about);
            p->is_written = true;
        }
        if (stream->is_idle) {
            stream->is_idle = false;
            stream->cursor = p->place;
            stream->wake(stream->arg);
        }
    }
}

static bool starts_with(const struct bus_event *event, const char *prefix)
{
    size_t len = strlen(prefix);
    return event->name_len >= len && memcmp(event->name, prefix, len) == 0;
}

/* What a device tells the cloud alone: its hardware, and the secret with which it is claimed. */
static bool is_for_cloud_only(const struct bus_event *event)
{
    return event->origin == BUS_FROM_DEVICE &&
           (starts_with(event, "spark/hardware/") || starts_with(event, "spark/device/claim/code"));
}

static bool fits(const struct events *events, const struct bus_event *event)
{
    return event->name_len <= CYAN_EVENT_NAME_MAX && event->data_len <= events->ring_len &&
           room_for(event) <= events->ring_len / 2;
}

static void on_event(void *arg, const struct bus_event *event)
{
    struct events *events = arg;
    /* The bus may lead to other nodes, whose limits may differ. */
    if (event->owner == 0 || !fits(events, event) || is_for_cloud_only(event)) {
        return;
    }
    struct publish p = {.events = events,
                        .event = event,
                        .about = {.owner = event->owner,
                                  .is_private = event->is_private,
                                  .has_device = event->about_device,
                                  .name_len = (uint8_t)event->name_len}};
    memcpy(p.about.device, event->device, CYAN_ID_LEN);
    memcpy(p.about.name, event->name, event->name_len);
    publish_to(&p, events->accounts[event->owner % ACCOUNT_BUCKETS], 0);
    if (!event->is_private) {
        publish_to(&p, events->everybody, event->owner);
    }
    if (event->origin != BUS_FROM_CLOUD) {
        events->to_devices(events->arg, event);
    }
}

struct events *events_create(struct bus *bus, size_t ring_len, bus_handler *to_devices, void *arg)
{
    struct events *events = calloc(1, sizeof *events);
    size_t len = ring_len / SLOT_ALIGN * SLOT_ALIGN;
    uint8_t *ring = malloc(len);
    if (!events || !ring) {
        free(ring);
        free(events);
        return NULL;
    }
    events->bus = bus;
    events->to_devices = to_devices;
    events->arg = arg;
    events->ring = ring;
    events->ring_len = len;
    bus->listen(bus->ctx, on_event, events);
    return events;
}

void events_destroy(struct events *events)
{
    if (events) {
        events->bus->listen(events->bus->ctx, NULL, NULL);
        free(events->ring);
        free(events);
    }
}

int events_publish(struct events *events, const struct bus_event *event)
{
    struct bus_event stamped = *event;
    if (!cyan_event_name_ok(event->name, event->name_len)) {
        return CYAN_E_INVALID;
    }
    if (!fits(events, event)) {
        return CYAN_E_TOO_LONG;
    }
    if (stamped.published_ms == 0) {
        stamped.published_ms = clock_now_ms();
    }
    return events->bus->publish(events->bus->ctx, &stamped);
}

struct stream *stream_open(struct events *events, const struct stream_filter *filter,
                           stream_wake_fn *wake, void *arg)
{
    struct stream *stream = calloc(1, sizeof *stream);
    if (!stream) {
        return NULL;
    }
    stream->events = events;
    stream->filter = *filter;
    stream->prefix_len = strlen(filter->prefix);
    stream->is_idle = true;
    stream->wake = wake;
    stream->arg = arg;
    node_insert(&stream->of_account, &events->accounts[filter->account % ACCOUNT_BUCKETS], stream);
    if (filter->scope == STREAM_MINE_AND_PUBLIC) {
        node_insert(&stream->of_everybody, &events->everybody, stream);
    }
    return stream;
}

void stream_close(struct stream *stream)
{
    if (stream) {
        node_remove(&stream->of_account);
        node_remove(&stream->of_everybody);
        free(stream);
    }
}

static void next_slot(struct stream *stream, const struct slot *slot)
{
    stream->cursor += slot->head.size;
    stream->part = 0;
}

ssize_t stream_read(struct stream *stream, char *buf, size_t cap)
{
    const struct events *events = stream->events;
    size_t copied = 0;
    assert(cap > 0);
    if (stream->is_idle) {
        return 0;
    }
    if (stream->cursor < events->tail) {
        return CYAN_E_CLOSED;
    }
    while (stream->cursor != events->head) {
        const struct slot *slot = slot_at(events, stream->cursor);
        if (slot->head.len == 0 || !matches(stream, &slot->about)) {
            next_slot(stream, slot);
            continue;
        }
        size_t left = slot->head.len - stream->part;
        if (left > cap - copied && copied > 0) {
            break;
        }
        size_t n = left < cap - copied ? left : cap - copied;
        memcpy(buf + copied, slot->text + stream->part, n);
        copied += n;
        if (n < left) {
            stream->part += n;
            break;
        }
        next_slot(stream, slot);
    }
    stream->is_idle = copied == 0;
    return (ssize_t)copied;
}
