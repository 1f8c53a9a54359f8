#include "keys/fingerprint.h"

#include <openssl/evp.h>
#include <string.h>

#include "base/hex.h"
#include "crypto/crypto.h"

int cyan_fingerprint_make(const uint8_t *spki, size_t len,
                          char out_text[static CYAN_FINGERPRINT_TEXT])
{
    uint8_t digest[CYAN_SHA256_LEN];
    if (EVP_Digest(spki, len, digest, NULL, EVP_sha256(), NULL) != 1) {
        return CYAN_E_CRYPTO;
    }
    cyan_hex_encode(digest, sizeof digest, out_text);
    return 0;
}

void cyan_fingerprint_shorten(const char full[static CYAN_FINGERPRINT_TEXT],
                              char out_short[static CYAN_FINGERPRINT_SHORT])
{
    enum { GROUP = 4, GROUPS = 4 };
    for (size_t i = 0; i < GROUPS; i++) {
        char *at = out_short + i * (GROUP + 1);
        memcpy(at, full + i * GROUP, GROUP);
        at[GROUP] = i + 1 < GROUPS ? '-' : '\0';
    }
}
