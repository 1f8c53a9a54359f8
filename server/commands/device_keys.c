#include "server/commands/device_keys.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/hex.h"
#include "base/secret.h"
#include "keys/files.h"
#include "keys/keyfile.h"
#include "server/commands/commands.h"
#include "server/commands/speak.h"

enum { FIRST_CAP = 64, PATH_LEN_MAX = 2048 };

int device_keys_add(struct device_keys *keys, const struct device_key_found *found)
{
    if (keys->count == DEVICE_KEYS_MAX) {
        return CYAN_E_FULL;
    }
    if (keys->count == keys->cap) {
        size_t cap = keys->cap ? 2 * keys->cap : FIRST_CAP;
        struct device_key_found *list = realloc(keys->list, cap * sizeof *list);
        if (!list) {
            return CYAN_E_NO_MEMORY;
        }
        keys->list = list;
        keys->cap = cap;
    }
    keys->list[keys->count++] = *found;
    return 0;
}

void device_keys_complain(struct device_keys *keys, const char *path, const char *where,
                          const char *why)
{
    (void)fprintf(stderr, "cyand: %s: %s: %s\n", path, where, why);
    keys->bad++;
}

void device_keys_done(struct device_keys *keys)
{
    free(keys->list);
    *keys = (struct device_keys){0};
}

int device_keys_id(const char *text, size_t len, uint8_t out_id[static CYAN_ID_LEN])
{
    return cyan_hex_decode(text, len, out_id, CYAN_ID_LEN);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static bool ends_with(const char *name, const char *ending)
{
    size_t len = strlen(name);
    size_t ending_len = strlen(ending);
    return len >= ending_len && strcmp(name + len - ending_len, ending) == 0;
}

/* These servers put other files beside the keys (JSON of the devices), and Brewskey's data folder
 * has the server's own key in default_key.pem. */
static int may_be_key(const struct dirent *entry)
{
    return ends_with(entry->d_name, ".pem") && strncmp(entry->d_name, "default_key.", 12) != 0;
}

static int read_one(const char *path, const char *name, struct device_keys *keys)
{
    struct device_key_found found = {0};
    char file[PATH_LEN_MAX];
    size_t id_len = strlen(name) - strlen(ends_with(name, ".pub.pem") ? ".pub.pem" : ".pem");
    const char *why = NULL;
    uint8_t *data = NULL;
    size_t len = 0;
    if (device_keys_id(name, id_len, found.id) < 0) {
        device_keys_complain(keys, path, name, "its name is no device id of 24 digits");
        return 0;
    }
    int path_len = snprintf(file, sizeof file, "%s/%s", path, name);
    int err = path_len < 0 || (size_t)path_len >= sizeof file
                  ? CYAN_E_TOO_LONG
                  : cyan_files_read(file, CYAN_KEYFILE_MAX, &data, &len);
    if (err < 0) {
        why = err == CYAN_E_IO ? strerror(errno) : cyan_err_text(err);
    } else {
        err = cyan_keyfile_device_public(data, len, found.spki, &why);
        cyan_files_free(data, len);
    }
    if (err < 0) {
        device_keys_complain(keys, path, name, why ? why : cyan_err_text(err));
        return err == CYAN_E_NO_MEMORY ? err : 0;
    }
    (void)snprintf(found.where, sizeof found.where, "%s", name);
    return device_keys_add(keys, &found);
}

static int read_folder(const char *path, struct device_keys *keys)
{
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, may_be_key, by_name);
    if (count < 0) {
        return CYAN_E_IO;
    }
    int err = 0;
    for (int i = 0; i < count; i++) {
        if (err == 0) {
            err = read_one(path, entries[i]->d_name, keys);
        }
        free(entries[i]);
    }
    free(entries);
    return err;
}

static int by_id(const void *a, const void *b)
{
    const struct device_key_found *left = a;
    const struct device_key_found *right = b;
    return memcmp(left->id, right->id, sizeof left->id);
}

/* One for each device: of two different keys nobody can say which is the right one. */
static void drop_doubles(const char *path, struct device_keys *keys)
{
    size_t kept = 0;
    if (keys->count > 0) {
        qsort(keys->list, keys->count, sizeof keys->list[0], by_id);
    }
    for (size_t i = 0; i < keys->count;) {
        const struct device_key_found first = keys->list[i];
        size_t end = i + 1;
        bool agree = true;
        while (end < keys->count && by_id(&first, &keys->list[end]) == 0) {
            agree = agree && memcmp(first.spki, keys->list[end].spki, sizeof first.spki) == 0;
            end++;
        }
        if (agree) {
            keys->list[kept++] = first;
        }
        for (; i < end; i++) {
            if (!agree) {
                device_keys_complain(keys, path, keys->list[i].where,
                                     "there are different keys for this device");
            }
        }
    }
    keys->count = kept;
}

static int read_path(const char *path, struct device_keys *keys)
{
    struct stat info;
    if (stat(path, &info) < 0) {
        return CYAN_E_IO;
    }
    if (S_ISDIR(info.st_mode)) {
        return read_folder(path, keys);
    }
    FILE *file = fopen(path, "re");
    if (!file) {
        return CYAN_E_IO;
    }
    int err = device_keys_read_nedb(file, path, keys);
    int cause = errno;
    (void)fclose(file);
    errno = cause;
    return err;
}

int device_keys_read(const char *path, struct device_keys *out_keys)
{
    struct device_keys keys = {0};
    int err = read_path(path, &keys);
    if (err < 0) {
        device_keys_done(&keys);
        return speak_failed_with(COMMAND_FAILED,
                                 err == CYAN_E_FULL ? "a part of them at a time"
                                                    : "the folder or file of the devices' keys",
                                 "the device keys %s cannot be read: %s", path,
                                 err == CYAN_E_IO ? strerror(errno) : cyan_err_text(err));
    }
    drop_doubles(path, &keys);
    *out_keys = keys;
    return 0;
}
