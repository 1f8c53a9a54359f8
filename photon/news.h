/* news.h - what a virtual Photon has to tell, in one form for JSON lines, plain lines and the live
 * view. Everything is borrowed for the time of a call. */
#ifndef CYAN_PHOTON_NEWS_H
#define CYAN_PHOTON_NEWS_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/event.h"
#include "wire/led.h"

enum news_kind {
    NEWS_LED,       /* led; code when it tells of a failed handshake */
    NEWS_STATE,     /* what: "connected"; code, text, id */
    NEWS_HANDSHAKE, /* code, text */
    NEWS_EVENT,     /* event, outward */
    NEWS_KEY,       /* what: "generated" or "loaded"; fingerprint */
    NEWS_FLASH,     /* what, text */
};

struct news {
    enum news_kind kind;
    uint32_t t_ms; /* since the start of the program */
    const struct cyan_led *led;
    const char *what;
    bool has_code;
    int code;
    const char *text;        /* a sentence for people, or NULL */
    const char *id;          /* the device's, or NULL */
    const char *fingerprint; /* or NULL */
    const struct cyan_event *event;
    bool outward; /* the device published it; else it came from the cloud */
};

#endif
