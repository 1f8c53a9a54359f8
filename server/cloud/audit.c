#include "server/cloud/audit.h"

#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "keys/audit_chain.h"
#include "server/cloud/jobs.h"

int audit_head(const struct store *store, int64_t *out_seq,
               uint8_t out_head[static CYAN_SHA256_LEN])
{
    int status = store->audit_last(store->ctx, out_seq, out_head);
    if (status == CYAN_E_NOT_FOUND) {
        *out_seq = 0;
        memset(out_head, 0, CYAN_SHA256_LEN);
        return 0;
    }
    return status;
}

static int copy_text(char *out, size_t cap, const char *text)
{
    size_t len = strnlen(text, cap);
    if (len == cap) {
        return CYAN_E_TOO_LONG;
    }
    memcpy(out, text, len + 1);
    return 0;
}

static int fill(struct store_audit *row, const struct audit_entry *entry)
{
    int status = copy_text(row->action, sizeof row->action, entry->action);
    if (status == 0) {
        status = copy_text(row->by, sizeof row->by, entry->by);
    }
    if (status == 0) {
        status = copy_text(row->detail, sizeof row->detail, entry->detail);
    }
    if (entry->device) {
        row->has_device = true;
        memcpy(row->device, entry->device, sizeof row->device);
    }
    row->account = entry->account;
    row->owner = entry->owner;
    row->at_ms = entry->at_ms;
    return status;
}

int audit_append(const struct store *store, const struct audit_entry *entry,
                 uint8_t out_head[static CYAN_SHA256_LEN])
{
    struct store_audit row = {0};
    char device[CYAN_ID_TEXT] = "";
    uint8_t before[CYAN_SHA256_LEN];
    int status = fill(&row, entry);
    if (status == 0) {
        status = audit_head(store, &row.seq, before);
    }
    if (status != 0) {
        return status;
    }
    row.seq++;
    if (row.has_device) {
        cyan_hex_encode(row.device, sizeof row.device, device);
    }
    const struct cyan_audit_row text = {.seq = (uint64_t)row.seq,
                                        .at_ms = row.at_ms,
                                        .account = row.account,
                                        .device = device,
                                        .action = row.action,
                                        .by = row.by,
                                        .detail = row.detail};
    status = cyan_audit_row(&text, row.row);
    if (status == 0) {
        status = cyan_audit_head(before, row.row, row.head);
    }
    if (status == 0) {
        status = store->audit_add(store->ctx, &row);
    }
    if (status == 0) {
        memcpy(out_head, row.head, sizeof row.head);
    }
    return status;
}

struct listing {
    struct job job;
    int64_t after_seq;
    uint32_t max;
    struct store_audit *rows; /* room for max */
    size_t count;
    int64_t head_seq;
    uint8_t head[CYAN_SHA256_LEN];
    audit_fn *done;
    void *arg;
};

static int list_add(void *arg, const struct store_audit *row)
{
    struct listing *listing = arg;
    listing->rows[listing->count++] = *row;
    return 0;
}

static int list_in_store(struct job *job, const struct store *store)
{
    struct listing *listing = (struct listing *)job;
    listing->count = 0;
    int status = audit_head(store, &listing->head_seq, listing->head);
    if (status == 0) {
        status = store->audit_each(store->ctx, listing->after_seq, listing->max, list_add, listing);
    }
    return status;
}

static void list_answer(struct job *job, int status)
{
    struct listing *listing = (struct listing *)job;
    bool ok = status == 0;
    listing->done(listing->arg, status, ok ? listing->rows : NULL, ok ? listing->count : 0,
                  ok ? listing->head_seq : 0, ok ? listing->head : NULL);
    free(listing->rows);
    free(listing);
}

void audit_list(struct jobs *jobs, int64_t after_seq, uint32_t max, audit_fn *done, void *arg)
{
    struct listing *listing = calloc(1, sizeof *listing);
    struct store_audit *rows = calloc(max > 0 ? max : 1, sizeof *rows);
    if (!listing || !rows) {
        free(rows);
        free(listing);
        done(arg, CYAN_E_NO_MEMORY, NULL, 0, 0, NULL);
        return;
    }
    *listing = (struct listing){.job = {.run = list_in_store, .done = list_answer},
                                .after_seq = after_seq,
                                .max = max,
                                .rows = rows,
                                .done = done,
                                .arg = arg};
    jobs_store(jobs, &listing->job);
}

bool audit_is_mine(const struct store_audit *row, uint32_t account, bool is_operator)
{
    bool is_own = account != 0 && (row->account == account || row->owner == account);
    /* What is about nobody's device, or was a rule's doing alone, is the operator's. */
    bool is_nobodys = row->owner == 0 && (row->has_device || row->account == 0);
    return is_own || (is_operator && is_nobodys);
}
