#include "tests/unit/upper.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "server/net/log.h"
#include "tests/unit/unit.h"

size_t upper_server_keys = 1;

static void note_pending(struct upper *upper, uint64_t serial, bool proven)
{
    assert_true(upper->pending_count < UPPER_PENDING_MAX);
    upper->pending[upper->pending_count].serial = serial;
    upper->pending[upper->pending_count++].proven = proven;
}

static void on_judge(void *arg, const struct session_question *question)
{
    struct upper *upper = arg;
    upper->nobodies += question->is_nobody;
    upper->judged += !question->is_nobody;
    upper->serial = question->serial;
    upper->claim = *question->claim;
    memcpy(upper->address, question->address, sizeof upper->address);
    note_pending(upper, question->serial, false);
}

static void on_proven(void *arg, const struct session_proof *proof)
{
    struct upper *upper = arg;
    upper->proven++;
    upper->serial = proof->serial;
    upper->hello = *proof->hello;
    upper->server_key = proof->server_key;
    memcpy(upper->nonce, proof->nonce, sizeof upper->nonce);
    memcpy(upper->id, proof->id, sizeof upper->id);
    memcpy(upper->fingerprint, proof->fingerprint, sizeof upper->fingerprint);
    memcpy(upper->address, proof->address, sizeof upper->address);
    note_pending(upper, proof->serial, true);
}

static void on_live(void *arg, struct session *session, const struct cyan_hello *hello,
                    uint32_t owner)
{
    struct upper *upper = arg;
    upper->lived++;
    upper->session = session;
    assert_int_equal(owner, upper->owner);
    if (upper->above.live) {
        upper->above.live(upper->above.arg, session, hello, owner);
    }
}

static void on_held(void *arg, struct session *session, const struct cyan_hello *hello)
{
    struct upper *upper = arg;
    upper->held++;
    upper->session = session;
    if (upper->above.held) {
        upper->above.held(upper->above.arg, session, hello);
    }
}

static void on_failed(void *arg, const struct session_failure *failure)
{
    struct upper *upper = arg;
    upper->failures++;
    upper->failure = *failure;
    upper->failure.id = failure->id ? upper->failed_id : NULL;
    upper->failure.fingerprint = failure->fingerprint ? upper->failed_fingerprint : NULL;
    upper->failure.address = upper->failed_address;
    if (failure->id) {
        memcpy(upper->failed_id, failure->id, sizeof upper->failed_id);
    }
    if (failure->fingerprint) {
        memcpy(upper->failed_fingerprint, failure->fingerprint, sizeof upper->failed_fingerprint);
    }
    memcpy(upper->failed_address, failure->address, sizeof upper->failed_address);
}

static void on_message(void *arg, struct session *session, const struct cyan_coap *msg)
{
    struct upper *upper = arg;
    upper->heard++;
    upper->message_id = msg->id;
    upper->message_sum = upper->message_sum * 31 + msg->id;
    if (upper->above.message) {
        upper->above.message(upper->above.arg, session, msg);
    }
}

static void on_ended(void *arg, struct session *session)
{
    struct upper *upper = arg;
    upper->ended++;
    upper->end = (enum session_end)session->end;
    if (upper->session == session) {
        upper->session = NULL;
    }
    if (upper->above.ended) {
        upper->above.ended(upper->above.arg, session);
    }
}

static const uint8_t *modulus_of(const struct upper *upper)
{
    char name[VECTOR_NAME_MAX + 1];
    (void)snprintf(name, sizeof name, "%s_spki", upper->device);
    return vectors_bytes(upper->yard.publics, name, CYAN_DEVICE_SPKI_LEN) +
           CYAN_DEVICE_SPKI_MODULUS;
}

static const uint8_t *fingerprint_of(const struct upper *upper)
{
    char name[VECTOR_NAME_MAX + 1];
    (void)snprintf(name, sizeof name, "%s_fingerprint", upper->device);
    return vectors_bytes(upper->yard.publics, name, CYAN_SHA256_LEN);
}

void upper_answer_pending(void *arg)
{
    struct upper *upper = arg;
    size_t kept = 0;
    for (size_t i = 0; i < upper->pending_count; i++) {
        uint64_t serial = upper->pending[i].serial;
        bool proven = upper->pending[i].proven;
        enum upper_answer answer = proven ? upper->admit : upper->judge;
        static const enum session_verdict verdicts[] = {[UPPER_FULL] = SESSION_FULL,
                                                        [UPPER_REFUSE] = SESSION_REFUSE,
                                                        [UPPER_SILENT] = SESSION_REFUSE,
                                                        [UPPER_HELD] = SESSION_HELD};
        enum session_verdict verdict = verdicts[answer];
        if (answer == UPPER_SILENT) {
            upper->pending[kept++] = upper->pending[i];
        } else if (proven) {
            session_admitted(&upper->sessions, serial, verdict, upper->owner);
        } else {
            session_judged(&upper->sessions, serial, verdict,
                           verdict != SESSION_REFUSE ? modulus_of(upper) : NULL,
                           verdict != SESSION_REFUSE ? fingerprint_of(upper) : NULL);
        }
    }
    upper->pending_count = kept;
}

void upper_open(struct upper *upper)
{
    struct session_ops ops = {.arg = upper,
                              .judge = on_judge,
                              .proven = on_proven,
                              .live = on_live,
                              .held = on_held,
                              .message = on_message,
                              .ended = on_ended,
                              .failed = on_failed};
    memset(upper, 0, sizeof *upper);
    upper->device = "device";
    upper->owner = 42;
    yard_open(&upper->yard, NULL, NULL, upper);
    upper->yard.after = upper_answer_pending;
    upper->crypto = *upper->yard.crypto;
    const struct cyan_rsa_key *server_keys[] = {upper->yard.server_key,
                                                upper->yard.other_server_key};
    assert_int_equal(sessions_init(&upper->sessions, upper->yard.shard, &upper->crypto, server_keys,
                                   upper_server_keys, &ops, UPPER_SERIAL_BASE),
                     0);
}

void upper_close(struct upper *upper)
{
    if (!upper->sessions.stopping) {
        sessions_stop(&upper->sessions);
    }
    yard_close(&upper->yard);
    assert_int_equal(upper->sessions.table.count, 0);
    assert_int_equal(upper->sessions.handshakes, 0);
    assert_null(upper->sessions.silent_first);
    assert_int_equal(upper->ended, upper->lived + upper->held);
    sessions_done(&upper->sessions);
}

void upper_peer(struct upper *upper, struct peer *peer, uint8_t id_byte)
{
    peer_open(peer, upper->yard.crypto, upper->yard.keys, upper->yard.publics, upper->yard.port,
              id_byte, yard_turn, &upper->yard);
}

void upper_live_peer(struct upper *upper, struct peer *peer, uint8_t id_byte, bool is_b)
{
    struct cyan_coap hello;
    upper_peer(upper, peer, id_byte);
    peer_shake(peer);
    peer_write_hello(peer, is_b);
    peer_say(peer);
    peer_hear(peer, &hello);
}

static int log_file = -1, real_stderr = -1;

void upper_log_start(void)
{
    log_file = memfd_create("log", MFD_CLOEXEC);
    real_stderr = dup(STDERR_FILENO);
    assert_true(log_file >= 0 && real_stderr >= 0);
    assert_int_equal(dup2(log_file, STDERR_FILENO), STDERR_FILENO);
    log_setup(false, LOG_DEBUG);
}

const char *upper_log_stop(void)
{
    static char text[4096];
    ssize_t len = pread(log_file, text, sizeof text - 1, 0);
    assert_int_equal(dup2(real_stderr, STDERR_FILENO), STDERR_FILENO);
    (void)close(real_stderr);
    (void)close(log_file);
    yard_quiet();
    assert_in_range(len, 0, sizeof text - 1);
    text[len] = '\0';
    return text;
}
