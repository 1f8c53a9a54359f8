#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/custody.h"
#include "cli/heads.h"
#include "keys/audit_chain.h"

enum {
    PAGE = 1000,
    PAGES_MAX = 100000,
    HEX_TEXT = 2 * CYAN_SHA256_LEN + 1,
};

struct check {
    struct cli *cli;
    struct heads heads;    /* what was seen; seen is sorted */
    bool found[HEADS_MAX]; /* which of them are in the chain */
    bool verified_found;
    uint64_t seq; /* of the last row; 0: none yet */
    uint64_t rows, mine;
    uint8_t head[CYAN_SHA256_LEN];
};

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, CYAN_SHA256_LEN);
}

static bool read_hash(const json_t *object, const char *key, uint8_t out[static CYAN_SHA256_LEN])
{
    const char *text = custody_text(object, key);
    return text && cyan_hex_decode(text, strlen(text), out, CYAN_SHA256_LEN) == 0;
}

static bool read_number(const json_t *object, const char *key, int64_t *out_number)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_integer(value) || json_integer_value(value) < 0) {
        return false;
    }
    *out_number = json_integer_value(value);
    return true;
}

static int mismatch(struct check *check, uint64_t seq, const char *what)
{
    (void)fault_set(&check->cli->fault, CLI_REFUSED, "AUDIT_MISMATCH", "row %llu: %s",
                    (unsigned long long)seq, what);
    fault_try(&check->cli->fault,
              "do not trust this cloud's audit; keep PROFILE.heads and ask its operator");
    return CLI_REFUSED;
}

/* Takes note of the remembered heads that this one is. */
static void tick_off(struct check *check)
{
    struct heads *heads = &check->heads;
    uint8_t *at = bsearch(check->head, heads->seen, heads->seen_count, CYAN_SHA256_LEN, compare);
    if (at) {
        check->found[(size_t)(at - heads->seen[0]) / CYAN_SHA256_LEN] = true;
    }
    if (heads->has_verified && heads->verified_seq == check->seq) {
        check->verified_found = memcmp(heads->verified, check->head, CYAN_SHA256_LEN) == 0;
    }
}

/* The detail as it stands in the canonical text; free it. */
static char *detail_of(const json_t *row)
{
    const json_t *detail = json_object_get(row, "detail");
    if (json_is_string(detail)) {
        return strdup(json_string_value(detail));
    }
    return json_is_object(detail) ? json_dumps(detail, JSON_COMPACT) : strdup("");
}

/* Our own rows can be read, so their hash must be that of what is read. */
static int check_text(struct check *check, const json_t *row, uint64_t seq,
                      const uint8_t hash[static CYAN_SHA256_LEN])
{
    uint8_t computed[CYAN_SHA256_LEN];
    int64_t at_ms = 0, account = 0;
    bool has_account = read_number(row, "account", &account);
    char *detail = detail_of(row);
    if (!read_number(row, "at_ms", &at_ms) || !detail ||
        (!has_account && !json_is_null(json_object_get(row, "account")))) {
        free(detail);
        return custody_bad_answer(check->cli, "whole rows of its audit");
    }
    const struct cyan_audit_row text = {.seq = seq,
                                        .at_ms = at_ms,
                                        .account = account,
                                        .device = custody_text(row, "device"),
                                        .action = custody_text(row, "action"),
                                        .by = custody_text(row, "by"),
                                        .detail = detail};
    int err = cyan_audit_row(&text, computed);
    free(detail);
    check->mine++;
    if (err == CYAN_E_CRYPTO) {
        return fault_set(&check->cli->fault, CLI_FAILED, "CRYPTO", "a hash cannot be computed");
    }
    if (err < 0 || memcmp(computed, hash, sizeof computed) != 0) {
        return mismatch(check, seq,
                        "its text is not the one that was written: it was changed later");
    }
    return 0;
}

static int check_row(struct check *check, const json_t *row)
{
    uint8_t hash[CYAN_SHA256_LEN];
    int64_t seq = 0;
    if (!read_number(row, "seq", &seq) || !read_hash(row, "row", hash)) {
        return custody_bad_answer(check->cli, "rows of its audit");
    }
    if ((uint64_t)seq <= check->seq) {
        return mismatch(check, (uint64_t)seq, "the rows are out of order");
    }
    if (json_is_true(json_object_get(row, "mine"))) {
        int err = check_text(check, row, (uint64_t)seq, hash);
        if (err) {
            return err;
        }
    }
    if (cyan_audit_head(check->head, hash, check->head) < 0) {
        return fault_set(&check->cli->fault, CLI_FAILED, "CRYPTO", "a hash cannot be computed");
    }
    check->seq = (uint64_t)seq;
    check->rows++;
    tick_off(check);
    return 0;
}

/* Returns 0 or an exit code; out_end: that was all. */
static int check_page(struct check *check, const json_t *page, bool *out_end)
{
    uint8_t head[CYAN_SHA256_LEN];
    int64_t head_seq = 0;
    const json_t *rows = json_object_get(page, "rows");
    size_t index = 0;
    json_t *row = NULL;
    if (!read_hash(page, "head", head) || !read_number(page, "head_seq", &head_seq) ||
        !json_is_array(rows)) {
        return custody_bad_answer(check->cli, "its audit");
    }
    json_array_foreach(rows, index, row)
    {
        int err = check_row(check, row);
        if (err) {
            return err;
        }
    }
    if (check->seq < (uint64_t)head_seq) {
        *out_end = false;
        return json_array_size(rows) > 0
                   ? 0
                   : mismatch(check, check->seq + 1, "it is missing, and so is all behind it");
    }
    *out_end = true;
    if (check->seq == (uint64_t)head_seq && memcmp(check->head, head, sizeof head) != 0) {
        return mismatch(check, check->seq,
                        "the chain of all rows does not lead to the cloud's head: "
                        "a row was changed, added or left out");
    }
    if (check->seq > (uint64_t)head_seq) {
        return mismatch(check, check->seq, "it lies behind the cloud's own head");
    }
    return 0;
}

static int walk(struct check *check)
{
    bool end = false;
    for (size_t i = 0; !end; i++) {
        char number[24];
        struct api_path path;
        json_t *page = NULL;
        if (i == PAGES_MAX) {
            return custody_bad_answer(check->cli, "an end of its audit");
        }
        api_path_init(&path, "/v1/audit");
        (void)snprintf(number, sizeof number, "%llu", (unsigned long long)check->seq);
        api_path_query(&path, "after", number);
        (void)snprintf(number, sizeof number, "%d", PAGE);
        api_path_query(&path, "limit", number);
        int err = api_get(check->cli, &path, &page);
        err = err ? err : check_page(check, page, &end);
        json_decref(page);
        if (err) {
            return err;
        }
    }
    return 0;
}

/* What was seen must be there still: a chain that fits itself can be another chain. */
static int check_memory(struct check *check)
{
    const struct heads *heads = &check->heads;
    if (heads->has_verified && !check->verified_found) {
        return mismatch(
            check, heads->verified_seq,
            "the head that you verified last time is not there any more: the rows up to "
            "it were rewritten");
    }
    for (size_t i = 0; i < heads->seen_count; i++) {
        char hex[HEX_TEXT];
        if (check->found[i]) {
            continue;
        }
        cyan_hex_encode(heads->seen[i], CYAN_SHA256_LEN, hex);
        (void)fault_set(
            &check->cli->fault, CLI_REFUSED, "AUDIT_MISMATCH",
            "the head %s came with an event and is not in the chain: rows were rewritten "
            "since",
            hex);
        fault_try(&check->cli->fault,
                  "do not trust this cloud's audit; keep PROFILE.heads and ask its operator");
        return CLI_REFUSED;
    }
    return 0;
}

static int report(struct check *check)
{
    char head[HEX_TEXT];
    cyan_hex_encode(check->head, sizeof check->head, head);
    output_say(&check->cli->output,
               "the audit is whole: %llu rows, of %llu of them the text was checked too",
               (unsigned long long)check->rows, (unsigned long long)check->mine);
    output_say(&check->cli->output, "  %zu heads that came with events are in it",
               check->heads.seen_count);
    output_say(&check->cli->output, "  head %s", head);
    return output_data(&check->cli->output,
                       json_pack("{s:s, s:I, s:I, s:I, s:I}", "head", head, "head_seq",
                                 (json_int_t)check->seq, "rows", (json_int_t)check->rows, "checked",
                                 (json_int_t)check->mine, "heads",
                                 (json_int_t)check->heads.seen_count),
                       &check->cli->fault);
}

static int run(struct cli *cli)
{
    struct check *check = calloc(1, sizeof *check);
    if (!check) {
        return fault_set(&cli->fault, CLI_FAILED, "NO_MEMORY", "out of memory");
    }
    check->cli = cli;
    int err = api_need_token(cli);
    if (!err) {
        err = heads_load(&cli->config, &check->heads, &cli->fault);
    }
    if (!err) {
        qsort(check->heads.seen, check->heads.seen_count, CYAN_SHA256_LEN, compare);
        /* The head of no rows at all. */
        tick_off(check);
        err = walk(check);
    }
    if (!err) {
        err = check_memory(check);
    }
    if (!err) {
        err = heads_set_verified(&cli->config, check->seq, check->head, &cli->fault);
    }
    if (!err) {
        err = report(check);
    }
    free(check);
    return err;
}

const struct command command_audit_verify = {
    .name = "audit verify",
    .usage = "",
    .does = "Checks that the audit was not changed later",
    .detail = "Computes the chain of all rows, reads your own rows, and looks for every head that\n"
              "came with an event (cyan subscribe keeps them) and for the one of the last check.\n"
              "What does not fit is exit code 5.",
    .example = "cyan audit verify",
    .run = run,
};
