/* letters.h - what hub and shards write to each other (server/net/mail.h). Inside cloud/. */
#ifndef CYAN_SERVER_CLOUD_LETTERS_H
#define CYAN_SERVER_CLOUD_LETTERS_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/crypto.h"
#include "server/net/conn.h"
#include "wire/handshake.h"
#include "wire/hello.h"
#include "wire/limits.h"

enum letter {
    /* shard to hub */
    LETTER_JUDGE = 1,
    LETTER_PROVEN,
    LETTER_GONE,
    LETTER_EVENT, /* both ways */
    LETTER_HEARD,
    LETTER_REPLY,
    LETTER_SUBSCRIBED, /* no body */
    /* hub to shard */
    LETTER_JUDGED,
    LETTER_ADMITTED,
    LETTER_CLOSE,
    LETTER_CALL,
    LETTER_STOP, /* no body */
};

struct letter_judge {
    uint64_t serial;
    struct cyan_claim claim;
    char address[CONN_ADDRESS_TEXT];
};

struct letter_proven {
    uint64_t serial;
    struct cyan_hello hello;
    uint8_t id[CYAN_ID_LEN];
    uint8_t fingerprint[CYAN_SHA256_LEN];
    char address[CONN_ADDRESS_TEXT];
};

struct letter_gone {
    uint64_t serial;
    uint8_t id[CYAN_ID_LEN];
};

struct letter_heard {
    uint8_t id[CYAN_ID_LEN];
};

struct letter_event { /* the name with its NUL follows, then the data */
    uint32_t owner;
    uint32_t ttl;
    uint16_t name_len;
    uint16_t data_len;
    bool is_private;
    bool about_device;
    uint8_t id[CYAN_ID_LEN];
};

struct letter_reply { /* the bytes follow */
    uint64_t call;
    int32_t status;
    int32_t result;
    uint32_t type;
    uint32_t len;
};

struct letter_judged {
    uint64_t serial;
    uint32_t verdict;
    uint8_t modulus[CYAN_RSA1024_LEN];
    uint8_t fingerprint[CYAN_SHA256_LEN];
};

struct letter_admitted {
    uint64_t serial;
    uint32_t verdict;
    uint32_t owner;
    uint8_t id[CYAN_ID_LEN];
};

struct letter_close {
    uint64_t serial;
    uint32_t why; /* enum session_end */
};

struct letter_call { /* name and argument follow, each with its NUL */
    uint64_t call;
    uint32_t kind; /* enum request_kind */
    uint16_t name_len;
    uint16_t argument_len;
    bool on;
    uint8_t id[CYAN_ID_LEN];
};

#endif
