/* application.h - what a program on the device registers with its client: variables, functions,
 * subscriptions, and where it wants its news. Tables and values are borrowed for as long as the
 * client lives. */
#ifndef CYAN_DEVICE_APPLICATION_H
#define CYAN_DEVICE_APPLICATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "device/profile.h"
#include "wire/event.h"
#include "wire/request.h"

enum cyan_client_state {
    CYAN_CLIENT_STOPPED,    /* not started, or stopped */
    CYAN_CLIENT_WAITING,    /* for the moment of the next try */
    CYAN_CLIENT_CONNECTING, /* to the cloud's address */
    CYAN_CLIENT_NONCE,      /* connected; waiting for the nonce */
    CYAN_CLIENT_ANSWER,     /* request sent; waiting for the answer */
    CYAN_CLIENT_HELLO,      /* Hello sent; waiting for the cloud's */
    CYAN_CLIENT_CONNECTED,  /* messages flow */
    CYAN_CLIENT_STOPPING,   /* asked to stop; the last bytes are on their way */
};

struct cyan_variable {
    const char *name;
    enum cyan_value_type type;
    const void *value; /* bool, int32_t, double, or the characters of a NUL-terminated text */
};

struct cyan_function {
    const char *name;
    int32_t (*call)(void *ctx, const char *argument); /* ctx is the application's */
};

/* How a try or a session ended. */
struct cyan_client_end {
    int code; /* as this implementation logs it; 0: nothing to log */
    enum cyan_step step;
    int err; /* CYAN_E_* */
};

struct cyan_application {
    void *ctx;
    const struct cyan_variable *variables;
    size_t variable_count;
    const struct cyan_function *functions;
    size_t function_count;
    const struct cyan_subscribe *subscriptions;
    size_t subscription_count;

    /* All may be NULL, and must not call the client but for cyan_client_publish. */

    /* After every change of state. end is NULL but for WAITING after a failure. */
    void (*on_state)(void *ctx, enum cyan_client_state state, const struct cyan_client_end *end);
    /* A handshake is over; end->code 0: it succeeded. Comes before the change of state. */
    void (*on_handshake)(void *ctx, const struct cyan_client_end *end);
    /* An event that one of the subscriptions asked for, the system's own included. */
    void (*on_event)(void *ctx, const struct cyan_event *event);
    /* A confirmable event has been acknowledged (0) or not: CYAN_E_TIMEOUT, CYAN_E_REFUSED,
     * CYAN_E_CLOSED when the session ended before. */
    void (*on_published)(void *ctx, uint16_t id, int err);
    /* The cloud's time, seconds since 1970: once in every session. */
    void (*on_time)(void *ctx, uint32_t seconds);
};

/* CYAN_E_INVALID: a name that is empty, too long for the profile or not plain printable ASCII
 * without quote and backslash; a subscription that cannot be written. CYAN_E_TOO_LONG: the whole
 * description does not fit into one message. */
int cyan_application_check(const struct cyan_application *app,
                           const struct cyan_client_profile *profile,
                           uint16_t platform_id) CYAN_MUST_CHECK;

/* NULL when there is none of that name. */
const struct cyan_variable *cyan_application_variable(const struct cyan_application *app,
                                                      const char *name);
const struct cyan_function *cyan_application_function(const struct cyan_application *app,
                                                      const char *name);

/* The variable's value now; a text is cut to text_max bytes. */
struct cyan_value cyan_variable_value(const struct cyan_variable *variable, size_t text_max);

/* Whether the application or the system subscribed to events of this name. */
bool cyan_application_wants(const struct cyan_application *app,
                            const struct cyan_client_profile *profile, const char *event_name);

/* Writes the JSON of a description; parts are CYAN_DESCRIBE_*. Overflow: w->failed. */
void cyan_application_describe(struct cyan_writer *w, const struct cyan_application *app,
                               uint16_t platform_id, uint8_t parts);

#endif
