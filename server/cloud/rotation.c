#include "server/cloud/rotation.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/hex.h"
#include "keys/files.h"
#include "server/cloud/folder_inner.h"

static int cannot_hash(struct opening *o, int status)
{
    folder_say_what(o, "a server key could not be hashed: %s", cyan_err_text(status));
    folder_say_next(o, "run it again");
    return status;
}

/* Writes a key to a file that is not there yet. */
static int save(struct opening *o, const struct cyan_serverkey *key, const char *name)
{
    char path[FILE_PATH_MAX];
    folder_file(o, name, path);
    int status = cyan_serverkey_save(key, path);
    if (status != 0) {
        folder_say_what(o, "the server key %s could not be written: %s", path,
                        status == CYAN_E_IO ? strerror(errno) : cyan_err_text(status));
        folder_say_next(o, "make room or set the rights of the folder right, then run it again");
    }
    return status;
}

/* Until the store knows of them they are nobody's. */
static void take_back(const struct opening *o)
{
    static const char *const names[] = {"server-prev.key", "server-next.key"};
    char path[FILE_PATH_MAX];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        folder_file(o, names[i], path);
        (void)unlink(path);
    }
}

/* The names of both keys, in one transaction. */
static int tell_store(const struct store *store, const char *key, const char *prev,
                      const uint8_t prev_hash[static CYAN_SHA256_LEN])
{
    int status = store->begin(store->ctx);
    if (status != 0) {
        return status;
    }
    /* Until now there was one key: whoever knows any, whether it came in or not, knows that one. */
    status = store->device_assume_server_key(store->ctx, prev_hash);
    if (status == 0) {
        status = store->meta_set(store->ctx, folder_key_fact, key);
    }
    if (status == 0) {
        status = store->meta_set(store->ctx, folder_prev_fact, prev);
    }
    if (status == 0) {
        status = store->commit(store->ctx);
    }
    if (status != 0) {
        store->rollback(store->ctx);
    }
    return status;
}

static int put_in_place(struct opening *o)
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

static int begin(struct opening *o, struct folder *folder, const struct cyan_serverkey *key)
{
    char names[2][CYAN_FINGERPRINT_TEXT];
    uint8_t hash[CYAN_SHA256_LEN];
    int status = cyan_fingerprint_make(key->spki, sizeof key->spki, names[0]);
    if (status == 0) {
        status = cyan_fingerprint_make(folder->key.spki, sizeof folder->key.spki, names[1]);
    }
    if (status == 0) {
        status = cyan_hex_decode(names[1], strlen(names[1]), hash, sizeof hash);
    }
    if (status != 0) {
        return cannot_hash(o, status);
    }
    status = save(o, key, "server-next.key");
    if (status == 0) {
        status = save(o, &folder->key, "server-prev.key");
    }
    if (status != 0) {
        int cause = errno;
        take_back(o);
        errno = cause;
        return status;
    }
    status = tell_store(&folder->store, names[0], names[1], hash);
    return status != 0 ? folder_store_failed(o, status, errno) : put_in_place(o);
}

int rotation_begin(const struct rotation *rotation, const struct cyan_serverkey *key,
                   struct folder_words *out_words)
{
    const struct folder_options options = {.path = rotation->path};
    struct opening o = {.options = &options, .words = out_words};
    struct folder *folder = rotation->folder;
    *out_words = (struct folder_words){0};
    if (folder->has_prev) {
        folder_say_what(&o, "there is a previous server key already: %s/server-prev.key",
                        options.path);
        folder_say_next(&o, "cyand rotate --finish --data %s, when no device uses it any more",
                        options.path);
        return CYAN_E_EXISTS;
    }
    int status = begin(&o, folder, key);
    if (status == 0) {
        folder->prev = folder->key;
        folder->has_prev = true;
        folder->key = *key;
    }
    return status;
}

/* How many devices used the key of this name last. */
static int count_users(const struct store *store, bool has, const char *fingerprint,
                       uint64_t *out_count)
{
    uint8_t hash[CYAN_SHA256_LEN];
    if (!has) {
        *out_count = 0;
        return 0;
    }
    int status = cyan_hex_decode(fingerprint, strlen(fingerprint), hash, sizeof hash);
    return status != 0 ? CYAN_E_CORRUPT
                       : store->device_count_with_server_key(store->ctx, hash, out_count);
}

int rotation_count(const struct rotation *rotation, struct rotation_users *out_users,
                   struct folder_words *out_words)
{
    const struct folder_options options = {.path = rotation->path};
    struct opening o = {.options = &options, .words = out_words};
    const struct store *store = &rotation->folder->store;
    struct folder_facts facts;
    uint64_t prev = 0;
    uint64_t present = 0;
    *out_words = (struct folder_words){0};
    int status = folder_ask_store(store, &facts);
    if (status == 0) {
        status = count_users(store, facts.has_prev, facts.prev, &prev);
    }
    if (status == 0) {
        status = count_users(store, facts.has_key, facts.key, &present);
    }
    if (status != 0) {
        return folder_store_failed(&o, status, errno);
    }
    *out_users = (struct rotation_users){.prev = prev, .unseen = facts.devices - prev - present};
    return 0;
}

/* A key that this folder does not know is not ours to destroy. */
static int clear_away(struct opening *o, bool is_known)
{
    char path[FILE_PATH_MAX];
    char aside[FILE_PATH_MAX];
    folder_file(o, "server-prev.key", path);
    folder_file(o, "server-prev.key.aside", aside);
    int err = is_known ? unlink(path) : rename(path, aside);
    if ((err < 0 && errno != ENOENT) || cyan_files_sync_folder(o->options->path) < 0) {
        return folder_cannot_write(o, errno);
    }
    return 0;
}

int rotation_finish(const struct rotation *rotation, struct folder_words *out_words)
{
    const struct folder_options options = {.path = rotation->path};
    struct opening o = {.options = &options, .words = out_words};
    struct folder *folder = rotation->folder;
    struct folder_facts facts;
    *out_words = (struct folder_words){0};
    int status = folder_ask_store(&folder->store, &facts);
    if (status == 0 && !facts.has_prev) {
        folder_say_what(&o, "there is no previous server key in %s", options.path);
        folder_say_next(&o, "nothing: it is finished");
        return CYAN_E_NOT_FOUND;
    }
    if (status == 0) {
        status = folder->store.meta_set(folder->store.ctx, folder_prev_fact, "");
    }
    if (status != 0) {
        return folder_store_failed(&o, status, errno);
    }
    status = clear_away(&o, folder->has_prev);
    if (status != 0) {
        return status;
    }
    cyan_serverkey_done(&folder->prev);
    folder->has_prev = false;
    return 0;
}
