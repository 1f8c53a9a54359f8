/* ring.h - the event ring alone, and streams on it that a test reads itself. */
#ifndef CYAN_TESTS_RING_H
#define CYAN_TESTS_RING_H

#include "server/cloud/events.h"

enum { RING = 65536 }; /* bytes */

extern size_t ring_wakes; /* how often a stream was woken */

/* cmocka's setup and teardown. */
int ring_start(void **state);
int ring_stop(void **state);

/* Of STREAM_DEVICE: of ann's lamp (fake_cloud.h). */
struct stream *ring_open(uint32_t account, enum stream_scope scope, const char *prefix);

/* A public event of account 1 from the API, without data. */
struct bus_event ring_event(const char *name);
void ring_publish(const struct bus_event *event);

/* All that a stream has, as text, in pieces of cap bytes. */
const char *ring_drain(struct stream *stream, size_t cap);

#endif
