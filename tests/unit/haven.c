#include "tests/unit/haven.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "crypto/openssl.h"
#include "server/bus/bus.h"
#include "server/cloud/custody_inner.h"
#include "server/cloud/events.h"
#include "server/cloud/link.h"
#include "server/cloud/presence.h"
#include "server/cloud/registry.h"
#include "server/net/log.h"
#include "server/store/sqlite.h"
#include "tests/unit/haven_inner.h"
#include "tests/unit/unit.h"
#include "wire/message.h"

enum { SETTLE_TURNS = 20 };

struct cloud haven;
struct store haven_store;
struct account haven_ann, haven_bob;
uint8_t haven_answered[CYAN_SHA256_LEN];
uint64_t haven_serial;
uint32_t haven_owner;

static _Atomic int64_t now_ms;
static uv_loop_t loop;
static struct bus bus;
static struct vectors *keys, *publics;
static struct cyan_crypto *crypto, *shard_crypto[HAVEN_SHARDS];
static struct cyan_rsa_key *shard_key[HAVEN_SHARDS];
struct stream *haven_streams[2];
static uint16_t port;
static uint64_t next_serial;
int haven_status;
static uint64_t closed[1024];
static size_t closed_count;

/* Custody closes a session: noted, and done. */
void __real_link_close_session(struct link *link, uint32_t shard, uint64_t serial,
                               enum session_end why);
void __wrap_link_close_session(struct link *link, uint32_t shard, uint64_t serial,
                               enum session_end why);

void __wrap_link_close_session(struct link *link, uint32_t shard, uint64_t serial,
                               enum session_end why)
{
    assert_true(closed_count < COUNT_OF(closed));
    closed[closed_count++] = serial;
    __real_link_close_session(link, shard, serial, why);
}

bool haven_closed(uint64_t serial)
{
    for (size_t i = 0; i < closed_count; i++) {
        if (closed[i] == serial) {
            return true;
        }
    }
    return false;
}

int64_t clock_now_ms(void)
{
    return now_ms;
}

int64_t haven_now(void)
{
    return now_ms;
}

void haven_pass(int64_t ms)
{
    now_ms += ms;
}

void haven_unknown(enum custody_unknown unknown)
{
    haven.custody->unknown = unknown;
}

void haven_turn(void *arg)
{
    (void)arg;
    (void)uv_run(&loop, UV_RUN_NOWAIT);
    (void)sched_yield();
}

void haven_settle(void)
{
    for (int i = 0; i < SETTLE_TURNS; i++) {
        jobs_drain(haven.jobs);
        haven_turn(NULL);
    }
}

static void ignore_wake(void *arg)
{
    (void)arg;
}

static struct account add_account(const char *name, bool is_operator)
{
    struct store_account row = {.password = "x", .is_operator = is_operator};
    struct account account = {.is_operator = is_operator};
    memcpy(row.name, name, strlen(name) + 1);
    memcpy(account.name, name, strlen(name) + 1);
    assert_int_equal(haven_store.account_add(haven_store.ctx, &row, &account.id), 0);
    return account;
}

static void open_shards(struct link_tools *tools)
{
    const struct vector *der = vectors_get(keys, "server_key");
    for (size_t i = 0; i < HAVEN_SHARDS; i++) {
        shard_crypto[i] = cyan_openssl_create();
        assert_non_null(shard_crypto[i]);
        assert_int_equal(cyan_openssl_key_create(der->data, der->len, &shard_key[i]), 0);
        tools[i] = (struct link_tools){
            .crypto = shard_crypto[i], .server_keys = {shard_key[i]}, .server_key_count = 1};
    }
}

int haven_set_up(void **state)
{
    (void)state;
    struct link_tools tools[HAVEN_SHARDS];
    now_ms = 1773576000000; /* 2026-03-15T12:00:00Z */
    next_serial = 1000;
    closed_count = 0;
    keys = vectors_open("keys.txt");
    publics = vectors_open("keys-public.txt");
    crypto = cyan_openssl_create();
    assert_non_null(crypto);
    assert_int_equal(store_sqlite_open(":memory:", &haven_store), 0);
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(bus_local_create(&bus), 0);
    open_shards(tools);
    const struct cloud_parts parts = {
        .loop = &loop,
        .crypto = crypto,
        .store = &haven_store,
        .bus = &bus,
        .tools = tools,
        .shard_count = HAVEN_SHARDS,
        .server_spki = vectors_bytes(publics, "server_spki", CYAN_SERVER_SPKI_LEN),
        .unknown = UNKNOWN_QUARANTINE};
    assert_int_equal(cloud_create(&parts, &haven), 0);
    haven_settle();
    haven_ann = add_account("ann", true);
    haven_bob = add_account("bob", false);
    const struct account *accounts[] = {&haven_ann, &haven_bob};
    for (size_t i = 0; i < COUNT_OF(accounts); i++) {
        const struct stream_filter filter = {.account = accounts[i]->id, .scope = STREAM_MINE};
        haven_streams[i] = stream_open(haven.events, &filter, ignore_wake, NULL);
        assert_non_null(haven_streams[i]);
    }
    return 0;
}

int haven_set_up_running(void **state)
{
    int result = haven_set_up(state);
    port = 0;
    assert_int_equal(link_listen(haven.link, "127.0.0.1", &port), 0);
    return result == 0 ? link_start(haven.link) : result;
}

int haven_tear_down(void **state)
{
    (void)state;
    cloud_stop(&haven);
    for (size_t i = 0; i < COUNT_OF(haven_streams); i++) {
        stream_close(haven_streams[i]);
    }
    cloud_destroy(&haven);
    bus.destroy(bus.ctx);
    haven_store.close(haven_store.ctx);
    for (size_t i = 0; i < HAVEN_SHARDS; i++) {
        cyan_openssl_key_destroy(shard_key[i]);
        cyan_openssl_destroy(shard_crypto[i]);
    }
    cyan_openssl_destroy(crypto);
    vectors_close(keys);
    vectors_close(publics);
    return uv_loop_close(&loop);
}

/* --- devices and keys --- */

const uint8_t *haven_id(uint8_t device)
{
    static uint8_t ids[4][CYAN_ID_LEN];
    static unsigned turn;
    uint8_t *id = ids[turn++ % 4];
    memset(id, device, CYAN_ID_LEN);
    return id;
}

const uint8_t *haven_spki(uint8_t key)
{
    static uint8_t spkis[4][CYAN_DEVICE_SPKI_LEN];
    static unsigned turn;
    uint8_t *spki = spkis[turn++ % 4];
    memcpy(spki,
           vectors_bytes(publics, key == HAVEN_KEY_B ? "other_device_spki" : "device_spki",
                         CYAN_DEVICE_SPKI_LEN),
           CYAN_DEVICE_SPKI_LEN);
    if (key != HAVEN_KEY_A && key != HAVEN_KEY_B) {
        memset(spki + CYAN_DEVICE_SPKI_MODULUS + 8, key, 8);
    }
    return spki;
}

const uint8_t *haven_print(uint8_t key)
{
    static uint8_t prints[4][CYAN_SHA256_LEN];
    static unsigned turn;
    uint8_t *print = prints[turn++ % 4];
    assert_int_equal(crypto->sha256(crypto->ctx, haven_spki(key), CYAN_DEVICE_SPKI_LEN, print), 0);
    return print;
}

void haven_add_device(uint8_t device, uint32_t owner, uint8_t number)
{
    const struct custody_change change = {
        .store = &haven_store, .now_ms = now_ms, .random = device};
    struct store_key key = {.source = STORE_KEY_PROVISIONED, .by_account = owner};
    memcpy(key.spki, haven_spki(number), sizeof key.spki);
    memcpy(key.fingerprint, haven_print(number), sizeof key.fingerprint);
    assert_int_equal(custody_found(&change, haven_id(device), owner, "", &key), 0);
}

static bool get_key(uint8_t device, uint8_t key, struct store_key *out)
{
    return haven_store.key_get(haven_store.ctx, haven_id(device), haven_print(key), out) == 0;
}

struct store_key haven_key(uint8_t device, uint8_t key)
{
    struct store_key row;
    assert_true(get_key(device, key, &row));
    return row;
}

bool haven_is(uint8_t device, uint8_t key, enum store_key_state state)
{
    struct store_key row;
    return get_key(device, key, &row) && row.state == state;
}

bool haven_knows(uint8_t device)
{
    struct store_device row;
    return haven_store.device_get(haven_store.ctx, haven_id(device), &row) == 0;
}

struct store_device haven_device(uint8_t device)
{
    struct store_device row;
    assert_int_equal(haven_store.device_get(haven_store.ctx, haven_id(device), &row), 0);
    return row;
}

/* --- handshakes --- */

void haven_wait_done(void)
{
    assert_int_equal(haven_status, HAVEN_NOT_DONE); /* never from inside the call */
    haven_settle();
    assert_int_not_equal(haven_status, HAVEN_NOT_DONE);
}

static enum session_verdict verdict;

static void on_judged(void *arg, enum session_verdict given, const uint8_t *modulus,
                      const uint8_t *fingerprint)
{
    assert_ptr_equal(arg, &verdict);
    haven_status = 0;
    verdict = given;
    assert_int_equal(given == SESSION_REFUSE, modulus == NULL);
    assert_int_equal(given == SESSION_REFUSE, fingerprint == NULL);
    memset(haven_answered, 0, sizeof haven_answered);
    if (fingerprint) {
        memcpy(haven_answered, fingerprint, sizeof haven_answered);
    }
}

enum session_verdict haven_judge(uint8_t device, uint8_t key, const char *address)
{
    struct cyan_claim claim = {.has_key = key != 0};
    memcpy(claim.id, haven_id(device), sizeof claim.id);
    if (key != 0) {
        memcpy(claim.spki, haven_spki(key), sizeof claim.spki);
    }
    haven_status = HAVEN_NOT_DONE;
    custody_judge(&haven, false, &claim, address, on_judged, &verdict);
    memset(&claim, 0, sizeof claim); /* borrowed for the call alone */
    haven_wait_done();
    return verdict;
}

enum session_verdict haven_judge_damaged(uint8_t device, size_t at, const char *address)
{
    struct cyan_claim claim = {.has_key = true};
    memcpy(claim.id, haven_id(device), sizeof claim.id);
    memcpy(claim.spki, haven_spki(HAVEN_KEY_A), sizeof claim.spki);
    claim.spki[at] ^= 1;
    haven_status = HAVEN_NOT_DONE;
    custody_judge(&haven, false, &claim, address, on_judged, &verdict);
    haven_wait_done();
    return verdict;
}

/* What link.c does with a full session. */
static void on_admitted(void *arg, enum session_verdict given, uint32_t owner,
                        const uint8_t *fingerprint)
{
    const struct letter_proven *letter = arg;
    haven_status = 0;
    verdict = given;
    haven_owner = owner;
    if (given == SESSION_FULL) {
        struct online entry = {.owner = owner, .session = letter->serial, .last_heard_ms = now_ms};
        memcpy(entry.id, letter->id, sizeof entry.id);
        memcpy(entry.fingerprint, fingerprint, sizeof entry.fingerprint);
        assert_int_equal(presence_put(haven.presence, &entry), 0);
    }
}

static enum session_verdict prove(uint8_t device, uint8_t key, const char *address, bool has_key)
{
    struct letter_proven letter = {.serial = ++next_serial,
                                   .claim.has_key = has_key,
                                   .hello = {.platform_id = CYAN_PLATFORM_PHOTON,
                                             .product_id = CYAN_PRODUCT_NONE,
                                             .product_version = CYAN_PRODUCT_NONE}};
    memcpy(letter.id, haven_id(device), sizeof letter.id);
    memcpy(letter.fingerprint, haven_print(key), sizeof letter.fingerprint);
    if (has_key) {
        memcpy(letter.claim.spki, haven_spki(key), sizeof letter.claim.spki);
    }
    (void)snprintf(letter.address, sizeof letter.address, "%s", address);
    haven_serial = letter.serial;
    haven_status = HAVEN_NOT_DONE;
    custody_proven(&haven, 0, &letter, on_admitted, &letter);
    haven_wait_done();
    return verdict;
}

enum session_verdict haven_prove(uint8_t device, uint8_t key, const char *address)
{
    return prove(device, key, address, true);
}

enum session_verdict haven_prove_short(uint8_t device, uint8_t key, const char *address)
{
    return prove(device, key, address, false);
}

void haven_leave(uint8_t device, uint64_t serial)
{
    const struct online *entry = presence_find(haven.presence, haven_id(device));
    if (entry && entry->session == serial) {
        registry_heard(haven.registry, haven_id(device), now_ms);
        presence_remove(haven.presence, haven_id(device));
    }
    custody_gone(&haven, haven_id(device), serial);
    haven_settle();
}

void haven_drop(uint8_t device)
{
    struct letter_failed failure = {
        .serial = next_serial, .end = SESSION_END_DROPPED_OUR_KEY, .has_id = true};
    memcpy(failure.id, haven_id(device), sizeof failure.id);
    custody_failed(&haven, &failure);
}

uint32_t haven_turn_of(uint8_t device)
{
    const uint32_t *turn = lru_find(haven.custody->tries, haven_id(device));
    return turn ? *turn : 0;
}

bool haven_holds(uint64_t serial)
{
    return custody_held_by_serial(&haven, serial) != NULL;
}

bool haven_is_full(uint8_t device, uint8_t key)
{
    const struct online *entry = presence_find(haven.presence, haven_id(device));
    return entry && memcmp(entry->fingerprint, haven_print(key), CYAN_SHA256_LEN) == 0;
}

/* --- peers --- */

void haven_open_peer(struct peer *peer, uint8_t device, uint8_t key)
{
    peer_open(peer, crypto, keys, publics, port, device, haven_turn, NULL);
    peer->device = key == HAVEN_KEY_B ? "other_device" : "device";
}

void haven_go_live(struct peer *peer, uint8_t device, uint8_t key)
{
    struct cyan_coap msg;
    haven_open_peer(peer, device, key);
    peer_shake(peer);
    peer_write_hello(peer, false);
    peer_say(peer);
    peer_hear(peer, &msg);
    assert_int_equal(cyan_message_kind(&msg), CYAN_MSG_HELLO);
}
