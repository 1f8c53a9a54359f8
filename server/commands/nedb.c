/* The lines of a NeDB file, as far as they are keys of devices (device_keys.h). */
#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keys/keyfile.h"
#include "server/commands/device_keys.h"

enum { ID_MAX = 64, REASON_MAX = 96, FIRST_CAP = 64 };

/* What the last line with an _id says. */
struct record {
    char id[ID_MAX + 1];
    size_t line;
    bool is_deleted;
    bool is_key; /* found is set; else reason says what is wrong */
    char reason[REASON_MAX];
    struct device_key_found found;
};

struct records {
    struct record *list;
    size_t count, cap;
};

/* A slot of zeroes at the end. */
static struct record *grow(struct records *records)
{
    if (records->count == records->cap) {
        size_t cap = records->cap ? 2 * records->cap : FIRST_CAP;
        struct record *list = realloc(records->list, cap * sizeof *list);
        if (!list) {
            return NULL;
        }
        records->list = list;
        records->cap = cap;
    }
    struct record *record = &records->list[records->count];
    *record = (struct record){0};
    return record;
}

/* 1: a line without its end, in len bytes; 0: there are no more lines. CYAN_E_TOO_LONG: it was
 * skipped. CYAN_E_IO. */
static int read_line(FILE *file, char *line, size_t *out_len)
{
    size_t len = 0;
    bool too_long = false;
    int c;
    while ((c = getc(file)) != EOF && c != '\n') {
        too_long |= len == DEVICE_KEYS_LINE_MAX;
        if (!too_long) {
            line[len++] = (char)c;
        }
    }
    if (ferror(file)) {
        return CYAN_E_IO;
    }
    *out_len = len;
    if (too_long) {
        return CYAN_E_TOO_LONG;
    }
    return len > 0 || c == '\n' ? 1 : 0;
}

__attribute__((format(printf, 2, 3))) static void reject(struct record *record, const char *format,
                                                         ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(record->reason, sizeof record->reason, format, args);
    va_end(args);
}

/* What a stored object says of a device. */
static void read_object(const json_t *object, struct record *record)
{
    const json_t *device = json_object_get(object, "deviceID");
    const json_t *key = json_object_get(object, "key");
    const json_t *algorithm = json_object_get(object, "algorithm");
    const char *why = NULL;
    if (!json_is_string(device) ||
        device_keys_id(json_string_value(device), json_string_length(device), record->found.id) <
            0) {
        reject(record, "its deviceID is no device id of 24 digits");
    } else if (algorithm &&
               (!json_is_string(algorithm) || strcmp(json_string_value(algorithm), "rsa") != 0)) {
        reject(record, "its algorithm is not rsa");
    } else if (!json_is_string(key)) {
        reject(record, "it has no key");
    } else if (cyan_keyfile_device_public((const uint8_t *)json_string_value(key),
                                          json_string_length(key), record->found.spki, &why) < 0) {
        reject(record, "its key cannot be used: %s", why);
    } else {
        record->is_key = true;
    }
}

/* Sets the record's name; without an _id a line stands for itself. */
static bool take_id(const json_t *object, struct record *record)
{
    const json_t *id = json_object_get(object, "_id");
    if (!id) {
        (void)snprintf(record->id, sizeof record->id, "\n%zu", record->line);
        return true;
    }
    if (!json_is_string(id) || json_string_length(id) > ID_MAX) {
        return false;
    }
    memcpy(record->id, json_string_value(id), json_string_length(id));
    return true;
}

static void read_record(const char *line, size_t len, struct record *record)
{
    json_error_t error;
    json_t *object = json_loadb(line, len, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(object) || !take_id(object, record)) {
        (void)snprintf(record->id, sizeof record->id, "\n%zu", record->line);
        reject(record, json_is_object(object) ? "its _id is no text of a usual length"
                                              : "it is no object of JSON");
    } else if (json_is_true(json_object_get(object, "$$deleted")) ||
               json_object_get(object, "$$indexCreated") ||
               json_object_get(object, "$$indexRemoved")) {
        record->is_deleted = true; /* or it says nothing about a device */
    } else {
        read_object(object, record);
    }
    json_decref(object);
}

static bool is_blank(const char *line, size_t len)
{
    size_t i = 0;
    while (i < len && (line[i] == ' ' || line[i] == '\t' || line[i] == '\r')) {
        i++;
    }
    return i == len;
}

static int read_records(FILE *file, struct records *records)
{
    char *line = malloc(DEVICE_KEYS_LINE_MAX);
    int more = line ? 1 : CYAN_E_NO_MEMORY;
    size_t len = 0;
    for (size_t number = 1; more > 0; number++) {
        more = read_line(file, line, &len);
        bool too_long = more == CYAN_E_TOO_LONG;
        if ((more <= 0 && !too_long) || (!too_long && is_blank(line, len))) {
            continue;
        }
        struct record *record = grow(records);
        if (!record || records->count == DEVICE_KEYS_MAX) {
            more = record ? CYAN_E_FULL : CYAN_E_NO_MEMORY;
            break;
        }
        record->line = number;
        if (too_long) {
            (void)snprintf(record->id, sizeof record->id, "\n%zu", number);
            reject(record, "it is longer than any key");
            more = 1;
        } else {
            read_record(line, len, record);
        }
        records->count++;
    }
    free(line);
    return more;
}

static int by_id_and_line(const void *a, const void *b)
{
    const struct record *left = a;
    const struct record *right = b;
    int order = strcmp(left->id, right->id);
    return order != 0 ? order : (left->line > right->line) - (left->line < right->line);
}

static int by_line(const void *a, const void *b)
{
    const struct record *left = a;
    const struct record *right = b;
    return (left->line > right->line) - (left->line < right->line);
}

/* Of the lines with one _id the last one counts. */
static void keep_last(struct records *records)
{
    size_t kept = 0;
    qsort(records->list, records->count, sizeof records->list[0], by_id_and_line);
    for (size_t i = 0; i < records->count; i++) {
        if (i + 1 == records->count || strcmp(records->list[i].id, records->list[i + 1].id) != 0) {
            records->list[kept++] = records->list[i];
        }
    }
    records->count = kept;
    qsort(records->list, records->count, sizeof records->list[0], by_line);
}

static int collect(struct records *records, const char *path, struct device_keys *keys)
{
    int err = 0;
    if (records->count > 0) {
        keep_last(records);
    }
    for (size_t i = 0; i < records->count && err == 0; i++) {
        struct record *record = &records->list[i];
        (void)snprintf(record->found.where, sizeof record->found.where, "line %zu", record->line);
        if (record->is_key) {
            err = device_keys_add(keys, &record->found);
        } else if (!record->is_deleted) {
            device_keys_complain(keys, path, record->found.where, record->reason);
        }
    }
    return err;
}

int device_keys_read_nedb(FILE *file, const char *path, struct device_keys *keys)
{
    struct records records = {0};
    int err = read_records(file, &records);
    if (err == 0) {
        err = collect(&records, path, keys);
    }
    int cause = errno;
    free(records.list);
    errno = cause;
    return err;
}
