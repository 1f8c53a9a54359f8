/* boot.h - what the system firmware does with its settings at power-on, before the network. */
#ifndef CYAN_PHOTON_BOOT_H
#define CYAN_PHOTON_BOOT_H

#include "crypto/crypto.h"
#include "photon/flash.h"
#include "photon/keys.h"
#include "photon/news.h"
#include "photon/options.h"

struct boot {
    const struct options *options;
    const struct cyan_crypto *crypto;
    const uint8_t *id; /* CYAN_ID_LEN bytes */
    struct flash *flash;
    void (*tell)(void *owner, struct news *news);
    void *owner;
};

/* Does the damage that was ordered, makes blank settings where none are left and a device key where
 * the stored one is erased, and reads the rest; --server takes the place of the stored address.
 * An error with flash->power_lost: power failed, and that was told. */
int boot_photon(const struct boot *boot, struct keys *out_keys) CYAN_MUST_CHECK;

#endif
