/* What the store keeps of what happened: incidents, events on their way, the audit, counters. */
#include <string.h>

#include <sqlite3.h>

#include "server/store/sqlite.h"
#include "tests/unit/pantry.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

static uint32_t ann, bob;

static uint32_t add_account(const char *name)
{
    struct store_account account = {.password = "x"};
    uint32_t id = 0;
    memcpy(account.name, name, strlen(name) + 1);
    assert_int_equal(pantry.account_add(pantry.ctx, &account, &id), 0);
    return id;
}

static int set_up(void **state)
{
    pantry_set_up(state);
    ann = add_account("ann");
    bob = add_account("bob");
    return 0;
}

/* The first bytes of what a walk found, in its order. */
struct found {
    char text[64];
    size_t stop_at; /* 0: never */
};

static int note(struct found *found, char what)
{
    size_t len = strlen(found->text);
    found->text[len] = what;
    found->text[len + 1] = '\0';
    return found->stop_at == len + 1 ? 77 : 0;
}

static int take_incident(void *arg, const struct store_incident *incident)
{
    struct store_incident *out = arg;
    *out = *incident;
    return 0;
}

static int note_incident(void *arg, const struct store_incident *incident)
{
    return note(arg, (char)('0' + incident->id));
}

static struct store_incident full_incident(void)
{
    struct store_incident i = {.id = 5,
                               .seq = 9,
                               .cause = "device-key-mismatch",
                               .stage = "judgement",
                               .has_device = true,
                               .has_presented = true,
                               .has_trusted = true,
                               .proven = true,
                               .owner = ann,
                               .address = "192.0.2.7",
                               .count = 1LL << 40,
                               .first_ms = 11,
                               .last_ms = 12,
                               .firmware = "system 3301",
                               .reset = "power_down",
                               .note = "absent"};
    memset(i.device, 1, sizeof i.device);
    memset(i.presented, 2, sizeof i.presented);
    memset(i.trusted, 3, sizeof i.trusted);
    return i;
}

static void an_incident_comes_back_field_by_field_and_takes_what_can_change(void **state)
{
    (void)state;
    const struct store_incident bare = {
        .id = 6, .seq = 10, .cause = "silent", .stage = "nonce", .count = 1};
    struct store_incident in = full_incident();
    struct store_incident out;
    assert_int_equal(pantry.incident_put(pantry.ctx, &in), 0);
    assert_int_equal(pantry.incident_each(pantry.ctx, take_incident, &out), 0);
    assert_memory_equal(&out, &in, sizeof in);
    in.seq = 11;
    in.count++;
    in.last_ms = 13;
    in.owner = bob;
    memcpy(in.stage, "hello", 6);
    memset(in.trusted, 4, sizeof in.trusted);
    memset(in.reset, 0, sizeof in.reset);
    assert_int_equal(pantry.incident_put(pantry.ctx, &in), 0);
    assert_int_equal(pantry.incident_put(pantry.ctx, &bare), 0);
    struct found found = {.text = ""};
    assert_int_equal(pantry.incident_each(pantry.ctx, note_incident, &found), 0);
    assert_string_equal(found.text, "65"); /* by seq */
    assert_int_equal(pantry.incident_each(pantry.ctx, take_incident, &out), 0);
    assert_int_equal(out.count, in.count);
    assert_int_equal(out.owner, bob);
    assert_string_equal(out.stage, "hello");
    assert_string_equal(out.reset, "");
    assert_memory_equal(out.trusted, in.trusted, sizeof in.trusted);
    assert_int_equal(pantry.incident_remove(pantry.ctx, 5), 0);
    assert_int_equal(pantry.incident_remove(pantry.ctx, 5), 0);
    assert_int_equal(pantry.incident_each(pantry.ctx, take_incident, &out), 0);
    assert_false(out.has_device || out.has_presented || out.has_trusted || out.proven);
    assert_string_equal(out.cause, "silent");
}

static int take_outbox(void *arg, const struct store_outbox *event)
{
    struct store_outbox *out = arg;
    *out = *event;
    return 0;
}

static int note_outbox(void *arg, const struct store_outbox *event)
{
    return note(arg, (char)('0' + event->seq));
}

static void events_wait_in_their_order_until_they_are_removed(void **state)
{
    (void)state;
    struct store_outbox event = {.owner = ann, .name = "cyan/key/approved", .created_ms = 3};
    struct store_outbox out;
    memset(event.device, 7, sizeof event.device);
    memset(event.data, 'd', STORE_DETAIL_MAX);
    static const int64_t seqs[] = {3, 1, 2};
    for (size_t i = 0; i < COUNT_OF(seqs); i++) {
        event.seq = seqs[i];
        assert_int_equal(pantry.outbox_put(pantry.ctx, &event), 0);
    }
    assert_int_equal(pantry.outbox_put(pantry.ctx, &event), CYAN_E_EXISTS);
    struct found found = {.text = ""};
    assert_int_equal(pantry.outbox_each(pantry.ctx, note_outbox, &found), 0);
    assert_string_equal(found.text, "123");
    event.seq = 3;
    assert_int_equal(pantry.outbox_each(pantry.ctx, take_outbox, &out), 0);
    assert_memory_equal(&out, &event, sizeof event);
    assert_int_equal(pantry.outbox_remove(pantry.ctx, 2), 0);
    assert_int_equal(pantry.outbox_remove(pantry.ctx, 2), 0);
    found = (struct found){.text = ""};
    assert_int_equal(pantry.outbox_each(pantry.ctx, note_outbox, &found), 0);
    assert_string_equal(found.text, "13");
}

static int take_audit(void *arg, const struct store_audit *row)
{
    struct store_audit *out = arg;
    *out = *row;
    return 0;
}

static int note_audit(void *arg, const struct store_audit *row)
{
    return note(arg, (char)('0' + row->seq));
}

static struct store_audit audit_of(int64_t seq)
{
    struct store_audit row = {.seq = seq, .at_ms = 5, .action = "policy", .detail = "{}"};
    memset(row.row, (int)seq, sizeof row.row);
    memset(row.head, (int)seq + 100, sizeof row.head);
    return row;
}

static void audit_rows_come_back_field_by_field_after_a_seq(void **state)
{
    (void)state;
    struct store_audit out;
    uint8_t head[CYAN_SHA256_LEN];
    int64_t seq = 0;
    assert_int_equal(pantry.audit_last(pantry.ctx, &seq, head), CYAN_E_NOT_FOUND);
    for (int64_t i = 1; i <= 5; i++) {
        struct store_audit row = audit_of(i);
        assert_int_equal(pantry.audit_add(pantry.ctx, &row), 0);
    }
    struct store_audit full = audit_of(6);
    full.account = ann;
    full.owner = bob;
    full.has_device = true;
    memset(full.device, 8, sizeof full.device);
    memset(full.by, 'b', STORE_NAME_MAX);
    memset(full.detail, 'd', STORE_DETAIL_MAX);
    assert_int_equal(pantry.audit_add(pantry.ctx, &full), 0);
    assert_int_equal(pantry.audit_add(pantry.ctx, &full), CYAN_E_EXISTS);
    assert_int_equal(pantry.audit_each(pantry.ctx, 5, 9, take_audit, &out), 0);
    assert_memory_equal(&out, &full, sizeof full);
    assert_int_equal(pantry.audit_last(pantry.ctx, &seq, head), 0);
    assert_int_equal(seq, 6);
    assert_memory_equal(head, full.head, sizeof head);
    struct found found = {.text = ""};
    assert_int_equal(pantry.audit_each(pantry.ctx, 2, 3, note_audit, &found), 0);
    assert_string_equal(found.text, "345");
}

static void run_sql(const char *sql, int wanted)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(scratch_path("cyan.db"), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), wanted);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void no_statement_changes_or_removes_a_row_of_the_audit(void **state)
{
    (void)state;
    struct store_audit row = audit_of(1);
    struct store_audit out;
    assert_int_equal(pantry.audit_add(pantry.ctx, &row), 0);
    pantry_close();
    run_sql("UPDATE audit SET action = 'x'", SQLITE_CONSTRAINT);
    run_sql("UPDATE audit SET head = zeroblob(32) WHERE seq = 1", SQLITE_CONSTRAINT);
    run_sql("DELETE FROM audit", SQLITE_CONSTRAINT);
    pantry_open();
    assert_int_equal(pantry.audit_each(pantry.ctx, 0, 9, take_audit, &out), 0);
    assert_string_equal(out.action, "policy");
}

static void a_counter_counts_by_name_and_forgets_what_did_not_commit(void **state)
{
    (void)state;
    int64_t value = 0;
    for (int64_t i = 1; i <= 3; i++) {
        assert_int_equal(pantry.counter_next(pantry.ctx, "events", &value), 0);
        assert_int_equal(value, i);
    }
    assert_int_equal(pantry.counter_next(pantry.ctx, "other", &value), 0);
    assert_int_equal(value, 1);
    assert_int_equal(pantry.begin(pantry.ctx), 0);
    assert_int_equal(pantry.counter_next(pantry.ctx, "events", &value), 0);
    assert_int_equal(value, 4);
    pantry.rollback(pantry.ctx);
    pantry_close();
    pantry_open();
    assert_int_equal(pantry.counter_next(pantry.ctx, "events", &value), 0);
    assert_int_equal(value, 4);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, pantry_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(an_incident_comes_back_field_by_field_and_takes_what_can_change),
        CASE(events_wait_in_their_order_until_they_are_removed),
        CASE(audit_rows_come_back_field_by_field_after_a_seq),
        CASE(no_statement_changes_or_removes_a_row_of_the_audit),
        CASE(a_counter_counts_by_name_and_forgets_what_did_not_commit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
