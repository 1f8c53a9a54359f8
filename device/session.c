#include "device/session.h"

#include <string.h>

#include "wire/event.h"
#include "wire/hello.h"
#include "wire/message.h"

enum { PING_AFTER_MS = 15000, PING_WAIT_MS = 10000, CONFIRM_WAIT_MS = 20000 };

uint32_t cyan_session_now(const struct cyan_client *c)
{
    return c->config.port->millis(c->config.port->ctx);
}

uint16_t cyan_session_next_id(const struct cyan_client *c)
{
    return (uint16_t)(c->message_id + 1);
}

int cyan_session_send_answer(struct cyan_client *c, const struct cyan_writer *w)
{
    if (c->channel.out_len == 0) {
        c->send_since_ms = cyan_session_now(c);
    }
    return cyan_channel_send(&c->channel, w);
}

int cyan_session_send_own(struct cyan_client *c, const struct cyan_writer *w)
{
    int err = cyan_session_send_answer(c, w);
    if (err == 0) {
        c->message_id = cyan_session_next_id(c);
    }
    return err;
}

void cyan_session_begin(struct cyan_client *c, const uint8_t *salt)
{
    if (c->config.profile->seeds_from_salt) {
        c->message_id = cyan_get_be16(salt);
        c->token = salt[2];
    } else {
        c->message_id = cyan_get_le16(salt);
        c->token = 0;
    }
    c->greeting = 0;
    c->greeted = false;
    c->time_asked = false;
    c->ping_unanswered = false;
    c->heard_ms = cyan_session_now(c);
    c->pinged_ms = c->heard_ms;
    memset(c->unconfirmed, 0, sizeof c->unconfirmed);
}

void cyan_session_settle(struct cyan_client *c, size_t slot, int err)
{
    const struct cyan_application *app = c->config.application;
    c->unconfirmed[slot].used = false;
    if (app->on_published) {
        app->on_published(app->ctx, c->unconfirmed[slot].id, err);
    }
}

void cyan_session_end(struct cyan_client *c)
{
    for (size_t i = 0; i < CYAN_CLIENT_UNCONFIRMED; i++) {
        if (c->unconfirmed[i].used) {
            cyan_session_settle(c, i, CYAN_E_CLOSED);
        }
    }
}

int cyan_session_hello(struct cyan_client *c)
{
    const struct cyan_identity *identity = c->config.identity;
    const struct cyan_hello hello = {
        .message_id = cyan_session_next_id(c),
        .product_id = identity->product_id,
        .product_version = identity->product_version,
        .flags = c->config.profile->hello_flags,
        .platform_id = identity->platform_id,
    };
    struct cyan_writer w;
    cyan_channel_begin(&c->channel, &w);
    cyan_hello_write(&w, &hello);
    return cyan_session_send_own(c, &w);
}

static int send_event(struct cyan_client *c, const struct cyan_event *event,
                      enum cyan_coap_type type)
{
    struct cyan_writer w;
    cyan_channel_begin(&c->channel, &w);
    cyan_event_write(&w, type, cyan_session_next_id(c), event);
    return cyan_session_send_own(c, &w);
}

static int tell(struct cyan_client *c, const char *name, const char *text)
{
    struct cyan_event event = {.data = (const uint8_t *)text,
                               .data_len = strlen(text),
                               .ttl = CYAN_EVENT_TTL_DEFAULT,
                               .is_private = true};
    memcpy(event.name, name, strlen(name) + 1);
    return send_event(c, &event, CYAN_COAP_NON);
}

static int tell_reason(struct cyan_client *c)
{
    if (!c->config.identity->reset_reason || c->reason_told) {
        return 0;
    }
    int err = tell(c, "spark/device/last_reset", c->config.identity->reset_reason);
    c->reason_told = err == 0;
    return err;
}

static int subscribe(struct cyan_client *c, const struct cyan_subscribe *subscription)
{
    struct cyan_writer w;
    cyan_channel_begin(&c->channel, &w);
    cyan_subscribe_write(&w, cyan_session_next_id(c), subscription);
    return cyan_session_send_own(c, &w);
}

static int ask_time(struct cyan_client *c)
{
    struct cyan_writer w;
    cyan_channel_begin(&c->channel, &w);
    cyan_time_request_write(&w, cyan_session_next_id(c), (uint8_t)(c->token + 1));
    int err = cyan_session_send_own(c, &w);
    if (err == 0) {
        c->token++;
        c->time_token = c->token;
        c->time_asked = true;
    }
    return err;
}

/* The order of stock firmware: what it is, why it started, what it wants to hear, what time it is.
 */
static int greet_once(struct cyan_client *c)
{
    enum { MAX_BINARY, CHUNK_SIZE, RESET_REASON, SUBSCRIPTIONS };
    const struct cyan_client_profile *profile = c->config.profile;
    const struct cyan_application *app = c->config.application;
    switch (c->greeting) {
    case MAX_BINARY:
        return tell(c, "spark/hardware/max_binary", "262144");
    case CHUNK_SIZE:
        return tell(c, "spark/hardware/ota_chunk_size", "512");
    case RESET_REASON:
        return tell_reason(c);
    default:
        break;
    }
    size_t i = (size_t)c->greeting - SUBSCRIPTIONS;
    if (i < profile->subscription_count) {
        return subscribe(c, &profile->subscriptions[i]);
    }
    i -= profile->subscription_count;
    if (i < app->subscription_count) {
        return subscribe(c, &app->subscriptions[i]);
    }
    int err = ask_time(c);
    c->greeted = err == 0;
    return err;
}

void cyan_session_greet(struct cyan_client *c)
{
    while (!c->greeted && greet_once(c) == 0) {
        c->greeting++;
    }
}

static uint32_t idle_since(const struct cyan_client *c)
{
    return (int32_t)(c->pinged_ms - c->heard_ms) > 0 ? c->pinged_ms : c->heard_ms;
}

int cyan_session_keep_alive(struct cyan_client *c)
{
    uint32_t now = cyan_session_now(c);
    for (size_t i = 0; i < CYAN_CLIENT_UNCONFIRMED; i++) {
        if (c->unconfirmed[i].used && now - c->unconfirmed[i].since_ms >= CONFIRM_WAIT_MS) {
            cyan_session_settle(c, i, CYAN_E_TIMEOUT);
        }
    }
    if (c->ping_unanswered) {
        return now - c->pinged_ms >= PING_WAIT_MS ? CYAN_E_TIMEOUT : 0;
    }
    if (now - idle_since(c) >= PING_AFTER_MS && cyan_channel_has_room(&c->channel)) {
        struct cyan_writer w;
        cyan_channel_begin(&c->channel, &w);
        cyan_ping_write(&w, cyan_session_next_id(c));
        if (cyan_session_send_own(c, &w) == 0) {
            c->ping_unanswered = true;
            c->pinged_ms = now;
        }
    }
    return 0;
}

static uint32_t left_ms(uint32_t now, uint32_t since, uint32_t limit)
{
    return now - since < limit ? limit - (now - since) : 0;
}

uint32_t cyan_session_wait_ms(const struct cyan_client *c)
{
    uint32_t now = cyan_session_now(c);
    uint32_t wait = UINT32_MAX;
    if (c->ping_unanswered) {
        wait = left_ms(now, c->pinged_ms, PING_WAIT_MS);
    } else if (cyan_channel_has_room(&c->channel)) {
        wait = left_ms(now, idle_since(c), PING_AFTER_MS);
    }
    for (size_t i = 0; i < CYAN_CLIENT_UNCONFIRMED; i++) {
        if (c->unconfirmed[i].used) {
            uint32_t left = left_ms(now, c->unconfirmed[i].since_ms, CONFIRM_WAIT_MS);
            wait = left < wait ? left : wait;
        }
    }
    return wait;
}

void cyan_session_goodbye(struct cyan_client *c)
{
    struct cyan_writer w;
    cyan_channel_begin(&c->channel, &w);
    cyan_goodbye_write(&w, cyan_session_next_id(c));
    int err = cyan_session_send_own(c, &w);
    (void)err;
}

static int publish_checked(struct cyan_client *c, const struct cyan_event *event, bool confirm,
                           uint16_t *out_id)
{
    size_t slot = 0;
    /* What the application says must not take the room of what the cloud has to be answered. */
    if (!cyan_channel_has_room(&c->channel)) {
        return CYAN_E_AGAIN;
    }
    while (confirm && slot < CYAN_CLIENT_UNCONFIRMED && c->unconfirmed[slot].used) {
        slot++;
    }
    if (slot == CYAN_CLIENT_UNCONFIRMED) {
        return CYAN_E_FULL;
    }
    int err = send_event(c, event, confirm ? CYAN_COAP_CON : CYAN_COAP_NON);
    if (err < 0) {
        return err == CYAN_E_NO_SPACE ? CYAN_E_AGAIN : err;
    }
    if (confirm) {
        c->unconfirmed[slot].used = true;
        c->unconfirmed[slot].id = c->message_id;
        c->unconfirmed[slot].since_ms = cyan_session_now(c);
    }
    if (out_id) {
        *out_id = c->message_id;
    }
    return 0;
}

int cyan_client_publish(struct cyan_client *c, const struct cyan_event *event, bool confirm,
                        uint16_t *out_id)
{
    size_t name_len = strlen(event->name);
    if (!cyan_event_name_ok(event->name, name_len)) {
        return CYAN_E_INVALID;
    }
    if (name_len > c->config.profile->event_name_max ||
        event->data_len > c->config.profile->event_data_max) {
        return CYAN_E_TOO_LONG;
    }
    if (c->state != CYAN_CLIENT_CONNECTED) {
        return CYAN_E_OFFLINE;
    }
    return c->greeted ? publish_checked(c, event, confirm, out_id) : CYAN_E_AGAIN;
}
