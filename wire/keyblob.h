/* keyblob.h - keys as they lie in a device's storage, read the way its firmware reads them.
 *
 * Device key: PKCS#1 RSAPrivateKey, RSA-1024. The firmware does not parse lengths; it walks fixed
 * strides, so every integer must have its full width. Server key: SPKI of RSA-2048, of which the
 * firmware takes the modulus at a fixed offset and nothing else (docs/SPEC-wire.md, "Keys"). */
#ifndef CYAN_WIRE_KEYBLOB_H
#define CYAN_WIRE_KEYBLOB_H

#include <stddef.h>
#include <stdint.h>

#include "crypto/crypto.h"

enum {
    CYAN_DEVICE_SPKI_LEN = 162,    /* header 29, modulus 128, tail 5 */
    CYAN_DEVICE_SPKI_MODULUS = 29, /* offset of the modulus */
    CYAN_DEVICE_KEY_LEN = 611,     /* the fixed-width form */
    CYAN_DEVICE_KEY_SLOT = 612,    /* what firmware reads and writes */
    CYAN_DEVICE_KEY_MODULUS = 11,  /* where firmware copies the modulus from */
    CYAN_SERVER_SPKI_LEN = 294,    /* header 33, modulus 256, tail 5 */
    CYAN_SERVER_SPKI_MODULUS = 33,
};

/* Writes the fixed-width form that firmware itself writes, exactly CYAN_DEVICE_KEY_LEN bytes. */
void cyan_keyblob_write(const struct cyan_rsa1024 *key,
                        uint8_t out_blob[static CYAN_DEVICE_KEY_LEN]);

/* The CRT values where the firmware's walk finds them, pointing into the slot, whatever they
 * are: nothing is checked. The walk ends inside the slot whatever its length octets say. */
void cyan_keyblob_crt(const uint8_t slot[static CYAN_DEVICE_KEY_SLOT],
                      struct cyan_rsa_crt *out_crt);

/* Whether the slot holds the fixed-width form: every header in its place. The numbers behind them
 * are not checked. CYAN_E_KEY_DAMAGED, CYAN_E_BLANK (first byte FF: firmware makes a new key). */
int cyan_keyblob_check(const uint8_t slot[static CYAN_DEVICE_KEY_SLOT]) CYAN_MUST_CHECK;

/* The public key that the firmware would send for this slot: fixed header, the 128 bytes at
 * offset 11, fixed tail. Of a damaged slot it is a well-formed key with a wrong modulus. */
void cyan_keyblob_spki(const uint8_t slot[static CYAN_DEVICE_KEY_SLOT],
                       uint8_t out_spki[static CYAN_DEVICE_SPKI_LEN]);

/* The SPKI of a modulus of CYAN_RSA1024_LEN bytes. */
void cyan_device_spki_write(const uint8_t modulus[static CYAN_RSA1024_LEN],
                            uint8_t out_spki[static CYAN_DEVICE_SPKI_LEN]);

/* Whether these bytes can be a sound device key: the exact header and tail, a modulus that is
 * odd and not one byte repeated. CYAN_E_KEY_DAMAGED. */
int cyan_device_spki_check(const uint8_t *spki, size_t len) CYAN_MUST_CHECK;

/* The same for a server key of CYAN_SERVER_SPKI_LEN bytes; its modulus also has its top bit set. */
int cyan_server_spki_check(const uint8_t *spki, size_t len) CYAN_MUST_CHECK;

#endif
