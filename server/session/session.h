/* session.h - the handshake and the cipher of one connection.
 *
 * A session begins with the nonce and ends with the connection. It asks custody twice: judge,
 * when the request is deciphered, and proven, when a strict Hello has deciphered; what it is told
 * decides: full, held (proven, but not trusted: docs/SPEC-custody.md, "Held sessions"), or refused.
 * All RSA work of a shard goes through one queue in slices (rsa_queue.h). One thread: its
 * shard's. */
#ifndef CYAN_SERVER_SESSION_SESSION_H
#define CYAN_SERVER_SESSION_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/crypto.h"
#include "server/net/conn.h"
#include "server/net/shard.h"
#include "server/net/table.h"
#include "server/session/rsa_queue.h"
#include "wire/cipher.h"
#include "wire/coap.h"
#include "wire/handshake.h"
#include "wire/hello.h"

enum {
    SESSION_IDLE_MS = 31000,      /* two pings of a device and a little; protocol-tcp §3.8 */
    SESSION_REQUEST_MS = 20000,   /* to send the 256 bytes; a device waits as long for ours */
    SESSION_HELLO_MS = 20000,     /* from our answer to its Hello */
    SESSION_OURS_MS = 20000,      /* for our answer, or our Hello: later nobody waits for it */
    SESSION_HANDSHAKES_MAX = 4096 /* a shard; then the one silent for longest makes room */
};

enum session_verdict { SESSION_REFUSE, SESSION_HELD, SESSION_FULL };

enum session_state {
    SESSION_REQUEST,   /* the nonce is sent; reading 256 bytes */
    SESSION_OPENING,   /* in the RSA queue, to be deciphered */
    SESSION_JUDGING,   /* custody was asked */
    SESSION_ANSWERING, /* in the RSA queue, to be signed */
    SESSION_HELLO,     /* the answer is sent; reading the Hello */
    SESSION_PROVING,   /* custody was told; nothing is read */
    SESSION_LIVE,
    SESSION_CLOSING,
};

/* Why a session ended; one word each for the log. Bad padding, length and nonce are one. */
enum session_end {
    SESSION_END_PEER,             /* the device closed */
    SESSION_END_SILENT,           /* no request in time */
    SESSION_END_TRUNCATED,        /* closed within the request */
    SESSION_END_HUNG_UP,          /* closed after the nonce without a byte: its copy of our key */
    SESSION_END_NOT_DECIPHERABLE, /* the request */
    SESSION_END_REFUSED,          /* by custody */
    SESSION_END_DROPPED_OUR_KEY,  /* closed after our answer: it cannot use it */
    SESSION_END_BAD_HELLO,        /* the first message is no strict Hello */
    SESSION_END_BAD_FRAME,        /* bad length, padding or CoAP in a live session */
    SESSION_END_TIMEOUT,          /* no Hello in time, or idle */
    SESSION_END_DISPLACED,        /* a newer session of the device */
    SESSION_END_KEY_CHANGED,      /* its key is no longer trusted */
    SESSION_END_FLOOD,            /* made room for others */
    SESSION_END_STOPPED,          /* the server ends */
    SESSION_END_SLOW,             /* it does not read what we send */
    SESSION_END_INTERNAL,         /* memory, a library or the store failed */
};

struct session;
struct sessions;

/* What the layers above hear. judge and proven answer later, through session_judged and
 * session_admitted with the same serial, or not at all when the session is gone by then. */
struct session_ops {
    void *arg;
    void (*judge)(void *arg, uint64_t serial, const struct cyan_claim *claim, const char *address);
    void (*proven)(void *arg, uint64_t serial, const uint8_t id[static CYAN_ID_LEN],
                   const uint8_t fingerprint[static CYAN_SHA256_LEN],
                   const struct cyan_hello *hello, const char *address);
    /* Full from now on; set session->user. The session was told of owner by session_admitted. */
    void (*live)(void *arg, struct session *session, const struct cyan_hello *hello,
                 uint32_t owner);
    /* A message of a live session; borrowed for the call. */
    void (*message)(void *arg, struct session *session, const struct cyan_coap *msg);
    /* A session that was live has ended; it is gone after the call. Never from within a call of
     * these functions: always in a later turn of the loop. */
    void (*ended)(void *arg, struct session *session);
};

struct session {
    struct conn conn; /* first: the session is its owner */
    struct table_node by_serial;
    uint64_t serial; /* never used twice in this process; never 0 */
    struct wheel_timer timer;
    struct sessions *sessions;
    struct handshake *handshake; /* until it is live */
    uint8_t *partial;            /* a frame that has not arrived whole; NULL mostly */
    void *user;                  /* of the layer above, while live */
    uint64_t heard_ms;           /* loop time of the last byte */
    struct cyan_cipher cipher;
    uint8_t id[CYAN_ID_LEN];
    uint16_t partial_len;
    uint16_t next_id; /* of our messages */
    uint8_t state;    /* enum session_state */
    uint8_t end;      /* enum session_end */
    bool live;        /* it was full once */
};

/* All sessions of a shard. */
struct sessions {
    struct shard *shard;
    const struct cyan_crypto *crypto;
    const struct cyan_rsa_key *server_key;
    struct session_ops ops;
    struct table table; /* by serial */
    struct rsa_queue rsa;
    struct handshake *silent_first, *silent_last; /* waiting for their request, oldest first */
    size_t handshakes, handshakes_max; /* SESSION_HANDSHAKES_MAX, or what a test puts here */
    uint64_t next_serial;
    bool stopping;
    uint8_t message[CYAN_FRAME_MAX_TO_DEVICE]; /* the one being written */
    struct cyan_writer writer;
};

/* Borrows shard, crypto and key. serial_base: the shard's own range of serials. */
int sessions_init(struct sessions *sessions, struct shard *shard, const struct cyan_crypto *crypto,
                  const struct cyan_rsa_key *server_key, const struct session_ops *ops,
                  uint64_t serial_base);
/* Ends all sessions and accepts no more; their memory goes in later turns of the loop. */
void sessions_stop(struct sessions *sessions);
/* After the loop ended. */
void sessions_done(struct sessions *sessions);

/* NULL: gone. */
struct session *sessions_find(struct sessions *sessions, uint64_t serial);

/* Custody's answers. modulus: encrypt to this key, whose fingerprint proven will name. */
void session_judged(struct sessions *sessions, uint64_t serial, enum session_verdict verdict,
                    const uint8_t *modulus, const uint8_t *fingerprint);
void session_admitted(struct sessions *sessions, uint64_t serial, enum session_verdict verdict,
                      uint32_t owner);

/* Writing: begin gives the writer of one message and its id; send seals what it holds. A message
 * that did not fit is not sent: CYAN_E_TOO_LONG. CYAN_E_CLOSED when the session is ending. */
struct cyan_writer *session_begin(struct session *session);
uint16_t session_new_id(struct session *session);
int session_send(struct session *session);

void session_close(struct session *session, enum session_end why);

/* Inside session/: ends the session after delay_ms, or looks again if it was heard meanwhile. */
void session_watch(struct session *session, uint64_t delay_ms);

/* One word, such as "not-decipherable". Static. */
const char *session_end_name(enum session_end end);

#endif
