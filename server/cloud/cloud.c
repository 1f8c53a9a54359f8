#include "server/cloud/cloud.h"

#include <string.h>

#include "server/bus/bus.h"
#include "server/cloud/accounts.h"
#include "server/cloud/calls_inbox.h"
#include "server/cloud/custody.h"
#include "server/cloud/events.h"
#include "server/cloud/incidents.h"
#include "server/cloud/jobs.h"
#include "server/cloud/link.h"
#include "server/cloud/outbox.h"
#include "server/cloud/policies.h"
#include "server/cloud/presence.h"
#include "server/cloud/registry.h"

enum { EVENT_RING_LEN = 4 * 1024 * 1024 };

/* Events for devices; the link is made after the ring that feeds it. */
static void to_devices(void *arg, const struct bus_event *event)
{
    const struct cloud *cloud = arg;
    if (cloud->link) {
        link_event(cloud->link, event);
    }
}

/* After the jobs, presence and events. */
static int make_history(struct cloud *cloud)
{
    uint64_t seed = 0;
    int status = cloud->crypto->random(cloud->crypto->ctx, (uint8_t *)&seed, sizeof seed);
    if (status != 0) {
        return status;
    }
    cloud->outbox = outbox_create(cloud->jobs, cloud->events, seed);
    if (cloud->outbox) {
        cloud->incidents = incidents_create(cloud->jobs, cloud->presence, cloud->outbox, seed);
    }
    return cloud->incidents ? 0 : CYAN_E_NO_MEMORY;
}

static int make_custody(struct cloud *cloud, const struct cloud_parts *parts)
{
    const struct cyan_crypto *crypto = cloud->crypto;
    int status = crypto->sha256(crypto->ctx, parts->server_spki, CYAN_SERVER_SPKI_LEN,
                                cloud->server_prints[0]);
    if (status == 0 && parts->server_prev_spki) {
        status = crypto->sha256(crypto->ctx, parts->server_prev_spki, CYAN_SERVER_SPKI_LEN,
                                cloud->server_prints[1]);
    }
    cloud->custody = custody_create(cloud, parts->unknown);
    return status == 0 && !cloud->custody ? CYAN_E_NO_MEMORY : status;
}

int cloud_create(const struct cloud_parts *parts, struct cloud *out_cloud)
{
    struct cloud *cloud = out_cloud;
    *cloud = (struct cloud){.loop = parts->loop, .crypto = parts->crypto, .signup = parts->signup};
    memcpy(cloud->server_spki, parts->server_spki, sizeof cloud->server_spki);
    cloud->jobs = jobs_create(parts->loop, parts->store);
    cloud->presence = presence_create();
    cloud->events = events_create(parts->bus, EVENT_RING_LEN, to_devices, cloud);
    cloud->calls = calls_create(cloud);
    if (!cloud->jobs || !cloud->presence || !cloud->events || !cloud->calls) {
        return CYAN_E_NO_MEMORY;
    }
    cloud->accounts = accounts_create(cloud->jobs, parts->crypto);
    cloud->registry = registry_create(cloud->jobs, cloud->presence, parts->crypto);
    if (!cloud->accounts || !cloud->registry) {
        return CYAN_E_NO_MEMORY;
    }
    int status = make_history(cloud);
    if (status == 0) {
        status = make_custody(cloud, parts);
    }
    if (status == 0) {
        status = link_create(cloud, parts->tools, parts->shard_count, &cloud->link);
    }
    if (status == 0) {
        policies_start(cloud);
    }
    return status;
}

void cloud_stop(struct cloud *cloud)
{
    link_stop(cloud->link);
}

void cloud_destroy(struct cloud *cloud)
{
    calls_stop(cloud->calls);
    jobs_drain(cloud->jobs);
    custody_stop(cloud->custody);
    incidents_destroy(cloud->incidents);
    outbox_destroy(cloud->outbox);
    registry_destroy(cloud->registry);
    accounts_destroy(cloud->accounts);
    jobs_destroy(cloud->jobs);
    (void)uv_run(cloud->loop, UV_RUN_DEFAULT);
    link_destroy(cloud->link);
    custody_destroy(cloud->custody);
    calls_destroy(cloud->calls);
    events_destroy(cloud->events);
    presence_destroy(cloud->presence);
}
