#include "tests/unit/run_cli.h"

#include <pty.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/state.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

enum { WORDS_MAX = 64 };

void ran_done(struct ran *ran)
{
    json_decref(ran->json);
    free(ran->out);
    free(ran->err);
    *ran = (struct ran){0};
}

static void run(struct ran *ran, bool interactive, const char *const *words)
{
    char *copies[WORDS_MAX];
    size_t count = 0;
    ran_done(ran);
    for (; words[count]; count++) {
        assert_in_range(count, 0, WORDS_MAX - 1);
        copies[count] = strdup(words[count]);
        assert_non_null(copies[count]);
    }
    assert_int_equal(setenv("XDG_CONFIG_HOME", scratch_path("xdg"), 1), 0);
    struct cli cli = {.interactive = interactive,
                      .output = {.out = open_memstream(&ran->out, &ran->out_len),
                                 .err = open_memstream(&ran->err, &ran->err_len)}};
    assert_non_null(cli.output.out);
    assert_non_null(cli.output.err);
    ran->exit = cli_run(&cli, count, copies);
    assert_int_equal(fclose(cli.output.out), 0);
    assert_int_equal(fclose(cli.output.err), 0);
    ran->json = json_loadb(ran->out, ran->out_len, 0, NULL);
    while (count > 0) {
        free(copies[--count]);
    }
}

void run_cli(struct ran *ran, const char *const *words)
{
    run(ran, false, words);
}

/* What was written to a file so far, behind what is there of ran->err. */
static void add_to_err(struct ran *ran, FILE *file)
{
    long len = ftell(file);
    assert_true(len >= 0);
    char *both = calloc(1, ran->err_len + (size_t)len + 1);
    assert_non_null(both);
    memcpy(both, ran->err, ran->err_len);
    rewind(file);
    assert_int_equal(fread(both + ran->err_len, 1, (size_t)len, file), len);
    free(ran->err);
    ran->err = both;
    ran->err_len += (size_t)len;
}

void run_cli_typing(struct ran *ran, const char *keys, const char *const *words)
{
    int master = -1, slave = -1;
    int old_in = dup(STDIN_FILENO), old_err = dup(STDERR_FILENO);
    struct termios raw;
    FILE *asked = tmpfile();
    assert_non_null(asked);
    assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
    /* So that no key is taken for an order to the terminal before it is asked for. */
    assert_int_equal(tcgetattr(slave, &raw), 0);
    cfmakeraw(&raw);
    assert_int_equal(tcsetattr(slave, TCSANOW, &raw), 0);
    assert_int_equal(write(master, keys, strlen(keys)), strlen(keys));
    assert_true(dup2(slave, STDIN_FILENO) >= 0 && dup2(fileno(asked), STDERR_FILENO) >= 0);
    run(ran, true, words);
    (void)fflush(stderr);
    assert_true(dup2(old_in, STDIN_FILENO) >= 0 && dup2(old_err, STDERR_FILENO) >= 0);
    assert_int_equal(fseek(asked, 0, SEEK_END), 0);
    add_to_err(ran, asked);
    (void)fclose(asked);
    (void)close(master);
    (void)close(slave);
    (void)close(old_in);
    (void)close(old_err);
}

const char *ran_string(const struct ran *ran, const char *const *keys)
{
    const json_t *at = ran->json;
    for (; *keys; keys++) {
        at = json_object_get(at, *keys);
    }
    const char *text = json_string_value(at);
    return text ? text : "";
}

void assert_ran_fault(const struct ran *ran, int exit, const char *code)
{
    assert_string_equal(RAN_STRING(ran, "error", "code"), code);
    assert_int_equal(ran->exit, exit);
    assert_true(json_is_false(json_object_get(ran->json, "ok")));
    assert_true(*RAN_STRING(ran, "error", "message"));
}

static void write_in(const char *folder, const char *name, const void *data, size_t len)
{
    char path[SCRATCH_PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    scratch_write(path, data, len);
}

void make_state(const char *name)
{
    static const char description[] =
        "{\"id\":\"0123456789ABCDEF01234567\",\"platform\":6,\"firmware\":\"0.7.0\"}";
    uint8_t *flash = malloc(CYAN_FLASH_SIZE);
    struct state state;
    struct fault fault;
    assert_non_null(flash);
    memset(flash, 0xFF, CYAN_FLASH_SIZE);
    assert_int_equal(mkdir(scratch_path(name), 0700), 0);
    write_in(name, "photon.json", description, strlen(description));
    write_in(name, "flash.bin", flash, CYAN_FLASH_SIZE);
    free(flash);
    assert_int_equal(state_open(&state, scratch_path(name), &fault), 0);
    assert_int_equal(cyan_settings_format(&state.flash), 0);
    state_close(&state);
}
