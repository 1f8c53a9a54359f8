#include "cli/sse.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

int sse_init(struct sse *sse, const struct sse_sink *sink)
{
    *sse = (struct sse){.sink = sink};
    sse->line = malloc(SSE_LINE_MAX + 1);
    sse->data = malloc(SSE_LINE_MAX + 1);
    if (!sse->line || !sse->data) {
        sse_done(sse);
        return CYAN_E_NO_MEMORY;
    }
    return 0;
}

void sse_done(struct sse *sse)
{
    free(sse->line);
    free(sse->data);
    *sse = (struct sse){0};
}

static void forget_event(struct sse *sse)
{
    sse->data_len = 0;
    sse->name[0] = '\0';
    sse->has_data = false;
    sse->event_too_long = false;
}

void sse_restart(struct sse *sse)
{
    forget_event(sse);
    sse->line_len = 0;
    sse->line_too_long = false;
    sse->after_cr = false;
}

static int end_event(struct sse *sse)
{
    int verdict = 0;
    if (sse->has_data && !sse->event_too_long) {
        sse->data[sse->data_len] = '\0';
        verdict = sse->sink->on_event(sse->sink->ctx, sse->name, sse->data);
    }
    forget_event(sse);
    return verdict;
}

static void take_name(struct sse *sse, const char *value, size_t len)
{
    if (len > SSE_NAME_MAX) {
        sse->event_too_long = true;
        return;
    }
    memcpy(sse->name, value, len);
    sse->name[len] = '\0';
}

static void take_data(struct sse *sse, const char *value, size_t len)
{
    size_t needed = len + (sse->has_data ? 1 : 0);
    if (needed > SSE_LINE_MAX - sse->data_len) {
        sse->event_too_long = true;
        return;
    }
    if (sse->has_data) {
        sse->data[sse->data_len++] = '\n';
    }
    memcpy(sse->data + sse->data_len, value, len);
    sse->data_len += len;
    sse->has_data = true;
}

static bool is_field(const char *line, size_t name_len, const char *name)
{
    return strlen(name) == name_len && memcmp(line, name, name_len) == 0;
}

static int end_line(struct sse *sse)
{
    const char *line = sse->line;
    size_t len = sse->line_len;
    bool too_long = sse->line_too_long;
    sse->line_len = 0;
    sse->line_too_long = false;
    if (too_long) {
        sse->event_too_long = true;
        return 0;
    }
    if (len == 0) {
        return end_event(sse);
    }
    const char *colon = memchr(line, ':', len);
    size_t name_len = colon ? (size_t)(colon - line) : len;
    size_t skip = colon ? name_len + 1 : name_len;
    if (skip < len && line[skip] == ' ') {
        skip++;
    }
    if (is_field(line, name_len, "event")) {
        take_name(sse, line + skip, len - skip);
    } else if (is_field(line, name_len, "data")) {
        take_data(sse, line + skip, len - skip);
    }
    return 0;
}

int sse_take(struct sse *sse, const char *bytes, size_t len)
{
    int verdict = 0;
    for (size_t i = 0; i < len && verdict == 0; i++) {
        char c = bytes[i];
        bool second_half = c == '\n' && sse->after_cr;
        sse->after_cr = c == '\r';
        if (second_half) {
            continue;
        }
        if (c == '\n' || c == '\r') {
            verdict = end_line(sse);
        } else if (sse->line_len == SSE_LINE_MAX) {
            sse->line_too_long = true;
        } else {
            sse->line[sse->line_len++] = c;
        }
    }
    return verdict;
}
