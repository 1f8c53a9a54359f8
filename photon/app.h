/* app.h - the application that the virtual Photon runs: a variable of each type, two functions,
 * an event every ten seconds and one right after connecting, and a subscription.
 *
 *   temp double   count int   name string   on bool   heard int (events received)
 *   led "on" or "off" -> 1 or 0, else -1      add "a,b" -> their sum, -1 when it is none */
#ifndef CYAN_PHOTON_APP_H
#define CYAN_PHOTON_APP_H

#include <stdbool.h>

#include "device/client.h"
#include "photon/news.h"

enum { APP_VARIABLES = 5, APP_FUNCTIONS = 2, APP_SUBSCRIPTIONS = 1, APP_TICK_MS = 10000 };

struct app {
    double temp;
    int32_t count;
    int32_t heard;
    const char *name;
    bool on;

    struct cyan_variable variables[APP_VARIABLES];
    struct cyan_function functions[APP_FUNCTIONS];
    struct cyan_subscribe subscriptions[APP_SUBSCRIPTIONS];
    struct cyan_application face;

    struct cyan_client *client; /* borrowed */
    void (*tell)(void *owner, struct news *news);
    void *owner;
    bool online;
    uint32_t tick_due_ms; /* of online */
    int handshake_code;   /* of the last handshake */
};

/* tell gets all news of the client and the application. The app stays in place from here on. */
void app_init(struct app *app, struct cyan_client *client,
              void (*tell)(void *owner, struct news *news), void *owner);

/* Publishes what is due. */
void app_poll(struct app *app, uint32_t now_ms);
uint32_t app_wait_ms(const struct app *app, uint32_t now_ms);

#endif
