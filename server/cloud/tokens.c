#include "server/cloud/tokens.h"

#include <string.h>

#include "base/hex.h"
#include "base/secret.h"

enum {
    TOKEN_BYTES = TOKEN_LEN / 2,
    MS_PER_S = 1000,
    KEEP_EXPIRED_S = 30 * 86400, /* so long an old token is told to have expired */
};

static const int64_t life_max_s = (int64_t)100 * 365 * 86400;

static int make_one(const struct cyan_crypto *crypto, char out_text[static TOKEN_LEN + 1],
                    uint8_t out_hash[static CYAN_SHA256_LEN])
{
    uint8_t bytes[TOKEN_BYTES];
    int status = crypto->random(crypto->ctx, bytes, sizeof bytes);
    if (status == 0) {
        cyan_hex_encode(bytes, sizeof bytes, out_text);
        status = crypto->sha256(crypto->ctx, out_text, TOKEN_LEN, out_hash);
    }
    cyan_wipe(bytes, sizeof bytes);
    return status;
}

int token_life_check(int64_t expires_in)
{
    return expires_in < 0 || expires_in > life_max_s ? CYAN_E_INVALID : 0;
}

int token_pair_live(struct token_pair *pair, int64_t expires_in)
{
    int status = token_life_check(expires_in);
    if (status != 0) {
        return status;
    }
    int64_t life_ms = expires_in * MS_PER_S;
    pair->grant.expires_in = expires_in;
    pair->access.expires_ms = life_ms ? pair->access.created_ms + life_ms : 0;
    pair->refresh.expires_ms = life_ms ? pair->refresh.created_ms + 2 * life_ms : 0;
    return 0;
}

int token_pair_make(const struct cyan_crypto *crypto, const char *client, int64_t expires_in,
                    int64_t now_ms, struct token_pair *out_pair)
{
    struct token_pair pair = {.access.kind = STORE_TOKEN_ACCESS,
                              .refresh.kind = STORE_TOKEN_REFRESH};
    int64_t number = 0;
    int status = crypto->random(crypto->ctx, (uint8_t *)&number, sizeof number);
    if (status == 0) {
        status = make_one(crypto, pair.grant.access_token, pair.access.hash);
    }
    if (status == 0) {
        status = make_one(crypto, pair.grant.refresh_token, pair.refresh.hash);
    }
    pair.access.pair = pair.refresh.pair = number;
    pair.access.created_ms = pair.refresh.created_ms = now_ms;
    size_t len = strnlen(client, STORE_CLIENT_MAX);
    memcpy(pair.access.client, client, len);
    memcpy(pair.refresh.client, client, len);
    if (status == 0) {
        status = token_pair_live(&pair, expires_in);
    }
    if (status == 0) {
        *out_pair = pair;
    }
    cyan_wipe(&pair, sizeof pair);
    return status;
}

int token_pair_save(const struct store *store, struct token_pair *pair, uint32_t account)
{
    pair->access.account = pair->refresh.account = account;
    int status = store->token_add(store->ctx, &pair->access);
    if (status == 0) {
        status = store->token_add(store->ctx, &pair->refresh);
    }
    if (status == 0) {
        status = store->tokens_trim(store->ctx, account, TOKEN_PAIRS_MAX,
                                    pair->access.created_ms - (int64_t)KEEP_EXPIRED_S * MS_PER_S);
    }
    return status;
}

int token_hash(const struct cyan_crypto *crypto, const char *token,
               uint8_t out_hash[static CYAN_SHA256_LEN])
{
    if (strlen(token) != TOKEN_LEN || strspn(token, "0123456789abcdef") != TOKEN_LEN) {
        return CYAN_E_NOT_FOUND;
    }
    return crypto->sha256(crypto->ctx, token, TOKEN_LEN, out_hash);
}
