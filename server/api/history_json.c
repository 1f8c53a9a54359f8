#include "server/api/history_json.h"

#include <stdio.h>
#include <string.h>

#include "base/hex.h"

enum { PRINT_TEXT = 2 * CYAN_SHA256_LEN + 1 };

static const char *text_or_null(const char *text)
{
    return text && text[0] != '\0' ? text : NULL;
}

void history_json_print(struct json *json, const char *key, const uint8_t *print)
{
    char text[PRINT_TEXT];
    if (print) {
        cyan_hex_encode(print, CYAN_SHA256_LEN, text);
    }
    jsonw_put_text(json, key, print ? text : NULL);
}

static void put_id(struct json *json, const char *key, const uint8_t *id)
{
    char text[CYAN_ID_TEXT];
    if (id) {
        cyan_hex_encode(id, CYAN_ID_LEN, text);
    }
    jsonw_put_text(json, key, id ? text : NULL);
}

static void put_candidates(struct json *json, const struct incident_view *view)
{
    char text[CYAN_ID_TEXT];
    jsonw_key(json, "candidates");
    jsonw_array(json);
    for (size_t i = 0; i < view->candidate_count; i++) {
        cyan_hex_encode(view->candidates[i], CYAN_ID_LEN, text);
        jsonw_text(json, text);
    }
    jsonw_array_end(json);
}

/* What the cause means for people. */
static void put_meaning(struct json *json, const struct store_incident *row)
{
    enum incident_cause cause = cause_find(row->cause);
    char device[CYAN_ID_TEXT];
    char text[CAUSE_TEXT_MAX];
    const struct cause_subject subject = {
        .device = row->has_device ? device : NULL, .address = row->address, .proven = row->proven};
    cyan_hex_encode(row->device, CYAN_ID_LEN, device);
    jsonw_put_text(json, "led", cause_led(cause, row->proven));
    cause_advice(cause, &subject, text);
    jsonw_put_text(json, "advice", text);
    if (row->has_presented && strcmp(row->note, INCIDENT_NOTE_RETIRED) == 0) {
        char print[2 * CYAN_SHA256_LEN + 1];
        cyan_hex_encode(row->presented, CYAN_SHA256_LEN, print);
        (void)snprintf(text, sizeof text, "cyan keys revert %s %s", device, print);
    } else {
        cause_command(cause, &subject, text);
    }
    jsonw_put_text(json, "command", text);
}

void history_json_incident(struct json *json, const struct incident_view *view)
{
    const struct store_incident *row = &view->row;
    jsonw_object(json);
    jsonw_put_int(json, "id", row->id);
    jsonw_put_int(json, "seq", row->seq);
    jsonw_put_text(json, "cause", row->cause);
    jsonw_put_text(json, "stage", row->stage);
    put_id(json, "device", row->has_device ? row->device : NULL);
    put_candidates(json, view);
    jsonw_put_text(json, "address", row->address);
    history_json_print(json, "presented", row->has_presented ? row->presented : NULL);
    history_json_print(json, "trusted", row->has_trusted ? row->trusted : NULL);
    jsonw_put_bool(json, "proven", row->proven);
    jsonw_put_int(json, "count", row->count);
    jsonw_put_time(json, "first", row->first_ms);
    jsonw_put_time(json, "last", row->last_ms);
    put_meaning(json, row);
    jsonw_put_text(json, "firmware", text_or_null(row->firmware));
    jsonw_put_text(json, "reset", text_or_null(row->reset));
    jsonw_put_text(json, "note", text_or_null(row->note));
    jsonw_object_end(json);
}

void history_json_diagnosis(struct json *json, const struct diagnosis_answer *answer)
{
    const struct diagnosis *d = &answer->diagnosis;
    jsonw_object(json);
    put_id(json, "device", answer->id);
    jsonw_put_text(json, "name", text_or_null(answer->name));
    jsonw_put_text(json, "headline", d->headline);
    jsonw_key(json, "story");
    jsonw_array(json);
    for (size_t i = 0; i < d->story_count; i++) {
        jsonw_text(json, d->story[i]);
    }
    jsonw_array_end(json);
    jsonw_put_text(json, "led", d->led);
    jsonw_put_text(json, "fault", d->fault);
    jsonw_put_text(json, "command", d->command);
    jsonw_put_text(json, "key_state", d->key_state);
    jsonw_put_text(json, "session", d->session);
    jsonw_key(json, "incidents");
    jsonw_array(json);
    for (size_t i = 0; i < answer->incident_count; i++) {
        history_json_incident(json, &answer->incidents[i]);
    }
    jsonw_array_end(json);
    jsonw_object_end(json);
}

void history_json_audit(struct json *json, const struct store_audit *row, bool is_mine)
{
    jsonw_object(json);
    jsonw_put_int(json, "seq", row->seq);
    history_json_print(json, "row", row->row);
    jsonw_put_bool(json, "mine", is_mine);
    if (is_mine) {
        jsonw_put_time(json, "at", row->at_ms);
        jsonw_put_int(json, "at_ms", row->at_ms);
        jsonw_put_int(json, "account", row->account);
        put_id(json, "device", row->has_device ? row->device : NULL);
        jsonw_put_text(json, "action", row->action);
        jsonw_put_text(json, "by", row->by);
        /* As text, byte for byte: it is part of what was hashed. */
        jsonw_put_text(json, "detail", row->detail);
    }
    jsonw_object_end(json);
}
