/* description.h - what a device says that it can do, kept while it is in use. Inside actor/. */
#ifndef CYAN_SERVER_ACTOR_DESCRIPTION_H
#define CYAN_SERVER_ACTOR_DESCRIPTION_H

#include "server/actor/actor.h"

/* Keeps a device's answer, in place of an older one. CYAN_E_MALFORMED: no JSON object, or more
 * than ACTOR_DESCRIPTION_MAX bytes; CYAN_E_NO_MEMORY. */
int description_keep(struct actors *actors, struct actor *actor, const uint8_t *text, size_t len);

/* It is dropped ACTOR_DESCRIPTION_KEEP_MS after it was last used. */
void description_used(struct actor *actor);
void description_drop(struct actor *actor);

const uint8_t *description_text(const struct actor_description *description);
size_t description_len(const struct actor_description *description);

bool description_function(const struct actor_description *description, const char *name);

/* The type of a variable; 0 when there is none of this name, or its type is none of ours. */
enum cyan_value_type description_variable(const struct actor_description *description,
                                          const char *name);

#endif
