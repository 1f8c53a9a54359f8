#include "tests/unit/fleet.h"

#include <string.h>

#include "base/bytes.h"
#include "base/hex.h"
#include "crypto/openssl.h"
#include "tests/unit/hub.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

struct cyan_crypto *fleet_crypto;
struct presence *fleet_presence;
struct registry *fleet_registry;
uint32_t fleet_ann, fleet_bob;

void fleet_open(void)
{
    hub_open();
    fleet_crypto = cyan_openssl_create();
    fleet_presence = presence_create();
    assert_true(fleet_crypto && fleet_presence);
    fleet_registry = registry_create(hub_jobs, fleet_presence, fleet_crypto);
    assert_non_null(fleet_registry);
}

void fleet_close(void)
{
    registry_destroy(fleet_registry);
    presence_destroy(fleet_presence);
    cyan_openssl_destroy(fleet_crypto);
    hub_close();
}

int fleet_set_up(void **state)
{
    (void)state;
    hub_now_ms = 1700000000000;
    scratch_init();
    fleet_open();
    fleet_ann = hub_add_account("ann");
    fleet_bob = hub_add_account("bob");
    return 0;
}

int fleet_tear_down(void **state)
{
    (void)state;
    fleet_close();
    scratch_done();
    return 0;
}

void fleet_on_record(void *arg, int status, const struct device_record *record)
{
    struct fleet_answer *answer = arg;
    assert_int_equal(answer->status, FLEET_NOT_DONE);
    assert_int_equal(record != NULL, status == 0);
    answer->status = status;
    if (record) {
        answer->record = *record;
    }
}

void fleet_on_list(void *arg, int status, const struct device_record *records, size_t count)
{
    struct fleet_answer *answer = arg;
    assert_int_equal(answer->status, FLEET_NOT_DONE);
    assert_true(count <= COUNT_OF(answer->list));
    answer->status = status;
    answer->count = count;
    if (count > 0) {
        memcpy(answer->list, records, count * sizeof *records);
    }
}

void fleet_on_key(void *arg, int status, const struct device_key *key)
{
    struct fleet_answer *answer = arg;
    assert_int_equal(answer->status, FLEET_NOT_DONE);
    assert_int_equal(key != NULL, status == 0);
    answer->status = status;
    if (key) {
        answer->key = *key;
    }
}

void fleet_wait_for(struct fleet_answer *answer)
{
    assert_int_equal(answer->status, FLEET_NOT_DONE);
    jobs_drain(hub_jobs);
    assert_int_not_equal(answer->status, FLEET_NOT_DONE);
}

const uint8_t *fleet_id_of(uint32_t number)
{
    static uint8_t ids[4][CYAN_ID_LEN];
    static unsigned next;
    uint8_t *id = ids[next++ % 4];
    memset(id, 0xAB, CYAN_ID_LEN);
    cyan_put_be32(id + 8, number);
    return id;
}

const uint8_t *fleet_spki_of(uint32_t number)
{
    static uint8_t spki[CYAN_DEVICE_SPKI_LEN];
    memset(spki, 0x55, sizeof spki);
    cyan_put_be32(spki + 40, number);
    return spki;
}

void fleet_fingerprint_of(uint32_t number, uint8_t out[CYAN_SHA256_LEN])
{
    assert_int_equal(
        fleet_crypto->sha256(fleet_crypto->ctx, fleet_spki_of(number), CYAN_DEVICE_SPKI_LEN, out),
        0);
}

struct fleet_answer fleet_provision(uint32_t account, uint32_t device, uint32_t key)
{
    struct fleet_answer answer = {.status = FLEET_NOT_DONE};
    registry_provision(fleet_registry, account, fleet_id_of(device), fleet_spki_of(key),
                       fleet_on_record, &answer);
    fleet_wait_for(&answer);
    return answer;
}

struct fleet_answer fleet_resolve(uint32_t account, const char *text)
{
    struct fleet_answer answer = {.status = FLEET_NOT_DONE};
    registry_resolve(fleet_registry, account, text, fleet_on_record, &answer);
    fleet_wait_for(&answer);
    return answer;
}

struct fleet_answer fleet_resolve_id(uint32_t account, uint32_t device)
{
    char text[CYAN_ID_TEXT];
    cyan_hex_encode(fleet_id_of(device), CYAN_ID_LEN, text);
    return fleet_resolve(account, text);
}

struct fleet_answer fleet_key_of(uint32_t device)
{
    struct fleet_answer answer = {.status = FLEET_NOT_DONE};
    registry_key(fleet_registry, fleet_id_of(device), fleet_on_key, &answer);
    fleet_wait_for(&answer);
    return answer;
}

int fleet_prove(uint32_t device, uint32_t key, uint16_t platform, const char *address)
{
    struct fleet_answer answer = {.status = FLEET_NOT_DONE};
    struct cyan_hello hello = {
        .platform_id = platform, .product_id = platform + 1, .product_version = 9};
    uint8_t fingerprint[CYAN_SHA256_LEN];
    fleet_fingerprint_of(key, fingerprint);
    registry_proven(fleet_registry, fleet_id_of(device), fingerprint, &hello, address, fleet_on_key,
                    &answer);
    fleet_wait_for(&answer);
    if (answer.status == 0) {
        assert_int_equal(answer.key.owner, fleet_ann);
        assert_true(answer.key.has_key);
        assert_memory_equal(answer.key.fingerprint, fingerprint, sizeof fingerprint);
        assert_memory_equal(answer.key.spki, fleet_spki_of(key), CYAN_DEVICE_SPKI_LEN);
    }
    return answer.status;
}
