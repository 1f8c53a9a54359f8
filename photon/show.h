/* show.h - where news goes: JSON lines, plain lines, or the live view. */
#ifndef CYAN_PHOTON_SHOW_H
#define CYAN_PHOTON_SHOW_H

#include <stdbool.h>
#include <stdio.h>

#include "photon/view.h"

struct show {
    FILE *out;
    bool json;
    bool live;
    uint32_t start_ms;
    uint32_t drawn_ms;
    struct view view;
};

/* Live only on a terminal that can do it, and not with json. */
void show_init(struct show *show, FILE *out, bool json, const char *title, uint32_t now_ms);

/* Gives the terminal back as it was. */
void show_done(struct show *show);

/* Tells at once; sets the time of the news. */
void show_news(struct show *show, struct news *news, uint32_t now_ms);

/* Draws the next picture when it is time. */
void show_poll(struct show *show, uint32_t now_ms);
uint32_t show_wait_ms(const struct show *show, uint32_t now_ms);

#endif
