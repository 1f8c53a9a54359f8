/* What happened: incidents, the diagnosis of a device, the audit. */
#include <string.h>

#include "base/err.h"
#include "base/hex.h"
#include "server/api/history_json.h"
#include "server/api/reply.h"
#include "server/api/routes.h"
#include "server/api/when.h"
#include "server/cloud/audit.h"
#include "server/cloud/diagnosis.h"
#include "server/cloud/incidents.h"

enum { LIMIT_DEFAULT = 100, LIMIT_MAX = 1000 };

static void on_incidents(void *arg, int status, const struct incident_view *views, size_t count,
                         int64_t next)
{
    struct request *request = arg;
    struct json json;
    if (!reply_back(request, status)) {
        return;
    }
    jsonw_init_heap(&json, REPLY_JSON_MAX);
    jsonw_object(&json);
    jsonw_key(&json, "incidents");
    jsonw_array(&json);
    for (size_t i = 0; i < count; i++) {
        history_json_incident(&json, &views[i]);
    }
    jsonw_array_end(&json);
    jsonw_put_int(&json, "next", next);
    jsonw_object_end(&json);
    reply_json(request, 200, &json);
}

/* after and limit, which all lists have. NULL, or what is wrong. */
static const char *read_page(const struct request *request, int64_t *out_after, int64_t *out_limit)
{
    int after = fields_number(request->args, "after", INT64_MAX, out_after);
    int limit = fields_number(request->args, "limit", LIMIT_MAX, out_limit);
    if (after == CYAN_E_INVALID) {
        return "after is the number that the last answer ended with.";
    }
    if (limit == CYAN_E_INVALID || (limit == 0 && *out_limit == 0)) {
        return "limit is a whole number from 1 to 1000.";
    }
    return NULL;
}

static const char *read_filter(const struct request *request, struct incident_filter *out)
{
    int64_t limit = LIMIT_DEFAULT;
    const char *cause = fields_text(request->args, "cause");
    const char *since = fields_text(request->args, "since");
    *out = (struct incident_filter){.cause = INCIDENT_CAUSES};
    const char *why = read_page(request, &out->after_seq, &limit);
    out->limit = (size_t)limit;
    if (why) {
        return why;
    }
    if (cause) {
        out->cause = cause_find(cause);
        if (out->cause == INCIDENT_CAUSES) {
            return "cause is none of the causes of incidents.";
        }
    }
    if (since && when_read(since, &out->since_ms) != 0) {
        return "since is a date or a time in UTC, such as 2026-11-01 or 2026-11-01T12:30:00Z.";
    }
    return NULL;
}

static void list_incidents(struct request *request, const uint8_t *device)
{
    struct incident_filter filter;
    const char *why = read_filter(request, &filter);
    if (why) {
        reply_error(request, 400, "INVALID", why);
        return;
    }
    filter.device = device;
    incidents_list(request->cloud->incidents, request->account.id, request->account.is_operator,
                   &filter, on_incidents, request_wait(request));
}

static void on_device(void *arg, int status, const struct device_record *record)
{
    struct request *request = arg;
    if (reply_back(request, status)) {
        list_incidents(request, record->id);
    }
}

/* An id needs no device: of what the account may not see there is nothing in the list. */
void route_incidents(struct request *request)
{
    const char *device = fields_text(request->args, "device");
    uint8_t id[CYAN_ID_LEN];
    if (!device) {
        list_incidents(request, NULL);
    } else if (cyan_hex_decode(device, strlen(device), id, sizeof id) == 0) {
        list_incidents(request, id);
    } else {
        registry_resolve(request->cloud->registry, request->account.id,
                         request->account.is_operator, device, on_device, request_wait(request));
    }
}

static void on_diagnosis(void *arg, int status, const struct diagnosis_answer *answer)
{
    struct request *request = arg;
    struct json json;
    if (!reply_back(request, status)) {
        return;
    }
    jsonw_init_heap(&json, REPLY_JSON_MAX);
    history_json_diagnosis(&json, answer);
    reply_json(request, 200, &json);
}

void route_diagnosis(struct request *request)
{
    diagnosis_load(request->cloud, &request->device, on_diagnosis, request_wait(request));
}

static void on_audit(void *arg, int status, const struct store_audit *rows, size_t count,
                     int64_t head_seq, const uint8_t *head)
{
    struct request *request = arg;
    struct json json;
    if (!reply_back(request, status)) {
        return;
    }
    jsonw_init_heap(&json, REPLY_JSON_MAX);
    jsonw_object(&json);
    history_json_print(&json, "head", head);
    jsonw_put_int(&json, "head_seq", head_seq);
    jsonw_key(&json, "rows");
    jsonw_array(&json);
    for (size_t i = 0; i < count; i++) {
        history_json_audit(
            &json, &rows[i],
            audit_is_mine(&rows[i], request->account.id, request->account.is_operator));
    }
    jsonw_array_end(&json);
    jsonw_object_end(&json);
    reply_json(request, 200, &json);
}

void route_audit(struct request *request)
{
    int64_t after = 0;
    int64_t limit = LIMIT_MAX;
    const char *why = read_page(request, &after, &limit);
    if (why) {
        reply_error(request, 400, "INVALID", why);
        return;
    }
    audit_list(request->cloud->jobs, after, (uint32_t)limit, on_audit, request_wait(request));
}
