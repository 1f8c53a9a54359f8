#include "server/net/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "server/json.h"

enum {
    LINE_MAX_LEN = 8192,
    VALUE_MAX = 256, /* bytes of a value before it is escaped */
    MS_PER_S = 1000,
};

static bool write_json;
static enum log_level least_level = LOG_INFO;

static const char *const level_names[] = {
    [LOG_DEBUG] = "debug",
    [LOG_INFO] = "info",
    [LOG_WARN] = "warn",
    [LOG_ERROR] = "error",
};

void log_setup(bool as_json, enum log_level least)
{
    write_json = as_json;
    least_level = least;
}

static size_t value_len(const char *value)
{
    return strnlen(value, VALUE_MAX);
}

static size_t make_json(char *line, size_t cap, enum log_level level, const char *message,
                        va_list pairs)
{
    struct json json;
    jsonw_init(&json, line, cap);
    jsonw_object(&json);
    jsonw_put_time(&json, "time", clock_now_ms());
    jsonw_put_text(&json, "level", level_names[level]);
    jsonw_put_text(&json, "message", message);
    for (const char *name = va_arg(pairs, const char *); name; name = va_arg(pairs, const char *)) {
        const char *value = va_arg(pairs, const char *);
        if (json.cap - json.len < JSON_GROWTH_MAX * (strlen(name) + VALUE_MAX + 2)) {
            break; /* the rest has no room; the line stays whole */
        }
        jsonw_key(&json, name);
        jsonw_bytes(&json, value, value_len(value));
    }
    jsonw_object_end(&json);
    return jsonw_failed(&json) ? 0 : json.len;
}

/* The text between quotes: nothing in it can end the line, or move a terminal. */
static size_t escape(char *out, const char *value, size_t len)
{
    size_t at = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)value[i];
        if (c == '"' || c == '\\') {
            out[at++] = '\\';
            out[at++] = (char)c;
        } else if (c < 0x20 || c >= 0x7f) {
            static const char digits[] = "0123456789abcdef";
            out[at++] = '\\';
            out[at++] = 'x';
            out[at++] = digits[c >> 4];
            out[at++] = digits[c & 15];
        } else {
            out[at++] = (char)c;
        }
    }
    return at;
}

static bool is_plain(const char *value, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)value[i];
        if (c <= 0x20 || c >= 0x7f || c == '"' || c == '\\' || c == '=') {
            return false;
        }
    }
    return len > 0;
}

static size_t make_text(char *line, size_t cap, enum log_level level, const char *message,
                        va_list pairs)
{
    enum { ESCAPED_MAX = 4 };
    int64_t now_ms = clock_now_ms();
    time_t seconds = (time_t)(now_ms / MS_PER_S);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    size_t len = strftime(line, cap, "%Y-%m-%dT%H:%M:%S", &utc);
    int more = snprintf(line + len, cap - len, ".%03dZ %-5s %.*s", (int)(now_ms % MS_PER_S),
                        level_names[level], VALUE_MAX, message);
    len += more > 0 ? (size_t)more : 0;
    for (const char *name = va_arg(pairs, const char *); name; name = va_arg(pairs, const char *)) {
        const char *value = va_arg(pairs, const char *);
        size_t name_len = value_len(name);
        size_t bytes = value_len(value);
        if (cap - len < name_len + ESCAPED_MAX * bytes + 4) {
            break;
        }
        line[len++] = ' ';
        memcpy(line + len, name, name_len);
        len += name_len;
        line[len++] = '=';
        bool plain = is_plain(value, bytes);
        if (!plain) {
            line[len++] = '"';
        }
        len += escape(line + len, value, bytes);
        if (!plain) {
            line[len++] = '"';
        }
    }
    return len;
}

void log_write(enum log_level level, const char *message, ...)
{
    char line[LINE_MAX_LEN];
    va_list pairs;
    if (level < least_level) {
        return;
    }
    va_start(pairs, message);
    size_t len = write_json ? make_json(line, sizeof line - 1, level, message, pairs)
                            : make_text(line, sizeof line - 1, level, message, pairs);
    va_end(pairs);
    line[len++] = '\n';
    /* A log that nobody can read is no reason to stop. */
    ssize_t written = write(STDERR_FILENO, line, len);
    (void)written;
}
