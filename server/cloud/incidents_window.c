#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "server/cloud/incidents_inner.h"
#include "server/cloud/outbox.h"
#include "server/cloud/presence.h"

enum {
    SEEN_AT_MAX = 1024, /* devices of one address that are looked through */
    SUSPECTS_MAX = 8192 /* of all addresses of a window */
};

int window_init(struct window *window, uint64_t seed)
{
    window->addresses =
        lru_create(INCIDENTS_ADDRESSES_MAX, STORE_ADDRESS_MAX + 1, sizeof(struct tallies), seed);
    return window->addresses ? 0 : CYAN_E_NO_MEMORY;
}

void window_done(struct window *window)
{
    lru_destroy(window->addresses);
}

static void add_up(struct tally *sum, const struct tally *more)
{
    if (sum->count == 0 || more->first_ms < sum->first_ms) {
        sum->first_ms = more->first_ms;
    }
    sum->last_ms = more->last_ms > sum->last_ms ? more->last_ms : sum->last_ms;
    sum->stage = more->stage;
    sum->count += more->count;
}

void window_count(struct incidents *incidents, enum incident_cause cause, const char *address,
                  const uint8_t *claimed, const struct tally *tally)
{
    struct window *window = &incidents->windows[incidents->counting];
    char key[STORE_ADDRESS_MAX + 1] = "";
    struct tallies *tallies = NULL;
    memcpy(key, address, strnlen(address, STORE_ADDRESS_MAX));
    if (key[0] != '\0') {
        bool is_full = lru_count(window->addresses) >= INCIDENTS_ADDRESSES_MAX;
        tallies = is_full ? lru_find(window->addresses, key) : lru_put(window->addresses, key);
    }
    tallies = tallies ? tallies : &window->rest;
    add_up(&tallies->of[cause], tally);
    if (claimed && cause == CAUSE_UNKNOWN_DEVICE) {
        tallies->has_claimed = true;
        memcpy(tallies->claimed, claimed, sizeof tallies->claimed);
    }
}

/* Devices that were seen last at an address where something failed, for their owners to hear. */
struct suspect {
    uint8_t id[CYAN_ID_LEN];
    uint32_t owner;
    uint32_t address; /* which */
};

struct asked {
    char address[STORE_ADDRESS_MAX + 1];
    uint8_t cause;
    int64_t at_ms;
};

struct asking {
    struct job job;
    struct incidents *incidents;
    struct suspect *suspects;
    size_t suspect_count, suspect_cap;
    size_t count;
    struct asked asked[INCIDENTS_ADDRESSES_MAX];
};

struct search {
    struct asking *asking;
    uint32_t address;
};

static int add_suspect(void *arg, const struct store_device *device)
{
    enum { FIRST = 16, ENOUGH = 1 };
    const struct search *search = arg;
    struct asking *asking = search->asking;
    if (device->owner == 0) {
        return 0;
    }
    if (asking->suspect_count == SUSPECTS_MAX) {
        return ENOUGH;
    }
    if (asking->suspect_count == asking->suspect_cap) {
        size_t cap = asking->suspect_cap ? asking->suspect_cap * 2 : FIRST;
        struct suspect *suspects = realloc(asking->suspects, cap * sizeof *suspects);
        if (!suspects) {
            return CYAN_E_NO_MEMORY;
        }
        asking->suspects = suspects;
        asking->suspect_cap = cap;
    }
    struct suspect *suspect = &asking->suspects[asking->suspect_count++];
    *suspect = (struct suspect){.owner = device->owner, .address = search->address};
    memcpy(suspect->id, device->id, sizeof suspect->id);
    return 0;
}

static int ask_store(struct job *job, const struct store *store)
{
    struct asking *asking = (struct asking *)job;
    int status = 0;
    asking->suspect_count = 0;
    for (size_t i = 0; i < asking->count && status == 0; i++) {
        struct search search = {.asking = asking, .address = (uint32_t)i};
        status = store->device_at(store->ctx, asking->asked[i].address, SEEN_AT_MAX, add_suspect,
                                  &search);
    }
    return status < 0 ? status : 0;
}

static void tell_suspects(struct asking *asking)
{
    struct incidents *incidents = asking->incidents;
    size_t told[INCIDENTS_ADDRESSES_MAX] = {0};
    for (size_t i = 0; i < asking->suspect_count; i++) {
        const struct suspect *suspect = &asking->suspects[i];
        const struct asked *asked = &asking->asked[suspect->address];
        if (told[suspect->address] == INCIDENT_TOLD_MAX ||
            presence_find(incidents->presence, suspect->id)) {
            continue;
        }
        told[suspect->address]++;
        struct outbox_event event = {.name = "cyan/handshake/failed",
                                     .owner = suspect->owner,
                                     .cause = cause_of((enum incident_cause)asked->cause)->name,
                                     .at_ms = asked->at_ms};
        memcpy(event.device, suspect->id, sizeof event.device);
        outbox_tell(incidents->outbox, &event);
    }
}

static void on_asked(struct job *job, int status)
{
    struct asking *asking = (struct asking *)job;
    if (status == 0) {
        tell_suspects(asking);
    }
    free(asking->suspects);
    free(asking);
}

/* The causes behind which a device with a damaged copy of our key may stand; the clearest first. */
static const enum incident_cause suspicious[] = {CAUSE_NOT_DECIPHERABLE, CAUSE_HUNG_UP,
                                                 CAUSE_TRUNCATED};

static void ask_about(struct asking *asking, const char *address, const struct tallies *tallies)
{
    for (size_t i = 0; i < sizeof suspicious / sizeof suspicious[0]; i++) {
        const struct tally *tally = &tallies->of[suspicious[i]];
        if (tally->count > 0) {
            struct asked *asked = &asking->asked[asking->count++];
            memcpy(asked->address, address, sizeof asked->address);
            asked->cause = (uint8_t)suspicious[i];
            asked->at_ms = tally->last_ms;
            return;
        }
    }
}

static void tell_tallies(struct incidents *incidents, const char *address,
                         const struct tallies *tallies)
{
    for (size_t i = 0; i < INCIDENT_CAUSES; i++) {
        struct incident_note note = {.cause = (enum incident_cause)i, .address = address};
        char words[STORE_DEVICE_NAME_MAX + 1];
        if (i == CAUSE_UNKNOWN_DEVICE && tallies->has_claimed) {
            char id[CYAN_ID_TEXT];
            cyan_hex_encode(tallies->claimed, CYAN_ID_LEN, id);
            (void)snprintf(words, sizeof words, "the last one said it is %s", id);
            note.note = words;
        }
        if (tallies->of[i].count > 0) {
            incidents_add(incidents, &note, &tallies->of[i]);
        }
    }
}

struct turning {
    struct incidents *incidents;
    struct asking *asking; /* NULL without memory: then nobody hears of it but by asking */
};

static void tell_address(void *arg, const void *key, void *value)
{
    const struct turning *turning = arg;
    tell_tallies(turning->incidents, key, value);
    if (turning->asking) {
        ask_about(turning->asking, key, value);
    }
}

static void tell_window(struct incidents *incidents, struct window *window)
{
    struct turning turning = {.incidents = incidents};
    if (lru_count(window->addresses) > 0) {
        turning.asking = calloc(1, sizeof *turning.asking);
    }
    lru_each(window->addresses, tell_address, &turning);
    tell_tallies(incidents, "", &window->rest);
    lru_clear(window->addresses);
    window->rest = (struct tallies){0};
    if (turning.asking && turning.asking->count > 0) {
        turning.asking->job = (struct job){.run = ask_store, .done = on_asked};
        turning.asking->incidents = incidents;
        jobs_store(incidents->jobs, &turning.asking->job);
    } else {
        free(turning.asking);
    }
}

void windows_turn(struct incidents *incidents)
{
    unsigned waiting = 1 - incidents->counting;
    tell_window(incidents, &incidents->windows[waiting]);
    incidents->counting = waiting;
}
