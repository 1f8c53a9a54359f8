#include "server/api/body.h"

#include <jansson.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/hex.h"
#include "base/secret.h"
#include "server/api/multipart.h"

enum { NUMBER_TEXT = 32 };

static void wipe_and_free(void *p)
{
    if (p) {
        cyan_wipe(p, malloc_usable_size(p));
        free(p);
    }
}

void fields_setup(void)
{
    json_set_alloc_funcs(malloc, wipe_and_free);
}

void fields_done(struct fields *fields)
{
    if (fields && fields->texts) {
        cyan_wipe(fields->texts, fields->texts_len);
        free(fields->texts);
        *fields = (struct fields){0};
    }
}

int fields_hold(struct fields *fields, size_t len)
{
    fields->texts = malloc(len + 1);
    if (!fields->texts) {
        return CYAN_E_NO_MEMORY;
    }
    fields->texts_len = len + 1;
    return 0;
}

static int hold_copy(struct fields *fields, const char *text, size_t len)
{
    int err = fields_hold(fields, len);
    if (err == 0) {
        memcpy(fields->texts, text, len);
        fields->texts[len] = '\0';
    }
    return err;
}

int fields_add(struct fields *fields, const struct field *field)
{
    if (fields->count == FIELDS_MAX) {
        return CYAN_E_TOO_LONG;
    }
    fields->list[fields->count++] = *field;
    return 0;
}

int percent_decode(char *text)
{
    char *to = text;
    for (const char *from = text; *from != '\0'; from++) {
        uint8_t byte = (uint8_t)*from;
        if (*from == '%') {
            if (from[1] == '\0' || cyan_hex_decode(from + 1, 2, &byte, 1) < 0 || byte == 0) {
                return CYAN_E_MALFORMED;
            }
            from += 2;
        }
        *to++ = (char)byte;
    }
    *to = '\0';
    return (int)(to - text);
}

static int decode_form_text(char *text)
{
    for (char *p = text; (p = strchr(p, '+')) != NULL;) {
        *p = ' ';
    }
    return percent_decode(text);
}

static int add_pair(struct fields *fields, char *pair)
{
    char *value = strchr(pair, '=');
    static char none[] = "";
    if (value) {
        *value++ = '\0';
    } else {
        value = none;
    }
    int name_len = decode_form_text(pair);
    int value_len = *value ? decode_form_text(value) : 0;
    if (name_len < 0 || value_len < 0) {
        return CYAN_E_MALFORMED;
    }
    return fields_add(
        fields, &(struct field){.name = pair, .value = value, .value_len = (size_t)value_len});
}

int fields_read_form(struct fields *fields, const char *text, size_t len)
{
    if (memchr(text, '\0', len)) {
        return CYAN_E_MALFORMED;
    }
    int err = hold_copy(fields, text, len);
    char *rest = fields->texts;
    while (err == 0 && rest) {
        char *pair = strsep(&rest, "&");
        if (*pair != '\0') {
            err = add_pair(fields, pair);
        }
    }
    return err;
}

/* A value of JSON as text in out, which has room for it. */
static size_t json_as_text(const json_t *value, char *out)
{
    if (json_is_string(value)) {
        size_t len = json_string_length(value);
        memcpy(out, json_string_value(value), len + 1);
        return len;
    }
    if (json_is_integer(value)) {
        return (size_t)snprintf(out, NUMBER_TEXT, "%lld", (long long)json_integer_value(value));
    }
    if (json_is_real(value)) {
        return (size_t)snprintf(out, NUMBER_TEXT, "%.17g", json_real_value(value));
    }
    return (size_t)snprintf(out, NUMBER_TEXT, "%s", json_is_true(value) ? "true" : "false");
}

static int add_json(struct fields *fields, json_t *object)
{
    const char *key;
    json_t *value;
    size_t need = 0;
    json_object_foreach(object, key, value)
    {
        need += strlen(key) + 1;
        need += json_is_string(value) ? json_string_length(value) + 1 : NUMBER_TEXT;
    }
    int err = fields_hold(fields, need);
    if (err < 0) {
        return err;
    }
    char *at = fields->texts;
    json_object_foreach(object, key, value)
    {
        size_t key_len = strlen(key);
        struct field field = {.name = at};
        if (json_is_null(value)) {
            continue;
        }
        memcpy(at, key, key_len + 1);
        at += key_len + 1;
        field.is_nested = json_is_object(value) || json_is_array(value);
        if (!field.is_nested) {
            field.value = at;
            field.value_len = json_as_text(value, at);
            at += field.value_len + 1;
        }
        err = err < 0 ? err : fields_add(fields, &field);
    }
    return err;
}

static int read_json(struct fields *fields, const char *text, size_t len)
{
    json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
    int err = CYAN_E_MALFORMED;
    if (root) {
        err = json_is_object(root) ? add_json(fields, root) : CYAN_E_INVALID;
    }
    json_decref(root);
    return err;
}

static bool is_type(const char *type, const char *wanted)
{
    size_t len = strlen(wanted);
    return strncasecmp(type, wanted, len) == 0 && strchr("; \t", type[len]) != NULL;
}

int fields_read_body(struct fields *fields, const char *type, const char *text, size_t len)
{
    if (len == 0) {
        return 0;
    }
    if (!type || is_type(type, "application/x-www-form-urlencoded")) {
        return fields_read_form(fields, text, len);
    }
    if (is_type(type, "application/json")) {
        return read_json(fields, text, len);
    }
    if (is_type(type, "multipart/form-data")) {
        return multipart_read(fields, type, text, len);
    }
    return CYAN_E_UNSUPPORTED;
}

const struct field *fields_find(const struct fields *fields, const char *name)
{
    for (size_t i = 0; i < fields->count; i++) {
        if (strcmp(fields->list[i].name, name) == 0) {
            return &fields->list[i];
        }
    }
    return NULL;
}

const char *fields_text(const struct fields *fields, const char *name)
{
    const struct field *field = fields_find(fields, name);
    if (!field || field->is_nested || strlen(field->value) != field->value_len) {
        return NULL;
    }
    return field->value;
}

int fields_bool(const struct fields *fields, const char *name, bool *out_value)
{
    static const struct {
        const char *text;
        bool value;
    } words[] = {{"true", true}, {"false", false}, {"1", true},   {"0", false},
                 {"on", true},   {"off", false},   {"yes", true}, {"no", false}};
    if (!fields_find(fields, name)) {
        return CYAN_E_NOT_FOUND;
    }
    const char *text = fields_text(fields, name);
    for (size_t i = 0; text && i < sizeof words / sizeof words[0]; i++) {
        if (strcasecmp(text, words[i].text) == 0) {
            *out_value = words[i].value;
            return 0;
        }
    }
    return CYAN_E_INVALID;
}

int fields_number(const struct fields *fields, const char *name, int64_t max, int64_t *out_value)
{
    if (!fields_find(fields, name)) {
        return CYAN_E_NOT_FOUND;
    }
    const char *text = fields_text(fields, name);
    int64_t value = 0;
    if (!text || *text == '\0') {
        return CYAN_E_INVALID;
    }
    for (; *text != '\0'; text++) {
        int digit = *text - '0';
        if (digit < 0 || digit > 9 || digit > max || value > (max - digit) / 10) {
            return CYAN_E_INVALID;
        }
        value = 10 * value + digit;
    }
    *out_value = value;
    return 0;
}
