/* key_names.h - the words for states and sources of keys, by number; for rows_keys.c. */
#ifndef CYAN_SERVER_STORE_KEY_NAMES_H
#define CYAN_SERVER_STORE_KEY_NAMES_H

#include "server/store/store.h"

extern const char *const store_key_states[STORE_KEY_STATES];
extern const char *const store_key_sources[STORE_KEY_SOURCES]; /* no source is NULL */

#endif
