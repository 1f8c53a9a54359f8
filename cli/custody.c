#include "cli/custody.h"

#include <string.h>

#include "base/hex.h"
#include "cli/api.h"

enum { LEAST_PREFIX = 4, FINGERPRINT_LEN = 32 };

const char *custody_text(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

const char *custody_text_or(const json_t *object, const char *key, const char *fallback)
{
    const char *text = custody_text(object, key);
    return text && *text ? text : fallback;
}

int custody_bad_answer(struct cli *cli, const char *what)
{
    (void)fault_set(&cli->fault, CLI_FAILED, "BAD_ANSWER", "%s did not answer with %s",
                    cli->config.api, what);
    fault_try(&cli->fault, "is it a Cyan cloud of this version? --api URL");
    return CLI_FAILED;
}

int custody_list(struct cli *cli, const char *device, json_t **out_list)
{
    struct api_path path;
    json_t *list = NULL;
    api_path_init(&path, "/v1/devices");
    api_path_add(&path, device);
    api_path_add(&path, "keys");
    int err = api_get(cli, &path, &list);
    if (!err && !json_is_array(json_object_get(list, "keys"))) {
        json_decref(list);
        return custody_bad_answer(cli, "a list of keys");
    }
    if (!err) {
        *out_list = list;
    }
    return err;
}

int custody_read_full(const char *typed, char out_full[static CYAN_FINGERPRINT_TEXT])
{
    uint8_t bytes[FINGERPRINT_LEN];
    if (cyan_hex_decode(typed, strlen(typed), bytes, sizeof bytes) < 0) {
        return CYAN_E_INVALID;
    }
    cyan_hex_encode(bytes, sizeof bytes, out_full);
    return 0;
}

int custody_read_id(const char *typed, char out_id[static CYAN_ID_TEXT])
{
    uint8_t bytes[CYAN_ID_LEN];
    if (cyan_hex_decode(typed, strlen(typed), bytes, sizeof bytes) < 0) {
        return CYAN_E_INVALID;
    }
    cyan_hex_encode(bytes, sizeof bytes, out_id);
    return 0;
}

/* The digits of a short form or a prefix, in small letters and without dashes; 0: it is neither. */
static size_t digits_of(const char *typed, char out_digits[static CYAN_FINGERPRINT_TEXT])
{
    size_t len = 0;
    for (; *typed; typed++) {
        char c = *typed >= 'A' && *typed <= 'F' ? (char)(*typed - 'A' + 'a') : *typed;
        bool digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        if ((!digit && c != '-') || len + 1 == CYAN_FINGERPRINT_TEXT) {
            return 0;
        }
        if (digit) {
            out_digits[len++] = c;
        }
    }
    out_digits[len] = '\0';
    return len;
}

/* The one key of the list that begins so; NULL: there is none, or there are several. */
static const char *only_match(const json_t *list, const char *digits, size_t len)
{
    const char *match = NULL;
    size_t index = 0;
    json_t *key = NULL;
    json_array_foreach(json_object_get(list, "keys"), index, key)
    {
        const char *full = custody_text(key, "fingerprint");
        if (full && strncmp(full, digits, len) == 0) {
            if (match) {
                return NULL;
            }
            match = full;
        }
    }
    return match;
}

int custody_take_full(struct cli *cli, const char *verb, const char *behind,
                      char out_full[static CYAN_FINGERPRINT_TEXT])
{
    const char *device = args_word(&cli->args, 0);
    const char *typed = args_word(&cli->args, 1);
    char digits[CYAN_FINGERPRINT_TEXT], full[CYAN_FINGERPRINT_TEXT];
    json_t *list = NULL;
    if (!*device) {
        return fault_set(&cli->fault, CLI_USAGE, "USAGE", "an empty name names nothing");
    }
    if (custody_read_full(typed, out_full) == 0) {
        return 0;
    }
    size_t len = digits_of(typed, digits);
    bool found = false;
    if (len >= LEAST_PREFIX && custody_list(cli, device, &list) == 0) {
        const char *match = only_match(list, digits, len);
        found = match && custody_read_full(match, full) == 0;
        json_decref(list);
    }
    (void)fault_set(&cli->fault, CLI_USAGE, "USAGE",
                    "a key is named by its whole fingerprint, all 64 digits");
    if (found) {
        fault_try(&cli->fault, "cyan keys %s %s %s%s", verb, device, full, behind);
    } else {
        fault_try(&cli->fault, "cyan keys list %s", device);
    }
    return CLI_USAGE;
}

int custody_act(struct cli *cli, const char *device, const char *full, const char *verb,
                json_t *body, json_t **out_key)
{
    struct api_path path;
    json_t *key = NULL;
    api_path_init(&path, "/v1/devices");
    api_path_add(&path, device);
    api_path_add(&path, "keys");
    api_path_add(&path, full);
    api_path_add(&path, verb);
    int err = api_post(cli, &path, body, &key);
    if (err) {
        bool moved = strcmp(cli->fault.code, "KEY_STATE") == 0;
        if ((moved || err == CLI_NOT_FOUND) && !cli->fault.remedy[0]) {
            fault_try(&cli->fault, "cyan keys list %s", device);
        }
        return err;
    }
    if (!custody_text(key, "state")) {
        json_decref(key);
        return custody_bad_answer(cli, "the key");
    }
    *out_key = key;
    return 0;
}

const char *custody_brief(const char *fingerprint, char text[static CYAN_FINGERPRINT_SHORT])
{
    char full[CYAN_FINGERPRINT_TEXT];
    if (!fingerprint || custody_read_full(fingerprint, full) < 0) {
        return fingerprint ? fingerprint : "";
    }
    cyan_fingerprint_shorten(full, text);
    return text;
}

const char *custody_policy_from(const json_t *policy)
{
    const char *from = custody_text_or(policy, "from", "default");
    return strcmp(from, "device") == 0    ? "from the device"
           : strcmp(from, "account") == 0 ? "from the account"
                                          : "the default";
}
