/* view.h - news for people: plain lines anywhere, and on a terminal that can do it a picture that
 * lives: the LED in its colour, breathing or blinking, who the device is, and what it said last. */
#ifndef CYAN_PHOTON_VIEW_H
#define CYAN_PHOTON_VIEW_H

#include <stdbool.h>
#include <stddef.h>

#include "photon/news.h"

enum {
    VIEW_LINE_MAX = 512, /* a plain line, cut if it would be longer */
    VIEW_EVENTS = 5,
    VIEW_EVENT_MAX = 128,
    VIEW_TITLE_MAX = 160,
    VIEW_FRAME_MAX = 8192, /* one picture */
    VIEW_TICK_MS = 50,     /* the fastest LED changes as often */
};

/* A plain line with its newline and a NUL: all that the LED says, without a colour. Returns its
 * length. */
size_t view_plain(const struct news *news, char out_line[static VIEW_LINE_MAX]);

struct view {
    const struct cyan_led *led; /* NULL: nothing yet */
    uint32_t led_since_ms;
    bool signal;
    unsigned drawn; /* lines of the last picture */
    char title[VIEW_TITLE_MAX];
    char key[VIEW_EVENT_MAX];
    char state[VIEW_EVENT_MAX];
    char events[VIEW_EVENTS][VIEW_EVENT_MAX]; /* the newest last */
};

void view_init(struct view *view, const char *title);
void view_on_news(struct view *view, const struct news *news);

/* The colour to show now: the pattern applied to the row's colour. */
uint32_t view_colour(const struct view *view, uint32_t now_ms);

/* The whole picture in escape sequences for true colour, drawn over the last one, lines cut at
 * width columns. Returns its length. */
size_t view_draw(struct view *view, uint32_t now_ms, unsigned width,
                 char out_frame[static VIEW_FRAME_MAX]);

/* Whether the terminal on this descriptor can show the picture: not with NO_COLOR, not with
 * TERM=dumb. */
bool view_possible(int fd);

#endif
