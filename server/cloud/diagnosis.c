#include "server/cloud/diagnosis.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { AGO_MAX = 48 };

#define NOTHING_SEEN "not known: nothing of the device arrives here"

__attribute__((format(printf, 2, 3))) static void say(struct diagnosis *out, const char *format,
                                                      ...)
{
    if (out->story_count < DIAGNOSIS_SENTENCES_MAX) {
        va_list args;
        va_start(args, format);
        (void)vsnprintf(out->story[out->story_count++], DIAGNOSIS_SENTENCE_MAX, format, args);
        va_end(args);
    }
}

static void put(char *out, size_t cap, const char *text)
{
    (void)snprintf(out, cap, "%s", text);
}

__attribute__((format(printf, 2, 3))) static void command(struct diagnosis *out, const char *format,
                                                          ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(out->command, sizeof out->command, format, args);
    va_end(args);
}

/* "3 hours ago" */
static const char *ago(const struct diagnosis_facts *facts, int64_t when_ms, char out[AGO_MAX])
{
    static const struct {
        int64_t seconds;
        const char *name;
    } units[] = {{86400, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}};
    int64_t seconds = (facts->now_ms - when_ms) / 1000;
    size_t i = 0;
    if (seconds < 1) {
        put(out, AGO_MAX, "just now");
        return out;
    }
    while (seconds < units[i].seconds) {
        i++;
    }
    int64_t n = seconds / units[i].seconds;
    (void)snprintf(out, AGO_MAX, "%" PRId64 " %s%s ago", n, units[i].name, n == 1 ? "" : "s");
    return out;
}

static const char *times(int64_t count)
{
    return count == 1 ? "once" : "several times";
}

/* A cause's own sentence, and how often. */
static void say_cause(const struct diagnosis_facts *facts, enum incident_cause cause,
                      const struct diagnosis_cause *what, const char *device, struct diagnosis *out)
{
    char text[CAUSE_TEXT_MAX];
    char when[AGO_MAX];
    const struct cause_subject subject = {
        .device = device, .address = facts->address, .proven = what->proven};
    cause_advice(cause, &subject, text);
    say(out, "%s", text);
    if (what->count == 1) {
        say(out, "This was seen once, %s.", ago(facts, what->last_ms, when));
    } else {
        say(out, "This was seen %" PRId64 " times, last %s.", what->count,
            ago(facts, what->last_ms, when));
    }
}

static void take_words(enum incident_cause cause, bool proven, struct diagnosis *out)
{
    out->led = cause_led(cause, proven);
    out->fault = cause_of(cause)->fault;
}

static void say_last(const struct diagnosis_facts *facts, struct diagnosis *out)
{
    char when[AGO_MAX];
    if (facts->last_heard_ms != 0) {
        say(out, "It was last heard %s, at %s, with firmware %s.",
            ago(facts, facts->last_heard_ms, when),
            facts->address[0] != '\0' ? facts->address : "an unknown address", facts->firmware);
    }
    if (facts->last_reset[0] != '\0') {
        say(out, "The last reset that it told of was %.31s.", facts->last_reset);
    }
}

static void say_pending(const struct diagnosis_facts *facts, struct diagnosis *out)
{
    if (facts->pending_count == 1) {
        say(out, "A key that was proven waits for your word.");
    } else if (facts->pending_count > 1) {
        say(out, "%zu keys that were proven wait for your word; at most one is the device's.",
            facts->pending_count);
    }
}

static void tell_clone(const struct diagnosis_facts *facts, struct diagnosis *out)
{
    put(out->headline, sizeof out->headline, "two devices use this id");
    say_cause(facts, CAUSE_CLONE, &facts->own[CAUSE_CLONE], facts->device, out);
    say_pending(facts, out);
    take_words(CAUSE_CLONE, true, out);
    command(out, "cyan keys list %s", facts->device);
}

static void tell_contested(const struct diagnosis_facts *facts, struct diagnosis *out)
{
    put(out->headline, sizeof out->headline,
        "contested: several keys claim to be this device, and none of them gets at its data");
    say_pending(facts, out);
    say(out, "Read the fingerprint from the device, or let it blink, and approve that one.");
    take_words(CAUSE_CONTESTED, true, out);
    out->led = facts->held || facts->online ? out->led : cause_led(CAUSE_KEY_MISMATCH, false);
    command(out, "cyan keys list %s", facts->device);
}

static void tell_held(const struct diagnosis_facts *facts, struct diagnosis *out)
{
    put(out->headline, sizeof out->headline,
        "held: the LED breathes cyan, but the device is not trusted");
    say(out, "It is connected with a key that is not the trusted one, and proved that it holds it. "
             "Nothing of its data goes through until you approve that key.");
    say_pending(facts, out);
    say(out, "A device whose settings lost power while they were written makes a new key by "
             "itself. That is the usual reason; the other one is somebody who pretends.");
    say_last(facts, out);
    take_words(CAUSE_KEY_MISMATCH, true, out);
    command(out, "cyan keys list %s", facts->device);
}

static void tell_well(const struct diagnosis_facts *facts, struct diagnosis *out)
{
    bool waits = facts->pending_count > 0;
    put(out->headline, sizeof out->headline,
        waits ? "online with its trusted key; another key waits for your word" : "all is well");
    say(out, "It is connected with its trusted key.");
    say_pending(facts, out);
    say_last(facts, out);
    out->led = "breathing cyan";
    out->fault = waits ? "nobody's, unless you gave the device a new key" : "nobody's";
    command(out, waits ? "cyan keys list %s" : "cyan incidents %s", facts->device);
}

static void tell_refused(const struct diagnosis_facts *facts, enum incident_cause cause,
                         struct diagnosis *out)
{
    static const char *const headlines[INCIDENT_CAUSES] = {
        [CAUSE_KEY_MISMATCH] = "refused: it comes with a key that is not the trusted one",
        [CAUSE_KEY_MALFORMED] = "refused: its key is damaged",
        [CAUSE_KEY_REVOKED] = "refused: its key was revoked",
    };
    put(out->headline, sizeof out->headline, headlines[cause]);
    say_cause(facts, cause, &facts->own[cause], facts->device, out);
    if (cause == CAUSE_KEY_MISMATCH && facts->policy) {
        say(out, "The policy for it is %.31s.", facts->policy);
    }
    say_pending(facts, out);
    say_last(facts, out);
    take_words(cause, false, out);
    if (cause == CAUSE_KEY_MALFORMED) {
        command(out, "cyan keys new");
    } else {
        command(out, "cyan keys list %s", facts->device);
    }
}

static void tell_dropped(const struct diagnosis_facts *facts, struct diagnosis *out)
{
    put(out->headline, sizeof out->headline,
        "it cannot use our answer: its private key is "
        "damaged, or it belongs to another server");
    say_cause(facts, CAUSE_DROPPED_OUR_KEY, &facts->own[CAUSE_DROPPED_OUR_KEY], facts->device, out);
    say_last(facts, out);
    take_words(CAUSE_DROPPED_OUR_KEY, false, out);
    command(out, "cyan keys new");
}

static void tell_revoked(const struct diagnosis_facts *facts, struct diagnosis *out)
{
    put(out->headline, sizeof out->headline, "its key was revoked and it has no other");
    say(out, "Whatever comes with the revoked key is refused. Give the device a new key by USB and "
             "send its public half; or unrevoke the old one, with a reason, and approve it.");
    say_last(facts, out);
    take_words(CAUSE_KEY_REVOKED, false, out);
    command(out, "cyan keys list %s", facts->device);
}

/* Something at its address cannot read our key, while it is away. */
static void tell_near(const struct diagnosis_facts *facts, enum incident_cause cause,
                      struct diagnosis *out)
{
    put(out->headline, sizeof out->headline,
        "offline, and something at its address fails: likely its copy of the server's key is "
        "damaged");
    say_last(facts, out);
    say_cause(facts, cause, &facts->near[cause], NULL, out);
    say(out, "Nothing proves that this is the device. If its LED shows a red flash now, it is.");
    take_words(cause, false, out);
    command(out, "cyan keys server");
}

static void tell_waiting(const struct diagnosis_facts *facts, struct diagnosis *out)
{
    put(out->headline, sizeof out->headline, "offline, and a key waits for your word");
    say_pending(facts, out);
    say(out, "The device that proved it is not connected now. Approved, it is full at its next "
             "try, which comes at most 128 seconds after the one before.");
    say_last(facts, out);
    out->led = NOTHING_SEEN;
    out->fault = "nobody's, or a stranger's: the fingerprint tells";
    command(out, "cyan keys list %s", facts->device);
}

static void tell_never(const struct diagnosis_facts *facts, struct diagnosis *out)
{
    bool has_key = facts->has_trusted || facts->has_announced;
    put(out->headline, sizeof out->headline, "it has never connected");
    if (has_key) {
        say(out, "Its key is known. The device needs three things beside it: Wi-Fi, this server's "
                 "address and this server's key. Write the latter two by USB.");
    } else {
        say(out, "No key of it is known: send its public key, and write this server's address and "
                 "key on the device by USB.");
    }
    say(out, "Two or three orange blinks mean that it does not reach this server; a red flash, "
             "that it reaches another one or holds another server's key.");
    out->led = NOTHING_SEEN;
    out->fault = "the device's settings, most likely";
    if (has_key) {
        command(out, "cyan keys server");
    } else {
        command(out, "cyan keys send %s FILE", facts->device);
    }
}

static void tell_gone(const struct diagnosis_facts *facts, struct diagnosis *out)
{
    char when[AGO_MAX];
    (void)snprintf(out->headline, sizeof out->headline, "offline: last heard %s",
                   ago(facts, facts->last_heard_ms, when));
    say_last(facts, out);
    for (enum incident_cause cause = CAUSE_BAD_FRAME; cause <= CAUSE_TIMEOUT; cause++) {
        const struct diagnosis_cause *what = &facts->own[cause];
        if (what->count > 0 && what->last_ms > facts->last_handshake_ms) {
            say(out, "Since its last handshake it failed %s with %s: the network, or its power.",
                times(what->count), cause_of(cause)->name);
        }
    }
    say(out, "Nothing else at its address failed since: so nothing of it arrives. That is power, "
             "Wi-Fi, or the server's address on the device.");
    say(out, "If both copies of its settings are dead, firmware 0.7.0 dials its maker's cloud with "
             "a red flash, and nothing of that is seen here: then write address and key by USB.");
    out->led = NOTHING_SEEN;
    out->fault = "power, Wi-Fi or the device's settings";
    command(out, "cyan incidents %s", facts->device);
}

/* The newest of some causes since a time; INCIDENT_CAUSES: none. */
static enum incident_cause newest(const struct diagnosis_cause *causes,
                                  const enum incident_cause *some, size_t count, int64_t since_ms)
{
    enum incident_cause found = INCIDENT_CAUSES;
    for (size_t i = 0; i < count; i++) {
        const struct diagnosis_cause *c = &causes[some[i]];
        if (c->count > 0 && c->last_ms > since_ms) {
            found = some[i];
            since_ms = c->last_ms;
        }
    }
    return found;
}

static void tell_offline(const struct diagnosis_facts *facts, struct diagnosis *out)
{
    static const enum incident_cause its_own[] = {CAUSE_KEY_MALFORMED, CAUSE_KEY_REVOKED,
                                                  CAUSE_KEY_MISMATCH, CAUSE_DROPPED_OUR_KEY};
    static const enum incident_cause nearby[] = {CAUSE_NOT_DECIPHERABLE, CAUSE_HUNG_UP};
    enum incident_cause own =
        newest(facts->own, its_own, sizeof its_own / sizeof its_own[0], facts->last_handshake_ms);
    enum incident_cause near =
        newest(facts->near, nearby, sizeof nearby / sizeof nearby[0], facts->last_heard_ms);
    bool was_held = own == CAUSE_KEY_MISMATCH && facts->own[own].proven;
    bool has_key = facts->has_trusted || facts->has_announced || facts->pending_count > 0;
    if (was_held && facts->pending_count > 0) {
        own = near = INCIDENT_CAUSES; /* the key that waits says more */
    }
    if (facts->has_revoked && !has_key && own != CAUSE_KEY_MALFORMED) {
        tell_revoked(facts, out);
    } else if (own == CAUSE_DROPPED_OUR_KEY) {
        tell_dropped(facts, out);
    } else if (own != INCIDENT_CAUSES) {
        tell_refused(facts, own, out);
    } else if (near != INCIDENT_CAUSES && facts->last_heard_ms != 0) {
        tell_near(facts, near, out);
    } else if (facts->pending_count > 0) {
        tell_waiting(facts, out);
    } else if (facts->last_handshake_ms == 0) {
        tell_never(facts, out);
    } else {
        tell_gone(facts, out);
    }
}

static const char *key_state(const struct diagnosis_facts *facts)
{
    return facts->pending_count > 1    ? "contested"
           : facts->pending_count == 1 ? "pending"
           : facts->has_trusted        ? "trusted"
           : facts->has_revoked        ? "revoked"
                                       : "none";
}

void diagnosis_tell(const struct diagnosis_facts *facts, struct diagnosis *out_diagnosis)
{
    enum { DAY_MS = 24 * 60 * 60 * 1000 };
    struct diagnosis *out = out_diagnosis;
    const struct diagnosis_cause *clone = &facts->own[CAUSE_CLONE];
    *out = (struct diagnosis){
        .key_state = key_state(facts),
        .session = facts->online ? "full"
                   : facts->held ? "held"
                                 : "none",
    };
    if (clone->count > 0 && facts->now_ms - clone->last_ms < DAY_MS && facts->pending_count > 0) {
        tell_clone(facts, out);
    } else if (facts->pending_count > 1) {
        tell_contested(facts, out);
    } else if (facts->online) {
        tell_well(facts, out);
    } else if (facts->held) {
        tell_held(facts, out);
    } else {
        tell_offline(facts, out);
    }
}
