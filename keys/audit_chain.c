#include "keys/audit_chain.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const char prefix[] = "cyan-audit-v1";

int cyan_audit_row(const struct cyan_audit_row *row, uint8_t out[static CYAN_SHA256_LEN])
{
    enum { TEXTS = 4, NUMBERS_MAX = 64 };
    const char *const texts[TEXTS] = {row->device, row->action, row->by, row->detail};
    char numbers[NUMBERS_MAX];
    uint8_t digest[EVP_MAX_MD_SIZE];
    for (size_t i = 0; i < TEXTS; i++) {
        if (texts[i] && strchr(texts[i], '\n')) {
            return CYAN_E_INVALID;
        }
    }
    int len = snprintf(numbers, sizeof numbers, "%" PRIu64 "\n%" PRId64 "\n%" PRId64, row->seq,
                       row->at_ms, row->account);
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    bool good = hash && EVP_DigestInit_ex(hash, EVP_sha256(), NULL) == 1 &&
                EVP_DigestUpdate(hash, numbers, (size_t)len) == 1;
    for (size_t i = 0; good && i < TEXTS; i++) {
        const char *text = texts[i] ? texts[i] : "";
        good =
            EVP_DigestUpdate(hash, "\n", 1) == 1 && EVP_DigestUpdate(hash, text, strlen(text)) == 1;
    }
    good = good && EVP_DigestFinal_ex(hash, digest, NULL) == 1;
    EVP_MD_CTX_free(hash);
    if (!good) {
        return CYAN_E_CRYPTO;
    }
    memcpy(out, digest, CYAN_SHA256_LEN);
    return 0;
}

int cyan_audit_head(const uint8_t prev[static CYAN_SHA256_LEN],
                    const uint8_t row[static CYAN_SHA256_LEN], uint8_t out[static CYAN_SHA256_LEN])
{
    enum { PREFIX_LEN = sizeof prefix - 1 };
    uint8_t text[PREFIX_LEN + 2 * CYAN_SHA256_LEN], digest[CYAN_SHA256_LEN];
    memcpy(text, prefix, PREFIX_LEN);
    memcpy(text + PREFIX_LEN, prev, CYAN_SHA256_LEN);
    memcpy(text + PREFIX_LEN + CYAN_SHA256_LEN, row, CYAN_SHA256_LEN);
    if (EVP_Digest(text, sizeof text, digest, NULL, EVP_sha256(), NULL) != 1) {
        return CYAN_E_CRYPTO;
    }
    memcpy(out, digest, sizeof digest);
    return 0;
}
