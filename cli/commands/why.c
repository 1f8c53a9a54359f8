#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/api.h"
#include "cli/commands.h"
#include "cli/custody.h"
#include "cli/text.h"
#include "cli/why_codes.h"
#include "cli/why_log.h"

enum { CODE_MAX = 100000 };

static const struct args_option options[] = {
    {"code", "N", "explains a number of a device's log, -19 say; needs no cloud"},
    {"log", "FILE", "explains a device's log; - is stdin; needs no cloud"},
    {NULL, NULL, NULL},
};

static int no_memory(struct cli *cli)
{
    return fault_set(&cli->fault, CLI_FAILED, "NO_MEMORY", "out of memory");
}

/* -- of a device, by the cloud -- */

static int why_device(struct cli *cli, const char *device)
{
    static const char *const lines[][2] = {
        {"LED", "led"}, {"whose fault", "fault"}, {"type next", "command"}};
    struct api_path path;
    json_t *answer = NULL, *sentence = NULL;
    size_t index = 0;
    api_path_init(&path, "/v1/devices");
    api_path_add(&path, device);
    api_path_add(&path, "diagnosis");
    int err = api_get(cli, &path, &answer);
    if (err) {
        return err;
    }
    const char *headline = custody_text(answer, "headline");
    if (!headline) {
        json_decref(answer);
        return custody_bad_answer(cli, "a diagnosis");
    }
    output_say(&cli->output, "%s", headline);
    json_array_foreach(json_object_get(answer, "story"), index, sentence)
    {
        output_say(&cli->output, "  %s",
                   json_is_string(sentence) ? json_string_value(sentence) : "");
    }
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        const char *text = custody_text_or(answer, lines[i][1], NULL);
        if (text) {
            output_say(&cli->output, "%s: %s", lines[i][0], text);
        }
    }
    return output_data(&cli->output, answer, &cli->fault);
}

/* -- of a number -- */

static json_t *describe_code(const struct why_code *row)
{
    const char implementation[2] = {row->implementation, '\0'};
    return json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s?}", "code", row->code,
                     "implementation", implementation, "firmware",
                     why_codes_whose(row->implementation), "name", row->name, "led", row->led,
                     "cause", row->cause, "fault", row->fault, "command", row->command, "other",
                     why_codes_twin(row->code, row->implementation));
}

static void say_code(struct cli *cli, const struct why_code *row)
{
    const char *twin = why_codes_twin(row->code, row->implementation);
    output_say(&cli->output, "%s (implementation %c): %s", why_codes_whose(row->implementation),
               row->implementation, row->name);
    output_say(&cli->output, "  likely: %s", row->cause);
    output_say(&cli->output, "  LED: %s", row->led);
    output_say(&cli->output, "  whose fault: %s", row->fault);
    output_say(&cli->output, "  type next: %s", row->command);
    if (twin) {
        output_say(&cli->output, "  %s say %s for the same failure",
                   why_codes_whose(row->implementation == 'A' ? 'B' : 'A'), twin);
    }
}

/* Decimal or 0x, with a sign or without. */
static bool read_code(const char *text, int *out_code)
{
    char *end = NULL;
    errno = 0;
    long code = strtol(text, &end, strncmp(text + strspn(text, "+-"), "0x", 2) == 0 ? 16 : 10);
    if (errno || end == text || *end || code < -CODE_MAX || code > CODE_MAX) {
        return false;
    }
    *out_code = (int)code;
    return true;
}

static int why_number(struct cli *cli, const char *text)
{
    int code = 0;
    if (!read_code(text, &code)) {
        return cli_usage(cli, &command_why, "--code is a number such as -19, 6 or -0x4100");
    }
    const struct why_code *rows[] = {why_codes_find(code, 'A'), why_codes_find(code, 'B')};
    if (!rows[0] && !rows[1]) {
        (void)fault_set(
            &cli->fault, CLI_NOT_FOUND, "UNKNOWN_CODE",
            "%d is no number that we know of a device's handshake or session; the lines "
            "around it may say more",
            code);
        fault_try(&cli->fault, "cyan why --log FILE");
        return CLI_NOT_FOUND;
    }
    json_t *list = json_array();
    output_say(&cli->output, "code %d", code);
    for (size_t i = 0; i < 2; i++) {
        if (rows[i]) {
            say_code(cli, rows[i]);
            (void)json_array_append_new(list, describe_code(rows[i]));
        }
    }
    return output_data(&cli->output, json_pack("{s:i, s:o}", "code", code, "meanings", list),
                       &cli->fault);
}

/* -- of a log -- */

/* The whole of it, with nothing behind it; free it. */
static int read_log(struct cli *cli, const char *path, char **out_text, size_t *out_len)
{
    bool is_stdin = strcmp(path, "-") == 0;
    int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        bool missing = errno == ENOENT;
        return fault_set(&cli->fault, missing ? CLI_NOT_FOUND : CLI_FAILED,
                         missing ? "NOT_FOUND" : "IO", "%s cannot be read: %s", path,
                         strerror(errno));
    }
    char *text = malloc(WHY_LOG_MAX + 1);
    size_t len = 0;
    ssize_t got = text ? 1 : 0;
    while (got != 0 && len <= WHY_LOG_MAX) {
        got = read(fd, text + len, WHY_LOG_MAX + 1 - len);
        if (got < 0 && errno != EINTR) {
            break;
        }
        len += got > 0 ? (size_t)got : 0;
    }
    int err = 0;
    if (!text) {
        err = no_memory(cli);
    } else if (got < 0) {
        err = fault_set(&cli->fault, CLI_FAILED, "IO", "%s cannot be read: %s", path,
                        strerror(errno));
    } else if (len > WHY_LOG_MAX) {
        err = fault_set(&cli->fault, CLI_FAILED, "TOO_LONG", "the log is longer than 1 MiB");
        fault_try(&cli->fault, "tail -c 1000000 FILE | cyan why --log -");
    }
    if (!is_stdin) {
        (void)close(fd);
    }
    if (err) {
        free(text);
        return err;
    }
    *out_text = text;
    *out_len = len;
    return 0;
}

/* A number below zero is A's where the log does not tell. */
static const struct why_code *row_of(const struct why_log *log, const struct why_verdict *verdict)
{
    char first = log->implementation ? log->implementation : verdict->code < 0 ? 'A' : 'B';
    const struct why_code *row = NULL;
    if (verdict->has_code) {
        row = why_codes_find(verdict->code, first);
        row = row ? row : why_codes_find(verdict->code, first == 'A' ? 'B' : 'A');
    }
    return row;
}

static void say_log(struct cli *cli, const struct why_log *log, const struct why_verdict *verdict,
                    const struct why_code *row)
{
    if (verdict->finding) {
        output_say(&cli->output, "%s", verdict->finding->says);
    } else {
        output_say(&cli->output, "no failure is in this log");
    }
    if (row) {
        output_say(&cli->output, "likely: %s", row->cause);
        output_say(&cli->output, "LED: %s", row->led);
        output_say(&cli->output, "whose fault: %s", row->fault);
        output_say(&cli->output, "type next: %s", row->command);
    } else if (verdict->finding) {
        output_say(&cli->output, "type next: cyan why DEVICE");
    }
    output_say(&cli->output, "written by: %s",
               log->implementation ? why_codes_whose(log->implementation)
                                   : "either implementation; the log does not tell");
    output_say(&cli->output, "the story, line by line:");
    for (size_t i = 0; i < log->count; i++) {
        const struct why_finding *finding = &log->findings[i];
        output_say(&cli->output, "%5zu: %s", finding->line, finding->says);
        output_say(&cli->output, "       | %s", finding->text);
        if (finding->count > 1) {
            output_say(&cli->output, "       and again, %zu times in all, until line %zu",
                       finding->count, finding->last_line);
        }
    }
    if (log->left_out > 0) {
        output_say(&cli->output, "and %zu more known lines", log->left_out);
    }
}

static json_t *describe_finding(const struct why_finding *finding)
{
    json_t *object =
        json_pack("{s:I, s:I, s:I, s:s, s:b}", "line", (json_int_t)finding->line, "last_line",
                  (json_int_t)finding->last_line, "count", (json_int_t)finding->count, "says",
                  finding->says, "failed", finding->failed);
    char *text = text_clean(finding->text);
    if (object && text) {
        (void)json_object_set_new(object, "text", json_string(text));
    }
    free(text);
    if (object && finding->has_code) {
        (void)json_object_set_new(object, "code", json_integer(finding->code));
    }
    return object;
}

static json_t *describe_log(const struct why_log *log, const struct why_verdict *verdict,
                            const struct why_code *row)
{
    const char implementation[2] = {log->implementation, '\0'};
    json_t *findings = json_array();
    for (size_t i = 0; i < log->count; i++) {
        (void)json_array_append_new(findings, describe_finding(&log->findings[i]));
    }
    return json_pack("{s:I, s:s?, s:s?, s:o*, s:o, s:I}", "lines", (json_int_t)log->lines,
                     "implementation", log->implementation ? implementation : NULL, "headline",
                     verdict->finding ? verdict->finding->says : NULL, "verdict",
                     row ? describe_code(row) : NULL, "findings", findings, "left_out",
                     (json_int_t)log->left_out);
}

static int why_text(struct cli *cli, const char *path)
{
    char *text = NULL;
    size_t len = 0;
    struct why_log *log = malloc(sizeof *log);
    if (!log) {
        return no_memory(cli);
    }
    int err = read_log(cli, path, &text, &len);
    if (!err) {
        why_log_read(text, len, log);
        if (log->count == 0) {
            (void)fault_set(&cli->fault, CLI_NOT_FOUND, "NOTHING_KNOWN",
                            "none of the %zu lines is one that we know from a device's log",
                            log->lines);
            fault_try(&cli->fault, "cyan why DEVICE, or the log from where the LED turns cyan");
            err = CLI_NOT_FOUND;
        }
    }
    if (!err) {
        struct why_verdict verdict = why_log_verdict(log);
        const struct why_code *row = row_of(log, &verdict);
        say_log(cli, log, &verdict, row);
        err = cli->output.json
                  ? output_data(&cli->output, describe_log(log, &verdict, row), &cli->fault)
                  : 0;
    }
    free(text);
    free(log);
    return err;
}

static int run(struct cli *cli)
{
    const char *device = args_word(&cli->args, 0);
    const char *code = args_value(&cli->args, "code"), *log = args_value(&cli->args, "log");
    if ((device != NULL) + (code != NULL) + (log != NULL) != 1 || (device && !*device)) {
        return cli_usage(cli, &command_why, "one of DEVICE, --code N, --log FILE");
    }
    if (code) {
        return why_number(cli, code);
    }
    return log ? why_text(cli, log) : why_device(cli, device);
}

const struct command command_why = {
    .name = "why",
    .usage = "DEVICE | --code N | --log FILE",
    .does = "Says why a device does not breathe cyan, and what to do",
    .detail =
        "DEVICE asks the cloud what it saw. A number, or a log that you pasted, is explained\n"
        "without one: both generations of the firmware are known.",
    .example = "cyan why kitchen",
    .options = options,
    .most_words = 1,
    .run = run,
};
