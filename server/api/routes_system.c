/* What everybody may ask: is it alive, and the public half of the server's key. */
#include "base/err.h"
#include "base/hex.h"
#include "keys/fingerprint.h"
#include "keys/spki.h"
#include "server/api/reply.h"
#include "server/api/routes.h"
#include "server/cloud/server_keys.h"

void route_health(struct request *request)
{
    reply_ok(request);
}

void route_server_key_der(struct request *request)
{
    const struct cloud *cloud = request->cloud;
    reply_bytes(request, 200, "application/octet-stream", cloud->server_spki,
                sizeof cloud->server_spki);
}

void route_server_key_pem(struct request *request)
{
    const struct cloud *cloud = request->cloud;
    char pem[CYAN_SPKI_PEM_MAX];
    int len = cyan_spki_to_pem(cloud->server_spki, sizeof cloud->server_spki, pem);
    if (len < 0) {
        reply_error(request, 503, "BUSY", "The server's key cannot be shown now.");
    } else {
        reply_bytes(request, 200, "application/x-pem-file", pem, (size_t)len);
    }
}

static void put_server_key(struct json *json, const struct server_key_use *use)
{
    char full[CYAN_FINGERPRINT_TEXT];
    char brief[CYAN_FINGERPRINT_SHORT];
    cyan_hex_encode(use->fingerprint, CYAN_SHA256_LEN, full);
    cyan_fingerprint_shorten(full, brief);
    jsonw_object(json);
    jsonw_put_text(json, "fingerprint", full);
    jsonw_put_text(json, "short", brief);
    jsonw_put_text(json, "role", use->is_previous ? "previous" : "current");
    jsonw_key(json, "devices");
    jsonw_array(json);
    for (size_t i = 0; i < use->count; i++) {
        char id[CYAN_ID_TEXT];
        const struct store_device *device = &use->devices[i];
        cyan_hex_encode(device->id, CYAN_ID_LEN, id);
        jsonw_object(json);
        jsonw_put_text(json, "id", id);
        jsonw_put_text(json, "name", device->name[0] != '\0' ? device->name : NULL);
        jsonw_put_time(json, "last_handshake_at", device->last_handshake_ms);
        jsonw_object_end(json);
    }
    jsonw_array_end(json);
    jsonw_object_end(json);
}

static void on_server_keys(void *arg, int status, const struct server_key_use *uses, size_t count)
{
    struct request *request = arg;
    struct json json;
    if (!reply_back(request, status)) {
        return;
    }
    jsonw_init_heap(&json, REPLY_JSON_MAX);
    jsonw_object(&json);
    jsonw_key(&json, "keys");
    jsonw_array(&json);
    for (size_t i = 0; i < count; i++) {
        put_server_key(&json, &uses[i]);
    }
    jsonw_array_end(&json);
    jsonw_object_end(&json);
    reply_json(request, 200, &json);
}

void route_server_keys(struct request *request)
{
    if (!request->account.is_operator) {
        reply_error(request, 403, "FORBIDDEN", "Only the operator sees who uses which key.");
    } else {
        server_keys_list(request->cloud, on_server_keys, request_wait(request));
    }
}
