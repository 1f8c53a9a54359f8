#include "server/actor/description.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

struct actor_description {
    struct wheel_timer timer;
    struct actors *actors;
    struct actor *actor;
    json_t *root;
    size_t len;
    uint8_t text[];
};

void description_drop(struct actor *actor)
{
    struct actor_description *description = actor->description;
    if (description) {
        wheel_stop(&description->actors->shard->wheel, &description->timer);
        json_decref(description->root);
        free(description);
        actor->description = NULL;
    }
}

static void on_time(struct wheel_timer *timer)
{
    struct actor_description *description =
        (struct actor_description *)((char *)timer - offsetof(struct actor_description, timer));
    description_drop(description->actor);
}

int description_keep(struct actors *actors, struct actor *actor, const uint8_t *text, size_t len)
{
    if (len == 0 || len > ACTOR_DESCRIPTION_MAX) {
        return CYAN_E_MALFORMED;
    }
    json_error_t error;
    json_t *root = json_loadb((const char *)text, len, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(root)) {
        json_decref(root);
        return CYAN_E_MALFORMED;
    }
    struct actor_description *description = calloc(1, sizeof *description + len);
    if (!description) {
        json_decref(root);
        return CYAN_E_NO_MEMORY;
    }
    description->actors = actors;
    description->actor = actor;
    description->root = root;
    description->len = len;
    memcpy(description->text, text, len);
    description_drop(actor);
    actor->description = description;
    description_used(actor);
    return 0;
}

void description_used(struct actor *actor)
{
    struct actor_description *description = actor->description;
    wheel_start(&description->actors->shard->wheel, &description->timer, ACTOR_DESCRIPTION_KEEP_MS,
                on_time);
}

const uint8_t *description_text(const struct actor_description *description)
{
    return description->text;
}

size_t description_len(const struct actor_description *description)
{
    return description->len;
}

bool description_function(const struct actor_description *description, const char *name)
{
    size_t i;
    json_t *entry;
    json_array_foreach(json_object_get(description->root, "f"), i, entry)
    {
        if (json_is_string(entry) && strcmp(json_string_value(entry), name) == 0) {
            return true;
        }
    }
    return false;
}

enum cyan_value_type description_variable(const struct actor_description *description,
                                          const char *name)
{
    const json_t *variables = json_object_get(description->root, "v");
    switch (json_integer_value(json_object_get(variables, name))) {
    case CYAN_VALUE_BOOL:
        return CYAN_VALUE_BOOL;
    case CYAN_VALUE_INT:
        return CYAN_VALUE_INT;
    case CYAN_VALUE_STRING:
        return CYAN_VALUE_STRING;
    case CYAN_VALUE_DOUBLE:
        return CYAN_VALUE_DOUBLE;
    default:
        return 0;
    }
}
