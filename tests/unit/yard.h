/* yard.h - one shard of cyand on the test's own thread: a real loop and real sockets on 127.0.0.1,
 * with a clock that the test moves. What fails here fails the running test. */
#ifndef CYAN_TESTS_YARD_H
#define CYAN_TESTS_YARD_H

#include <stdint.h>
#include <uv.h>

#include "crypto/crypto.h"
#include "server/net/shard.h"
#include "tests/unit/vectors.h"

struct yard {
    struct shard *shard;
    uv_loop_t hub; /* the other end of the shard's mail */
    struct cyan_crypto *crypto;
    struct cyan_rsa_key *server_key, *other_server_key;
    struct vectors *keys, *publics;
    uint16_t port;            /* where the shard listens */
    void (*after)(void *arg); /* NULL, or called after every turn */
    void *arg;
};

/* at_shard and at_hub may be NULL: then mail is not read. */
void yard_open(struct yard *yard, mail_fn *at_hub, mail_fn *at_shard, void *arg);

/* Closes the shard's own handles and runs the loop until all is closed. */
void yard_close(struct yard *yard);

/* One turn of the loop and of the hub's, without waiting; arg is the yard. */
void yard_turn(void *arg);
/* As many turns as anything on the way needs: loopback delivers at once. */
void yard_settle(struct yard *yard);

/* Moves the shard's clock and does nothing else. */
void yard_pass(uint64_t ms);
/* Moves the shard's clock and fires what is due. */
void yard_advance(struct yard *yard, uint64_t ms);

/* Silences the log for the rest of the program; SIGPIPE too, as in cyand. */
void yard_quiet(void);

#endif
