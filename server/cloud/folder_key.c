#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/secret.h"
#include "server/cloud/folder_inner.h"
#include "server/net/log.h"

const char folder_key_fact[] = "server_key_fingerprint";
const char folder_prev_fact[] = "server_prev_key_fingerprint";
static const char created_fact[] = "created";

/* A fingerprint of the store, if it has it. */
static int ask_fingerprint(const struct store *store, const char *fact, bool *out_has,
                           char out_text[static CYAN_FINGERPRINT_TEXT])
{
    int status = store->meta_get(store->ctx, fact, out_text, CYAN_FINGERPRINT_TEXT);
    *out_has = status == 0 && out_text[0] != '\0';
    if (*out_has && strlen(out_text) != CYAN_FINGERPRINT_TEXT - 1) {
        return CYAN_E_CORRUPT;
    }
    return status == CYAN_E_NOT_FOUND ? 0 : status;
}

int folder_ask_store(const struct store *store, struct folder_facts *out_facts)
{
    struct folder_facts facts = {0};
    int status = ask_fingerprint(store, folder_key_fact, &facts.has_key, facts.key);
    if (status == 0) {
        status = ask_fingerprint(store, folder_prev_fact, &facts.has_prev, facts.prev);
    }
    if (status == 0) {
        status = store->device_count(store->ctx, &facts.devices);
    }
    if (status == 0) {
        *out_facts = facts;
    }
    return status;
}

/* Whether the fact is about this key. */
static int check_fact(bool has, const char *fact, const struct cyan_serverkey *key)
{
    char fingerprint[CYAN_FINGERPRINT_TEXT];
    if (!key) {
        return has ? CYAN_E_KEY_UNUSABLE : 0;
    }
    int status = cyan_fingerprint_make(key->spki, sizeof key->spki, fingerprint);
    if (status == 0 && (!has || !cyan_ct_equal(fingerprint, fact, sizeof fingerprint))) {
        status = CYAN_E_KEY_UNUSABLE;
    }
    return status;
}

int folder_check_keys(const struct store *store, const struct cyan_serverkey *key,
                      const struct cyan_serverkey *prev)
{
    struct folder_facts facts;
    int status = folder_ask_store(store, &facts);
    if (status == 0) {
        status = check_fact(facts.has_key, facts.key, key);
    }
    return status == 0 ? check_fact(facts.has_prev, facts.prev, prev) : status;
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
    status = store->meta_set(store->ctx, folder_key_fact, fingerprint);
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
static int key_lost(struct opening *o, const struct folder_facts *facts, const char *how,
                    int status)
{
    const char *path = o->options->path;
    char brief[CYAN_FINGERPRINT_SHORT];
    folder_say_what(o, "the server key %s/server.key %s", path, how);
    if (facts->has_key) {
        cyan_fingerprint_shorten(facts->key, brief);
        folder_say_next(o,
                        "put the one with the fingerprint %s back from a backup as "
                        "%s/server.key; cyand makes no new one: that would lock out the devices "
                        "that know this one (%" PRIu64 " in the store)",
                        brief, path, facts->devices);
    } else if (facts->devices > 0) {
        folder_say_next(o,
                        "put it back from a backup as %s/server.key; cyand makes no new one: that "
                        "would lock out the devices that know it (%" PRIu64 " in the store)",
                        path, facts->devices);
    } else {
        folder_say_next(o, "put a sound one in its place; if no device was ever given its public "
                           "half, remove it and cyand makes a new one");
    }
    return status;
}

static int make_key(struct opening *o, const char *path)
{
    int status = 0;
    if (o->options->key) {
        o->folder.key = *o->options->key;
    } else {
        status = cyan_serverkey_generate(&o->folder.key);
    }
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
static int match_key(struct opening *o, const struct folder_facts *facts)
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
    if (!facts->has_key) {
        status = remember_key(&o->folder.store, fingerprint);
        return status != 0 ? folder_store_failed(o, status, errno) : 0;
    }
    if (!cyan_ct_equal(fingerprint, facts->key, sizeof fingerprint)) {
        cyan_fingerprint_shorten(fingerprint, brief);
        snprintf(how, sizeof how, "is not the one of this folder but %s", brief);
        return key_lost(o, facts, how, CYAN_E_KEY_UNUSABLE);
    }
    return 0;
}

static int open_present(struct opening *o, const struct folder_facts *facts)
{
    char path[FILE_PATH_MAX];
    folder_file(o, "server.key", path);
    int status = cyan_serverkey_load(path, &o->folder.key);
    if (status == CYAN_E_NOT_FOUND) {
        if (facts->has_key || facts->devices > 0) {
            return key_lost(o, facts, "is missing", status);
        }
        status = make_key(o, path);
        return status != 0 ? status : match_key(o, facts);
    }
    if (status != 0) {
        char how[128];
        snprintf(how, sizeof how, "cannot be used (%s)",
                 status == CYAN_E_IO ? strerror(errno) : cyan_err_text(status));
        return key_lost(o, facts, how, status);
    }
    return match_key(o, facts);
}

int folder_open_key(struct opening *o)
{
    struct folder_facts facts;
    int status = folder_ask_store(&o->folder.store, &facts);
    if (status != 0) {
        return folder_store_failed(o, status, errno);
    }
    status = folder_settle(o, &facts);
    if (status == 0) {
        status = open_present(o, &facts);
    }
    return status == 0 ? folder_open_prev(o, &facts) : status;
}
