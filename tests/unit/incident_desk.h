/* incident_desk.h - incidents over hub.h with a fake clock (timers.h): noting, listing, looking at
 * the log and the events that come of it. */
#ifndef CYAN_TESTS_INCIDENT_DESK_H
#define CYAN_TESTS_INCIDENT_DESK_H

#include "server/cloud/incidents.h"
#include "server/cloud/letters.h"
#include "server/cloud/presence.h"
#include "server/session/session.h"

enum { DESK_VIEWS_MAX = INCIDENTS_MAX + 64, DESK_SECOND = 1000, DESK_HOUR = 3600 * 1000 };

extern struct incidents *desk_incidents;
extern struct presence *desk_presence;
extern uint32_t desk_op, desk_ann, desk_bob; /* accounts; desk_op is the operator */

/* What desk_list gave. */
extern struct incident_view desk_views[DESK_VIEWS_MAX];
extern size_t desk_count;
extern int64_t desk_next;

/* Fixtures of cmocka. */
int desk_set_up(void **state);
int desk_tear_down(void **state);
/* As a restart: everything is stored, closed, and opened again. */
void desk_restart(void);

/* A device of an account, seen last at an address; the id is that of desk_id. */
void desk_add_device(uint8_t number, uint32_t owner, const char *address);
const uint8_t *desk_id(uint8_t number); /* good until the fourth call after this one */
void desk_go_online(uint8_t number, uint32_t owner);

/* One note about a device, or about an address alone. */
void desk_note(enum incident_cause cause, uint8_t device, uint32_t owner, const char *address);
void desk_note_nobody(enum incident_cause cause, const char *address);
void desk_fail(enum session_end end, enum session_state stage, const uint8_t *id,
               const char *address);

void desk_list(uint32_t account, const struct incident_filter *filter);
/* All that an account may see. */
void desk_list_all(uint32_t account);
/* Lists all for the operator and demands exactly one. */
const struct store_incident *desk_only_one(void);

/* Lines of the log since the last call that hold a text; a test that needs them calls
 * desk_catch_log first. */
void desk_catch_log(void);
size_t desk_logged(const char *text);

/* Events with this text in name or data that an account heard since the last call. */
size_t desk_heard(uint32_t account, const char *text);

#endif
