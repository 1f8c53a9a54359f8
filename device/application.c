#include "device/application.h"

#include <string.h>

#include "base/bytes.h"

/* A CoAP header with its token and the payload marker. */
enum { ANSWER_OVERHEAD = 6 };

static void put_text(struct cyan_writer *w, const char *text)
{
    cyan_write_bytes(w, text, strlen(text));
}

static void put_number(struct cyan_writer *w, uint16_t number)
{
    uint16_t scale = 10000;
    while (scale > 1 && number / scale == 0) {
        scale = (uint16_t)(scale / 10);
    }
    for (; scale > 0; scale = (uint16_t)(scale / 10)) {
        cyan_write_u8(w, (uint8_t)('0' + number / scale % 10));
    }
}

/* Names were checked: nothing in them needs escaping. */
static void put_quoted(struct cyan_writer *w, const char *name)
{
    put_text(w, "\"");
    put_text(w, name);
    put_text(w, "\"");
}

static void describe_application(struct cyan_writer *w, const struct cyan_application *app)
{
    put_text(w, "\"f\":[");
    for (size_t i = 0; i < app->function_count; i++) {
        put_text(w, i > 0 ? "," : "");
        put_quoted(w, app->functions[i].name);
    }
    put_text(w, "],\"v\":{");
    for (size_t i = 0; i < app->variable_count; i++) {
        put_text(w, i > 0 ? "," : "");
        put_quoted(w, app->variables[i].name);
        put_text(w, ":");
        put_number(w, (uint16_t)app->variables[i].type);
    }
    put_text(w, "}");
}

void cyan_application_describe(struct cyan_writer *w, const struct cyan_application *app,
                               uint16_t platform_id, uint8_t parts)
{
    put_text(w, "{");
    if (parts & CYAN_DESCRIBE_APPLICATION) {
        describe_application(w, app);
    }
    if (parts & CYAN_DESCRIBE_SYSTEM) {
        put_text(w, parts & CYAN_DESCRIBE_APPLICATION ? ",\"p\":" : "\"p\":");
        put_number(w, platform_id);
        put_text(w, ",\"m\":[]");
    }
    put_text(w, "}");
}

static bool name_ok(const char *name, size_t max)
{
    size_t len = name ? strlen(name) : 0;
    for (size_t i = 0; i < len; i++) {
        char c = name[i];
        if (c <= ' ' || c > '~' || c == '"' || c == '\\') {
            return false;
        }
    }
    return len > 0 && len <= max;
}

static bool type_ok(enum cyan_value_type type)
{
    return type == CYAN_VALUE_BOOL || type == CYAN_VALUE_INT || type == CYAN_VALUE_STRING ||
           type == CYAN_VALUE_DOUBLE;
}

static bool names_ok(const struct cyan_application *app, size_t max)
{
    for (size_t i = 0; i < app->variable_count; i++) {
        const struct cyan_variable *v = &app->variables[i];
        if (!name_ok(v->name, max) || !type_ok(v->type) || !v->value) {
            return false;
        }
    }
    for (size_t i = 0; i < app->function_count; i++) {
        if (!name_ok(app->functions[i].name, max) || !app->functions[i].call) {
            return false;
        }
    }
    return true;
}

static bool subscription_ok(const struct cyan_subscribe *s)
{
    size_t len = strlen(s->filter);
    return len > 0 ? cyan_event_name_ok(s->filter, len) : s->scope != CYAN_SUBSCRIBE_ALL;
}

int cyan_application_check(const struct cyan_application *app,
                           const struct cyan_client_profile *profile, uint16_t platform_id)
{
    if (!names_ok(app, profile->name_max)) {
        return CYAN_E_INVALID;
    }
    for (size_t i = 0; i < app->subscription_count; i++) {
        if (!subscription_ok(&app->subscriptions[i])) {
            return CYAN_E_INVALID;
        }
    }
    uint8_t scratch[CYAN_PROFILE_MESSAGE_MAX];
    struct cyan_writer w;
    cyan_writer_init(&w, scratch, (size_t)profile->message_max - ANSWER_OVERHEAD);
    cyan_application_describe(&w, app, platform_id, CYAN_DESCRIBE_ALL);
    return w.failed ? CYAN_E_TOO_LONG : 0;
}

static bool same_name(const char *a, const char *b)
{
    size_t len = strlen(a);
    return len == strlen(b) && memcmp(a, b, len) == 0;
}

const struct cyan_variable *cyan_application_variable(const struct cyan_application *app,
                                                      const char *name)
{
    for (size_t i = 0; i < app->variable_count; i++) {
        if (same_name(app->variables[i].name, name)) {
            return &app->variables[i];
        }
    }
    return NULL;
}

const struct cyan_function *cyan_application_function(const struct cyan_application *app,
                                                      const char *name)
{
    for (size_t i = 0; i < app->function_count; i++) {
        if (same_name(app->functions[i].name, name)) {
            return &app->functions[i];
        }
    }
    return NULL;
}

struct cyan_value cyan_variable_value(const struct cyan_variable *variable, size_t text_max)
{
    struct cyan_value value = {.type = variable->type};
    switch (variable->type) {
    case CYAN_VALUE_BOOL:
        value.boolean = *(const bool *)variable->value;
        break;
    case CYAN_VALUE_INT:
        value.integer = *(const int32_t *)variable->value;
        break;
    case CYAN_VALUE_DOUBLE:
        value.number = *(const double *)variable->value;
        break;
    case CYAN_VALUE_STRING:
        value.text = variable->value;
        while (value.text_len < text_max && value.text[value.text_len] != '\0') {
            value.text_len++;
        }
        break;
    }
    return value;
}

static bool one_wants(const struct cyan_subscribe *subscriptions, size_t count, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < count; i++) {
        size_t filter_len = strlen(subscriptions[i].filter);
        if (filter_len <= len && memcmp(subscriptions[i].filter, name, filter_len) == 0) {
            return true;
        }
    }
    return false;
}

bool cyan_application_wants(const struct cyan_application *app,
                            const struct cyan_client_profile *profile, const char *event_name)
{
    return one_wants(profile->subscriptions, profile->subscription_count, event_name) ||
           one_wants(app->subscriptions, app->subscription_count, event_name);
}
