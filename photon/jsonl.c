#include "photon/jsonl.h"

#include <string.h>

#include "photon/text.h"
#include "photon/utf8.h"

/* Names and data are bounded by wire/limits.h, six characters a byte at worst, and the sentences
 * are ours. */
_Static_assert((CYAN_EVENT_NAME_MAX + CYAN_EVENT_DATA_MAX) * 6 < JSONL_MAX - 2048, "a line fits");

static void put_bytes(struct text *line, const char *key, const uint8_t *data, size_t len)
{
    text_put(line, ",\"%s\":\"", key);
    for (size_t i = 0; i < len;) {
        size_t n = utf8_len(data + i, len - i);
        if (n == 0) {
            text_put(line, "\\ufffd");
            n = 1;
        } else if (n == 1 && (data[i] < 0x20 || data[i] == 0x7F)) {
            text_put(line, "\\u%04x", data[i]);
        } else if (data[i] == '"' || data[i] == '\\') {
            text_put(line, "\\%c", data[i]);
        } else {
            text_put(line, "%.*s", (int)n, (const char *)data + i);
        }
        i += n;
    }
    text_put(line, "\"");
}

static void put_text(struct text *line, const char *key, const char *text)
{
    if (text) {
        put_bytes(line, key, (const uint8_t *)text, strlen(text));
    }
}

static const char *kind_name(enum news_kind kind)
{
    switch (kind) {
    case NEWS_LED:
        return "led";
    case NEWS_STATE:
        return "state";
    case NEWS_HANDSHAKE:
        return "handshake";
    case NEWS_EVENT:
        return "event";
    case NEWS_KEY:
        return "key";
    case NEWS_FLASH:
        return "flash";
    }
    return "";
}

size_t jsonl_format(const struct news *news, char out_line[static JSONL_MAX])
{
    struct text line = {.at = out_line, .cap = JSONL_MAX};
    text_put(&line, "{\"t\":%u,\"ev\":\"%s\"", news->t_ms, kind_name(news->kind));
    if (news->kind == NEWS_STATE) {
        put_text(&line, "state", news->what);
    } else {
        put_text(&line, "what", news->what);
    }
    if (news->led) {
        put_text(&line, "pattern", cyan_led_pattern_name(news->led->pattern));
        text_put(&line, ",\"color\":\"#%06X\"", (unsigned)news->led->colour);
        put_text(&line, "meaning", news->led->meaning);
    }
    if (news->has_code) {
        text_put(&line, ",\"code\":%d", news->code);
    }
    if (news->event) {
        put_text(&line, "name", news->event->name);
        put_bytes(&line, "data", news->event->data, news->event->data_len);
        put_text(&line, "direction", news->outward ? "out" : "in");
    }
    put_text(&line, "id", news->id);
    put_text(&line, "fingerprint", news->fingerprint);
    put_text(&line, "text", news->text);
    text_put(&line, "}\n");
    return line.len;
}
