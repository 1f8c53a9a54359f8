/* upper.h - the layers above sessions, as a test wants them: they note what they hear, and answer
 * judge and proven as they were told, in a later turn. One shard with its sessions comes with it.
 */
#ifndef CYAN_TESTS_UPPER_H
#define CYAN_TESTS_UPPER_H

#include "server/session/session.h"
#include "tests/unit/peer.h"
#include "tests/unit/yard.h"

enum upper_answer { UPPER_FULL, UPPER_REFUSE, UPPER_SILENT, UPPER_HELD };

enum { UPPER_PENDING_MAX = 256, UPPER_SERIAL_BASE = 7000 };

struct upper {
    struct yard yard;
    struct sessions sessions;
    struct cyan_crypto crypto;      /* of the sessions: the yard's, but for what a test changes */
    enum upper_answer judge, admit; /* what will be answered */
    const char *device;             /* whose key is encrypted to: "device" at first */
    uint32_t owner;
    struct session_ops above; /* its live, held, message and ended are called too, if there */

    /* How often they were called; judge for nobody counts apart. */
    unsigned judged, nobodies, proven, lived, held, heard, ended, failures;
    struct cyan_claim claim; /* of the last judge */
    char address[CONN_ADDRESS_TEXT];
    struct cyan_hello hello; /* of the last proven */
    uint8_t id[CYAN_ID_LEN], fingerprint[CYAN_SHA256_LEN];
    uint8_t nonce[CYAN_NONCE_LEN], server_key;
    uint64_t serial;                /* of the last of both */
    struct session *session;        /* the last one that went live or was held, until it ended */
    struct session_failure failure; /* the last one; what it points to: */
    uint8_t failed_id[CYAN_ID_LEN], failed_fingerprint[CYAN_SHA256_LEN];
    char failed_address[CONN_ADDRESS_TEXT];
    enum session_end end; /* of the last one that ended */
    uint16_t message_id;  /* of the last message */
    uint32_t message_sum; /* of all ids, in an order that matters */

    struct {
        uint64_t serial;
        bool proven;
    } pending[UPPER_PENDING_MAX];
    size_t pending_count;
};

/* How many keys of its own the server has from the next upper_open on: 1 or 2. */
extern size_t upper_server_keys;

void upper_open(struct upper *upper);
/* Stops the sessions too, unless the test has. */
void upper_close(struct upper *upper);

void upper_peer(struct upper *upper, struct peer *peer, uint8_t id_byte);
/* One that has a live session; our Hello is taken. */
void upper_live_peer(struct upper *upper, struct peer *peer, uint8_t id_byte, bool is_b);

/* Gives the answers that wait; it happens by itself after every turn. */
void upper_answer_pending(void *arg);

/* Everything that is written to the log between start and stop, as text; static. */
void upper_log_start(void);
const char *upper_log_stop(void);

#endif
