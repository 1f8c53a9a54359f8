#include "server/session/session.h"

#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "server/session/handshake.h"
#include "wire/frame.h"

enum { FRAME_BUFFER = CYAN_FRAME_HEADER + CYAN_FRAME_MAX_FROM_DEVICE };

static struct session *session_of(struct conn *conn)
{
    return (struct session *)conn; /* its first member */
}

static struct session *session_of_node(struct table_node *node)
{
    return (struct session *)((char *)node - offsetof(struct session, by_serial));
}

static struct session *session_of_timer(struct wheel_timer *timer)
{
    return (struct session *)((char *)timer - offsetof(struct session, timer));
}

static void on_time(struct wheel_timer *timer)
{
    struct session *session = session_of_timer(timer);
    if (!session->live) {
        session_close(session, handshake_end_of_time(session));
        return;
    }
    uint64_t idle = wheel_now(&session->conn.shard->wheel) - session->heard_ms;
    if (idle >= SESSION_IDLE_MS) {
        session_close(session, SESSION_END_TIMEOUT);
    } else {
        session_watch(session, SESSION_IDLE_MS - idle);
    }
}

void session_watch(struct session *session, uint64_t delay_ms)
{
    wheel_start(&session->conn.shard->wheel, &session->timer, delay_ms, on_time);
}

/* How many bytes the frame in partial still needs: its header first, then its body. */
static size_t partial_need(const struct session *session)
{
    size_t got = session->partial_len;
    if (got < CYAN_FRAME_HEADER) {
        return CYAN_FRAME_HEADER - got;
    }
    return CYAN_FRAME_HEADER + (size_t)cyan_get_be16(session->partial) - got;
}

static size_t on_want(struct conn *conn)
{
    const struct session *session = session_of(conn);
    if (session->live) {
        return SHARD_READ_MAX;
    }
    if (session->state != SESSION_HELLO) {
        return handshake_want(session);
    }
    /* The Hello is read to its last byte and no further: what follows stays in the socket until
     * the session is full. */
    return partial_need(session);
}

static void end_badly(struct session *session)
{
    session_close(session, session->live ? SESSION_END_BAD_FRAME : SESSION_END_BAD_HELLO);
}

/* Both directions have one key, so a frame of ours that somebody sends back to us deciphers but
 * for its first block. It begins as ours did; one of the device's does so once in 2^64 frames. */
static bool is_mirrored(const struct session *session, const uint8_t *body, size_t len)
{
    bool found = false;
    for (size_t i = 0; len >= SESSION_SENT_BYTES && i < SESSION_SENT_KEPT; i++) {
        found |= memcmp(session->sent[i], body, SESSION_SENT_BYTES) == 0;
    }
    return found && session->live;
}

static void note_sent(struct session *session, const uint8_t *body)
{
    memcpy(session->sent[session->sent_next], body, SESSION_SENT_BYTES);
    session->sent_next = (uint8_t)((session->sent_next + 1) % SESSION_SENT_KEPT);
}

static void take_frame(struct session *session, uint8_t *body, size_t len)
{
    struct sessions *all = session->sessions;
    struct cyan_coap msg;
    size_t message_len = 0;
    int err = is_mirrored(session, body, len) ? CYAN_E_MALFORMED : 0;
    if (err == 0) {
        err = cyan_cipher_open(&session->cipher, all->crypto, body, len, &message_len);
    }
    if (err == 0) {
        err = cyan_coap_parse(body, message_len, &msg);
    }
    if (err < 0) {
        end_badly(session);
    } else if (session->live) {
        all->ops.message(all->ops.arg, session, &msg);
    } else {
        handshake_hello(session, &msg);
    }
}

/* Takes the whole frames at the front of data; returns how many bytes they had. */
static size_t take_frames(struct session *session, uint8_t *data, size_t len)
{
    size_t pos = 0;
    while (session->state == SESSION_LIVE || session->state == SESSION_HELLO) {
        int body = cyan_frame_next(data + pos, len - pos, CYAN_FRAME_MAX_FROM_DEVICE);
        if (body == CYAN_E_AGAIN) {
            break;
        }
        if (body < 0) {
            end_badly(session);
            break;
        }
        take_frame(session, data + pos + CYAN_FRAME_HEADER, (size_t)body);
        pos += CYAN_FRAME_HEADER + (size_t)body;
        if (session->conn.closing) {
            break;
        }
    }
    return pos;
}

/* Completes the frame that lies in partial, as far as data goes; returns the bytes used. */
static size_t fill_partial(struct session *session, const uint8_t *data, size_t len)
{
    size_t used = 0;
    while (used < len && session->partial_len > 0 && !session->conn.closing) {
        size_t need = partial_need(session);
        size_t n = need < len - used ? need : len - used;
        memcpy(session->partial + session->partial_len, data + used, n);
        session->partial_len = (uint16_t)(session->partial_len + n);
        used += n;
        if (take_frames(session, session->partial, session->partial_len) > 0) {
            session->partial_len = 0;
        }
    }
    return used;
}

static void keep_partial(struct session *session, const uint8_t *data, size_t len)
{
    if (!session->partial) {
        session->partial = malloc(FRAME_BUFFER);
        if (!session->partial) {
            session_close(session, SESSION_END_INTERNAL);
            return;
        }
    }
    memcpy(session->partial, data, len);
    session->partial_len = (uint16_t)len;
}

static void on_bytes(struct conn *conn, uint8_t *data, size_t len)
{
    struct session *session = session_of(conn);
    session->heard_ms = wheel_now(&conn->shard->wheel);
    if (!session->live && session->state != SESSION_HELLO) {
        handshake_bytes(session, data, len);
        return;
    }
    size_t pos = fill_partial(session, data, len);
    if (!conn->closing) {
        pos += take_frames(session, data + pos, len - pos);
    }
    if (!conn->closing && pos < len) {
        keep_partial(session, data + pos, len - pos);
    } else if (session->partial_len == 0) {
        free(session->partial);
        session->partial = NULL;
    }
}

static void on_end(struct conn *conn, int err)
{
    struct session *session = session_of(conn);
    (void)err;
    session_close(session, session->live ? SESSION_END_PEER : handshake_end_of_peer(session));
}

static void on_closed(struct conn *conn)
{
    struct session *session = session_of(conn);
    struct sessions *all = session->sessions;
    if (session->state != SESSION_CLOSING) {
        session_tell_end(session);
    }
    if (session->live) {
        all->ops.ended(all->ops.arg, session);
    }
    wheel_stop(&conn->shard->wheel, &session->timer);
    table_remove(&all->table, &session->by_serial);
    handshake_destroy(session);
    cyan_cipher_done(&session->cipher);
    free(session->partial);
    free(session);
}

static const struct conn_ops conn_ops = {
    .want = on_want, .on_bytes = on_bytes, .on_end = on_end, .on_closed = on_closed};

static int on_accept(struct shard *shard, uv_stream_t *server)
{
    struct sessions *all = shard->owner;
    struct session *session = calloc(1, sizeof *session);
    if (!session) {
        return CYAN_E_NO_MEMORY;
    }
    session->sessions = all;
    session->serial = all->next_serial++;
    session->end = SESSION_END_SLOW;
    int err = table_insert(&all->table, &session->by_serial);
    if (conn_accept(&session->conn, shard, server, &conn_ops) < 0) {
        return 0;
    }
    session->heard_ms = wheel_now(&shard->wheel);
    if (err == 0) {
        err = handshake_start(session);
    }
    if (err < 0 || all->stopping) {
        session_close(session, all->stopping ? SESSION_END_STOPPED : SESSION_END_INTERNAL);
    } else {
        session_watch(session, SESSION_REQUEST_MS);
    }
    return 0;
}

int sessions_init(struct sessions *sessions, struct shard *shard, const struct cyan_crypto *crypto,
                  const struct cyan_rsa_key *const *server_keys, size_t server_key_count,
                  const struct session_ops *ops, uint64_t serial_base)
{
    uint64_t seed = 0;
    if (server_key_count == 0 || server_key_count > SESSION_SERVER_KEYS) {
        return CYAN_E_INVALID;
    }
    memset(sessions, 0, sizeof *sessions);
    sessions->shard = shard;
    sessions->crypto = crypto;
    memcpy(sessions->server_keys, server_keys, server_key_count * sizeof(struct cyan_rsa_key *));
    sessions->server_key_count = server_key_count;
    sessions->ops = *ops;
    sessions->handshakes_max = SESSION_HANDSHAKES_MAX;
    sessions->next_serial = serial_base + 1;
    int err = crypto->random(crypto->ctx, (uint8_t *)&seed, sizeof seed);
    if (err == 0) {
        table_init(&sessions->table, sizeof(uint64_t),
                   offsetof(struct session, serial) - offsetof(struct session, by_serial), seed);
        admission_init(&sessions->admission, ~seed);
        err = rsa_queue_init(&sessions->rsa, &shard->loop, handshake_rsa, sessions);
        sessions->rsa.now = shard->wheel.now;
        sessions->rsa.pick = handshake_pick;
        sessions->rsa.cost[RSA_OPEN] = (unsigned)server_key_count;
    }
    shard->on_accept = on_accept;
    shard->owner = sessions;
    return err;
}

static void stop_one(struct table_node *node, void *arg)
{
    (void)arg;
    session_close(session_of_node(node), SESSION_END_STOPPED);
}

void sessions_stop(struct sessions *sessions)
{
    sessions->stopping = true;
    table_each(&sessions->table, stop_one, NULL);
    rsa_queue_close(&sessions->rsa);
}

void sessions_done(struct sessions *sessions)
{
    table_done(&sessions->table);
    admission_done(&sessions->admission);
    cyan_wipe(sessions->message, sizeof sessions->message);
}

struct session *sessions_find(struct sessions *sessions, uint64_t serial)
{
    struct table_node *node = table_find(&sessions->table, &serial);
    return node ? session_of_node(node) : NULL;
}

void session_admitted(struct sessions *sessions, uint64_t serial, enum session_verdict verdict,
                      uint32_t owner)
{
    struct session *session = sessions_find(sessions, serial);
    if (!session || session->state != SESSION_PROVING) {
        return;
    }
    if (verdict == SESSION_REFUSE) {
        session_close(session, SESSION_END_REFUSED);
        return;
    }
    struct cyan_hello hello = session->handshake->hello;
    if (verdict == SESSION_FULL) {
        admission_good(&sessions->admission, session->handshake->place);
    }
    handshake_destroy(session);
    session->state = SESSION_LIVE;
    session->live = true;
    session->held = verdict == SESSION_HELD;
    (void)sessions->crypto->random(sessions->crypto->ctx, (uint8_t *)&session->next_id,
                                   sizeof session->next_id);
    cyan_server_hello_write(session_begin(session), session_new_id(session));
    (void)session_send(session);
    session_watch(session, SESSION_IDLE_MS);
    if (session->held) {
        sessions->ops.held(sessions->ops.arg, session, &hello);
    } else {
        sessions->ops.live(sessions->ops.arg, session, &hello, owner);
    }
    conn_resume(&session->conn);
}

void session_promoted(struct session *session)
{
    session->held = false;
    session_note_good(session);
}

struct cyan_writer *session_begin(struct session *session)
{
    struct sessions *all = session->sessions;
    cyan_writer_init(&all->writer, all->message, sizeof all->message - 1);
    return &all->writer;
}

uint16_t session_new_id(struct session *session)
{
    return ++session->next_id;
}

int session_send(struct session *session)
{
    struct sessions *all = session->sessions;
    const struct cyan_writer *w = &all->writer;
    size_t len = cyan_cipher_sealed_len(w->len);
    if (w->failed) {
        return CYAN_E_TOO_LONG;
    }
    uint8_t *room = session->state == SESSION_LIVE ? conn_room(&session->conn, len) : NULL;
    if (!room) {
        return CYAN_E_CLOSED;
    }
    int err = cyan_cipher_seal(&session->cipher, all->crypto, w->data, w->len, room, len, &len);
    if (err < 0) {
        session_close(session, SESSION_END_INTERNAL);
        return err;
    }
    note_sent(session, room + CYAN_FRAME_HEADER);
    conn_written(&session->conn, len);
    return 0;
}

void session_close(struct session *session, enum session_end why)
{
    if (session->state == SESSION_CLOSING) {
        return;
    }
    if (!session->conn.closing) {
        session->end = (uint8_t)why;
    }
    session_tell_end(session);
    handshake_destroy(session);
    session->state = SESSION_CLOSING;
    wheel_stop(&session->conn.shard->wheel, &session->timer);
    conn_close(&session->conn);
}
