#include "keys/audit_chain.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"

enum { NUMBERS_MAX = 3 * 22 + CYAN_ID_TEXT + 4 };

static const char context[] = "cyan-audit-v1";

struct part {
    const void *data;
    size_t len;
};

static int digest(const struct part *parts, size_t count, uint8_t out[static CYAN_SHA256_LEN])
{
    uint8_t made[CYAN_SHA256_LEN];
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;
    for (size_t i = 0; i < count && ok; i++) {
        ok = EVP_DigestUpdate(ctx, parts[i].data, parts[i].len) == 1;
    }
    ok = ok && EVP_DigestFinal_ex(ctx, made, NULL) == 1;
    EVP_MD_CTX_free(ctx);
    if (!ok) {
        return CYAN_E_CRYPTO;
    }
    memcpy(out, made, sizeof made);
    return 0;
}

int cyan_audit_row_hash(const struct cyan_audit_row *row, uint8_t out_row[static CYAN_SHA256_LEN])
{
    char numbers[NUMBERS_MAX];
    char device[CYAN_ID_TEXT] = "";
    if (strchr(row->action, '\n') || strchr(row->by, '\n') || strchr(row->detail, '\n')) {
        return CYAN_E_INVALID;
    }
    if (row->device) {
        cyan_hex_encode(row->device, CYAN_ID_LEN, device);
    }
    int len = snprintf(numbers, sizeof numbers, "%" PRId64 "\n%" PRId64 "\n%" PRIu32 "\n%s\n",
                       row->seq, row->at_ms, row->account, device);
    const struct part parts[] = {
        {numbers, (size_t)len},
        {row->action, strlen(row->action)},
        {"\n", 1},
        {row->by, strlen(row->by)},
        {"\n", 1},
        {row->detail, strlen(row->detail)},
    };
    return digest(parts, sizeof parts / sizeof parts[0], out_row);
}

int cyan_audit_head(const uint8_t prev[static CYAN_SHA256_LEN],
                    const uint8_t row[static CYAN_SHA256_LEN],
                    uint8_t out_head[static CYAN_SHA256_LEN])
{
    const struct part parts[] = {
        {context, sizeof context - 1}, {prev, CYAN_SHA256_LEN}, {row, CYAN_SHA256_LEN}};
    return digest(parts, sizeof parts / sizeof parts[0], out_head);
}
