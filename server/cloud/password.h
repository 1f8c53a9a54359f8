/* password.h - passwords as scrypt (RFC 7914) in one text that carries its parameters:
 * scrypt$LOG2N$R$P$SALT$HASH, salt and hash in hexadecimal. Costs 32 MiB and some 100 ms of a
 * core; any thread. */
#ifndef CYAN_SERVER_CLOUD_PASSWORD_H
#define CYAN_SERVER_CLOUD_PASSWORD_H

#include <stdint.h>

#include "base/err.h"

enum {
    PASSWORD_SALT_LEN = 16,
    PASSWORD_TEXT_MAX = 120,
};

/* CYAN_E_NO_MEMORY. */
int password_hash(const char *password, const uint8_t salt[static PASSWORD_SALT_LEN],
                  char out_text[static PASSWORD_TEXT_MAX + 1]) CYAN_MUST_CHECK;

/* Whether the password is the one of the text. text NULL: nobody's; takes as long as any other.
 * CYAN_E_REFUSED: no; CYAN_E_CORRUPT: not such a text; CYAN_E_NO_MEMORY. */
int password_check(const char *password, const char *text) CYAN_MUST_CHECK;

#endif
