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

/* routes_keys.c */
route_fn route_keys_list;
route_fn route_key_approve;
route_fn route_key_deny;
route_fn route_key_revoke;
route_fn route_key_unrevoke;
route_fn route_key_revert;
route_fn route_key_check;

/* routes_policy.c: of the account, and of a device where the route has one */
route_fn route_policy_get;
route_fn route_policy_put;
route_fn route_policy_delete;
route_fn route_policy_product;

/* routes_owners.c */
route_fn route_provision;
route_fn route_claim;
route_fn route_release;
route_fn route_claim_code;

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
route_fn route_server_keys;

#endif
