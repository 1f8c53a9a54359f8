/* events.h - the one place where an event is fanned out: to the HTTP streams and to devices.
 *
 * Every event is formatted once, into one shared ring; a stream is a cursor in it and a filter.
 * A stream that falls off the ring has ended: a slow reader costs no memory and slows nobody.
 * On the hub's thread; knows nothing of HTTP. */
#ifndef CYAN_SERVER_CLOUD_EVENTS_H
#define CYAN_SERVER_CLOUD_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "server/bus/bus.h"
#include "wire/limits.h"

struct events;
struct stream;

enum stream_scope {
    STREAM_MINE_AND_PUBLIC, /* /v1/events */
    STREAM_MINE,            /* /v1/devices/events */
    STREAM_DEVICE,          /* /v1/devices/:id/events */
};

struct stream_filter {
    uint32_t account;
    enum stream_scope scope;
    uint8_t device[CYAN_ID_LEN];          /* of STREAM_DEVICE */
    char prefix[CYAN_EVENT_NAME_MAX + 1]; /* "" for all; case-sensitive */
};

/* Called when a stream that had nothing more to read has something, once until it is read again. */
typedef void stream_wake_fn(void *arg);

/* Borrows bus, and becomes its listener. to_devices is called for every event that devices may
 * have subscribed to. ring_len in bytes. NULL without memory. */
struct events *events_create(struct bus *bus, size_t ring_len, bus_handler *to_devices, void *arg);
void events_destroy(struct events *events);

/* Publishes through the bus. published_ms 0: now. CYAN_E_INVALID for a name that is not
 * cyan_event_name_ok. */
int events_publish(struct events *events, const struct bus_event *event);

/* A stream begins with the next event. NULL without memory. */
struct stream *stream_open(struct events *events, const struct stream_filter *filter,
                           stream_wake_fn *wake, void *arg);
void stream_close(struct stream *stream);

/* Copies whole events that match into buf, as they stand on the wire of server-sent events.
 * Returns their bytes; 0: none now, wake will be called; CYAN_E_CLOSED: fell off the ring;
 * an event longer than cap is copied piece by piece over several calls. */
ssize_t stream_read(struct stream *stream, char *buf, size_t cap);

#endif
