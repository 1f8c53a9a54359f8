/* tokens.h - making access tokens: 160 random bits each, of which the store keeps a hash.
 *
 * A grant is a pair: the access token, and the refresh token that trades the pair for a new one
 * and lives twice as long. */
#ifndef CYAN_SERVER_CLOUD_TOKENS_H
#define CYAN_SERVER_CLOUD_TOKENS_H

#include "server/cloud/accounts.h"
#include "server/store/store.h"

enum { TOKEN_PAIRS_MAX = 1000 }; /* of an account; the oldest go */

/* Secrets: wipe it. */
struct token_pair {
    struct grant grant;
    struct store_token access, refresh;
};

/* Whether a token may live this long: seconds, 0 for ever. CYAN_E_INVALID: below 0 or more than 100
 * years. */
int token_life_check(int64_t expires_in) CYAN_MUST_CHECK;

/* The account is filled in later. CYAN_E_INVALID, CYAN_E_RANDOM, CYAN_E_CRYPTO. */
int token_pair_make(const struct cyan_crypto *crypto, const char *client, int64_t expires_in,
                    int64_t now_ms, struct token_pair *out_pair) CYAN_MUST_CHECK;

/* Gives an existing pair another life. CYAN_E_INVALID. */
int token_pair_live(struct token_pair *pair, int64_t expires_in) CYAN_MUST_CHECK;

/* On the worker: writes both for an account, and drops what is too old or too many. */
int token_pair_save(const struct store *store, struct token_pair *pair,
                    uint32_t account) CYAN_MUST_CHECK;

/* What the store knows a token by. CYAN_E_NOT_FOUND: no token has this form. */
int token_hash(const struct cyan_crypto *crypto, const char *token,
               uint8_t out_hash[static CYAN_SHA256_LEN]) CYAN_MUST_CHECK;

#endif
