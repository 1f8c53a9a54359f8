#include "server/cloud/folder_inner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/secret.h"

void folder_file(const struct opening *o, const char *name, char out_path[FILE_PATH_MAX])
{
    snprintf(out_path, FILE_PATH_MAX, "%s/%s", o->options->path, name);
}

int folder_cannot_write(struct opening *o, int cause)
{
    folder_say_what(o, "the data folder %s cannot be used: %s", o->options->path, strerror(cause));
    folder_say_next(o,
                    "make it a folder that the user who runs cyand may write, or name another one "
                    "with --data");
    return cause == ENOSPC || cause == EDQUOT ? CYAN_E_FULL : CYAN_E_IO;
}

static int open_lock(struct opening *o)
{
    char path[FILE_PATH_MAX];
    if (mkdir(o->options->path, 0700) != 0 && errno != EEXIST) {
        return folder_cannot_write(o, errno);
    }
    folder_file(o, "lock", path);
    o->folder.lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (o->folder.lock < 0) {
        return folder_cannot_write(o, errno);
    }
    o->folder.has_lock = true;
    if (flock(o->folder.lock, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) {
            return folder_cannot_write(o, errno);
        }
        folder_say_what(o, "the data folder %s is in use by another cyand", o->options->path);
        folder_say_next(o, "stop that one, or give this one a folder of its own with --data");
        return CYAN_E_BUSY;
    }
    /* An old lock file may be writable in a folder that is not. */
    if (faccessat(AT_FDCWD, o->options->path, R_OK | W_OK | X_OK, AT_EACCESS) != 0) {
        return folder_cannot_write(o, errno);
    }
    return 0;
}

int folder_store_failed(struct opening *o, int status, int cause)
{
    const char *path = o->options->path;
    switch (status) {
    case CYAN_E_CORRUPT:
        folder_say_what(o, "the store %s/cyan.db is damaged, or is not a store of cyand", path);
        folder_say_next(
            o, "move cyan.db, cyan.db-wal and cyan.db-shm aside and put cyan.db back from a "
               "backup; it holds the accounts and the keys of the devices");
        break;
    case CYAN_E_UNSUPPORTED:
        folder_say_what(o, "the store %s/cyan.db was written by a later version of cyand", path);
        folder_say_next(o, "start that version, or name another folder with --data");
        break;
    case CYAN_E_BUSY:
        folder_say_what(o, "the store %s/cyan.db is held by another program", path);
        folder_say_next(o, "end that program, then start cyand again");
        break;
    case CYAN_E_FULL:
        folder_say_what(o, "there is no room on the disk of the data folder %s", path);
        folder_say_next(o, "make room, then start cyand again");
        break;
    default:
        folder_say_what(o, "the store %s/cyan.db cannot be opened: %s", path,
                        cause ? strerror(cause) : cyan_err_text(status));
        folder_say_next(o, "see that the user who runs cyand may read and write it");
        break;
    }
    return status;
}

static int open_all(struct opening *o)
{
    char path[FILE_PATH_MAX];
    int status = open_lock(o);
    if (status != 0) {
        return status;
    }
    folder_file(o, "cyan.db", path);
    status = o->options->store_open(path, &o->folder.store);
    if (status != 0) {
        return folder_store_failed(o, status, errno);
    }
    status = folder_open_key(o);
    return status != 0 ? status : folder_open_login(o);
}

int folder_open(const struct folder_options *options, struct folder *out_folder,
                struct folder_words *out_words)
{
    struct opening o = {.options = options, .words = out_words};
    *out_words = (struct folder_words){0};
    int status;
    if (strlen(options->path) > FOLDER_PATH_MAX || options->path[0] == '\0') {
        folder_say_what(&o, "the path of the data folder is %s",
                        options->path[0] ? "too long" : "empty");
        folder_say_next(&o, "name another one with --data");
        status = CYAN_E_INVALID;
    } else {
        status = open_all(&o);
    }
    if (status == 0) {
        *out_folder = o.folder;
    } else {
        folder_close(&o.folder);
    }
    cyan_wipe(&o.folder, sizeof o.folder);
    return status;
}

void folder_forget_login(struct folder *folder)
{
    cyan_wipe(folder->first_user, sizeof folder->first_user);
    cyan_wipe(folder->first_password, sizeof folder->first_password);
}

void folder_close(struct folder *folder)
{
    if (folder->store.close) {
        folder->store.close(folder->store.ctx);
    }
    if (folder->has_lock) {
        close(folder->lock);
    }
    cyan_wipe(folder, sizeof *folder);
}
