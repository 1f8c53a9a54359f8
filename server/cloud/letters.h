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
    LETTER_FAILED,     /* a handshake or a session ended in a way that is worth an incident */
    LETTER_HELD_EVENT, /* a held session says something that is read at once; a letter_held_event */
    LETTER_PROMOTED,   /* a session is full, and what was kept aside went before; a letter_gone */
    /* hub to shard */
    LETTER_JUDGED,
    LETTER_ADMITTED,
    LETTER_CLOSE,
    LETTER_CALL,
    LETTER_PROMOTE, /* a held session becomes full */
    LETTER_OWNER,   /* a full session belongs to somebody else */
    LETTER_STOP,    /* no body */
};

/* A request that could not be deciphered takes the same road, with is_nobody and an id of random
 * bytes: custody looks it up like any other and refuses. */
struct letter_judge {
    uint64_t serial;
    bool is_nobody;
    struct cyan_claim claim;
    char address[CONN_ADDRESS_TEXT];
};

struct letter_proven {
    uint64_t serial;
    struct cyan_hello hello;
    struct cyan_claim claim;
    uint8_t server_key; /* which of the server's keys deciphered: 0 the present, 1 the one before */
    uint8_t nonce[CYAN_NONCE_LEN];
    uint8_t id[CYAN_ID_LEN];
    uint8_t fingerprint[CYAN_SHA256_LEN];
    char address[CONN_ADDRESS_TEXT];
};

/* A session that was full or held has ended. */
struct letter_gone {
    uint64_t serial;
    uint8_t id[CYAN_ID_LEN];
};

/* At most one a connection, and none for ends that say nothing (closed by a live device, stopped,
 * displaced, key changed, refused: of that custody knows more). */
struct letter_failed {
    uint64_t serial;
    uint8_t end;   /* enum session_end */
    uint8_t stage; /* enum session_state in which it happened */
    bool has_id;   /* claimed in the request, or that of the live session */
    bool was_live; /* full or held before */
    bool has_fingerprint;
    uint8_t id[CYAN_ID_LEN];
    uint8_t fingerprint[CYAN_SHA256_LEN]; /* of the key that the answer was encrypted to */
    char address[CONN_ADDRESS_TEXT];
};

/* What a held session said of itself: a claim code, cyan/hello, cyan/proof, or its last reset
 * reason. The name with its NUL follows, then the data. */
struct letter_held_event {
    uint64_t serial;
    uint16_t name_len;
    uint16_t data_len;
    uint8_t id[CYAN_ID_LEN];
};

struct letter_promote {
    uint64_t serial;
    uint32_t owner;
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

struct letter_owner {
    uint32_t owner;
    uint8_t id[CYAN_ID_LEN];
};

struct letter_call { /* name and argument follow, each with its NUL */
    uint64_t call;
    uint64_t serial; /* of a held session: DESCRIBE, SIGNAL, PING and RESET only; 0: the full one */
    uint32_t kind;   /* enum request_kind */
    uint16_t name_len;
    uint16_t argument_len;
    bool on;
    uint8_t id[CYAN_ID_LEN];
};

#endif
