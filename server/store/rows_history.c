/* What happened: incidents, events on their way, the audit. */
#include "server/store/query.h"
#include "server/store/rows.h"

int rows_incident_put(void *ctx, const struct store_incident *incident)
{
    struct query q;
    query_begin(&q, ctx, ST_INCIDENT_PUT);
    query_int(&q, incident->id);
    query_int(&q, incident->seq);
    query_text(&q, incident->cause);
    query_text(&q, incident->stage);
    query_blob_or_null(&q, incident->has_device, incident->device, sizeof incident->device);
    query_int_or_null(&q, incident->owner);
    query_text_or_null(&q, incident->address);
    query_blob_or_null(&q, incident->has_presented, incident->presented,
                       sizeof incident->presented);
    query_blob_or_null(&q, incident->has_trusted, incident->trusted, sizeof incident->trusted);
    query_int(&q, incident->proven);
    query_int(&q, incident->count);
    query_int(&q, incident->first_ms);
    query_int(&q, incident->last_ms);
    query_text_or_null(&q, incident->firmware);
    query_text_or_null(&q, incident->reset);
    query_text_or_null(&q, incident->note);
    return query_run_once(&q);
}

static int take_incident(struct query *q, struct store_incident *out_incident)
{
    struct store_incident i = {0};
    int status = query_row(q);
    if (status != 0) {
        return status;
    }
    i.id = query_get_int(q, 0);
    i.seq = query_get_int(q, 1);
    query_get_text(q, 2, i.cause, sizeof i.cause);
    query_get_text(q, 3, i.stage, sizeof i.stage);
    i.has_device = query_get_blob_or_null(q, 4, i.device, sizeof i.device);
    i.owner = (uint32_t)query_get_int(q, 5);
    query_get_text(q, 6, i.address, sizeof i.address);
    i.has_presented = query_get_blob_or_null(q, 7, i.presented, sizeof i.presented);
    i.has_trusted = query_get_blob_or_null(q, 8, i.trusted, sizeof i.trusted);
    i.proven = query_get_int(q, 9) != 0;
    i.count = query_get_int(q, 10);
    i.first_ms = query_get_int(q, 11);
    i.last_ms = query_get_int(q, 12);
    query_get_text(q, 13, i.firmware, sizeof i.firmware);
    query_get_text(q, 14, i.reset, sizeof i.reset);
    query_get_text(q, 15, i.note, sizeof i.note);
    if (q->status == 0) {
        *out_incident = i;
    }
    return q->status;
}

int rows_incident_each(void *ctx, store_incident_fn *fn, void *arg)
{
    struct query q;
    struct store_incident incident;
    int status;
    query_begin(&q, ctx, ST_INCIDENT_EACH);
    while ((status = take_incident(&q, &incident)) == 0) {
        status = fn(arg, &incident);
        if (status != 0) {
            break;
        }
    }
    query_end(&q);
    return status == CYAN_E_NOT_FOUND ? 0 : status;
}

static int remove_number(void *ctx, enum statement which, int64_t number)
{
    struct query q;
    query_begin(&q, ctx, which);
    query_int(&q, number);
    return query_run_once(&q);
}

int rows_incident_remove(void *ctx, int64_t id)
{
    return remove_number(ctx, ST_INCIDENT_REMOVE, id);
}

int rows_outbox_put(void *ctx, const struct store_outbox *event)
{
    struct query q;
    query_begin(&q, ctx, ST_OUTBOX_PUT);
    query_int(&q, event->seq);
    query_blob(&q, event->device, sizeof event->device);
    query_int_or_null(&q, event->owner);
    query_text(&q, event->name);
    query_text(&q, event->data);
    query_int(&q, event->created_ms);
    return query_run_once(&q);
}

static int take_outbox(struct query *q, struct store_outbox *out_event)
{
    struct store_outbox event = {0};
    int status = query_row(q);
    if (status != 0) {
        return status;
    }
    event.seq = query_get_int(q, 0);
    query_get_blob(q, 1, event.device, sizeof event.device);
    event.owner = (uint32_t)query_get_int(q, 2);
    query_get_text(q, 3, event.name, sizeof event.name);
    query_get_text(q, 4, event.data, sizeof event.data);
    event.created_ms = query_get_int(q, 5);
    if (q->status == 0) {
        *out_event = event;
    }
    return q->status;
}

int rows_outbox_each(void *ctx, store_outbox_fn *fn, void *arg)
{
    struct query q;
    struct store_outbox event;
    int status;
    query_begin(&q, ctx, ST_OUTBOX_EACH);
    while ((status = take_outbox(&q, &event)) == 0) {
        status = fn(arg, &event);
        if (status != 0) {
            break;
        }
    }
    query_end(&q);
    return status == CYAN_E_NOT_FOUND ? 0 : status;
}

int rows_outbox_remove(void *ctx, int64_t seq)
{
    return remove_number(ctx, ST_OUTBOX_REMOVE, seq);
}

int rows_audit_add(void *ctx, const struct store_audit *row)
{
    struct query q;
    query_begin(&q, ctx, ST_AUDIT_ADD);
    query_int(&q, row->seq);
    query_int(&q, row->at_ms);
    query_int_or_null(&q, row->account);
    query_int_or_null(&q, row->owner);
    query_blob_or_null(&q, row->has_device, row->device, sizeof row->device);
    query_text(&q, row->action);
    query_text_or_null(&q, row->by);
    query_text(&q, row->detail);
    query_blob(&q, row->row, sizeof row->row);
    query_blob(&q, row->head, sizeof row->head);
    return query_run_once(&q);
}

int rows_audit_last(void *ctx, int64_t *out_seq, uint8_t out_head[CYAN_SHA256_LEN])
{
    struct query q;
    query_begin(&q, ctx, ST_AUDIT_LAST);
    int status = query_row(&q);
    if (status == 0) {
        *out_seq = query_get_int(&q, 0);
        query_get_blob(&q, 1, out_head, CYAN_SHA256_LEN);
        status = q.status;
    }
    query_end(&q);
    return status;
}

static int take_audit(struct query *q, struct store_audit *out_row)
{
    struct store_audit row = {0};
    int status = query_row(q);
    if (status != 0) {
        return status;
    }
    row.seq = query_get_int(q, 0);
    row.at_ms = query_get_int(q, 1);
    row.account = (uint32_t)query_get_int(q, 2);
    row.owner = (uint32_t)query_get_int(q, 3);
    row.has_device = query_get_blob_or_null(q, 4, row.device, sizeof row.device);
    query_get_text(q, 5, row.action, sizeof row.action);
    query_get_text(q, 6, row.by, sizeof row.by);
    query_get_text(q, 7, row.detail, sizeof row.detail);
    query_get_blob(q, 8, row.row, sizeof row.row);
    query_get_blob(q, 9, row.head, sizeof row.head);
    if (q->status == 0) {
        *out_row = row;
    }
    return q->status;
}

int rows_audit_each(void *ctx, int64_t after_seq, uint32_t max, store_audit_fn *fn, void *arg)
{
    struct query q;
    struct store_audit row;
    int status;
    query_begin(&q, ctx, ST_AUDIT_EACH);
    query_int(&q, after_seq);
    query_int(&q, max);
    while ((status = take_audit(&q, &row)) == 0) {
        status = fn(arg, &row);
        if (status != 0) {
            break;
        }
    }
    query_end(&q);
    return status == CYAN_E_NOT_FOUND ? 0 : status;
}

int rows_counter_next(void *ctx, const char *name, int64_t *out_value)
{
    struct query q;
    query_begin(&q, ctx, ST_COUNTER_NEXT);
    query_text(&q, name);
    int status = query_row(&q);
    if (status == 0) {
        *out_value = query_get_int(&q, 0);
    }
    query_end(&q);
    return status;
}
