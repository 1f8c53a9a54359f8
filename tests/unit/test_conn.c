/* The far end of a connection here is a plain socket; what the server writes at once is seen where
 * it calls uv_try_write, which the linker leads to a function of this file. */
#include "server/net/conn.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "server/net/listener.h"
#include "tests/unit/peer.h"
#include "tests/unit/unit.h"
#include "tests/unit/yard.h"

enum { WRITES_MAX = 4096, STREAM_MAX = 200 * 1024, ENDS_MAX = 4 };

int __real_uv_try_write(uv_stream_t *stream, const uv_buf_t bufs[], unsigned count);
int __wrap_uv_try_write(uv_stream_t *stream, const uv_buf_t bufs[], unsigned count);

/* What was asked of uv_try_write, and how much it may take. */
static struct {
    size_t lens[WRITES_MAX];
    size_t count;
    size_t limit; /* bytes of the next call; SIZE_MAX: no limit */
    int error;    /* 0, or what it returns */
} writes;

int __wrap_uv_try_write(uv_stream_t *stream, const uv_buf_t bufs[], unsigned count)
{
    assert_int_equal(count, 1);
    assert_true(writes.count < WRITES_MAX);
    writes.lens[writes.count++] = bufs[0].len;
    if (writes.error) {
        return writes.error;
    }
    size_t limit = writes.limit;
    writes.limit = SIZE_MAX;
    if (limit == 0) {
        return UV_EAGAIN;
    }
    uv_buf_t buf = uv_buf_init(bufs[0].base, (unsigned)(bufs[0].len < limit ? bufs[0].len : limit));
    return __real_uv_try_write(stream, &buf, 1);
}

/* The owner of a connection: it notes everything. */
struct owner {
    struct conn conn; /* first */
    uint8_t got[STREAM_MAX];
    size_t got_len, most_at_once;
    size_t want;
    unsigned ends;
    int end_errs[ENDS_MAX];
    bool close_on_bytes, close_on_end;
};

static struct yard yard;
static struct peer peer;
static struct owner *owner;
static unsigned accepted, refused, closed_owners, refuse_next, per_turn_max;
static struct owner *owners[1000];

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
    assert_true(o->ends < ENDS_MAX);
    o->end_errs[o->ends++] = err;
    if (o->close_on_end) {
        conn_close(conn);
    }
}

/* The owner stays, so that the test can look at it; what belongs to conn must be gone. */
static void on_closed(struct conn *conn)
{
    assert_true(conn->closing);
    assert_null(conn->first);
    closed_owners++;
}

static const struct conn_ops ops = {
    .want = on_want, .on_bytes = on_bytes, .on_end = on_end, .on_closed = on_closed};

static int on_accept(struct shard *shard, uv_stream_t *server)
{
    if (refuse_next > 0) {
        refuse_next--;
        refused++;
        return CYAN_E_NO_MEMORY;
    }
    owner = calloc(1, sizeof *owner);
    assert_non_null(owner);
    owner->want = SHARD_READ_MAX;
    owner->close_on_end = true;
    assert_true(accepted < COUNT_OF(owners));
    owners[accepted++] = owner;
    assert_int_equal(conn_accept(&owner->conn, shard, server, &ops), 0);
    return 0;
}

static void open_peer(void)
{
    unsigned before = accepted;
    peer_open(&peer, yard.crypto, yard.keys, yard.publics, yard.port, 1, yard_turn, &yard);
    yard_settle(&yard);
    assert_int_equal(accepted, before + 1);
}

static int set_up(void **state)
{
    (void)state;
    memset(&writes, 0, sizeof writes);
    writes.limit = SIZE_MAX;
    accepted = refused = closed_owners = refuse_next = per_turn_max = 0;
    yard_open(&yard, NULL, NULL, NULL);
    yard.shard->on_accept = on_accept;
    open_peer();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (unsigned i = 0; i < accepted; i++) {
        conn_close(&owners[i]->conn);
    }
    peer_close(&peer);
    yard_close(&yard);
    assert_int_equal(closed_owners, accepted);
    for (unsigned i = 0; i < accepted; i++) {
        free(owners[i]);
    }
    return 0;
}

/* Writes a frame of len bytes that counts on from *at; false when there was no room. */
static bool put_frame(size_t len, uint8_t *at)
{
    uint8_t *room = conn_room(&owner->conn, len);
    if (!room) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        room[i] = (*at)++;
    }
    conn_written(&owner->conn, len);
    return true;
}

/* The far end has, or gets, exactly len bytes that count on from 0. */
static void expect_stream(size_t len)
{
    peer_want(&peer, len);
    yard_settle(&yard);
    peer_look(&peer);
    assert_int_equal(peer.len, len);
    for (size_t i = 0; i < len; i++) {
        assert_int_equal(peer.bytes[i], (uint8_t)i);
    }
}

static void frames_of_one_turn_go_out_in_one_write(void **state)
{
    (void)state;
    uint8_t at = 0;
    for (size_t i = 0; i < 50; i++) {
        assert_true(put_frame(18, &at));
    }
    assert_int_equal(writes.count, 0);
    yard_turn(&yard);
    assert_int_equal(writes.count, 1);
    assert_int_equal(writes.lens[0], 50 * 18);
    expect_stream(50 * 18);
    assert_null(owner->conn.first);
    assert_int_equal(owner->conn.backlog, 0);
}

/* Frames of all lengths that a session makes, in an order that no length divides. */
static size_t odd_len(size_t i)
{
    return 18 + i * 331 % 47 * 16;
}

static void a_write_holds_whole_frames_and_at_most_1024_bytes(void **state)
{
    (void)state;
    uint8_t at = 0;
    size_t total = 0, ends[500], frames = 0;
    while (frames < COUNT_OF(ends)) {
        for (size_t burst = frames % 13 + 1; burst > 0 && frames < COUNT_OF(ends); burst--) {
            size_t len = odd_len(frames);
            assert_true(put_frame(len, &at));
            total += len;
            ends[frames++] = total;
        }
        yard_turn(&yard);
        peer_look(&peer);
    }
    expect_stream(total);
    size_t end = 0, frame = 0;
    for (size_t i = 0; i < writes.count; i++) {
        assert_in_range(writes.lens[i], 1, CONN_WRITE_MAX);
        end += writes.lens[i];
        while (frame < frames && ends[frame] < end) {
            frame++;
        }
        assert_true(frame < frames);
        assert_int_equal(ends[frame], end);
    }
    assert_int_equal(end, total);
}

static void the_rest_of_a_short_write_goes_out_before_anything_else(void **state)
{
    (void)state;
    /* Cut the first write behind every byte, 0 included, and go on with more frames than one
     * write holds. */
    for (size_t cut = 0; cut < 54; cut++) {
        uint8_t at = 0;
        writes.limit = cut;
        writes.count = 0;
        for (size_t i = 0; i < 3; i++) {
            assert_true(put_frame(18, &at));
        }
        conn_flush(&owner->conn);
        assert_int_equal(writes.count, 1);
        assert_true(owner->conn.writing);
        for (size_t i = 0; i < 10; i++) {
            assert_true(put_frame(498, &at));
        }
        assert_int_equal(writes.count, 1); /* nothing overtakes */
        expect_stream(3 * 18 + 10 * 498);
        peer_take(&peer, peer.len);
        assert_int_equal(owner->conn.backlog, 0);
        assert_null(owner->conn.first);
        for (size_t i = 1; i < writes.count; i++) {
            assert_int_equal(writes.lens[i] % 498, 0);
        }
    }
}

static void a_reader_that_never_reads_costs_a_bounded_backlog_and_is_closed(void **state)
{
    (void)state;
    uint8_t at = 0;
    size_t sent = 0, i = 0;
    while (put_frame(odd_len(i), &at)) {
        sent += odd_len(i++);
        assert_in_range(owner->conn.backlog, 1, CONN_BACKLOG_MAX);
        size_t held = 0;
        for (const struct conn_chunk *c = owner->conn.first; c; c = c->next) {
            held += sizeof *c;
        }
        assert_in_range(held, 1, 2 * CONN_BACKLOG_MAX);
        if (i % 5 == 0) {
            yard_turn(&yard);
        }
        /* Both kernel buffers and ours together. */
        assert_true(sent < 8 * 1024 * 1024);
    }
    assert_true(sent > CONN_BACKLOG_MAX);
    assert_true(owner->conn.closing);
    assert_int_equal(closed_owners, 0);
    yard_settle(&yard);
    assert_int_equal(closed_owners, 1);
    assert_int_equal(owner->ends, 0);
}

static void what_is_collected_is_sent_before_a_close(void **state)
{
    (void)state;
    uint8_t at = 0;
    assert_true(put_frame(100, &at));
    conn_close(&owner->conn);
    conn_close(&owner->conn);
    assert_null(conn_room(&owner->conn, 18));
    peer_expect_close(&peer);
    assert_int_equal(peer.len, 100);
    yard_settle(&yard);
    assert_int_equal(closed_owners, 1);
}

static void room_for_more_than_a_write_is_refused_and_nothing_else_happens(void **state)
{
    (void)state;
    uint8_t at = 0;
    assert_null(conn_room(&owner->conn, CONN_WRITE_MAX + 1));
    assert_false(owner->conn.closing);
    assert_true(put_frame(CONN_WRITE_MAX, &at));
    assert_true(put_frame(CONN_WRITE_MAX, &at));
    expect_stream(2 * CONN_WRITE_MAX);
}

static void room_that_was_not_used_sends_nothing(void **state)
{
    (void)state;
    uint8_t at = 0;
    assert_non_null(conn_room(&owner->conn, 300));
    yard_settle(&yard);
    assert_int_equal(writes.count, 0);
    assert_non_null(conn_room(&owner->conn, 1000));
    assert_true(put_frame(40, &at));
    expect_stream(40);
    assert_non_null(conn_room(&owner->conn, 300));
    conn_close(&owner->conn);
    peer_expect_close(&peer);
    assert_int_equal(peer.len, 40);
}

static void an_orderly_close_is_reported_once_and_without_an_error(void **state)
{
    (void)state;
    assert_int_equal(shutdown(peer.fd, SHUT_WR), 0);
    yard_settle(&yard);
    assert_int_equal(owner->ends, 1);
    assert_int_equal(owner->end_errs[0], 0);
    assert_int_equal(closed_owners, 1);
    peer_expect_close(&peer);
}

static void a_reset_is_reported_as_one(void **state)
{
    (void)state;
    struct linger now = {.l_onoff = 1};
    assert_int_equal(setsockopt(peer.fd, SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
    peer_close(&peer);
    yard_settle(&yard);
    assert_int_equal(owner->ends, 1);
    assert_int_equal(owner->end_errs[0], CYAN_E_RESET);
    assert_int_equal(closed_owners, 1);
}

static void a_write_that_fails_ends_the_connection_as_a_reset_does(void **state)
{
    (void)state;
    uint8_t at = 0;
    writes.error = UV_EPIPE;
    assert_true(put_frame(18, &at));
    yard_turn(&yard);
    assert_int_equal(owner->ends, 1);
    assert_int_equal(owner->end_errs[0], CYAN_E_RESET);
    yard_settle(&yard);
    assert_int_equal(closed_owners, 1);

    /* The same within conn_room, when a full chunk has to go out first. */
    writes.error = 0;
    peer_close(&peer);
    open_peer();
    writes.error = UV_ECONNRESET;
    assert_true(put_frame(1000, &at));
    assert_false(put_frame(1000, &at));
    assert_int_equal(owner->ends, 1);
    yard_settle(&yard);
    assert_int_equal(closed_owners, 2);
}

static void a_rest_that_cannot_be_written_any_more_ends_the_connection(void **state)
{
    (void)state;
    struct linger now = {.l_onoff = 1};
    uint8_t at = 0;
    while (!owner->conn.writing) { /* until both kernel buffers are full */
        assert_true(put_frame(1000, &at));
        yard_turn(&yard);
    }
    conn_pause(&owner->conn); /* so that the write sees it first */
    assert_int_equal(setsockopt(peer.fd, SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
    peer_close(&peer);
    yard_settle(&yard);
    assert_int_equal(owner->ends, 1);
    assert_int_equal(closed_owners, 1);
}

static void a_close_while_a_rest_waits_frees_everything(void **state)
{
    (void)state;
    uint8_t at = 0;
    writes.limit = 7;
    for (size_t i = 0; i < 20; i++) {
        assert_true(put_frame(500, &at));
    }
    assert_true(owner->conn.writing);
    conn_close(&owner->conn);
    yard_settle(&yard);
    assert_int_equal(closed_owners, 1);
}

static void no_more_is_read_at_once_than_is_wanted(void **state)
{
    (void)state;
    static const size_t wants[] = {1, 2, 3, 7, 100, 1000, SHARD_READ_MAX, 10 * SHARD_READ_MAX};
    uint8_t data[3000];
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (uint8_t)(i * 7);
    }
    for (size_t i = 0; i < COUNT_OF(wants); i++) {
        owner->want = wants[i];
        owner->got_len = owner->most_at_once = 0;
        peer_send(&peer, data, sizeof data);
        for (size_t turns = 0; owner->got_len < sizeof data && turns < 4000; turns++) {
            yard_turn(&yard);
        }
        assert_int_equal(owner->got_len, sizeof data);
        assert_memory_equal(owner->got, data, sizeof data);
        assert_true(owner->most_at_once <= wants[i]);
    }
}

static void a_paused_connection_delivers_nothing_and_loses_nothing(void **state)
{
    (void)state;
    static const uint8_t data[] = "what came meanwhile";
    conn_pause(&owner->conn);
    peer_send(&peer, data, sizeof data);
    assert_int_equal(shutdown(peer.fd, SHUT_WR), 0);
    yard_settle(&yard);
    assert_int_equal(owner->got_len, 0);
    assert_int_equal(owner->ends, 0);
    conn_resume(&owner->conn);
    yard_settle(&yard);
    assert_int_equal(owner->got_len, sizeof data);
    assert_memory_equal(owner->got, data, sizeof data);
    assert_int_equal(owner->ends, 1);
}

static void a_connection_closed_while_it_is_read_reads_no_further(void **state)
{
    (void)state;
    uint8_t data[5000] = {0};
    owner->want = 100;
    owner->close_on_bytes = true;
    peer_send(&peer, data, sizeof data);
    yard_settle(&yard);
    assert_int_equal(owner->got_len, 100);
    assert_int_equal(owner->ends, 0);
    assert_int_equal(closed_owners, 1);
    conn_resume(&owner->conn);
    yard_settle(&yard);
    assert_int_equal(owner->got_len, 100);
}

static void the_address_of_the_other_end_is_text_without_a_port(void **state)
{
    (void)state;
    char text[CONN_ADDRESS_TEXT];
    conn_address(&owner->conn, text);
    assert_string_equal(text, "127.0.0.1");
}

static void a_burst_of_connections_is_accepted_a_few_a_turn_and_none_is_lost(void **state)
{
    (void)state;
    struct peer many[200];
    for (size_t i = 0; i < COUNT_OF(many); i++) {
        peer_open(&many[i], yard.crypto, yard.keys, yard.publics, yard.port, 1, yard_turn, &yard);
    }
    for (unsigned before = accepted; accepted < 1 + COUNT_OF(many); before = accepted) {
        yard_turn(&yard);
        assert_in_range(accepted - before, 1, SHARD_ACCEPTS_PER_TURN + 1);
    }
    for (size_t i = 0; i < COUNT_OF(many); i++) {
        peer_send(&many[i], (const uint8_t *)"x", 1);
    }
    yard_settle(&yard);
    for (size_t i = 0; i < COUNT_OF(many); i++) {
        assert_int_equal(owners[i + 1]->got_len, 1);
        peer_close(&many[i]);
    }
}

static void a_connection_that_found_no_memory_is_offered_again(void **state)
{
    (void)state;
    struct peer other;
    refuse_next = 3;
    peer_open(&other, yard.crypto, yard.keys, yard.publics, yard.port, 1, yard_turn, &yard);
    yard_settle(&yard);
    assert_int_equal(refused, 3);
    assert_int_equal(accepted, 2);
    peer_close(&other);
}

static void chunks_go_back_to_the_shard_and_few_are_kept(void **state)
{
    (void)state;
    uint8_t at = 0;
    writes.limit = 0;
    for (size_t i = 0; i < 30; i++) {
        assert_true(put_frame(1000, &at));
    }
    expect_stream(30 * 1000);
    assert_int_equal(yard.shard->spare_count, 30);
    struct conn_chunk *taken[2 * SHARD_SPARE_CHUNKS];
    for (size_t i = 0; i < COUNT_OF(taken); i++) {
        taken[i] = shard_chunk_alloc(yard.shard);
        assert_non_null(taken[i]);
    }
    assert_int_equal(yard.shard->spare_count, 0);
    for (size_t i = 0; i < COUNT_OF(taken); i++) {
        shard_chunk_free(yard.shard, taken[i]);
    }
    assert_int_equal(yard.shard->spare_count, SHARD_SPARE_CHUNKS);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(frames_of_one_turn_go_out_in_one_write),
        CASE(a_write_holds_whole_frames_and_at_most_1024_bytes),
        CASE(the_rest_of_a_short_write_goes_out_before_anything_else),
        CASE(a_reader_that_never_reads_costs_a_bounded_backlog_and_is_closed),
        CASE(what_is_collected_is_sent_before_a_close),
        CASE(room_for_more_than_a_write_is_refused_and_nothing_else_happens),
        CASE(room_that_was_not_used_sends_nothing),
        CASE(an_orderly_close_is_reported_once_and_without_an_error),
        CASE(a_reset_is_reported_as_one),
        CASE(a_write_that_fails_ends_the_connection_as_a_reset_does),
        CASE(a_rest_that_cannot_be_written_any_more_ends_the_connection),
        CASE(a_close_while_a_rest_waits_frees_everything),
        CASE(no_more_is_read_at_once_than_is_wanted),
        CASE(a_paused_connection_delivers_nothing_and_loses_nothing),
        CASE(a_connection_closed_while_it_is_read_reads_no_further),
        CASE(the_address_of_the_other_end_is_text_without_a_port),
        CASE(a_burst_of_connections_is_accepted_a_few_a_turn_and_none_is_lost),
        CASE(a_connection_that_found_no_memory_is_offered_again),
        CASE(chunks_go_back_to_the_shard_and_few_are_kept),
    };
    yard_quiet();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
