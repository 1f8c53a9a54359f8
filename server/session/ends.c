/* How sessions end: what each end is called, who hears of it, and when a refused request closes. */
#include <string.h>

#include "base/hex.h"
#include "server/net/log.h"
#include "server/session/handshake.h"

const char *session_end_name(enum session_end end)
{
    static const char *const names[] = {
        [SESSION_END_PEER] = "closed-by-device",
        [SESSION_END_SILENT] = "silent",
        [SESSION_END_TRUNCATED] = "truncated",
        [SESSION_END_HUNG_UP] = "hung-up-after-nonce",
        [SESSION_END_NOT_DECIPHERABLE] = "not-decipherable",
        [SESSION_END_REFUSED] = "refused",
        [SESSION_END_DROPPED_OUR_KEY] = "dropped-our-key",
        [SESSION_END_BAD_HELLO] = "bad-hello",
        [SESSION_END_BAD_FRAME] = "bad-frame",
        [SESSION_END_TIMEOUT] = "timeout",
        [SESSION_END_DISPLACED] = "displaced",
        [SESSION_END_KEY_CHANGED] = "key-changed",
        [SESSION_END_PROMOTED] = "promoted",
        [SESSION_END_FLOOD] = "flood",
        [SESSION_END_STOPPED] = "stopped",
        [SESSION_END_SLOW] = "does-not-read",
        [SESSION_END_INTERNAL] = "internal",
    };
    return names[end];
}

void session_fail(struct session *session)
{
    uint64_t now = wheel_now(&session->conn.shard->wheel);
    uint64_t moment = session->handshake->whole_ms + SESSION_FAIL_MS;
    session->state = SESSION_FAILING;
    if (now < moment) {
        session_watch(session, moment - now);
    } else {
        session_close(session, handshake_end_of_time(session));
    }
}

static bool is_worth_an_incident(const struct session *session)
{
    switch (session->end) {
    case SESSION_END_SILENT:
    case SESSION_END_TRUNCATED:
    case SESSION_END_HUNG_UP:
    case SESSION_END_NOT_DECIPHERABLE:
    case SESSION_END_DROPPED_OUR_KEY:
    case SESSION_END_BAD_HELLO:
    case SESSION_END_BAD_FRAME:
    case SESSION_END_FLOOD:
        return true;
    case SESSION_END_TIMEOUT:
        return !session->live; /* a device that lost its power is no incident */
    default:
        return false;
    }
}

static void tell_failure(struct session *session)
{
    struct sessions *all = session->sessions;
    const struct handshake *hs = session->handshake;
    char address[CONN_ADDRESS_TEXT] = "";
    struct session_failure failure = {.serial = session->serial,
                                      .end = (enum session_end)session->end,
                                      .stage = (enum session_state)session->state,
                                      .was_live = session->live,
                                      .address = address};
    if (hs) {
        memcpy(address, hs->address, sizeof address);
    } else {
        conn_address(&session->conn, address);
    }
    if (hs && hs->is_nobody) {
        /* One cause, and one stage, whatever else it did before it was closed. */
        failure.end = SESSION_END_NOT_DECIPHERABLE;
        failure.stage = SESSION_OPENING;
    } else if (session->state >= SESSION_JUDGING) {
        failure.id = session->id;
    }
    if (session->state >= SESSION_HELLO) {
        failure.fingerprint = session->fingerprint;
    }
    all->ops.failed(all->ops.arg, &failure);
}

void session_note_good(struct session *session)
{
    char address[CONN_ADDRESS_TEXT];
    uint8_t place[ADMISSION_KEY_LEN];
    conn_address(&session->conn, address);
    if (address[0] != '\0') { /* known no more when the other end has reset the connection */
        admission_key(address, place);
        admission_good(&session->sessions->admission, place);
    }
}

void session_tell_end(struct session *session)
{
    if (session->live && !session->held) {
        char id[CYAN_ID_TEXT];
        cyan_hex_encode(session->id, sizeof session->id, id);
        log_write(LOG_INFO, "session ended", "device", id, "cause",
                  session_end_name((enum session_end)session->end), NULL);
        session_note_good(session);
    }
    if (is_worth_an_incident(session)) {
        tell_failure(session);
    }
}
