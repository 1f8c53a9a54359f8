/* recovery.h - recovery keys of devices with our firmware library: registered in a full session,
 * or with an upload (ownership.h); a proof with one makes a new device key trusted without a
 * guess. docs/SPEC-custody.md, "Recovery". On the hub's thread; nothing is answered. */
#ifndef CYAN_SERVER_CLOUD_RECOVERY_H
#define CYAN_SERVER_CLOUD_RECOVERY_H

#include <stddef.h>
#include <stdint.h>

#include "wire/limits.h"

struct cloud;

/* cyan/hello of a full session: registers the recovery key that it brings, unless the device has
 * one already, which its owner alone may replace. */
void recovery_hello(struct cloud *cloud, const uint8_t id[static CYAN_ID_LEN], const uint8_t *data,
                    size_t len);

/* cyan/proof of a held session. */
void recovery_proof(struct cloud *cloud, uint64_t held_serial, const uint8_t *data, size_t len);

#endif
