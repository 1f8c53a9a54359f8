#include "tests/unit/peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "tests/unit/unit.h"
#include "wire/event.h"
#include "wire/frame.h"
#include "wire/handshake.h"

enum { PATIENCE_S = 20 };

uint8_t peer_host = 1;

static const uint8_t *public_key(const struct peer *peer, const char *whose)
{
    char name[VECTOR_NAME_MAX + 1];
    (void)snprintf(name, sizeof name, "%s_spki", whose);
    return vectors_get(peer->publics, name)->data;
}

void peer_open(struct peer *peer, const struct cyan_crypto *crypto, const struct vectors *keys,
               const struct vectors *publics, uint16_t port, uint8_t id_byte,
               void (*turn)(void *arg), void *arg)
{
    struct sockaddr_in from = {.sin_family = AF_INET};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + peer_host);
    int one = 1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    *peer = (struct peer){.turn = turn,
                          .arg = arg,
                          .crypto = crypto,
                          .keys = keys,
                          .publics = publics,
                          .device = "device",
                          .server = "server",
                          .last_id = 0x2000};
    memset(peer->id, id_byte, sizeof peer->id);
    peer->bytes = malloc(PEER_BUFFER);
    assert_non_null(peer->bytes);
    peer->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(peer->fd >= 0);
    assert_int_equal(setsockopt(peer->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one), 0);
    assert_int_equal(bind(peer->fd, (const struct sockaddr *)&from, sizeof from), 0);
    assert_int_equal(connect(peer->fd, (const struct sockaddr *)&address, sizeof address), 0);
}

void peer_close(struct peer *peer)
{
    if (peer->fd >= 0) {
        (void)close(peer->fd);
        peer->fd = -1;
    }
    free(peer->bytes);
    peer->bytes = NULL;
}

void peer_send(struct peer *peer, const uint8_t *data, size_t len)
{
    while (len > 0) {
        ssize_t n = send(peer->fd, data, len, MSG_NOSIGNAL);
        assert_true(n > 0);
        data += n;
        len -= (size_t)n;
    }
}

void peer_look(struct peer *peer)
{
    while (!peer->closed && peer->len < PEER_BUFFER) {
        ssize_t n = recv(peer->fd, peer->bytes + peer->len, PEER_BUFFER - peer->len, MSG_DONTWAIT);
        if (n > 0) {
            peer->len += (size_t)n;
        } else if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            return;
        } else {
            peer->closed = true;
        }
    }
}

/* Turns until cond holds or patience ends. */
#define WAIT_UNTIL(peer, cond, what)                                                               \
    do {                                                                                           \
        time_t end_s = time(NULL) + PATIENCE_S;                                                    \
        peer_look(peer);                                                                           \
        while (!(cond)) {                                                                          \
            if (time(NULL) > end_s) {                                                              \
                fail_msg("waited in vain for %s", what);                                           \
            }                                                                                      \
            (peer)->turn((peer)->arg);                                                             \
            peer_look(peer);                                                                       \
        }                                                                                          \
    } while (0)

void peer_want(struct peer *peer, size_t len)
{
    WAIT_UNTIL(peer, peer->len >= len || peer->closed, "bytes");
    if (peer->len < len) {
        fail_msg("the server closed after %zu bytes of %zu", peer->len, len);
    }
}

void peer_take(struct peer *peer, size_t len)
{
    assert_true(len <= peer->len);
    memmove(peer->bytes, peer->bytes + len, peer->len - len);
    peer->len -= len;
}

void peer_expect_close(struct peer *peer)
{
    WAIT_UNTIL(peer, peer->closed, "the end");
}

void peer_make_request(struct peer *peer, const uint8_t *spki,
                       uint8_t out_request[static CYAN_REQUEST_LEN])
{
    peer_want(peer, CYAN_NONCE_LEN);
    assert_int_equal(cyan_handshake_request(
                         peer->crypto, public_key(peer, peer->server) + CYAN_SERVER_SPKI_MODULUS,
                         peer->bytes, peer->id, spki, out_request),
                     0);
    peer_take(peer, CYAN_NONCE_LEN);
}

void peer_accept(struct peer *peer)
{
    uint8_t credentials[CYAN_CREDENTIALS_LEN];
    uint8_t slot[CYAN_DEVICE_KEY_SLOT] = {0};
    char name[VECTOR_NAME_MAX + 1];
    struct cyan_rsa_crt crt;
    (void)snprintf(name, sizeof name, "%s_key", peer->device);
    memcpy(slot, vectors_bytes(peer->keys, name, CYAN_DEVICE_KEY_LEN), CYAN_DEVICE_KEY_LEN);
    cyan_keyblob_crt(slot, &crt);
    peer_want(peer, CYAN_ANSWER_LEN);
    assert_int_equal(
        cyan_handshake_accept(peer->crypto, &crt,
                              public_key(peer, peer->server) + CYAN_SERVER_SPKI_MODULUS,
                              peer->bytes, credentials),
        0);
    peer_take(peer, CYAN_ANSWER_LEN);
    cyan_cipher_init(&peer->cipher, credentials);
}

void peer_shake(struct peer *peer)
{
    uint8_t request[CYAN_REQUEST_LEN];
    peer_make_request(peer, public_key(peer, peer->device), request);
    peer_send(peer, request, sizeof request);
    peer_accept(peer);
}

struct cyan_writer *peer_begin(struct peer *peer)
{
    cyan_writer_init(&peer->writer, peer->message, sizeof peer->message);
    return &peer->writer;
}

size_t peer_seal(struct peer *peer, uint8_t *out_frame, size_t cap)
{
    size_t len = 0;
    assert_false(peer->writer.failed);
    assert_int_equal(cyan_cipher_seal(&peer->cipher, peer->crypto, peer->message, peer->writer.len,
                                      out_frame, cap, &len),
                     0);
    return len;
}

void peer_say(struct peer *peer)
{
    uint8_t frame[sizeof peer->message + 64] = {0};
    size_t len = peer_seal(peer, frame, sizeof frame);
    peer_send(peer, frame, len);
}

size_t peer_seal_event(struct peer *peer, size_t len, uint8_t *out_frame, size_t cap)
{
    static uint8_t data[CYAN_EVENT_DATA_MAX];
    struct cyan_event event = {
        .name = "t", .data = data, .data_len = len, .ttl = CYAN_EVENT_TTL_DEFAULT};
    memset(data, 'x', sizeof data);
    cyan_event_write(peer_begin(peer), CYAN_COAP_NON, ++peer->last_id, &event);
    return peer_seal(peer, out_frame, cap);
}

void peer_send_unpadded(struct peer *peer, const uint8_t *plain, size_t len)
{
    uint8_t frame[64];
    assert_true(CYAN_FRAME_HEADER + len <= sizeof frame);
    memcpy(frame + CYAN_FRAME_HEADER, plain, len);
    cyan_put_be16(frame, (uint16_t)len);
    assert_int_equal(peer->crypto->aes128_cbc_encrypt(peer->crypto->ctx, peer->cipher.key,
                                                      peer->cipher.send_iv,
                                                      frame + CYAN_FRAME_HEADER, len),
                     0);
    peer_send(peer, frame, CYAN_FRAME_HEADER + len);
}

void peer_write_hello(struct peer *peer, bool is_b)
{
    struct cyan_hello hello = {.message_id = ++peer->last_id,
                               .product_id = CYAN_PRODUCT_NONE,
                               .product_version = CYAN_PRODUCT_NONE,
                               .flags = is_b ? CYAN_HELLO_DIAGNOSTICS : 0,
                               .platform_id = CYAN_PLATFORM_PHOTON};
    cyan_hello_write(peer_begin(peer), &hello);
}

bool peer_hears(struct peer *peer, struct cyan_coap *out_msg)
{
    size_t message_len = 0;
    peer_look(peer);
    int body = cyan_frame_next(peer->bytes, peer->len, CYAN_FRAME_MAX_TO_DEVICE);
    if (body == CYAN_E_AGAIN) {
        return false;
    }
    assert_true(body > 0);
    memcpy(peer->frame, peer->bytes + CYAN_FRAME_HEADER, (size_t)body);
    peer_take(peer, CYAN_FRAME_HEADER + (size_t)body);
    assert_int_equal(
        cyan_cipher_open(&peer->cipher, peer->crypto, peer->frame, (size_t)body, &message_len), 0);
    assert_int_equal(cyan_coap_parse(peer->frame, message_len, out_msg), 0);
    return true;
}

void peer_hear(struct peer *peer, struct cyan_coap *out_msg)
{
    bool heard = false;
    WAIT_UNTIL(peer, (heard = peer_hears(peer, out_msg)) || peer->closed, "a message");
    assert_true(heard);
}
