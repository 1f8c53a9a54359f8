/* devices.c - what devices cost cyand: handshakes, storms of them, memory when idle, events.
 *
 * The real cyand runs with one shard on core 0, the devices on core 1. Limits are measured in the
 * same run: for handshakes their cryptography in a bare loop, for events a bare echo over epoll.
 * usage: devices CYAND */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/fleet.h"
#include "bench/reader.h"
#include "bench/rig.h"
#include "crypto/openssl.h"
#include "keys/serverkey.h"
#include "wire/event.h"

enum {
    HANDSHAKES = 4000,
    AT_ONCE = 64,
    STORM = 1000,
    STORM_LIMIT_S = 5,
    IDLE = 5000,
    IDLE_WARM = 200,
    EVENT_DEVICES = 20,
    WINDOW = 4,
    PATIENCE_MS = 20000,
    LIMIT_ROUNDS = 1500,
    FRAME_IN = 82,
    FRAME_OUT = 18,
};
static const double EVENT_SECONDS = 4.0;

static void need(bool ok, const char *what)
{
    if (!ok) {
        bench_die(what);
    }
}

/* Handshakes per CPU second if nothing but their cryptography had to be done. */
static double crypto_limit(const struct rig *rig, const struct cyan_crypto *crypto,
                           const struct cyan_rsa_key *server_key)
{
    uint8_t block[CYAN_RSA2048_LEN], out[CYAN_RSA2048_LEN], mac[CYAN_SHA1_LEN];
    uint8_t random[CYAN_RSA1024_LEN];
    memset(block, 0, sizeof block);
    memset(block + 1, 0x5A, sizeof block - 1);
    double before = rig_own_cpu_s();
    for (int i = 0; i < LIMIT_ROUNDS; i++) {
        need(crypto->random(crypto->ctx, random, sizeof random) == 0, "no random numbers");
        random[0] = 0; /* below the modulus, as a padded block is */
        need(crypto->rsa_private(crypto->ctx, server_key, block, out) == 0 &&
                 crypto->rsa_public(crypto->ctx, rig->key.n, sizeof rig->key.n, random, out) == 0 &&
                 crypto->hmac_sha1(crypto->ctx, random, CYAN_NONCE_LEN, out, CYAN_RSA1024_LEN,
                                   mac) == 0 &&
                 crypto->rsa_private(crypto->ctx, server_key, block, out) == 0,
             "the cryptography fails");
    }
    return LIMIT_ROUNDS / (rig_own_cpu_s() - before);
}

static void on_through(struct fleet *fleet, struct fleet_device *device)
{
    size_t *done = fleet->arg;
    (*done)++;
    fleet_hang_up(fleet, device);
}

/* Every place that is free is taken by the next device. */
static size_t dial_free(struct fleet *fleet, size_t dialled)
{
    for (size_t i = 0; i < fleet->count && dialled < HANDSHAKES; i++) {
        if (fleet->devices[i].socket < 0) {
            fleet_dial(fleet, i, dialled++);
        }
    }
    return dialled;
}

static void bench_handshakes(const char *cyand, const struct cyan_crypto *crypto,
                             const struct cyan_rsa_key *server_key)
{
    struct rig rig;
    struct fleet fleet;
    size_t done = 0;
    rig_start(&rig, cyand, crypto, HANDSHAKES);
    fleet_init(&fleet, &rig, crypto, AT_ONCE);
    fleet.on_live = on_through;
    fleet.arg = &done;
    double cpu = rig_cpu_s(&rig);
    size_t dialled = dial_free(&fleet, 0);
    while (done < HANDSHAKES && fleet_turn(&fleet, PATIENCE_MS)) {
        dialled = dial_free(&fleet, dialled);
    }
    cpu = rig_cpu_s(&rig) - cpu;
    need(done == HANDSHAKES, "not every device got through its handshake");
    rig_pin(0);
    double limit = crypto_limit(&rig, crypto, server_key);
    rig_pin(1);
    rig_print("handshakes_per_cpu_s", HANDSHAKES / cpu, "1/s", limit);
    fleet_done(&fleet);
    (void)rig_stop(&rig);
}

static void bench_storm(const char *cyand, const struct cyan_crypto *crypto)
{
    struct rig rig;
    struct fleet fleet;
    rig_start(&rig, cyand, crypto, STORM);
    fleet_init(&fleet, &rig, crypto, STORM);
    double start = rig_now_s();
    for (size_t i = 0; i < STORM; i++) {
        fleet_dial(&fleet, i, i);
    }
    while (fleet.live + fleet.gone < STORM && fleet_turn(&fleet, PATIENCE_MS)) {
    }
    double took = rig_now_s() - start;
    rig_print("storm_devices_online", (double)fleet.live, "of 1000", STORM);
    rig_print("storm_s", took, "s", 0);
    fleet_done(&fleet);
    rig_print("storm_longest_turn_us", rig_stop(&rig), "us", 0);
}

static void connect_all(struct fleet *fleet, size_t from, size_t to)
{
    size_t dialled = from;
    while (fleet->live < to) {
        while (dialled < to && dialled - fleet->live < AT_ONCE) {
            fleet_dial(fleet, dialled, dialled);
            dialled++;
        }
        need(fleet_turn(fleet, PATIENCE_MS) && fleet->gone == 0, "a device did not get online");
    }
}

/* cyand is killed under a thousand devices behind one address. Each dials again when its connection
 * breaks, as devices do after a session that was full, and then as often as it must; the time
 * counts from the kill until the last is online. */
static void bench_restart(const char *cyand, const struct cyan_crypto *crypto)
{
    struct rig rig;
    struct fleet fleet;
    rig_start(&rig, cyand, crypto, STORM);
    fleet_init(&fleet, &rig, crypto, STORM);
    connect_all(&fleet, 0, STORM);
    double start = rig_now_s();
    rig_restart(&rig, cyand);
    while (fleet.live > 0 && fleet_turn(&fleet, PATIENCE_MS)) { /* all hear that it is gone */
    }
    while (fleet.live < STORM && rig_now_s() < start + PATIENCE_MS / 1e3) {
        for (size_t i = 0; i < STORM; i++) {
            if (fleet.devices[i].socket < 0) {
                fleet_dial(&fleet, i, i);
            }
        }
        (void)fleet_turn(&fleet, PATIENCE_MS);
    }
    double took = rig_now_s() - start;
    need(fleet.live == STORM, "a device did not come back after a restart of cyand");
    rig_print("storm_restart_s", took, "s", STORM_LIMIT_S);
    fleet_done(&fleet);
    (void)rig_stop(&rig);
}

static void bench_memory(const char *cyand, const struct cyan_crypto *crypto)
{
    struct rig rig;
    struct fleet fleet;
    rig_start(&rig, cyand, crypto, IDLE_WARM + IDLE);
    fleet_init(&fleet, &rig, crypto, IDLE_WARM + IDLE);
    connect_all(&fleet, 0, IDLE_WARM);
    size_t before = rig_resident(&rig);
    connect_all(&fleet, IDLE_WARM, IDLE_WARM + IDLE);
    size_t after = rig_resident(&rig);
    rig_print("resident_bytes_per_idle_device", (double)(after - before) / IDLE, "bytes", 1024);
    fleet_done(&fleet);
    (void)rig_stop(&rig);
}

static void send_event(struct fleet *fleet, struct fleet_device *device)
{
    enum { DATA_LEN = 59 }; /* with its name the event fills a frame of FRAME_IN bytes */
    static const uint8_t data[DATA_LEN] = "a device says how warm it is, how bright and how humid";
    struct cyan_event event = {.data = data,
                               .data_len = sizeof data,
                               .ttl = CYAN_EVENT_TTL_DEFAULT,
                               .is_private = true,
                               .name = "climate"};
    uint8_t message[128];
    struct cyan_writer w;
    cyan_writer_init(&w, message, sizeof message);
    cyan_event_write(&w, CYAN_COAP_CON, ++device->message_id, &event);
    need(cyan_cipher_sealed_len(w.len) == FRAME_IN, "the event has another size than the limit's");
    fleet_send(fleet, device, message, w.len);
}

static void on_acknowledged(struct fleet *fleet, struct fleet_device *device)
{
    if (device->acknowledged > 0) {
        send_event(fleet, device);
    }
}

static void echo_serve(int listener)
{
    uint8_t in[4096], out[4096] = {0};
    struct epoll_event events[EVENT_DEVICES + 1];
    int epoll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
    (void)epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    while (1) {
        int n = epoll_wait(epoll, events, EVENT_DEVICES + 1, -1);
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) {
                event.data.fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
                (void)epoll_ctl(epoll, EPOLL_CTL_ADD, event.data.fd, &event);
                continue;
            }
            ssize_t got = recv(fd, in, sizeof in, 0);
            if (got <= 0) {
                _exit(0);
            }
            size_t frames = (size_t)got / FRAME_IN;
            (void)send(fd, out, frames * FRAME_OUT, MSG_NOSIGNAL);
        }
    }
}

static double process_cpu_s(pid_t pid)
{
    const struct rig rig = {.pid = pid};
    return rig_cpu_s(&rig);
}

/* The load of the limit: what the fleet does for events, without cryptography. */
static double echo_rate(pid_t server, uint16_t port)
{
    int sockets[EVENT_DEVICES];
    uint8_t data[WINDOW * FRAME_IN] = {0};
    struct epoll_event events[EVENT_DEVICES];
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int epoll = epoll_create1(0);
    for (int i = 0; i < EVENT_DEVICES; i++) {
        sockets[i] = socket(AF_INET, SOCK_STREAM, 0);
        struct epoll_event event = {.events = EPOLLIN, .data.fd = sockets[i]};
        need(connect(sockets[i], (const struct sockaddr *)&address, sizeof address) == 0 &&
                 epoll_ctl(epoll, EPOLL_CTL_ADD, sockets[i], &event) == 0 &&
                 send(sockets[i], data, sizeof data, 0) == sizeof data,
             "the echo cannot be reached");
    }
    uint64_t answered = 0;
    double cpu = process_cpu_s(server);
    double end = rig_now_s() + EVENT_SECONDS / 2;
    while (rig_now_s() < end) {
        int n = epoll_wait(epoll, events, EVENT_DEVICES, 1000);
        for (int i = 0; i < n; i++) {
            uint8_t in[WINDOW * FRAME_OUT];
            ssize_t got = recv(events[i].data.fd, in, sizeof in, 0);
            size_t frames = got > 0 ? (size_t)got / FRAME_OUT : 0;
            for (size_t f = 0; f < frames; f++) { /* one send a frame, as a device does */
                (void)send(events[i].data.fd, data, FRAME_IN, MSG_NOSIGNAL);
            }
            answered += frames;
        }
    }
    cpu = process_cpu_s(server) - cpu;
    for (int i = 0; i < EVENT_DEVICES; i++) {
        (void)close(sockets[i]);
    }
    (void)close(epoll);
    return (double)answered / cpu;
}

static double events_limit(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    need(bind(listener, (const struct sockaddr *)&address, sizeof address) == 0 &&
             listen(listener, EVENT_DEVICES) == 0 &&
             getsockname(listener, (struct sockaddr *)&address, &len) == 0,
         "the echo cannot listen");
    pid_t pid = fork();
    if (pid == 0) {
        rig_pin(0);
        echo_serve(listener);
    }
    double rate = echo_rate(pid, ntohs(address.sin_port));
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
    (void)close(listener);
    return rate;
}

static void bench_events(const char *cyand, const struct cyan_crypto *crypto)
{
    struct rig rig;
    struct fleet fleet;
    rig_start(&rig, cyand, crypto, EVENT_DEVICES);
    fleet_init(&fleet, &rig, crypto, EVENT_DEVICES);
    connect_all(&fleet, 0, EVENT_DEVICES);
    fleet.on_frame = on_acknowledged;
    for (size_t i = 0; i < EVENT_DEVICES; i++) {
        for (int w = 0; w < WINDOW; w++) {
            send_event(&fleet, &fleet.devices[i]);
        }
    }
    double cpu = rig_cpu_s(&rig);
    double end = rig_now_s() + EVENT_SECONDS;
    while (rig_now_s() < end && fleet_turn(&fleet, 1000)) {
    }
    cpu = rig_cpu_s(&rig) - cpu;
    uint64_t acknowledged = 0;
    for (size_t i = 0; i < EVENT_DEVICES; i++) {
        acknowledged += fleet.devices[i].acknowledged;
    }
    need(fleet.gone == 0, "a device was closed");
    rig_print("acknowledged_events_per_cpu_s", (double)acknowledged / cpu, "1/s", events_limit());
    fleet_done(&fleet);
    (void)rig_stop(&rig);
}

int main(int argc, char **argv)
{
    struct rlimit files = {0};
    struct cyan_serverkey key;
    struct cyan_rsa_key *server_key = NULL;
    struct cyan_crypto *crypto = cyan_openssl_create();
    need(argc == 2 && crypto, "usage: devices CYAND");
    (void)getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &files);
    rig_pin(1);
    need(cyan_serverkey_generate(&key) == 0 &&
             cyan_openssl_key_create(key.der, key.der_len, &server_key) == 0,
         "a key cannot be made");
    bench_handshakes(argv[1], crypto, server_key);
    bench_storm(argv[1], crypto);
    bench_restart(argv[1], crypto);
    bench_memory(argv[1], crypto);
    bench_events(argv[1], crypto);
    cyan_openssl_key_destroy(server_key);
    cyan_openssl_destroy(crypto);
    cyan_serverkey_done(&key);
    return 0;
}
