#include <string.h>

#include "cli/api.h"
#include "cli/commands.h"
#include "cli/custody.h"
#include "cli/table.h"
#include "cli/when.h"

enum { COLUMNS = 3 };

static bool is_previous(const json_t *key)
{
    return strcmp(custody_text_or(key, "role", ""), "previous") == 0;
}

static int print_devices(struct cli *cli, const json_t *devices)
{
    static const char *const heading[COLUMNS] = {"NAME", "ID", "LAST HANDSHAKE"};
    struct table table;
    size_t index = 0;
    json_t *device = NULL;
    table_init(&table, COLUMNS);
    int failed = table_add(&table, heading);
    json_array_foreach(devices, index, device)
    {
        char age[WHEN_TEXT];
        const char *const row[COLUMNS] = {custody_text(device, "name"), custody_text(device, "id"),
                                          when_age(custody_text(device, "last_handshake_at"), age)};
        failed |= table_add(&table, row);
    }
    table_print(&table, cli->output.out);
    table_done(&table);
    return failed ? fault_set(&cli->fault, CLI_FAILED, "NO_MEMORY", "out of memory") : 0;
}

static int print_keys(struct cli *cli, const json_t *keys)
{
    size_t index = 0, old = 0;
    json_t *key = NULL;
    int err = 0;
    bool rotates = false;
    json_array_foreach(keys, index, key)
    {
        char brief[CYAN_FINGERPRINT_SHORT];
        const json_t *devices = json_object_get(key, "devices");
        output_say(&cli->output, "%s server key %s: %zu device%s",
                   custody_text_or(key, "role", "?"),
                   custody_brief(custody_text(key, "fingerprint"), brief), json_array_size(devices),
                   json_array_size(devices) == 1 ? "" : "s");
        if (is_previous(key)) {
            rotates = true;
            old += json_array_size(devices);
            err = err || json_array_size(devices) == 0 ? err : print_devices(cli, devices);
        }
    }
    if (!rotates) {
        output_say(&cli->output, "no rotation is under way");
    } else if (old == 0) {
        output_say(&cli->output, "no device uses the previous key any more");
    } else {
        output_say(&cli->output, "these devices still carry the previous key; give each the new "
                                 "one over USB before the old one goes");
    }
    return err;
}

static int run(struct cli *cli)
{
    struct api_path path;
    json_t *answer = NULL;
    api_path_init(&path, "/v1/system/server-keys");
    int err = api_get(cli, &path, &answer);
    if (err) {
        return err;
    }
    const json_t *keys = json_object_get(answer, "keys");
    if (!json_is_array(keys)) {
        json_decref(answer);
        return custody_bad_answer(cli, "its server keys");
    }
    if (cli->output.json) {
        return output_data(&cli->output, answer, &cli->fault);
    }
    err = print_keys(cli, keys);
    json_decref(answer);
    return err;
}

const struct command command_keys_rotation = {
    .name = "keys rotation",
    .usage = "",
    .does = "Shows which devices still use the server's previous key",
    .detail = "For the operator of the cloud.",
    .example = "cyan keys rotation",
    .run = run,
};
