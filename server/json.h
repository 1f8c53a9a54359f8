/* json.h - a small writer of JSON text into memory with a maximum.
 *
 * Commas are put by the writer. It remembers its first failure (no room, no memory): after it
 * every call does nothing, and jsonw_failed tells once, at the end. Text of any bytes becomes
 * valid UTF-8: what is none is written as U+FFFD. (jsonw: json_ is the prefix of jansson, with
 * which bodies are read.) */
#ifndef CYAN_SERVER_JSON_H
#define CYAN_SERVER_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    JSON_GROWTH_MAX = 6, /* bytes that one byte of text becomes at most */
    JSON_TIME_LEN = 24,  /* 2026-01-02T03:04:05.678Z */
};

struct json {
    char *data;
    size_t len;
    size_t cap;
    size_t max; /* above cap: data is on the heap and may grow up to here */
    bool failed;
    bool comma; /* the next value needs one before it */
};

/* Into the caller's memory. */
void jsonw_init(struct json *json, char *data, size_t cap);

/* Into memory of its own, at most max bytes; give it to jsonw_done. */
void jsonw_init_heap(struct json *json, size_t max);
void jsonw_done(struct json *json);

bool jsonw_failed(const struct json *json);

void jsonw_object(struct json *json);
void jsonw_object_end(struct json *json);
void jsonw_array(struct json *json);
void jsonw_array_end(struct json *json);

/* key is a constant of ours: it is not escaped. */
void jsonw_key(struct json *json, const char *key);
/* A key that came from outside. */
void jsonw_key_escaped(struct json *json, const char *key);

void jsonw_null(struct json *json);
void jsonw_bool(struct json *json, bool value);
void jsonw_int(struct json *json, int64_t value);
/* The shortest text that reads back as the same number; null for what JSON has no number for. */
void jsonw_double(struct json *json, double value);
void jsonw_text(struct json *json, const char *text);
void jsonw_bytes(struct json *json, const void *data, size_t len);
/* Milliseconds since 1970 as ISO 8601 text; null for 0. */
void jsonw_time(struct json *json, int64_t ms);

/* A key and its value; text NULL is null. */
void jsonw_put_null(struct json *json, const char *key);
void jsonw_put_bool(struct json *json, const char *key, bool value);
void jsonw_put_int(struct json *json, const char *key, int64_t value);
void jsonw_put_text(struct json *json, const char *key, const char *text);
void jsonw_put_time(struct json *json, const char *key, int64_t ms);

/* As it is, without a comma or quotes. */
void jsonw_raw(struct json *json, const void *data, size_t len);

/* Like jsonw_raw, but bytes that are not UTF-8 become U+FFFD. */
void jsonw_raw_utf8(struct json *json, const void *data, size_t len);

#endif
