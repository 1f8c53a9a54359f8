#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/commands.h"
#include "cli/custody.h"
#include "cli/incident_list.h"
#include "cli/table.h"
#include "cli/text.h"
#include "cli/when.h"

enum {
    COLUMNS = 6,
    SUMMARY_COLUMNS = 5,
    SHOWN = 20, /* without --limit */
    SHOWN_MAX = 4096,
    FOLLOW_S = 2,
    DEVICE_WIDTH = 10,
    LED_WIDTH = 13,
    CELL = 64,
};

static const struct args_option options[] = {
    {"cause", "CAUSE", "only of this cause, such as device-key-mismatch"},
    {"since", "TIME", "only since then: 12h, 7d, 2w or 2026-11-01"},
    {"limit", "N", "the newest N, instead of 20"},
    {"follow", NULL, "go on, and print what is new or changed"},
    {"summary", NULL, "count by cause, firmware, last reset and month"},
    {NULL, NULL, NULL},
};

/* As many characters of a text as fit; it was made by text_clean, so that they are whole. */
static const char *clip(const char *text, size_t width, char cell[static CELL])
{
    char *clean = text_clean(text);
    size_t len = 0, count = 0;
    bool fits = clean && text_width(clean) <= width;
    for (; clean && clean[len] && len + 8 < CELL; len++) {
        bool starts = ((unsigned char)clean[len] & 0xC0) != 0x80;
        if (starts && !fits && count + 1 >= width) {
            break;
        }
        count += starts;
        cell[len] = clean[len];
    }
    (void)snprintf(cell + len, CELL - len, "%s", clean && clean[len] ? "~" : "");
    free(clean);
    return cell;
}

/* Its name, the two ends of its id, or "?": nobody knows. */
static const char *device_of(const json_t *incident, const json_t *names, char cell[static CELL])
{
    const char *id = custody_text(incident, "device");
    const char *name = id ? custody_text(names, id) : NULL;
    if (!id || name) {
        return name ? clip(name, DEVICE_WIDTH, cell) : "?";
    }
    if (strlen(id) == CYAN_ID_TEXT - 1) {
        (void)snprintf(cell, CELL, "%.4s..%s", id, id + strlen(id) - 4);
        return cell;
    }
    return clip(id, DEVICE_WIDTH, cell);
}

static int print_table(struct cli *cli, const json_t *list, const json_t *names, bool with_heading)
{
    static const char *const heading[COLUMNS] = {"LAST",   "COUNT",   "CAUSE",
                                                 "DEVICE", "ADDRESS", "LED"};
    struct table table;
    size_t index = 0;
    json_t *incident = NULL;
    table_init(&table, COLUMNS);
    int failed = with_heading ? table_add(&table, heading) : 0;
    json_array_foreach(list, index, incident)
    {
        char age[WHEN_TEXT], count[24], device[CELL], led[CELL];
        (void)snprintf(count, sizeof count, "%lld",
                       (long long)json_integer_value(json_object_get(incident, "count")));
        const char *const row[COLUMNS] = {
            when_brief(custody_text(incident, "last"), age),
            count,
            custody_text_or(incident, "cause", "?"),
            device_of(incident, names, device),
            custody_text_or(incident, "address", "?"),
            clip(custody_text_or(incident, "led", ""), LED_WIDTH, led),
        };
        failed |= table_add(&table, row);
    }
    table_print(&table, cli->output.out);
    table_done(&table);
    return failed ? fault_set(&cli->fault, CLI_FAILED, "NO_MEMORY", "out of memory") : 0;
}

/* What to do about the newest one. */
static void say_advice(struct cli *cli, const json_t *list)
{
    static const char *const lines[][2] = {
        {"LED", "led"}, {"advice", "advice"}, {"type next", "command"}};
    const json_t *newest = json_array_get(list, json_array_size(list) - 1);
    output_say(&cli->output, "the newest, %s:", custody_text_or(newest, "cause", "?"));
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        const char *text = custody_text_or(newest, lines[i][1], NULL);
        if (text) {
            output_say(&cli->output, "  %s: %s", lines[i][0], text);
        }
    }
    const json_t *candidates = json_object_get(newest, "candidates");
    for (size_t i = 0; i < json_array_size(candidates); i++) {
        const char *id = json_string_value(json_array_get(candidates, i));
        output_say(&cli->output, "  it could be: %s", id ? id : "?");
    }
}

static int print_list(struct cli *cli, json_t *list)
{
    if (cli->output.json) {
        return output_data(&cli->output, list, &cli->fault);
    }
    int err = 0;
    if (json_array_size(list) == 0) {
        output_say(&cli->output, "no incidents");
    } else {
        json_t *names = incident_list_names(cli);
        err = print_table(cli, list, names, true);
        say_advice(cli, list);
        json_decref(names);
    }
    json_decref(list);
    return err;
}

/* -- --follow -- */

static int print_news(struct cli *cli, json_t *list, const json_t *names, bool first)
{
    size_t index = 0;
    json_t *incident = NULL;
    int err = 0;
    if (!cli->output.json) {
        err = json_array_size(list) > 0 ? print_table(cli, list, names, first) : 0;
        return err ? err : output_flush(&cli->output, &cli->fault);
    }
    json_array_foreach(list, index, incident)
    {
        err = err ? err : output_object(&cli->output, json_incref(incident), &cli->fault);
    }
    return err;
}

/* Goes on until it fails; a cloud that is away for a while is no failure. */
static int follow(struct cli *cli, const struct incident_filter *filter, size_t limit)
{
    const struct timespec pause = {.tv_sec = FOLLOW_S};
    json_int_t seq = 0;
    json_t *names = NULL;
    bool first = true, away = false;
    int err = 0;
    while (!err) {
        json_t *list = NULL;
        err = incident_list_fetch(cli, filter, &seq, first ? limit : 0, &list);
        if (err == CLI_UNREACHABLE && !first) {
            if (!away) {
                output_note(&cli->output, "%s; trying again", cli->fault.message);
            }
            away = true;
            err = 0;
        } else if (!err) {
            if (!names && !cli->output.json) {
                names = incident_list_names(cli);
            }
            away = false;
            cli->output.streaming = true;
            err = print_news(cli, list, names, first);
            first = false;
        }
        json_decref(list);
        if (!err) {
            (void)nanosleep(&pause, NULL);
        }
    }
    json_decref(names);
    return err;
}

/* -- --summary -- */

static void add_up(json_t *rows, const json_t *incident)
{
    char month[WHEN_MONTH];
    json_t *row = NULL;
    size_t index = 0;
    when_month(custody_text(incident, "last"), month);
    const char *const wanted[][2] = {{"cause", custody_text_or(incident, "cause", "?")},
                                     {"firmware", custody_text_or(incident, "firmware", "?")},
                                     {"reset", custody_text_or(incident, "reset", "?")},
                                     {"month", month}};
    json_int_t count = json_integer_value(json_object_get(incident, "count"));
    json_array_foreach(rows, index, row)
    {
        bool same = true;
        for (size_t i = 0; i < 4; i++) {
            same = same && strcmp(custody_text_or(row, wanted[i][0], ""), wanted[i][1]) == 0;
        }
        if (same) {
            count += json_integer_value(json_object_get(row, "count"));
            (void)json_object_set_new(row, "count", json_integer(count));
            return;
        }
    }
    row = json_pack("{s:I}", "count", count);
    for (size_t i = 0; row && i < 4; i++) {
        (void)json_object_set_new(row, wanted[i][0], json_string(wanted[i][1]));
    }
    (void)json_array_append_new(rows, row);
}

static int compare_counts(const void *a, const void *b)
{
    json_int_t first = json_integer_value(json_object_get(*(json_t *const *)a, "count"));
    json_int_t second = json_integer_value(json_object_get(*(json_t *const *)b, "count"));
    return first < second ? 1 : first > second ? -1 : 0;
}

/* The most frequent first. */
static json_t *sorted(json_t *rows)
{
    size_t count = json_array_size(rows);
    json_t **list = calloc(count + 1, sizeof(json_t *));
    json_t *out = json_array();
    for (size_t i = 0; list && i < count; i++) {
        list[i] = json_array_get(rows, i);
    }
    if (list) {
        qsort(list, count, sizeof(json_t *), compare_counts);
    }
    for (size_t i = 0; list && i < count; i++) {
        (void)json_array_append(out, list[i]);
    }
    free(list);
    json_decref(rows);
    return out;
}

static int print_summary(struct cli *cli, const json_t *rows)
{
    static const char *const heading[SUMMARY_COLUMNS] = {"COUNT", "CAUSE", "FIRMWARE", "LAST RESET",
                                                         "MONTH"};
    struct table table;
    size_t index = 0;
    json_t *row = NULL;
    table_init(&table, SUMMARY_COLUMNS);
    int failed = table_add(&table, heading);
    json_array_foreach(rows, index, row)
    {
        char count[24];
        (void)snprintf(count, sizeof count, "%lld",
                       (long long)json_integer_value(json_object_get(row, "count")));
        const char *const cells[SUMMARY_COLUMNS] = {
            count, custody_text(row, "cause"), custody_text(row, "firmware"),
            custody_text(row, "reset"), custody_text(row, "month")};
        failed |= table_add(&table, cells);
    }
    table_print(&table, cli->output.out);
    table_done(&table);
    return failed ? fault_set(&cli->fault, CLI_FAILED, "NO_MEMORY", "out of memory") : 0;
}

static int summarize(struct cli *cli, const struct incident_filter *filter)
{
    json_t *list = NULL, *rows = json_array(), *incident = NULL;
    json_int_t seq = 0;
    size_t index = 0;
    int err = incident_list_fetch(cli, filter, &seq, 0, &list);
    json_array_foreach(list, index, incident)
    {
        add_up(rows, incident);
    }
    json_decref(list);
    rows = sorted(rows);
    if (!err && cli->output.json) {
        return output_data(&cli->output, rows, &cli->fault);
    }
    if (!err && json_array_size(rows) == 0) {
        output_say(&cli->output, "no incidents");
    } else if (!err) {
        err = print_summary(cli, rows);
    }
    json_decref(rows);
    return err;
}

static int run(struct cli *cli)
{
    const char *since = args_value(&cli->args, "since"), *limit = args_value(&cli->args, "limit");
    bool summary = args_has(&cli->args, "summary"), follows = args_has(&cli->args, "follow");
    struct incident_filter filter = {.device = args_word(&cli->args, 0),
                                     .cause = args_value(&cli->args, "cause")};
    char from[WHEN_TEXT], id[CYAN_ID_TEXT];
    unsigned long shown = SHOWN;
    if (filter.device && !*filter.device) {
        return cli_usage(cli, &command_incidents, "an empty name names nothing");
    }
    if (since && when_since(since, time(NULL), from) < 0) {
        return cli_usage(cli, &command_incidents, "--since is 12h, 7d, 2w or 2026-11-01");
    }
    if (limit && args_number(limit, 1, SHOWN_MAX, &shown) < 0) {
        return cli_usage(cli, &command_incidents, "--limit is a number from 1 to 4096");
    }
    if (summary && (follows || limit)) {
        return cli_usage(cli, &command_incidents, "--summary counts all, once");
    }
    filter.since = since ? from : NULL;
    if (filter.device) {
        int err = incident_list_resolve(cli, filter.device, id, &filter.device);
        if (err) {
            return err;
        }
    }
    if (summary) {
        return summarize(cli, &filter);
    }
    if (follows) {
        return follow(cli, &filter, shown);
    }
    json_t *list = NULL;
    json_int_t seq = 0;
    int err = incident_list_fetch(cli, &filter, &seq, shown, &list);
    return err ? err : print_list(cli, list);
}

const struct command command_incidents = {
    .name = "incidents",
    .usage = "[DEVICE] [--cause CAUSE] [--since TIME] [--limit N] [--follow | --summary]",
    .does = "Shows the handshakes that went wrong, the newest last",
    .detail =
        "Causes: not-decipherable, device-key-mismatch, device-key-malformed,\n"
        "device-key-revoked, unknown-device, silent, truncated, hung-up-after-nonce,\n"
        "dropped-our-key, bad-frame, timeout, flood, contested, clone. A repeat within a day\n"
        "is counted, not listed again. With --follow and --json each is one line.",
    .example = "cyan incidents --since 7d --summary",
    .options = options,
    .most_words = 1,
    .run = run,
};
