#include "server/cloud/link.h"

#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "server/cloud/calls_inbox.h"
#include "server/cloud/cloud.h"
#include "server/cloud/custody.h"
#include "server/cloud/events.h"
#include "server/cloud/incidents.h"
#include "server/cloud/letters.h"
#include "server/cloud/link_unit.h"
#include "server/cloud/ownership.h"
#include "server/cloud/presence.h"
#include "server/cloud/recovery.h"
#include "server/cloud/registry.h"
#include "server/net/listener.h"
#include "server/net/log.h"

struct link {
    struct cloud *cloud;
    uv_prepare_t before_poll; /* on the hub's loop: hands over what was written */
    size_t count;
    struct link_unit *units[];
};

enum { SERIAL_SHIFT = 48 }; /* each shard has its own range of serials */

/* A question of a session that custody is thinking about. */
struct question {
    struct link_unit *unit;
    uint64_t serial;
    uint8_t id[CYAN_ID_LEN];
};

static struct question *ask(struct link_unit *unit, uint64_t serial, const uint8_t *id)
{
    struct question *question = malloc(sizeof *question);
    if (question) {
        question->unit = unit;
        question->serial = serial;
        memcpy(question->id, id, sizeof question->id);
    }
    return question;
}

static void on_judged(void *arg, enum session_verdict verdict, const uint8_t *modulus,
                      const uint8_t *fingerprint)
{
    struct question *question = arg;
    struct letter_judged *body =
        mail_put(&question->unit->shard.inbox, LETTER_JUDGED, sizeof *body);
    if (body) {
        *body = (struct letter_judged){.serial = question->serial, .verdict = verdict};
        if (verdict != SESSION_REFUSE) {
            memcpy(body->modulus, modulus, sizeof body->modulus);
            memcpy(body->fingerprint, fingerprint, sizeof body->fingerprint);
        }
    }
    free(question);
}

static void publish_status(struct cloud *cloud, const uint8_t *id, uint32_t owner,
                           const char *status)
{
    static const char name[] = "spark/status";
    struct bus_event event = {.name = name,
                              .name_len = sizeof name - 1,
                              .data = (const uint8_t *)status,
                              .data_len = strlen(status),
                              .owner = owner,
                              .ttl = CYAN_EVENT_TTL_DEFAULT,
                              .origin = BUS_FROM_CLOUD,
                              .about_device = true,
                              .is_private = true};
    memcpy(event.device, id, sizeof event.device);
    (void)events_publish(cloud->events, &event);
}

static void tell(struct cloud *cloud, const struct online *entry, const char *status)
{
    if (!entry->is_untold) {
        publish_status(cloud, entry->id, entry->owner, status);
    }
}

/* The new session takes the place of an older one, wherever that lives. That of one that was held
 * says online when what it kept aside has gone out. */
static void enter(struct link_unit *unit, uint64_t serial, const uint8_t *id, uint32_t owner,
                  const uint8_t *fingerprint, bool was_held)
{
    struct cloud *cloud = unit->link->cloud;
    struct online *older = presence_find(cloud->presence, id);
    if (older) {
        link_close_session(unit->link, older->shard, older->session, SESSION_END_DISPLACED);
        tell(cloud, older, "offline");
    }
    struct online entry = {.owner = owner,
                           .shard = unit->shard.index,
                           .session = serial,
                           .last_heard_ms = clock_now_ms(),
                           .is_untold = was_held};
    memcpy(entry.id, id, sizeof entry.id);
    memcpy(entry.fingerprint, fingerprint, sizeof entry.fingerprint);
    if (presence_put(cloud->presence, &entry) == 0) {
        char text[CYAN_ID_TEXT];
        cyan_hex_encode(id, CYAN_ID_LEN, text);
        log_write(LOG_INFO, "device online", "device", text, NULL);
        tell(cloud, &entry, "online");
    }
}

static void on_admitted(void *arg, enum session_verdict verdict, uint32_t owner,
                        const uint8_t *fingerprint)
{
    struct question *question = arg;
    struct letter_admitted *body =
        mail_put(&question->unit->shard.inbox, LETTER_ADMITTED, sizeof *body);
    if (body) {
        *body = (struct letter_admitted){
            .serial = question->serial, .verdict = verdict, .owner = owner};
        memcpy(body->id, question->id, sizeof body->id);
        if (verdict == SESSION_FULL) {
            enter(question->unit, question->serial, question->id, owner, fingerprint, false);
        }
    }
    free(question);
}

static void judge(struct link_unit *unit, const struct letter_judge *body)
{
    struct question *question = ask(unit, body->serial, body->claim.id);
    if (question) {
        custody_judge(unit->link->cloud, body->is_nobody, &body->claim, body->address, on_judged,
                      question);
    }
}

static void proven(struct link_unit *unit, const struct letter_proven *body)
{
    struct question *question = ask(unit, body->serial, body->id);
    if (question) {
        custody_proven(unit->link->cloud, unit->shard.index, body, on_admitted, question);
    }
}

static void gone(struct cloud *cloud, const struct letter_gone *body)
{
    const struct online *entry = presence_find(cloud->presence, body->id);
    if (entry && entry->session == body->serial) {
        const struct online was = *entry;
        registry_heard(cloud->registry, body->id, was.last_heard_ms);
        presence_remove(cloud->presence, body->id);
        tell(cloud, &was, "offline");
    }
    custody_gone(cloud, body->id, body->serial);
}

static void promoted(struct cloud *cloud, const struct letter_gone *body)
{
    struct online *entry = presence_find(cloud->presence, body->id);
    if (entry && entry->session == body->serial && entry->is_untold) {
        entry->is_untold = false;
        tell(cloud, entry, "online");
    }
}

static void heard(struct cloud *cloud, const uint8_t *id)
{
    struct online *entry = presence_find(cloud->presence, id);
    if (entry) {
        entry->last_heard_ms = clock_now_ms();
    }
}

static bool is_named(const char *name, size_t len, const char *wanted)
{
    return len == strlen(wanted) && memcmp(name, wanted, len) == 0;
}

/* What a device tells the cloud itself: how it was reset, and the code with which it is claimed. */
static void listen_to(struct cloud *cloud, uint64_t held_serial, const uint8_t *id,
                      const char *name, size_t name_len, const uint8_t *data, size_t data_len)
{
    if (is_named(name, name_len, "spark/device/last_reset")) {
        char reason[STORE_WORD_MAX + 1];
        size_t len = data_len < sizeof reason - 1 ? data_len : sizeof reason - 1;
        for (size_t i = 0; i < len; i++) {
            reason[i] = data[i] >= ' ' && data[i] < 0x7F ? (char)data[i] : '?';
        }
        reason[len] = '\0';
        custody_reset_reason(cloud, held_serial, id, reason);
    } else if (is_named(name, name_len, "spark/device/claim/code")) {
        ownership_code_came(cloud, id, held_serial, (const char *)data, data_len);
    } else if (held_serial == 0 && is_named(name, name_len, "cyan/hello")) {
        recovery_hello(cloud, id, data, data_len);
    } else if (held_serial != 0 && is_named(name, name_len, "cyan/proof")) {
        recovery_proof(cloud, held_serial, data, data_len);
    }
}

static void device_event(struct cloud *cloud, const struct letter_event *body)
{
    const char *name = (const char *)(body + 1);
    bool system = strncmp(name, "spark", 5) == 0 || strncmp(name, "particle", 8) == 0;
    struct bus_event event = {.name = name,
                              .name_len = body->name_len,
                              .data = (const uint8_t *)name + body->name_len + 1,
                              .data_len = body->data_len,
                              .owner = body->owner,
                              .ttl = body->ttl,
                              .origin = BUS_FROM_DEVICE,
                              .about_device = true,
                              .is_private = body->is_private || system};
    if (body->data_len == 0) {
        event.data = NULL;
    }
    memcpy(event.device, body->id, sizeof event.device);
    heard(cloud, body->id);
    listen_to(cloud, 0, body->id, name, body->name_len, event.data, body->data_len);
    if (strncmp(name, "cyan/", 5) != 0) {
        (void)events_publish(cloud->events, &event);
    }
}

static void held_event(struct cloud *cloud, const struct letter_held_event *body)
{
    const char *name = (const char *)(body + 1);
    listen_to(cloud, body->serial, body->id, name, body->name_len,
              (const uint8_t *)name + body->name_len + 1, body->data_len);
}

static void failed(struct cloud *cloud, const struct letter_failed *body)
{
    custody_failed(cloud, body);
    incidents_note_failure(cloud->incidents, body);
}

/* On the hub's thread: a letter from a shard. */
static void receive(void *arg, uint32_t kind, const void *body, size_t len)
{
    struct link_unit *unit = arg;
    struct cloud *cloud = unit->link->cloud;
    (void)len;
    switch (kind) {
    case LETTER_JUDGE:
        judge(unit, body);
        break;
    case LETTER_PROVEN:
        proven(unit, body);
        break;
    case LETTER_GONE:
        gone(cloud, body);
        break;
    case LETTER_EVENT:
        device_event(cloud, body);
        break;
    case LETTER_HEARD:
        heard(cloud, ((const struct letter_heard *)body)->id);
        break;
    case LETTER_REPLY:
        calls_reply(cloud->calls, body);
        break;
    case LETTER_SUBSCRIBED:
        unit->wants_events = true;
        break;
    case LETTER_FAILED:
        failed(cloud, body);
        break;
    case LETTER_HELD_EVENT:
        held_event(cloud, body);
        break;
    case LETTER_PROMOTED:
        promoted(cloud, body);
        break;
    default:
        break;
    }
}

static void flush(struct link *link)
{
    for (size_t i = 0; i < link->count; i++) {
        mail_flush(&link->units[i]->shard.inbox);
    }
}

static void on_before_poll(uv_prepare_t *prepare)
{
    flush(prepare->data);
}

static int unit_create(struct link *link, uint32_t index, const struct link_tools *tools)
{
    struct link_unit *unit = calloc(1, sizeof *unit);
    if (!unit) {
        return CYAN_E_NO_MEMORY;
    }
    link->units[index] = unit;
    link->count++;
    unit->link = link;
    int err = shard_init(&unit->shard, index, link->cloud->loop, receive, unit, unit_receive, unit);
    if (err == 0) {
        struct session_ops ops = unit_session_ops(unit);
        err = sessions_init(&unit->sessions, &unit->shard, tools->crypto, tools->server_keys,
                            tools->server_key_count, &ops, (uint64_t)(index + 1) << SERIAL_SHIFT);
    }
    if (err == 0) {
        struct actor_ops ops = unit_actor_ops(unit);
        err = actors_init(&unit->actors, &unit->shard, tools->crypto, &ops);
    }
    return err;
}

int link_create(struct cloud *cloud, const struct link_tools *tools, size_t count,
                struct link **out_link)
{
    struct link *link = calloc(1, sizeof *link + count * sizeof link->units[0]);
    if (!link) {
        return CYAN_E_NO_MEMORY;
    }
    link->cloud = cloud;
    if (uv_prepare_init(cloud->loop, &link->before_poll) < 0) {
        free(link);
        return CYAN_E_IO;
    }
    link->before_poll.data = link;
    (void)uv_prepare_start(&link->before_poll, on_before_poll);
    for (uint32_t i = 0; i < count; i++) {
        int err = unit_create(link, i, &tools[i]);
        if (err < 0) {
            return err; /* only without memory at the start; the program ends */
        }
    }
    *out_link = link;
    return 0;
}

int link_listen(struct link *link, const char *host, uint16_t *port)
{
    int err = listener_check(host, *port);
    for (size_t i = 0; i < link->count && err == 0; i++) {
        int socket = -1;
        err = listener_bind(host, *port, &socket, port);
        if (err == 0) {
            err = shard_listen(&link->units[i]->shard, socket);
        }
    }
    return err;
}

static void run_unit(void *arg)
{
    struct link_unit *unit = arg;
    shard_run(&unit->shard);
}

int link_start(struct link *link)
{
    for (size_t i = 0; i < link->count; i++) {
        struct link_unit *unit = link->units[i];
        if (uv_thread_create(&unit->thread, run_unit, unit) < 0) {
            return CYAN_E_NO_MEMORY;
        }
        unit->started = true;
    }
    return 0;
}

void link_stop(struct link *link)
{
    for (size_t i = 0; i < link->count; i++) {
        struct link_unit *unit = link->units[i];
        (void)mail_put(&unit->shard.inbox, LETTER_STOP, 0);
        mail_flush(&unit->shard.inbox);
        if (!unit->started) {
            shard_run(&unit->shard);
        }
    }
    for (size_t i = 0; i < link->count; i++) {
        struct link_unit *unit = link->units[i];
        if (unit->started) {
            (void)uv_thread_join(&unit->thread);
        }
    }
    /* The last letters say which sessions have ended. */
    (void)uv_run(link->cloud->loop, UV_RUN_NOWAIT);
    for (size_t i = 0; i < link->count; i++) {
        mail_lane_close(&link->units[i]->shard.outbox);
    }
    uv_close((uv_handle_t *)&link->before_poll, NULL);
}

void link_destroy(struct link *link)
{
    for (size_t i = 0; i < link->count; i++) {
        struct link_unit *unit = link->units[i];
        sessions_done(&unit->sessions);
        actors_done(&unit->actors);
        shard_done(&unit->shard);
        free(unit);
    }
    free(link);
}

void link_event(void *arg, const struct bus_event *event)
{
    struct link *link = arg;
    for (size_t i = 0; i < link->count; i++) {
        struct link_unit *unit = link->units[i];
        if (!unit->wants_events || mail_is_behind(&unit->shard.inbox)) {
            continue;
        }
        size_t tail = event->name_len + 1 + event->data_len;
        struct letter_event *body = mail_put(&unit->shard.inbox, LETTER_EVENT, sizeof *body + tail);
        if (!body) {
            continue;
        }
        *body = (struct letter_event){.owner = event->owner,
                                      .ttl = event->ttl,
                                      .name_len = (uint16_t)event->name_len,
                                      .data_len = (uint16_t)event->data_len,
                                      .is_private = event->is_private,
                                      .about_device = event->about_device};
        memcpy(body->id, event->device, sizeof body->id);
        char *name = (char *)(body + 1);
        memcpy(name, event->name, event->name_len);
        name[event->name_len] = '\0';
        if (event->data_len > 0) {
            memcpy(name + event->name_len + 1, event->data, event->data_len);
        }
    }
}

void link_close_session(struct link *link, uint32_t shard, uint64_t serial, enum session_end why)
{
    struct letter_close *body =
        mail_put(&link->units[shard]->shard.inbox, LETTER_CLOSE, sizeof *body);
    if (body) {
        *body = (struct letter_close){.serial = serial, .why = why};
    }
}

void link_promote(struct link *link, uint32_t shard, uint64_t serial,
                  const uint8_t id[static CYAN_ID_LEN], uint32_t owner,
                  const uint8_t fingerprint[static CYAN_SHA256_LEN])
{
    struct link_unit *unit = link->units[shard];
    struct letter_promote *body = mail_put(&unit->shard.inbox, LETTER_PROMOTE, sizeof *body);
    if (body) {
        *body = (struct letter_promote){.serial = serial, .owner = owner};
        memcpy(body->id, id, sizeof body->id);
        enter(unit, serial, id, owner, fingerprint, true);
    }
}

void link_set_owner(struct link *link, const uint8_t id[static CYAN_ID_LEN], uint32_t owner)
{
    struct online *entry = presence_find(link->cloud->presence, id);
    if (!entry || entry->owner == owner) {
        return;
    }
    struct letter_owner *body =
        mail_put(&link->units[entry->shard]->shard.inbox, LETTER_OWNER, sizeof *body);
    if (body) {
        *body = (struct letter_owner){.owner = owner};
        memcpy(body->id, id, sizeof body->id);
        tell(link->cloud, entry, "offline");
        entry->owner = owner;
        tell(link->cloud, entry, "online");
    }
}

int link_call(struct link *link, uint32_t shard, const struct letter_call *call, const char *name,
              const char *argument)
{
    size_t tail = (size_t)call->name_len + 1 + call->argument_len + 1;
    struct letter_call *body =
        mail_put(&link->units[shard]->shard.inbox, LETTER_CALL, sizeof *body + tail);
    if (!body) {
        return CYAN_E_NO_MEMORY;
    }
    *body = *call;
    char *text = (char *)(body + 1);
    memcpy(text, name, (size_t)call->name_len + 1);
    memcpy(text + call->name_len + 1, argument, (size_t)call->argument_len + 1);
    return 0;
}

uint64_t link_longest_turn_ns(const struct link *link)
{
    uint64_t longest = 0;
    for (size_t i = 0; i < link->count; i++) {
        uint64_t turn = link->units[i]->shard.longest_turn_ns;
        longest = turn > longest ? turn : longest;
    }
    return longest;
}
