/* A device's public key, uploaded by its owner: POST /v1/provisioning/:device. */
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/hex.h"
#include "keys/spki.h"
#include "server/api/device_json.h"
#include "server/api/reply.h"
#include "server/api/routes.h"

static void on_provisioned(void *arg, int status, const struct device_record *device)
{
    struct request *request = arg;
    struct json json;
    if (!request_back(request)) {
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

void route_provision(struct request *request)
{
    uint8_t id[CYAN_ID_LEN];
    uint8_t spki[CYAN_DEVICE_SPKI_LEN];
    const char *why = read_id(request, id);
    if (!why) {
        why = read_key(request, spki);
    }
    if (why) {
        reply_error(request, 400, "INVALID", why);
    } else {
        registry_provision(request->cloud->registry, request->account.id, id, spki, on_provisioned,
                           request_wait(request));
    }
}
