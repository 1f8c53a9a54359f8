/* Whose a device is: uploads, claims, claim codes, giving up. */
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/hex.h"
#include "keys/spki.h"
#include "server/api/device_json.h"
#include "server/api/reply.h"
#include "server/api/routes.h"
#include "server/cloud/custody.h"
#include "server/cloud/ownership.h"

static void on_uploaded(void *arg, int status, const struct device_record *device)
{
    struct request *request = arg;
    struct json json;
    if (!request_back(request)) {
        return;
    }
    if (status == CYAN_E_EXISTS) {
        reply_error(request, 409, "KEY_STATE",
                    "This key was revoked. Give another one, or unrevoke it with a reason.");
        return;
    }
    if (status == CYAN_E_NO_SPACE) {
        reply_error(request, 429, "TOO_MANY",
                    "Ten thousand of your uploads wait for their devices; let some come first.");
        return;
    }
    if (status < 0) {
        reply_status(request, status);
        return;
    }
    jsonw_init_heap(&json, REPLY_JSON_MAX);
    device_json_write(&json, device, request->account.name, NULL, 0);
    reply_json(request, 200, &json);
}

/* NULL, or why the request cannot be. */
static const char *read_id(const struct request *request, uint8_t out_id[static CYAN_ID_LEN])
{
    const char *text = request->match.params[0];
    const char *again = fields_text(request->form, "deviceID");
    if (cyan_hex_decode(text, strlen(text), out_id, CYAN_ID_LEN) < 0) {
        return "A device id has 24 hexadecimal digits.";
    }
    if (again && strcasecmp(again, text) != 0) {
        return "deviceID is not the device of the address.";
    }
    return NULL;
}

static const char *read_key(const struct request *request,
                            uint8_t out_spki[static CYAN_DEVICE_SPKI_LEN])
{
    const char *algorithm = fields_text(request->form, "algorithm");
    const char *pem = fields_text(request->form, "publicKey");
    if (algorithm && strcasecmp(algorithm, "rsa") != 0) {
        return "algorithm is rsa: these devices have no other keys.";
    }
    if (!pem) {
        return "Give publicKey: the device's public key as PEM.";
    }
    switch (cyan_spki_device_from_pem(pem, strlen(pem), out_spki)) {
    case 0:
        return NULL;
    case CYAN_E_UNSUPPORTED:
        return "publicKey is not an RSA key.";
    case CYAN_E_INVALID:
        return "publicKey is not an RSA key of 1024 bits with the exponent 65537.";
    case CYAN_E_TOO_LONG:
        return "publicKey is too long.";
    default:
        return "publicKey is not the PEM text of a sound public key.";
    }
}

/* Of devices with our firmware library. */
static const char *read_recovery(const struct request *request, struct upload *upload)
{
    const char *pem = fields_text(request->form, "recoveryKey");
    if (!pem) {
        return NULL;
    }
    upload->has_recovery = true;
    return cyan_recovery_from_pem(pem, strlen(pem), upload->recovery) < 0
               ? "recoveryKey is not the PEM text of a public P-256 key."
               : NULL;
}

void route_provision(struct request *request)
{
    struct upload upload = {.has_recovery = false};
    const char *why = read_id(request, upload.id);
    if (!why) {
        why = read_key(request, upload.spki);
    }
    if (!why) {
        why = read_recovery(request, &upload);
    }
    if (why) {
        reply_error(request, 400, "INVALID", why);
    } else {
        ownership_upload(request->cloud, &request->account, &upload, on_uploaded,
                         request_wait(request));
    }
}

static void on_claimed(void *arg, int status, const struct device_record *device)
{
    struct request *request = arg;
    struct json json;
    char id[CYAN_ID_TEXT];
    if (!request_back(request)) {
        return;
    }
    if (status == CYAN_E_REFUSED) {
        reply_error(request, 403, "FORBIDDEN", "That device belongs to someone else.");
        return;
    }
    if (status < 0) {
        reply_status(request, status);
        return;
    }
    cyan_hex_encode(device->id, CYAN_ID_LEN, id);
    jsonw_init_heap(&json, REPLY_JSON_MAX);
    jsonw_object(&json);
    jsonw_put_bool(&json, "ok", true);
    jsonw_put_text(&json, "user_id", request->account.name);
    jsonw_put_text(&json, "id", id);
    jsonw_put_text(&json, "deviceID", id);
    jsonw_put_text(&json, "name", device->name);
    jsonw_put_bool(&json, "connected", device->connected);
    jsonw_put_bool(&json, "claimed", true);
    jsonw_object_end(&json);
    reply_json(request, 200, &json);
}

void route_claim(struct request *request)
{
    uint8_t id[CYAN_ID_LEN];
    const char *text = fields_text(request->form, "id");
    if (!text) {
        reply_error(request, 400, "INVALID", "Give id: the device to claim.");
    } else if (cyan_hex_decode(text, strlen(text), id, CYAN_ID_LEN) < 0) {
        reply_error(request, 400, "INVALID", "A device id has 24 hexadecimal digits.");
    } else {
        ownership_claim(request->cloud, &request->account, id, on_claimed, request_wait(request));
    }
}

static void on_released(void *arg, int status)
{
    struct request *request = arg;
    if (reply_back(request, status)) {
        reply_ok(request);
    }
}

void route_release(struct request *request)
{
    ownership_release(request->cloud, &request->account, request->device.id, on_released,
                      request_wait(request));
}

/* The code goes out with the ids of the account's devices: set-up tools tell a new one by them. */
static void on_list(void *arg, int status, const struct device_record *records, size_t count)
{
    struct request *request = arg;
    struct json json;
    char id[CYAN_ID_TEXT];
    if (!reply_back(request, status)) {
        return;
    }
    jsonw_init_heap(&json, REPLY_JSON_MAX);
    jsonw_object(&json);
    jsonw_put_text(&json, "claim_code", request->claim_code);
    jsonw_key(&json, "device_ids");
    jsonw_array(&json);
    for (size_t i = 0; i < count; i++) {
        cyan_hex_encode(records[i].id, CYAN_ID_LEN, id);
        jsonw_text(&json, id);
    }
    jsonw_array_end(&json);
    jsonw_object_end(&json);
    reply_json(request, 200, &json);
}

static void on_code(void *arg, int status, const char *code)
{
    struct request *request = arg;
    if (!reply_back(request, status)) {
        return;
    }
    memcpy(request->claim_code, code, CLAIM_CODE_LEN + 1);
    registry_list(request->cloud->registry, request->account.id, false, on_list,
                  request_wait(request));
}

void route_claim_code(struct request *request)
{
    ownership_make_code(request->cloud, &request->account, on_code, request_wait(request));
}
