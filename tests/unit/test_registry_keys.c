#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "server/cloud/registry.h"
#include "tests/unit/fleet.h"
#include "tests/unit/hub.h"
#include "tests/unit/unit.h"

static unsigned changes;
static uint8_t changed_id[CYAN_ID_LEN];

static void on_changed(void *arg, const uint8_t id[static CYAN_ID_LEN])
{
    assert_ptr_equal(arg, &changes);
    changes++;
    memcpy(changed_id, id, sizeof changed_id);
}

static void an_unknown_device_is_bound_to_the_account_that_provisions_it(void **state)
{
    (void)state;
    struct fleet_answer made = fleet_provision(fleet_ann, 1, 10);
    assert_int_equal(made.status, 0);
    assert_memory_equal(made.record.id, fleet_id_of(1), CYAN_ID_LEN);
    assert_int_equal(made.record.owner, fleet_ann);
    assert_true(made.record.name[0] != '\0');
    assert_string_equal(made.record.last_ip, "");
    assert_int_equal(made.record.last_heard_ms, 0);
    assert_int_equal(made.record.last_handshake_ms, 0);
    assert_false(made.record.has_hello);
    assert_false(made.record.connected);
    struct fleet_answer key = fleet_key_of(1);
    uint8_t fingerprint[CYAN_SHA256_LEN];
    fleet_fingerprint_of(10, fingerprint);
    assert_int_equal(key.status, 0);
    assert_int_equal(key.key.owner, fleet_ann);
    assert_true(key.key.has_key);
    assert_memory_equal(key.key.spki, fleet_spki_of(10), CYAN_DEVICE_SPKI_LEN);
    assert_memory_equal(key.key.fingerprint, fingerprint, sizeof fingerprint);
    assert_int_equal(fleet_key_of(2).status, CYAN_E_NOT_FOUND);
}

static void a_device_of_somebody_else_or_of_nobody_cannot_be_provisioned(void **state)
{
    (void)state;
    struct store_device nobodys = {.name = "lost"};
    memcpy(nobodys.id, fleet_id_of(2), sizeof nobodys.id);
    assert_int_equal(hub_store.device_add(hub_store.ctx, &nobodys), 0);
    fleet_provision(fleet_ann, 1, 10);
    assert_int_equal(fleet_provision(fleet_bob, 1, 20).status, CYAN_E_REFUSED);
    assert_int_equal(fleet_provision(fleet_bob, 2, 20).status, CYAN_E_REFUSED);
    assert_memory_equal(fleet_key_of(1).key.spki, fleet_spki_of(10), CYAN_DEVICE_SPKI_LEN);
    assert_int_equal(fleet_key_of(1).key.owner, fleet_ann);
    struct fleet_answer unowned = fleet_key_of(2);
    assert_int_equal(unowned.status, 0);
    assert_false(unowned.key.has_key);
    assert_int_equal(unowned.key.owner, 0);
}

static void a_new_key_retires_the_old_one_and_is_told_only_when_it_is_another(void **state)
{
    (void)state;
    registry_on_key_changed(fleet_registry, on_changed, &changes);
    changes = 0;
    struct fleet_answer first = fleet_provision(fleet_ann, 1, 10);
    assert_int_equal(changes, 0);
    assert_int_equal(fleet_provision(fleet_ann, 1, 10).status, 0);
    assert_int_equal(changes, 0);
    struct fleet_answer second = fleet_provision(fleet_ann, 1, 11);
    assert_int_equal(second.status, 0);
    assert_int_equal(changes, 1);
    assert_memory_equal(changed_id, fleet_id_of(1), CYAN_ID_LEN);
    assert_string_equal(second.record.name, first.record.name);
    assert_memory_equal(fleet_key_of(1).key.spki, fleet_spki_of(11), CYAN_DEVICE_SPKI_LEN);
    assert_int_equal(fleet_prove(1, 10, 6, ""), CYAN_E_REFUSED);
    assert_int_equal(fleet_prove(1, 11, 6, ""), 0);
    /* A retired key that its owner uploads again is trusted again. */
    assert_int_equal(fleet_provision(fleet_ann, 1, 10).status, 0);
    assert_int_equal(changes, 2);
    assert_int_equal(fleet_prove(1, 10, 6, ""), 0);
    assert_int_equal(fleet_prove(1, 11, 6, ""), CYAN_E_REFUSED);
    assert_int_equal(fleet_provision(fleet_bob, 1, 12).status, CYAN_E_REFUSED);
    assert_int_equal(changes, 2);
}

static void many_devices_may_carry_the_same_key(void **state)
{
    (void)state;
    for (uint32_t i = 1; i <= 5; i++) {
        assert_int_equal(fleet_provision(fleet_ann, i, 10).status, 0);
    }
    for (uint32_t i = 1; i <= 5; i++) {
        assert_memory_equal(fleet_key_of(i).key.spki, fleet_spki_of(10), CYAN_DEVICE_SPKI_LEN);
    }
}

static void a_proven_hello_is_recorded(void **state)
{
    (void)state;
    fleet_provision(fleet_ann, 1, 10);
    hub_now_ms = 5000;
    assert_int_equal(fleet_prove(1, 10, 6, "127.0.0.5"), 0);
    struct fleet_answer found = fleet_resolve_id(fleet_ann, 1);
    assert_true(found.record.has_hello);
    assert_int_equal(found.record.platform_id, 6);
    assert_int_equal(found.record.product_id, 7);
    assert_int_equal(found.record.product_version, 9);
    assert_string_equal(found.record.last_ip, "127.0.0.5");
    assert_int_equal(found.record.last_heard_ms, 5000);
    assert_int_equal(found.record.last_handshake_ms, 5000);
    hub_now_ms = 6000;
    assert_int_equal(fleet_prove(1, 10, 6, "127.0.0.6"), 0);
    struct store_key key;
    assert_int_equal(hub_store.key_trusted(hub_store.ctx, fleet_id_of(1), &key), 0);
    assert_int_equal(key.first_seen_ms, 5000);
    assert_int_equal(key.last_seen_ms, 6000);
    assert_string_equal(key.last_ip, "127.0.0.6");
    assert_int_equal(key.by_account, fleet_ann);
}

static void another_platform_than_the_first_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    fleet_provision(fleet_ann, 1, 10);
    assert_int_equal(fleet_prove(1, 10, 6, "127.0.0.5"), 0);
    hub_now_ms += 1000;
    for (uint16_t platform = 0; platform < 20; platform++) {
        if (platform != 6) {
            assert_int_equal(fleet_prove(1, 10, platform, "127.0.0.6"), CYAN_E_REFUSED);
        }
    }
    struct fleet_answer found = fleet_resolve_id(fleet_ann, 1);
    assert_int_equal(found.record.platform_id, 6);
    assert_string_equal(found.record.last_ip, "127.0.0.5");
    assert_int_equal(found.record.last_handshake_ms, hub_now_ms - 1000);
    assert_int_equal(fleet_prove(2, 10, 6, ""), CYAN_E_REFUSED);
    assert_int_equal(fleet_prove(1, 11, 6, ""), CYAN_E_REFUSED);
}

static int report_to;
static uint32_t next_device;

/* In a child that is going to be killed: provisions one device after another, several at a time,
 * and reports each one that was acknowledged. */
static void on_acknowledged(void *arg, int status, const struct device_record *record)
{
    (void)arg;
    if (status != 0 || write(report_to, record->id, CYAN_ID_LEN) != CYAN_ID_LEN) {
        _exit(1);
    }
    next_device++;
    registry_provision(fleet_registry, fleet_ann, fleet_id_of(next_device),
                       fleet_spki_of(next_device), on_acknowledged, NULL);
}

static void provision_until_killed(void)
{
    enum { AT_ONCE = 5 };
    fleet_open();
    for (int i = 0; i < AT_ONCE; i++) {
        next_device++;
        registry_provision(fleet_registry, fleet_ann, fleet_id_of(next_device),
                           fleet_spki_of(next_device), on_acknowledged, NULL);
    }
    uv_run(&hub_loop, UV_RUN_DEFAULT);
    _exit(1);
}

/* Starts the child, kills it after so many acknowledgements; returns how many there were. */
static size_t run_and_kill(size_t after, uint8_t (*ids)[CYAN_ID_LEN], size_t max)
{
    int ends[2];
    int status = 0;
    size_t count = 0;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(ends[0]);
        report_to = ends[1];
        provision_until_killed();
    }
    close(ends[1]);
    while (count < max && read(ends[0], ids[count], CYAN_ID_LEN) == CYAN_ID_LEN) {
        count++;
        if (count == after) {
            assert_int_equal(kill(child, SIGKILL), 0);
        }
    }
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    return count;
}

static void every_acknowledged_device_outlives_a_kill(void **state)
{
    (void)state;
    enum { ROUNDS = 12, MAX = 4096 };
    static uint8_t ids[MAX][CYAN_ID_LEN];
    fleet_close();
    for (uint32_t round = 0; round < ROUNDS; round++) {
        next_device = round * 10000;
        size_t count = run_and_kill(1 + round * 7, ids, MAX);
        assert_true(count >= 1 + round * 7);
        fleet_open();
        for (size_t i = 0; i < count; i++) {
            struct store_key key;
            assert_int_equal(hub_store.key_trusted(hub_store.ctx, ids[i], &key), 0);
            assert_memory_equal(key.spki, fleet_spki_of(cyan_get_be32(ids[i] + 8)),
                                sizeof key.spki);
        }
        fleet_close();
    }
    fleet_open();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fleet_set_up, fleet_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_unknown_device_is_bound_to_the_account_that_provisions_it),
        TEST(a_device_of_somebody_else_or_of_nobody_cannot_be_provisioned),
        TEST(a_new_key_retires_the_old_one_and_is_told_only_when_it_is_another),
        TEST(many_devices_may_carry_the_same_key),
        TEST(a_proven_hello_is_recorded),
        TEST(another_platform_than_the_first_is_refused_and_changes_nothing),
        TEST(every_acknowledged_device_outlives_a_kill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
