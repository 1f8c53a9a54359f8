#include "photon/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "photon/text.h"
#include "photon/utf8.h"

/* What a stranger sent, without what would command a terminal. */
static void put_foreign(struct text *text, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len;) {
        size_t n = utf8_printable_len(data + i, len - i);
        if (n == 0) {
            text_put(text, ".");
            n = 1;
        } else if (text->len + n < text->cap) {
            text_put(text, "%.*s", (int)n, (const char *)data + i);
        }
        i += n;
    }
}

static void put_event(struct text *text, const struct news *news)
{
    text_put(text, "%s ", news->outward ? "out" : "in ");
    put_foreign(text, (const uint8_t *)news->event->name, strlen(news->event->name));
    text_put(text, "  \"");
    put_foreign(text, news->event->data, news->event->data_len);
    text_put(text, "\"");
}

static const char *colour_name(uint32_t colour)
{
    static const struct {
        uint32_t colour;
        const char *name;
    } names[] = {{0xFFFFFF, "white"},   {0x00FF00, "green"},  {0x00FFFF, "cyan"},
                 {0xFF00FF, "magenta"}, {0x0000FF, "blue"},   {0xFFFF00, "yellow"},
                 {0xFF0000, "red"},     {0xFF6000, "orange"}, {0xEE82EE, "rainbow"},
                 {0x000000, "dark"}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i].colour == colour) {
            return names[i].name;
        }
    }
    return "another colour";
}

/* "breathes cyan: connected to the cloud" */
static void put_led(struct text *text, const struct cyan_led *led)
{
    const char *verb = "shows";
    if (led->pattern == CYAN_LED_BREATHE) {
        verb = "breathes";
    } else if (led->pattern == CYAN_LED_BLINK) {
        verb = "blinks";
    }
    text_put(text, "%s %s: %s", verb, colour_name(led->colour), led->meaning);
}

static void put_state(struct text *text, const struct news *news)
{
    text_put(text, "%s", news->what ? news->what : "");
    if (news->has_code) {
        text_put(text, " (code %d)", news->code);
    }
    if (news->text) {
        text_put(text, "%s%s", text->len > 0 ? ": " : "", news->text);
    }
}

size_t view_plain(const struct news *news, char out_line[static VIEW_LINE_MAX])
{
    /* One character is kept for the newline. */
    struct text text = {.at = out_line, .cap = VIEW_LINE_MAX - 1};
    text_put(&text, "%8.3f  ", (double)news->t_ms / 1000);
    switch (news->kind) {
    case NEWS_LED:
        text_put(&text, "led        ");
        put_led(&text, news->led);
        break;
    case NEWS_STATE:
        text_put(&text, "state      ");
        put_state(&text, news);
        break;
    case NEWS_HANDSHAKE:
        text_put(&text, "handshake  %s, code %d", news->text ? news->text : "", news->code);
        break;
    case NEWS_EVENT:
        text_put(&text, "event      ");
        put_event(&text, news);
        break;
    case NEWS_KEY:
        text_put(&text, "key        %s, fingerprint %s", news->what, news->fingerprint);
        break;
    case NEWS_FLASH:
        text_put(&text, "flash      ");
        put_state(&text, news);
        break;
    }
    out_line[text.len++] = '\n';
    out_line[text.len] = '\0';
    return text.len;
}

void view_init(struct view *view, const char *title)
{
    *view = (struct view){0};
    snprintf(view->title, sizeof view->title, "%s", title);
}

static void add_event(struct view *view, const struct news *news)
{
    memmove(view->events[0], view->events[1], sizeof view->events[0] * (VIEW_EVENTS - 1));
    struct text text = {.at = view->events[VIEW_EVENTS - 1], .cap = VIEW_EVENT_MAX};
    text_put(&text, "%8.1f s  ", (double)news->t_ms / 1000);
    put_event(&text, news);
}

void view_on_news(struct view *view, const struct news *news)
{
    struct text state = {.at = view->state, .cap = sizeof view->state};
    struct text key = {.at = view->key, .cap = sizeof view->key};
    switch (news->kind) {
    case NEWS_LED:
        view->led = news->led;
        view->led_since_ms = news->t_ms;
        view->signal = news->led == cyan_led_of(CYAN_LED_SIGNAL);
        break;
    case NEWS_STATE:
    case NEWS_HANDSHAKE:
    case NEWS_FLASH:
        put_state(&state, news);
        break;
    case NEWS_EVENT:
        add_event(view, news);
        break;
    case NEWS_KEY:
        text_put(&key, "%.4s-%.4s-%.4s-%.4s (%s)", news->fingerprint, news->fingerprint + 4,
                 news->fingerprint + 8, news->fingerprint + 12, news->what);
        break;
    }
}

/* Up and down once in a period, never quite dark. */
static uint32_t breathe(uint32_t passed_ms, uint32_t period_ms)
{
    enum { DIM = 24, FULL = 255 };
    uint32_t half = period_ms / 2;
    uint32_t phase = passed_ms % period_ms;
    uint32_t rise = phase < half ? phase : period_ms - phase;
    return DIM + (FULL - DIM) * rise / half;
}

static uint32_t dimmed(uint32_t colour, uint32_t level)
{
    uint32_t red = (colour >> 16 & 0xFF) * level / 255;
    uint32_t green = (colour >> 8 & 0xFF) * level / 255;
    uint32_t blue = (colour & 0xFF) * level / 255;
    return red << 16 | green << 8 | blue;
}

uint32_t view_colour(const struct view *view, uint32_t now_ms)
{
    if (!view->led) {
        return 0;
    }
    uint32_t passed = now_ms - view->led_since_ms;
    uint32_t period = view->led->period_ms;
    if (view->signal) {
        return cyan_led_signal_colour(passed / 100);
    }
    switch (view->led->pattern) {
    case CYAN_LED_BLINK:
        return passed % period < period / 2 ? view->led->colour : 0;
    case CYAN_LED_BREATHE:
        return dimmed(view->led->colour, breathe(passed, period));
    default:
        return view->led->colour;
    }
}

/* Leaves out what goes beyond the width; a character of several bytes counts as one column. */
static size_t cut(const char *line, unsigned width)
{
    size_t len = strlen(line);
    size_t at = 0;
    for (unsigned column = 0; at < len && column < width; column++) {
        size_t n = utf8_len((const uint8_t *)line + at, len - at);
        at += n > 0 ? n : 1;
    }
    return at;
}

static void put_line(struct text *frame, struct view *view, unsigned width, const char *line)
{
    text_put(frame, "%.*s\x1b[K\r\n", (int)cut(line, width), line);
    view->drawn++;
}

static void put_lamp(struct text *frame, struct view *view, uint32_t colour, unsigned width,
                     const char *line)
{
    enum { LAMP_WIDTH = 8 };
    text_put(frame, " \x1b[48;2;%u;%u;%um%*s\x1b[0m  ", colour >> 16 & 0xFF, colour >> 8 & 0xFF,
             colour & 0xFF, LAMP_WIDTH - 2, "");
    put_line(frame, view, width > LAMP_WIDTH + 1 ? width - LAMP_WIDTH - 1 : 0, line);
}

size_t view_draw(struct view *view, uint32_t now_ms, unsigned width,
                 char out_frame[static VIEW_FRAME_MAX])
{
    struct text frame = {.at = out_frame, .cap = VIEW_FRAME_MAX};
    char says[2 * VIEW_EVENT_MAX] = "";
    char line[2 * VIEW_EVENT_MAX];
    struct text led = {.at = says, .cap = sizeof says};
    uint32_t colour = view_colour(view, now_ms);
    if (view->led) {
        put_led(&led, view->led);
    }
    text_put(&frame, "\r");
    if (view->drawn > 0) {
        text_put(&frame, "\x1b[%uA", view->drawn);
    }
    view->drawn = 0;
    put_line(&frame, view, width, view->title);
    put_lamp(&frame, view, colour, width, says);
    put_lamp(&frame, view, colour, width, view->led ? view->led->cause : "");
    snprintf(line, sizeof line, "%s%s", view->led && view->led->remedy[0] ? "try: " : "",
             view->led ? view->led->remedy : "");
    put_lamp(&frame, view, colour, width, line);
    snprintf(line, sizeof line, "key   %s", view->key);
    put_line(&frame, view, width, line);
    snprintf(line, sizeof line, "state %s", view->state);
    put_line(&frame, view, width, line);
    for (size_t i = 0; i < VIEW_EVENTS; i++) {
        put_line(&frame, view, width, view->events[i]);
    }
    return frame.len;
}

bool view_possible(int fd)
{
    const char *term = getenv("TERM");
    const char *no_color = getenv("NO_COLOR");
    return isatty(fd) && (!no_color || no_color[0] == '\0') && term && term[0] != '\0' &&
           strcmp(term, "dumb") != 0;
}
