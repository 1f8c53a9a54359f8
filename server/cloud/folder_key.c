#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/secret.h"
#include "keys/fingerprint.h"
#include "server/cloud/folder_inner.h"
#include "server/net/log.h"

static const char fingerprint_fact[] = "server_key_fingerprint";
static const char created_fact[] = "created";

/* What the store says about keys and devices. */
struct known {
    bool has_fingerprint;
    char fingerprint[CYAN_FINGERPRINT_TEXT];
    uint64_t devices;
};

static int ask_store(const struct store *store, struct known *out_known)
{
    struct known known = {0};
    int status =
        store->meta_get(store->ctx, fingerprint_fact, known.fingerprint, sizeof known.fingerprint);
    known.has_fingerprint = status == 0;
    if (status == 0 && strlen(known.fingerprint) != CYAN_FINGERPRINT_TEXT - 1) {
        return CYAN_E_CORRUPT;
    }
    if (status == 0 || status == CYAN_E_NOT_FOUND) {
        status = store->device_count(store->ctx, &known.devices);
    }
    if (status == 0) {
        *out_known = known;
    }
    return status;
}

/* Remembers whose folder this is, in one transaction. */
static int remember_key(const struct store *store, const char *fingerprint)
{
    char now[32];
    char old[STORE_META_MAX + 1];
    snprintf(now, sizeof now, "%" PRId64, clock_now_ms());
    int status = store->begin(store->ctx);
    if (status != 0) {
        return status;
    }
    status = store->meta_set(store->ctx, fingerprint_fact, fingerprint);
    if (status == 0) {
        status = store->meta_get(store->ctx, created_fact, old, sizeof old);
    }
    if (status == CYAN_E_NOT_FOUND) {
        status = store->meta_set(store->ctx, created_fact, now);
    }
    if (status == 0) {
        status = store->commit(store->ctx);
    }
    if (status != 0) {
        store->rollback(store->ctx);
    }
    return status;
}

/* The words for a server.key that must be put back: how says what is wrong with it. */
static int key_lost(struct opening *o, const struct known *known, const char *how, int status)
{
    const char *path = o->options->path;
    char brief[CYAN_FINGERPRINT_SHORT];
    folder_say_what(o, "the server key %s/server.key %s", path, how);
    if (known->has_fingerprint) {
        cyan_fingerprint_shorten(known->fingerprint, brief);
        folder_say_next(o,
                        "put the one with the fingerprint %s back from a backup as "
                        "%s/server.key; cyand makes no new one: that would lock out the devices "
                        "that know this one (%" PRIu64 " in the store)",
                        brief, path, known->devices);
    } else if (known->devices > 0) {
        folder_say_next(o,
                        "put it back from a backup as %s/server.key; cyand makes no new one: that "
                        "would lock out the devices that know it (%" PRIu64 " in the store)",
                        path, known->devices);
    } else {
        folder_say_next(o, "put a sound one in its place; if no device was ever given its public "
                           "half, remove it and cyand makes a new one");
    }
    return status;
}

static int make_key(struct opening *o, const char *path)
{
    int status = cyan_serverkey_generate(&o->folder.key);
    if (status != 0) {
        folder_say_what(o, "no server key could be made: %s", cyan_err_text(status));
        folder_say_next(o, "start cyand again");
        return status;
    }
    status = cyan_serverkey_save(&o->folder.key, path);
    if (status != 0) {
        folder_say_what(o, "the server key %s could not be written: %s", path,
                        status == CYAN_E_IO ? strerror(errno) : cyan_err_text(status));
        folder_say_next(o,
                        "make room or set the rights of the folder right, then start cyand again");
    }
    return status;
}

/* The key is there and whole: is it the one? */
static int match_key(struct opening *o, const struct known *known)
{
    char fingerprint[CYAN_FINGERPRINT_TEXT];
    char brief[CYAN_FINGERPRINT_SHORT];
    char how[64];
    int status = cyan_fingerprint_make(o->folder.key.spki, sizeof o->folder.key.spki, fingerprint);
    if (status != 0) {
        folder_say_what(o, "the server key could not be hashed: %s", cyan_err_text(status));
        folder_say_next(o, "start cyand again");
        return status;
    }
    if (!known->has_fingerprint) {
        status = remember_key(&o->folder.store, fingerprint);
        return status != 0 ? folder_store_failed(o, status, errno) : 0;
    }
    if (!cyan_ct_equal(fingerprint, known->fingerprint, sizeof fingerprint)) {
        cyan_fingerprint_shorten(fingerprint, brief);
        snprintf(how, sizeof how, "is not the one of this folder but %s", brief);
        return key_lost(o, known, how, CYAN_E_KEY_UNUSABLE);
    }
    return 0;
}

int folder_open_key(struct opening *o)
{
    char path[FILE_PATH_MAX];
    struct known known;
    folder_file(o, "server.key", path);
    int status = ask_store(&o->folder.store, &known);
    if (status != 0) {
        return folder_store_failed(o, status, errno);
    }
    status = cyan_serverkey_load(path, &o->folder.key);
    if (status == CYAN_E_NOT_FOUND) {
        if (known.has_fingerprint || known.devices > 0) {
            return key_lost(o, &known, "is missing", status);
        }
        status = make_key(o, path);
        return status != 0 ? status : match_key(o, &known);
    }
    if (status != 0) {
        char how[128];
        snprintf(how, sizeof how, "cannot be used (%s)",
                 status == CYAN_E_IO ? strerror(errno) : cyan_err_text(status));
        return key_lost(o, &known, how, status);
    }
    return match_key(o, &known);
}
