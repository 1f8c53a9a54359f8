#include "photon/fault.h"

#include <string.h>

#include "photon/number.h"
#include "wire/address.h"
#include "wire/keyblob.h"

static const struct fault fields[] = {
    {.field = "device-key", .setting = CYAN_SETTING_DEVICE_KEY, .len = CYAN_DEVICE_KEY_SLOT},
    {.field = "server-key", .setting = CYAN_SETTING_SERVER_KEY, .len = CYAN_SERVER_SPKI_LEN},
    {.field = "address", .setting = CYAN_SETTING_SERVER_ADDRESS, .len = CYAN_ADDRESS_LEN},
};

int fault_parse(const char *text, struct fault *out_fault)
{
    size_t name_len = strcspn(text, ":");
    const char *where = text[name_len] == ':' ? text + name_len + 1 : "erase";
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        struct fault fault = fields[i];
        if (strlen(fault.field) != name_len || strncmp(fault.field, text, name_len) != 0) {
            continue;
        }
        if (strcmp(where, "erase") == 0) {
            fault.erase = true;
        } else if (number_parse(where, (uint32_t)fault.len - 1, &fault.offset) < 0) {
            return CYAN_E_INVALID;
        }
        *out_fault = fault;
        return 0;
    }
    return CYAN_E_NOT_FOUND;
}

int fault_apply(const struct fault *fault, struct flash *flash)
{
    uint8_t blank[CYAN_DEVICE_KEY_SLOT];
    uint32_t sector;
    uint8_t byte;
    int err = cyan_settings_find(&flash->face, &sector);
    if (err < 0) {
        return err;
    }
    uint32_t at = sector + CYAN_DCT_APP_SECTION + fault->setting;
    if (fault->erase) {
        memset(blank, 0xFF, sizeof blank);
        return flash_damage(flash, at, blank, fault->len);
    }
    at += fault->offset;
    err = flash->face.read(flash->face.ctx, at, &byte, 1);
    if (err == 0) {
        byte ^= 1;
        err = flash_damage(flash, at, &byte, 1);
    }
    return err;
}
