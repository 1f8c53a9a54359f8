/* The keys, policies and owners of the fake cloud. */
#include <string.h>

#include "base/err.h"
#include "base/hex.h"
#include "tests/unit/fake_inner.h"
#include "tests/unit/unit.h"

static int take_status(void)
{
    int status = fake.late_status;
    fake.late_status = 0;
    return status != 0 ? status : fake_take_status();
}

static void give_keys(const struct fake_answer *answer)
{
    struct keys_view view = fake.keys_view;
    view.keys = fake.keys;
    view.count = fake.key_count;
    answer->done.keys(answer->arg, answer->status, answer->status == 0 ? &view : NULL);
}

void custody_keys(struct cloud *cloud, const struct device_record *device, uint32_t account,
                  custody_keys_fn *done, void *arg)
{
    assert_ptr_equal(cloud, &fake.cloud);
    memcpy(fake.device, device->id, CYAN_ID_LEN);
    fake.asker = account;
    fake_later(&(struct fake_answer){
        .give = give_keys, .done.keys = done, .arg = arg, .status = take_status()});
}

static void give_outcome(const struct fake_answer *answer)
{
    bool told = answer->status == 0 || answer->status == CYAN_E_EXISTS;
    answer->done.order(answer->arg, answer->status, told ? &fake.outcome : NULL);
}

void custody_order(struct cloud *cloud, const struct custody_order *order, bool is_operator,
                   custody_order_fn *done, void *arg)
{
    assert_ptr_equal(cloud, &fake.cloud);
    fake.order = *order;
    fake.orders++;
    fake.is_operator = is_operator;
    memcpy(fake.outcome.key.fingerprint, order->fingerprint, CYAN_SHA256_LEN);
    fake_later(&(struct fake_answer){
        .give = give_outcome, .done.order = done, .arg = arg, .status = take_status()});
}

const struct held *custody_held(struct cloud *cloud, const uint8_t id[static CYAN_ID_LEN],
                                const uint8_t *fingerprint)
{
    assert_ptr_equal(cloud, &fake.cloud);
    bool fits =
        memcmp(fake.held.c.id, id, CYAN_ID_LEN) == 0 &&
        (!fingerprint || memcmp(fake.held.c.fingerprint, fingerprint, CYAN_SHA256_LEN) == 0);
    return fake.held.serial != 0 && fits ? &fake.held : NULL;
}

enum key_session custody_session(struct cloud *cloud, const uint8_t id[static CYAN_ID_LEN],
                                 const uint8_t fingerprint[static CYAN_SHA256_LEN],
                                 uint32_t *out_shard, uint64_t *out_serial)
{
    const struct held *held = custody_held(cloud, id, fingerprint);
    *out_shard = held ? held->shard : 0;
    *out_serial = held ? held->serial : 0;
    return held ? KEY_SESSION_HELD : fake.session;
}

bool custody_may_check(struct cloud *cloud, uint32_t account)
{
    assert_ptr_equal(cloud, &fake.cloud);
    fake.asker = account;
    fake.checks++;
    return fake.checks <= FAKE_CHECKS_MAX;
}

int custody_stranger(struct cloud *cloud, const uint8_t id[static CYAN_ID_LEN],
                     struct device_record *out_record)
{
    char text[CYAN_ID_TEXT];
    assert_ptr_equal(cloud, &fake.cloud);
    cyan_hex_encode(id, CYAN_ID_LEN, text);
    if (strcmp(text, FAKE_STRANGER) != 0) {
        return CYAN_E_NOT_FOUND;
    }
    *out_record = fake_record(FAKE_STRANGER);
    return 0;
}

void custody_strangers(struct cloud *cloud, void (*fn)(void *arg, const struct device_record *r),
                       void *arg)
{
    struct device_record record = fake_record(FAKE_STRANGER);
    assert_ptr_equal(cloud, &fake.cloud);
    if (fake.has_stranger) {
        fn(arg, &record);
    }
}

static void give_policy(const struct fake_answer *answer)
{
    answer->done.policy(answer->arg, answer->status,
                        answer->status == 0 ? &fake.policy_view : NULL);
}

void policies_change(struct cloud *cloud, const struct policy_level *level,
                     const struct policy_change *change, policy_fn *done, void *arg)
{
    assert_ptr_equal(cloud, &fake.cloud);
    fake.asker = level->account.id;
    fake.has_device = level->device != NULL;
    if (level->device) {
        memcpy(fake.device, level->device, CYAN_ID_LEN);
    }
    fake.has_change = change != NULL;
    fake.policy_asked++;
    fake.change = change ? *change : (struct policy_change){.id_count = 0};
    for (size_t i = 0; i < fake.change.id_count; i++) {
        memcpy(fake.change_ids[i], change->ids[i], CYAN_ID_LEN);
    }
    for (size_t i = 0; i < fake.change.network_count; i++) {
        memcpy(fake.change_networks[i], change->networks[i], POLICY_NETWORK_TEXT);
    }
    fake_later(&(struct fake_answer){
        .give = give_policy, .done.policy = done, .arg = arg, .status = take_status()});
}

void ownership_upload(struct cloud *cloud, const struct account *account,
                      const struct upload *upload, record_fn *done, void *arg)
{
    struct fake_answer answer = {
        .give = fake_give_record, .done.record = done, .arg = arg, .status = take_status()};
    assert_ptr_equal(cloud, &fake.cloud);
    cyan_hex_encode(upload->id, CYAN_ID_LEN, answer.device);
    memcpy(fake.device, upload->id, CYAN_ID_LEN);
    memcpy(fake.spki, upload->spki, CYAN_DEVICE_SPKI_LEN);
    fake.upload = *upload;
    if ((strcmp(answer.device, FAKE_BOBS) == 0) != (account->id == 2)) {
        answer.status = CYAN_E_REFUSED;
    }
    fake_later(&answer);
}

void ownership_claim(struct cloud *cloud, const struct account *account,
                     const uint8_t id[static CYAN_ID_LEN], record_fn *done, void *arg)
{
    struct fake_answer answer = {
        .give = fake_give_record, .done.record = done, .arg = arg, .status = take_status()};
    assert_ptr_equal(cloud, &fake.cloud);
    cyan_hex_encode(id, CYAN_ID_LEN, answer.device);
    memcpy(fake.device, id, CYAN_ID_LEN);
    fake.asker = account->id;
    fake_later(&answer);
}

static void give_status(const struct fake_answer *answer)
{
    answer->done.status(answer->arg, answer->status);
}

void ownership_release(struct cloud *cloud, const struct account *account,
                       const uint8_t id[static CYAN_ID_LEN], status_fn *done, void *arg)
{
    assert_ptr_equal(cloud, &fake.cloud);
    memcpy(fake.device, id, CYAN_ID_LEN);
    fake.asker = account->id;
    fake_later(&(struct fake_answer){
        .give = give_status, .done.status = done, .arg = arg, .status = take_status()});
}

static void give_code(const struct fake_answer *answer)
{
    answer->done.code(answer->arg, answer->status, answer->status == 0 ? FAKE_CODE : NULL);
}

void ownership_make_code(struct cloud *cloud, const struct account *account, claim_code_fn *done,
                         void *arg)
{
    assert_ptr_equal(cloud, &fake.cloud);
    fake.asker = account->id;
    fake_later(&(struct fake_answer){
        .give = give_code, .done.code = done, .arg = arg, .status = take_status()});
}

static void give_server_keys(const struct fake_answer *answer)
{
    static struct store_device devices[2];
    struct server_key_use uses[2] = {{.devices = devices, .count = COUNT_OF(devices)},
                                     {.is_previous = true}};
    memset(uses[0].fingerprint, 0xAB, CYAN_SHA256_LEN);
    memset(uses[1].fingerprint, 0xCD, CYAN_SHA256_LEN);
    assert_int_equal(cyan_hex_decode(FAKE_LAMP, 24, devices[0].id, CYAN_ID_LEN), 0);
    assert_int_equal(cyan_hex_decode(FAKE_BOBS, 24, devices[1].id, CYAN_ID_LEN), 0);
    memcpy(devices[0].name, "lamp", sizeof "lamp");
    devices[0].last_handshake_ms = 1767323045678;
    answer->done.server_keys(answer->arg, answer->status, answer->status == 0 ? uses : NULL,
                             answer->status == 0 ? 2 : 0);
}

void server_keys_list(struct cloud *cloud, server_keys_fn *done, void *arg)
{
    assert_ptr_equal(cloud, &fake.cloud);
    fake_later(&(struct fake_answer){
        .give = give_server_keys, .done.server_keys = done, .arg = arg, .status = take_status()});
}
