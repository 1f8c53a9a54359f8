#include "photon/show.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include "photon/jsonl.h"

enum { WIDTH_DEFAULT = 80, ROWS_MIN = 14 };

static const char hide_cursor[] = "\x1b[?25l";
static const char show_cursor[] = "\x1b[?25h";

static bool window(FILE *out, struct winsize *out_size)
{
    return ioctl(fileno(out), TIOCGWINSZ, out_size) == 0;
}

void show_init(struct show *show, FILE *out, bool json, const char *title, uint32_t now_ms)
{
    struct winsize size;
    *show = (struct show){.out = out, .json = json, .start_ms = now_ms, .drawn_ms = now_ms};
    show->live = !json && view_possible(fileno(out)) && window(out, &size) &&
                 (size.ws_row == 0 || size.ws_row >= ROWS_MIN);
    view_init(&show->view, title);
    if (show->live) {
        fputs(hide_cursor, out);
    }
}

static void draw(struct show *show, uint32_t now_ms)
{
    char frame[VIEW_FRAME_MAX];
    struct winsize size;
    unsigned width = WIDTH_DEFAULT;
    if (window(show->out, &size) && size.ws_col > 0) {
        width = size.ws_col;
    }
    size_t len = view_draw(&show->view, now_ms - show->start_ms, width, frame);
    fwrite(frame, 1, len, show->out);
    fflush(show->out);
    show->drawn_ms = now_ms;
}

void show_done(struct show *show)
{
    if (show->live) {
        draw(show, show->drawn_ms);
        fputs(show_cursor, show->out);
        fflush(show->out);
        show->live = false;
    }
}

void show_news(struct show *show, struct news *news, uint32_t now_ms)
{
    _Static_assert((int)JSONL_MAX >= (int)VIEW_LINE_MAX, "either form fits");
    char line[JSONL_MAX];
    news->t_ms = now_ms - show->start_ms;
    if (show->live) {
        view_on_news(&show->view, news);
        return;
    }
    size_t len = show->json ? jsonl_format(news, line) : view_plain(news, line);
    fwrite(line, 1, len, show->out);
    fflush(show->out);
}

void show_poll(struct show *show, uint32_t now_ms)
{
    if (show->live && now_ms - show->drawn_ms >= VIEW_TICK_MS) {
        draw(show, now_ms);
    }
}

uint32_t show_wait_ms(const struct show *show, uint32_t now_ms)
{
    uint32_t passed = now_ms - show->drawn_ms;
    if (!show->live) {
        return UINT32_MAX;
    }
    return passed < VIEW_TICK_MS ? VIEW_TICK_MS - passed : 0;
}
