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
    admission_key(hs->address, hs->place);
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
    admission_leave(&all->admission, &hs->turn);
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

static bool is_long(const struct sessions *all)
{
    return rsa_queue_waits_ms(&all->rsa) > ADMISSION_LONG_MS;
}

static void request_came(struct session *session, struct handshake *hs)
{
    struct sessions *all = session->sessions;
    if (is_long(all) && admission_is_flood(&all->admission, hs->place, session->heard_ms)) {
        session_close(session, SESSION_END_FLOOD);
        return;
    }
    list_remove(all, hs);
    hs->whole_ms = session->heard_ms;
    session_watch(session, SESSION_OURS_MS);
    session->state = SESSION_OPENING;
    rsa_queue_add(&all->rsa, &hs->item, RSA_OPEN);
    admission_wait(&all->admission, &hs->turn, hs->place);
}

struct rsa_item *handshake_pick(void *arg)
{
    struct sessions *all = arg;
    struct admission_item *turn = is_long(all) ? admission_next(&all->admission) : NULL;
    if (!turn) {
        return NULL;
    }
    struct handshake *hs = (struct handshake *)((char *)turn - offsetof(struct handshake, turn));
    return &hs->item;
}

void handshake_bytes(struct session *session, const uint8_t *data, size_t len)
{
    struct handshake *hs = session->handshake;
    if (session->state == SESSION_FAILING) {
        conn_pause(&session->conn); /* nothing that it says matters, nor is worth reading on */
        return;
    }
    if (session->state != SESSION_REQUEST || len > sizeof hs->request - hs->got) {
        session_close(session, SESSION_END_BAD_FRAME);
        return;
    }
    memcpy(hs->request + hs->got, data, len);
    hs->got = (uint16_t)(hs->got + len);
    if (hs->got == sizeof hs->request) {
        request_came(session, hs);
    }
}

/* The claim of one that does not exist: nobody could tell it from a true one. */
static int make_nobody(const struct cyan_crypto *crypto, struct cyan_claim *out_claim)
{
    enum { TOP_BIT = 0x80, ODD = 1 };
    uint8_t modulus[CYAN_RSA1024_LEN];
    *out_claim = (struct cyan_claim){.has_key = true};
    int err = crypto->random(crypto->ctx, out_claim->id, sizeof out_claim->id);
    if (err == 0) {
        err = crypto->random(crypto->ctx, modulus, sizeof modulus);
    }
    if (err == 0) {
        modulus[0] |= TOP_BIT;
        modulus[sizeof modulus - 1] |= ODD;
        cyan_device_spki_write(modulus, out_claim->spki);
    }
    return err;
}

/* Tries every key of ours, whichever fits, so that the work is the same for all requests. Gives
 * the index of the one that fits, or an error. */
static int open_with_each(const struct sessions *all, const struct handshake *hs,
                          struct cyan_claim *out_claim)
{
    struct cyan_claim claims[SESSION_SERVER_KEYS];
    int found = CYAN_E_NOT_DECIPHERABLE;
    for (size_t i = 0; i < all->server_key_count; i++) {
        int err = cyan_handshake_open(all->crypto, all->server_keys[i], hs->nonce, hs->request,
                                      &claims[i]);
        if (err == 0 && found < 0) {
            found = (int)i;
        }
    }
    if (found >= 0) {
        *out_claim = claims[found];
    }
    return found;
}

/* What cannot be deciphered goes on as nobody, who is made for every request, needed or not: the
 * rest of the road is one for all that custody refuses. */
static void open_request(struct session *session, struct handshake *hs)
{
    struct sessions *all = session->sessions;
    if (make_nobody(all->crypto, &hs->claim) < 0) {
        session_close(session, SESSION_END_INTERNAL);
        return;
    }
    int found = open_with_each(all, hs, &hs->claim);
    hs->is_nobody = found < 0;
    if (hs->is_nobody) {
        admission_junk(&all->admission, hs->place, wheel_now(&session->conn.shard->wheel));
    }
    hs->server_key = (uint8_t)(found < 0 ? 0 : found);
    memcpy(session->id, hs->claim.id, sizeof session->id);
    session->state = SESSION_JUDGING;
    struct session_question question = {.serial = session->serial,
                                        .is_nobody = hs->is_nobody,
                                        .claim = &hs->claim,
                                        .address = hs->address};
    all->ops.judge(all->ops.arg, &question);
}

void session_judged(struct sessions *sessions, uint64_t serial, enum session_verdict verdict,
                    const uint8_t *modulus, const uint8_t *fingerprint)
{
    struct session *session = sessions_find(sessions, serial);
    if (!session || session->state != SESSION_JUDGING) {
        return;
    }
    struct handshake *hs = session->handshake;
    if (verdict == SESSION_REFUSE || hs->is_nobody) {
        session_fail(session);
        return;
    }
    memcpy(hs->modulus, modulus, sizeof hs->modulus);
    memcpy(session->fingerprint, fingerprint, sizeof session->fingerprint);
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
    int err = cyan_handshake_answer(all->crypto, all->server_keys[hs->server_key], hs->modulus,
                                    credentials, room);
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
        admission_leave(&hs->session->sessions->admission, &hs->turn);
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
    struct session_proof proof = {.serial = session->serial,
                                  .server_key = hs->server_key,
                                  .nonce = hs->nonce,
                                  .id = session->id,
                                  .fingerprint = session->fingerprint,
                                  .claim = &hs->claim,
                                  .hello = &hs->hello,
                                  .address = hs->address};
    all->ops.proven(all->ops.arg, &proof);
}

enum session_end handshake_end_of_peer(const struct session *session)
{
    switch (session->state) {
    case SESSION_REQUEST:
        return session->handshake->got == 0 ? SESSION_END_HUNG_UP : SESSION_END_TRUNCATED;
    case SESSION_HELLO:
        return SESSION_END_DROPPED_OUR_KEY;
    case SESSION_JUDGING:
        return session->handshake->is_nobody ? SESSION_END_NOT_DECIPHERABLE : SESSION_END_PEER;
    case SESSION_FAILING:
        return handshake_end_of_time(session);
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
    case SESSION_FAILING:
        return session->handshake->is_nobody ? SESSION_END_NOT_DECIPHERABLE : SESSION_END_REFUSED;
    default:
        return SESSION_END_INTERNAL; /* the silence was ours */
    }
}
