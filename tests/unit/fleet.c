#include "tests/unit/fleet.h"

#include <string.h>

#include "base/bytes.h"
#include "base/hex.h"
#include "crypto/openssl.h"
#include "server/cloud/custody_apply.h"
#include "tests/unit/hub.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

struct cyan_crypto *fleet_crypto;
struct presence *fleet_presence;
struct registry *fleet_registry;
uint32_t fleet_ann, fleet_bob;
uint64_t fleet_random;

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
    fleet_random = 0;
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

static void fill_key(uint32_t device, uint32_t number, struct store_key *out_key)
{
    *out_key = (struct store_key){.source = STORE_KEY_PROVISIONED};
    memcpy(out_key->device, fleet_id_of(device), sizeof out_key->device);
    memcpy(out_key->spki, fleet_spki_of(number), sizeof out_key->spki);
    fleet_fingerprint_of(number, out_key->fingerprint);
}

struct fleet_answer fleet_provision(uint32_t account, uint32_t device, uint32_t number)
{
    const struct custody_change change = {
        .store = &hub_store, .now_ms = hub_now_ms, .random = fleet_random ? fleet_random : device};
    struct store_key key;
    fill_key(device, number, &key);
    int status = custody_found(&change, fleet_id_of(device), account, "", &key);
    return status == 0 && account != 0 ? fleet_resolve_id(account, device)
                                       : (struct fleet_answer){.status = status};
}

void fleet_prove(uint32_t device, uint16_t platform, const char *address)
{
    struct store_device row = {.has_hello = true,
                               .platform_id = platform,
                               .product_id = (uint16_t)(platform + 1),
                               .product_version = 9,
                               .last_heard_ms = hub_now_ms,
                               .last_handshake_ms = hub_now_ms};
    memcpy(row.id, fleet_id_of(device), sizeof row.id);
    memcpy(row.last_ip, address, strlen(address) + 1);
    assert_int_equal(hub_store.device_hello(hub_store.ctx, &row), 0);
}

void fleet_add_key(uint32_t device, uint32_t number, enum store_key_state state)
{
    struct store_key key;
    fill_key(device, number, &key);
    key.state = state;
    key.created_ms = key.changed_ms = hub_now_ms;
    assert_int_equal(hub_store.key_put(hub_store.ctx, &key), 0);
}

void fleet_bind(uint32_t account, uint32_t device, uint32_t number, const char *name)
{
    struct store_binding binding = {.account = account, .created_ms = hub_now_ms};
    memcpy(binding.device, fleet_id_of(device), sizeof binding.device);
    memcpy(binding.spki, fleet_spki_of(number), sizeof binding.spki);
    fleet_fingerprint_of(number, binding.fingerprint);
    memcpy(binding.name, name, strlen(name) + 1);
    assert_int_equal(hub_store.binding_put(hub_store.ctx, &binding), 0);
}

static struct fleet_answer resolve(uint32_t account, bool is_operator, const char *text)
{
    struct fleet_answer answer = {.status = FLEET_NOT_DONE};
    registry_resolve(fleet_registry, account, is_operator, text, fleet_on_record, &answer);
    fleet_wait_for(&answer);
    return answer;
}

struct fleet_answer fleet_resolve(uint32_t account, const char *text)
{
    return resolve(account, false, text);
}

struct fleet_answer fleet_resolve_id(uint32_t account, uint32_t device)
{
    char text[CYAN_ID_TEXT];
    cyan_hex_encode(fleet_id_of(device), CYAN_ID_LEN, text);
    return resolve(account, false, text);
}

struct fleet_answer fleet_resolve_as_operator(uint32_t account, uint32_t device)
{
    char text[CYAN_ID_TEXT];
    cyan_hex_encode(fleet_id_of(device), CYAN_ID_LEN, text);
    return resolve(account, true, text);
}
