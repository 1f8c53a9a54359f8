/* device_json.h - a device as the HTTP interface shows it. */
#ifndef CYAN_SERVER_API_DEVICE_JSON_H
#define CYAN_SERVER_API_DEVICE_JSON_H

#include <stddef.h>
#include <stdint.h>

#include "server/cloud/registry.h"
#include "server/json.h"

/* Every key that clients know, null where nothing is known. owner: the account's name.
 * description: the device's own, as it sent it; NULL: none, functions and variables are null. What
 * is not JSON of the known form is none, too. */
void device_json_write(struct json *json, const struct device_record *device, const char *owner,
                       const uint8_t *description, size_t description_len);

/* What goes with the value of a variable: {"deviceID":…}. */
void device_json_core_info(struct json *json, const struct device_record *device);

#endif
