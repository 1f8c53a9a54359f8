/* cyand backup - keys and store of a folder in one sealed file, while cyand runs or not. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/secret.h"
#include "keys/files.h"
#include "keys/fingerprint.h"
#include "keys/keyfile.h"
#include "server/commands/arguments.h"
#include "server/commands/bundle.h"
#include "server/commands/commands.h"
#include "server/commands/passphrase.h"
#include "server/commands/speak.h"

static const char help[] =
    "cyand backup - the server's keys and its store in one sealed file\n"
    "\n"
    "usage: cyand backup --out FILE [--passphrase-file FILE] [--data DIR]\n"
    "\n"
    "  --out FILE              the backup; takes the place of an older one when it is whole\n"
    "  --passphrase-file FILE  its first line opens the backup; without it you are asked\n"
    "  --data DIR              the data folder (./var); cyand may run\n"
    "\n"
    "Nothing opens the backup but the passphrase: keep it apart from the file, and keep it.\n";

enum { FILE_PATH_MAX = FOLDER_PATH_MAX + 32 };

/* A server key as its file has it. */
struct key_file {
    struct cyan_serverkey key;
    uint8_t *data;
    size_t len;
    bool is_there;
};

struct backup {
    const struct command_tools *tools;
    const char *data;
    char copy[FILE_PATH_MAX]; /* of the store; locked while fd is open */
    int fd;
    struct key_file key, prev;
    uint64_t devices;
};

static int cannot_copy(const struct backup *b, int err)
{
    int code = err == CYAN_E_NO_MEMORY ? COMMAND_FAILED : COMMAND_FOLDER;
    const char *next = err == CYAN_E_FULL   ? "make room on its disk: a backup needs a copy there"
                       : err == CYAN_E_BUSY ? "run it again"
                                            : "see that the folder may be written and is sound";
    return speak_failed_with(code, next, "the store of %s cannot be copied: %s", b->data,
                             err == CYAN_E_IO ? strerror(errno) : cyan_err_text(err));
}

/* One backup at a time has this file; what a killed one left behind is used again. */
static int take_copy_file(struct backup *b)
{
    struct stat ours;
    struct stat theirs;
    b->fd = open(b->copy, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (b->fd < 0) {
        return cannot_copy(b, CYAN_E_IO);
    }
    if (flock(b->fd, LOCK_EX | LOCK_NB) != 0 || fstat(b->fd, &ours) != 0 ||
        stat(b->copy, &theirs) != 0 || ours.st_ino != theirs.st_ino) {
        (void)close(b->fd);
        b->fd = -1;
        return speak_failed_with(COMMAND_FAILED, "wait for it, then run this again",
                                 "another backup of %s is being made", b->data);
    }
    if (fchmod(b->fd, 0600) != 0 || ftruncate(b->fd, 0) != 0) {
        return cannot_copy(b, CYAN_E_IO);
    }
    return 0;
}

static void drop_copy(struct backup *b)
{
    static const char *const endings[] = {"-wal", "-shm", "-journal", ""};
    char path[FILE_PATH_MAX + 16];
    if (b->fd < 0) {
        return;
    }
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        (void)snprintf(path, sizeof path, "%s%s", b->copy, endings[i]);
        (void)unlink(path);
    }
    (void)close(b->fd);
}

static int read_key(const struct backup *b, const char *name, struct key_file *out_file)
{
    char path[FILE_PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/%s", b->data, name);
    int err = cyan_files_read(path, CYAN_KEYFILE_MAX, &out_file->data, &out_file->len);
    if (err == CYAN_E_NOT_FOUND) {
        return 0;
    }
    if (err == 0) {
        err = cyan_serverkey_parse(out_file->data, out_file->len, &out_file->key);
    }
    if (err < 0) {
        return speak_failed_with(COMMAND_FOLDER, "start cyand: it says what to do",
                                 "the server key %s cannot be used (%s)", path,
                                 err == CYAN_E_IO ? strerror(errno) : cyan_err_text(err));
    }
    out_file->is_there = true;
    return 0;
}

/* Opens the copy, which looks through all of it, and asks whether the keys are its own: a backup
 * that could not be started again is none. */
static int check_copy(struct backup *b)
{
    struct store store;
    int err = b->tools->store_open(b->copy, &store);
    if (err < 0) {
        return cannot_copy(b, err);
    }
    err = folder_check_keys(&store, &b->key.key, b->prev.is_there ? &b->prev.key : NULL);
    if (err == 0) {
        err = store.device_count(store.ctx, &b->devices);
    }
    store.close(store.ctx);
    if (err == CYAN_E_KEY_UNUSABLE) {
        return speak_failed_with(COMMAND_FOLDER,
                                 "start cyand: it says what to do; if the keys have just been "
                                 "changed, run this again",
                                 "the server keys in %s are not those of its store", b->data);
    }
    return err < 0 ? cannot_copy(b, err) : 0;
}

static int gather(struct backup *b)
{
    char path[FILE_PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/cyan.db", b->data);
    (void)snprintf(b->copy, sizeof b->copy, "%s/backup.db", b->data);
    int code = take_copy_file(b);
    if (code == 0) {
        int err = b->tools->store_copy(path, b->copy);
        code = err < 0 ? cannot_copy(b, err) : 0;
    }
    if (code == 0) {
        code = read_key(b, "server.key", &b->key);
    }
    if (code == 0 && !b->key.is_there) {
        code = speak_failed_with(COMMAND_FOLDER, "start cyand: it says what to do",
                                 "the server key %s/server.key is missing", b->data);
    }
    if (code == 0) {
        code = read_key(b, "server-prev.key", &b->prev);
    }
    return code == 0 ? check_copy(b) : code;
}

static int put_all(const struct backup *b, struct cyan_sealer *sealer)
{
    struct stat info;
    int err = bundle_put(sealer, BUNDLE_KEY, b->key.data, b->key.len);
    if (err == 0 && b->prev.is_there) {
        err = bundle_put(sealer, BUNDLE_PREV_KEY, b->prev.data, b->prev.len);
    }
    int fd = err == 0 ? open(b->copy, O_RDONLY | O_CLOEXEC) : -1;
    if (err == 0 && (fd < 0 || fstat(fd, &info) < 0)) {
        err = CYAN_E_IO;
    }
    if (err == 0) {
        err = bundle_put_file(sealer, BUNDLE_STORE, fd, (uint64_t)info.st_size);
    }
    if (fd >= 0) {
        int cause = errno;
        (void)close(fd);
        errno = cause;
    }
    return err == 0 ? bundle_end(sealer) : err;
}

static int write_sealed(const struct backup *b, const char *out, const char *passphrase)
{
    struct cyan_files_draft draft;
    struct cyan_sealer *sealer = NULL;
    int err = cyan_files_draft_open(out, CYAN_FILES_SECRET, &draft);
    if (err == 0) {
        err = cyan_sealer_create(draft.fd, passphrase, CYAN_SEALED_LOG2N, &sealer);
        if (err == 0) {
            err = put_all(b, sealer);
        }
        int cause = errno;
        cyan_sealer_destroy(sealer);
        errno = cause;
        if (err == 0) {
            err = cyan_files_draft_keep(&draft);
        } else {
            cyan_files_draft_drop(&draft);
        }
    }
    if (err == 0) {
        return 0;
    }
    return speak_failed_with(COMMAND_FAILED, "another place with --out, or make room there",
                             "the backup %s cannot be written: %s", out,
                             err == CYAN_E_IO ? strerror(errno) : cyan_err_text(err));
}

static void tell(const struct backup *b, const char *out)
{
    char full[CYAN_FINGERPRINT_TEXT];
    char brief[CYAN_FINGERPRINT_SHORT] = "";
    if (cyan_fingerprint_make(b->key.key.spki, sizeof b->key.key.spki, full) == 0) {
        cyan_fingerprint_shorten(full, brief);
    }
    (void)printf("%s holds the server key %s%s and a store with %" PRIu64 " device%s.\n", out,
                 brief, b->prev.is_there ? ", the one before it" : "", b->devices,
                 b->devices == 1 ? "" : "s");
}

static int backup(const struct command_tools *tools, int count, char **words)
{
    struct backup b = {.tools = tools, .data = "./var", .fd = -1};
    const char *out = "";
    const char *file = NULL;
    char passphrase[PASSPHRASE_MAX + 1];
    const struct argument list[] = {
        {.name = "--data", .value = &b.data},
        {.name = "--out", .value = &out, .needed = true},
        {.name = "--passphrase-file", .value = &file},
    };
    int code = arguments_read("backup", count, words, list, sizeof list / sizeof list[0]);
    if (code == 0) {
        code = speak_need_folder(b.data);
    }
    if (code == 0) {
        code = passphrase_get(file, true, passphrase);
    }
    if (code != 0) {
        return code;
    }
    code = gather(&b);
    if (code == 0) {
        code = write_sealed(&b, out, passphrase);
    }
    if (code == 0) {
        tell(&b, out);
    }
    cyan_wipe(passphrase, sizeof passphrase);
    drop_copy(&b);
    cyan_files_free(b.key.data, b.key.len);
    cyan_files_free(b.prev.data, b.prev.len);
    cyan_wipe(&b, sizeof b);
    return code;
}

const struct command command_backup = {.name = "backup", .help = help, .run = backup};
