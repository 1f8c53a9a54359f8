#include "tests/unit/harbour.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/openssl.h"
#include "server/cloud/calls_inbox.h"
#include "server/cloud/incidents.h"
#include "server/cloud/letters.h"
#include "server/cloud/ownership.h"
#include "server/cloud/presence.h"
#include "server/cloud/recovery.h"
#include "tests/unit/unit.h"
#include "tests/unit/vectors.h"
#include "wire/message.h"

struct cloud harbour_cloud;
struct harbour_custody harbour_custody;
struct harbour_note harbour_notes[HARBOUR_NOTES_MAX];
size_t harbour_note_count;
struct letter_failed harbour_failed;
unsigned harbour_failures;

static uv_loop_t loop;
static struct vectors *keys, *publics;
static struct cyan_crypto *crypto;
static struct cyan_crypto *shard_crypto[HARBOUR_SHARDS];
static struct cyan_rsa_key *shard_key[HARBOUR_SHARDS];
uint16_t harbour_port;
static bool stopped;

static void wait_for(struct harbour_answer answer)
{
    assert_true(harbour_custody.waiting < HARBOUR_WAITING_MAX);
    harbour_custody.answers[harbour_custody.waiting++] = answer;
}

void custody_judge(struct cloud *cloud, bool is_nobody, const struct cyan_claim *claim,
                   const char *address, custody_judged_fn *done, void *arg)
{
    assert_ptr_equal(cloud, &harbour_cloud);
    assert_false(is_nobody);
    assert_true(claim->has_key);
    assert_string_equal(address, "127.0.0.1");
    wait_for((struct harbour_answer){.judged = done, .arg = arg});
}

void custody_proven(struct cloud *cloud, uint32_t shard, const struct letter_proven *letter,
                    custody_admitted_fn *done, void *arg)
{
    assert_ptr_equal(cloud, &harbour_cloud);
    assert_true(shard < HARBOUR_SHARDS);
    assert_memory_equal(letter->fingerprint, harbour_custody.fingerprint, CYAN_SHA256_LEN);
    assert_int_equal(letter->hello.platform_id, CYAN_PLATFORM_PHOTON);
    assert_string_equal(letter->address, "127.0.0.1");
    wait_for((struct harbour_answer){.admitted = done, .arg = arg});
}

void custody_gone(struct cloud *cloud, const uint8_t id[static CYAN_ID_LEN], uint64_t serial)
{
    assert_ptr_equal(cloud, &harbour_cloud);
    harbour_custody.gone++;
    (void)id;
    harbour_custody.gone_serial = serial;
}

void custody_failed(struct cloud *cloud, const struct letter_failed *failure)
{
    assert_ptr_equal(cloud, &harbour_cloud);
    assert_true(failure->serial != 0);
    harbour_custody.failures++;
}

void custody_reset_reason(struct cloud *cloud, uint64_t serial,
                          const uint8_t id[static CYAN_ID_LEN], const char *reason)
{
    (void)id;
    assert_ptr_equal(cloud, &harbour_cloud);
    harbour_custody.resets++;
    harbour_custody.held_serial = serial;
    (void)snprintf(harbour_custody.reset, sizeof harbour_custody.reset, "%s", reason);
}

void ownership_code_came(struct cloud *cloud, const uint8_t id[static CYAN_ID_LEN],
                         uint64_t held_serial, const char *code, size_t len)
{
    (void)id;
    assert_ptr_equal(cloud, &harbour_cloud);
    harbour_custody.codes++;
    harbour_custody.held_serial = held_serial;
    assert_true(len < sizeof harbour_custody.code);
    memcpy(harbour_custody.code, code, len);
    harbour_custody.code[len] = '\0';
}

void recovery_hello(struct cloud *cloud, const uint8_t id[static CYAN_ID_LEN], const uint8_t *data,
                    size_t len)
{
    (void)id;
    (void)data;
    assert_ptr_equal(cloud, &harbour_cloud);
    harbour_custody.hellos++;
    harbour_custody.said_len = len;
}

void recovery_proof(struct cloud *cloud, uint64_t held_serial, const uint8_t *data, size_t len)
{
    (void)data;
    assert_ptr_equal(cloud, &harbour_cloud);
    harbour_custody.proofs++;
    harbour_custody.held_serial = held_serial;
    harbour_custody.said_len = len;
}

void registry_heard(struct registry *registry, const uint8_t id[static CYAN_ID_LEN],
                    int64_t heard_ms)
{
    (void)registry;
    (void)id;
    assert_true(heard_ms > 0);
    harbour_custody.heard++;
}

void incidents_note_failure(struct incidents *incidents, const struct letter_failed *failure)
{
    assert_null(incidents);
    harbour_failed = *failure;
    harbour_failures++;
}

int events_publish(struct events *events, const struct bus_event *event)
{
    (void)events;
    assert_true(harbour_note_count < HARBOUR_NOTES_MAX);
    memcpy(harbour_notes[harbour_note_count].name, event->name, event->name_len);
    harbour_notes[harbour_note_count].name[event->name_len] = '\0';
    assert_true(event->data_len < sizeof harbour_notes[0].data);
    if (event->data_len > 0) {
        memcpy(harbour_notes[harbour_note_count].data, event->data, event->data_len);
    }
    harbour_notes[harbour_note_count].data[event->data_len] = '\0';
    harbour_notes[harbour_note_count++].event = *event;
    return 0;
}

static void custody_answers(void)
{
    size_t kept = 0;
    for (size_t i = 0; i < harbour_custody.waiting; i++) {
        const struct harbour_answer *a = &harbour_custody.answers[i];
        if (a->admitted && harbour_custody.hold_proofs) {
            harbour_custody.answers[kept++] = *a;
        } else if (a->admitted) {
            a->admitted(a->arg, harbour_custody.admit, HARBOUR_OWNER, harbour_custody.fingerprint);
        } else {
            a->judged(a->arg, SESSION_FULL, harbour_custody.spki + CYAN_DEVICE_SPKI_MODULUS,
                      harbour_custody.fingerprint);
        }
    }
    harbour_custody.waiting = kept;
}

void harbour_turn(void *arg)
{
    (void)arg;
    (void)uv_run(&loop, UV_RUN_NOWAIT);
    custody_answers();
    (void)sched_yield();
}

int harbour_set_up(void **state)
{
    (void)state;
    struct link_tools tools[HARBOUR_SHARDS];
    memset(&harbour_custody, 0, sizeof harbour_custody);
    harbour_note_count = 0;
    harbour_failures = 0;
    stopped = false;
    keys = vectors_open("keys.txt");
    publics = vectors_open("keys-public.txt");
    crypto = cyan_openssl_create();
    assert_non_null(crypto);
    harbour_custody.admit = SESSION_FULL;
    memcpy(harbour_custody.spki, vectors_bytes(publics, "device_spki", CYAN_DEVICE_SPKI_LEN),
           CYAN_DEVICE_SPKI_LEN);
    memcpy(harbour_custody.fingerprint,
           vectors_bytes(publics, "device_fingerprint", CYAN_SHA256_LEN), CYAN_SHA256_LEN);
    assert_int_equal(uv_loop_init(&loop), 0);
    harbour_cloud = (struct cloud){.loop = &loop, .presence = presence_create()};
    harbour_cloud.calls = calls_create(&harbour_cloud);
    assert_non_null(harbour_cloud.calls);
    const struct vector *der = vectors_get(keys, "server_key");
    for (size_t i = 0; i < HARBOUR_SHARDS; i++) {
        shard_crypto[i] = cyan_openssl_create();
        assert_non_null(shard_crypto[i]);
        assert_int_equal(cyan_openssl_key_create(der->data, der->len, &shard_key[i]), 0);
        tools[i] = (struct link_tools){
            .crypto = shard_crypto[i], .server_keys = {shard_key[i]}, .server_key_count = 1};
    }
    assert_int_equal(link_create(&harbour_cloud, tools, HARBOUR_SHARDS, &harbour_cloud.link), 0);
    harbour_port = 0;
    assert_int_equal(link_listen(harbour_cloud.link, "127.0.0.1", &harbour_port), 0);
    return 0;
}

int harbour_set_up_running(void **state)
{
    return harbour_set_up(state) == 0 ? link_start(harbour_cloud.link) : -1;
}

void harbour_stop(void)
{
    if (!stopped) {
        stopped = true;
        link_stop(harbour_cloud.link);
        calls_stop(harbour_cloud.calls);
        harbour_custody.hold_proofs = false;
        custody_answers();
        (void)uv_run(&loop, UV_RUN_DEFAULT);
    }
}

int harbour_tear_down(void **state)
{
    (void)state;
    harbour_stop();
    assert_int_equal(presence_count(harbour_cloud.presence), 0);
    link_destroy(harbour_cloud.link);
    calls_destroy(harbour_cloud.calls);
    presence_destroy(harbour_cloud.presence);
    for (size_t i = 0; i < HARBOUR_SHARDS; i++) {
        cyan_openssl_key_destroy(shard_key[i]);
        cyan_openssl_destroy(shard_crypto[i]);
    }
    cyan_openssl_destroy(crypto);
    vectors_close(keys);
    vectors_close(publics);
    return uv_loop_close(&loop);
}

void harbour_open_peer(struct peer *peer, uint8_t id_byte)
{
    peer_open(peer, crypto, keys, publics, harbour_port, id_byte, harbour_turn, NULL);
}

void harbour_say_hello(struct peer *peer)
{
    peer_shake(peer);
    peer_write_hello(peer, false);
    peer_say(peer);
}

void harbour_go_online(struct peer *peer, uint8_t id_byte)
{
    struct cyan_coap msg;
    harbour_open_peer(peer, id_byte);
    harbour_say_hello(peer);
    peer_hear(peer, &msg);
    assert_int_equal(cyan_message_kind(&msg), CYAN_MSG_HELLO);
}

bool harbour_is_online(const struct peer *peer)
{
    return presence_find(harbour_cloud.presence, peer->id) != NULL;
}

unsigned harbour_noted(const uint8_t *id, const char *name, const char *data)
{
    unsigned count = 0;
    for (size_t i = 0; i < harbour_note_count; i++) {
        count += memcmp(harbour_notes[i].event.device, id, CYAN_ID_LEN) == 0 &&
                 strcmp(harbour_notes[i].name, name) == 0 &&
                 strcmp(harbour_notes[i].data, data) == 0;
    }
    return count;
}

void harbour_say_event(struct peer *peer, const char *name, const char *data, bool is_private)
{
    struct cyan_event event = {.name = "",
                               .data = (const uint8_t *)data,
                               .data_len = strlen(data),
                               .ttl = 60,
                               .is_private = is_private};
    memcpy(event.name, name, strlen(name) + 1);
    cyan_event_write(peer_begin(peer), CYAN_COAP_CON, ++peer->last_id, &event);
    peer_say(peer);
}
