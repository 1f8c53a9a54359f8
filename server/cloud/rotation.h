/* rotation.h - another key for the server, while devices go on with the one before it.
 *
 * Stock devices change their copy of the server's key over USB only. So the old key stays, as
 * server-prev.key, until nobody used it last. In an open folder, cut short anywhere:
 *
 *   rotation_begin                       what folder_open makes of it when it ended just before
 *   1. server-next.key: the new key      nothing was done
 *   2. server-prev.key: the old one      server-next.key is removed: it was never used
 *   3. the store names both: a commit    both are removed: the old key is server.key still
 *   4. server-next.key to server.key     step 4 is done
 *
 *   rotation_finish
 *   1. the store forgets the old key     nothing was done
 *   2. server-prev.key is removed        the store knows it again, as if nothing was done */
#ifndef CYAN_SERVER_CLOUD_ROTATION_H
#define CYAN_SERVER_CLOUD_ROTATION_H

#include <stdbool.h>
#include <stdint.h>

#include "server/cloud/folder.h"

struct rotation {
    struct folder *folder; /* open, and alone */
    const char *path;      /* its path */
};

/* Makes key the server's key and keeps the present one as the previous one. CYAN_E_EXISTS: there
 * is a previous key; finish that first. Others as folder_open: words are set; after the commit
 * has been tried, how far it came shows at the next folder_open. The folder's keys in memory are
 * set on success. */
int rotation_begin(const struct rotation *rotation, const struct cyan_serverkey *key,
                   struct folder_words *out_words) CYAN_MUST_CHECK;

/* How many devices used the previous key last (also those that the cloud knew at the rotation and
 * has not seen since), and how many came to be known later and were never seen: which key these
 * have is not known. */
struct rotation_users {
    uint64_t prev;
    uint64_t unseen;
};
int rotation_count(const struct rotation *rotation, struct rotation_users *out_users,
                   struct folder_words *out_words) CYAN_MUST_CHECK;

/* Forgets the previous key, whoever uses it. When it was lost (forgive_prev), what stands in its
 * place becomes server-prev.key.aside. CYAN_E_NOT_FOUND: there is none, and none is lost. */
int rotation_finish(const struct rotation *rotation,
                    struct folder_words *out_words) CYAN_MUST_CHECK;

#endif
