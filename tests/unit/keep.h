/* keep.h - connections of one shard (yard.h) whose owners note everything, and a peer at the other
 * end of the first one. */
#ifndef CYAN_TESTS_KEEP_H
#define CYAN_TESTS_KEEP_H

#include "server/net/conn.h"
#include "tests/unit/peer.h"
#include "tests/unit/yard.h"

enum { KEEP_STREAM_MAX = 200 * 1024, KEEP_ENDS_MAX = 4, KEEP_OWNERS_MAX = 1000 };

/* The owner of a connection. It stays when that has gone, so that a test can look at it. */
struct owner {
    struct conn conn; /* first */
    uint8_t got[KEEP_STREAM_MAX];
    size_t got_len, most_at_once;
    size_t want;
    unsigned ends;
    int end_errs[KEEP_ENDS_MAX];
    bool close_on_bytes;
};

struct keep {
    struct yard yard;
    struct peer peer;
    struct owner *owner; /* of the last connection */
    struct owner *owners[KEEP_OWNERS_MAX];
    unsigned accepted, refused, closed;
    unsigned refuse_next; /* so many times there is no memory for a connection */
};

extern struct keep keep;

/* Fixtures of cmocka. */
int keep_set_up(void **state);
int keep_tear_down(void **state);

/* Another peer; the one before is closed by the test. */
void keep_open_peer(void);

/* The last owner writes a frame of len bytes that counts on from *at; false without room. */
bool keep_put_frame(size_t len, uint8_t *at);
/* The peer has, or gets, exactly len bytes that count on from 0. */
void keep_expect_stream(size_t len);

#endif
