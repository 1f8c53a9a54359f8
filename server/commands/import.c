/* cyand import - the fleet of a spark-server, without touching a device. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "keys/fingerprint.h"
#include "server/cloud/takeover.h"
#include "server/commands/arguments.h"
#include "server/commands/commands.h"
#include "server/commands/device_keys.h"
#include "server/commands/speak.h"

static const char help[] =
    "cyand import - takes over the fleet of a spark-server (Particle's or Brewskey's)\n"
    "\n"
    "usage: cyand import --server-key FILE --device-keys DIR|FILE [--data DIR]\n"
    "       cyand import --server-key FILE --server-key-only [--data DIR]\n"
    "\n"
    "  --server-key FILE       that server's private key (default_key.pem): RSA-2048, PEM or DER\n"
    "  --device-keys DIR|FILE  its devices' public keys: a folder of ID.pub.pem (core_keys,\n"
    "                          deviceKeys), or Brewskey's deviceKeys.db\n"
    "  --server-key-only       no devices\n"
    "  --data DIR              the data folder (./var); made when it is missing, with its first\n"
    "                          account as at a first start; cyand must be stopped\n"
    "\n"
    "The devices belong to the first account, and their keys are trusted. Devices that are\n"
    "known already are left alone, so it can be run again.\n";

static int load_key(const char *path, struct cyan_serverkey *out_key)
{
    int err = cyan_serverkey_load(path, out_key);
    if (err == 0) {
        return 0;
    }
    const char *what = err == CYAN_E_IO            ? strerror(errno)
                       : err == CYAN_E_NOT_FOUND   ? "there is no such file"
                       : err == CYAN_E_UNSUPPORTED ? "it is not RSA-2048, or it is encrypted"
                       : err == CYAN_E_MALFORMED   ? "no private key can be read from it"
                                                   : cyan_err_text(err);
    return speak_failed_with(COMMAND_FAILED, "the server's private key (default_key.pem)",
                             "the server key %s cannot be used: %s", path, what);
}

static int brief_of(const struct cyan_serverkey *key, char out_text[static CYAN_FINGERPRINT_SHORT])
{
    char full[CYAN_FINGERPRINT_TEXT];
    if (cyan_fingerprint_make(key->spki, sizeof key->spki, full) != 0) {
        return speak_failed(COMMAND_FAILED, "a server key could not be hashed", "run it again");
    }
    cyan_fingerprint_shorten(full, out_text);
    return 0;
}

static bool is_key(const struct cyan_serverkey *a, const struct cyan_serverkey *b)
{
    return memcmp(a->spki, b->spki, sizeof a->spki) == 0;
}

/* The folder has the key by now, or one of its own. */
static int check_key(const struct folder *folder, const char *data,
                     const struct cyan_serverkey *key)
{
    char ours[CYAN_FINGERPRINT_SHORT];
    char theirs[CYAN_FINGERPRINT_SHORT];
    int code = brief_of(&folder->key, ours);
    if (code == 0) {
        code = brief_of(key, theirs);
    }
    if (code != 0) {
        return code;
    }
    if (!is_key(key, &folder->key) && !(folder->has_prev && is_key(key, &folder->prev))) {
        return speak_failed_with(COMMAND_FOLDER, "another folder with --data",
                                 "%s has another server key (%s) than the one to import (%s)", data,
                                 ours, theirs);
    }
    (void)printf("%s has the server key %s.\n", data, theirs);
    return 0;
}

static int cannot_store(int err)
{
    const char *next = err == CYAN_E_FULL ? "make room, then run it again" : "run it again";
    return speak_failed_with(err == CYAN_E_NO_MEMORY ? COMMAND_FAILED : COMMAND_FOLDER, next,
                             "no device was taken over: %s",
                             err == CYAN_E_NOT_FOUND ? "the first account is not the operator"
                             : err == CYAN_E_IO      ? strerror(errno)
                                                     : cyan_err_text(err));
}

/* Says what became of them; those that are left alone with another key may be a surprise. */
static int tell(const struct takeover_key *keys, const struct device_keys *found)
{
    size_t outcomes[3] = {0};
    for (size_t i = 0; i < found->count; i++) {
        outcomes[keys[i].outcome]++;
        if (keys[i].outcome == TAKEOVER_OTHER_KEY) {
            char id[2 * CYAN_ID_LEN + 1];
            cyan_hex_encode(keys[i].id, CYAN_ID_LEN, id);
            (void)fprintf(stderr, "cyand: device %s is known with another key, which stays\n", id);
        }
    }
    size_t known = outcomes[TAKEOVER_KNOWN] + outcomes[TAKEOVER_OTHER_KEY];
    (void)printf("%zu taken over, %zu known already and left alone, %zu not usable.\n",
                 outcomes[TAKEOVER_ADDED], known, found->bad);
    if (found->bad == 0) {
        return COMMAND_DONE;
    }
    return speak_failed_with(COMMAND_FAILED, "mend what is named above, then run it again",
                             "%zu of the device keys could not be taken over", found->bad);
}

static int take_over(const struct folder *folder, const struct command_tools *tools,
                     const struct device_keys *found)
{
    struct takeover_key *keys = calloc(found->count + 1, sizeof *keys);
    if (!keys) {
        return cannot_store(CYAN_E_NO_MEMORY);
    }
    for (size_t i = 0; i < found->count; i++) {
        memcpy(keys[i].id, found->list[i].id, sizeof keys[i].id);
        memcpy(keys[i].spki, found->list[i].spki, sizeof keys[i].spki);
    }
    int err = takeover(&folder->store, tools->crypto, keys, found->count);
    int code = err < 0 ? cannot_store(err) : tell(keys, found);
    free(keys);
    return code;
}

static int import_into(const char *data, const struct command_tools *tools,
                       const struct cyan_serverkey *key, const struct device_keys *found)
{
    struct folder folder = {0};
    const struct folder_options options = {.path = data,
                                           .store_open = tools->store_open,
                                           .crypto = tools->crypto,
                                           .user = tools->user,
                                           .password = tools->password,
                                           .key = key};
    int code = speak_open_folder(&options, &folder);
    if (code == 0) {
        code = check_key(&folder, data, key);
    }
    if (code == 0 && found) {
        code = take_over(&folder, tools, found);
    }
    folder_close(&folder);
    return code;
}

static int import(const struct command_tools *tools, int count, char **words)
{
    const char *data = "./var";
    const char *server_key = NULL;
    const char *device_keys = NULL;
    bool only = false;
    const struct argument list[] = {
        {.name = "--data", .value = &data},
        {.name = "--server-key", .value = &server_key, .needed = true},
        {.name = "--device-keys", .value = &device_keys},
        {.name = "--server-key-only", .flag = &only},
    };
    struct cyan_serverkey key = {0};
    struct device_keys found = {0};
    int code = arguments_read("import", count, words, list, sizeof list / sizeof list[0]);
    if (code == 0 && only == (device_keys != NULL)) {
        code = speak_failed(COMMAND_USAGE,
                            "either --device-keys or --server-key-only says which devices come",
                            "cyand import --help");
    }
    if (code == 0) {
        code = load_key(server_key, &key);
    }
    if (code == 0 && !only) {
        code = device_keys_read(device_keys, &found);
    }
    if (code == 0) {
        code = import_into(data, tools, &key, only ? NULL : &found);
    }
    device_keys_done(&found);
    cyan_serverkey_done(&key);
    return code;
}

const struct command command_import = {.name = "import", .help = help, .run = import};
