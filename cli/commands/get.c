#include <stdlib.h>
#include <string.h>

#include "cli/api.h"
#include "cli/commands.h"
#include "cli/table.h"

static int ask_variable(struct cli *cli, const char *device, const char *name, json_t **out_answer)
{
    struct api_path path;
    json_t *answer = NULL;
    api_path_init(&path, "/v1/devices");
    api_path_add(&path, device);
    api_path_add(&path, name);
    int err = api_get(cli, &path, &answer);
    if (err) {
        return strcmp(cli->fault.code, "DEVICE_HELD") == 0 ? api_held(cli, device) : err;
    }
    if (!json_object_get(answer, "result")) {
        json_decref(answer);
        return fault_set(&cli->fault, CLI_FAILED, "BAD_ANSWER", "%s gave no value",
                         cli->config.api);
    }
    *out_answer = answer;
    return 0;
}

static int get_one(struct cli *cli, const char *device, const char *name)
{
    json_t *answer = NULL;
    int err = ask_variable(cli, device, name, &answer);
    if (err || cli->output.json) {
        return err ? err : output_data(&cli->output, answer, &cli->fault);
    }
    err = output_value(&cli->output, json_object_get(answer, "result"), &cli->fault);
    json_decref(answer);
    return err;
}

static int collect(struct cli *cli, const char *device, json_t *types, json_t *values)
{
    const char *name = NULL;
    json_t *type = NULL;
    json_object_foreach(types, name, type)
    {
        json_t *answer = NULL;
        int err = ask_variable(cli, device, name, &answer);
        if (err) {
            return err;
        }
        (void)json_object_set(values, name, json_object_get(answer, "result"));
        json_decref(answer);
    }
    return 0;
}

static int print_values(struct cli *cli, json_t *types, json_t *values)
{
    enum { COLUMNS = 3 };
    static const char *const heading[COLUMNS] = {"VARIABLE", "TYPE", "VALUE"};
    struct table table;
    const char *name = NULL;
    json_t *value = NULL;
    table_init(&table, COLUMNS);
    int failed = table_add(&table, heading);
    json_object_foreach(values, name, value)
    {
        char *text = output_value_text(value);
        const char *const row[COLUMNS] = {name, json_string_value(json_object_get(types, name)),
                                          text};
        failed |= table_add(&table, row);
        free(text);
    }
    table_print(&table, cli->output.out);
    table_done(&table);
    return failed ? fault_set(&cli->fault, CLI_FAILED, "NO_MEMORY", "out of memory") : 0;
}

static int show_all(struct cli *cli, const char *device, const json_t *info)
{
    json_t *types = json_object_get(info, "variables");
    const char *session = json_string_value(json_object_get(info, "session"));
    if (session && strcmp(session, "held") == 0) {
        return api_held(cli, device);
    }
    if (!json_is_true(json_object_get(info, "online"))) {
        (void)fault_set(&cli->fault, CLI_OFFLINE, "DEVICE_OFFLINE", "%s is offline", device);
        fault_try(&cli->fault, "cyan list");
        return CLI_OFFLINE;
    }
    json_t *values = json_object();
    int err = collect(cli, device, types, values);
    if (!err && cli->output.json) {
        err = output_data(&cli->output,
                          json_pack("{s:O?, s:O?, s:O}", "id", json_object_get(info, "id"), "name",
                                    json_object_get(info, "name"), "variables", values),
                          &cli->fault);
    } else if (!err && json_object_size(values) == 0) {
        output_say(&cli->output, "%s has no variables", device);
    } else if (!err) {
        err = print_values(cli, types, values);
    }
    json_decref(values);
    return err;
}

static int get_all(struct cli *cli, const char *device)
{
    struct api_path path;
    json_t *info = NULL;
    api_path_init(&path, "/v1/devices");
    api_path_add(&path, device);
    int err = api_get(cli, &path, &info);
    if (!err) {
        err = show_all(cli, device, info);
        json_decref(info);
    }
    return err;
}

static int run(struct cli *cli)
{
    const char *device = args_word(&cli->args, 0);
    const char *name = args_word(&cli->args, 1);
    if (!*device || (name && !*name)) {
        return cli_usage(cli, &command_get, "an empty name names nothing");
    }
    return name ? get_one(cli, device, name) : get_all(cli, device);
}

const struct command command_get = {
    .name = "get",
    .usage = "DEVICE [VARIABLE]",
    .does = "Reads a variable of a device, or all of them",
    .detail = "DEVICE is an id or a name.",
    .example = "cyan get kitchen temp",
    .least_words = 1,
    .most_words = 2,
    .run = run,
};
