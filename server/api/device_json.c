#include "server/api/device_json.h"

#include <jansson.h>

#include "base/hex.h"
#include "wire/request.h"

enum { UNSET = 0xFFFF }; /* of product and version in a Hello */

static void put_nulls(struct json *json, const char *const *keys)
{
    for (; *keys; keys++) {
        jsonw_put_null(json, *keys);
    }
}

static void put_number(struct json *json, const char *key, bool is_known, unsigned value)
{
    if (is_known) {
        jsonw_put_int(json, key, value);
    } else {
        jsonw_put_null(json, key);
    }
}

/* Without a product of its own a device belongs to that of its platform. */
static void put_product(struct json *json, const struct device_record *device)
{
    unsigned product = device->product_id == UNSET ? device->platform_id : device->product_id;
    put_number(json, "product_id", device->has_hello, product);
}

static const char *text_or_null(const char *text)
{
    return *text != '\0' ? text : NULL;
}

static const char *type_name(const json_t *type)
{
    switch (json_is_integer(type) ? json_integer_value(type) : 0) {
    case CYAN_VALUE_BOOL:
        return "bool";
    case CYAN_VALUE_INT:
        return "int32";
    case CYAN_VALUE_STRING:
        return "string";
    case CYAN_VALUE_DOUBLE:
        return "double";
    default:
        return NULL;
    }
}

static void put_functions(struct json *json, const json_t *list)
{
    size_t i;
    json_t *name;
    jsonw_key(json, "functions");
    if (!json_is_array(list)) {
        jsonw_null(json);
        return;
    }
    jsonw_array(json);
    json_array_foreach(list, i, name)
    {
        if (json_is_string(name)) {
            jsonw_bytes(json, json_string_value(name), json_string_length(name));
        }
    }
    jsonw_array_end(json);
}

static void put_variables(struct json *json, const json_t *types)
{
    const char *name;
    json_t *type;
    jsonw_key(json, "variables");
    if (!json_is_object(types)) {
        jsonw_null(json);
        return;
    }
    jsonw_object(json);
    json_object_foreach((json_t *)types, name, type)
    {
        const char *text = type_name(type);
        jsonw_key_escaped(json, name);
        if (text) {
            jsonw_text(json, text);
        } else {
            jsonw_null(json);
        }
    }
    jsonw_object_end(json);
}

static void put_description(struct json *json, const uint8_t *description, size_t len)
{
    json_t *root = NULL;
    if (description) {
        root = json_loadb((const char *)description, len, 0, NULL);
    }
    put_functions(json, json_object_get(root, "f"));
    put_variables(json, json_object_get(root, "v"));
    json_decref(root);
}

static const char *key_state_name(enum device_key_state state)
{
    static const char *const names[] = {[DEVICE_KEY_NONE] = "none",
                                        [DEVICE_KEY_REVOKED] = "revoked",
                                        [DEVICE_KEY_TRUSTED] = "trusted",
                                        [DEVICE_KEY_PENDING] = "pending",
                                        [DEVICE_KEY_CONTESTED] = "contested"};
    return names[state];
}

static void put_firmware(struct json *json, const struct device_record *device)
{
    bool has_version = device->has_hello && device->product_version != UNSET;
    bool has_product = device->has_hello && device->product_id != UNSET;
    put_number(json, "firmware_version", has_version, device->product_version);
    put_number(json, "firmware_product_id", has_product, device->product_id);
    jsonw_put_bool(json, "firmware_updates_enabled", false);
    jsonw_put_bool(json, "firmware_updates_forced", false);
    put_nulls(json, (const char *const[]){"system_firmware_version", "current_build_target",
                                          "default_build_target", "pinned_build_target",
                                          "targeted_firmware_release_version", NULL});
}

void device_json_write(struct json *json, const struct device_record *device, const char *owner,
                       const uint8_t *description, size_t description_len)
{
    char id[CYAN_ID_TEXT];
    cyan_hex_encode(device->id, CYAN_ID_LEN, id);
    jsonw_object(json);
    jsonw_put_text(json, "id", id);
    jsonw_put_text(json, "name", text_or_null(device->name));
    jsonw_put_text(json, "owner", device->owner != 0 ? owner : NULL);
    jsonw_put_null(json, "last_app");
    jsonw_put_text(json, "last_ip_address", text_or_null(device->last_ip));
    jsonw_put_time(json, "last_heard", device->last_heard_ms);
    jsonw_put_time(json, "last_handshake_at", device->last_handshake_ms);
    put_product(json, device);
    jsonw_put_bool(json, "connected", device->connected);
    jsonw_put_bool(json, "online", device->connected);
    jsonw_put_text(json, "session", device->connected ? "full" : device->held ? "held" : "none");
    jsonw_put_text(json, "key_state", key_state_name(device->key_state));
    put_number(json, "platform_id", device->has_hello, device->platform_id);
    jsonw_put_bool(json, "cellular", false);
    jsonw_put_null(json, "notes");
    jsonw_key(json, "groups");
    jsonw_array(json);
    jsonw_array_end(json);
    put_description(json, description, description_len);
    jsonw_put_text(json, "status", "normal");
    put_firmware(json, device);
    jsonw_put_bool(json, "development", false);
    jsonw_put_bool(json, "quarantined", false);
    jsonw_put_bool(json, "denied", false);
    put_nulls(json, (const char *const[]){"serial_number", "mobile_secret", "iccid", "imei",
                                          "last_iccid", NULL});
    jsonw_object_end(json);
}

void device_json_core_info(struct json *json, const struct device_record *device)
{
    char id[CYAN_ID_TEXT];
    cyan_hex_encode(device->id, CYAN_ID_LEN, id);
    jsonw_object(json);
    jsonw_put_text(json, "name", text_or_null(device->name));
    jsonw_put_text(json, "deviceID", id);
    jsonw_put_bool(json, "connected", device->connected);
    jsonw_put_time(json, "last_handshake_at", device->last_handshake_ms);
    put_product(json, device);
    jsonw_put_null(json, "last_app");
    jsonw_put_time(json, "last_heard", device->last_heard_ms);
    jsonw_object_end(json);
}
