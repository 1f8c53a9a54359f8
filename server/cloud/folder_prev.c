/* The previous server key, and the end of a rotation that was cut short. rotation.h tells the
 * steps: what the store says decides, and what it never knew was never used. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/secret.h"
#include "keys/files.h"
#include "server/cloud/folder_inner.h"
#include "server/net/log.h"

static bool is_fact(bool has, const char *fact, const char *fingerprint)
{
    return has && cyan_ct_equal(fact, fingerprint, CYAN_FINGERPRINT_TEXT);
}

/* Reads a key of the folder and names it. */
static int load_named(const struct opening *o, const char *name, struct cyan_serverkey *out_key,
                      char out_fingerprint[static CYAN_FINGERPRINT_TEXT])
{
    char path[FILE_PATH_MAX];
    folder_file(o, name, path);
    int status = cyan_serverkey_load(path, out_key);
    return status != 0
               ? status
               : cyan_fingerprint_make(out_key->spki, sizeof out_key->spki, out_fingerprint);
}

static int remove_file(struct opening *o, const char *name)
{
    char path[FILE_PATH_MAX];
    folder_file(o, name, path);
    if ((unlink(path) < 0 && errno != ENOENT) || cyan_files_sync_folder(o->options->path) < 0) {
        return folder_cannot_write(o, errno);
    }
    return 0;
}

/* The store knows the new key already; server.key, whose copy is server-prev.key, makes room. */
static int go_forward(struct opening *o)
{
    char from[FILE_PATH_MAX];
    char to[FILE_PATH_MAX];
    folder_file(o, "server-next.key", from);
    folder_file(o, "server.key", to);
    if (rename(from, to) < 0 || cyan_files_sync_folder(o->options->path) < 0) {
        return folder_cannot_write(o, errno);
    }
    return 0;
}

int folder_settle(struct opening *o, const struct folder_facts *facts)
{
    struct cyan_serverkey key = {0};
    char fingerprint[CYAN_FINGERPRINT_TEXT];
    char path[FILE_PATH_MAX];
    folder_file(o, "server-next.key", path);
    if (!facts->has_key || access(path, F_OK) < 0) {
        return 0;
    }
    int status = 0;
    if (load_named(o, "server.key", &key, fingerprint) == 0 &&
        is_fact(true, facts->key, fingerprint)) {
        status = remove_file(o, "server-next.key");
    } else if (load_named(o, "server-next.key", &key, fingerprint) == 0 &&
               is_fact(true, facts->key, fingerprint) &&
               load_named(o, "server-prev.key", &key, fingerprint) == 0 &&
               is_fact(facts->has_prev, facts->prev, fingerprint)) {
        status = go_forward(o);
    }
    cyan_serverkey_done(&key);
    return status; /* anything else is told where server.key is read */
}

/* The words for a server-prev.key that must be put back: how says what is wrong with it. */
static int prev_lost(struct opening *o, const struct folder_facts *facts, const char *how,
                     int status)
{
    const char *path = o->options->path;
    char brief[CYAN_FINGERPRINT_SHORT];
    if (o->options->forgive_prev) {
        return 0;
    }
    folder_say_what(o, "the previous server key %s/server-prev.key %s", path, how);
    if (facts->has_prev) {
        cyan_fingerprint_shorten(facts->prev, brief);
        folder_say_next(o,
                        "put the one with the fingerprint %s back from a backup: devices may know "
                        "no other; when it is lost for good, give it up with "
                        "'cyand rotate --finish --force --data %s'",
                        brief, path);
    } else {
        folder_say_next(o, "put a sound one in its place, or move it away: the store knows of no "
                           "previous key");
    }
    return status;
}

/* Put there by hand, and the store knows of none: it is taken over like a server.key is. */
static int adopt(struct opening *o, const char *fingerprint)
{
    const struct store *store = &o->folder.store;
    char brief[CYAN_FINGERPRINT_SHORT];
    int status = store->meta_set(store->ctx, folder_prev_fact, fingerprint);
    if (status != 0) {
        return folder_store_failed(o, status, errno);
    }
    cyan_fingerprint_shorten(fingerprint, brief);
    log_write(LOG_INFO, "previous server key taken over", "fingerprint", brief, NULL);
    o->folder.has_prev = true;
    return 0;
}

static int match_prev(struct opening *o, const struct folder_facts *facts, const char *fingerprint)
{
    char brief[CYAN_FINGERPRINT_SHORT];
    char how[64];
    if (is_fact(facts->has_prev, facts->prev, fingerprint)) {
        o->folder.has_prev = true;
        return 0;
    }
    if (facts->has_prev) {
        cyan_fingerprint_shorten(fingerprint, brief);
        snprintf(how, sizeof how, "is not the one of this folder but %s", brief);
        return prev_lost(o, facts, how, CYAN_E_KEY_UNUSABLE);
    }
    /* A rotation that ended before the store heard of it had made a copy. */
    if (memcmp(o->folder.prev.spki, o->folder.key.spki, sizeof o->folder.key.spki) == 0) {
        return remove_file(o, "server-prev.key");
    }
    return adopt(o, fingerprint);
}

int folder_open_prev(struct opening *o, const struct folder_facts *facts)
{
    char fingerprint[CYAN_FINGERPRINT_TEXT];
    int status = load_named(o, "server-prev.key", &o->folder.prev, fingerprint);
    if (status == 0) {
        status = match_prev(o, facts, fingerprint);
    } else if (status == CYAN_E_NOT_FOUND) {
        status = facts->has_prev ? prev_lost(o, facts, "is missing", status) : 0;
    } else {
        char how[128];
        snprintf(how, sizeof how, "cannot be used (%s)",
                 status == CYAN_E_IO ? strerror(errno) : cyan_err_text(status));
        status = prev_lost(o, facts, how, status);
    }
    if (!o->folder.has_prev) {
        cyan_serverkey_done(&o->folder.prev);
    }
    return status;
}
