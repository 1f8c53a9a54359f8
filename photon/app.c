#include "photon/app.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RETRY_MS = 100 };

static const char own_prefix[] = "photon/";

static int32_t call_led(void *ctx, const char *argument)
{
    struct app *app = ctx;
    if (strcmp(argument, "on") == 0) {
        app->on = true;
        return 1;
    }
    if (strcmp(argument, "off") == 0) {
        app->on = false;
        return 0;
    }
    return -1;
}

/* A whole number at *text that ends with this character; *text moves behind it. */
static bool read_number(const char **text, char end, int64_t *out)
{
    char *rest;
    if (**text == ' ' || **text == '\0') {
        return false;
    }
    errno = 0;
    long long number = strtoll(*text, &rest, 10);
    if (errno != 0 || rest == *text || *rest != end || number < INT32_MIN || number > INT32_MAX) {
        return false;
    }
    *text = end == '\0' ? rest : rest + 1;
    *out = number;
    return true;
}

static int32_t call_add(void *ctx, const char *argument)
{
    int64_t a, b;
    (void)ctx;
    if (!read_number(&argument, ',', &a) || !read_number(&argument, '\0', &b)) {
        return -1;
    }
    int64_t sum = a + b;
    return sum < INT32_MIN || sum > INT32_MAX ? -1 : (int32_t)sum;
}

static void on_state(void *ctx, enum cyan_client_state state, const struct cyan_client_end *end)
{
    struct app *app = ctx;
    char text[128];
    struct news news = {.kind = NEWS_STATE};
    const struct cyan_address *address = app->client->config.identity->address;
    app->online = state == CYAN_CLIENT_CONNECTED;
    switch (state) {
    case CYAN_CLIENT_CONNECTING:
        news.what = "connecting";
        if (address) {
            snprintf(text, sizeof text, "%s:%u", address->host, address->port);
            news.text = text;
        }
        break;
    case CYAN_CLIENT_NONCE:
        news.what = "handshake";
        break;
    case CYAN_CLIENT_CONNECTED:
        news.what = "connected";
        app->tick_due_ms = app->client->state_since_ms;
        break;
    case CYAN_CLIENT_WAITING:
        if (end) {
            news.what = "disconnected";
            news.has_code = end->code != 0;
            news.code = end->code;
            snprintf(text, sizeof text, "%s: %s", cyan_step_text(end->step),
                     cyan_err_text(end->err));
            news.text = text;
        }
        break;
    case CYAN_CLIENT_STOPPING:
        news.what = "stopping";
        break;
    case CYAN_CLIENT_STOPPED:
        news.what = "stopped";
        break;
    default:
        break;
    }
    if (news.what) {
        app->tell(app->owner, &news);
    }
}

static void on_handshake(void *ctx, const struct cyan_client_end *end)
{
    struct app *app = ctx;
    char text[128];
    struct news news = {.kind = NEWS_HANDSHAKE,
                        .has_code = true,
                        .code = end->code,
                        .text = "the handshake is done"};
    if (end->code != 0) {
        snprintf(text, sizeof text, "%s: %s", cyan_step_text(end->step), cyan_err_text(end->err));
        news.text = text;
    }
    app->handshake_code = end->code;
    app->tell(app->owner, &news);
}

static void on_event(void *ctx, const struct cyan_event *event)
{
    struct app *app = ctx;
    struct news news = {.kind = NEWS_EVENT, .event = event};
    if (strncmp(event->name, own_prefix, sizeof own_prefix - 1) == 0 && app->heard < INT32_MAX) {
        app->heard++;
    }
    app->tell(app->owner, &news);
}

void app_init(struct app *app, struct cyan_client *client,
              void (*tell)(void *owner, struct news *news), void *owner)
{
    *app = (struct app){
        .temp = 21.5, .name = "virtual photon", .client = client, .tell = tell, .owner = owner};
    const struct cyan_variable variables[APP_VARIABLES] = {
        {"temp", CYAN_VALUE_DOUBLE, &app->temp}, {"count", CYAN_VALUE_INT, &app->count},
        {"name", CYAN_VALUE_STRING, app->name},  {"on", CYAN_VALUE_BOOL, &app->on},
        {"heard", CYAN_VALUE_INT, &app->heard},
    };
    memcpy(app->variables, variables, sizeof variables);
    app->functions[0] = (struct cyan_function){"led", call_led};
    app->functions[1] = (struct cyan_function){"add", call_add};
    app->subscriptions[0].scope = CYAN_SUBSCRIBE_MINE;
    memcpy(app->subscriptions[0].filter, own_prefix, sizeof own_prefix);
    app->face = (struct cyan_application){
        .ctx = app,
        .variables = app->variables,
        .variable_count = APP_VARIABLES,
        .functions = app->functions,
        .function_count = APP_FUNCTIONS,
        .subscriptions = app->subscriptions,
        .subscription_count = APP_SUBSCRIPTIONS,
        .on_state = on_state,
        .on_handshake = on_handshake,
        .on_event = on_event,
    };
}

/* A quarter of a degree up with every tick, and back after eight. */
static double measure(int32_t count)
{
    return 21.5 + 0.25 * (count % 8);
}

static bool tick(struct app *app)
{
    char data[16];
    int32_t next = app->count < INT32_MAX ? app->count + 1 : 0;
    int len = snprintf(data, sizeof data, "%" PRId32, next);
    struct cyan_event event = {.name = "tick",
                               .data = (const uint8_t *)data,
                               .data_len = (size_t)len,
                               .ttl = CYAN_EVENT_TTL_DEFAULT,
                               .is_private = true};
    struct news news = {.kind = NEWS_EVENT, .event = &event, .outward = true};
    if (cyan_client_publish(app->client, &event, false, NULL) < 0) {
        return false;
    }
    app->count = next;
    app->temp = measure(next);
    app->tell(app->owner, &news);
    return true;
}

void app_poll(struct app *app, uint32_t now_ms)
{
    if (app->online && (int32_t)(now_ms - app->tick_due_ms) >= 0) {
        app->tick_due_ms = now_ms + (tick(app) ? APP_TICK_MS : RETRY_MS);
    }
}

uint32_t app_wait_ms(const struct app *app, uint32_t now_ms)
{
    if (!app->online) {
        return UINT32_MAX;
    }
    int32_t left = (int32_t)(app->tick_due_ms - now_ms);
    return left > 0 ? (uint32_t)left : 0;
}
