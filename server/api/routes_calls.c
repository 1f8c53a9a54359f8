/* What is asked of a device that is online: variables, functions, ping, signal. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/hex.h"
#include "server/api/device_json.h"
#include "server/api/reply.h"
#include "server/api/routes.h"
#include "server/cloud/calls.h"
#include "server/cloud/custody.h"

/* For statuses of a call that mean the same for all kinds. */
static void reply_call_failed(struct request *request, int status)
{
    switch (status) {
    case CYAN_E_OFFLINE:
        if (request->device.held && !request->device.connected) {
            reply_error(request, 404, "DEVICE_HELD", "The device is held: key pending.");
        } else {
            reply_error(request, 404, "DEVICE_OFFLINE", "The device is not online.");
        }
        break;
    case CYAN_E_TIMEOUT:
        reply_error(request, 408, "TIMED_OUT", "Timed out.");
        break;
    case CYAN_E_TOO_LONG:
        reply_error(request, 400, "INVALID", "The argument is too long for this device.");
        break;
    case CYAN_E_FULL:
    case CYAN_E_NO_MEMORY:
        reply_error(request, 503, "BUSY", "Too many requests wait for this device; try again.");
        break;
    default:
        reply_error(request, 502, "BAD_ANSWER", "The device gave an answer that makes no sense.");
        break;
    }
}

static void start_call(struct request *request, struct call *call, call_fn *done)
{
    memcpy(call->device, request->device.id, CYAN_ID_LEN);
    calls_start(request->cloud, call, done, request_wait(request));
}

static void put_value(struct json *json, const struct cyan_value *value)
{
    switch (value->type) {
    case CYAN_VALUE_BOOL:
        jsonw_bool(json, value->boolean);
        break;
    case CYAN_VALUE_INT:
        jsonw_int(json, value->integer);
        break;
    case CYAN_VALUE_DOUBLE:
        jsonw_double(json, value->number);
        break;
    case CYAN_VALUE_STRING:
        jsonw_bytes(json, value->text, value->text_len);
        break;
    }
}

static bool wants_raw(const struct request *request)
{
    const char *format = request_text(request, "format");
    return format && strcmp(format, "raw") == 0;
}

/* The bare value: text without quotes. */
static void reply_raw_value(struct request *request, const struct cyan_value *value)
{
    struct json json;
    jsonw_init_heap(&json, REPLY_JSON_MAX);
    if (value->type == CYAN_VALUE_STRING) {
        jsonw_raw_utf8(&json, value->text, value->text_len);
    } else {
        put_value(&json, value);
    }
    if (jsonw_failed(&json)) {
        reply_status(request, CYAN_E_NO_MEMORY);
    } else {
        reply_bytes(request, 200, "text/plain; charset=utf-8", json.data, json.len);
    }
    jsonw_done(&json);
}

static void on_variable(void *arg, const struct call_reply *reply)
{
    struct request *request = arg;
    struct json json;
    if (!request_back(request)) {
        return;
    }
    if (reply->status == CYAN_E_NOT_FOUND) {
        reply_error(request, 404, "NOT_FOUND", "Variable not found.");
    } else if (reply->status < 0) {
        reply_call_failed(request, reply->status);
    } else if (wants_raw(request)) {
        reply_raw_value(request, &reply->value);
    } else {
        jsonw_init_heap(&json, REPLY_JSON_MAX);
        jsonw_object(&json);
        jsonw_put_text(&json, "cmd", "VarReturn");
        jsonw_put_text(&json, "name", request->match.params[1]);
        jsonw_key(&json, "result");
        put_value(&json, &reply->value);
        jsonw_key(&json, "coreInfo");
        device_json_core_info(&json, &request->device);
        jsonw_object_end(&json);
        reply_json(request, 200, &json);
    }
}

/* Copies text that has room in out; false: it has not. */
static bool copy_text(char *out, size_t cap, const char *text)
{
    size_t len = strlen(text);
    if (len >= cap) {
        return false;
    }
    memcpy(out, text, len + 1);
    return true;
}

void route_variable(struct request *request)
{
    struct call call = {.kind = CALL_VARIABLE};
    if (!copy_text(call.name, sizeof call.name, request->match.params[1])) {
        reply_error(request, 404, "NOT_FOUND", "Variable not found.");
    } else {
        start_call(request, &call, on_variable);
    }
}

static void on_function(void *arg, const struct call_reply *reply)
{
    struct request *request = arg;
    struct json json;
    char id[CYAN_ID_TEXT];
    if (!request_back(request)) {
        return;
    }
    if (reply->status == CYAN_E_NOT_FOUND) {
        reply_error(request, 404, "NOT_FOUND", "Function not found.");
    } else if (reply->status < 0) {
        reply_call_failed(request, reply->status);
    } else if (wants_raw(request)) {
        char text[16];
        int len = snprintf(text, sizeof text, "%d", (int)reply->result);
        reply_bytes(request, 200, "text/plain; charset=utf-8", text, (size_t)len);
    } else {
        cyan_hex_encode(request->device.id, CYAN_ID_LEN, id);
        jsonw_init_heap(&json, REPLY_JSON_MAX);
        jsonw_object(&json);
        jsonw_put_text(&json, "id", id);
        jsonw_put_text(&json, "name", request->match.params[1]);
        jsonw_put_null(&json, "last_app");
        jsonw_put_bool(&json, "connected", true);
        jsonw_put_int(&json, "return_value", reply->result);
        jsonw_object_end(&json);
        reply_json(request, 200, &json);
    }
}

void route_function(struct request *request)
{
    struct call call = {.kind = CALL_FUNCTION};
    const struct field *field = fields_find(request->form, "args");
    const char *name = field ? "args" : "arg";
    const char *argument = fields_text(request->form, name);
    if (!argument && fields_find(request->form, name)) {
        reply_error(request, 400, "INVALID", "The argument is one text.");
    } else if (!copy_text(call.name, sizeof call.name, request->match.params[1])) {
        reply_error(request, 404, "NOT_FOUND", "Function not found.");
    } else if (!copy_text(call.argument, sizeof call.argument, argument ? argument : "")) {
        reply_error(request, 400, "INVALID", "An argument has at most 622 bytes.");
    } else {
        start_call(request, &call, on_function);
    }
}

static void on_ping(void *arg, const struct call_reply *reply)
{
    struct request *request = arg;
    struct json json;
    if (!request_back(request)) {
        return;
    }
    if (reply->status < 0 && reply->status != CYAN_E_OFFLINE && reply->status != CYAN_E_TIMEOUT) {
        reply_call_failed(request, reply->status);
        return;
    }
    jsonw_init_heap(&json, REPLY_JSON_MAX);
    jsonw_object(&json);
    jsonw_put_bool(&json, "online", reply->status == 0);
    jsonw_put_bool(&json, "ok", true);
    jsonw_object_end(&json);
    reply_json(request, 200, &json);
}

void route_device_ping(struct request *request)
{
    start_call(request, &(struct call){.kind = CALL_PING}, on_ping);
}

static void on_signal(struct request *request, const struct call_reply *reply, bool on)
{
    struct json json;
    char id[CYAN_ID_TEXT];
    if (!request_back(request)) {
        return;
    }
    if (reply->status < 0) {
        reply_call_failed(request, reply->status);
        return;
    }
    cyan_hex_encode(request->device.id, CYAN_ID_LEN, id);
    jsonw_init_heap(&json, REPLY_JSON_MAX);
    jsonw_object(&json);
    jsonw_put_text(&json, "id", id);
    jsonw_put_bool(&json, "connected", true);
    jsonw_put_bool(&json, "signaling", on);
    jsonw_object_end(&json);
    reply_json(request, 200, &json);
}

static void on_signal_on(void *arg, const struct call_reply *reply)
{
    on_signal(arg, reply, true);
}

static void on_signal_off(void *arg, const struct call_reply *reply)
{
    on_signal(arg, reply, false);
}

static void on_reset(void *arg, const struct call_reply *reply)
{
    struct request *request = arg;
    if (!request_back(request)) {
        return;
    }
    if (reply->status == CYAN_E_INVALID) {
        reply_error(request, 400, "INVALID", "reset is \"reboot\", \"safe mode\" or \"dfu\".");
    } else if (reply->status < 0) {
        reply_call_failed(request, reply->status);
    } else {
        reply_ok(request);
    }
}

/* Signal and reset reach a held session too, when its key is named: that very one or none, since
 * whoever looks at the LED trusts what it shows. False: it was answered. */
static bool choose_session(struct request *request, struct call *call)
{
    uint8_t fingerprint[CYAN_SHA256_LEN];
    const char *text = fields_text(request->form, "key");
    if (!text) {
        return true;
    }
    if (cyan_hex_decode(text, strlen(text), fingerprint, sizeof fingerprint) < 0) {
        reply_error(request, 400, "INVALID", "key is a full fingerprint: 64 hexadecimal digits.");
        return false;
    }
    switch (custody_session(request->cloud, request->device.id, fingerprint, &call->shard,
                            &call->held)) {
    case KEY_SESSION_NONE:
        reply_error(request, 404, "DEVICE_OFFLINE", "No session with this key stands.");
        return false;
    default:
        return true;
    }
}

static void start_reset(struct request *request, struct call *call, const char *how)
{
    call->kind = CALL_RESET;
    if (copy_text(call->argument, sizeof call->argument, how)) {
        start_call(request, call, on_reset);
    } else {
        reply_error(request, 400, "INVALID", "reset is \"reboot\", \"safe mode\" or \"dfu\".");
    }
}

void route_device_put(struct request *request)
{
    struct call call = {.kind = CALL_SIGNAL};
    const char *reset = fields_text(request->form, "reset");
    int err = fields_bool(request->form, "signal", &call.on);
    if (!choose_session(request, &call)) {
        return;
    }
    if (reset) {
        start_reset(request, &call, reset);
    } else if (err == CYAN_E_NOT_FOUND) {
        reply_error(request, 501, "NOT_SUPPORTED",
                    "Of a device only signal and reset can be set so far; names, notes and "
                    "firmware cannot.");
    } else if (err < 0) {
        reply_error(request, 400, "INVALID", "signal is 1 or 0.");
    } else {
        start_call(request, &call, call.on ? on_signal_on : on_signal_off);
    }
}
