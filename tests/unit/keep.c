#include "tests/unit/keep.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "tests/unit/unit.h"

struct keep keep;

static struct owner *owner_of(struct conn *conn)
{
    return (struct owner *)conn;
}

static size_t on_want(struct conn *conn)
{
    return owner_of(conn)->want;
}

static void on_bytes(struct conn *conn, uint8_t *data, size_t len)
{
    struct owner *o = owner_of(conn);
    assert_in_range(len, 1, o->want);
    assert_true(o->got_len + len <= sizeof o->got);
    memcpy(o->got + o->got_len, data, len);
    o->got_len += len;
    o->most_at_once = len > o->most_at_once ? len : o->most_at_once;
    if (o->close_on_bytes) {
        conn_close(conn);
        conn_close(conn);
    }
}

static void on_end(struct conn *conn, int err)
{
    struct owner *o = owner_of(conn);
    assert_true(o->ends < KEEP_ENDS_MAX);
    o->end_errs[o->ends++] = err;
    conn_close(conn);
}

/* What belongs to conn must be gone. */
static void on_closed(struct conn *conn)
{
    assert_true(conn->closing);
    assert_null(conn->first);
    keep.closed++;
}

static const struct conn_ops ops = {
    .want = on_want, .on_bytes = on_bytes, .on_end = on_end, .on_closed = on_closed};

static int on_accept(struct shard *shard, uv_stream_t *server)
{
    if (keep.refuse_next > 0) {
        keep.refuse_next--;
        keep.refused++;
        return CYAN_E_NO_MEMORY;
    }
    keep.owner = calloc(1, sizeof *keep.owner);
    assert_non_null(keep.owner);
    keep.owner->want = SHARD_READ_MAX;
    assert_true(keep.accepted < COUNT_OF(keep.owners));
    keep.owners[keep.accepted++] = keep.owner;
    assert_int_equal(conn_accept(&keep.owner->conn, shard, server, &ops), 0);
    return 0;
}

void keep_open_peer(void)
{
    unsigned before = keep.accepted;
    peer_open(&keep.peer, keep.yard.crypto, keep.yard.keys, keep.yard.publics, keep.yard.port, 1,
              yard_turn, &keep.yard);
    yard_settle(&keep.yard);
    assert_int_equal(keep.accepted, before + 1);
}

int keep_set_up(void **state)
{
    (void)state;
    memset(&keep, 0, sizeof keep);
    yard_open(&keep.yard, NULL, NULL, NULL);
    keep.yard.shard->on_accept = on_accept;
    keep_open_peer();
    return 0;
}

int keep_tear_down(void **state)
{
    (void)state;
    for (unsigned i = 0; i < keep.accepted; i++) {
        conn_close(&keep.owners[i]->conn);
    }
    peer_close(&keep.peer);
    yard_close(&keep.yard);
    assert_int_equal(keep.closed, keep.accepted);
    for (unsigned i = 0; i < keep.accepted; i++) {
        free(keep.owners[i]);
    }
    return 0;
}

bool keep_put_frame(size_t len, uint8_t *at)
{
    uint8_t *room = conn_room(&keep.owner->conn, len);
    if (!room) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        room[i] = (*at)++;
    }
    conn_written(&keep.owner->conn, len);
    return true;
}

void keep_expect_stream(size_t len)
{
    peer_want(&keep.peer, len);
    yard_settle(&keep.yard);
    peer_look(&keep.peer);
    assert_int_equal(keep.peer.len, len);
    for (size_t i = 0; i < len; i++) {
        assert_int_equal(keep.peer.bytes[i], (uint8_t)i);
    }
}
