#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/api.h"
#include "cli/commands.h"
#include "cli/table.h"

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

/* How long ago an ISO time in UTC was; what cannot be read is shown as it is. */
static const char *age_of(const char *time_text, char text[static TEXT_MAX])
{
    struct tm parts = {0};
    if (!time_text) {
        return "never";
    }
    const char *end = strptime(time_text, "%Y-%m-%dT%H:%M:%S", &parts);
    time_t then = end ? timegm(&parts) : -1;
    time_t now = time(NULL);
    if (then < 0 || then > now + 60) {
        return time_text;
    }
    long seconds = now > then ? (long)(now - then) : 0;
    if (seconds < 120) {
        (void)snprintf(text, TEXT_MAX, "%ld s ago", seconds);
    } else if (seconds < 2 * 3600) {
        (void)snprintf(text, TEXT_MAX, "%ld min ago", seconds / 60);
    } else if (seconds < 2 * 86400) {
        (void)snprintf(text, TEXT_MAX, "%ld h ago", seconds / 3600);
    } else {
        (void)snprintf(text, TEXT_MAX, "%ld days ago", seconds / 86400);
    }
    return text;
}

static const char *string_of(const json_t *device, const char *key)
{
    return json_string_value(json_object_get(device, key));
}

/* Its light cannot show that a device is held: it breathes cyan. So this must say it. */
static const char *status_of(const json_t *device)
{
    const char *session = string_of(device, "session");
    if (session && strcmp(session, "held") == 0) {
        return "held: key pending";
    }
    return json_is_true(json_object_get(device, "online")) ? "online" : "offline";
}

static int print_devices(struct cli *cli, const json_t *devices)
{
    static const char *const heading[COLUMNS] = {"NAME",     "ID",         "STATUS",
                                                 "PLATFORM", "LAST HEARD", "ADDRESS"};
    struct table table;
    size_t index = 0;
    json_t *device = NULL;
    table_init(&table, COLUMNS);
    int failed = table_add(&table, heading);
    json_array_foreach(devices, index, device)
    {
        char platform[TEXT_MAX], age[TEXT_MAX];
        const char *const row[COLUMNS] = {
            string_of(device, "name"),
            string_of(device, "id"),
            status_of(device),
            platform_name(device, platform),
            age_of(string_of(device, "last_heard"), age),
            string_of(device, "last_ip_address"),
        };
        failed |= table_add(&table, row);
    }
    table_print(&table, cli->output.out);
    table_done(&table);
    return failed ? fault_set(&cli->fault, CLI_FAILED, "NO_MEMORY", "out of memory") : 0;
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
    }
    json_decref(devices);
    return err;
}

const struct command command_list = {
    .name = "list",
    .usage = "",
    .does = "Shows your devices",
    .example = "cyan list",
    .run = run,
};
