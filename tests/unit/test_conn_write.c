/* What a connection writes, and when. What it writes at once is seen where it calls uv_try_write,
 * which the linker leads to a function of this file. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "tests/unit/keep.h"
#include "tests/unit/unit.h"

enum { WRITES_MAX = 4096 };

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

static int set_up(void **state)
{
    memset(&writes, 0, sizeof writes);
    writes.limit = SIZE_MAX;
    return keep_set_up(state);
}

static void frames_of_one_turn_go_out_in_one_write(void **state)
{
    (void)state;
    uint8_t at = 0;
    for (size_t i = 0; i < 50; i++) {
        assert_true(keep_put_frame(18, &at));
    }
    assert_int_equal(writes.count, 0);
    yard_turn(&keep.yard);
    assert_int_equal(writes.count, 1);
    assert_int_equal(writes.lens[0], 50 * 18);
    keep_expect_stream(50 * 18);
    assert_null(keep.owner->conn.first);
    assert_int_equal(keep.owner->conn.backlog, 0);
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
            assert_true(keep_put_frame(len, &at));
            total += len;
            ends[frames++] = total;
        }
        yard_turn(&keep.yard);
        peer_look(&keep.peer);
    }
    keep_expect_stream(total);
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
            assert_true(keep_put_frame(18, &at));
        }
        conn_flush(&keep.owner->conn);
        assert_int_equal(writes.count, 1);
        assert_true(keep.owner->conn.writing);
        for (size_t i = 0; i < 10; i++) {
            assert_true(keep_put_frame(498, &at));
        }
        assert_int_equal(writes.count, 1); /* nothing overtakes */
        keep_expect_stream(3 * 18 + 10 * 498);
        peer_take(&keep.peer, keep.peer.len);
        assert_int_equal(keep.owner->conn.backlog, 0);
        assert_null(keep.owner->conn.first);
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
    while (keep_put_frame(odd_len(i), &at)) {
        sent += odd_len(i++);
        assert_in_range(keep.owner->conn.backlog, 1, CONN_BACKLOG_MAX);
        size_t held = 0;
        for (const struct conn_chunk *c = keep.owner->conn.first; c; c = c->next) {
            held += sizeof *c;
        }
        assert_in_range(held, 1, 2 * CONN_BACKLOG_MAX);
        if (i % 5 == 0) {
            yard_turn(&keep.yard);
        }
        /* Both kernel buffers and ours together. */
        assert_true(sent < 8 * 1024 * 1024);
    }
    assert_true(sent > CONN_BACKLOG_MAX);
    assert_true(keep.owner->conn.closing);
    assert_int_equal(keep.closed, 0);
    yard_settle(&keep.yard);
    assert_int_equal(keep.closed, 1);
    assert_int_equal(keep.owner->ends, 0);
}

static void what_is_collected_is_sent_before_a_close(void **state)
{
    (void)state;
    uint8_t at = 0;
    assert_true(keep_put_frame(100, &at));
    conn_close(&keep.owner->conn);
    conn_close(&keep.owner->conn);
    assert_null(conn_room(&keep.owner->conn, 18));
    peer_expect_close(&keep.peer);
    assert_int_equal(keep.peer.len, 100);
    yard_settle(&keep.yard);
    assert_int_equal(keep.closed, 1);
}

static void room_for_more_than_a_write_is_refused_and_nothing_else_happens(void **state)
{
    (void)state;
    uint8_t at = 0;
    assert_null(conn_room(&keep.owner->conn, CONN_WRITE_MAX + 1));
    assert_false(keep.owner->conn.closing);
    assert_true(keep_put_frame(CONN_WRITE_MAX, &at));
    assert_true(keep_put_frame(CONN_WRITE_MAX, &at));
    keep_expect_stream(2 * CONN_WRITE_MAX);
}

static void room_that_was_not_used_sends_nothing(void **state)
{
    (void)state;
    uint8_t at = 0;
    assert_non_null(conn_room(&keep.owner->conn, 300));
    yard_settle(&keep.yard);
    assert_int_equal(writes.count, 0);
    assert_non_null(conn_room(&keep.owner->conn, 1000));
    assert_true(keep_put_frame(40, &at));
    keep_expect_stream(40);
    assert_non_null(conn_room(&keep.owner->conn, 300));
    conn_close(&keep.owner->conn);
    peer_expect_close(&keep.peer);
    assert_int_equal(keep.peer.len, 40);
}

static void a_write_that_fails_ends_the_connection_as_a_reset_does(void **state)
{
    (void)state;
    uint8_t at = 0;
    writes.error = UV_EPIPE;
    assert_true(keep_put_frame(18, &at));
    yard_turn(&keep.yard);
    assert_int_equal(keep.owner->ends, 1);
    assert_int_equal(keep.owner->end_errs[0], CYAN_E_RESET);
    yard_settle(&keep.yard);
    assert_int_equal(keep.closed, 1);

    /* The same within conn_room, when a full chunk has to go out first. */
    writes.error = 0;
    peer_close(&keep.peer);
    keep_open_peer();
    writes.error = UV_ECONNRESET;
    assert_true(keep_put_frame(1000, &at));
    assert_false(keep_put_frame(1000, &at));
    assert_int_equal(keep.owner->ends, 1);
    yard_settle(&keep.yard);
    assert_int_equal(keep.closed, 2);
}

static void a_rest_that_cannot_be_written_any_more_ends_the_connection(void **state)
{
    (void)state;
    struct linger now = {.l_onoff = 1};
    uint8_t at = 0;
    while (!keep.owner->conn.writing) { /* until both kernel buffers are full */
        assert_true(keep_put_frame(1000, &at));
        yard_turn(&keep.yard);
    }
    conn_pause(&keep.owner->conn); /* so that the write sees it first */
    assert_int_equal(setsockopt(keep.peer.fd, SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
    peer_close(&keep.peer);
    yard_settle(&keep.yard);
    assert_int_equal(keep.owner->ends, 1);
    assert_int_equal(keep.closed, 1);
}

static void a_close_while_a_rest_waits_frees_everything(void **state)
{
    (void)state;
    uint8_t at = 0;
    writes.limit = 7;
    for (size_t i = 0; i < 20; i++) {
        assert_true(keep_put_frame(500, &at));
    }
    assert_true(keep.owner->conn.writing);
    conn_close(&keep.owner->conn);
    yard_settle(&keep.yard);
    assert_int_equal(keep.closed, 1);
}

static void chunks_go_back_to_the_shard_and_few_are_kept(void **state)
{
    (void)state;
    uint8_t at = 0;
    writes.limit = 0;
    for (size_t i = 0; i < 30; i++) {
        assert_true(keep_put_frame(1000, &at));
    }
    keep_expect_stream(30 * 1000);
    assert_int_equal(keep.yard.shard->spare_count, 30);
    struct conn_chunk *taken[2 * SHARD_SPARE_CHUNKS];
    for (size_t i = 0; i < COUNT_OF(taken); i++) {
        taken[i] = shard_chunk_alloc(keep.yard.shard);
        assert_non_null(taken[i]);
    }
    assert_int_equal(keep.yard.shard->spare_count, 0);
    for (size_t i = 0; i < COUNT_OF(taken); i++) {
        shard_chunk_free(keep.yard.shard, taken[i]);
    }
    assert_int_equal(keep.yard.shard->spare_count, SHARD_SPARE_CHUNKS);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, keep_tear_down)

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
        CASE(a_write_that_fails_ends_the_connection_as_a_reset_does),
        CASE(a_rest_that_cannot_be_written_any_more_ends_the_connection),
        CASE(a_close_while_a_rest_waits_frees_everything),
        CASE(chunks_go_back_to_the_shard_and_few_are_kept),
    };
    yard_quiet();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
