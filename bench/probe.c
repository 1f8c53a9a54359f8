#include "bench/probe.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "bench/reader.h"
#include "bench/stats.h"
#include "wire/handshake.h"
#include "wire/pkcs1.h"

enum {
    WAVE_BLOCKS = PROBE_WAVE / PROBE_KINDS,
    TOGETHER_MAX = 16,
    ALONE_US = 1000,  /* a request that is not closed by then is not waited for */
    CROWD_US = 10000, /* the same for sixteen, whose private operations take half of it */
    PATIENCE_S = 5,
    LENGTH_LEAST = CYAN_NONCE_LEN,
    LENGTH_MOST = CYAN_REQUEST_LEN - 11,
    SHORT_LEN = 52,
    LONG_LEN = 214,
};
static const uint32_t OWN_ADDRESSES = 0x7F010001; /* 127.1.0.1 and on */
static const double NS_PER_US = 1e3;
static const uint64_t NS_PER_S = 1000000000;

struct shot {
    int socket;
    enum probe_kind kind;
    uint64_t sent_ns, closed_ns; /* 0: not yet */
    uint8_t nonce[CYAN_NONCE_LEN];
    uint8_t request[CYAN_REQUEST_LEN];
};

struct gun {
    const struct probe *probe;
    int epoll;
    size_t sent, closed; /* of this wave */
    struct shot shots[PROBE_WAVE];
};

const char *probe_kind_name(enum probe_kind kind)
{
    static const char *const names[] = {[PROBE_PADDING] = "padding",
                                        [PROBE_LENGTH] = "length",
                                        [PROBE_NONCE] = "nonce",
                                        [PROBE_UNKNOWN] = "unknown"};
    return names[kind];
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static void need(bool ok, const char *what)
{
    if (!ok) {
        bench_die(what);
    }
}

/* Connects and takes the nonce. Each place of a wave dials from an address of its own (127.0.0.0/8
 * is this machine's), or cyand would turn the address away for its junk, before it deciphers. */
static int dial(const struct rig *rig, size_t place, uint8_t nonce[static CYAN_NONCE_LEN])
{
    const struct sockaddr_in own = {.sin_family = AF_INET,
                                    .sin_addr.s_addr = htonl(OWN_ADDRESSES + (uint32_t)place)};
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons(rig->port),
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    const struct linger at_once = {.l_onoff = 1}; /* no port is left in TIME_WAIT */
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    need(fd >= 0 && setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0 &&
             setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0 &&
             setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0 &&
             setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one) == 0 &&
             bind(fd, (const struct sockaddr *)&own, sizeof own) == 0 &&
             connect(fd, (const struct sockaddr *)&address, sizeof address) == 0 &&
             recv(fd, nonce, CYAN_NONCE_LEN, MSG_WAITALL) == CYAN_NONCE_LEN,
         "cyand does not give a nonce");
    return fd;
}

static void random_bytes(const struct cyan_crypto *crypto, uint8_t *out, size_t len)
{
    need(crypto->random(crypto->ctx, out, len) == 0, "no random numbers");
}

static void request_of_padding(const struct probe *probe, struct shot *shot)
{
    uint8_t block[CYAN_REQUEST_LEN];
    const struct cyan_crypto *crypto = probe->crypto;
    random_bytes(crypto, block, sizeof block);
    block[0] &= 0x7F; /* below the modulus */
    block[1] = block[1] == 2 ? 3 : block[1];
    need(crypto->rsa_public(crypto->ctx, probe->rig->server_spki + CYAN_SERVER_SPKI_MODULUS,
                            sizeof block, block, shot->request) == 0,
         "a request cannot be made");
}

static void request_of_length(const struct probe *probe, struct shot *shot)
{
    uint8_t message[LENGTH_MOST];
    uint8_t block[CYAN_REQUEST_LEN];
    const struct cyan_crypto *crypto = probe->crypto;
    size_t len = LENGTH_LEAST + stats_below(probe->random, LENGTH_MOST - LENGTH_LEAST + 1);
    len += len == SHORT_LEN || len == LONG_LEN;
    random_bytes(crypto, message, sizeof message);
    memcpy(message, shot->nonce, CYAN_NONCE_LEN);
    need(cyan_pkcs1_seal(crypto, message, len, block, sizeof block) == 0 &&
             crypto->rsa_public(crypto->ctx, probe->rig->server_spki + CYAN_SERVER_SPKI_MODULUS,
                                sizeof block, block, shot->request) == 0,
         "a request cannot be made");
}

static void request_of_device(const struct probe *probe, struct shot *shot)
{
    const struct rig *rig = probe->rig;
    uint8_t id[CYAN_ID_LEN];
    uint8_t nonce[CYAN_NONCE_LEN];
    bool unknown = shot->kind == PROBE_UNKNOWN;
    memcpy(nonce, shot->nonce, sizeof nonce);
    rig_id(0, id);
    if (unknown) {
        random_bytes(probe->crypto, id, sizeof id);
    } else {
        random_bytes(probe->crypto, nonce, sizeof nonce);
    }
    need(cyan_handshake_request(probe->crypto, rig->server_spki + CYAN_SERVER_SPKI_MODULUS, nonce,
                                id, unknown ? NULL : rig->device_spki, shot->request) == 0,
         "a request cannot be made");
}

/* Dials for a whole wave and makes its requests. */
static void load(struct gun *gun)
{
    for (size_t block = 0; block < WAVE_BLOCKS; block++) {
        size_t kinds[PROBE_KINDS] = {PROBE_PADDING, PROBE_LENGTH, PROBE_NONCE, PROBE_UNKNOWN};
        stats_shuffle(gun->probe->random, kinds, PROBE_KINDS);
        for (size_t i = 0; i < PROBE_KINDS; i++) {
            struct shot *shot = &gun->shots[block * PROBE_KINDS + i];
            *shot = (struct shot){.kind = (enum probe_kind)kinds[i]};
            shot->socket = dial(gun->probe->rig, block * PROBE_KINDS + i, shot->nonce);
            struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.ptr = shot};
            need(epoll_ctl(gun->epoll, EPOLL_CTL_ADD, shot->socket, &event) == 0,
                 "a connection cannot be watched");
            switch (shot->kind) {
            case PROBE_PADDING:
                request_of_padding(gun->probe, shot);
                break;
            case PROBE_LENGTH:
                request_of_length(gun->probe, shot);
                break;
            default:
                request_of_device(gun->probe, shot);
                break;
            }
        }
    }
    gun->sent = 0;
    gun->closed = 0;
}

/* Looks without waiting until all that were sent are closed, for at most us. Ends are taken one at
 * a time, in their order, so that each has its own time. */
static void watch(struct gun *gun, double us)
{
    uint64_t until = now_ns() + (uint64_t)(us * NS_PER_US);
    while (gun->closed < gun->sent && now_ns() < until) {
        struct epoll_event event;
        if (epoll_wait(gun->epoll, &event, 1, 0) != 1) {
            continue;
        }
        struct shot *shot = event.data.ptr;
        need((event.events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0,
             "cyand answers a request that it must refuse");
        if (shot->closed_ns == 0) {
            shot->closed_ns = now_ns();
            gun->closed++;
        }
    }
}

static void fire(struct gun *gun)
{
    size_t at_once = gun->probe->at_once;
    for (size_t i = 0; i < PROBE_WAVE; i++) {
        struct shot *shot = &gun->shots[i];
        shot->sent_ns = now_ns();
        need(send(shot->socket, shot->request, sizeof shot->request, MSG_NOSIGNAL) ==
                 sizeof shot->request,
             "a request cannot be sent");
        gun->sent++;
        if (gun->sent % at_once == 0) {
            watch(gun, at_once == 1 ? ALONE_US : CROWD_US);
        }
    }
    watch(gun, PATIENCE_S * 1e6);
    need(gun->closed == PROBE_WAVE, "cyand does not close a handshake that failed");
    for (size_t i = 0; i < PROBE_WAVE; i++) {
        (void)close(gun->shots[i].socket);
    }
}

/* How many neighbours are levelled with each other. */
static size_t sent_together(const struct probe *probe)
{
    size_t least = probe->at_once < PROBE_KINDS ? PROBE_KINDS : probe->at_once;
    return least > TOGETHER_MAX ? TOGETHER_MAX : least;
}

/* Adds a wave to the samples; at[kind][block] becomes the place among those sent together. */
static void collect(const struct gun *gun, struct probe_samples *samples,
                    uint8_t *at[static PROBE_KINDS])
{
    size_t together = sent_together(gun->probe);
    for (size_t from = 0; from < PROBE_WAVE; from += together) {
        double us[TOGETHER_MAX] = {0};
        double sorted[TOGETHER_MAX];
        for (size_t i = 0; i < together; i++) {
            const struct shot *shot = &gun->shots[from + i];
            us[i] = (double)(shot->closed_ns - shot->sent_ns) / NS_PER_US;
        }
        memcpy(sorted, us, sizeof sorted);
        double middle = stats_median(sorted, together);
        for (size_t i = 0; i < together; i++) {
            enum probe_kind kind = gun->shots[from + i].kind;
            size_t block = samples->blocks + (from + i) / PROBE_KINDS;
            samples->raw_us[kind][block] = us[i];
            samples->us[kind][block] = us[i] - middle;
            at[kind][block] = (uint8_t)i;
        }
    }
    samples->blocks += WAVE_BLOCKS;
}

/* Takes off what a place makes: the median over all samples that had it. The kinds had each place
 * equally often, so what a kind makes stays. */
static void level(struct probe_samples *samples, size_t places, uint8_t *at[static PROBE_KINDS])
{
    double *those = malloc(samples->blocks * PROBE_KINDS * sizeof *those);
    need(those != NULL, "there is not enough memory");
    for (size_t place = 0; place < places; place++) {
        size_t n = 0;
        for (size_t i = 0; i < samples->blocks * PROBE_KINDS; i++) {
            if (at[i % PROBE_KINDS][i / PROBE_KINDS] == place) {
                those[n++] = samples->us[i % PROBE_KINDS][i / PROBE_KINDS];
            }
        }
        double middle = stats_median(those, n);
        for (size_t i = 0; i < samples->blocks * PROBE_KINDS; i++) {
            if (at[i % PROBE_KINDS][i / PROBE_KINDS] == place) {
                samples->us[i % PROBE_KINDS][i / PROBE_KINDS] -= middle;
            }
        }
    }
    free(those);
}

void probe_run(const struct probe *probe, struct probe_samples *out_samples)
{
    static struct gun gun;
    uint8_t *at[PROBE_KINDS];
    size_t room = probe->blocks_max + WAVE_BLOCKS;
    *out_samples = (struct probe_samples){0};
    for (size_t kind = 0; kind < PROBE_KINDS; kind++) {
        out_samples->raw_us[kind] = calloc(room, sizeof(double));
        out_samples->us[kind] = calloc(room, sizeof(double));
        at[kind] = calloc(room, 1);
        need(out_samples->raw_us[kind] && out_samples->us[kind] && at[kind],
             "there is not enough memory");
    }
    gun.probe = probe;
    gun.epoll = epoll_create1(EPOLL_CLOEXEC);
    double end = rig_now_s() + probe->seconds_max;
    do {
        load(&gun);
        fire(&gun);
        collect(&gun, out_samples, at);
    } while (out_samples->blocks < probe->blocks_max && rig_now_s() < end);
    (void)close(gun.epoll);
    level(out_samples, sent_together(probe), at);
    for (size_t kind = 0; kind < PROBE_KINDS; kind++) {
        free(at[kind]);
    }
}

void probe_done(struct probe_samples *samples)
{
    for (size_t kind = 0; kind < PROBE_KINDS; kind++) {
        free(samples->raw_us[kind]);
        free(samples->us[kind]);
    }
}

double probe_answer_us(const struct rig *rig, const struct cyan_crypto *crypto, size_t rounds)
{
    double *us = calloc(rounds, sizeof *us);
    uint8_t nonce[CYAN_NONCE_LEN];
    uint8_t request[CYAN_REQUEST_LEN];
    uint8_t answer[CYAN_ANSWER_LEN];
    uint8_t id[CYAN_ID_LEN];
    need(us != NULL, "there is not enough memory");
    rig_id(0, id);
    for (size_t i = 0; i < rounds; i++) {
        int fd = dial(rig, PROBE_WAVE, nonce);
        need(cyan_handshake_request(crypto, rig->server_spki + CYAN_SERVER_SPKI_MODULUS, nonce, id,
                                    rig->device_spki, request) == 0,
             "a request cannot be made");
        uint64_t sent = now_ns();
        need(send(fd, request, sizeof request, MSG_NOSIGNAL) == sizeof request &&
                 recv(fd, answer, sizeof answer, MSG_WAITALL) == sizeof answer,
             "cyand does not answer a good handshake");
        us[i] = (double)(now_ns() - sent) / NS_PER_US;
        (void)close(fd);
    }
    double median = stats_median(us, rounds);
    free(us);
    return median;
}
