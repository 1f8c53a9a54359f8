/* Events: publish, and the three streams. */
#include <string.h>

#include "base/err.h"
#include "server/api/reply.h"
#include "server/api/routes.h"
#include "server/api/sse.h"
#include "wire/event.h"

/* Names that the cloud alone may use: devices and people rely on who speaks. */
static bool is_reserved(const char *name)
{
    static const char *const prefixes[] = {"cyan/", "spark", "particle"};
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0) {
            return true;
        }
    }
    return false;
}

/* NULL, or why there can be no such event. */
static const char *read_event(const struct request *request, struct bus_event *event)
{
    const char *name = fields_text(request->form, "name");
    const struct field *data = fields_find(request->form, "data");
    int64_t ttl = CYAN_EVENT_TTL_DEFAULT;
    /* Private unless the publisher says otherwise: what was never meant for others must not reach
     * them by an omission. */
    event->is_private = true;
    if (!name || !cyan_event_name_ok(name, strlen(name))) {
        return "name has 1 to 64 characters, none of them a control character.";
    }
    if (is_reserved(name)) {
        return "Names that begin with cyan/, spark or particle are the cloud's own.";
    }
    if (data && (data->is_nested || data->value_len > CYAN_EVENT_DATA_MAX)) {
        return "data is one text of at most 864 bytes.";
    }
    if (fields_number(request->form, "ttl", CYAN_EVENT_TTL_MAX, &ttl) == CYAN_E_INVALID) {
        return "ttl is a number of seconds.";
    }
    if (fields_bool(request->form, "private", &event->is_private) == CYAN_E_INVALID) {
        return "private is true or false.";
    }
    event->name = name;
    event->name_len = strlen(name);
    event->data = data ? (const uint8_t *)data->value : NULL;
    event->data_len = data ? data->value_len : 0;
    event->ttl = (uint32_t)ttl;
    return NULL;
}

void route_publish(struct request *request)
{
    struct bus_event event = {.owner = request->account.id, .origin = BUS_FROM_API};
    const char *why = read_event(request, &event);
    if (why) {
        reply_error(request, 400, "INVALID", why);
        return;
    }
    int err = events_publish(request->cloud->events, &event);
    if (err < 0) {
        reply_status(request, err);
    } else {
        reply_ok(request);
    }
}

static void start_stream(struct request *request, enum stream_scope scope, const char *prefix)
{
    struct stream_filter filter = {.account = request->account.id, .scope = scope};
    size_t len = strlen(prefix);
    if (len >= sizeof filter.prefix) {
        reply_error(request, 400, "INVALID", "The name of an event has at most 64 characters.");
        return;
    }
    memcpy(filter.prefix, prefix, len + 1);
    memcpy(filter.device, request->device.id, CYAN_ID_LEN);
    if (request->is_head) {
        reply_bytes(request, 200, "text/event-stream", "", 0);
    } else {
        sse_start(request, &filter);
    }
}

void route_stream_all(struct request *request)
{
    start_stream(request, STREAM_MINE_AND_PUBLIC, request->match.params[0]);
}

void route_stream_mine(struct request *request)
{
    start_stream(request, STREAM_MINE, request->match.params[0]);
}

void route_stream_device(struct request *request)
{
    start_stream(request, STREAM_DEVICE, request->match.params[1]);
}
