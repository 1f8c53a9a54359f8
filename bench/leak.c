/* leak.c - makes of cyand a program that tells bad padding from other failures, for the timing
 * test to find (bench/timing.c). The linker puts the functions here in the place of cyand's own
 * (--wrap), so that nothing of this stands in what people run. It reaches calls between object
 * files only: a call inside the file that defines the function stays as it is.
 *
 * Two leaks: a block that does not begin with 00 02 takes 300 microseconds more, and where failures
 * are closed by a clock such a one is closed at once instead. */
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "server/session/handshake.h"
#include "server/session/session.h"
#include "wire/handshake.h"

enum { LEAK_NS = 300000, NS_PER_S = 1000000000, PLACES = 1 << 14, PLACE_SHIFT = 6 };

/* cyand's own cryptography, but for a look at what the private operation gives. */
struct spy {
    const struct cyan_crypto *crypto;
    bool bad_padding;
};

/* Requests of this thread that were badly padded, by where they lie; one may push out another. */
static _Thread_local const uint8_t *badly_padded[PLACES];

int __real_cyan_handshake_open(const struct cyan_crypto *crypto,
                               const struct cyan_rsa_key *server_key,
                               const uint8_t nonce[static CYAN_NONCE_LEN],
                               const uint8_t request[static CYAN_REQUEST_LEN],
                               struct cyan_claim *out_claim);
int __wrap_cyan_handshake_open(const struct cyan_crypto *crypto,
                               const struct cyan_rsa_key *server_key,
                               const uint8_t nonce[static CYAN_NONCE_LEN],
                               const uint8_t request[static CYAN_REQUEST_LEN],
                               struct cyan_claim *out_claim);
/* Weak: a cyand that closes failures on the spot has no such function, and nothing calls it. */
void __real_session_fail(struct session *session) __attribute__((weak));
void __wrap_session_fail(struct session *session);

static const uint8_t **place_of(const uint8_t *request)
{
    return &badly_padded[((uintptr_t)request >> PLACE_SHIFT) % PLACES];
}

static int private_seen(void *ctx, const struct cyan_rsa_key *key, const uint8_t *in, uint8_t *out)
{
    struct spy *spy = ctx;
    int err = spy->crypto->rsa_private(spy->crypto->ctx, key, in, out);
    spy->bad_padding = err < 0 || out[0] != 0 || out[1] != 2;
    return err;
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

int __wrap_cyan_handshake_open(const struct cyan_crypto *crypto,
                               const struct cyan_rsa_key *server_key,
                               const uint8_t nonce[static CYAN_NONCE_LEN],
                               const uint8_t request[static CYAN_REQUEST_LEN],
                               struct cyan_claim *out_claim)
{
    struct spy spy = {.crypto = crypto};
    const struct cyan_crypto seen = {.ctx = &spy, .rsa_private = private_seen};
    int err = __real_cyan_handshake_open(&seen, server_key, nonce, request, out_claim);
    *place_of(request) = spy.bad_padding ? request : NULL;
    int64_t until = now_ns() + LEAK_NS;
    while (spy.bad_padding && now_ns() < until) {
    }
    return err;
}

void __wrap_session_fail(struct session *session)
{
    const uint8_t *request = session->handshake ? session->handshake->request : NULL;
    if (request && *place_of(request) == request) {
        session_close(session, SESSION_END_NOT_DECIPHERABLE);
    } else {
        __real_session_fail(session);
    }
}
