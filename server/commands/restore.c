/* cyand restore - a data folder from a backup: all of it, or nothing. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/secret.h"
#include "keys/files.h"
#include "server/commands/arguments.h"
#include "server/commands/bundle.h"
#include "server/commands/commands.h"
#include "server/commands/passphrase.h"
#include "server/commands/speak.h"

static const char help[] =
    "cyand restore - a data folder from a backup\n"
    "\n"
    "usage: cyand restore --in FILE [--passphrase-file FILE] [--data DIR]\n"
    "\n"
    "  --in FILE               the backup\n"
    "  --passphrase-file FILE  its first line opens the backup; without it you are asked\n"
    "  --data DIR              the folder to make (./var): it must be missing or empty\n"
    "\n"
    "The whole backup is checked first. Then the folder is made beside its place, as\n"
    "DIR.restore-..., tried out, and put there as a whole.\n";

enum { TARGET_MAX = FOLDER_PATH_MAX };

struct restoring {
    const struct command_tools *tools;
    const char *in;
    char target[TARGET_MAX + 1];    /* without slashes at its end */
    char temp[TARGET_MAX + 32];     /* "" until it is made */
    struct cyan_unsealer *unsealer; /* of fd */
    int fd;
};

/* The folder must be missing or empty. */
static int look_at_target(struct restoring *r, const char *data)
{
    size_t len = strlen(data);
    while (len > 1 && data[len - 1] == '/') {
        len--;
    }
    if (len > TARGET_MAX - 32) {
        return speak_failed(COMMAND_USAGE, "the path of the data folder is too long",
                            "name another one with --data");
    }
    memcpy(r->target, data, len);
    r->target[len] = '\0';
    DIR *dir = opendir(r->target);
    if (!dir) {
        return errno == ENOENT ? 0
                               : speak_failed_with(COMMAND_FOLDER, "name another one with --data",
                                                   "the data folder %s cannot be made: %s",
                                                   r->target, strerror(errno));
    }
    size_t entries = 0;
    for (const struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        entries += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    }
    (void)closedir(dir);
    return entries == 0
               ? 0
               : speak_failed_with(COMMAND_FOLDER,
                                   "name a folder that does not exist with --data, or move that "
                                   "one aside first",
                                   "the folder %s is not empty, and nothing is put over what is "
                                   "there",
                                   r->target);
}

static int cannot_read(const struct restoring *r, int err)
{
    if (err == CYAN_E_NOT_DECIPHERABLE) {
        return speak_failed_with(COMMAND_FAILED, "the right passphrase, or another copy",
                                 "%s cannot be opened: the passphrase is wrong, or the file is "
                                 "damaged, or no backup of this version of cyand",
                                 r->in);
    }
    return speak_failed_with(COMMAND_FAILED, "run it again, with a file that can be read",
                             "%s cannot be read: %s", r->in,
                             err == CYAN_E_IO ? strerror(errno) : cyan_err_text(err));
}

/* Reads all of it, so that nothing is written of a backup that is not whole. */
static int check(struct restoring *r, const char *passphrase)
{
    r->fd = open(r->in, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (r->fd < 0) {
        return cannot_read(r, CYAN_E_IO);
    }
    int err = cyan_unsealer_create(r->fd, passphrase, &r->unsealer);
    if (err == 0) {
        err = bundle_read(r->unsealer, NULL);
    }
    return err < 0 ? cannot_read(r, err) : 0;
}

static int cannot_write(const struct restoring *r)
{
    const char *next =
        errno == EBUSY || errno == EINVAL || errno == EXDEV
            ? "a folder in it: what is mounted, or the folder you are in, cannot be replaced"
            : "another place with --data, or set the rights right and make room there";
    return speak_failed_with(COMMAND_FOLDER, next, "the data folder %s cannot be made: %s",
                             r->target, strerror(errno));
}

/* Is it a folder that cyand would start with? */
static int try_out(struct restoring *r, struct folder *folder)
{
    const struct folder_options options = {.path = r->temp,
                                           .store_open = r->tools->store_open,
                                           .crypto = r->tools->crypto,
                                           .user = r->tools->user,
                                           .password = r->tools->password};
    struct folder_words words;
    if (folder_open(&options, folder, &words) == 0) {
        return 0;
    }
    return speak_failed_with(COMMAND_FAILED, "another backup",
                             "%s holds a folder that cannot be used: %s", r->in, words.what);
}

static int write_out(struct restoring *r)
{
    char temp[sizeof r->temp];
    (void)snprintf(temp, sizeof temp, "%s.restore-XXXXXX", r->target);
    if (!mkdtemp(temp)) {
        return cannot_write(r);
    }
    memcpy(r->temp, temp, sizeof temp);
    cyan_unsealer_rewind(r->unsealer);
    int err = bundle_read(r->unsealer, r->temp);
    if (err == CYAN_E_IO) {
        return cannot_write(r);
    }
    return err < 0 ? cannot_read(r, err) : 0;
}

/* A rename takes the place of an empty folder too, and of no other. */
static int put_in_place(struct restoring *r)
{
    if (cyan_files_sync_folder(r->temp) < 0 || rename(r->temp, r->target) < 0) {
        return cannot_write(r);
    }
    r->temp[0] = '\0';
    if (cyan_files_sync_folder_of(r->target) < 0) {
        return speak_failed_with(COMMAND_FAILED, "look after the disk; the folder is whole",
                                 "%s is restored, but its disk does not confirm it: %s", r->target,
                                 strerror(errno));
    }
    return 0;
}

static void drop_temp(const struct restoring *r)
{
    DIR *dir = r->temp[0] != '\0' ? opendir(r->temp) : NULL;
    if (!dir) {
        return;
    }
    for (const struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        (void)unlinkat(dirfd(dir), entry->d_name, 0);
    }
    (void)closedir(dir);
    (void)rmdir(r->temp);
}

static int restore_all(struct restoring *r, const char *passphrase)
{
    struct folder folder = {0};
    int code = check(r, passphrase);
    if (code == 0) {
        code = write_out(r);
    }
    if (code == 0) {
        code = try_out(r, &folder);
    }
    if (code == 0) {
        /* The store is closed in its place: nothing of it is open while it moves. */
        folder.store.close(folder.store.ctx);
        folder.store.close = NULL;
        code = put_in_place(r);
    }
    if (code == 0) {
        speak_first_login(&folder, r->target);
        (void)printf("%s is restored from %s. Start it: cyand --data %s\n", r->target, r->in,
                     r->target);
    }
    folder_close(&folder);
    drop_temp(r);
    return code;
}

static int restore(const struct command_tools *tools, int count, char **words)
{
    struct restoring r = {.tools = tools, .fd = -1};
    const char *data = "./var";
    const char *file = NULL;
    char passphrase[PASSPHRASE_MAX + 1];
    const struct argument list[] = {
        {.name = "--data", .value = &data},
        {.name = "--in", .value = &r.in, .needed = true},
        {.name = "--passphrase-file", .value = &file},
    };
    int code = arguments_read("restore", count, words, list, sizeof list / sizeof list[0]);
    if (code == 0) {
        code = look_at_target(&r, data);
    }
    if (code == 0) {
        code = passphrase_get(file, false, passphrase);
    }
    if (code != 0) {
        return code;
    }
    code = restore_all(&r, passphrase);
    cyan_wipe(passphrase, sizeof passphrase);
    cyan_unsealer_destroy(r.unsealer);
    if (r.fd >= 0) {
        (void)close(r.fd);
    }
    return code;
}

const struct command command_restore = {.name = "restore", .help = help, .run = restore};
