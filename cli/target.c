#include "cli/target.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/args.h"
#include "keys/files.h"
#include "keys/keyfile.h"
#include "wire/limits.h"

int target_fingerprint(const uint8_t *spki, size_t len, struct target_fingerprint *out_print,
                       struct fault *fault)
{
    if (cyan_fingerprint_make(spki, len, out_print->full) < 0) {
        return fault_set(fault, CLI_FAILED, "CRYPTO", "the fingerprint cannot be computed");
    }
    cyan_fingerprint_shorten(out_print->full, out_print->brief);
    return 0;
}

int target_read_file(const char *path, uint8_t **out_data, size_t *out_len, struct fault *fault)
{
    int err = cyan_files_read(path, CYAN_KEYFILE_MAX, out_data, out_len);
    switch (err) {
    case 0:
        return 0;
    case CYAN_E_NOT_FOUND:
        return fault_set(fault, CLI_NOT_FOUND, "NOT_FOUND", "there is no file %s", path);
    case CYAN_E_TOO_LONG:
        return fault_set(fault, CLI_FAILED, "TOO_LONG", "%s is longer than any key", path);
    case CYAN_E_IO:
        return fault_set(fault, CLI_FAILED, "IO", "%s cannot be read: %s", path, strerror(errno));
    default:
        return fault_set(fault, CLI_FAILED, "NO_MEMORY", "out of memory");
    }
}

int target_bad_key(const char *path, int err, const char *why, struct fault *fault)
{
    return fault_set(fault, CLI_FAILED, cyan_err_name(err), "%s is of no use: %s", path,
                     why ? why : cyan_err_text(err));
}

int target_address(const char *text, const char *port_text, struct cyan_address *out_address,
                   struct fault *fault)
{
    char host[CYAN_ADDRESS_HOST_MAX + 1];
    unsigned long port = CYAN_DEVICE_PORT;
    const char *colon = port_text ? NULL : strrchr(text, ':');
    size_t len = colon ? (size_t)(colon - text) : strlen(text);
    const char *number = colon ? colon + 1 : port_text;
    bool good = len <= CYAN_ADDRESS_HOST_MAX;
    if (good) {
        memcpy(host, text, len);
        host[len] = '\0';
        good = !number || args_number(number, 1, UINT16_MAX - 1, &port) == 0;
    }
    if (!good || cyan_address_parse(host, (uint16_t)port, out_address) < 0) {
        (void)fault_set(fault, CLI_USAGE, "USAGE", "\"%s%s%s\" is no address for a device", text,
                        port_text ? ":" : "", port_text ? port_text : "");
        fault_try(fault, "192.168.1.10:5683, or a name of at most 63 characters");
        return CLI_USAGE;
    }
    return 0;
}

void target_address_text(const struct cyan_address *address,
                         char out_text[static TARGET_ADDRESS_TEXT])
{
    (void)snprintf(out_text, TARGET_ADDRESS_TEXT, "%s:%u", address->host, (unsigned)address->port);
}
