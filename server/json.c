#include "server/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/secret.h"

enum { HEAP_FIRST = 512 };

static const char replacement[] = "\xEF\xBF\xBD";

void jsonw_init(struct json *json, char *data, size_t cap)
{
    *json = (struct json){.data = data, .cap = cap, .max = cap};
}

void jsonw_init_heap(struct json *json, size_t max)
{
    *json = (struct json){.max = max};
}

/* What was written may hold a token. */
void jsonw_done(struct json *json)
{
    if (json->data) {
        cyan_wipe(json->data, json->len);
        free(json->data);
    }
    *json = (struct json){0};
}

bool jsonw_failed(const struct json *json)
{
    return json->failed;
}

static bool grow(struct json *json, size_t need)
{
    size_t cap = json->cap ? json->cap : HEAP_FIRST;
    while (cap < need) {
        cap *= 2;
    }
    cap = cap < json->max ? cap : json->max;
    char *data = malloc(cap);
    if (!data) {
        return false;
    }
    if (json->data) {
        memcpy(data, json->data, json->len);
        cyan_wipe(json->data, json->len);
        free(json->data);
    }
    json->data = data;
    json->cap = cap;
    return true;
}

/* Room for len bytes at the end, counted as written; NULL: failed. */
static char *take(struct json *json, size_t len)
{
    if (json->failed) {
        return NULL;
    }
    if (len > json->cap - json->len) {
        if (len > json->max - json->len || !grow(json, json->len + len)) {
            json->failed = true;
            return NULL;
        }
    }
    char *at = json->data + json->len;
    json->len += len;
    return at;
}

void jsonw_raw(struct json *json, const void *data, size_t len)
{
    char *at = len > 0 ? take(json, len) : NULL;
    if (at) {
        memcpy(at, data, len);
    }
}

static void raw_char(struct json *json, char c)
{
    jsonw_raw(json, &c, 1);
}

static void begin_value(struct json *json)
{
    if (json->comma) {
        raw_char(json, ',');
    }
    json->comma = true;
}

static void open_with(struct json *json, char c)
{
    begin_value(json);
    raw_char(json, c);
    json->comma = false;
}

static void close_with(struct json *json, char c)
{
    raw_char(json, c);
    json->comma = true;
}

void jsonw_object(struct json *json)
{
    open_with(json, '{');
}

void jsonw_object_end(struct json *json)
{
    close_with(json, '}');
}

void jsonw_array(struct json *json)
{
    open_with(json, '[');
}

void jsonw_array_end(struct json *json)
{
    close_with(json, ']');
}

void jsonw_key(struct json *json, const char *key)
{
    begin_value(json);
    raw_char(json, '"');
    jsonw_raw(json, key, strlen(key));
    jsonw_raw(json, "\":", 2);
    json->comma = false;
}

void jsonw_key_escaped(struct json *json, const char *key)
{
    jsonw_text(json, key);
    raw_char(json, ':');
    json->comma = false;
}

void jsonw_null(struct json *json)
{
    begin_value(json);
    jsonw_raw(json, "null", 4);
}

void jsonw_bool(struct json *json, bool value)
{
    begin_value(json);
    jsonw_raw(json, value ? "true" : "false", value ? 4 : 5);
}

void jsonw_int(struct json *json, int64_t value)
{
    char text[24];
    int len = snprintf(text, sizeof text, "%" PRId64, value);
    begin_value(json);
    jsonw_raw(json, text, (size_t)len);
}

void jsonw_double(struct json *json, double value)
{
    char text[40];
    int len = 0;
    if (!isfinite(value)) {
        jsonw_null(json);
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        len = snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) {
            break;
        }
    }
    begin_value(json);
    jsonw_raw(json, text, (size_t)len);
}

void jsonw_text(struct json *json, const char *text)
{
    jsonw_bytes(json, text, strlen(text));
}

/* Bytes of the UTF-8 sequence at p (len of them are there, at least one), 0 if there is none:
 * overlong forms, surrogates and what lies beyond U+10FFFF are none. */
static size_t utf8_len(const uint8_t *p, size_t len)
{
    uint8_t c = p[0];
    size_t need = c < 0x80 ? 1 : c < 0xC2 ? 0 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : c < 0xF5 ? 4 : 0;
    if (need == 0 || need > len) {
        return 0;
    }
    for (size_t i = 1; i < need; i++) {
        if ((p[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    bool is_wrong = (c == 0xE0 && p[1] < 0xA0) || (c == 0xED && p[1] > 0x9F) ||
                    (c == 0xF0 && p[1] < 0x90) || (c == 0xF4 && p[1] > 0x8F);
    return is_wrong ? 0 : need;
}

static bool is_plain(uint8_t c)
{
    return c >= 0x20 && c < 0x7F && c != '"' && c != '\\';
}

static void escape_ascii(struct json *json, uint8_t c)
{
    static const char letters[] = "btnvfr"; /* 8 to 13; JSON has no v */
    char text[8];
    if (c == '"' || c == '\\') {
        text[0] = '\\';
        text[1] = (char)c;
        jsonw_raw(json, text, 2);
    } else if (c >= 8 && c <= 13 && c != 11) {
        text[0] = '\\';
        text[1] = letters[c - 8];
        jsonw_raw(json, text, 2);
    } else if (c < 0x20 || c == 0x7F) {
        int len = snprintf(text, sizeof text, "\\u%04x", c);
        jsonw_raw(json, text, (size_t)len);
    } else {
        raw_char(json, (char)c);
    }
}

/* Writes data as UTF-8, runs that need no change at once; escape: as inside a JSON string. */
static void write_utf8(struct json *json, const uint8_t *data, size_t len, bool escape)
{
    size_t from = 0;
    size_t at = 0;
    while (at < len) {
        uint8_t c = data[at];
        size_t n = is_plain(c) ? 1 : utf8_len(data + at, len - at);
        if (n > 1 || is_plain(c) || (n == 1 && !escape)) {
            at += n;
            continue;
        }
        jsonw_raw(json, data + from, at - from);
        if (n == 0) {
            jsonw_raw(json, replacement, sizeof replacement - 1);
        } else {
            escape_ascii(json, c);
        }
        from = ++at;
    }
    jsonw_raw(json, data + from, len - from);
}

void jsonw_bytes(struct json *json, const void *data, size_t len)
{
    begin_value(json);
    raw_char(json, '"');
    if (len > 0) {
        write_utf8(json, data, len, true);
    }
    raw_char(json, '"');
}

void jsonw_raw_utf8(struct json *json, const void *data, size_t len)
{
    if (len > 0) {
        write_utf8(json, data, len, false);
    }
}

void jsonw_time(struct json *json, int64_t ms)
{
    if (ms == 0) {
        jsonw_null(json);
        return;
    }
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    char text[JSON_TIME_LEN + 1];
    if (ms < 0 || !gmtime_r(&seconds, &tm) || tm.tm_year > 9999 - 1900) {
        jsonw_null(json);
        return;
    }
    size_t len = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    begin_value(json);
    raw_char(json, '"');
    jsonw_raw(json, text, len);
    len = (size_t)snprintf(text, sizeof text, ".%03dZ\"", (int)(ms % 1000));
    jsonw_raw(json, text, len);
}

void jsonw_put_null(struct json *json, const char *key)
{
    jsonw_key(json, key);
    jsonw_null(json);
}

void jsonw_put_bool(struct json *json, const char *key, bool value)
{
    jsonw_key(json, key);
    jsonw_bool(json, value);
}

void jsonw_put_int(struct json *json, const char *key, int64_t value)
{
    jsonw_key(json, key);
    jsonw_int(json, value);
}

void jsonw_put_text(struct json *json, const char *key, const char *text)
{
    jsonw_key(json, key);
    if (text) {
        jsonw_text(json, text);
    } else {
        jsonw_null(json);
    }
}

void jsonw_put_time(struct json *json, const char *key, int64_t ms)
{
    jsonw_key(json, key);
    jsonw_time(json, ms);
}
