#include "server/session/handshake.h"

#include <stdlib.h>
#include <string.h>

#include "base/secret.h"

static struct handshake *handshake_of(struct rsa_item *item)
{
    return (struct handshake *)((char *)item - offsetof(struct handshake, item));
}

/* The list of those that wait for their request, the longest silent first. */
static void list_add(struct sessions *all, struct handshake *hs)
{
    hs->prev = all->silent_last;
    if (all->silent_last) {
        all->silent_last->next = hs;
    } else {
        all->silent_first = hs;
    }
    all->silent_last = hs;
}

static void list_remove(struct sessions *all, struct handshake *hs)
{
    if (hs->prev) {
        hs->prev->next = hs->next;
    } else if (all->silent_first == hs) {
        all->silent_first = hs->next;
    }
    if (hs->next) {
        hs->next->prev = hs->prev;
    } else if (all->silent_last == hs) {
        all->silent_last = hs->prev;
    }
    hs->next = NULL;
    hs->prev = NULL;
}

int handshake_start(struct session *session)
{
    struct sessions *all = session->sessions;
    struct handshake *hs = calloc(1, sizeof *hs);
    if (!hs) {
        return CYAN_E_NO_MEMORY;
    }
    hs->session = session;
    session->handshake = hs;
    session->state = SESSION_REQUEST;
    all->handshakes++;
    list_add(all, hs);
    conn_address(&session->conn, hs->address);
    if (all->crypto->random(all->crypto->ctx, hs->nonce, sizeof hs->nonce) < 0) {
        return CYAN_E_RANDOM;
    }
    uint8_t *room = conn_room(&session->conn, sizeof hs->nonce);
    if (!room) {
        return CYAN_E_CLOSED;
    }
    memcpy(room, hs->nonce, sizeof hs->nonce);
    conn_written(&session->conn, sizeof hs->nonce);
    if (all->handshakes > all->handshakes_max && all->silent_first != hs) {
        session_close(all->silent_first->session, SESSION_END_FLOOD);
    }
    return 0;
}

void handshake_destroy(struct session *session)
{
    struct handshake *hs = session->handshake;
    if (!hs) {
        return;
    }
    struct sessions *all = session->sessions;
    list_remove(all, hs);
    rsa_queue_remove(&all->rsa, &hs->item);
    all->handshakes--;
    cyan_wipe(hs, sizeof *hs);
    free(hs);
    session->handshake = NULL;
}

size_t handshake_want(const struct session *session)
{
    /* After the request nothing may come until we have answered; one byte is read all the same,
     * since only a reader learns that the other end has gone, and saves its RSA work. */
    return session->state == SESSION_REQUEST ? CYAN_REQUEST_LEN - (size_t)session->handshake->got
                                             : 1;
}

void handshake_bytes(struct session *session, const uint8_t *data, size_t len)
{
    struct handshake *hs = session->handshake;
    if (session->state != SESSION_REQUEST || len > sizeof hs->request - hs->got) {
        session_close(session, SESSION_END_BAD_FRAME);
        return;
    }
    memcpy(hs->request + hs->got, data, len);
    hs->got = (uint16_t)(hs->got + len);
    if (hs->got == sizeof hs->request) {
        list_remove(session->sessions, hs);
        session_watch(session, SESSION_OURS_MS);
        session->state = SESSION_OPENING;
        rsa_queue_add(&session->sessions->rsa, &hs->item, RSA_OPEN);
    }
}

static void open_request(struct session *session, struct handshake *hs)
{
    struct sessions *all = session->sessions;
    int err = cyan_handshake_open(all->crypto, all->server_key, hs->nonce, hs->request, &hs->claim);
    if (err < 0) {
        session_close(session, SESSION_END_NOT_DECIPHERABLE);
        return;
    }
    memcpy(session->id, hs->claim.id, sizeof session->id);
    session->state = SESSION_JUDGING;
    all->ops.judge(all->ops.arg, session->serial, &hs->claim, hs->address);
}

void session_judged(struct sessions *sessions, uint64_t serial, enum session_verdict verdict,
                    const uint8_t *modulus, const uint8_t *fingerprint)
{
    struct session *session = sessions_find(sessions, serial);
    if (!session || session->state != SESSION_JUDGING) {
        return;
    }
    if (verdict != SESSION_FULL) {
        session_close(session, SESSION_END_REFUSED);
        return;
    }
    struct handshake *hs = session->handshake;
    memcpy(hs->modulus, modulus, sizeof hs->modulus);
    memcpy(hs->fingerprint, fingerprint, sizeof hs->fingerprint);
    session->state = SESSION_ANSWERING;
    rsa_queue_add(&sessions->rsa, &hs->item, RSA_ANSWER);
}

static void send_answer(struct session *session, struct handshake *hs)
{
    struct sessions *all = session->sessions;
    uint8_t credentials[CYAN_CREDENTIALS_LEN];
    uint8_t *room = conn_room(&session->conn, CYAN_ANSWER_LEN);
    if (!room) {
        return;
    }
    int err = cyan_handshake_answer(all->crypto, all->server_key, hs->modulus, credentials, room);
    if (err < 0) {
        session_close(session, SESSION_END_INTERNAL);
        return;
    }
    conn_written(&session->conn, CYAN_ANSWER_LEN);
    cyan_cipher_init(&session->cipher, credentials);
    cyan_wipe(credentials, sizeof credentials);
    session->state = SESSION_HELLO;
    session_watch(session, SESSION_HELLO_MS);
}

void handshake_rsa(void *arg, struct rsa_item *item, enum rsa_order order)
{
    struct handshake *hs = handshake_of(item);
    (void)arg;
    if (order == RSA_OPEN) {
        open_request(hs->session, hs);
    } else {
        send_answer(hs->session, hs);
    }
}

void handshake_hello(struct session *session, const struct cyan_coap *msg)
{
    struct sessions *all = session->sessions;
    struct handshake *hs = session->handshake;
    if (cyan_hello_read(msg, &hs->hello) < 0) {
        session_close(session, SESSION_END_BAD_HELLO);
        return;
    }
    session->state = SESSION_PROVING;
    session_watch(session, SESSION_OURS_MS);
    conn_pause(&session->conn);
    all->ops.proven(all->ops.arg, session->serial, session->id, hs->fingerprint, &hs->hello,
                    hs->address);
}

enum session_end handshake_end_of_peer(const struct session *session)
{
    switch (session->state) {
    case SESSION_REQUEST:
        return session->handshake->got == 0 ? SESSION_END_HUNG_UP : SESSION_END_TRUNCATED;
    case SESSION_HELLO:
        return SESSION_END_DROPPED_OUR_KEY;
    default:
        return SESSION_END_PEER;
    }
}

enum session_end handshake_end_of_time(const struct session *session)
{
    switch (session->state) {
    case SESSION_REQUEST:
        return session->handshake->got == 0 ? SESSION_END_SILENT : SESSION_END_TIMEOUT;
    case SESSION_HELLO:
        return SESSION_END_TIMEOUT;
    default:
        return SESSION_END_INTERNAL; /* the silence was ours */
    }
}
