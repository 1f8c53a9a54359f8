#include "bench/fleet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/reader.h"
#include "wire/frame.h"
#include "wire/hello.h"

enum { EVENTS_A_TURN = 256 };

void fleet_init(struct fleet *fleet, const struct rig *rig, const struct cyan_crypto *crypto,
                size_t count)
{
    *fleet = (struct fleet){.rig = rig, .crypto = crypto, .count = count};
    fleet->epoll = epoll_create1(EPOLL_CLOEXEC);
    fleet->devices = calloc(count, sizeof *fleet->devices);
    if (fleet->epoll < 0 || !fleet->devices) {
        bench_die("there is not enough memory for the devices");
    }
    for (size_t i = 0; i < count; i++) {
        fleet->devices[i].socket = -1;
    }
}

void fleet_done(struct fleet *fleet)
{
    for (size_t i = 0; i < fleet->count; i++) {
        fleet_hang_up(fleet, &fleet->devices[i]);
    }
    (void)close(fleet->epoll);
    free(fleet->devices);
}

void fleet_hang_up(struct fleet *fleet, struct fleet_device *device)
{
    if (device->socket < 0) {
        return;
    }
    (void)close(device->socket);
    device->socket = -1;
    if (device->state == FLEET_LIVE) {
        fleet->live--;
    }
    device->state = FLEET_GONE;
    fleet->gone++;
}

void fleet_dial(struct fleet *fleet, size_t i, size_t index)
{
    struct fleet_device *device = &fleet->devices[i];
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(fleet->rig->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = device};
    int one = 1;
    *device = (struct fleet_device){.index = index};
    device->socket = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (device->socket < 0 ||
        (connect(device->socket, (const struct sockaddr *)&address, sizeof address) < 0 &&
         errno != EINPROGRESS) ||
        epoll_ctl(fleet->epoll, EPOLL_CTL_ADD, device->socket, &event) < 0) {
        bench_die("a device cannot dial: too few descriptors?");
    }
    (void)setsockopt(device->socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

static void send_all(struct fleet *fleet, struct fleet_device *device, const uint8_t *data,
                     size_t len)
{
    if (send(device->socket, data, len, MSG_NOSIGNAL) != (ssize_t)len) {
        fleet_hang_up(fleet, device);
    }
}

void fleet_send(struct fleet *fleet, struct fleet_device *device, const uint8_t *message,
                size_t len)
{
    uint8_t frame[CYAN_FRAME_HEADER + CYAN_FRAME_MAX_FROM_DEVICE];
    size_t frame_len = 0;
    if (cyan_cipher_seal(&device->cipher, fleet->crypto, message, len, frame, sizeof frame,
                         &frame_len) < 0) {
        bench_die("a frame cannot be sealed");
    }
    send_all(fleet, device, frame, frame_len);
}

static void answer_nonce(struct fleet *fleet, struct fleet_device *device)
{
    uint8_t id[CYAN_ID_LEN];
    uint8_t request[CYAN_REQUEST_LEN];
    rig_id(device->index, id);
    if (cyan_handshake_request(fleet->crypto, fleet->rig->server_spki + CYAN_SERVER_SPKI_MODULUS,
                               device->in, id, fleet->rig->device_spki, request) < 0) {
        bench_die("a request cannot be made");
    }
    device->state = FLEET_ANSWER;
    send_all(fleet, device, request, sizeof request);
}

static void take_answer(struct fleet *fleet, struct fleet_device *device)
{
    uint8_t credentials[CYAN_CREDENTIALS_LEN];
    uint8_t message[64];
    struct cyan_rsa_crt crt;
    struct cyan_writer w;
    const struct cyan_hello hello = {.message_id = 1,
                                     .product_id = CYAN_PRODUCT_NONE,
                                     .product_version = CYAN_PRODUCT_NONE,
                                     .platform_id = CYAN_PLATFORM_PHOTON};
    cyan_keyblob_crt(fleet->rig->slot, &crt);
    if (cyan_handshake_accept(fleet->crypto, &crt,
                              fleet->rig->server_spki + CYAN_SERVER_SPKI_MODULUS, device->in,
                              credentials) < 0) {
        bench_die("cyand's answer cannot be opened");
    }
    cyan_cipher_init(&device->cipher, credentials);
    device->message_id = hello.message_id;
    cyan_writer_init(&w, message, sizeof message);
    cyan_hello_write(&w, &hello);
    device->state = FLEET_HELLO;
    fleet_send(fleet, device, message, w.len);
}

static void take_frame(struct fleet *fleet, struct fleet_device *device)
{
    if (device->state == FLEET_HELLO) {
        device->state = FLEET_LIVE;
        fleet->live++;
        if (fleet->on_live) {
            fleet->on_live(fleet, device);
        }
        return;
    }
    device->acknowledged++;
    if (fleet->on_frame) {
        fleet->on_frame(fleet, device);
    }
}

/* Takes what is whole of what has come; what remains is moved to the front. */
static void take(struct fleet *fleet, struct fleet_device *device)
{
    size_t pos = 0;
    while (device->socket >= 0) {
        size_t left = device->got - pos;
        if (device->state == FLEET_NONCE || device->state == FLEET_ANSWER) {
            bool nonce = device->state == FLEET_NONCE;
            size_t need = nonce ? CYAN_NONCE_LEN : CYAN_ANSWER_LEN;
            if (left < need) {
                break;
            }
            (nonce ? answer_nonce : take_answer)(fleet, device);
            pos += need;
            continue;
        }
        int body = cyan_frame_next(device->in + pos, left, sizeof device->in - CYAN_FRAME_HEADER);
        if (body < 0) {
            break;
        }
        pos += CYAN_FRAME_HEADER + (size_t)body;
        take_frame(fleet, device);
    }
    memmove(device->in, device->in + pos, device->got - pos);
    device->got -= pos;
}

bool fleet_turn(struct fleet *fleet, int ms)
{
    struct epoll_event events[EVENTS_A_TURN];
    int n = epoll_wait(fleet->epoll, events, EVENTS_A_TURN, ms);
    for (int i = 0; i < n; i++) {
        struct fleet_device *device = events[i].data.ptr;
        if (device->socket < 0) {
            continue;
        }
        ssize_t got =
            recv(device->socket, device->in + device->got, sizeof device->in - device->got, 0);
        if (got <= 0) {
            if (got == 0 || errno != EAGAIN) {
                fleet_hang_up(fleet, device);
            }
            continue;
        }
        device->got += (size_t)got;
        take(fleet, device);
    }
    return n > 0;
}
