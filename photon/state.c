#include "photon/state.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hex.h"
#include "photon/flash.h"
#include "wire/hello.h"

static const char flash_name[] = "flash.bin";
static const char description_name[] = "photon.json";
static const char lock_name[] = "lock";

static int path_in(const struct state *state, const char *name, char out[static STATE_PATH_MAX])
{
    int n = snprintf(out, STATE_PATH_MAX, "%s/%s", state->dir, name);
    return n > 0 && n < STATE_PATH_MAX ? 0 : CYAN_E_TOO_LONG;
}

/* 1: it is there, 0: it is not. */
static int exists(const struct state *state, const char *name)
{
    char path[STATE_PATH_MAX];
    int err = path_in(state, name, path);
    if (err < 0) {
        return err;
    }
    if (access(path, F_OK) == 0) {
        return 1;
    }
    return errno == ENOENT || errno == ENOTDIR ? 0 : CYAN_E_IO;
}

static int set_dir(struct state *state, const char *dir)
{
    size_t len = strlen(dir);
    *state = (struct state){.lock_fd = -1};
    if (len == 0 || len >= sizeof state->dir) {
        return CYAN_E_TOO_LONG;
    }
    memcpy(state->dir, dir, len + 1);
    return 0;
}

static int take_lock(struct state *state)
{
    char path[STATE_PATH_MAX];
    int err = path_in(state, lock_name, path);
    if (err < 0) {
        return err;
    }
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        return CYAN_E_IO;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        err = errno == EWOULDBLOCK ? CYAN_E_BUSY : CYAN_E_IO;
        close(fd);
        return err;
    }
    state->lock_fd = fd;
    return 0;
}

static int read_description(struct state *state)
{
    char path[STATE_PATH_MAX];
    int err = path_in(state, description_name, path);
    if (err < 0) {
        return err;
    }
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
    const char *id = json_string_value(json_object_get(root, "id"));
    const char *firmware = json_string_value(json_object_get(root, "firmware"));
    json_int_t platform = json_integer_value(json_object_get(root, "platform"));
    if (!id || cyan_hex_decode(id, strlen(id), state->id, sizeof state->id) < 0 || !firmware ||
        strlen(firmware) > STATE_FIRMWARE_MAX || platform < 0 || platform > UINT16_MAX) {
        err = CYAN_E_CORRUPT;
    } else {
        memcpy(state->firmware, firmware, strlen(firmware) + 1);
        state->platform = (uint16_t)platform;
        state->claimed = json_is_true(json_object_get(root, "claimed"));
    }
    json_decref(root);
    return err;
}

int state_open(struct state *state, const char *dir)
{
    int err = set_dir(state, dir);
    int there = err == 0 ? exists(state, description_name) : err;
    if (there == 1) {
        there = exists(state, flash_name);
    }
    if (there != 1) {
        return there < 0 ? there : CYAN_E_NOT_FOUND;
    }
    err = take_lock(state);
    if (err == 0) {
        err = read_description(state);
    }
    if (err < 0) {
        state_close(state);
    }
    return err;
}

/* The folder and those above it, as far as they are missing. */
static int make_folders(const char *dir)
{
    char path[STATE_PATH_MAX];
    size_t len = strlen(dir);
    memcpy(path, dir, len + 1);
    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/' && path[i] != '\0') {
            continue;
        }
        path[i] = '\0';
        if (mkdir(path, 0700) != 0 && errno != EEXIST) {
            return CYAN_E_IO;
        }
        path[i] = dir[i];
    }
    return 0;
}

/* Written beside its place and moved there whole. */
static int write_description(const struct state *state)
{
    char path[STATE_PATH_MAX];
    char fresh[STATE_PATH_MAX];
    char id[CYAN_ID_TEXT];
    if (path_in(state, description_name, path) < 0 ||
        path_in(state, "photon.json.new", fresh) < 0) {
        return CYAN_E_TOO_LONG;
    }
    cyan_hex_encode(state->id, sizeof state->id, id);
    json_t *root = json_pack("{s:s, s:i, s:s, s:b}", "id", id, "platform", (int)state->platform,
                             "firmware", state->firmware, "claimed", (int)state->claimed);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int err = root && fd >= 0 && json_dumpfd(root, fd, 0) == 0 && write(fd, "\n", 1) == 1 &&
                      fsync(fd) == 0
                  ? 0
                  : CYAN_E_IO;
    int saved = errno;
    json_decref(root);
    if (fd >= 0) {
        close(fd);
    }
    if (err == 0 && rename(fresh, path) != 0) {
        return CYAN_E_IO;
    }
    errno = saved;
    return err;
}

static int fill_in(struct state *state, const char *firmware, const struct cyan_crypto *crypto)
{
    int there = exists(state, description_name);
    if (there != 0) {
        return there < 0 ? there : read_description(state);
    }
    int err = crypto->random(crypto->ctx, state->id, sizeof state->id);
    if (err < 0) {
        return err;
    }
    state->platform = CYAN_PLATFORM_PHOTON;
    memcpy(state->firmware, firmware, strlen(firmware) + 1);
    return write_description(state);
}

int state_create(struct state *state, const char *dir, const char *firmware,
                 const struct cyan_crypto *crypto)
{
    char path[STATE_PATH_MAX];
    int err = set_dir(state, dir);
    int there = err == 0 ? exists(state, flash_name) : err;
    if (there != 0) {
        return there < 0 ? there : CYAN_E_EXISTS;
    }
    if (strlen(firmware) > STATE_FIRMWARE_MAX || path_in(state, flash_name, path) < 0) {
        return CYAN_E_TOO_LONG;
    }
    err = make_folders(dir);
    if (err == 0) {
        err = take_lock(state);
    }
    if (err == 0) {
        err = fill_in(state, firmware, crypto);
    }
    if (err == 0) {
        err = flash_create(path);
    }
    if (err < 0) {
        state_close(state);
    }
    return err;
}

void state_abandon(struct state *state)
{
    char path[STATE_PATH_MAX];
    if (path_in(state, flash_name, path) == 0) {
        unlink(path);
    }
    state_close(state);
}

void state_close(struct state *state)
{
    if (state->lock_fd >= 0) {
        close(state->lock_fd);
        state->lock_fd = -1;
    }
}

int state_flash_path(const struct state *state, char out_path[static STATE_PATH_MAX])
{
    return path_in(state, flash_name, out_path);
}

bool state_is_old_firmware(const struct state *state)
{
    static const char *const old[] = {"0.4.", "0.5.", "0.6.", "0.7."};
    for (size_t i = 0; i < sizeof old / sizeof old[0]; i++) {
        if (strncmp(state->firmware, old[i], strlen(old[i])) == 0) {
            return true;
        }
    }
    return false;
}
