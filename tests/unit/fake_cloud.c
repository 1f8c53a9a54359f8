#include "tests/unit/fake_cloud.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/hex.h"
#include "server/api/http.h"
#include "server/cloud/outbox.h"
#include "server/net/log.h"
#include "tests/unit/fake_inner.h"
#include "tests/unit/unit.h"

struct fake_cloud fake;

void log_write(enum log_level level, const char *message, ...)
{
    (void)level;
    (void)message;
}

int64_t clock_now_ms(void)
{
    return fake.now_ms;
}

static void give_all(void)
{
    while (fake.answers) {
        struct fake_answer *answer = fake.answers;
        fake.answers = answer->next;
        fake.waiting--;
        answer->give(answer);
        free(answer);
    }
}

static void on_timer(uv_timer_t *timer)
{
    (void)timer;
    if (!fake.hold) {
        give_all();
    }
}

void fake_later(const struct fake_answer *template)
{
    struct fake_answer **end = &fake.answers;
    struct fake_answer *answer = malloc(sizeof *answer);
    assert_non_null(answer);
    *answer = *template;
    while (*end) {
        end = &(*end)->next;
    }
    *end = answer;
    fake.waiting++;
    uv_timer_start(&fake.timer, on_timer, 0, 0);
}

void fake_release(void)
{
    fake.hold = false;
    give_all();
}

int fake_take_status(void)
{
    int status = fake.status;
    fake.status = 0;
    return status;
}

static void keep(char *out, size_t cap, const char *text)
{
    size_t len = strlen(text) < cap - 1 ? strlen(text) : cap - 1;
    memcpy(out, text, len);
    out[len] = '\0';
}

static void give_account(const struct fake_answer *answer)
{
    struct account account = {.id = answer->account, .is_operator = answer->account == 1};
    keep(account.name, sizeof account.name, answer->account == 1 ? "ann" : "bob");
    answer->done.account(answer->arg, answer->status, answer->status < 0 ? NULL : &account);
}

void accounts_authenticate(struct accounts *accounts, const char *token, account_fn *done,
                           void *arg)
{
    struct fake_answer answer = {
        .give = give_account, .done.account = done, .arg = arg, .status = CYAN_E_NOT_FOUND};
    (void)accounts;
    assert_int_equal(strlen(token), TOKEN_LEN);
    if (fake.revoked) {
        answer.status = CYAN_E_NOT_FOUND;
    } else if (strcmp(token, FAKE_ANN) == 0 || strcmp(token, FAKE_BOB) == 0) {
        answer.account = strcmp(token, FAKE_ANN) == 0 ? 1 : 2;
        answer.status = 0;
    } else if (strcmp(token, FAKE_EXPIRED) == 0) {
        answer.status = CYAN_E_TIMEOUT;
    } else if (strcmp(token, FAKE_BROKEN) == 0) {
        answer.status = CYAN_E_IO;
    }
    fake_later(&answer);
}

void accounts_add(struct accounts *accounts, const char *name, const char *password,
                  account_fn *done, void *arg)
{
    (void)accounts;
    keep(fake.name, sizeof fake.name, name);
    keep(fake.password, sizeof fake.password, password);
    fake_later(&(struct fake_answer){.give = give_account,
                                     .done.account = done,
                                     .arg = arg,
                                     .account = 3,
                                     .status = fake_take_status()});
}

static void give_grant(const struct fake_answer *answer)
{
    struct grant grant = {
        .access_token = FAKE_ANN, .refresh_token = FAKE_BOB, .expires_in = fake.expires_in};
    answer->done.grant(answer->arg, answer->status, answer->status < 0 ? NULL : &grant);
}

void accounts_login(struct accounts *accounts, const char *name, const char *password,
                    const char *address, const char *client, int64_t expires_in, grant_fn *done,
                    void *arg)
{
    (void)accounts;
    keep(fake.name, sizeof fake.name, name);
    keep(fake.password, sizeof fake.password, password);
    keep(fake.address, sizeof fake.address, address);
    keep(fake.client, sizeof fake.client, client);
    fake.expires_in = expires_in;
    fake_later(&(struct fake_answer){
        .give = give_grant, .done.grant = done, .arg = arg, .status = fake_take_status()});
}

void accounts_refresh(struct accounts *accounts, const char *refresh_token, grant_fn *done,
                      void *arg)
{
    (void)accounts;
    keep(fake.token, sizeof fake.token, refresh_token);
    fake_later(&(struct fake_answer){
        .give = give_grant, .done.grant = done, .arg = arg, .status = fake_take_status()});
}

static void give_status(const struct fake_answer *answer)
{
    answer->done.status(answer->arg, answer->status);
}

void accounts_revoke(struct accounts *accounts, const char *token, status_fn *done, void *arg)
{
    (void)accounts;
    keep(fake.token, sizeof fake.token, token);
    fake_later(&(struct fake_answer){
        .give = give_status, .done.status = done, .arg = arg, .status = fake_take_status()});
}

struct device_record fake_record(const char *id)
{
    struct device_record record = {.owner = 1, .platform_id = 6, .product_id = 0xFFFF};
    assert_int_equal(cyan_hex_decode(id, 24, record.id, CYAN_ID_LEN), 0);
    record.product_version = 0xFFFF;
    if (strcmp(id, FAKE_LAMP) == 0) {
        keep(record.name, sizeof record.name, "lamp");
        keep(record.last_ip, sizeof record.last_ip, "192.0.2.7");
        record.last_heard_ms = record.last_handshake_ms = 1767323045678;
        record.has_hello = record.connected = true;
    }
    return record;
}

void fake_give_record(const struct fake_answer *answer)
{
    struct device_record record = fake_record(answer->device);
    answer->done.record(answer->arg, answer->status, answer->status < 0 ? NULL : &record);
}

void registry_resolve(struct registry *registry, uint32_t account, bool is_operator,
                      const char *text, record_fn *done, void *arg)
{
    static const char *const known[] = {FAKE_LAMP, FAKE_OFFLINE, FAKE_BOBS};
    struct fake_answer answer = {
        .give = fake_give_record, .done.record = done, .arg = arg, .status = CYAN_E_NOT_FOUND};
    (void)registry;
    assert_int_equal(is_operator, account == 1);
    keep(answer.device, sizeof answer.device, FAKE_LAMP);
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        bool is_name = i == 0 && account == 1 && strcmp(text, "lamp") == 0;
        if (is_name || strcasecmp(text, known[i]) == 0) {
            keep(answer.device, sizeof answer.device, known[i]);
            answer.status = account == (i == 2 ? 2 : 1) ? fake_take_status() : CYAN_E_REFUSED;
        }
    }
    fake_later(&answer);
}

static void give_list(const struct fake_answer *answer)
{
    struct device_record records[] = {fake_record(FAKE_LAMP), fake_record(FAKE_OFFLINE)};
    answer->done.list(answer->arg, answer->status, answer->status < 0 ? NULL : records,
                      answer->account == 1 ? 2 : 0);
}

void registry_list(struct registry *registry, uint32_t account, bool with_nobodys,
                   record_list_fn *done, void *arg)
{
    (void)with_nobodys;
    (void)registry;
    int status = fake.list_status != 0 ? fake.list_status : fake_take_status();
    fake.list_status = 0;
    fake_later(&(struct fake_answer){
        .give = give_list, .done.list = done, .arg = arg, .account = account, .status = status});
}

static void give_reply(const struct fake_answer *answer)
{
    answer->done.call(answer->arg, &fake.reply);
}

void calls_start(struct cloud *cloud, const struct call *call, call_fn *done, void *arg)
{
    assert_ptr_equal(cloud, &fake.cloud);
    fake.call = *call;
    fake_later(&(struct fake_answer){.give = give_reply, .done.call = done, .arg = arg});
}

void outbox_stream_opened(struct outbox *outbox, uint32_t account)
{
    assert_ptr_equal(outbox, fake.cloud.outbox);
    fake.streamer = account;
    fake.streams++;
}

static void give_incidents(const struct fake_answer *answer)
{
    bool ok = answer->status == 0;
    answer->done.incidents(answer->arg, answer->status, ok ? fake.incidents : NULL,
                           ok ? fake.incident_count : 0, 7);
}

void incidents_list(struct incidents *incidents, uint32_t account, bool is_operator,
                    const struct incident_filter *filter, incidents_fn *done, void *arg)
{
    (void)incidents;
    fake.asker = account;
    fake.is_operator = is_operator;
    fake.filter = *filter;
    fake.filter.device = NULL;
    fake.has_device = filter->device != NULL;
    if (filter->device) {
        memcpy(fake.device, filter->device, CYAN_ID_LEN);
    }
    fake_later(&(struct fake_answer){
        .give = give_incidents, .done.incidents = done, .arg = arg, .status = fake_take_status()});
}

static void give_diagnosis(const struct fake_answer *answer)
{
    answer->done.diagnosis(answer->arg, answer->status,
                           answer->status == 0 ? &fake.diagnosis : NULL);
}

void diagnosis_load(struct cloud *cloud, const struct device_record *record, diagnosis_fn *done,
                    void *arg)
{
    assert_ptr_equal(cloud, &fake.cloud);
    memcpy(fake.diagnosis.id, record->id, CYAN_ID_LEN);
    fake_later(&(struct fake_answer){
        .give = give_diagnosis, .done.diagnosis = done, .arg = arg, .status = fake_take_status()});
}

static void give_audit(const struct fake_answer *answer)
{
    static const uint8_t head[CYAN_SHA256_LEN] = {0xAB, 0xCD};
    bool ok = answer->status == 0;
    answer->done.audit(answer->arg, answer->status, ok ? fake.audit : NULL,
                       ok ? fake.audit_count : 0, ok ? 9 : 0, ok ? head : NULL);
}

void audit_list(struct jobs *jobs, int64_t after_seq, uint32_t max, audit_fn *done, void *arg)
{
    (void)jobs;
    fake.after_seq = after_seq;
    fake.max = max;
    fake_later(&(struct fake_answer){
        .give = give_audit, .done.audit = done, .arg = arg, .status = fake_take_status()});
}

bool audit_is_mine(const struct store_audit *row, uint32_t account, bool is_operator)
{
    fake.is_operator = is_operator;
    return row->account == account;
}

static void count_event(void *arg, const struct bus_event *event)
{
    (void)arg;
    (void)event;
    fake.to_devices++;
}

void fake_events_start(size_t ring_len)
{
    fake = (struct fake_cloud){.now_ms = 1767323045678};
    assert_int_equal(bus_local_create(&fake.bus), 0);
    fake.cloud.events = events_create(&fake.bus, ring_len, count_event, NULL);
    assert_non_null(fake.cloud.events);
}

void fake_events_stop(void)
{
    events_destroy(fake.cloud.events);
    fake.bus.destroy(fake.bus.ctx);
}

void fake_publish(const char *name, const char *data)
{
    struct bus_event event = {.name = name,
                              .name_len = strlen(name),
                              .data = (const uint8_t *)data,
                              .data_len = data ? strlen(data) : 0,
                              .owner = 1,
                              .ttl = 60,
                              .origin = BUS_FROM_DEVICE,
                              .about_device = true};
    assert_int_equal(cyan_hex_decode(FAKE_LAMP, 24, event.device, CYAN_ID_LEN), 0);
    assert_int_equal(events_publish(fake.cloud.events, &event), 0);
}

int fake_start(void **state)
{
    (void)state;
    fake_events_start(65536);
    assert_int_equal(uv_loop_init(&fake.loop), 0);
    uv_timer_init(&fake.loop, &fake.timer);
    fake.cloud.loop = &fake.loop;
    for (size_t i = 0; i < sizeof fake.cloud.server_spki; i++) {
        fake.cloud.server_spki[i] = (uint8_t)i;
    }
    assert_int_equal(http_start(&fake.cloud, "127.0.0.1", 0, &fake.http), 0);
    return 0;
}

int fake_stop(void **state)
{
    (void)state;
    if (fake.http) {
        http_stop(fake.http);
    }
    fake_release();
    uv_close((uv_handle_t *)&fake.timer, NULL);
    assert_int_equal(uv_run(&fake.loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&fake.loop), 0);
    fake_events_stop();
    return 0;
}
