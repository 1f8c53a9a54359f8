#include <stdio.h>
#include <string.h>

#include "cli/api.h"
#include "cli/commands.h"
#include "cli/table.h"
#include "cli/when.h"

enum { COLUMNS = 6, TEXT_MAX = 40 };

static const char *platform_name(const json_t *device, char text[static TEXT_MAX])
{
    static const struct {
        json_int_t id;
        const char *name;
    } platforms[] = {{0, "Core"}, {6, "Photon"}, {8, "P1"}, {10, "Electron"}, {88, "Duo"}};
    const json_t *id = json_object_get(device, "platform_id");
    if (!json_is_integer(id)) {
        return "";
    }
    for (size_t i = 0; i < sizeof platforms / sizeof platforms[0]; i++) {
        if (platforms[i].id == json_integer_value(id)) {
            return platforms[i].name;
        }
    }
    (void)snprintf(text, TEXT_MAX, "%lld", (long long)json_integer_value(id));
    return text;
}

static const char *string_of(const json_t *device, const char *key)
{
    return json_string_value(json_object_get(device, key));
}

static bool is_held(const json_t *device)
{
    const char *session = string_of(device, "session");
    return session && strcmp(session, "held") == 0;
}

/* The operator sees devices that nobody owns; without a word they would look like his own. */
static const char *name_of(const json_t *device)
{
    return json_is_null(json_object_get(device, "owner")) ? "(nobody's)"
                                                          : string_of(device, "name");
}

/* Its light cannot show that a device is held: it breathes cyan. So the first word says it. */
static const char *status_of(const json_t *device)
{
    if (is_held(device)) {
        return "held";
    }
    return json_is_true(json_object_get(device, "online")) ? "online" : "offline";
}

static int print_devices(struct cli *cli, const json_t *devices)
{
    static const char *const heading[COLUMNS] = {"STATUS",   "NAME",       "ID",
                                                 "PLATFORM", "LAST HEARD", "ADDRESS"};
    struct table table;
    size_t index = 0;
    json_t *device = NULL;
    table_init(&table, COLUMNS);
    int failed = table_add(&table, heading);
    json_array_foreach(devices, index, device)
    {
        char platform[TEXT_MAX], age[WHEN_TEXT];
        const char *const row[COLUMNS] = {
            status_of(device),
            name_of(device),
            string_of(device, "id"),
            platform_name(device, platform),
            when_age(string_of(device, "last_heard"), age),
            string_of(device, "last_ip_address"),
        };
        failed |= table_add(&table, row);
    }
    table_print(&table, cli->output.out);
    table_done(&table);
    return failed ? fault_set(&cli->fault, CLI_FAILED, "NO_MEMORY", "out of memory") : 0;
}

/* What waits for a word from the owner, device by device, and the line to type. */
static void say_keys(struct cli *cli, const json_t *devices)
{
    static const struct {
        const char *state, *words;
    } notes[] = {
        {"contested", "contested, several keys wait"},
        {"pending", "key pending"},
        {"revoked", "its key is revoked, and no other one is trusted"},
    };
    size_t index = 0;
    json_t *device = NULL;
    json_array_foreach(devices, index, device)
    {
        const char *state = string_of(device, "key_state"), *name = string_of(device, "name");
        name = name && *name ? name : string_of(device, "id");
        if (!state && is_held(device)) {
            state = "pending";
        }
        for (size_t i = 0; name && state && i < sizeof notes / sizeof notes[0]; i++) {
            if (strcmp(notes[i].state, state) == 0) {
                output_say(&cli->output, "%s%s: cyan keys list %s", is_held(device) ? "held, " : "",
                           notes[i].words, name);
            }
        }
    }
}

static int run(struct cli *cli)
{
    struct api_path path;
    json_t *devices = NULL;
    api_path_init(&path, "/v1/devices");
    int err = api_get(cli, &path, &devices);
    if (err) {
        return err;
    }
    if (!json_is_array(devices)) {
        json_decref(devices);
        return fault_set(&cli->fault, CLI_FAILED, "BAD_ANSWER", "%s did not answer with a list",
                         cli->config.api);
    }
    if (cli->output.json) {
        return output_data(&cli->output, devices, &cli->fault);
    }
    if (json_array_size(devices) == 0) {
        output_say(&cli->output,
                   "No devices yet. Give the cloud a device's public key to add one:");
        output_say(&cli->output, "  cyan keys send ID FILE");
    } else {
        err = print_devices(cli, devices);
        say_keys(cli, devices);
    }
    json_decref(devices);
    return err;
}

const struct command command_list = {
    .name = "list",
    .usage = "",
    .does = "Shows your devices",
    .detail = "held: the device is connected with a key that nobody has approved yet, and gets\n"
              "nothing and gives nothing until then, though its LED breathes cyan.",
    .example = "cyan list",
    .run = run,
};
