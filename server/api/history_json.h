/* history_json.h - incidents, a diagnosis and the audit as the HTTP interface shows them
 * (docs/SPEC-custody.md, "Incidents" and "HTTP"). */
#ifndef CYAN_SERVER_API_HISTORY_JSON_H
#define CYAN_SERVER_API_HISTORY_JSON_H

#include <stdbool.h>

#include "server/cloud/audit.h"
#include "server/cloud/diagnosis.h"
#include "server/cloud/incidents.h"
#include "server/json.h"

void history_json_incident(struct json *json, const struct incident_view *view);
void history_json_diagnosis(struct json *json, const struct diagnosis_answer *answer);
/* Of a row that is not the account's own only what the chain needs. */
void history_json_audit(struct json *json, const struct store_audit *row, bool is_mine);

/* A key with a fingerprint as 64 digits; null without one. */
void history_json_print(struct json *json, const char *key, const uint8_t *print);

#endif
