/* Devices: the list, and one of them with what it can do. */
#include <string.h>

#include "base/err.h"
#include "server/api/device_json.h"
#include "server/api/reply.h"
#include "server/api/routes.h"
#include "server/cloud/calls.h"
#include "server/cloud/custody.h"

static void put_stranger(void *arg, const struct device_record *record)
{
    device_json_write(arg, record, NULL, NULL, 0);
}

static void on_list(void *arg, int status, const struct device_record *records, size_t count)
{
    struct request *request = arg;
    struct json json;
    if (!reply_back(request, status)) {
        return;
    }
    jsonw_init_heap(&json, REPLY_JSON_MAX);
    jsonw_array(&json);
    for (size_t i = 0; i < count; i++) {
        device_json_write(&json, &records[i], request->account.name, NULL, 0);
    }
    if (request->account.is_operator) {
        custody_strangers(request->cloud, put_stranger, &json);
    }
    jsonw_array_end(&json);
    reply_json(request, 200, &json);
}

void route_device_list(struct request *request)
{
    registry_list(request->cloud->registry, request->account.id, request->account.is_operator,
                  on_list, request_wait(request));
}

static void reply_device(struct request *request, const uint8_t *description, size_t len)
{
    struct json json;
    jsonw_init_heap(&json, REPLY_JSON_MAX);
    device_json_write(&json, &request->device, request->account.name, description, len);
    reply_json(request, 200, &json);
}

/* A device that does not describe itself is shown all the same. */
static void on_description(void *arg, const struct call_reply *reply)
{
    struct request *request = arg;
    if (!request_back(request)) {
        return;
    }
    if (reply->status == CYAN_E_OFFLINE) {
        request->device.connected = false;
    }
    bool is_there = reply->status == 0;
    reply_device(request, is_there ? reply->description : NULL,
                 is_there ? reply->description_len : 0);
}

void route_device_get(struct request *request)
{
    struct call call = {.kind = CALL_DESCRIBE};
    if (request->device.connected) {
        memcpy(call.device, request->device.id, CYAN_ID_LEN);
        calls_start(request->cloud, &call, on_description, request_wait(request));
    } else {
        reply_device(request, NULL, 0);
    }
}
