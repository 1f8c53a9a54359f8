/* Who is the clone: the full session that answers, or nobody. */
#include <stdlib.h>
#include <string.h>

#include "server/cloud/calls.h"
#include "server/cloud/cloud.h"
#include "server/cloud/custody_inner.h"
#include "server/cloud/outbox.h"
#include "server/cloud/presence.h"
#include "server/net/log.h"

struct clone_ping {
    struct cloud *cloud;
    uint8_t id[CYAN_ID_LEN];
    int64_t started_ms;
};

static void tell_clone(struct custody *custody, const struct held *h)
{
    const struct online *online = presence_find(custody->cloud->presence, h->c.id);
    const struct incident_note incident = {
        .cause = CAUSE_CLONE,
        .device = h->c.id,
        .owner = h->owner,
        .address = h->c.address,
        .presented = h->c.fingerprint,
        .trusted = online ? online->fingerprint : NULL,
        .proven = true,
    };
    struct outbox_event event = {.name = "cyan/key/clone",
                                 .owner = h->owner,
                                 .old_print = online ? online->fingerprint : NULL,
                                 .new_print = h->c.fingerprint,
                                 .cause = "clone",
                                 .at_ms = clock_now_ms()};
    memcpy(event.device, h->c.id, sizeof event.device);
    incidents_note(custody->cloud->incidents, &incident);
    outbox_tell(custody->cloud->outbox, &event);
}

/* Silence is no alarm: the old session ends by its idle limit. */
static void on_clone_pong(void *arg, const struct call_reply *reply)
{
    enum { ANSWER_MS = 10000 };
    struct clone_ping *ping = arg;
    struct custody *custody = ping->cloud->custody;
    struct clone_check *check = lru_find(custody->clones, ping->id);
    bool counts = check && check->is_open && check->started_ms == ping->started_ms &&
                  reply->status == 0 && clock_now_ms() - ping->started_ms <= ANSWER_MS;
    if (check) {
        check->is_open = false;
    }
    bool silent = check && check->started_ms == ping->started_ms && reply->status != 0;
    struct held *h = counts ? held_of(&custody->held, ping->id, NULL, NULL) : NULL;
    if (h) {
        check->is_clone = true;
        tell_clone(custody, h);
    }
    for (; h; h = held_of(&custody->held, ping->id, NULL, h)) {
        h->c.is_clone = true;
    }
    if (silent) {
        check->is_silent = true;
        /* What waited for the answer alone need not wait longer. */
        custody_review_held(custody, ping->id);
    }
    free(ping);
}

void custody_start_clone_check(struct custody *custody, const struct held *h)
{
    struct cloud *cloud = custody->cloud;
    int64_t now = clock_now_ms();
    if (!h->known || !presence_find(cloud->presence, h->c.id)) {
        return;
    }
    struct clone_check *check = lru_put(custody->clones, h->c.id);
    if (!check || (check->started_ms != 0 && now - check->started_ms < CUSTODY_CLONE_MS)) {
        return;
    }
    struct clone_ping *ping = malloc(sizeof *ping);
    if (!ping) {
        return;
    }
    *check = (struct clone_check){.started_ms = now, .is_open = true};
    *ping = (struct clone_ping){.cloud = cloud, .started_ms = now};
    memcpy(ping->id, h->c.id, sizeof ping->id);
    struct call call = {.kind = CALL_PING};
    memcpy(call.device, h->c.id, sizeof call.device);
    calls_start(cloud, &call, on_clone_pong, ping);
}

void custody_end_clone_check(struct custody *custody, const uint8_t id[static CYAN_ID_LEN])
{
    struct clone_check *check = lru_find(custody->clones, id);
    if (check) {
        check->is_open = check->is_clone = false;
    }
}
