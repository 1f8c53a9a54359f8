#include "cli/state.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/hex.h"
#include "base/secret.h"
#include "keys/files.h"

enum { JSON_MAX = 4096, WRITE_MAX = 2048, BACKUPS_A_SECOND = 100 };

/* flash.bin as flash: programming can only clear bits. */

static int read_at(int fd, uint32_t offset, uint8_t *out, size_t len)
{
    while (len > 0) {
        ssize_t got = pread(fd, out, len, (off_t)offset);
        if (got <= 0) {
            return CYAN_E_IO;
        }
        out += got;
        offset += (uint32_t)got;
        len -= (size_t)got;
    }
    return 0;
}

static int write_at(int fd, uint32_t offset, const uint8_t *data, size_t len)
{
    while (len > 0) {
        ssize_t put = pwrite(fd, data, len, (off_t)offset);
        if (put <= 0) {
            return CYAN_E_IO;
        }
        data += put;
        offset += (uint32_t)put;
        len -= (size_t)put;
    }
    return 0;
}

static bool is_inside(uint32_t offset, size_t len)
{
    return offset <= CYAN_FLASH_SIZE && len <= CYAN_FLASH_SIZE - offset;
}

static int flash_read(void *ctx, uint32_t offset, void *out, size_t len)
{
    const struct state *state = ctx;
    return is_inside(offset, len) ? read_at(state->flash_fd, offset, out, len) : CYAN_E_INVALID;
}

static int flash_program(void *ctx, uint32_t offset, const void *data, size_t len)
{
    const struct state *state = ctx;
    uint8_t part[WRITE_MAX];
    const uint8_t *from = data;
    int err = is_inside(offset, len) ? 0 : CYAN_E_INVALID;
    while (err == 0 && len > 0) {
        size_t now = len < sizeof part ? len : sizeof part;
        err = read_at(state->flash_fd, offset, part, now);
        for (size_t i = 0; i < now; i++) {
            part[i] &= from[i];
        }
        if (err == 0) {
            err = write_at(state->flash_fd, offset, part, now);
        }
        from += now;
        offset += (uint32_t)now;
        len -= now;
    }
    cyan_wipe(part, sizeof part);
    return err;
}

static int flash_erase(void *ctx, uint32_t offset)
{
    const struct state *state = ctx;
    uint8_t blank[WRITE_MAX];
    int err = is_inside(offset, CYAN_DCT_SECTOR_SIZE) ? 0 : CYAN_E_INVALID;
    memset(blank, 0xFF, sizeof blank);
    for (uint32_t at = 0; at < CYAN_DCT_SECTOR_SIZE && err == 0; at += sizeof blank) {
        err = write_at(state->flash_fd, offset + at, blank, sizeof blank);
    }
    return err;
}

static int path_in(const struct state *state, const char *name, char *out_path, struct fault *fault)
{
    int len = snprintf(out_path, STATE_PATH_MAX, "%s/%s", state->folder, name);
    if (len < 0 || len >= STATE_PATH_MAX) {
        return fault_set(fault, CLI_USAGE, "USAGE", "the path of the state is too long");
    }
    return 0;
}

static int no_state(const struct state *state, struct fault *fault)
{
    (void)fault_set(fault, CLI_NOT_FOUND, "NOT_FOUND", "%s is no state of a virtual Photon",
                    state->folder);
    fault_try(fault, "cyan-photon --state %s --init", state->folder);
    return CLI_NOT_FOUND;
}

static int damaged(const struct state *state, const char *name, struct fault *fault)
{
    return fault_set(fault, CLI_FAILED, "STATE_DAMAGED", "%s/%s is damaged", state->folder, name);
}

/* The id, and that the firmware keeps its keys where wire/settings.h says. */
static int take_description(struct state *state, const json_t *json, struct fault *fault)
{
    uint8_t id[CYAN_ID_LEN];
    const char *text = json_string_value(json_object_get(json, "id"));
    const char *firmware = json_string_value(json_object_get(json, "firmware"));
    if (!text || cyan_hex_decode(text, strlen(text), id, sizeof id) < 0) {
        return damaged(state, "photon.json", fault);
    }
    if (firmware && strcmp(firmware, "cyan") == 0) {
        return fault_set(fault, CLI_FAILED, "UNSUPPORTED",
                         "the firmware of %s keeps its keys in a key store, which is not "
                         "supported here",
                         state->folder);
    }
    cyan_hex_encode(id, sizeof id, state->id);
    return 0;
}

static int read_description(struct state *state, struct fault *fault)
{
    char path[STATE_PATH_MAX];
    uint8_t *data = NULL;
    size_t len = 0;
    int err = path_in(state, "photon.json", path, fault);
    if (err) {
        return err;
    }
    err = cyan_files_read(path, JSON_MAX, &data, &len);
    if (err == CYAN_E_NOT_FOUND) {
        return no_state(state, fault);
    }
    if (err < 0) {
        return damaged(state, "photon.json", fault);
    }
    json_t *json = json_loadb((const char *)data, len, 0, NULL);
    err = take_description(state, json, fault);
    json_decref(json);
    cyan_files_free(data, len);
    return err;
}

/* photon.json exists here, so that no stranger's folder gets a lock file. */
static int take_lock(struct state *state, struct fault *fault)
{
    char path[STATE_PATH_MAX];
    int err = path_in(state, "lock", path, fault);
    if (err) {
        return err;
    }
    state->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (state->lock_fd < 0) {
        return fault_set(fault, CLI_FAILED, "IO", "%s cannot be opened: %s", path, strerror(errno));
    }
    if (flock(state->lock_fd, LOCK_EX | LOCK_NB) == 0) {
        return 0;
    }
    if (errno != EWOULDBLOCK) {
        return fault_set(fault, CLI_FAILED, "IO", "%s cannot be locked: %s", path, strerror(errno));
    }
    (void)fault_set(fault, CLI_REFUSED, "STATE_IN_USE", "%s is in use", state->folder);
    fault_try(fault, "stop the cyan-photon that runs on it first");
    return CLI_REFUSED;
}

static int open_flash(struct state *state, struct fault *fault)
{
    char path[STATE_PATH_MAX];
    struct stat info;
    int err = path_in(state, "flash.bin", path, fault);
    if (err) {
        return err;
    }
    state->flash_fd = open(path, O_RDWR | O_CLOEXEC);
    if (state->flash_fd < 0 && errno == ENOENT) {
        return no_state(state, fault);
    }
    if (state->flash_fd < 0 || fstat(state->flash_fd, &info) < 0) {
        return fault_set(fault, CLI_FAILED, "IO", "%s cannot be opened: %s", path, strerror(errno));
    }
    if (info.st_size != CYAN_FLASH_SIZE) {
        return damaged(state, "flash.bin", fault);
    }
    state->flash = (struct cyan_flash){
        .ctx = state, .read = flash_read, .program = flash_program, .erase = flash_erase};
    return 0;
}

int state_open(struct state *state, const char *folder, struct fault *fault)
{
    *state = (struct state){.folder = folder, .lock_fd = -1, .flash_fd = -1};
    int err = read_description(state, fault);
    if (!err) {
        err = take_lock(state, fault);
    }
    if (!err) {
        err = open_flash(state, fault);
    }
    if (err) {
        state_close(state);
    }
    return err;
}

void state_close(struct state *state)
{
    if (state->flash_fd >= 0) {
        (void)close(state->flash_fd);
    }
    if (state->lock_fd >= 0) {
        (void)close(state->lock_fd);
    }
    state->flash_fd = -1;
    state->lock_fd = -1;
}

/* An error of the settings or the flash below them, in words. */
static int settings_fault(const struct state *state, int err, struct fault *fault)
{
    if (err == CYAN_E_BLANK) {
        return fault_set(fault, CLI_FAILED, "STATE_DAMAGED",
                         "neither copy of the settings in %s/flash.bin is whole", state->folder);
    }
    return fault_set(fault, CLI_FAILED, "IO", "%s/flash.bin: %s", state->folder,
                     cyan_err_text(err));
}

int state_read(const struct state *state, uint32_t setting, void *out, size_t len,
               struct fault *fault)
{
    int err = cyan_settings_read(&state->flash, setting, out, len);
    return err < 0 ? settings_fault(state, err, fault) : 0;
}

/* A second back-up in the same second gets a number. */
static int back_up(const struct state *state, const uint8_t *old, size_t len, const char *what,
                   char *out_path, struct fault *fault)
{
    char stamp[32], name[128];
    time_t now = time(NULL);
    struct tm parts;
    int err = CYAN_E_EXISTS;
    if (!localtime_r(&now, &parts) || strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", &parts) == 0) {
        return fault_set(fault, CLI_FAILED, "IO", "the clock cannot be read");
    }
    for (int i = 1; i < BACKUPS_A_SECOND && err == CYAN_E_EXISTS; i++) {
        char number[16] = "";
        if (i > 1) {
            (void)snprintf(number, sizeof number, "-%d", i);
        }
        (void)snprintf(name, sizeof name, "backup-%s-%s%s.bin", stamp, what, number);
        int failed = path_in(state, name, out_path, fault);
        if (failed) {
            return failed;
        }
        err = cyan_files_write_new(out_path, old, len, CYAN_FILES_SECRET);
    }
    if (err < 0) {
        return fault_set(fault, CLI_FAILED, "IO",
                         "%s cannot be written, so nothing was changed: %s", out_path,
                         strerror(errno));
    }
    return 0;
}

/* Writes, then reads what is there now. */
static int write_and_compare(const struct state *state, uint32_t setting, const void *data,
                             size_t len, uint8_t *back, struct fault *fault)
{
    int err = cyan_settings_write(&state->flash, setting, data, len);
    if (err == 0 && fsync(state->flash_fd) < 0) {
        err = CYAN_E_IO;
    }
    if (err == 0) {
        err = cyan_settings_read(&state->flash, setting, back, len);
    }
    if (err < 0) {
        return settings_fault(state, err, fault);
    }
    if (!cyan_ct_equal(back, data, len)) {
        return fault_set(fault, CLI_FAILED, "IO",
                         "%s/flash.bin reads back different from what "
                         "was written",
                         state->folder);
    }
    return 0;
}

int state_write(const struct state *state, uint32_t setting, const void *data, size_t len,
                const char *what, char out_backup[static STATE_PATH_MAX], struct fault *fault)
{
    uint8_t old[WRITE_MAX];
    char path[STATE_PATH_MAX] = "";
    if (len > sizeof old) {
        return fault_set(fault, CLI_FAILED, "INVALID", "too much for one setting");
    }
    int err = state_read(state, setting, old, len, fault);
    bool same = !err && cyan_ct_equal(old, data, len);
    if (!err && !same) {
        err = back_up(state, old, len, what, path, fault);
    }
    if (!err && !same) {
        err = write_and_compare(state, setting, data, len, old, fault);
    }
    if (!err) {
        memcpy(out_backup, path, sizeof path);
    }
    cyan_wipe(old, sizeof old);
    return err;
}
