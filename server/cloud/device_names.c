#include "server/cloud/device_names.h"

#include <stdio.h>

enum { WORDS = 32, WORDS_BITS = 5, PLAIN_ATTEMPTS = 4 };

static const char *const qualities[WORDS] = {
    "amber", "brave",  "brisk",  "calm",   "clever", "copper", "dapper", "eager",
    "early", "fair",   "gentle", "glad",   "golden", "hardy",  "honest", "jolly",
    "keen",  "lively", "lucky",  "mellow", "merry",  "mighty", "misty",  "nimble",
    "quiet", "ready",  "silver", "steady", "sunny",  "swift",  "tidy",   "witty",
};

static const char *const things[WORDS] = {
    "acorn",  "badger",  "beacon", "birch",  "breeze",  "brook",   "cedar",  "comet",
    "condor", "coral",   "ember",  "falcon", "fern",    "harbor",  "heron",  "island",
    "kettle", "lantern", "lark",   "maple",  "meadow",  "meteor",  "otter",  "pebble",
    "pixel",  "river",   "rocket", "signal", "sparrow", "thistle", "willow", "zephyr",
};

void device_names_make(uint64_t random, unsigned attempt, char out_name[static DEVICE_NAMES_TEXT])
{
    /* Another pair of words at each attempt: an odd step goes through all of them. */
    uint64_t pair = random + (uint64_t)attempt * 373;
    const char *quality = qualities[pair % WORDS];
    const char *thing = things[(pair >> WORDS_BITS) % WORDS];
    if (attempt < PLAIN_ATTEMPTS) {
        snprintf(out_name, DEVICE_NAMES_TEXT, "%s_%s", quality, thing);
    } else {
        snprintf(out_name, DEVICE_NAMES_TEXT, "%s_%s_%u", quality, thing,
                 (unsigned)((random >> (2 * WORDS_BITS)) + attempt) & 0xFFFFFFFFu);
    }
}
