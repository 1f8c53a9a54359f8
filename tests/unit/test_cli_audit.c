/* `cyan audit verify` and the heads that it needs, with a scripted cloud that tells the chain of
 * tests/vectors/audit-chain.txt. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hex.h"
#include "cli/heads.h"
#include "tests/unit/cli_stage.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"
#include "tests/unit/vectors.h"

enum { ROWS = 5, FIELDS = 7, TEXT_MAX = 1024, HEX_TEXT = 65, BODY_MAX = 8192 };

static const char heads_file[] = "xdg/cyan/default.heads";
static struct vectors *vectors;

static int set_up(void **state)
{
    vectors = vectors_open("audit-chain.txt");
    return stage_set_up(state);
}

static int tear_down(void **state)
{
    vectors_close(vectors);
    return stage_tear_down(state);
}

static const char *hex_of(const char *kind, size_t number, char hex[static HEX_TEXT])
{
    char name[32];
    (void)snprintf(name, sizeof name, "%s_%zu", kind, number);
    cyan_hex_encode(vectors_bytes(vectors, name, CYAN_SHA256_LEN), CYAN_SHA256_LEN, hex);
    return hex;
}

/* A row as the cloud tells it, by its canonical text. */
static json_t *row_of(size_t number, bool mine)
{
    char name[32], text[TEXT_MAX], hash[HEX_TEXT];
    char *fields[FIELDS] = {text};
    size_t count = 1;
    (void)snprintf(name, sizeof name, "text_%zu", number);
    const struct vector *vector = vectors_get(vectors, name);
    assert_in_range(vector->len, 1, TEXT_MAX - 1);
    memcpy(text, vector->data, vector->len);
    text[vector->len] = '\0';
    for (char *at = text; *at; at++) {
        if (*at == '\n') {
            *at = '\0';
            fields[count++] = at + 1;
        }
    }
    assert_int_equal(count, FIELDS);
    json_t *row = json_pack("{s:I, s:s, s:b}", "seq", (json_int_t)strtoll(fields[0], NULL, 10),
                            "row", hex_of("row", number, hash), "mine", mine);
    if (mine) {
        assert_int_equal(
            json_object_update_new(
                row, json_pack("{s:I, s:I, s:s, s:s, s:s, s:s}", "at_ms",
                               (json_int_t)strtoll(fields[1], NULL, 10), "account",
                               (json_int_t)strtoll(fields[2], NULL, 10), "device", fields[3],
                               "action", fields[4], "by", fields[5], "detail", fields[6])),
            0);
    }
    return row;
}

/* Rows from one number on to another, as a page of a chain whose last row is head_number. */
static json_t *page_of(size_t from, size_t to, size_t head_number)
{
    char head[HEX_TEXT];
    json_t *rows = json_array(), *last = head_number > 0 ? row_of(head_number, false) : NULL;
    for (size_t i = from; i <= to; i++) {
        assert_int_equal(json_array_append_new(rows, row_of(i, i % 2 == 1)), 0);
    }
    json_t *page =
        json_pack("{s:s, s:I, s:o}", "head", hex_of("head", head_number, head), "head_seq",
                  json_integer_value(json_object_get(last, "seq")), "rows", rows);
    json_decref(last);
    assert_non_null(page);
    return page;
}

/* Takes it over. */
static void reply_page(json_t *page)
{
    char *text = json_dumps(page, JSON_COMPACT);
    assert_non_null(text);
    reply(200, text);
    free(text);
    json_decref(page);
}

/* The cloud has one address for the whole test, so that its heads are of one cloud. */
static void verify(void)
{
    RUN_CLI(&ran, "audit", "verify", "--json");
}

static void remember(const char *before, const char *hex, const char *api)
{
    char line[512];
    int len = snprintf(line, sizeof line, "%s %s %s\n", before, hex, api);
    assert_int_equal(SCRATCH_RUN("mkdir", "-p", "xdg/cyan"), 0);
    scratch_write(heads_file, line, (size_t)len);
}

static void a_whole_chain_is_verified_page_by_page(void **state)
{
    (void)state;
    char head[HEX_TEXT];
    struct stat info;
    for (int json = 0; json < 2; json++) {
        reply_page(page_of(1, 2, 5));
        reply_page(page_of(3, 5, 5));
        start();
        RUN_CLI(&ran, "audit", "verify", json ? "--json" : NULL);
        assert_int_equal(ran.exit, 0);
        if (json) {
            assert_string_equal(RAN_STRING(&ran, "data", "head"), hex_of("head", 5, head));
            const json_t *data = json_object_get(ran.json, "data");
            assert_int_equal(json_integer_value(json_object_get(data, "checked")), 3);
        } else {
            assert_memory_equal(ran.out, "the audit is whole: 5 rows, of 3 of them", 40);
        }
        scripted_stop(cloud);
        assert_asked(0, "GET /v1/audit?after=0&limit=1000");
        assert_asked(1, "GET /v1/audit?after=2&limit=1000");
    }
    assert_int_equal(stat(scratch_path(heads_file), &info), 0);
    assert_int_equal(info.st_mode & 07777U, 0600);
    /* Of nothing. */
    reply_page(page_of(1, 0, 0));
    start();
    verify();
    assert_int_equal(ran.exit, 0);
}

static void a_chain_that_was_touched_is_code_5(void **state)
{
    (void)state;
    enum { WAYS = 11 };
    for (int way = 0; way < WAYS; way++) {
        json_t *page = page_of(1, 5, 5), *rows = json_object_get(page, "rows");
        json_t *first = json_array_get(rows, 0);
        char other[HEX_TEXT];
        switch (way) {
        case 0:
            (void)json_object_set_new(first, "by", json_string("somebody else"));
            break;
        case 1:
            (void)json_object_set_new(first, "at_ms", json_integer(1));
            break;
        case 2:
            (void)json_object_set_new(first, "account", json_integer(9));
            break;
        case 3:
            (void)json_object_set_new(first, "detail", json_string("{}"));
            break;
        case 4: /* a row of somebody else, of which there is only the hash */
            (void)json_object_set_new(json_array_get(rows, 1), "row",
                                      json_string(hex_of("row", 3, other)));
            break;
        case 5:
            (void)json_array_remove(rows, 1);
            break;
        case 6:
            (void)json_array_insert_new(rows, 1, json_incref(first));
            break;
        case 7:
            (void)json_object_set_new(page, "head", json_string(hex_of("head", 4, other)));
            break;
        case 8: /* its own head lies before its last row */
            (void)json_object_set_new(page, "head_seq", json_integer(3));
            break;
        case 9:
            (void)json_object_set_new(first, "by", json_string("a\nb"));
            break;
        default: { /* swapped */
            json_t *last = json_incref(json_array_get(rows, 4));
            (void)json_array_remove(rows, 4);
            (void)json_array_insert_new(rows, 0, last);
        }
        }
        reply_page(page);
        start();
        verify();
        assert_ran_fault(&ran, 5, "AUDIT_MISMATCH");
    }
    /* It says that there is more, and gives nothing. */
    reply_page(page_of(1, 4, 5));
    reply_page(page_of(1, 0, 5));
    start();
    verify();
    assert_ran_fault(&ran, 5, "AUDIT_MISMATCH");
    assert_int_equal(access(scratch_path(heads_file), F_OK), -1);
}

static void detail_may_be_an_object_too(void **state)
{
    (void)state;
    json_t *page = page_of(1, 5, 5);
    json_t *first = json_array_get(json_object_get(page, "rows"), 0);
    json_t *detail = json_loads("{\"new\":\"9f4e\",\"via\":\"blink\"}", 0, NULL);
    (void)json_object_set_new(first, "detail", detail);
    reply_page(page);
    start();
    verify();
    assert_int_equal(ran.exit, 0);
}

static void a_head_of_an_event_must_be_in_the_chain(void **state)
{
    (void)state;
    char hex[HEX_TEXT];
    for (size_t number = 0; number <= 5; number++) {
        reply_page(page_of(1, 5, 5));
        start();
        remember("seen", hex_of("head", number, hex), scripted_url(cloud));
        verify();
        assert_int_equal(ran.exit, 0);
    }
    /* One that this chain never had, and so a chain that fits itself but is another one. */
    for (int other_cloud = 0; other_cloud < 2; other_cloud++) {
        reply_page(page_of(1, 5, 5));
        start();
        remember("seen", hex_of("row", 1, hex),
                 other_cloud ? "http://other.example" : scripted_url(cloud));
        verify();
        if (other_cloud) {
            assert_int_equal(ran.exit, 0);
        } else {
            assert_ran_fault(&ran, 5, "AUDIT_MISMATCH");
            assert_non_null(strstr(RAN_STRING(&ran, "error", "message"), hex));
        }
    }
    /* A chain that was cut back. */
    reply_page(page_of(1, 4, 4));
    start();
    remember("seen", hex_of("head", 5, hex), scripted_url(cloud));
    verify();
    assert_ran_fault(&ran, 5, "AUDIT_MISMATCH");
}

static void the_last_verified_head_must_be_in_the_chain(void **state)
{
    (void)state;
    static const struct {
        const char *before;
        size_t number;
        int exit;
    } cases[] = {{"verified 2", 2, 0},
                 {"verified 0", 0, 0},
                 {"verified 2", 1, 5},
                 {"verified 4", 3, 5},
                 {"verified 0", 1, 5}};
    char hex[HEX_TEXT];
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        reply_page(page_of(1, 5, 5));
        start();
        remember(cases[i].before, hex_of("head", cases[i].number, hex), scripted_url(cloud));
        verify();
        assert_int_equal(ran.exit, cases[i].exit);
    }
}

static void what_is_no_audit_is_told(void **state)
{
    (void)state;
    static const struct {
        int status, exit;
        const char *body, *code;
    } cases[] = {
        {200, 1, "{}", "BAD_ANSWER"},
        {200, 1, "{\"head\":\"00\",\"head_seq\":0,\"rows\":[]}", "BAD_ANSWER"},
        {501, 1, "{\"error\":\"Later\",\"code\":\"NOT_SUPPORTED\"}", "NOT_SUPPORTED"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        reply(cases[i].status, cases[i].body);
        start();
        verify();
        assert_ran_fault(&ran, cases[i].exit, cases[i].code);
    }
    json_t *page = page_of(1, 5, 5);
    (void)json_object_del(json_array_get(json_object_get(page, "rows"), 0), "at_ms");
    reply_page(page);
    start();
    verify();
    assert_ran_fault(&ran, 1, "BAD_ANSWER");
    assert_int_equal(unsetenv("CYAN_TOKEN"), 0);
    verify();
    assert_ran_fault(&ran, 3, "NOT_LOGGED_IN");
}

static void a_subscription_remembers_the_heads_of_its_events_once(void **state)
{
    (void)state;
    char one[HEX_TEXT], two[HEX_TEXT], events[2048], wanted[512];
    size_t len = 0;
    (void)snprintf(
        events, sizeof events,
        "event: cyan/key/pending\ndata: {\"data\":\"{\\\"head\\\":\\\"%s\\\"}\"}\n\n"
        "event: other/key\ndata: {\"data\":\"{\\\"head\\\":\\\"%s\\\"}\"}\n\n"
        "event: cyan/key/pending\ndata: {\"data\":\"{\\\"head\\\":\\\"00\\\"}\"}\n\n"
        "event: cyan/key/pending\ndata: {\"data\":\"x\"}\n\n"
        "event: cyan/key/approved\ndata: {\"data\":\"{\\\"head\\\":\\\"%s\\\"}\"}\n\n"
        "event: cyan/handshake/failed\ndata: {\"data\":\"{\\\"head\\\":\\\"%s\\\"}\"}\n\n",
        hex_of("head", 1, one), hex_of("row", 1, two), one, hex_of("head", 2, two));
    reply_stream(events, false);
    start();
    RUN_CLI(&ran, "subscribe", "--count", "6");
    assert_int_equal(ran.exit, 0);
    uint8_t *text = scratch_read(heads_file, &len);
    int wanted_len = snprintf(wanted, sizeof wanted, "seen %s %s\nseen %s %s\n", one,
                              scripted_url(cloud), two, scripted_url(cloud));
    assert_int_equal(len, wanted_len);
    assert_memory_equal(text, wanted, len);
    free(text);
}

static void the_newest_thousand_heads_are_kept(void **state)
{
    (void)state;
    struct config config = {.profile = "default", .api = "http://a.example"};
    struct heads *heads = malloc(sizeof *heads);
    struct fault fault;
    assert_non_null(heads);
    assert_int_equal(setenv("XDG_CONFIG_HOME", scratch_path("xdg"), 1), 0);
    assert_int_equal(SCRATCH_RUN("mkdir", "-p", "xdg/cyan"), 0);
    char *text = NULL, hex[HEX_TEXT];
    size_t len = 0;
    uint8_t head[CYAN_SHA256_LEN] = {0};
    FILE *file = open_memstream(&text, &len);
    assert_non_null(file);
    (void)fprintf(file, "nonsense\nverified x y\nseen 00 http://a.example\n");
    for (unsigned i = 0; i < HEADS_MAX; i++) {
        head[0] = (uint8_t)(i >> 8);
        head[1] = (uint8_t)i;
        cyan_hex_encode(head, sizeof head, hex);
        (void)fprintf(file, "seen %s http://a.example\n", hex);
    }
    assert_int_equal(fclose(file), 0);
    scratch_write(heads_file, text, len);
    free(text);
    memset(head, 0xFF, sizeof head);
    assert_int_equal(heads_add(&config, head, &fault), 0);
    assert_int_equal(heads_set_verified(&config, 7, head, &fault), 0);
    assert_int_equal(heads_set_verified(&config, 8, head, &fault), 0);
    assert_int_equal(heads_load(&config, heads, &fault), 0);
    assert_int_equal(heads->seen_count, HEADS_MAX);
    assert_int_equal(heads->seen[0][1], 1);
    assert_memory_equal(heads->seen[HEADS_MAX - 1], head, sizeof head);
    assert_true(heads->has_verified);
    assert_int_equal(heads->verified_seq, 8);
    free(heads);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_whole_chain_is_verified_page_by_page),
        TEST(a_chain_that_was_touched_is_code_5),
        TEST(detail_may_be_an_object_too),
        TEST(a_head_of_an_event_must_be_in_the_chain),
        TEST(the_last_verified_head_must_be_in_the_chain),
        TEST(what_is_no_audit_is_told),
        TEST(a_subscription_remembers_the_heads_of_its_events_once),
        TEST(the_newest_thousand_heads_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
