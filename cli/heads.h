/* heads.h - the heads of the audit's chain that this profile has seen: in events, and the last one
 * that it verified. A cloud that tells another story later is found out by them.
 *
 * They are in PROFILE.heads beside the profile, mode 0600, each with the cloud it came from: a
 * profile can be pointed at several. */
#ifndef CYAN_CLI_HEADS_H
#define CYAN_CLI_HEADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/config.h"
#include "cli/fault.h"
#include "crypto/crypto.h"

enum { HEADS_MAX = 1000 }; /* of all clouds together; the oldest go */

/* Those of one cloud. */
struct heads {
    uint8_t seen[HEADS_MAX][CYAN_SHA256_LEN];
    size_t seen_count;
    bool has_verified;
    uint64_t verified_seq;
    uint8_t verified[CYAN_SHA256_LEN];
};

/* What is known of the cloud of config; nothing, when there is no file. About 32 KiB. CLI_FAILED:
 * the file cannot be used. */
int heads_load(const struct config *config, struct heads *heads, struct fault *fault);

/* Adds one, unless it is there. CLI_FAILED. */
int heads_add(const struct config *config, const uint8_t head[static CYAN_SHA256_LEN],
              struct fault *fault);

/* Remembers how far the chain was verified. CLI_FAILED. */
int heads_set_verified(const struct config *config, uint64_t seq,
                       const uint8_t head[static CYAN_SHA256_LEN], struct fault *fault);

/* The head in an event of this name with this data, if it is one that carries a head. */
bool heads_in_event(const char *name, const char *data, uint8_t out_head[static CYAN_SHA256_LEN]);

#endif
