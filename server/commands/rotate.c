/* cyand rotate - a new key for the server, and the end of the one before it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "keys/fingerprint.h"
#include "server/cloud/rotation.h"
#include "server/commands/arguments.h"
#include "server/commands/commands.h"
#include "server/commands/speak.h"

static const char help[] =
    "cyand rotate - a new server key beside the old one\n"
    "\n"
    "usage: cyand rotate [--data DIR]\n"
    "       cyand rotate --finish [--force] [--data DIR]\n"
    "\n"
    "  --data DIR   the data folder (./var); cyand must be stopped\n"
    "  --finish     forgets the previous key: refused while devices used it last\n"
    "  --force      forgets it even then, or when its file is lost\n"
    "\n"
    "Devices that know the old key go on with it: cyand serves both. Stock devices change\n"
    "their copy of the server's key over USB only, one by one. A stolen old key cannot be\n"
    "withdrawn from them: until that is done its thief can pose as this cloud to them.\n";

static int print_key(const char *role, const uint8_t spki[static CYAN_SERVER_SPKI_LEN])
{
    char full[CYAN_FINGERPRINT_TEXT];
    char brief[CYAN_FINGERPRINT_SHORT];
    if (cyan_fingerprint_make(spki, CYAN_SERVER_SPKI_LEN, full) != 0) {
        return speak_failed(COMMAND_FAILED, "a server key could not be hashed", "");
    }
    cyan_fingerprint_shorten(full, brief);
    (void)printf("  %-9s %s  %s\n", role, brief, full);
    return 0;
}

/* What came of a change of keys: the folder's own mishaps are its code. */
static int code_of(int status)
{
    return status == CYAN_E_EXISTS || status == CYAN_E_NOT_FOUND || status == CYAN_E_CRYPTO
               ? COMMAND_FAILED
               : COMMAND_FOLDER;
}

static int begin(const struct rotation *rotation)
{
    struct cyan_serverkey key = {0};
    struct folder_words words;
    /* Before the key is made, which takes its time. */
    if (!rotation->folder->has_prev && cyan_serverkey_generate(&key) != 0) {
        return speak_failed(COMMAND_FAILED, "no server key could be made", "run it again");
    }
    int status = rotation_begin(rotation, &key, &words);
    cyan_serverkey_done(&key);
    if (status != 0) {
        return speak_failed(code_of(status), words.what, words.next);
    }
    (void)puts("cyand has a new server key, and keeps the one before it.");
    int code = print_key("new", rotation->folder->key.spki);
    if (code == 0) {
        code = print_key("previous", rotation->folder->prev.spki);
    }
    (void)printf(
        "Devices that know the previous key go on with it. Stock devices change their copy of\n"
        "the server's key over USB only (cyan keys server), one by one. A stolen old key cannot\n"
        "be withdrawn from them: until then its thief can pose as this cloud to them.\n"
        "Back up both keys now. When no device uses the previous one any more:\n"
        "  cyand rotate --finish --data %s\n",
        rotation->path);
    return code;
}

static const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

static int finish(const struct rotation *rotation, bool force)
{
    struct rotation_users users = {0};
    struct folder_words words;
    struct folder *folder = rotation->folder;
    uint8_t prev[CYAN_SERVER_SPKI_LEN];
    bool had_prev = folder->has_prev;
    memcpy(prev, folder->prev.spki, sizeof prev);
    int status = rotation_count(rotation, &users, &words);
    if (status == 0 && users.prev > 0 && !force) {
        return speak_failed_with(
            COMMAND_FAILED,
            "give them the new key over USB (cyan keys server) and let them come in; or --force: "
            "then they can be reached by USB only",
            "%" PRIu64 " device%s used the previous server key last, as far as is known",
            users.prev, plural(users.prev));
    }
    if (status == 0) {
        status = rotation_finish(rotation, &words);
    }
    if (status != 0) {
        return speak_failed(code_of(status), words.what, words.next);
    }
    (void)puts("cyand has forgotten the previous server key.");
    int code = print_key("present", folder->key.spki);
    if (code == 0 && had_prev) {
        code = print_key("forgotten", prev);
    }
    if (users.prev > 0) {
        (void)printf("%" PRIu64 " device%s used it last: from now on they can be reached by USB "
                     "only (cyan keys server).\n",
                     users.prev, plural(users.prev));
    }
    if (users.unseen > 0) {
        (void)printf("%" PRIu64 " device%s never came in: those that know the forgotten key can be "
                     "reached by USB only.\n",
                     users.unseen, plural(users.unseen));
    }
    return code;
}

static int rotate(const struct command_tools *tools, int count, char **words)
{
    const char *data = "./var";
    bool end = false;
    bool force = false;
    const struct argument list[] = {
        {.name = "--data", .value = &data},
        {.name = "--finish", .flag = &end},
        {.name = "--force", .flag = &force},
    };
    int code = arguments_read("rotate", count, words, list, sizeof list / sizeof list[0]);
    if (code == 0 && force && !end) {
        code = speak_failed(COMMAND_USAGE, "--force is for --finish", "cyand rotate --help");
    }
    if (code == 0) {
        code = speak_need_folder(data);
    }
    if (code != 0) {
        return code;
    }
    struct folder folder = {0};
    const struct folder_options options = {.path = data,
                                           .store_open = tools->store_open,
                                           .crypto = tools->crypto,
                                           .forgive_prev = end && force};
    code = speak_open_folder(&options, &folder);
    if (code == 0) {
        const struct rotation rotation = {.folder = &folder, .path = data};
        code = end ? finish(&rotation, force) : begin(&rotation);
    }
    folder_close(&folder);
    return code;
}

const struct command command_rotate = {.name = "rotate", .help = help, .run = rotate};
