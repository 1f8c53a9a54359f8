#include "tests/unit/yard.h"

#include <signal.h>
#include <stdlib.h>

#include "crypto/openssl.h"
#include "server/net/listener.h"
#include "server/net/log.h"
#include "tests/unit/unit.h"

enum { SETTLING_TURNS = 8 };

static uint64_t ahead_ms;

static uint64_t yard_now(const uv_loop_t *loop)
{
    return uv_now(loop) + ahead_ms;
}

static void ignore_mail(void *arg, uint32_t kind, const void *body, size_t len)
{
    (void)arg;
    (void)kind;
    (void)body;
    (void)len;
}

void yard_open(struct yard *yard, mail_fn *at_hub, mail_fn *at_shard, void *arg)
{
    int socket = -1;
    *yard = (struct yard){.arg = arg};
    yard->crypto = cyan_openssl_create();
    yard->shard = malloc(sizeof *yard->shard);
    yard->keys = vectors_open("keys.txt");
    yard->publics = vectors_open("keys-public.txt");
    assert_non_null(yard->crypto);
    assert_non_null(yard->shard);
    const struct vector *der = vectors_get(yard->keys, "server_key");
    assert_int_equal(cyan_openssl_key_create(der->data, der->len, &yard->server_key), 0);
    der = vectors_get(yard->keys, "other_server_key");
    assert_int_equal(cyan_openssl_key_create(der->data, der->len, &yard->other_server_key), 0);
    assert_int_equal(uv_loop_init(&yard->hub), 0);
    assert_int_equal(shard_init(yard->shard, 0, &yard->hub, at_hub ? at_hub : ignore_mail, arg,
                                at_shard ? at_shard : ignore_mail, arg),
                     0);
    yard->shard->wheel.now = yard_now;
    assert_int_equal(listener_bind("127.0.0.1", 0, &socket, &yard->port), 0);
    assert_int_equal(shard_listen(yard->shard, socket), 0);
}

void yard_close(struct yard *yard)
{
    shard_close(yard->shard);
    shard_run(yard->shard);
    assert_int_equal(yard->shard->wheel.armed, 0);
    mail_lane_close(&yard->shard->outbox);
    (void)uv_run(&yard->hub, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&yard->hub), 0);
    shard_done(yard->shard);
    free(yard->shard);
    cyan_openssl_key_destroy(yard->server_key);
    cyan_openssl_key_destroy(yard->other_server_key);
    cyan_openssl_destroy(yard->crypto);
    vectors_close(yard->keys);
    vectors_close(yard->publics);
}

void yard_turn(void *arg)
{
    struct yard *yard = arg;
    (void)uv_run(&yard->shard->loop, UV_RUN_NOWAIT);
    (void)uv_run(&yard->hub, UV_RUN_NOWAIT);
    if (yard->after) {
        yard->after(yard->arg);
    }
}

void yard_settle(struct yard *yard)
{
    for (int i = 0; i < SETTLING_TURNS; i++) {
        yard_turn(yard);
    }
}

void yard_pass(uint64_t ms)
{
    ahead_ms += ms;
}

void yard_advance(struct yard *yard, uint64_t ms)
{
    ahead_ms += ms;
    wheel_run(&yard->shard->wheel);
    yard_settle(yard);
}

void yard_quiet(void)
{
    log_setup(false, LOG_ERROR + 1);
    (void)signal(SIGPIPE, SIG_IGN);
}
