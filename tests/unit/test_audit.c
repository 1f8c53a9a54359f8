#include "server/cloud/audit.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/hex.h"
#include "keys/audit_chain.h"
#include "tests/unit/hub.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

enum { ROWS = 5 };

static int set_up(void **state)
{
    (void)state;
    scratch_init();
    hub_open();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    hub_close();
    scratch_done();
    return 0;
}

static const uint8_t lamp[CYAN_ID_LEN] = {0x2F, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};

static struct audit_entry entry_of(uint32_t account)
{
    return (struct audit_entry){.account = account,
                                .owner = 1,
                                .device = lamp,
                                .action = "approve",
                                .by = "ann",
                                .detail = "{\"via\":\"blink\"}",
                                .at_ms = 1767323045678};
}

static int append(const struct audit_entry *entry, uint8_t head[CYAN_SHA256_LEN])
{
    return audit_append(&hub_store, entry, head);
}

/* What audit_list gave last. */
static struct store_audit listed[ROWS];
static size_t listed_count;
static int listed_status;
static int64_t listed_head_seq;
static uint8_t listed_head[CYAN_SHA256_LEN];

static void on_list(void *arg, int status, const struct store_audit *rows, size_t count,
                    int64_t head_seq, const uint8_t *head)
{
    assert_null(arg);
    listed_status = status;
    listed_count = count;
    listed_head_seq = head_seq;
    assert_true(count <= ROWS);
    if (count > 0) {
        memcpy(listed, rows, count * sizeof *rows);
    }
    if (status == 0) {
        memcpy(listed_head, head, sizeof listed_head);
    }
}

static void list(int64_t after, uint32_t max)
{
    listed_status = 1;
    audit_list(hub_jobs, after, max, on_list, NULL);
    assert_int_equal(listed_status, 1);
    jobs_drain(hub_jobs);
    assert_int_equal(listed_status, 0);
}

/* The first row, from 1, that does not stand where it is; 0: the chain is whole. */
static size_t first_wrong(const struct store_audit *rows, size_t count)
{
    uint8_t head[CYAN_SHA256_LEN] = {0};
    for (size_t i = 0; i < count; i++) {
        uint8_t hash[CYAN_SHA256_LEN];
        char device[CYAN_ID_TEXT] = "";
        if (rows[i].has_device) {
            cyan_hex_encode(rows[i].device, CYAN_ID_LEN, device);
        }
        const struct cyan_audit_row row = {.seq = (uint64_t)rows[i].seq,
                                           .at_ms = rows[i].at_ms,
                                           .account = rows[i].account,
                                           .device = device,
                                           .action = rows[i].action,
                                           .by = rows[i].by,
                                           .detail = rows[i].detail};
        if (rows[i].seq != (int64_t)i + 1 || cyan_audit_row(&row, hash) != 0 ||
            memcmp(hash, rows[i].row, sizeof hash) != 0 || cyan_audit_head(head, hash, head) != 0 ||
            memcmp(head, rows[i].head, sizeof head) != 0) {
            return i + 1;
        }
    }
    return 0;
}

/* Computed by Python's hashlib from the words of SPEC-custody. */
static void the_chain_is_that_of_the_specification(void **state)
{
    (void)state;
    static const char *const heads[] = {
        "767f31d06f1c8828e91ba701a1ea2ae7677eb718bf19ea3ec09417c0d2df513a",
        "50e34bb5d55e2e6f95b38256de4a1b0537f762812d314dda298c95435df55e94",
    };
    uint8_t head[CYAN_SHA256_LEN];
    char text[2 * CYAN_SHA256_LEN + 1];
    struct audit_entry entry = entry_of(7);
    assert_int_equal(append(&entry, head), 0);
    cyan_hex_encode(head, sizeof head, text);
    assert_string_equal(text, heads[0]);
    entry = (struct audit_entry){.action = "policy", .by = "", .detail = "{}", .at_ms = 1};
    assert_int_equal(append(&entry, head), 0);
    cyan_hex_encode(head, sizeof head, text);
    assert_string_equal(text, heads[1]);
}

static void an_empty_chain_has_a_head_of_zeroes(void **state)
{
    (void)state;
    static const uint8_t zeroes[CYAN_SHA256_LEN];
    uint8_t head[CYAN_SHA256_LEN] = {1};
    int64_t seq = 5;
    assert_int_equal(audit_head(&hub_store, &seq, head), 0);
    assert_int_equal(seq, 0);
    assert_memory_equal(head, zeroes, sizeof head);
    list(0, 10);
    assert_int_equal(listed_count, 0);
    assert_int_equal(listed_head_seq, 0);
    assert_memory_equal(listed_head, zeroes, sizeof zeroes);
}

static void fill_chain(void)
{
    uint8_t head[CYAN_SHA256_LEN];
    for (uint32_t i = 1; i <= ROWS; i++) {
        struct audit_entry entry = entry_of(i);
        assert_int_equal(append(&entry, head), 0);
    }
    list(0, ROWS);
    assert_int_equal(listed_count, ROWS);
    assert_memory_equal(listed_head, head, sizeof head);
    assert_int_equal(listed_head_seq, ROWS);
}

static void every_change_to_any_field_of_any_row_is_found_at_that_row(void **state)
{
    (void)state;
    fill_chain();
    assert_int_equal(first_wrong(listed, ROWS), 0);
    for (size_t at = 0; at < ROWS; at++) {
        const struct store_audit good = listed[at];
        struct store_audit *row = &listed[at];
#define FOUND(change)                                                                              \
    do {                                                                                           \
        change;                                                                                    \
        assert_int_equal(first_wrong(listed, ROWS), at + 1);                                       \
        *row = good;                                                                               \
    } while (0)
        FOUND(row->seq++);
        FOUND(row->at_ms++);
        FOUND(row->at_ms = -row->at_ms);
        FOUND(row->account++);
        FOUND(row->has_device = false);
        for (size_t i = 0; i < CYAN_ID_LEN; i++) {
            FOUND(row->device[i] ^= 1);
        }
        for (size_t i = 0; i < strlen(good.action); i++) {
            FOUND(row->action[i] ^= 1);
        }
        for (size_t i = 0; i < strlen(good.by); i++) {
            FOUND(row->by[i] ^= 1);
        }
        for (size_t i = 0; i < strlen(good.detail); i++) {
            FOUND(row->detail[i] ^= 1);
        }
        for (size_t i = 0; i < CYAN_SHA256_LEN; i++) {
            FOUND(row->row[i] ^= 1);
            FOUND(row->head[i] ^= 1);
        }
        /* Text that moves from one field to its neighbour. */
        FOUND((memcpy(row->action, "approvea", 9), memcpy(row->by, "nn", 3)));
#undef FOUND
    }
}

static void a_row_that_is_missing_or_moved_is_found(void **state)
{
    (void)state;
    for (size_t at = 0; at + 1 < ROWS; at++) {
        if (at == 0) {
            fill_chain();
        } else {
            list(0, ROWS);
        }
        struct store_audit one = listed[at];
        listed[at] = listed[at + 1];
        listed[at + 1] = one;
        assert_int_equal(first_wrong(listed, ROWS), at + 1);
        list(0, ROWS);
        memmove(&listed[at], &listed[at + 1], (ROWS - at - 1) * sizeof listed[0]);
        assert_int_equal(first_wrong(listed, ROWS - 1), at + 1);
    }
}

static void a_line_feed_cannot_make_two_rows_one_text(void **state)
{
    (void)state;
    uint8_t head[CYAN_SHA256_LEN];
    struct audit_entry entry = entry_of(1);
    entry.by = "a\nb";
    assert_int_equal(append(&entry, head), CYAN_E_INVALID);
    entry = entry_of(1);
    entry.action = "a\n";
    assert_int_equal(append(&entry, head), CYAN_E_INVALID);
    entry = entry_of(1);
    entry.detail = "{\n}";
    assert_int_equal(append(&entry, head), CYAN_E_INVALID);
}

static void what_does_not_fit_is_refused_and_what_just_fits_is_kept(void **state)
{
    (void)state;
    char text[STORE_DETAIL_MAX + 2];
    uint8_t head[CYAN_SHA256_LEN];
    static const struct {
        size_t max, offset;
    } fields[] = {{STORE_WORD_MAX, offsetof(struct audit_entry, action)},
                  {STORE_NAME_MAX, offsetof(struct audit_entry, by)},
                  {STORE_DETAIL_MAX, offsetof(struct audit_entry, detail)}};
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        struct audit_entry entry = entry_of(1);
        const char *value = text;
        memcpy((char *)&entry + fields[i].offset, &value, sizeof value);
        memset(text, 'x', sizeof text);
        text[fields[i].max + 1] = '\0';
        assert_int_equal(append(&entry, head), CYAN_E_TOO_LONG);
        text[fields[i].max] = '\0';
        assert_int_equal(append(&entry, head), 0);
    }
    list(0, ROWS);
    assert_int_equal(first_wrong(listed, listed_count), 0);
}

static void the_list_begins_after_a_seq_and_ends_at_max(void **state)
{
    (void)state;
    fill_chain();
    for (int64_t after = 0; after <= ROWS + 1; after++) {
        for (uint32_t max = 1; max <= ROWS; max++) {
            list(after, max);
            size_t left = after < ROWS ? (size_t)(ROWS - after) : 0;
            assert_int_equal(listed_count, left < max ? left : max);
            assert_true(listed_count == 0 || listed[0].seq == after + 1);
            assert_int_equal(listed_head_seq, ROWS);
        }
    }
}

static void a_row_is_whole_for_who_did_it_and_whose_device_it_is(void **state)
{
    (void)state;
    /* account, owner, about a device: asked by 1, 2, the operator 3, a stranger 4 */
    static const struct {
        uint32_t account, owner;
        bool has_device;
        bool is_mine[4];
    } rows[] = {
        {1, 2, true, {true, true, false, false}},   {0, 2, true, {false, true, false, false}},
        {1, 0, true, {true, false, true, false}},   {0, 0, true, {false, false, true, false}},
        {1, 0, false, {true, false, false, false}}, {0, 0, false, {false, false, true, false}},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct store_audit row = {
            .account = rows[i].account, .owner = rows[i].owner, .has_device = rows[i].has_device};
        for (uint32_t asker = 1; asker <= 4; asker++) {
            assert_int_equal(audit_is_mine(&row, asker, asker == 3), rows[i].is_mine[asker - 1]);
        }
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_chain_is_that_of_the_specification),
        CASE(an_empty_chain_has_a_head_of_zeroes),
        CASE(every_change_to_any_field_of_any_row_is_found_at_that_row),
        CASE(a_row_that_is_missing_or_moved_is_found),
        CASE(a_line_feed_cannot_make_two_rows_one_text),
        CASE(what_does_not_fit_is_refused_and_what_just_fits_is_kept),
        CASE(the_list_begins_after_a_seq_and_ends_at_max),
        CASE(a_row_is_whole_for_who_did_it_and_whose_device_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
