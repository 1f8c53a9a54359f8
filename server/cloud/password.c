#include "server/cloud/password.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/secret.h"

enum {
    HASH_LEN = 32,
    LOG2N = 15,
    R = 8,
    P = 1,
    LOG2N_MAX = 18, /* of a text that is read: 256 MiB */
    R_MAX = 8,
    P_MAX = 4,
};

struct scrypt {
    unsigned log2n, r, p;
    uint8_t salt[PASSWORD_SALT_LEN];
    uint8_t hash[HASH_LEN];
};

static int derive(const char *password, const struct scrypt *s, uint8_t out_hash[static HASH_LEN])
{
    uint64_t n = (uint64_t)1 << s->log2n;
    /* What RFC 7914 needs, and something over. */
    uint64_t memory = 128u * s->r * (n + s->p + 2) + 65536;
    int ok = EVP_PBE_scrypt(password, strlen(password), s->salt, sizeof s->salt, n, s->r, s->p,
                            memory, out_hash, HASH_LEN);
    return ok == 1 ? 0 : CYAN_E_NO_MEMORY;
}

int password_hash(const char *password, const uint8_t salt[static PASSWORD_SALT_LEN],
                  char out_text[static PASSWORD_TEXT_MAX + 1])
{
    struct scrypt s = {.log2n = LOG2N, .r = R, .p = P};
    char salt_text[2 * PASSWORD_SALT_LEN + 1];
    char hash_text[2 * HASH_LEN + 1];
    memcpy(s.salt, salt, sizeof s.salt);
    int status = derive(password, &s, s.hash);
    if (status == 0) {
        cyan_hex_encode(s.salt, sizeof s.salt, salt_text);
        cyan_hex_encode(s.hash, sizeof s.hash, hash_text);
        snprintf(out_text, PASSWORD_TEXT_MAX + 1, "scrypt$%u$%u$%u$%s$%s", s.log2n, s.r, s.p,
                 salt_text, hash_text);
    }
    cyan_wipe(&s, sizeof s);
    cyan_wipe(hash_text, sizeof hash_text);
    return status;
}

/* A number from 1 to max and the '$' behind it. */
static bool take_number(const char **text, unsigned max, unsigned *out_value)
{
    char *end = NULL;
    unsigned long value = strtoul(*text, &end, 10);
    if (end == *text || *end != '$' || value < 1 || value > max) {
        return false;
    }
    *out_value = (unsigned)value;
    *text = end + 1;
    return true;
}

static int parse(const char *text, struct scrypt *out_scrypt)
{
    static const char word[] = "scrypt$";
    if (strncmp(text, word, sizeof word - 1) != 0) {
        return CYAN_E_CORRUPT;
    }
    text += sizeof word - 1;
    struct scrypt s;
    if (!take_number(&text, LOG2N_MAX, &s.log2n) || !take_number(&text, R_MAX, &s.r) ||
        !take_number(&text, P_MAX, &s.p) || strlen(text) != sizeof s.salt * 2 + 1 + HASH_LEN * 2 ||
        cyan_hex_decode(text, sizeof s.salt * 2, s.salt, sizeof s.salt) != 0 ||
        text[sizeof s.salt * 2] != '$' ||
        cyan_hex_decode(text + sizeof s.salt * 2 + 1, HASH_LEN * 2, s.hash, HASH_LEN) != 0) {
        return CYAN_E_CORRUPT;
    }
    *out_scrypt = s;
    return 0;
}

int password_check(const char *password, const char *text)
{
    struct scrypt s = {.log2n = LOG2N, .r = R, .p = P};
    uint8_t hash[HASH_LEN];
    int status = text ? parse(text, &s) : 0;
    if (status == 0) {
        status = derive(password, &s, hash);
    }
    if (status == 0 && (!cyan_ct_equal(hash, s.hash, HASH_LEN) || !text)) {
        status = CYAN_E_REFUSED;
    }
    cyan_wipe(&s, sizeof s);
    cyan_wipe(hash, sizeof hash);
    return status;
}
