/* folder_inner.h - the steps of folder_open, in their order: folder.c (lock, store),
 * folder_key.c (the server's key), folder_prev.c (the one before it, and what a rotation left),
 * folder_login.c (the first account). */
#ifndef CYAN_SERVER_CLOUD_FOLDER_INNER_H
#define CYAN_SERVER_CLOUD_FOLDER_INNER_H

#include <inttypes.h>
#include <stdio.h>

#include "keys/fingerprint.h"
#include "server/cloud/folder.h"

enum { FILE_PATH_MAX = FOLDER_PATH_MAX + 32 };

/* What folder_open works with. */
struct opening {
    const struct folder_options *options;
    struct folder folder;
    struct folder_words *words;
};

/* The path of a file in the folder. */
void folder_file(const struct opening *o, const char *name, char out_path[FILE_PATH_MAX]);

/* Sets the words; a format and its arguments. */
#define folder_say_what(o, ...)                                                                    \
    ((void)snprintf((o)->words->what, sizeof(o)->words->what, __VA_ARGS__))
#define folder_say_next(o, ...)                                                                    \
    ((void)snprintf((o)->words->next, sizeof(o)->words->next, __VA_ARGS__))

/* The words for an error of the store, or for one (errno) of the folder; return the error. */
int folder_store_failed(struct opening *o, int status, int cause);
int folder_cannot_write(struct opening *o, int cause);

/* What the store says about keys and devices. The previous key's fact is "" when there is none. */
struct folder_facts {
    bool has_key, has_prev;
    char key[CYAN_FINGERPRINT_TEXT];
    char prev[CYAN_FINGERPRINT_TEXT];
    uint64_t devices;
};
extern const char folder_key_fact[];
extern const char folder_prev_fact[];
int folder_ask_store(const struct store *store, struct folder_facts *out_facts) CYAN_MUST_CHECK;

/* Needs the store; sets both keys, or words. */
int folder_open_key(struct opening *o) CYAN_MUST_CHECK;
/* Steps of it: ends a rotation that was cut short, before server.key is read; and after that
 * reads the previous key. */
int folder_settle(struct opening *o, const struct folder_facts *facts) CYAN_MUST_CHECK;
int folder_open_prev(struct opening *o, const struct folder_facts *facts) CYAN_MUST_CHECK;
/* Needs the store; makes the first account when there is none. */
int folder_open_login(struct opening *o) CYAN_MUST_CHECK;

#endif
