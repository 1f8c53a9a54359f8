/* keys.h - the keys and the server's address in the settings, as the system firmware finds them. */
#ifndef CYAN_PHOTON_KEYS_H
#define CYAN_PHOTON_KEYS_H

#include <stdbool.h>

#include "crypto/crypto.h"
#include "wire/address.h"
#include "wire/keyblob.h"
#include "wire/limits.h"
#include "wire/settings.h"

enum { KEYS_FINGERPRINT_TEXT = 2 * CYAN_SHA256_LEN + 1 };

/* Has a secret: wipe it. */
struct keys {
    uint8_t device_key[CYAN_DEVICE_KEY_SLOT];
    uint8_t server_key[CYAN_SERVER_SPKI_LEN];
    struct cyan_address address;
    bool has_address;
    char fingerprint[KEYS_FINGERPRINT_TEXT]; /* of the public key that the device will send */
};

/* 1 when the firmware would make a new device key: if and only if the first byte is FF. */
int keys_need_new(const struct cyan_flash *flash) CYAN_MUST_CHECK;

/* Makes a device key and writes it in the fixed-width form. */
int keys_make_new(const struct cyan_flash *flash, const struct cyan_crypto *crypto) CYAN_MUST_CHECK;

/* Reads all of it, sound or not, and brings the stored copy of the public key up to date. A "$id"
 * in the server's name becomes the device's id. */
int keys_load(const struct cyan_flash *flash, const struct cyan_crypto *crypto,
              const uint8_t id[static CYAN_ID_LEN], struct keys *out_keys) CYAN_MUST_CHECK;

/* Stores the server's address. */
int keys_store_address(const struct cyan_flash *flash,
                       const struct cyan_address *address) CYAN_MUST_CHECK;

/* Puts the device's id in place of "$id"; CYAN_E_TOO_LONG when the name does not hold it. */
int keys_expand_host(struct cyan_address *address,
                     const uint8_t id[static CYAN_ID_LEN]) CYAN_MUST_CHECK;

#endif
