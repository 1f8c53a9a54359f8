#include "cli/incident_list.h"

#include <stdio.h>
#include <string.h>

#include "cli/api.h"
#include "cli/custody.h"

enum { PAGE = 1000, PAGES_MAX = 100 };

static void choose_path(const struct incident_filter *filter, json_int_t seq, struct api_path *path)
{
    char number[24];
    api_path_init(path, "/v1/incidents");
    (void)snprintf(number, sizeof number, "%lld", (long long)seq);
    api_path_query(path, "after", number);
    (void)snprintf(number, sizeof number, "%d", PAGE);
    api_path_query(path, "limit", number);
    if (filter->device) {
        api_path_query(path, "device", filter->device);
    }
    if (filter->cause) {
        api_path_query(path, "cause", filter->cause);
    }
    if (filter->since) {
        api_path_query(path, "since", filter->since);
    }
}

/* Adds a page to the list; out_more: another one may follow. */
static int take_page(struct cli *cli, const json_t *page, json_int_t *seq, size_t last_only,
                     json_t *list, bool *out_more)
{
    const json_t *found = json_object_get(page, "incidents"), *next = json_object_get(page, "next");
    if (!json_is_array(found) || (json_array_size(found) > 0 && !json_is_integer(next))) {
        return custody_bad_answer(cli, "a list of incidents");
    }
    bool forward = json_is_integer(next) && json_integer_value(next) > *seq;
    *out_more = json_array_size(found) >= PAGE && forward;
    if (forward) {
        *seq = json_integer_value(next);
    }
    if (json_array_extend(list, (json_t *)found) < 0) {
        return fault_set(&cli->fault, CLI_FAILED, "NO_MEMORY", "out of memory");
    }
    while (last_only > 0 && json_array_size(list) > last_only) {
        (void)json_array_remove(list, 0);
    }
    return 0;
}

int incident_list_fetch(struct cli *cli, const struct incident_filter *filter, json_int_t *seq,
                        size_t last_only, json_t **out_list)
{
    json_t *list = json_array();
    bool more = true;
    int err = list ? 0 : fault_set(&cli->fault, CLI_FAILED, "NO_MEMORY", "out of memory");
    for (size_t i = 0; !err && more && i < PAGES_MAX; i++) {
        struct api_path path;
        json_t *page = NULL;
        choose_path(filter, *seq, &path);
        err = api_get(cli, &path, &page);
        err = err ? err : take_page(cli, page, seq, last_only, list, &more);
        json_decref(page);
    }
    if (err) {
        json_decref(list);
        return err;
    }
    *out_list = list;
    return 0;
}

int incident_list_resolve(struct cli *cli, const char *device, char out_id[static CYAN_ID_TEXT],
                          const char **out_device)
{
    struct api_path path;
    json_t *devices = NULL, *each = NULL;
    size_t index = 0;
    *out_device = device;
    if (custody_read_id(device, out_id) == 0) {
        *out_device = out_id;
        return 0;
    }
    api_path_init(&path, "/v1/devices");
    int err = api_get(cli, &path, &devices);
    json_array_foreach(devices, index, each)
    {
        const char *id = custody_text(each, "id");
        if (id && strcmp(custody_text_or(each, "name", ""), device) == 0 &&
            custody_read_id(id, out_id) == 0) {
            *out_device = out_id;
        }
    }
    json_decref(devices);
    return err;
}

json_t *incident_list_names(struct cli *cli)
{
    struct api_path path;
    json_t *devices = NULL, *device = NULL, *names = json_object();
    size_t index = 0;
    api_path_init(&path, "/v1/devices");
    if (api_get(cli, &path, &devices) != 0) {
        return names;
    }
    json_array_foreach(devices, index, device)
    {
        const char *id = custody_text(device, "id"), *name = custody_text_or(device, "name", NULL);
        if (id && name) {
            (void)json_object_set_new(names, id, json_string(name));
        }
    }
    json_decref(devices);
    return names;
}
