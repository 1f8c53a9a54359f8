/* statements.h - every statement that the SQLite store prepares, by name; its text and the order
 * of its parameters and columns are in statements.c. */
#ifndef CYAN_SERVER_STORE_STATEMENTS_H
#define CYAN_SERVER_STORE_STATEMENTS_H

enum statement {
    ST_BEGIN,
    ST_COMMIT,
    ST_ROLLBACK,
    ST_SAVEPOINT,
    ST_RELEASE,
    ST_ROLLBACK_TO,
    ST_META_GET,
    ST_META_SET,
    ST_ACCOUNT_COUNT,
    ST_ACCOUNT_ADD,
    ST_ACCOUNT_GET,
    ST_ACCOUNT_FIND,
    ST_TOKEN_ADD,
    ST_TOKEN_GET,
    ST_PAIR_REMOVE,
    ST_TOKENS_TRIM_EXPIRED,
    ST_TOKENS_TRIM_OLDEST,
    ST_DEVICE_COUNT,
    ST_DEVICE_ADD,
    ST_DEVICE_GET,
    ST_DEVICE_FIND,
    ST_DEVICE_EACH,
    ST_DEVICE_HELLO,
    ST_DEVICE_HEARD,
    ST_DEVICE_COUNT_WITH_SERVER_KEY,
    ST_DEVICE_ASSUME_SERVER_KEY,
    ST_KEY_TRUSTED,
    ST_KEY_RETIRE,
    ST_KEY_PUT,
    ST_KEY_SEEN,
    ST_COUNT,
};

extern const char *const statement_text[ST_COUNT];

#endif
