/* routes.h - the handlers of the table in router.c. Each answers at once or later, exactly once
 * (request.h). */
#ifndef CYAN_SERVER_API_ROUTES_H
#define CYAN_SERVER_API_ROUTES_H

#include "server/api/router.h"

/* routes_oauth.c */
route_fn route_token;

/* routes_user.c */
route_fn route_user_create;
route_fn route_user_get;
route_fn route_token_delete;

/* routes_devices.c */
route_fn route_device_list;
route_fn route_device_get;

/* routes_calls.c */
route_fn route_device_put;
route_fn route_device_ping;
route_fn route_variable;
route_fn route_function;

/* routes_provisioning.c */
route_fn route_provision;

/* routes_history.c */
route_fn route_incidents;
route_fn route_diagnosis;
route_fn route_audit;

/* routes_events.c */
route_fn route_publish;
route_fn route_stream_all;
route_fn route_stream_mine;
route_fn route_stream_device;

/* routes_system.c */
route_fn route_health;
route_fn route_server_key_pem;
route_fn route_server_key_der;

#endif
