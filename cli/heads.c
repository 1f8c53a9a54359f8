#include "cli/heads.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/hex.h"
#include "keys/files.h"

/* Lines "seen HEAD API" and, one a cloud, "verified SEQ HEAD API". */
enum {
    LINE_MAX = CONFIG_API_MAX + 2 * CYAN_SHA256_LEN + 48,
    CLOUDS_MAX = 100,
    FILE_MAX = (HEADS_MAX + CLOUDS_MAX + 2) * LINE_MAX,
    HEAD_TEXT = 2 * CYAN_SHA256_LEN + 1,
};

struct line {
    bool verified;
    uint64_t seq;
    uint8_t head[CYAN_SHA256_LEN];
    const char *api;
};

/* Takes one line apart in place; false when it is none. */
static bool read_line(char *text, struct line *line)
{
    char *rest = NULL;
    if (strncmp(text, "seen ", 5) == 0) {
        rest = text + 5;
        line->verified = false;
    } else if (strncmp(text, "verified ", 9) == 0) {
        line->verified = true;
        errno = 0;
        line->seq = strtoull(text + 9, &rest, 10);
        if (errno || *rest != ' ') {
            return false;
        }
        rest++;
    } else {
        return false;
    }
    if (strlen(rest) <= HEAD_TEXT || rest[HEAD_TEXT - 1] != ' ') {
        return false;
    }
    line->api = rest + HEAD_TEXT;
    return cyan_hex_decode(rest, HEAD_TEXT - 1, line->head, sizeof line->head) == 0;
}

/* The whole file, NULL when there is none; give it to cyan_files_free. */
static int read_file(const char *path, uint8_t **out_data, size_t *out_len, struct fault *fault)
{
    int err = cyan_files_read(path, FILE_MAX, out_data, out_len);
    if (err < 0 && err != CYAN_E_NOT_FOUND) {
        (void)fault_set(fault, CLI_FAILED, "HEADS_DAMAGED", "%s cannot be read: %s", path,
                        cyan_err_text(err));
        fault_try(fault, "move it away; what was seen until now is lost to the check then");
        return CLI_FAILED;
    }
    return 0;
}

/* Gives each line to visit, until it returns false. */
static void visit_lines(uint8_t *data, bool (*visit)(void *ctx, const struct line *line), void *ctx)
{
    char *rest = NULL;
    for (char *text = data ? strtok_r((char *)data, "\n", &rest) : NULL; text;
         text = strtok_r(NULL, "\n", &rest)) {
        struct line line = {0};
        if (read_line(text, &line) && !visit(ctx, &line)) {
            return;
        }
    }
}

struct loading {
    struct heads *heads;
    const char *api;
};

static bool load_line(void *ctx, const struct line *line)
{
    struct loading *loading = ctx;
    struct heads *heads = loading->heads;
    if (strcmp(line->api, loading->api) != 0) {
        return true;
    }
    if (line->verified) {
        heads->has_verified = true;
        heads->verified_seq = line->seq;
        memcpy(heads->verified, line->head, sizeof line->head);
    } else if (heads->seen_count < HEADS_MAX) {
        memcpy(heads->seen[heads->seen_count++], line->head, sizeof line->head);
    }
    return true;
}

int heads_load(const struct config *config, struct heads *heads, struct fault *fault)
{
    struct loading loading = {.heads = heads, .api = config->api};
    char path[CONFIG_PATH_MAX];
    uint8_t *data = NULL;
    size_t len = 0;
    *heads = (struct heads){0};
    int err = config_path(config, ".heads", path, fault);
    err = err ? err : read_file(path, &data, &len, fault);
    if (!err) {
        visit_lines(data, load_line, &loading);
    }
    cyan_files_free(data, len);
    return err;
}

/* A new file that is made of the lines of the old one. */
struct rewriting {
    const struct line *added;
    FILE *out;
    size_t seen_left; /* lines "seen" of the old one that must go, the oldest first */
    size_t seen_count;
    bool is_there;
};

static void write_line(FILE *out, const struct line *line)
{
    char head[HEAD_TEXT];
    cyan_hex_encode(line->head, sizeof line->head, head);
    if (line->verified) {
        (void)fprintf(out, "verified %llu %s %s\n", (unsigned long long)line->seq, head, line->api);
    } else {
        (void)fprintf(out, "seen %s %s\n", head, line->api);
    }
}

static bool count_line(void *ctx, const struct line *line)
{
    struct rewriting *r = ctx;
    r->seen_count += !line->verified;
    r->is_there = r->is_there || (!line->verified && !r->added->verified &&
                                  memcmp(line->head, r->added->head, sizeof line->head) == 0 &&
                                  strcmp(line->api, r->added->api) == 0);
    return true;
}

static bool copy_line(void *ctx, const struct line *line)
{
    struct rewriting *r = ctx;
    bool replaced = line->verified && r->added->verified && strcmp(line->api, r->added->api) == 0;
    bool too_old = !line->verified && r->seen_left > 0;
    r->seen_left -= too_old;
    if (!replaced && !too_old) {
        write_line(r->out, line);
    }
    return true;
}

/* The lines of the old file are visited twice, each time in a copy that is taken apart. */
static bool make_text(const uint8_t *data, size_t len, const struct line *added, char **out_text,
                      size_t *out_len)
{
    struct rewriting r = {.added = added};
    uint8_t *copies[2] = {calloc(1, len + 1), calloc(1, len + 1)};
    bool good = copies[0] && copies[1];
    for (size_t i = 0; good && data && i < 2; i++) {
        memcpy(copies[i], data, len);
    }
    if (good) {
        visit_lines(copies[0], count_line, &r);
        r.out = r.is_there ? NULL : open_memstream(out_text, out_len);
    }
    if (r.out) {
        size_t seen = r.seen_count + !added->verified;
        r.seen_left = seen > HEADS_MAX ? seen - HEADS_MAX : 0;
        visit_lines(copies[1], copy_line, &r);
        write_line(r.out, added);
        good = fclose(r.out) == 0;
    }
    free(copies[0]);
    free(copies[1]);
    return good && (r.out || r.is_there);
}

/* Another `cyan` may do the same at this moment: one after the other. */
static int lock(const struct config *config, int *out_fd, struct fault *fault)
{
    char path[CONFIG_PATH_MAX];
    int err = config_path(config, ".heads.lock", path, fault);
    if (err) {
        return err;
    }
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || flock(fd, LOCK_EX) < 0) {
        err = fault_set(fault, CLI_FAILED, "IO", "%s cannot be locked: %s", path, strerror(errno));
        if (fd >= 0) {
            (void)close(fd);
        }
        return err;
    }
    *out_fd = fd;
    return 0;
}

static int add_line(const struct config *config, const struct line *added, struct fault *fault)
{
    char path[CONFIG_PATH_MAX], *text = NULL;
    uint8_t *data = NULL;
    size_t len = 0, text_len = 0;
    int lock_fd = -1;
    int err = lock(config, &lock_fd, fault);
    if (err) {
        return err;
    }
    err = config_path(config, ".heads", path, fault);
    err = err ? err : read_file(path, &data, &len, fault);
    if (!err && !make_text(data, len, added, &text, &text_len)) {
        err = fault_set(fault, CLI_FAILED, "NO_MEMORY", "out of memory");
    }
    if (!err && text && cyan_files_replace(path, text, text_len, CYAN_FILES_SECRET) < 0) {
        err = fault_set(fault, CLI_FAILED, "IO", "%s cannot be written: %s", path, strerror(errno));
    }
    free(text);
    cyan_files_free(data, len);
    (void)close(lock_fd);
    return err;
}

int heads_add(const struct config *config, const uint8_t head[static CYAN_SHA256_LEN],
              struct fault *fault)
{
    struct line line = {.api = config->api};
    memcpy(line.head, head, sizeof line.head);
    return add_line(config, &line, fault);
}

int heads_set_verified(const struct config *config, uint64_t seq,
                       const uint8_t head[static CYAN_SHA256_LEN], struct fault *fault)
{
    struct line line = {.api = config->api, .verified = true, .seq = seq};
    memcpy(line.head, head, sizeof line.head);
    return add_line(config, &line, fault);
}

bool heads_in_event(const char *name, const char *data, uint8_t out_head[static CYAN_SHA256_LEN])
{
    if (!data ||
        (strncmp(name, "cyan/key/", 9) != 0 && strcmp(name, "cyan/handshake/failed") != 0)) {
        return false;
    }
    json_t *json = json_loads(data, 0, NULL);
    const char *head = json_string_value(json_object_get(json, "head"));
    bool found = head && cyan_hex_decode(head, strlen(head), out_head, CYAN_SHA256_LEN) == 0;
    json_decref(json);
    return found;
}
