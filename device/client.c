#include "device/client.h"

#include <string.h>

#include "base/secret.h"
#include "device/machine.h"
#include "device/session.h"

enum { STEPS_A_POLL = 32 };

static void send_waiting(struct cyan_client *c)
{
    int sent = 1;
    while (sent > 0 && c->channel.out_len > 0) {
        sent = cyan_channel_flush(&c->channel);
        if (sent > 0) {
            c->send_since_ms = cyan_session_now(c);
        }
    }
    if (sent == CYAN_E_AGAIN && cyan_session_now(c) - c->send_since_ms >= CYAN_SEND_MS) {
        sent = CYAN_E_TIMEOUT;
    }
    if (sent < 0 && sent != CYAN_E_AGAIN) {
        cyan_machine_fail_sending(c, sent);
    }
}

int cyan_client_init(struct cyan_client *c, const struct cyan_client_config *config)
{
    int err =
        cyan_application_check(config->application, config->profile, config->identity->platform_id);
    if (err < 0) {
        return err;
    }
    memset(c, 0, sizeof *c);
    c->config = *config;
    cyan_channel_init(&c->channel, config->port, config->crypto, config->profile);
    cyan_led_status_init(&c->led, CYAN_LED_WIFI_CONNECTED);
    return 0;
}

void cyan_client_done(struct cyan_client *c)
{
    if (c && c->config.port) {
        c->config.port->close(c->config.port->ctx);
        cyan_wipe(c, sizeof *c);
    }
}

void cyan_client_start(struct cyan_client *c)
{
    if (c->state == CYAN_CLIENT_STOPPED) {
        c->failures = 0;
        c->retry_ms = 0;
        cyan_machine_enter(c, CYAN_CLIENT_WAITING, NULL);
    }
}

void cyan_client_stop(struct cyan_client *c)
{
    switch (c->state) {
    case CYAN_CLIENT_STOPPED:
    case CYAN_CLIENT_STOPPING:
        break;
    case CYAN_CLIENT_CONNECTED:
        if (c->config.profile->says_goodbye) {
            cyan_session_goodbye(c);
        }
        c->finished = false;
        c->more = true;
        cyan_machine_enter(c, CYAN_CLIENT_STOPPING, NULL);
        break;
    default:
        cyan_machine_stopped(c);
        break;
    }
}

void cyan_client_poll(struct cyan_client *c)
{
    send_waiting(c);
    int steps = 0;
    while (steps < STEPS_A_POLL && cyan_machine_advance(c)) {
        steps++;
    }
    c->more = steps == STEPS_A_POLL;
    send_waiting(c);
    /* An error whose time is over must not keep a caller awake that has no LED. */
    (void)cyan_client_led(c);
}

bool cyan_client_wants_to_receive(const struct cyan_client *c)
{
    switch (c->state) {
    case CYAN_CLIENT_STOPPED:
    case CYAN_CLIENT_WAITING:
    case CYAN_CLIENT_CONNECTING:
        return false;
    case CYAN_CLIENT_CONNECTED:
        return cyan_channel_has_room(&c->channel);
    default:
        return true;
    }
}

bool cyan_client_wants_to_send(const struct cyan_client *c)
{
    return c->state == CYAN_CLIENT_CONNECTING || c->channel.out_len > 0;
}

static uint32_t left_ms(const struct cyan_client *c, uint32_t limit)
{
    uint32_t passed = cyan_machine_state_ms(c);
    return passed < limit ? limit - passed : 0;
}

static uint32_t state_wait_ms(const struct cyan_client *c)
{
    switch (c->state) {
    case CYAN_CLIENT_WAITING:
        return left_ms(c, c->retry_ms);
    case CYAN_CLIENT_CONNECTING:
        return left_ms(c, CYAN_CONNECT_MS);
    case CYAN_CLIENT_NONCE:
    case CYAN_CLIENT_ANSWER:
        return left_ms(c, CYAN_HANDSHAKE_MS);
    case CYAN_CLIENT_HELLO:
        return left_ms(c, c->config.profile->hello_wait_ms);
    case CYAN_CLIENT_CONNECTED:
        return cyan_session_wait_ms(c);
    case CYAN_CLIENT_STOPPING:
        return left_ms(c, CYAN_STOP_MS);
    default:
        return UINT32_MAX;
    }
}

uint32_t cyan_client_wait_ms(const struct cyan_client *c)
{
    uint32_t wait = c->more ? 0 : state_wait_ms(c);
    uint32_t now = cyan_session_now(c);
    uint32_t led = cyan_led_status_wait_ms(&c->led, now);
    if (c->channel.out_len > 0) {
        uint32_t passed = now - c->send_since_ms;
        uint32_t send = passed < CYAN_SEND_MS ? CYAN_SEND_MS - passed : 0;
        wait = send < wait ? send : wait;
    }
    return led < wait ? led : wait;
}

enum cyan_led_state cyan_client_led(struct cyan_client *c)
{
    return cyan_led_status_now(&c->led, cyan_session_now(c));
}
