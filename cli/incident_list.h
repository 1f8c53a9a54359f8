/* incident_list.h - the incidents of a cloud, page by page (docs/SPEC-custody.md, section 6). */
#ifndef CYAN_CLI_INCIDENT_LIST_H
#define CYAN_CLI_INCIDENT_LIST_H

#include <jansson.h>

#include "cli/cli.h"
#include "wire/limits.h"

/* Which ones; NULL: all. */
struct incident_filter {
    const char *device; /* an id or a name */
    const char *cause;
    const char *since; /* ISO 8601 */
};

/* All that are new or changed since *seq, which then is that of the last one; at most last_only,
 * the newest, 0: no limit. By rising seq; release the array. */
int incident_list_fetch(struct cli *cli, const struct incident_filter *filter, json_int_t *seq,
                        size_t last_only, json_t **out_list) CYAN_MUST_CHECK;

/* The id of the account's device of this name, as the filter wants it; what is an id already, or
 * nobody's name, stays as it is. */
int incident_list_resolve(struct cli *cli, const char *device, char out_id[static CYAN_ID_TEXT],
                          const char **out_device) CYAN_MUST_CHECK;

/* The names of the account's devices by id, an object; empty when they cannot be had. NULL: no
 * memory. */
json_t *incident_list_names(struct cli *cli);

#endif
