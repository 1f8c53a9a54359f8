/* names.h - the names of events that are not the applications' own. Inside actor/. */
#ifndef CYAN_SERVER_ACTOR_NAMES_H
#define CYAN_SERVER_ACTOR_NAMES_H

#include <stdbool.h>

/* spark* and particle*: between a device's system and its cloud. */
bool names_system(const char *name);

/* cyan/: the cloud's own. */
bool names_cloud(const char *name);

/* The two under cyan/ that a device may say: cyan/hello and cyan/proof. */
bool names_of_custody(const char *name);

#endif
