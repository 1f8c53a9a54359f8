#include "photon/keys.h"

#include <string.h>

#include "base/hex.h"
#include "base/secret.h"

int keys_need_new(const struct cyan_flash *flash)
{
    uint8_t first;
    int err = cyan_settings_read(flash, CYAN_SETTING_DEVICE_KEY, &first, 1);
    if (err < 0) {
        return err;
    }
    return first == 0xFF;
}

int keys_make_new(const struct cyan_flash *flash, const struct cyan_crypto *crypto)
{
    struct cyan_rsa1024 key;
    uint8_t blob[CYAN_DEVICE_KEY_LEN];
    int err = crypto->rsa1024_generate(crypto->ctx, &key);
    if (err == 0) {
        cyan_keyblob_write(&key, blob);
        err = cyan_settings_write(flash, CYAN_SETTING_DEVICE_KEY, blob, sizeof blob);
    }
    cyan_wipe(&key, sizeof key);
    cyan_wipe(blob, sizeof blob);
    return err;
}

/* Stock firmware derives the public key at every connect and rewrites its copy if it differs. */
static int refresh_public_key(const struct cyan_flash *flash,
                              const uint8_t spki[static CYAN_DEVICE_SPKI_LEN])
{
    uint8_t stored[CYAN_SETTING_DEVICE_PUBLIC_SPACE] = {0};
    memcpy(stored, spki, CYAN_DEVICE_SPKI_LEN);
    return cyan_settings_write(flash, CYAN_SETTING_DEVICE_PUBLIC, stored, sizeof stored);
}

int keys_expand_host(struct cyan_address *address, const uint8_t id[static CYAN_ID_LEN])
{
    static const char placeholder[] = "$id";
    char text[CYAN_ID_TEXT];
    char host[sizeof address->host] = {0};
    const char *found = strstr(address->host, placeholder);
    if (!found) {
        return 0;
    }
    size_t before = (size_t)(found - address->host);
    const char *after = found + sizeof placeholder - 1;
    if (before + CYAN_ID_TEXT - 1 + strlen(after) >= sizeof host) {
        return CYAN_E_TOO_LONG;
    }
    cyan_hex_encode(id, CYAN_ID_LEN, text);
    memcpy(host, address->host, before);
    memcpy(host + before, text, CYAN_ID_TEXT - 1);
    memcpy(host + before + CYAN_ID_TEXT - 1, after, strlen(after) + 1);
    memcpy(address->host, host, sizeof host);
    return 0;
}

static int read_address(const struct cyan_flash *flash, const uint8_t *id, struct keys *keys)
{
    uint8_t record[CYAN_ADDRESS_LEN];
    int err = cyan_settings_read(flash, CYAN_SETTING_SERVER_ADDRESS, record, sizeof record);
    if (err < 0) {
        return err;
    }
    keys->has_address =
        cyan_address_read(record, &keys->address) == 0 && keys_expand_host(&keys->address, id) == 0;
    return 0;
}

int keys_load(const struct cyan_flash *flash, const struct cyan_crypto *crypto,
              const uint8_t id[static CYAN_ID_LEN], struct keys *out_keys)
{
    struct keys keys = {0};
    uint8_t spki[CYAN_DEVICE_SPKI_LEN];
    uint8_t digest[CYAN_SHA256_LEN];
    int err =
        cyan_settings_read(flash, CYAN_SETTING_DEVICE_KEY, keys.device_key, sizeof keys.device_key);
    if (err == 0) {
        err = cyan_settings_read(flash, CYAN_SETTING_SERVER_KEY, keys.server_key,
                                 sizeof keys.server_key);
    }
    if (err == 0) {
        err = read_address(flash, id, &keys);
    }
    if (err == 0) {
        cyan_keyblob_spki(keys.device_key, spki);
        err = refresh_public_key(flash, spki);
    }
    if (err == 0) {
        err = crypto->sha256(crypto->ctx, spki, sizeof spki, digest);
    }
    if (err == 0) {
        cyan_hex_encode(digest, sizeof digest, keys.fingerprint);
        *out_keys = keys;
    }
    cyan_wipe(&keys, sizeof keys);
    return err;
}

int keys_store_address(const struct cyan_flash *flash, const struct cyan_address *address)
{
    uint8_t record[CYAN_ADDRESS_LEN];
    int err = cyan_address_write(address, record);
    if (err == 0) {
        err = cyan_settings_write(flash, CYAN_SETTING_SERVER_ADDRESS, record, sizeof record);
    }
    return err;
}
