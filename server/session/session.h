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
#include "server/session/admission.h"
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
    SESSION_FAIL_MS = 200,        /* from a request to its close, whatever was wrong with it */
    SESSION_HANDSHAKES_MAX = 4096 /* a shard; then the one silent for longest makes room */
};

enum {
    SESSION_SERVER_KEYS = 2, /* the present one and the one before */
    SESSION_SENT_KEPT = 4,   /* frames of ours that are known again when they come back */
    SESSION_SENT_BYTES = 8,  /* of each: the front of its first block */
};

enum session_verdict { SESSION_REFUSE, SESSION_HELD, SESSION_FULL };

enum session_state {
    SESSION_REQUEST,   /* the nonce is sent; reading 256 bytes */
    SESSION_OPENING,   /* in the RSA queue, to be deciphered */
    SESSION_JUDGING,   /* custody was asked */
    SESSION_FAILING,   /* refused: closes when SESSION_FAIL_MS have passed since the request */
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
    SESSION_END_PROMOTED,         /* held, now trusted: it comes back full and says all again */
    SESSION_END_FLOOD,            /* made room for others */
    SESSION_END_STOPPED,          /* the server ends */
    SESSION_END_SLOW,             /* it does not read what we send */
    SESSION_END_INTERNAL,         /* memory, a library or the store failed */
};

struct session;
struct sessions;

/* A request that waits for custody's judgement. One that could not be deciphered asks too, as
 * nobody with an id and a key made of random bytes, so that it takes the same road as any other
 * that is refused; whatever is answered, it fails. */
struct session_question {
    uint64_t serial;
    bool is_nobody;
    const struct cyan_claim *claim;
    const char *address;
};

/* A strict Hello: the device holds the key that the answer was encrypted to. */
struct session_proof {
    uint64_t serial;
    uint8_t server_key;         /* which of ours deciphered: 0 the present one, 1 the one before */
    const uint8_t *nonce;       /* CYAN_NONCE_LEN */
    const uint8_t *id;          /* CYAN_ID_LEN */
    const uint8_t *fingerprint; /* CYAN_SHA256_LEN */
    const struct cyan_claim *claim;
    const struct cyan_hello *hello;
    const char *address;
};

/* An end that is worth an incident. */
struct session_failure {
    uint64_t serial;
    enum session_end end;
    enum session_state stage;   /* in which it happened */
    bool was_live;              /* full or held before */
    const uint8_t *id;          /* as claimed, or of the live session; NULL: unknown */
    const uint8_t *fingerprint; /* of the key that was answered; NULL: no answer was made */
    const char *address;
};

/* What the layers above hear; everything that is pointed to is borrowed for the call. judge and
 * proven answer later, through session_judged and session_admitted with the same serial, or not
 * at all when the session is gone by then. */
struct session_ops {
    void *arg;
    void (*judge)(void *arg, const struct session_question *question);
    void (*proven)(void *arg, const struct session_proof *proof);
    /* Full from now on; set session->user. The session was told of owner by session_admitted. */
    void (*live)(void *arg, struct session *session, const struct cyan_hello *hello,
                 uint32_t owner);
    /* Held from now on, until it ends or session_promoted is called; set session->user. */
    void (*held)(void *arg, struct session *session, const struct cyan_hello *hello);
    /* A message of a full or held session. */
    void (*message)(void *arg, struct session *session, const struct cyan_coap *msg);
    /* A session that was full or held has ended; it is gone after the call. Never from within a
     * call of these functions: always in a later turn of the loop. */
    void (*ended)(void *arg, struct session *session);
    /* A handshake or session ends, or just has, in a way that is worth an incident. Once a session
     * at most, and never for what custody refused, nor for what says nothing: a live device that
     * left or fell silent, or an end of our own making. */
    void (*failed)(void *arg, const struct session_failure *failure);
};

struct session {
    struct conn conn; /* first: the session is its owner */
    struct table_node by_serial;
    uint64_t serial; /* never used twice in this process; never 0 */
    struct wheel_timer timer;
    struct sessions *sessions;
    struct handshake *handshake; /* until frames flow */
    uint8_t *partial;            /* a frame that has not arrived whole; NULL mostly */
    void *user;                  /* of the layer above, while frames flow */
    uint64_t heard_ms;           /* loop time of the last byte */
    struct cyan_cipher cipher;
    uint8_t id[CYAN_ID_LEN];
    uint8_t fingerprint[CYAN_SHA256_LEN]; /* of the key that the answer was encrypted to */
    uint8_t sent[SESSION_SENT_KEPT][SESSION_SENT_BYTES]; /* the last frames of ours, in a ring */
    uint16_t partial_len;
    uint16_t next_id;  /* of our messages */
    uint8_t sent_next; /* the place in the ring of the next one */
    uint8_t state;     /* enum session_state */
    uint8_t end;       /* enum session_end */
    bool live;         /* frames flow, or did: full or held */
    bool held;         /* its key is proven, but not trusted */
};

/* All sessions of a shard. */
struct sessions {
    struct shard *shard;
    const struct cyan_crypto *crypto;
    const struct cyan_rsa_key *server_keys[SESSION_SERVER_KEYS];
    size_t server_key_count;
    struct session_ops ops;
    struct table table; /* by serial */
    struct rsa_queue rsa;
    struct admission admission;
    struct handshake *silent_first, *silent_last; /* waiting for their request, oldest first */
    size_t handshakes, handshakes_max; /* SESSION_HANDSHAKES_MAX, or what a test puts here */
    uint64_t next_serial;
    bool stopping;
    uint8_t message[CYAN_FRAME_MAX_TO_DEVICE]; /* the one being written */
    struct cyan_writer writer;
};

/* Borrows shard, crypto and keys: the present one first, then the one before, if there is one. A
 * request is tried with every key. serial_base: the shard's own range of serials. */
int sessions_init(struct sessions *sessions, struct shard *shard, const struct cyan_crypto *crypto,
                  const struct cyan_rsa_key *const *server_keys, size_t server_key_count,
                  const struct session_ops *ops, uint64_t serial_base);
/* Ends all sessions and accepts no more; their memory goes in later turns of the loop. */
void sessions_stop(struct sessions *sessions);
/* After the loop ended. */
void sessions_done(struct sessions *sessions);

/* NULL: gone. */
struct session *sessions_find(struct sessions *sessions, uint64_t serial);

/* Custody's answers. modulus: encrypt to this key, whose fingerprint proven will name; not read
 * when the verdict is to refuse. owner: of a full session. */
void session_judged(struct sessions *sessions, uint64_t serial, enum session_verdict verdict,
                    const uint8_t *modulus, const uint8_t *fingerprint);
void session_admitted(struct sessions *sessions, uint64_t serial, enum session_verdict verdict,
                      uint32_t owner);

/* A held session is full from now on. */
void session_promoted(struct session *session);

/* Writing: begin gives the writer of one message and its id; send seals what it holds. A message
 * that did not fit is not sent: CYAN_E_TOO_LONG. CYAN_E_CLOSED when the session is ending. */
struct cyan_writer *session_begin(struct session *session);
uint16_t session_new_id(struct session *session);
int session_send(struct session *session);

void session_close(struct session *session, enum session_end why);

/* Inside session/: refuses a request. The close comes when SESSION_FAIL_MS have passed since the
 * request was whole, or at once when they have: never sooner for one reason than for another, since
 * to tell those apart is to use our key (docs/DESIGN.md, "One failure"). */
void session_fail(struct session *session);
/* Inside session/: a full session is, or was, at its address. */
void session_note_good(struct session *session);
/* Inside session/: says in the log, or to ops.failed, that the session ends. */
void session_tell_end(struct session *session);

/* Inside session/: ends the session after delay_ms, or looks again if it was heard meanwhile. */
void session_watch(struct session *session, uint64_t delay_ms);

/* One word, such as "not-decipherable". Static. */
const char *session_end_name(enum session_end end);

#endif
