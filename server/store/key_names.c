/* What the store calls states and sources of keys; docs/SPEC-custody.md, "States and sources". */
#include <stddef.h>

#include "server/store/key_names.h"

const char *const store_key_states[STORE_KEY_STATES] = {
    [STORE_KEY_TRUSTED] = "trusted", [STORE_KEY_ANNOUNCED] = "announced",
    [STORE_KEY_PENDING] = "pending", [STORE_KEY_DENIED] = "denied",
    [STORE_KEY_RETIRED] = "retired", [STORE_KEY_REVOKED] = "revoked",
};

const char *const store_key_sources[STORE_KEY_SOURCES] = {
    [STORE_KEY_PROVISIONED] = "provisioned", [STORE_KEY_BY_ANNOUNCEMENT] = "announced",
    [STORE_KEY_ENROLLED] = "enrolled",       [STORE_KEY_HEALED] = "healed",
    [STORE_KEY_APPROVED] = "approved",       [STORE_KEY_RECOVERED] = "recovered",
    [STORE_KEY_REVERTED] = "reverted",
};

const char *store_key_state_name(enum store_key_state state)
{
    return store_key_states[state];
}

const char *store_key_source_name(enum store_key_source source)
{
    return store_key_sources[source];
}
