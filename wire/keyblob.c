#include "wire/keyblob.h"

#include <string.h>

static const uint8_t device_header[CYAN_DEVICE_SPKI_MODULUS] = {
    0x30, 0x81, 0x9f, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01,
    0x01, 0x05, 0x00, 0x03, 0x81, 0x8d, 0x00, 0x30, 0x81, 0x89, 0x02, 0x81, 0x81, 0x00};
static const uint8_t server_header[CYAN_SERVER_SPKI_MODULUS] = {
    0x30, 0x82, 0x01, 0x22, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48,
    0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00, 0x03, 0x82, 0x01,
    0x0f, 0x00, 0x30, 0x82, 0x01, 0x0a, 0x02, 0x82, 0x01, 0x01, 0x00};
static const uint8_t exponent[] = {0x02, 0x03, 0x01, 0x00, 0x01}; /* e = 65537, in both */

/* The integers of the fixed-width form in order, each with the header before its value: the
 * length octet counts the leading 00. */
enum { WIDE_HEADER = 4, HALF_HEADER = 3 };
static const uint8_t prefix[] = {0x30, 0x82, 0x02, 0x5f, 0x02, 0x01, 0x00};
static const uint8_t wide_header[WIDE_HEADER] = {0x02, 0x81, 0x81, 0x00};
static const uint8_t half_header[HALF_HEADER] = {0x02, 0x41, 0x00};

enum {
    AT_N = sizeof prefix,
    AT_EXPONENT = AT_N + WIDE_HEADER + CYAN_RSA1024_LEN,
    AT_D = AT_EXPONENT + sizeof exponent,
    AT_P = AT_D + WIDE_HEADER + CYAN_RSA1024_LEN,
    HALF_STRIDE = HALF_HEADER + CYAN_RSA1024_HALF,
    HALF_COUNT = 5,
};
_Static_assert(AT_P + HALF_COUNT * HALF_STRIDE == CYAN_DEVICE_KEY_LEN, "fixed-width form");
_Static_assert(AT_N + WIDE_HEADER == CYAN_DEVICE_KEY_MODULUS, "modulus at 11");

void cyan_keyblob_write(const struct cyan_rsa1024 *key,
                        uint8_t out_blob[static CYAN_DEVICE_KEY_LEN])
{
    const uint8_t *const halves[HALF_COUNT] = {key->p, key->q, key->dp, key->dq, key->qinv};
    memcpy(out_blob, prefix, sizeof prefix);
    memcpy(out_blob + AT_N, wide_header, WIDE_HEADER);
    memcpy(out_blob + AT_N + WIDE_HEADER, key->n, CYAN_RSA1024_LEN);
    memcpy(out_blob + AT_EXPONENT, exponent, sizeof exponent);
    memcpy(out_blob + AT_D, wide_header, WIDE_HEADER);
    memcpy(out_blob + AT_D + WIDE_HEADER, key->d, CYAN_RSA1024_LEN);
    for (size_t i = 0; i < HALF_COUNT; i++) {
        uint8_t *at = out_blob + AT_P + i * HALF_STRIDE;
        memcpy(at, half_header, HALF_HEADER);
        memcpy(at + HALF_HEADER, halves[i], CYAN_RSA1024_HALF);
    }
}

/* Firmware looks at bit 0 of each length octet to see whether a leading 00 stands before the
 * value, and steps from there by the value's full width and the next header. The walk goes
 * furthest when every bit is set, which is the fixed-width form. */
void cyan_keyblob_crt(const uint8_t slot[static CYAN_DEVICE_KEY_SLOT], struct cyan_rsa_crt *out_crt)
{
    enum { N_LENGTH = 9, WIDE_TO_EXPONENT = 5 + 2, WIDE_TO_HALF = 1 };
    _Static_assert(CYAN_DEVICE_KEY_LEN <= CYAN_DEVICE_KEY_SLOT, "the walk stays inside");
    size_t at = N_LENGTH;                                            /* length octet of N */
    at += 1 + (slot[at] & 1U) + CYAN_RSA1024_LEN + WIDE_TO_EXPONENT; /* of D */
    at += 1 + (slot[at] & 1U) + CYAN_RSA1024_LEN + WIDE_TO_HALF;     /* of P */
    const uint8_t *halves[HALF_COUNT];
    for (size_t i = 0; i < HALF_COUNT; i++) {
        if (i > 0) {
            at += CYAN_RSA1024_HALF + 1;
        }
        at += 1 + (slot[at] & 1U);
        halves[i] = slot + at;
    }
    *out_crt = (struct cyan_rsa_crt){.p = halves[0],
                                     .q = halves[1],
                                     .dp = halves[2],
                                     .dq = halves[3],
                                     .qinv = halves[4],
                                     .half_len = CYAN_RSA1024_HALF};
}

int cyan_keyblob_check(const uint8_t slot[static CYAN_DEVICE_KEY_SLOT])
{
    if (slot[0] == 0xFF) {
        return CYAN_E_BLANK;
    }
    int good = memcmp(slot, prefix, sizeof prefix) == 0 &&
               memcmp(slot + AT_N, wide_header, WIDE_HEADER) == 0 &&
               memcmp(slot + AT_EXPONENT, exponent, sizeof exponent) == 0 &&
               memcmp(slot + AT_D, wide_header, WIDE_HEADER) == 0;
    for (size_t i = 0; i < HALF_COUNT && good; i++) {
        good = memcmp(slot + AT_P + i * HALF_STRIDE, half_header, HALF_HEADER) == 0;
    }
    return good ? 0 : CYAN_E_KEY_DAMAGED;
}

void cyan_device_spki_write(const uint8_t modulus[static CYAN_RSA1024_LEN],
                            uint8_t out_spki[static CYAN_DEVICE_SPKI_LEN])
{
    memcpy(out_spki, device_header, sizeof device_header);
    memcpy(out_spki + CYAN_DEVICE_SPKI_MODULUS, modulus, CYAN_RSA1024_LEN);
    memcpy(out_spki + CYAN_DEVICE_SPKI_MODULUS + CYAN_RSA1024_LEN, exponent, sizeof exponent);
}

void cyan_keyblob_spki(const uint8_t slot[static CYAN_DEVICE_KEY_SLOT],
                       uint8_t out_spki[static CYAN_DEVICE_SPKI_LEN])
{
    cyan_device_spki_write(slot + CYAN_DEVICE_KEY_MODULUS, out_spki);
}

static int modulus_is_sound(const uint8_t *n, size_t len)
{
    return (n[len - 1] & 1) == 1 && memcmp(n, n + 1, len - 1) != 0;
}

int cyan_device_spki_check(const uint8_t *spki, size_t len)
{
    int good = len == CYAN_DEVICE_SPKI_LEN &&
               memcmp(spki, device_header, sizeof device_header) == 0 &&
               memcmp(spki + len - sizeof exponent, exponent, sizeof exponent) == 0 &&
               modulus_is_sound(spki + CYAN_DEVICE_SPKI_MODULUS, CYAN_RSA1024_LEN);
    return good ? 0 : CYAN_E_KEY_DAMAGED;
}

int cyan_server_spki_check(const uint8_t *spki, size_t len)
{
    int good = len == CYAN_SERVER_SPKI_LEN &&
               memcmp(spki, server_header, sizeof server_header) == 0 &&
               memcmp(spki + len - sizeof exponent, exponent, sizeof exponent) == 0 &&
               modulus_is_sound(spki + CYAN_SERVER_SPKI_MODULUS, CYAN_RSA2048_LEN) &&
               (spki[CYAN_SERVER_SPKI_MODULUS] & 0x80) != 0;
    return good ? 0 : CYAN_E_KEY_DAMAGED;
}
